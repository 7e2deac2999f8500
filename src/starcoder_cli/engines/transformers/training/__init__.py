"""Trains LoRA adapters (Hu et al. 2021, arXiv:2106.09685) through peft, on one machine."""
