"""Which models the server holds, for how long, and who is next; with models that are none."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import BusyError, InputError, MachineError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import SPELLS_NOTHING, Question, Sampling
from starcoder_cli.server.model_pool import MAX_QUEUED_ANSWERS, MAX_SLOTS, ModelPool, model_key
from starcoder_cli.stream import Chunk, Stream
from starcoder_cli.wire.local_protocol import LoadRequest

Made = TypeVar("Made")


class Fake:
    """A model that says which one it is."""

    engine = "llamacpp"
    chat_template = "template"
    spells = SPELLS_NOTHING

    def __init__(self, window: int) -> None:
        self.window = window
        self.asked = 0
        self.closed = False

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """One token."""
        self.asked += 1
        yield Chunk("a", 1, "length")

    def count(self, text: str) -> int:
        """One token for each character."""
        return len(text)

    def has_token(self, text: str) -> bool:
        """One control token."""
        return text == "<fim_middle>"

    def close(self) -> None:
        """It is over."""
        self.closed = True


class Opened(list[tuple[Fake, int]]):
    """The models that were opened, each with the slots it was opened for; memory has no end."""

    def load(
        self,
        spec: ModelSpec,
        path: Path | None,
        room: int,
        loading: LoadOptions,
        tell: Callable[[str], None],
        slots: int,
    ) -> Fake:
        """One more of them."""
        if room > 8000:
            raise MachineError("the memory is full")
        tell(f"room for {room}")
        self.append((Fake(room), slots))
        return self[-1][0]

    def free(self) -> int:
        """So many bytes are free."""
        return 1 << 40


@pytest.fixture
def made() -> Opened:
    """The models that a test opens."""
    return Opened()


def run(test: Callable[[ModelPool], Awaitable[Made]], made: Opened) -> Made:
    """What a test gives that runs on an event loop with a holding of its own."""

    async def whole() -> Made:
        with ThreadPoolExecutor(4) as pool:
            return await test(ModelPool(pool, made.load, made.free))

    return asyncio.run(whole())


def asked(name: str = "qwen2.5-coder-0.5b", room: int = 100, **given: object) -> LoadRequest:
    """What a client asks for."""
    keep_alive = given.get("keep_alive")
    assert keep_alive is None or isinstance(keep_alive, float)
    return LoadRequest(name, f"/nowhere/{name}", room, LoadOptions(), keep_alive)


def test_what_a_client_is_told(made: Opened) -> None:
    opened = run(lambda holding: holding.load(asked()), made)
    assert (opened.engine, opened.window, opened.chat_template) == ("llamacpp", 4096, "template")
    assert (opened.tokens, opened.told) == (["<fim_middle>"], ["room for 4096"])
    assert made[0][1] == 8


def test_it_is_loaded_once_and_again_where_it_has_too_little_room(
    made: Opened,
) -> None:
    async def test(holding: ModelPool) -> list[str]:
        rooms = (100, 4000, 4097, 200)
        return [(await holding.load(asked(room=room))).id for room in rooms]

    first, again, wider, last = run(test, made)
    assert first == again != wider == last
    assert [model.window for model, _ in made] == [4096, 4097]
    assert [model.closed for model, _ in made] == [True, False]


def test_one_that_is_answering_stays_beside_a_wider_one(
    made: Opened,
) -> None:
    async def test(holding: ModelPool) -> int:
        narrow = holding.get((await holding.load(asked())).id)
        async with holding.slot(narrow):
            wide = await holding.load(asked(room=5000))
            assert (await holding.load(asked(room=5000))).id == wide.id
        assert (await holding.load(asked())).id == wide.id
        return len(holding)

    assert run(test, made) == len(made) == 2
    assert not made[0][0].closed


def test_one_that_has_all_of_its_window_is_not_loaded_again(
    made: Opened,
) -> None:
    """A file that the catalog does not know was loaded anew for every longer text."""

    async def test(holding: ModelPool) -> set[str]:
        first = await holding.load(asked(room=5000))
        made[0][0].window = 2048
        return {first.id, (await holding.load(asked(room=6000))).id}

    assert len(run(test, made)) == len(made) == 1


def test_an_error_leaves_the_others_alone(made: Opened) -> None:
    async def test(holding: ModelPool) -> int:
        await holding.load(asked())
        with pytest.raises(MachineError):
            await holding.load(asked("starcoder2-3b-gguf", room=9000))
        return len(holding)

    assert run(test, made) == 1
    assert not made[0][0].closed


def test_the_least_recently_used_makes_room(made: Opened) -> None:
    names = ["qwen2.5-coder-0.5b", "smollm2-135m", "starcoder2-3b-gguf", "starcoder2-7b-gguf"]

    class Narrow(Opened):
        """Room for two models."""

        def free(self) -> int:
            return 0 if sum(not model.closed for model, _ in self) > 1 else 1 << 40

    made = Narrow()

    async def test(holding: ModelPool) -> list[str]:
        for name in (*names[:2], names[0], names[2]):
            await holding.load(asked(name))
        first = next(held for held in holding if held.name == names[0])
        async with holding.slot(first):
            await holding.load(asked(names[3]))
        return [held.name for held in holding]

    assert run(test, made) == [names[0], names[3]]


def test_one_that_is_answering_is_never_let_go(made: Opened) -> None:
    async def test(holding: ModelPool) -> list[int]:
        opened = await holding.load(asked(keep_alive=0.0))
        counts = []
        async with holding.slot(holding.get(opened.id)):
            await holding.release_expired()
            counts.append(len(holding))
        await holding.release_expired()
        with pytest.raises(InputError, match="unloaded in the meantime"):
            holding.get(opened.id)
        return [*counts, len(holding)]

    assert run(test, made) == [1, 0]
    assert (made[0][0].asked, made[0][0].closed) == (1, True)


def test_one_that_is_used_otherwise_stays_too(made: Opened) -> None:
    """A prompt is composed with it before its turn: to let it go then was a bug."""

    class Full(Opened):
        """No room for any."""

        def free(self) -> int:
            return 0

    made = Full()

    async def test(holding: ModelPool) -> list[int]:
        held = holding.get((await holding.load(asked(keep_alive=0.0))).id)
        counts = []
        with holding.pinned(held):
            await holding.load(asked("smollm2-135m"))
            await holding.release_expired()
            counts.append(len(holding))
        await holding.load(asked("starcoder2-3b-gguf"))
        counts.append(len(holding))
        with pytest.raises(InputError, match="unloaded in the meantime"), holding.pinned(held):
            pass
        with pytest.raises(InputError, match="unloaded in the meantime"):
            async with holding.slot(held):
                pass
        return counts

    assert run(test, made) == [2, 1]
    assert [model.closed for model, _ in made] == [True, True, False]


def test_the_last_word_on_how_long_it_stays(made: Opened) -> None:
    async def test(holding: ModelPool) -> list[float | None]:
        left: list[float | None] = []
        for keep_alive in (None, 60.0, None, -1.0, None):
            await holding.load(asked(keep_alive=keep_alive))
            (held,) = holding
            left.append(held.status(held.last_used).until)
        return left

    assert run(test, made) == [300, 60, 60, None, None]


def test_turns_are_taken_in_order_and_too_many_are_refused(
    made: Opened,
) -> None:
    async def test(holding: ModelPool) -> list[int]:
        held = holding.get((await holding.load(asked())).id)
        order: list[int] = []

        async def wait(number: int) -> None:
            async with holding.slot(held):
                order.append(number)
                await asyncio.sleep(0)

        waiting = [
            asyncio.create_task(wait(number)) for number in range(MAX_SLOTS + MAX_QUEUED_ANSWERS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            async with holding.slot(held):
                pass
        await asyncio.gather(*waiting)
        assert held.pending_answers == 0
        return order

    assert run(test, made) == list(range(MAX_SLOTS + MAX_QUEUED_ANSWERS))


def test_who_gives_up_waiting_leaves_the_queue(made: Opened) -> None:
    async def test(holding: ModelPool) -> int:
        held = holding.get((await holding.load(asked())).id)

        async def wait() -> None:
            async with holding.slot(held):
                await asyncio.sleep(60)

        waiting = [asyncio.create_task(wait()) for _ in range(MAX_SLOTS + 2)]
        await asyncio.sleep(0)
        waiting[-1].cancel()
        waiting[0].cancel()
        await asyncio.wait(waiting[:1] + waiting[-1:])
        busy = held.pending_answers
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        async with asyncio.timeout(5), holding.slot(held):
            pass
        return busy

    assert run(test, made) == MAX_SLOTS


def test_at_the_end_all_are_closed_without_another_answer(
    made: Opened,
) -> None:
    async def test(holding: ModelPool) -> int:
        await holding.load(asked())
        await holding.close()
        return len(holding)

    assert run(test, made) == 0
    assert (made[0][0].closed, made[0][0].asked) == (True, 0)


def test_files_that_changed_are_another_model(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_text("a")

    def opening() -> LoadRequest:
        return LoadRequest(str(path), str(path), 1, LoadOptions())

    before = model_key(opening())
    assert model_key(opening()) == before
    path.write_text("ab")
    assert model_key(opening()) != before
    path.unlink()
    assert model_key(opening()) != before
