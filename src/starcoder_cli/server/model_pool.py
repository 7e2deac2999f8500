"""The models the server holds: each loaded once, and unloaded when no longer used."""

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
"""Minimum window in tokens: the next prompt may be longer than the first."""

MAX_TOKENS_IN_SLOTS = 32768
"""Maximum tokens of prompt and answer in all slots together."""

MAX_SLOTS = 8
MAX_QUEUED_ANSWERS = 16
"""Maximum answers in progress, and maximum answers waiting for their turn.

On a CPU, llama.cpp is hardly faster with four tokens at once than one by one, but it is with eight.
"""

MIN_FREE_MEMORY = 512 << 20
"""Bytes of memory to keep free."""

DEFAULT_KEEP_ALIVE = 300.0
"""Seconds that a model stays loaded after its last answer, unless a request sets another time."""

ModelKey: TypeAlias = tuple[object, ...]
CallResult = TypeVar("CallResult")


@dataclass
class PooledModel:
    """A loaded model and its current use.

    It can make `slot_count` answers at a time, one per slot in `slots`. `pending_answers` is the
    number of answers requested now, `running_answers` the number of those in progress, and
    `pin_count` the number of other uses.
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
        """Whether it may be unloaded."""
        return not self.pending_answers and not self.pin_count

    @property
    def is_full(self) -> bool:
        """Whether its queue of answers is full."""
        return self.pending_answers >= MAX_SLOTS + MAX_QUEUED_ANSWERS

    @property
    def expires_at(self) -> float:
        """When it expires if unused, on the monotonic clock."""
        return self.last_used + self.keep_alive if self.keep_alive >= 0 else float("inf")

    def is_narrower(self, min_window: int) -> bool:
        """Whether its window is too small and loading it again would enlarge it.

        A window smaller than the one requested is the most the model has.
        """
        return self.requested_window <= self.model.window < min_window

    def loaded_info(self) -> LoadedInfo:
        """What a client needs to know about it."""
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
        """What `starcoder ps` shows about it."""
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
    """The loaded models. Methods run on the event loop, and slow work in the executor."""

    def __init__(
        self,
        executor: Executor,
        load: LoadModel = load_model,
        measure_free: Callable[[], int] = free_memory,
    ) -> None:
        """`load` opens a model as `load_model` does; `measure_free` returns free bytes."""
        self._executor, self._load, self._measure_free = executor, load, measure_free
        self._loaded: dict[str, PooledModel] = {}
        self._load_lock = asyncio.Lock()
        self._load_numbers = itertools.count(1)

    def __iter__(self) -> Iterator[PooledModel]:
        return iter(list(self._loaded.values()))

    def __len__(self) -> int:
        return len(self._loaded)

    async def load(self, load_request: LoadRequest) -> LoadedInfo:
        """Return the requested model, loading it if it is not held or its window is too small.

        Raises whatever loading it raises.
        """
        async with self._load_lock:
            key = model_key(load_request)
            matches = [candidate for candidate in self if candidate.key == key]
            loaded = max(matches, key=lambda candidate: candidate.requested_window, default=None)
            if loaded and loaded.is_narrower(load_request.room):
                if loaded.is_idle:  # a busy one stays until it expires
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
        """The model with an id; raises InputError if it is no longer loaded."""
        try:
            return self._loaded[model_id]
        except KeyError:
            raise InputError(
                "the model was unloaded in the meantime", "run the command again"
            ) from None

    @contextmanager
    def pinned(self, loaded: PooledModel) -> Iterator[None]:
        """Keep the model loaded in this context; raises InputError if it no longer is."""
        self.get(loaded.id).pin_count += 1
        try:
            yield
        finally:
            loaded.pin_count -= 1
            loaded.last_used = time.monotonic()

    @asynccontextmanager
    async def slot(self, loaded: PooledModel) -> AsyncIterator[None]:
        """Acquire one of the model's slots, in order of arrival.

        Raises BusyError if too many are waiting, InputError if the model is no longer loaded.
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
        """Unload models whose keep-alive has expired."""
        now = time.monotonic()
        async with self._load_lock:
            for loaded in self:
                if loaded.is_idle and loaded.expires_at <= now:
                    await self._release(loaded)

    async def close(self) -> None:
        """Close all models without waiting for cancelled answers: the process is about to end."""
        for loaded in self:
            await self._run_in_thread(loaded.model.close)
        self._loaded.clear()

    async def _free_memory_for(self, required_bytes: int) -> None:
        """Unload the least recently used models while memory is short."""
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
        """Load a model with a larger window than requested, and with slots for several answers."""
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
    """What requests for the same model share: its name, its files as they are now, its options."""
    path = Path(load_request.path)
    try:
        status = path.stat()
        files: ModelKey = (load_request.path, status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:
        files = (load_request.path,)
    return (load_request.model, files, load_request.loading)


def total_file_bytes(name: str) -> int:
    """The size in bytes of a file, or of the files in a folder; 0 for a model without files."""
    if not name:
        return 0
    path = Path(name)
    files = path.rglob("*") if path.is_dir() else [path]
    with suppress(OSError):
        return sum(file.stat().st_size for file in files if file.is_file())
    return 0


def release_model(model: Model) -> None:
    """Close a model whose last answer may have been cancelled.

    An engine still reading the prompt of an abandoned answer cannot be closed. Generating one more
    token makes sure that it has finished.
    """
    one_token = Sampling(max_tokens=1)
    with suppress(StarcoderError), closing(model.stream(Prompt(("\n",)), one_token)) as chunks:
        for _ in chunks:
            pass
    model.close()
