"""The models that the server holds: each opened once, and let go when nobody asks for it."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from starcoder_cli.catalog import find
from starcoder_cli.engines.load import open_model
from starcoder_cli.engines.machine import free_memory
from starcoder_cli.errors import BusyError, InputError, StarcoderError
from starcoder_cli.loading import Work
from starcoder_cli.model import Model, Prompt, Sampling
from starcoder_cli.prompts.fim_formats import FORMATS
from starcoder_cli.wire.local_protocol import Opened, Opening, Running

WINDOW = 4096
"""Tokens that a model has room for at least: the next prompt may be longer than the first."""

TOKENS = 32768
"""For how many tokens of prompt and answer there is room in all slots together."""

SLOTS = 8
QUEUE = 16
"""How many answers are made at a time, and how many more may wait for their turn.

On a processor llama.cpp computes four tokens at once hardly sooner than one by one, but eight.
"""

SPARE = 512 << 20
"""Bytes of memory that stay free."""

KEEP_ALIVE = 300.0
"""Seconds that a model stays after its last answer, unless somebody asks for another time."""

REPEATS = 4
"""How many answers a model is expected to give before it is let go, when an engine is chosen."""

Identity: TypeAlias = tuple[object, ...]
Made = TypeVar("Made")


@dataclass
class Held:
    """A model that is loaded with room for so many tokens, and what happens to it.

    `busy` is how many answers are wanted now, `working` how many of them are being made, and
    `kept` how often it is used otherwise.
    """

    id: str
    identity: Identity
    name: str
    model: Model
    size: int
    slots: asyncio.Semaphore
    told: list[str]
    room: int
    keep_alive: float = KEEP_ALIVE
    since: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)
    answers: int = 0
    busy: int = 0
    working: int = 0
    kept: int = 0

    @property
    def idle(self) -> bool:
        """Whether it may be let go."""
        return not self.busy and not self.kept

    @property
    def full(self) -> bool:
        """Whether as many answers are wanted as may be at once."""
        return self.busy >= SLOTS + QUEUE

    @property
    def until(self) -> float:
        """When it is let go if nobody asks for it, on the monotonic clock."""
        return self.used + self.keep_alive if self.keep_alive >= 0 else float("inf")

    def is_narrower(self, room: int) -> bool:
        """Whether it has too little room, and would have more if it was loaded with more.

        A window that is smaller than what it was loaded for is all that the model has.
        """
        return self.room <= self.model.window < room

    def opened(self) -> Opened:
        """What a client is told about it."""
        named = {
            str(token) for form in FORMATS.values() for token in (*form.specials(), *form.stop)
        }
        tokens = {text: number for text in named if (number := self.model.token(text)) is not None}
        return Opened(
            id=self.id,
            engine=self.model.engine,
            window=self.model.window,
            chat_template=self.model.chat_template,
            tokens=tokens,
            told=self.told,
        )

    def running(self, now: float) -> Running:
        """What `starcoder ps` shows of it."""
        until = None if self.keep_alive < 0 else round(self.until - now, 1)
        return Running(
            model=self.name,
            engine=self.model.engine,
            window=self.model.window,
            size=self.size,
            since=round(now - self.since, 1),
            until=until,
            answers=self.answers,
            busy=self.busy,
        )


class Holding:
    """All of them. Its methods run on the event loop, what takes time in the threads of `pool`."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._held: dict[str, Held] = {}
        self._loading = asyncio.Lock()
        self._numbers = itertools.count(1)

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    async def open(self, opening: Opening) -> Opened:
        """The model that is asked for, loaded where it is not held, or held with too little room.

        Raises what loading it raises.
        """
        async with self._loading:
            wanted = identity(opening)
            same = [each for each in self if each.identity == wanted]
            held = max(same, key=lambda each: each.room, default=None)
            if held and held.is_narrower(opening.room):
                if held.idle:  # one that answers stays until its time is over
                    await self._release(held)
                held = None
            if held is None:
                await self._make_room(size(opening.path))
                held = await self._run(lambda: self._load(opening, wanted))
                self._held[held.id] = held
            if opening.keep_alive is not None:
                held.keep_alive = opening.keep_alive
            held.used = time.monotonic()
            return await self._run(held.opened)

    def get(self, name: str) -> Held:
        """The model of an id; InputError where it is not held any more."""
        try:
            return self._held[name]
        except KeyError:
            raise InputError("the model was let go meanwhile", "run the command again") from None

    @contextmanager
    def keeping(self, held: Held) -> Iterator[None]:
        """It is not let go meanwhile; InputError where it was already."""
        self.get(held.id).kept += 1
        try:
            yield
        finally:
            held.kept -= 1
            held.used = time.monotonic()

    @asynccontextmanager
    async def turn(self, held: Held) -> AsyncIterator[None]:
        """One of the model's slots, after those who asked before.

        Raises BusyError where too many wait, InputError where the model is not held any more.
        """
        self.get(held.id)
        if held.full:
            raise BusyError("too many answers are wanted at once", "try again in a moment")
        held.busy += 1
        try:
            async with held.slots:
                held.working += 1
                try:
                    yield
                finally:
                    held.working -= 1
        finally:
            held.busy -= 1
            held.answers += 1
            held.used = time.monotonic()

    async def release_expired(self) -> None:
        """Let those go that nobody has asked for as long as they were to stay."""
        now = time.monotonic()
        async with self._loading:
            for held in self:
                if held.idle and held.until <= now:
                    await self._release(held)

    async def close(self) -> None:
        """Let all of them go as they are: the process is about to end."""
        for held in self:
            await self._run(held.model.close)
        self._held.clear()

    async def _make_room(self, needed: int) -> None:
        """Let those go that were used least recently, while there is too little memory."""
        for held in sorted(self, key=lambda each: each.used):
            if free_memory() >= needed * 5 // 4 + SPARE:
                return
            if held.idle:
                await self._release(held)

    async def _release(self, held: Held) -> None:
        self._held.pop(held.id, None)
        await self._run(lambda: release(held.model))

    async def _run(self, make: Callable[[], Made]) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._pool, make)

    def _load(self, opening: Opening, wanted: Identity) -> Held:
        """Load a model with room for more than is asked for, and for several answers at a time."""
        spec, told = find(opening.model), list[str]()
        room = max(opening.room, min(WINDOW, spec.window or WINDOW))
        slots = max(1, min(SLOTS, TOKENS // room)) if spec.engine == "llamacpp" else 1
        work = Work(opening.work.read * REPEATS, opening.work.write * REPEATS, slots)
        path = Path(opening.path) if opening.path else None
        model = open_model(spec, path, room, opening.loading, told.append, work)
        return Held(
            id=f"{spec.name}#{next(self._numbers)}",
            identity=wanted,
            name=spec.name,
            model=model,
            size=size(opening.path),
            slots=asyncio.Semaphore(slots),
            told=told,
            room=room,
        )


def identity(opening: Opening) -> Identity:
    """What tells two openings of the same model: its name, its files as they are now, its form."""
    path = Path(opening.path)
    try:
        status = path.stat()
        files: Identity = (opening.path, status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:
        files = (opening.path,)
    return (opening.model, files, opening.loading)


def size(name: str) -> int:
    """The bytes of a file, or of the files in a folder; 0 for a model that has none."""
    if not name:
        return 0
    path = Path(name)
    files = path.rglob("*") if path.is_dir() else [path]
    with suppress(OSError):
        return sum(file.stat().st_size for file in files if file.is_file())
    return 0


def release(model: Model) -> None:
    """Let a model go whose last answer may have been cancelled.

    An engine that still reads for an answer that nobody waits for cannot be closed. It is done
    with that once it has given another, of one token.
    """
    one = Sampling(max_tokens=1)
    with suppress(StarcoderError), closing(model.stream(Prompt(("\n",)), one)) as chunks:
        for _ in chunks:
            pass
    model.close()
