"""`complete --batch` and `fill --batch`: many holes in, as many answers out, several at a time."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from starcoder_cli.app.answer import record
from starcoder_cli.app.attribution import Account, need_index
from starcoder_cli.app.candidates import Selection
from starcoder_cli.app.deliver import Look
from starcoder_cli.app.fill import Gap
from starcoder_cli.app.open_model import opened, reached
from starcoder_cli.app.progress import counting
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import DataError, InputError, StarcoderError, UsageError
from starcoder_cli.files.batch import MOST_BYTES, Journal, Line, Task, lines
from starcoder_cli.files.read import STANDARD_INPUT, read_bytes
from starcoder_cli.files.source import Place, Source, Span
from starcoder_cli.loading import Work
from starcoder_cli.model import Model
from starcoder_cli.prompts.build import room
from starcoder_cli.settings import STANDARD_OUTPUT
from starcoder_cli.stream import Stream, join
from starcoder_cli.terminal.output import Messages, json_line, standard_output, write

SLOTS = 4
"""How many answers llama.cpp makes at a time: each token's pass over the weights serves all."""

TOKENS = 32768
"""For how many tokens of prompt and answer there is room in all slots together."""

AHEAD = 4  # answers for each slot that wait for an earlier one


EXCLUSIVE = (
    ("--diff", "its answers are JSON"),
    ("--echo", "its answers are JSON"),
    ("--in-place", "its answers are JSON"),
    ("--show-prompt", "ask for one place alone"),
    ("--pick", "its answers are chosen by rank"),
    ("--verify", "its answers are chosen by rank"),
)


def answer_each(path: str, request: Request, look: Look) -> None:
    """Answer each line of a file of holes, in their order; a file of answers goes on where it ends.

    Raises DataError in the end where some lines could not be answered, which their records tell.
    """
    refuse(request, look)
    standard_output()
    need_index(request)
    request = request.sampled()
    rows = lines(read_bytes(path, MOST_BYTES))
    if look.output == STANDARD_OUTPUT:
        failed = answer(rows, request, look.messages, write)
    else:
        with Journal.opened(look.output) as journal:
            done, before = journal.resume(rows)
            if done:
                look.messages.note(f"{done} of {len(rows)} lines were answered before")
            failed = before + answer(rows[done:], request, look.messages, journal.add)
    if failed:
        raise DataError(f"{failed} of {len(rows)} lines have no answer", "their `error` says why")


def refuse(request: Request, look: Look) -> None:
    """Raise UsageError for what makes no sense with many holes."""
    given = {
        "--diff": look.diff,
        "--echo": look.echo,
        "--in-place": look.in_place,
        "--show-prompt": look.show_prompt,
        "--pick": request.several.pick,
        "--verify": request.several.verify is not None,
    }
    for flag, why in EXCLUSIVE:
        if given[flag]:
            raise UsageError(f"--batch and {flag} exclude each other", why)


def answer(
    rows: Sequence[Line], request: Request, messages: Messages, add: Callable[[bytes], None]
) -> int:
    """Write the answer of each line with `add` as soon as those before it are written.

    Returns how many have none.
    """
    failed = 0
    with closing(answers(rows, request, messages)) as found:
        for told in found:
            add(json_line(told))
            failed += "error" in told
    return failed


def answers(
    rows: Sequence[Line], request: Request, messages: Messages, most: int = SLOTS
) -> Generator[Mapping[str, object]]:
    """The answer to each line in their order, so many made at a time, while a bar counts them."""
    if not rows:
        return
    request = reached(request, messages)
    spec = request.spec
    rooms, along = [needed(row.task, request) for row in rows], beside(rows, request)
    window = max(rooms) + along
    slots = width(spec, window, min(most, len(rows)))
    messages.detail(f"batch: {slots} answers at a time")
    work = Work.of(
        [each + along for each in rooms], request.sampling.max_tokens, request.several.n, slots
    )
    with (
        opened(spec, window, request, messages, work) as model,
        counting("answers") as report,
    ):
        desk = Desk(model, spec, request)
        report(0, len(rows))
        with closing(in_order(desk, rows, slots)) as found:
            for done, told in enumerate(found, 1):
                report(done, len(rows))
                yield told


def width(spec: ModelSpec, window: int, most: int) -> int:
    """How many answers are made at a time; the memory for them is ours in llama.cpp alone."""
    if spec.engine == "endpoint":
        return most
    return max(1, min(most, TOKENS // window)) if spec.engine == "llamacpp" else 1


def in_order(desk: "Desk", rows: Sequence[Line], slots: int) -> Generator[Mapping[str, object]]:
    """The answer to each line, several made at a time; closing this stops all of them."""
    pool = ThreadPoolExecutor(slots)
    waiting: deque[Future[Mapping[str, object]]] = deque()
    try:
        for row in rows:
            if len(waiting) == slots * AHEAD:
                yield waiting.popleft().result()
            waiting.append(pool.submit(desk.answer, row))
        while waiting:
            yield waiting.popleft().result()
    finally:
        desk.closed.set()
        pool.shutdown(wait=False, cancel_futures=True)


class Closed(Exception):
    """Nobody wants the answer any more."""


@dataclass(frozen=True)
class Collected(Messages):
    """Notes that become part of a record."""

    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep the note."""
        self.notes.append(text)

    def detail(self, text: str) -> None:
        """Nothing: several answers are made at a time."""

    def status(self, text: str) -> None:
        """Nothing: the bar tells what is going on."""


@dataclass(frozen=True)
class Desk:
    """Answers one line at a time, or several in as many threads, until it is closed."""

    model: Model
    spec: ModelSpec
    request: Request
    closed: threading.Event = field(default_factory=threading.Event)

    def answer(self, line: Line) -> Mapping[str, object]:
        """The answer to a line as a record; what is wrong with the line is one too."""
        messages = Collected()
        try:
            if isinstance(line.task, StarcoderError):
                raise line.task
            told = self._ask(line.task, messages)
        except (UsageError, DataError, InputError) as error:
            told = {"error": str(error), "code": int(error.exit_code)}
        notes = {"notes": messages.notes} if messages.notes else {}
        return {**line.record(), **told, **notes}

    def _ask(self, task: Task, messages: Messages) -> Mapping[str, object]:
        request = asked(self.request, task)
        source, span = located(task, request)
        question = Gap.of(source, span, request, messages)
        account = Account.of(request, source, span, question.language).by(self.spec)
        prompt, reading = question.prompt(self.model)
        selection = Selection(request.several, source, span, question.language, Look(quiet=True))
        stream = account.asking(partial(question.stream, self.model, prompt))
        if request.several.wanted:
            selection.ask(lambda sampling: self._wanted(stream(sampling)), request.sampling)
            completion = selection.choose()
        else:
            with closing(self._wanted(stream(request.sampling))) as chunks:
                completion = join(chunks)
        told = {**record(completion, self.spec, self.model.engine, request), **selection.record()}
        told |= {"trimmed": list(completion.trimmed), "context": reading.record()}
        return {**told, **account.record(completion.text, Messages(quiet=True))}

    def _wanted(self, chunks: Stream) -> Stream:
        """The chunks while somebody waits for them."""
        with closing(chunks):
            for chunk in chunks:
                if self.closed.is_set():
                    raise Closed
                yield chunk


def needed(task: Task | StarcoderError, request: Request) -> int:
    """A window that is surely large enough for a task."""
    if isinstance(task, StarcoderError):
        return 1
    try:
        mine = asked(request, task)
        source, span = located(task, mine)
    except StarcoderError:  # which is found again when it is the line's turn
        return 1
    return room(source.cut(span), mine.sampling.max_tokens)


def beside(rows: Sequence[Line], request: Request) -> int:
    """How many tokens the files that are read along may take: as many as for the first line."""
    for row in rows:
        with suppress(StarcoderError):
            if isinstance(row.task, Task):
                mine = asked(request, row.task)
                return Gap.of(*located(row.task, mine), mine, Collected()).shelf.room
    return 0


def asked(request: Request, task: Task) -> Request:
    """The request as a line changes it."""
    if task.max_tokens is not None:
        request = request.with_max_tokens(task.max_tokens)
    if task.seed is not None:
        request = request.with_seed(task.seed)
    return replace(
        request,
        lines=task.lines or request.lines,
        stop=request.stop if task.stop is None else task.stop,
        lang=task.lang or request.lang,
        filename=task.filename or request.filename,
    )


def located(task: Task, request: Request) -> tuple[Source, Span]:
    """The place that a line is about: a range of a file to fill, the text around a hole."""
    if task.place is None:
        at = len(task.prefix)
        return Source(STANDARD_INPUT, task.prefix + task.suffix), Span(at, at)
    where = Place.parse(task.place)
    if where.path == STANDARD_INPUT:
        raise UsageError("a hole cannot be in standard input", "name a file")
    source = Source.read(where.path)
    return source, source.range(where) if request.fills else source.after(where)
