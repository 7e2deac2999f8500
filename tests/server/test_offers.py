"""The models that clients may ask, by what names, and how they are loaded."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from starcoder_cli.catalog import find_model
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.loading import LoadOptions
from starcoder_cli.server.model_pool import ModelPool
from starcoder_cli.server.offers import ModelOffer, ModelOffers
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.local_protocol import LoadRequest


def offer(name: str) -> ModelOffer:
    """A model that is offered by a name."""
    request = LoadRequest("echo", "", 4096, LoadOptions())
    return ModelOffer(name, find_model("echo"), request)


def test_names() -> None:
    with ThreadPoolExecutor(1) as executor:
        pool = ModelPool(executor, lambda *_: EchoModel())
        only, two = ModelOffers(pool, [offer("a")]), ModelOffers(pool, [offer("a"), offer("b")])
    assert only.choose("x").name == only.choose("").name == two.choose("").name == "a"
    assert two.choose("b").name == "b"
    for refused in (two.choose, only.find):
        with pytest.raises(ApiError, match="no such model"):
            refused("x")


def test_a_model_is_loaded_once_and_again_when_it_was_let_go() -> None:
    async def test() -> None:
        with ThreadPoolExecutor(1) as executor:
            pool = ModelPool(executor, lambda *_: EchoModel())
            offers = ModelOffers(pool, [offer("a")])
            (only,) = offers
            assert offers.window(only) == 4096
            first = await offers.load(only)
            assert await offers.load(only) is first
            assert offers.window(only) == EchoModel.window
            first.keep_alive = 0
            await pool.release_expired()
            assert await offers.load(only) is not first

    asyncio.run(test())
