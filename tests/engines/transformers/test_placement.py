"""Where and in which form a model is loaded, on machines of all kinds."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.engines.transformers.architectures import SHAPES
from starcoder_cli.engines.transformers.placement import (
    QUANTIZATION_CHOICES,
    REFERENCE_WINDOW,
    WORKSPACE_BYTES,
    Accelerator,
    Machine,
    ModelSize,
    PlacementPlan,
    Quantization,
    plan_placement,
    required_bytes,
    weight_bytes,
)
from starcoder_cli.errors import MachineError, UsageError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.settings import DtypeChoice, QuantizeChoice

GB = 10**9
examples = settings(max_examples=100, deadline=None, derandomize=True)
STARCODER = SHAPES["starcoder"].model_size()
AUTO = LoadOptions()
SMALLER = "choose a smaller model: `starcoder doctor` lists those that fit"


def machine(*free: int, memory: int = 8, bf16: bool = True, gpu_bf16: bool = True) -> Machine:
    """GPUs with so many GB free, and so many of memory; whether processor and GPUs have bf16."""
    gpus = (
        Accelerator(f"cuda:{number}", "H200", size * GB, 140 * GB, gpu_bf16)
        for number, size in enumerate(free)
    )
    return Machine(tuple(gpus), memory * GB, bf16)


MAC = Machine((Accelerator("mps", "Apple GPU", 20 * GB, 24 * GB),), 24 * GB)


def planned(name: str, loading: LoadOptions, there: Machine) -> str:
    """The plan in words."""
    return plan_placement(
        name, SHAPES[name].model_size(), REFERENCE_WINDOW, loading, there
    ).describe()


@pytest.mark.parametrize(
    ("there", "text"),
    [
        (machine(80), "bf16 on cuda:0 (H200), needs 32.1 GB of 80.0 GB free"),
        (machine(33, 80), "bf16 on cuda:1 (H200), needs 32.1 GB of 80.0 GB free"),
        (machine(24, 24), "bf16 on cuda (2 GPUs together), needs 32.7 GB of 48.0 GB free"),
        (
            machine(24, memory=64),
            "8 bit on cuda:0 (H200), needs 17.0 GB of 24.0 GB free; bf16 would need 32.1 GB",
        ),
        (
            machine(10, 9),
            "8 bit on cuda (2 GPUs together), needs 17.6 GB of 19.0 GB free; "
            "bf16 would need 32.7 GB",
        ),
        (
            machine(16),
            "4 bit on cuda:0 (H200), needs 10.3 GB of 16.0 GB free; bf16 would need 32.1 GB",
        ),
        (
            machine(24, gpu_bf16=False),
            "8 bit on cuda:0 (H200), needs 17.0 GB of 24.0 GB free; fp16 would need 32.1 GB",
        ),
        (machine(7, memory=64), "bf16 on cpu, needs 32.1 GB of 64.0 GB free"),
        (machine(memory=64), "bf16 on cpu, needs 32.1 GB of 64.0 GB free"),
        (machine(memory=64, bf16=False), "fp32 on cpu, needs 63.7 GB of 64.0 GB free"),
        (machine(memory=34, bf16=False), "bf16 on cpu, needs 32.1 GB of 34.0 GB free"),
    ],
)
def test_starcoder_takes_the_largest_form_that_fits(there: Machine, text: str) -> None:
    assert planned("starcoder", AUTO, there) == f"starcoder: {text}"


@pytest.mark.parametrize(
    ("loading", "there", "text"),
    [
        (
            LoadOptions(quantize="8bit"),
            machine(80),
            "8 bit on cuda:0 (H200), needs 4.1 GB of 80.0 GB free; bf16 would need 7.0 GB",
        ),
        (
            LoadOptions(quantize="4bit", dtype="fp16"),
            machine(80),
            "4 bit on cuda:0 (H200), needs 2.8 GB of 80.0 GB free; fp16 would need 7.0 GB",
        ),
        (
            LoadOptions(quantize="8bit"),
            machine(3, memory=8, bf16=False),
            "8 bit on cpu, needs 4.1 GB of 8.0 GB free; bf16 would need 7.0 GB",
        ),
        (LoadOptions(quantize="none"), machine(6), "bf16 on cpu, needs 7.0 GB of 8.0 GB free"),
        (LoadOptions(device="cpu"), machine(80), "bf16 on cpu, needs 7.0 GB of 8.0 GB free"),
        (
            LoadOptions(device="cuda:1"),
            machine(80, 6),
            "8 bit on cuda:1 (H200), needs 4.1 GB of 6.0 GB free; bf16 would need 7.0 GB",
        ),
        (
            LoadOptions(device="cuda"),
            machine(8, 80),
            "bf16 on cuda:1 (H200), needs 7.0 GB of 80.0 GB free",
        ),
        (
            LoadOptions(dtype="fp32"),
            machine(80),
            "fp32 on cuda:0 (H200), needs 13.4 GB of 80.0 GB free",
        ),
        (
            LoadOptions(dtype="bf16"),
            machine(80, gpu_bf16=False),
            "bf16 on cpu, needs 7.0 GB of 8.0 GB free",
        ),
        (LoadOptions(dtype="fp16"), machine(), "fp16 on cpu, needs 7.0 GB of 8.0 GB free"),
        (AUTO, MAC, "bf16 on mps (Apple GPU), needs 7.0 GB of 20.0 GB free"),
        (LoadOptions(device="mps"), MAC, "bf16 on mps (Apple GPU), needs 7.0 GB of 20.0 GB free"),
        (
            LoadOptions(quantize="8bit"),
            MAC,
            "8 bit on cpu, needs 4.1 GB of 24.0 GB free; bf16 would need 7.0 GB",
        ),
    ],
)
def test_what_is_asked_for_is_kept_to(loading: LoadOptions, there: Machine, text: str) -> None:
    assert planned("starcoder2-3b", loading, there) == f"starcoder2-3b: {text}"


@pytest.mark.parametrize(
    ("loading", "there", "error"),
    [
        (
            AUTO,
            machine(7, memory=8),
            "starcoder needs 32.1 GB in bf16, 17.0 GB in 8 bit or 10.3 GB in 4 bit, but there is "
            f"only 7.0 GB free on cuda:0 and 8.0 GB of free memory; {SMALLER}",
        ),
        (
            AUTO,
            machine(5, 4, gpu_bf16=False, bf16=False),
            "starcoder needs 32.1 GB in fp16, 17.0 GB in 8 bit or 10.3 GB in 4 bit, but there is "
            "only 5.0 GB free on cuda:0, 9.0 GB free on 2 GPUs together and 8.0 GB of free memory; "
            f"{SMALLER}",
        ),
        (
            AUTO,
            machine(7, memory=20),
            "starcoder needs 32.1 GB in bf16, 17.0 GB in 8 bit or 10.3 GB in 4 bit, but there is "
            "only 7.0 GB free on cuda:0 and 20.0 GB of free memory; "
            "`--quantize 8bit` fits in memory, but is slow",
        ),
        (
            LoadOptions(device="cpu"),
            machine(80, memory=12),
            "starcoder needs 32.1 GB in bf16, but there is only 12.0 GB of free memory; "
            "`--quantize 4bit` fits in memory, but is slow",
        ),
        (
            AUTO,
            machine(bf16=False),
            f"starcoder needs 32.1 GB in bf16, but there is only 8.0 GB of free memory; {SMALLER}",
        ),
        (
            LoadOptions(quantize="none"),
            machine(24, memory=20),
            "starcoder needs 32.1 GB in bf16, but there is only 24.0 GB free on cuda:0 and 20.0 GB "
            f"of free memory; leave out --quantize, or {SMALLER}",
        ),
        (
            LoadOptions(dtype="fp32", device="cuda"),
            machine(24),
            "starcoder needs 63.7 GB in fp32, but there is only 24.0 GB free on cuda:0; "
            f"leave out --device and --dtype, or {SMALLER}",
        ),
        (
            LoadOptions(device="mps"),
            MAC,
            "starcoder needs 32.1 GB in bf16, but there is only 20.0 GB free on mps; "
            f"leave out --device, or {SMALLER}",
        ),
        (
            LoadOptions(device="cuda:2"),
            machine(80),
            "there is no cuda:2 here; there is: cuda:0, cpu",
        ),
        (LoadOptions(device="cuda"), MAC, "there is no cuda here; there is: mps, cpu"),
        (LoadOptions(device="mps"), machine(), "there is no mps here; there is: cpu"),
        (
            LoadOptions(device="cuda:0", dtype="bf16"),
            machine(80, gpu_bf16=False),
            "cuda:0 does not compute in bf16; leave out --dtype",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_why(
    loading: LoadOptions, there: Machine, error: str
) -> None:
    with pytest.raises(MachineError) as caught:
        planned("starcoder", loading, there)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("quantize", "device", "dtype", "error"),
    [
        (
            "auto",
            "gpu",
            "auto",
            "'gpu' is not a device; give auto, cpu, mps, cuda or one GPU as cuda:0",
        ),
        (
            "auto",
            "cuda:",
            "auto",
            "'cuda:' is not a device; give auto, cpu, mps, cuda or one GPU as cuda:0",
        ),
        (
            "8bit",
            "auto",
            "fp32",
            "8bit and fp32 cannot be used together; give bf16 or fp16, or neither",
        ),
        (
            "4bit",
            "mps",
            "auto",
            "mps cannot compute in 4bit; leave out --quantize, or use a GGUF model",
        ),
    ],
)
def test_what_no_machine_could_do_is_refused(
    quantize: QuantizeChoice, device: str, dtype: DtypeChoice, error: str
) -> None:
    with pytest.raises(UsageError) as caught:
        LoadOptions(quantize, device, dtype)
    assert str(caught.value) == error


def test_eight_bits_take_what_was_measured() -> None:
    """15,939.61 MB were reported for StarCoder; 67 of them are a mask of 8,192 by 8,192 bytes."""
    assert weight_bytes(STARCODER, "8bit", "bf16") + 8192**2 == 15_939_612_672


def test_each_part_of_what_is_needed() -> None:
    """Without tokens: the weights and the working memory. A token: 20 KB of keys and values."""
    assert required_bytes(STARCODER, "none", "bf16", 0) == 2 * 15_517_456_384 + WORKSPACE_BYTES
    assert required_bytes(STARCODER, "none", "fp32", 0) == 4 * 15_517_456_384 + WORKSPACE_BYTES
    assert (
        required_bytes(STARCODER, "4bit", "bf16", 0)
        == 2 * 355_047_424 + 8_528_855_040 + WORKSPACE_BYTES
    )
    assert 2 * STARCODER.cache_numbers == 20_480
    adapted = replace(STARCODER, adapter_parameters=1000)
    assert (
        required_bytes(adapted, "4bit", "bf16", 0)
        == required_bytes(STARCODER, "4bit", "bf16", 0) + 4000
    )
    for_a_token = required_bytes(STARCODER, "8bit", "bf16", 1) - required_bytes(
        STARCODER, "8bit", "bf16", 0
    )
    assert for_a_token == 20_480 + 2 * 20 * 5491


SIZES = st.builds(
    lambda parameters, share, cache: ModelSize(parameters, int(parameters * share), cache),
    st.integers(10**8, 10**11),
    st.floats(0, 0.5),
    st.integers(1000, 10**6),
)
BYTES = st.integers(0, 200 * GB)
MACHINES = st.builds(
    lambda free, memory, gpu_bf16, bf16: Machine(
        tuple(
            Accelerator(f"cuda:{number}", "GPU", size, size, gpu_bf16)
            for number, size in enumerate(free)
        ),
        memory,
        bf16,
    ),
    st.lists(BYTES, max_size=3),
    BYTES,
    st.booleans(),
    st.booleans(),
)


def attempt(size: ModelSize, loading: LoadOptions, there: Machine) -> PlacementPlan | None:
    """The plan; None where there is none."""
    try:
        return plan_placement("model", size, REFERENCE_WINDOW, loading, there)
    except MachineError:
        return None


@examples
@given(SIZES, MACHINES, st.sampled_from(["auto", "none", "8bit", "4bit"]))
def test_a_plan_never_needs_more_than_is_free(
    size: ModelSize, there: Machine, quantize: QuantizeChoice
) -> None:
    found = attempt(size, LoadOptions(quantize), there)
    assert found is None or found.required_bytes <= found.available_bytes
    if found and found.device == "cpu":
        assert found.available_bytes == there.free_memory
    elif found:
        assert found.available_bytes in (
            *(device.free for device in there.accelerators),
            sum(device.free for device in there.accelerators),
        )


@examples
@given(SIZES, MACHINES)
def test_no_smaller_form_is_taken_where_a_larger_one_fits(size: ModelSize, there: Machine) -> None:
    found = attempt(size, AUTO, there)
    gpus = [device.free for device in there.accelerators]
    larger: tuple[Quantization, ...] = QUANTIZATION_CHOICES["auto"]
    if found and found.device != "cpu":
        larger = larger[: larger.index(found.quantization)]
    for form in larger:
        least = required_bytes(size, form, "bf16", REFERENCE_WINDOW)
        assert least > max(gpus, default=0)
        assert least + WORKSPACE_BYTES * (len(gpus) - 1) > sum(gpus)
    if found is None:
        assert required_bytes(size, "none", "bf16", REFERENCE_WINDOW) > there.free_memory
