"""A minimal script that completes text with transformers: FOLDER MAX_TOKENS < prompt."""

import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
inputs = tokenizer(sys.stdin.read(), return_tensors="pt")
streamer = TextStreamer(tokenizer, skip_prompt=True)
model.generate(**inputs, max_new_tokens=int(sys.argv[2]), do_sample=False, streamer=streamer)
