"""Checkpoints to train, made of GGUF files, and adapters merged into them."""

import shutil
import warnings
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from gguf_checkpoints import write_gguf
from starcoder_cli.engines.base_checkpoint import dequantize_gguf, write_merged
from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer
from starcoder_cli.engines.transformers.adapter import apply_adapter
from starcoder_cli.engines.transformers.training.state import BEST_FOLDER
from starcoder_cli.errors import DataError, MachineError, WriteError
from starcoder_cli.weights.checkpoint import inspect_checkpoint
from tiny import build
from trainings import trainer

IDS = torch.tensor([[1, 70, 80, 90, 3, 100, 110, 2]])


def logits(folder: Path) -> torch.Tensor:
    """What a checkpoint makes of a few tokens."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        found: torch.Tensor = model(IDS).logits
    return found


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "gpt_bigcode", "starcoder2"])
def test_a_gguf_becomes_the_checkpoint_that_it_was(kind: str, tmp_path: Path) -> None:
    base = build(tmp_path / "base", kind)
    made = dequantize_gguf(write_gguf(base, tmp_path / "base.gguf"), tmp_path / "made")
    checkpoint = inspect_checkpoint(made)
    assert (checkpoint.model_type, checkpoint.dtype) == (kind, "BF16")
    wanted = logits(base)
    assert (logits(made) - wanted).abs().max() < 0.05 * wanted.abs().max()
    text = "def f(x):\n    return x"
    tokens = CheckpointTokenizer(made).encode_text(text)
    assert CheckpointTokenizer(made).decode(tokens) == text
    assert dequantize_gguf(tmp_path / "missing.gguf", made) == made  # which is there already


def test_a_kind_that_is_not_known(tmp_path: Path) -> None:
    path = write_gguf(build(tmp_path / "base", "qwen2"), tmp_path / "base.gguf")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"qwen2", b"zwen2"))
    with pytest.raises(MachineError, match="a GGUF of zwen2 cannot be trained; use a checkpoint"):
        dequantize_gguf(path, tmp_path / "made")
    path.write_bytes(data[:-100])
    with pytest.raises(DataError, match="is cut off"):
        dequantize_gguf(path, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_what_is_merged_writes_as_the_adapter_on_the_base_does(tmp_path: Path) -> None:
    base, work = build(tmp_path / "base", "qwen2"), tmp_path / "work"
    list(trainer(base, work).run())
    write_merged(inspect_checkpoint(base), work / BEST_FOLDER, tmp_path / "merged")
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks for what transformers wants to rename
        wanted = apply_adapter(plain, str(work / BEST_FOLDER), merge=False)(IDS).logits
    found = logits(tmp_path / "merged")
    assert (found - wanted).abs().max() < 0.1 < (found - logits(base)).abs().max()
    assert inspect_checkpoint(tmp_path / "merged").eos_ids == inspect_checkpoint(base).eos_ids


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, work = build(tmp_path / "base", "qwen2"), tmp_path / "work"
    list(trainer(base, work).run())

    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(WriteError, match="No space left on device"):
        write_merged(inspect_checkpoint(base), work / BEST_FOLDER, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
