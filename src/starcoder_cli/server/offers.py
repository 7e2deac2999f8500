"""The models the HTTP API offers: fixed at startup, loaded on demand.

None is ever loaded by a path or name that a client sends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.server.model_pool import ModelPool, PooledModel
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.local_protocol import LoadRequest


@dataclass(frozen=True)
class ModelOffer:
    """A model on offer: the name clients use, and how it is loaded."""

    name: str
    spec: ModelSpec
    load_request: LoadRequest


@dataclass(frozen=True)
class ModelOffers:
    """The models on offer; the first is the default."""

    pool: ModelPool
    offers: Sequence[ModelOffer]
    loaded_ids: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[ModelOffer]:
        return iter(self.offers)

    def find(self, name: str) -> ModelOffer:
        """The model with a name; raises ApiError if it is not on offer."""
        for offer in self.offers:
            if offer.name == name:
                return offer
        message = "there is no such model here: /v1/models lists those that are"
        raise ApiError(404, message, "model", "model_not_found")

    def choose(self, name: str) -> ModelOffer:
        """The model a request names; a sole model answers to every name.

        Editors send names of their own, or a placeholder.
        """
        return self.find(name) if name and len(self.offers) > 1 else self.offers[0]

    def window(self, offer: ModelOffer) -> int:
        """The tokens that prompt and answer share, as the model is loaded or will be."""
        loaded_id = self.loaded_ids.get(offer.name)
        windows = [each.model.window for each in self.pool if each.id == loaded_id]
        return windows[0] if windows else offer.load_request.room

    async def load(self, offer: ModelOffer) -> PooledModel:
        """Return the model, loading it again if it was evicted to make room for another."""
        loaded_id = self.loaded_ids.get(offer.name)
        loaded = next((candidate for candidate in self.pool if candidate.id == loaded_id), None)
        if loaded:
            return loaded
        info = await self.pool.load(offer.load_request)
        self.loaded_ids[offer.name] = info.id
        return self.pool.get(info.id)
