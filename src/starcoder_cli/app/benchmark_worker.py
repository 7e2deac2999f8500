"""One measurement in this process, for `bench` in another one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starcoder_cli.app.benchmark import Contest
from starcoder_cli.app.open_model import opened, reached
from starcoder_cli.app.request import Remote, Request
from starcoder_cli.benchmark.measure import Figure, high_water, measure
from starcoder_cli.benchmark.worker import Measured, end_with_starter, tell, tell_figures
from starcoder_cli.loading import Work
from starcoder_cli.model import Sampling
from starcoder_cli.terminal.output import Messages


@dataclass(frozen=True)
class Told(Messages):
    """Notes for the process that waits."""

    def note(self, text: str) -> None:
        """One line that is worth knowing."""
        tell("note", text)

    def detail(self, text: str) -> None:
        """One line for whoever wants to know how it is done."""
        tell("detail", text)

    def status(self, text: str) -> None:
        """What is going on."""
        tell("doing", text)

    @contextmanager
    def doing(self, what: str) -> Iterator[Messages]:
        """What is going on in the body."""
        self.status("loads")
        yield self


def measure_here(contest: Contest) -> None:
    """Load the one model of a contest, measure it once, and tell the figures.

    The network is not used, but for an endpoint. Raises what loading it raises.
    """
    end_with_starter()
    messages, course = Told(), contest.course
    request = Request(
        model=contest.models[0],
        sampling=Sampling(course.written),
        offline=not contest.endpoint,
        loading=contest.loading,
        keep_alive=0.0,
        remote=Remote(contest.endpoint, key_file=contest.key_file),
    )
    begin = time.perf_counter()
    request = reached(request, messages)
    spec, work = request.spec, Work(course.lengths[-1], course.written)
    with opened(spec, course.room, request, messages, work) as model:
        load = time.perf_counter() - begin
        able = course.within(model.window)
        if able != course:
            messages.note(
                f"{spec.name} reads at most {model.window} tokens: longer prompts are left out"
            )
        figures = {} if contest.endpoint else {Figure("load"): load}
        figures |= measure(model, able, messages.status)
        if not contest.endpoint:
            figures |= held()
    tell_figures(Measured(spec.name, figures))


def held() -> dict[Figure, float]:
    """The most memory that this process has had, and that it has had on GPUs."""
    from starcoder_cli.engines.machine import gpu_high_water

    taken = {Figure("memory"): high_water(), Figure("gpu_memory"): gpu_high_water()}
    return {figure: value for figure, value in taken.items() if value}
