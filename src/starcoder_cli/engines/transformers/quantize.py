"""Names of quantizations and number formats, as transformers and torch spell them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starcoder_cli.engines.transformers.placement import PlacementPlan

if TYPE_CHECKING:
    import torch
    from transformers import BitsAndBytesConfig


def torch_dtype(name: str) -> "torch.dtype":
    """The torch type of a number format: bf16, fp16 or fp32."""
    import torch

    return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[name]


def bitsandbytes_config(plan: PlacementPlan) -> "BitsAndBytesConfig | None":
    """How bitsandbytes stores the weights of a plan, or None if they stay as they are.

    8bit is LLM.int8 (Dettmers et al. 2022, arXiv:2208.07339), 4bit is NF4 (Dettmers et al. 2023,
    arXiv:2305.14314) without double quantization, which would save 3 % and cost speed.
    """
    if plan.quantization == "none":
        return None
    import_bitsandbytes()
    from transformers import BitsAndBytesConfig

    if plan.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch_dtype(plan.dtype),
    )


def import_bitsandbytes() -> None:
    """Import bitsandbytes without torch's compiler, which takes longer to import than torch.

    bitsandbytes uses it to compile its fallbacks for devices that it has no kernels for.
    """
    import torch

    compiler = torch.compile
    torch.compile = skip_compile
    try:
        import bitsandbytes  # noqa: F401
    finally:
        torch.compile = compiler


def skip_compile(
    function: Callable[..., Any] | None = None, **options: object
) -> Callable[..., Any]:
    """Stand in for `torch.compile`: return the function unchanged, or a decorator that does."""
    return function or skip_compile
