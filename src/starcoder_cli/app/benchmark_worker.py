"""One measurement in this process, on behalf of `bench` in another."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starcoder_cli.app.benchmark import BenchmarkPlan
from starcoder_cli.app.open_model import open_model, resolve_endpoint
from starcoder_cli.app.request import EndpointOptions, Request
from starcoder_cli.benchmark.measure import BenchmarkMetric, measure_speed, peak_memory_bytes
from starcoder_cli.benchmark.worker import WorkerResult, exit_with_parent, send_message, send_result
from starcoder_cli.model import Sampling
from starcoder_cli.terminal.output import Messages


@dataclass(frozen=True)
class WorkerMessages(Messages):
    """Sends notes to the process that is waiting."""

    def note(self, text: str) -> None:
        """Send one line that is worth knowing."""
        send_message("note", text)

    def detail(self, text: str) -> None:
        """Send one line for users who want details."""
        send_message("detail", text)

    def show_status(self, text: str) -> None:
        """Send what is going on."""
        send_message("doing", text)

    @contextmanager
    def show_progress(self, what: str) -> Iterator[Messages]:
        """Send what is going on in the body."""
        self.show_status("loads")
        yield self


def measure_in_process(plan: BenchmarkPlan) -> None:
    """Load the one model of a plan, measure it once, and send the figures.

    The network is not used, except for an endpoint. Raises what loading the model raises.
    """
    exit_with_parent()
    messages, workload = WorkerMessages(), plan.workload
    request = Request(
        model=plan.models[0],
        sampling=Sampling(workload.generated_tokens),
        offline=not plan.endpoint,
        loading=plan.loading,
        keep_alive=0.0,
        endpoint=EndpointOptions(plan.endpoint, key_file=plan.key_file),
    )
    begin = time.perf_counter()
    request = resolve_endpoint(request, messages)
    spec = request.spec
    with open_model(request, workload.required_window, messages) as model:
        load = time.perf_counter() - begin
        workload_here = workload.fit_to_window(model.window)
        if workload_here != workload:
            messages.note(
                f"{spec.name} reads at most {model.window} tokens: longer prompts are left out"
            )
        figures = {} if plan.endpoint else {BenchmarkMetric("load"): load}
        figures |= measure_speed(model, workload_here, messages.show_status)
        if not plan.endpoint:
            figures |= memory_metrics()
    send_result(WorkerResult(spec.name, figures))


def memory_metrics() -> dict[BenchmarkMetric, float]:
    """The peak memory of this process, in RAM and on GPUs."""
    from starcoder_cli.engines.machine import peak_gpu_memory

    taken = {
        BenchmarkMetric("memory"): peak_memory_bytes(),
        BenchmarkMetric("gpu_memory"): peak_gpu_memory(),
    }
    return {figure: value for figure, value in taken.items() if value}
