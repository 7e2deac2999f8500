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

from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import LoadModel, load_model
from starcoder_cli.engines.machine import free_memory
from starcoder_cli.errors import BusyError, InputError, StarcoderError
from starcoder_cli.model import Model, Prompt, Sampling
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.wire.local_protocol import LoadedInfo, LoadRequest, ModelStatus

MIN_LOADED_WINDOW = 4096
"""Tokens that a model has room for at least: the next prompt may be longer than the first."""

MAX_TOKENS_IN_SLOTS = 32768
"""For how many tokens of prompt and answer there is room in all slots together."""

MAX_SLOTS = 8
MAX_QUEUED_ANSWERS = 16
"""How many answers are made at a time, and how many more may wait for their turn.

On a processor llama.cpp computes four tokens at once hardly sooner than one by one, but eight.
"""

MIN_FREE_MEMORY = 512 << 20
"""Bytes of memory that stay free."""

DEFAULT_KEEP_ALIVE = 300.0
"""Seconds that a model stays after its last answer, unless somebody asks for another time."""

ModelKey: TypeAlias = tuple[object, ...]
CallResult = TypeVar("CallResult")


@dataclass
class PooledModel:
    """A model that is loaded with room for so many tokens, and what happens to it.

    It makes so many answers at a time as it has `slots`, `slot_count` of them.
    `pending_answers` is how many answers are asked for now, `running_answers` how many of them are
    being made, and `pin_count` how many other uses of it there are.
    """

    id: str
    key: ModelKey
    name: str
    model: Model
    file_bytes: int
    slots: asyncio.Semaphore
    slot_count: int
    load_messages: list[str]
    requested_window: int
    keep_alive: float = DEFAULT_KEEP_ALIVE
    loaded_at: float = field(default_factory=time.monotonic)
    last_used: float = field(default_factory=time.monotonic)
    answer_count: int = 0
    pending_answers: int = 0
    running_answers: int = 0
    pin_count: int = 0

    @property
    def is_idle(self) -> bool:
        """Whether it may be let go."""
        return not self.pending_answers and not self.pin_count

    @property
    def is_full(self) -> bool:
        """Whether as many answers are asked for as may be at once."""
        return self.pending_answers >= MAX_SLOTS + MAX_QUEUED_ANSWERS

    @property
    def expires_at(self) -> float:
        """When it is let go if nobody asks for it, on the monotonic clock."""
        return self.last_used + self.keep_alive if self.keep_alive >= 0 else float("inf")

    def is_narrower(self, min_window: int) -> bool:
        """Whether it has too little room, and would have more if it was loaded with more.

        A window that is smaller than what it was loaded for is all that the model has.
        """
        return self.requested_window <= self.model.window < min_window

    def loaded_info(self) -> LoadedInfo:
        """What a client is told about it."""
        control_tokens = {
            str(token)
            for fim_format in FIM_FORMATS.values()
            for token in (*fim_format.control_tokens(), *fim_format.stop)
        }
        tokens = sorted(filter(self.model.has_token, control_tokens))
        return LoadedInfo(
            id=self.id,
            engine=self.model.engine,
            window=self.model.window,
            chat_template=self.model.chat_template,
            tokens=tokens,
            told=self.load_messages,
        )

    def status(self, now: float) -> ModelStatus:
        """What `starcoder ps` shows of it."""
        until = None if self.keep_alive < 0 else round(self.expires_at - now, 1)
        return ModelStatus(
            model=self.name,
            engine=self.model.engine,
            window=self.model.window,
            size=self.file_bytes,
            since=round(now - self.loaded_at, 1),
            until=until,
            answers=self.answer_count,
            busy=self.pending_answers,
        )


class ModelPool:
    """The loaded models. Its methods run on the event loop, what takes time in the executor."""

    def __init__(
        self,
        executor: Executor,
        load: LoadModel = load_model,
        measure_free: Callable[[], int] = free_memory,
    ) -> None:
        """`load` opens a model as `load_model` does; `measure_free` gives free bytes of memory."""
        self._executor, self._load, self._measure_free = executor, load, measure_free
        self._loaded: dict[str, PooledModel] = {}
        self._load_lock = asyncio.Lock()
        self._load_numbers = itertools.count(1)

    def __iter__(self) -> Iterator[PooledModel]:
        return iter(list(self._loaded.values()))

    def __len__(self) -> int:
        return len(self._loaded)

    async def load(self, load_request: LoadRequest) -> LoadedInfo:
        """The model that is asked for, loaded where it is not held, or held with too little room.

        Raises what loading it raises.
        """
        async with self._load_lock:
            key = model_key(load_request)
            matches = [candidate for candidate in self if candidate.key == key]
            loaded = max(matches, key=lambda candidate: candidate.requested_window, default=None)
            if loaded and loaded.is_narrower(load_request.room):
                if loaded.is_idle:  # one that answers stays until its time is over
                    await self._release(loaded)
                loaded = None
            if loaded is None:
                await self._free_memory_for(total_file_bytes(load_request.path))
                loaded = await self._run_in_thread(lambda: self._load_model(load_request, key))
                self._loaded[loaded.id] = loaded
            if load_request.keep_alive is not None:
                loaded.keep_alive = load_request.keep_alive
            loaded.last_used = time.monotonic()
            return await self._run_in_thread(loaded.loaded_info)

    def get(self, model_id: str) -> PooledModel:
        """The model of an id; InputError where it is not held any more."""
        try:
            return self._loaded[model_id]
        except KeyError:
            raise InputError("the model was let go meanwhile", "run the command again") from None

    @contextmanager
    def pinned(self, loaded: PooledModel) -> Iterator[None]:
        """It is not let go meanwhile; InputError where it was already."""
        self.get(loaded.id).pin_count += 1
        try:
            yield
        finally:
            loaded.pin_count -= 1
            loaded.last_used = time.monotonic()

    @asynccontextmanager
    async def slot(self, loaded: PooledModel) -> AsyncIterator[None]:
        """One of the model's slots, after those who asked before.

        Raises BusyError where too many wait, InputError where the model is not held any more.
        """
        self.get(loaded.id)
        if loaded.is_full:
            raise BusyError("too many answers are wanted at once", "try again in a moment")
        loaded.pending_answers += 1
        try:
            async with loaded.slots:
                loaded.running_answers += 1
                try:
                    yield
                finally:
                    loaded.running_answers -= 1
        finally:
            loaded.pending_answers -= 1
            loaded.answer_count += 1
            loaded.last_used = time.monotonic()

    async def release_expired(self) -> None:
        """Let those go that nobody has asked for as long as they were to stay."""
        now = time.monotonic()
        async with self._load_lock:
            for loaded in self:
                if loaded.is_idle and loaded.expires_at <= now:
                    await self._release(loaded)

    async def close(self) -> None:
        """Let all of them go as they are: the process is about to end."""
        for loaded in self:
            await self._run_in_thread(loaded.model.close)
        self._loaded.clear()

    async def _free_memory_for(self, required_bytes: int) -> None:
        """Let those go that were used least recently, while there is too little memory."""
        for loaded in sorted(self, key=lambda candidate: candidate.last_used):
            if self._measure_free() >= required_bytes * 5 // 4 + MIN_FREE_MEMORY:
                return
            if loaded.is_idle:
                await self._release(loaded)

    async def _release(self, loaded: PooledModel) -> None:
        self._loaded.pop(loaded.id, None)
        await self._run_in_thread(lambda: release_model(loaded.model))

    async def _run_in_thread(self, call: Callable[[], CallResult]) -> CallResult:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def _load_model(self, load_request: LoadRequest, key: ModelKey) -> PooledModel:
        """Load a model with room for more than is asked for, and for several answers at a time."""
        spec, load_messages = find_model(load_request.model), list[str]()
        window = max(load_request.room, min(MIN_LOADED_WINDOW, spec.window or MIN_LOADED_WINDOW))
        slots = (
            max(1, min(MAX_SLOTS, MAX_TOKENS_IN_SLOTS // window))
            if spec.engine == "llamacpp"
            else 1
        )
        path = Path(load_request.path) if load_request.path else None
        model = self._load(spec, path, window, load_request.loading, load_messages.append, slots)
        return PooledModel(
            id=f"{spec.name}#{next(self._load_numbers)}",
            key=key,
            name=spec.name,
            model=model,
            file_bytes=total_file_bytes(load_request.path),
            slots=asyncio.Semaphore(slots),
            slot_count=slots,
            load_messages=load_messages,
            requested_window=window,
        )


def model_key(load_request: LoadRequest) -> ModelKey:
    """What two requests for the same model share: its name, its files as they are now, its form."""
    path = Path(load_request.path)
    try:
        status = path.stat()
        files: ModelKey = (load_request.path, status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:
        files = (load_request.path,)
    return (load_request.model, files, load_request.loading)


def total_file_bytes(name: str) -> int:
    """The bytes of a file, or of the files in a folder; 0 for a model that has none."""
    if not name:
        return 0
    path = Path(name)
    files = path.rglob("*") if path.is_dir() else [path]
    with suppress(OSError):
        return sum(file.stat().st_size for file in files if file.is_file())
    return 0


def release_model(model: Model) -> None:
    """Let a model go whose last answer may have been cancelled.

    An engine that still reads for an answer that nobody waits for cannot be closed. It is done
    with that once it has given another, of one token.
    """
    one_token = Sampling(max_tokens=1)
    with suppress(StarcoderError), closing(model.stream(Prompt(("\n",)), one_token)) as chunks:
        for _ in chunks:
            pass
    model.close()
