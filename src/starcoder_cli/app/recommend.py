"""Which models this machine can run, what each costs, how good it is, and which is the best here.

Times are those of a typical fill by a loaded model: what the default model, or the small one, was
measured to read and write here, scaled by the parameters and bytes of the other models.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from starcoder_cli.app.fetch import locate
from starcoder_cli.catalog import (
    CATALOG,
    DEFAULT_MODEL,
    SMALL_MODEL,
    ModelSpec,
    find_model,
    format_size,
)
from starcoder_cli.engines.transformers.architectures import SHAPES, catalog_size
from starcoder_cli.engines.transformers.placement import (
    REFERENCE_WINDOW,
    Machine,
    plan_placement,
)
from starcoder_cli.errors import MachineError, StarcoderError
from starcoder_cli.evaluation.published import find_published_scores
from starcoder_cli.loading import LoadOptions
from starcoder_cli.models.transfer import free_bytes
from starcoder_cli.settings import models_dir

READ_TOKENS, WRITTEN_TOKENS = 850, 48
"""The tokens of a fill in a file of some hundred lines."""

MAX_SECONDS = 12.0
"""Nobody waits for a fill that takes longer."""

MEASURED_SCORES: Mapping[str, float] = {
    "qwen2.5-coder-0.5b": 0.439,
    "qwen2.5-coder-1.5b": 0.530,
}
"""HumanEval's 164 problems through this program, greedy, pass@1 (bench/results/scores.md)."""

TYPICAL_RATES: Mapping[bool, tuple[float, float]] = {True: (900, 50), False: (180, 25)}
"""Tokens per second that the small model reads and writes on two cores, with bf16 and without."""

MEMORY_PER_BYTE, LEAST_MEMORY = 2.6, 300 * 10**6
"""The memory of a GGUF file prepared for OpenVINO while it answers, plus what any model takes."""

DISK_PER_BYTE: Mapping[str, float] = {"llamacpp": 2.25, "huggingface": 1.3}
"""The disk space of a download and its prepared form, per byte of the download."""


@dataclass(frozen=True)
class Rates:
    """How fast a model of this size reads and writes, in tokens per second."""

    parameters: int
    weight_bytes: int
    read: float
    write: float
    is_measured: bool = False

    def fill_seconds(self, parameters: int, weight_bytes: int) -> float:
        """The seconds that a fill takes with a model of this many parameters and bytes."""
        reading = READ_TOKENS / self.read * parameters / self.parameters
        writing = WRITTEN_TOKENS / self.write * weight_bytes / self.weight_bytes
        return reading + writing


@dataclass(frozen=True)
class ModelOffer:
    """A model that this machine can run: in which form, with how much memory and time.

    `seconds` is None if the time is unknown, `score` if nobody has measured it.
    """

    spec: ModelSpec
    form: str
    memory: int
    seconds: float | None
    score: float | None

    def record(self) -> Mapping[str, object]:
        """The offer under the names that `--json` uses; in bytes and seconds."""
        return {
            "name": self.spec.name,
            "size": self.spec.size,
            "memory": self.memory,
            "fill_seconds": self.seconds and round(self.seconds, 1),
            "humaneval": self.score,
            "form": self.form,
        }

    def row(self) -> tuple[str, ...]:
        """The offer as a row of the table."""
        return (
            self.spec.name,
            format_size(self.spec.size),
            format_size(self.memory),
            "" if self.seconds is None else f"{self.seconds:.1f} s",
            "" if self.score is None else f"{100 * self.score:.1f}",
            self.form,
        )


def measure_rates(machine: Machine) -> Rates:
    """Measure how fast the default model or the small one is here, else return typical rates."""
    from starcoder_cli.benchmark.measure import BenchmarkMetric, BenchmarkWorkload, measure_speed
    from starcoder_cli.engines.load import load_model

    workload = BenchmarkWorkload((256,), 16)
    try:
        for spec in map(find_model, (DEFAULT_MODEL, SMALL_MODEL)):
            path, size = locate(spec), catalog_size(spec)
            if path and size:
                with closing(load_model(spec, path, workload.required_window)) as model:
                    values = measure_speed(model, workload, lambda doing: None)
                read, write = (values[BenchmarkMetric(name)] for name in ("read", "write"))
                return Rates(size.parameters, spec.size, read, write, is_measured=True)
    except (StarcoderError, KeyError):
        pass
    return typical_rates(machine)


def typical_rates(machine: Machine) -> Rates:
    """What the small model reads and writes on two cores like this machine's."""
    spec = find_model(SMALL_MODEL)
    size = catalog_size(spec)
    assert size
    return Rates(size.parameters, spec.size, *TYPICAL_RATES[machine.has_bf16])


def describe_choice(machine: Machine) -> str:
    """How the default model does on this machine, and what else could be chosen."""
    others = "`starcoder models recommend` lists what else this machine can run"
    if machine.accelerators:
        return f"this machine has a GPU, for which there are better models: {others}"
    spec, small = find_model(DEFAULT_MODEL), find_model(SMALL_MODEL)
    memory, free = gguf_memory(spec), machine.free_memory
    if memory > free:
        return (
            f"{spec.name} takes {format_size(memory)} of memory, but only {format_size(free)} is "
            f"free: {small.name} takes {format_size(gguf_memory(small))}, and "
            f"`starcoder models use {small.name}` makes it the default"
        )
    rates = typical_rates(machine)
    size, small_size = catalog_size(spec), catalog_size(small)
    assert size and small_size
    seconds = rates.fill_seconds(size.parameters, spec.size)
    small_seconds = rates.fill_seconds(small_size.parameters, small.size)
    return (
        f"on two cores a fill takes {spec.name} about {seconds:.0f} s, and {small.name} about "
        f"{small_seconds:.0f} s: {others}"
    )


def find_offers(machine: Machine, rates: Rates) -> list[ModelOffer]:
    """The models of the catalog that fit this machine's memory and disk, best first."""
    folder = models_dir().absolute()
    free_disk = free_bytes(next(each for each in (folder, *folder.parents) if each.is_dir()))
    offers = (
        gguf_offer(spec, machine, rates)
        if spec.engine == "llamacpp"
        else checkpoint_offer(spec, machine, rates)
        for spec in CATALOG
        if spec.has_file and (locate(spec) or spec.size * DISK_PER_BYTE[spec.engine] < free_disk)
    )
    return sorted(filter(None, offers), key=lambda offer: -(offer.score or 0))


def gguf_offer(spec: ModelSpec, machine: Machine, rates: Rates) -> ModelOffer | None:
    """A GGUF file on the CPU, or None if there is too little memory."""
    size, memory = catalog_size(spec), gguf_memory(spec)
    if not size or memory > machine.free_memory:
        return None
    seconds = rates.fill_seconds(size.parameters, spec.size)
    return ModelOffer(spec, "cpu", memory, seconds, find_score(spec.name))


def gguf_memory(spec: ModelSpec) -> int:
    """The bytes of memory that a GGUF file takes while it answers."""
    return round(MEMORY_PER_BYTE * spec.size) + LEAST_MEMORY


def checkpoint_offer(spec: ModelSpec, machine: Machine, rates: Rates) -> ModelOffer | None:
    """A checkpoint, on a GPU if there is one, or None if there is too little memory."""
    from starcoder_cli.engines.openvino.graph_fit import (
        choose_prepared_bits,
        graph_loading_bytes,
        graph_weight_bytes,
    )

    size, shape = catalog_size(spec), SHAPES.get(spec.name)
    if not size:
        return None
    score, free = find_score(spec.name), machine.free_memory - LEAST_MEMORY
    if shape and not machine.accelerators:
        bits = choose_prepared_bits(shape.model_type, size.parameters, LoadOptions(), free)
        if bits:
            memory = graph_loading_bytes(size.parameters, bits, is_prepared=True) + LEAST_MEMORY
            weights = graph_weight_bytes(size.parameters, bits)
            seconds = rates.fill_seconds(size.parameters, weights)
            return ModelOffer(spec, f"cpu, {bits} bit", memory, seconds, score)
    try:
        plan = plan_placement(spec.name, size, REFERENCE_WINDOW, LoadOptions(), machine)
    except MachineError:
        return None
    form = plan.device if plan.quantization == "none" else f"{plan.device}, {plan.quantization}"
    if plan.device != "cpu":
        return ModelOffer(spec, form, plan.required_bytes, None, score)
    seconds = rates.fill_seconds(size.parameters, plan.required_bytes)
    return ModelOffer(spec, form, plan.required_bytes, seconds, score)


def find_score(name: str) -> float | None:
    """HumanEval pass@1 of a model of the catalog: measured with this program, else published."""
    published = (
        score.value
        for score in find_published_scores("humaneval", "python")
        if score.model == name and not score.prompted
    )
    return MEASURED_SCORES.get(name) or next(published, None)


def choose_offer(offers: Sequence[ModelOffer], machine: Machine) -> ModelOffer | None:
    """The best model that is fast enough; on a machine with a GPU, the best StarCoder that fits."""
    return next(wanted_offers(offers, machine), None)


def wanted_offers(offers: Sequence[ModelOffer], machine: Machine) -> Iterator[ModelOffer]:
    """The models that could be recommended, best first."""
    if machine.accelerators:
        yield from (each for each in offers if "starcoder" in each.spec.name and not each.seconds)
    yield from (each for each in offers if each.seconds and each.seconds <= MAX_SECONDS)
