"""`complete --batch` and `fill --batch`: many holes in, as many answers out, several at a time."""

import os
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from starcoder_cli.app.answer_record import Answer
from starcoder_cli.app.attribution import need_index
from starcoder_cli.app.batch_places import SendableFiles
from starcoder_cli.app.deliver import OutputOptions, note_file_outside
from starcoder_cli.app.in_order import in_order, while_open
from starcoder_cli.app.open_model import open_model, resolve_endpoint
from starcoder_cli.app.progress import count_progress, no_progress
from starcoder_cli.app.request import CandidateOptions, Request
from starcoder_cli.app.task import TaskRun, fill_task
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import (
    DataError,
    InputError,
    RefusedError,
    StarcoderError,
    UsageError,
)
from starcoder_cli.files.answer_journal import AnswerJournal
from starcoder_cli.files.batch import (
    MAX_BATCH_BYTES,
    BatchLine,
    BatchTask,
    compute_digest,
    parse_batch,
)
from starcoder_cli.files.links import note_file_read
from starcoder_cli.files.notebook import read_place
from starcoder_cli.files.output import open_stream
from starcoder_cli.files.read import STANDARD_INPUT, read_bytes
from starcoder_cli.files.source import Source, Span
from starcoder_cli.model import Model
from starcoder_cli.prompts.build import window_for
from starcoder_cli.settings import STANDARD_OUTPUT
from starcoder_cli.system.counting import counted_of
from starcoder_cli.terminal.output import (
    CollectedMessages,
    Messages,
    encode_json_line,
    encode_text,
    is_terminal,
    standard_output,
    write_bytes,
)

DEFAULT_SLOTS = 4
"""How many answers llama.cpp makes at a time: each token's pass over the weights serves all."""

BATCH_TOKENS = 32768
"""The tokens of prompt and answer that all slots together have room for."""

BATCH_EXCLUSIVE = (
    ("--diff", "its answers are JSON"),
    ("--echo", "its answers are JSON"),
    ("--in-place", "its answers are JSON"),
    ("--show-prompt", "ask for one place alone"),
    ("--pick", "its answers are chosen by rank"),
    ("--verify", "its answers are chosen by rank"),
)


def answer_file(path: str, request: Request, output: OutputOptions) -> None:
    """Answer each line of a file of holes, in order; a file of answers keeps those it has.

    Raises DataError at the end if some lines could not be answered; their records say why.
    """
    refuse_batch_options(request, output)
    standard_output()
    need_index(request.notices)
    request = resolve_endpoint(request, output.messages)
    rows = parse_batch(read_bytes(path, MAX_BATCH_BYTES))
    if request.endpoint.endpoint:
        rows = SendableFiles.for_batch(path, request.context.include).refuse_others(rows)
    rows = with_inputs(rows, request)
    request = request.with_random_seed()
    if output.output == STANDARD_OUTPUT:
        bar = not is_terminal(sys.stdout)
        failed = write_answers(rows, request, output.messages, write_bytes, bar=bar)
    elif stream := open_stream(output.output):
        bar = not os.isatty(stream.descriptor)
        failed = write_answers(rows, request, output.messages, stream.save, bar=bar)
    else:
        note_file_outside(output.output, output.messages)
        with AnswerJournal.open_locked(output.output) as journal:
            answered = journal.find_answered(rows)
            if answered:
                before = counted_of(len(answered), len(rows), "line")
                output.messages.note(f"answered before: {before}")
            missing = [row for row in rows if row.number not in answered]
            failed = write_answers(missing, request, output.messages, journal.add)
            journal.sort(rows)
    if failed:
        raise DataError(
            f"no answer for {counted_of(failed, len(rows), 'line')}", "its `error` says why"
        )


def with_inputs(rows: Sequence[BatchLine], request: Request) -> list[BatchLine]:
    """Add what their answers depend on to the lines: the model, the options, and file texts."""
    n = CandidateOptions(request.candidates.n, check=request.candidates.check)
    same = replace(request, candidates=n, offline=False, keep_alive=None, resolved_endpoint=None)
    inputs = {"model": request.spec.name, "options": compute_digest(repr(same).encode())}
    included = [read_if_possible(place) for place in request.context.include]
    lines = []
    for row in rows:
        place = row.task.place if isinstance(row.task, BatchTask) else None
        texts = [*included, *([] if place is None else [read_if_possible(place)])]
        source = {"source": compute_digest(b"\0".join(texts))} if texts else {}
        lines.append(replace(row, inputs={**inputs, **source}))
    return lines


def read_if_possible(place: str) -> bytes:
    """The text of the file that a place is in, or nothing: errors are reported later."""
    if place.partition(":")[0] == STANDARD_INPUT:
        return b""
    try:
        return encode_text(read_place(place)[0].document)
    except StarcoderError:
        return b""


def refuse_batch_options(request: Request, output: OutputOptions) -> None:
    """Raise UsageError for options that make no sense with many holes."""
    flags = {
        "--diff": output.diff,
        "--echo": output.echo,
        "--in-place": output.in_place,
        "--show-prompt": output.show_prompt,
        "--pick": request.candidates.pick,
        "--verify": request.candidates.verify is not None,
    }
    for flag, why in BATCH_EXCLUSIVE:
        if flags[flag]:
            raise UsageError(f"--batch and {flag} cannot be used together", why)


def write_answers(
    rows: Sequence[BatchLine],
    request: Request,
    messages: Messages,
    add: Callable[[bytes], None],
    *,
    bar: bool = True,
) -> int:
    """Write each line's answer with `add` as soon as those before it are written.

    Returns how many lines have no answer. Omit the `bar` if it would share a terminal with them.
    """
    failed = 0
    with closing(batch_answers(rows, request, messages, bar=bar)) as records:
        for record in records:
            add(encode_json_line(record))
            failed += "error" in record
    return failed


def batch_answers(
    rows: Sequence[BatchLine],
    request: Request,
    messages: Messages,
    most: int = DEFAULT_SLOTS,
    *,
    bar: bool = True,
) -> Generator[Mapping[str, object]]:
    """Yield the answers in the order of the lines, making up to `most` at once, with a `bar`."""
    if not rows:
        return
    request = resolve_endpoint(request, messages)
    windows = [window_of(row.task, request) for row in rows]
    context = context_tokens(rows, request)
    window = max(windows) + context
    slots = slots_for(request.spec, window, min(most, len(rows)))
    messages.detail(f"batch: {slots} answers at a time")
    progress = count_progress("answers") if bar else nullcontext(no_progress)
    with open_model(request, window, messages, slots) as model, progress as report:
        worker = BatchWorker(model, request)
        report(0, len(rows))
        with closing(in_order(worker.answer, rows, slots, worker.closed)) as records:
            for done, record in enumerate(records, 1):
                report(done, len(rows))
                yield record


def slots_for(spec: ModelSpec, window: int, most: int) -> int:
    """How many answers to make at a time; only with llama.cpp is their memory ours."""
    if spec.engine == "endpoint":
        return most
    return max(1, min(most, BATCH_TOKENS // window)) if spec.engine == "llamacpp" else 1


@dataclass(frozen=True)
class BatchWorker:
    """Answers one line at a time, or several in as many threads, until it is closed."""

    model: Model
    request: Request
    closed: threading.Event = field(default_factory=threading.Event)

    def answer(self, line: BatchLine) -> Mapping[str, object]:
        """Return the answer to a line as a record, even if it is an error in the line."""
        messages = CollectedMessages()
        try:
            if isinstance(line.task, StarcoderError):
                raise line.task
            fields = self._answer(line.task, messages).record()
        except (UsageError, DataError, InputError, RefusedError) as error:
            fields = {"error": str(error), "code": int(error.exit_code)}
        notes = {"notes": messages.notes} if messages.notes else {}
        return {**line.record(), **fields, **notes}

    def _answer(self, task: BatchTask, messages: Messages) -> Answer:
        request, quiet = request_for(self.request, task), OutputOptions(quiet=True)
        source, span = source_of(task, request)
        note_file_read(source.name, messages.note)
        infill = fill_task(source, span, request, messages)
        run = TaskRun(source, span, request, quiet)
        prompt = infill.prompt(self.model, messages)
        through = partial(while_open, closed=self.closed)
        run.generate(self.model, infill, prompt, request, through=through)
        return run.with_notices(run.answer(request, self.model.engine), quiet.messages)


def window_of(task: BatchTask | StarcoderError, request: Request) -> int:
    """A window that is certainly large enough for a task."""
    if isinstance(task, StarcoderError):
        return 1
    try:
        own = request_for(request, task)
        source, span = source_of(task, own)
    except StarcoderError:  # it is found again when it is the line's turn
        return 1
    return window_for(source.hole_at(span), own.sampling.max_tokens)


def context_tokens(rows: Sequence[BatchLine], request: Request) -> int:
    """How many tokens other files may take in a prompt: as many as for the first line."""
    for row in rows:
        with suppress(StarcoderError):
            if isinstance(row.task, BatchTask):
                own = request_for(request, row.task)
                infill = fill_task(*source_of(row.task, own), own, CollectedMessages())
                return infill.context.max_tokens
    return 0


def request_for(request: Request, task: BatchTask) -> Request:
    """The request with the changes that a line makes to it."""
    if task.max_tokens is not None:
        request = request.with_max_tokens(task.max_tokens)
    if task.seed is not None:
        request = request.with_seed(task.seed)
    infill = replace(
        request.infill,
        lines=task.lines or request.infill.lines,
        stop=request.infill.stop if task.stop is None else task.stop,
    )
    return replace(
        request,
        infill=infill,
        lang=task.lang or request.lang,
        filename=task.filename or request.filename,
    )


def source_of(task: BatchTask, request: Request) -> tuple[Source, Span]:
    """The place that a line is about: a range of a file to fill, or the text around a hole."""
    if task.place is None:
        at = len(task.prefix)
        return Source(STANDARD_INPUT, task.prefix + task.suffix), Span(at, at)
    if task.place.partition(":")[0] == STANDARD_INPUT:
        raise UsageError("a gap cannot be in standard input", "name a file")
    source, where = read_place(task.place, request.filename, request.lang)
    return source, source.span_of(where) if request.infill.fim else source.span_after(where)
