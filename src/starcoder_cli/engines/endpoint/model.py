"""A model at an OpenAI-compatible endpoint: vLLM, llama.cpp's server, a hosted one, or our own.

If the server offers its tokenizer, prompts go as token ids. Otherwise they go as text, which may
contain control tokens that the file's author wrote: the user is warned when that happens.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec, find_by_alias
from starcoder_cli.engines.endpoint.connection import NO_ROUTE, EndpointConnection
from starcoder_cli.engines.endpoint.text_prompts import (
    end_texts,
    find_control_token,
    spell_prompt,
    stop_texts,
    to_valid_utf8,
)
from starcoder_cli.engines.endpoint.tokenizer import (
    BYTES_PER_TOKEN,
    PROBE,
    RemoteTokenizer,
    TokenTexts,
)
from starcoder_cli.errors import DataError, InputError, ProtocolError, UsageError
from starcoder_cli.model import Conversation, Hole, Prompt, Question, Sampling, Special
from starcoder_cli.net.endpoints import EndpointAddress
from starcoder_cli.prompts.chat_formats import choose_chat_format
from starcoder_cli.prompts.fim_formats import SERVER, find_fim_format, guess_family
from starcoder_cli.reply import with_answer_prefix
from starcoder_cli.stream import Stream, until_stop
from starcoder_cli.wire import openai_client as wire
from starcoder_cli.wire.openai_client import DIALECTS, GENERIC_DIALECT, Dialect, ServedModel

if TYPE_CHECKING:
    from httpx2 import Response

DEFAULT_ENDPOINT_WINDOW = 8192
"""The window assumed for a model if neither the server nor the catalog gives one, in tokens."""

NO_LIST = (400, 403, 422)
REFUSED_STATUSES = (400, 422)

Notify = Callable[[str], None]


@dataclass(frozen=True)
class ResolvedEndpoint:
    """An endpoint that answers: which of its models is used, and what is known about that model."""

    endpoint: EndpointAddress
    served: ServedModel
    dialect: Dialect
    spec: ModelSpec


def probe_endpoint(
    endpoint: EndpointAddress, requested: str, default: str, family: str, notify: Notify
) -> ResolvedEndpoint:
    """Resolve the model `requested`, else the one called `default` there, else the first.

    `family` is the FIM family given by the user; if empty, it is guessed from the name. Raises
    InputError if the server does not have the named model, and any connection error.
    """
    with closing(EndpointConnection(endpoint, notify)) as connection:
        models = list_models(connection, requested)
        served = choose_served_model(models, requested, default)
        dialect = DIALECTS.get(served.owner, GENERIC_DIALECT)
        if not served.window:
            served = replace(served, window=connection.find_window())
        if dialect.tokenize_api:
            probe = wire.tokenize_body(
                served.id, PROBE, dialect, add_bos=False, parse_control=False
            )
            if not connection.find_json("POST", wire.TOKENIZE_ROUTE, probe):  # gateways may hide it
                dialect = replace(dialect, tokenize_api="", stop_ids_field="")
    return ResolvedEndpoint(
        endpoint, served, dialect, build_model_spec(served, dialect, family, endpoint.base_url)
    )


def list_models(connection: EndpointConnection, requested: str) -> list[ServedModel]:
    """The models that an endpoint lists.

    If a model is named, the list may be missing, malformed or forbidden to the key.
    """
    missing = (*NO_ROUTE, *NO_LIST) if requested else NO_ROUTE
    try:
        with connection.request("GET", wire.MODELS_ROUTE, None, missing) as response:
            if response.status_code in missing:
                return []
            return wire.parse_model_list(connection.read_value(response))
    except ProtocolError:
        if requested:
            return []
        raise


def choose_served_model(models: Sequence[ServedModel], requested: str, default: str) -> ServedModel:
    """Choose which listed model is meant; the list may be empty if one is requested by name."""
    if not models and not requested:
        raise UsageError("the endpoint does not list its models", "name one with -m")
    if not models:
        return ServedModel(requested)
    name = requested or default
    spec = find_by_alias(name)
    for served in models:
        if served.id in (name, f"{name}:latest") or (spec and find_by_alias(served.id) == spec):
            return served
    if requested:
        ids = ", ".join(served.id for served in models[:10])
        raise InputError(f"the endpoint has no model {requested!r}", f"it has: {ids}")
    return models[0]


def build_model_spec(served: ServedModel, dialect: Dialect, fim: str, root: str) -> ModelSpec:
    """Describe a served model from what the user said, its catalog entry, or else its name.

    Other files of a project are not included by default: they would leave this machine.
    """
    spec = find_by_alias(served.id)
    family = fim or (spec.fim if spec else guess_family(served.id))
    if not fim and (dialect.fim_api == "suffix" or (dialect.fim_api and not family)):
        family = SERVER
    return ModelSpec(
        name=served.id,
        repository=served.id,
        file=root,
        window=served.window or (spec.window if spec else 0) or DEFAULT_ENDPOINT_WINDOW,
        fim=family,
        engine="endpoint",
        chat=spec.chat if spec else None,
        wants_file_metadata=bool(spec and spec.wants_file_metadata),
    )


class EndpointModel:
    """A model that an endpoint serves."""

    engine = "endpoint"
    chat_template = ""

    def __init__(self, resolved: ResolvedEndpoint, notify: Notify) -> None:
        """`notify` is called with things worth knowing, once for each."""
        self._served, self._spec, self._dialect = resolved.served, resolved.spec, resolved.dialect
        self.window = resolved.spec.window
        self._connection = EndpointConnection(resolved.endpoint, notify)
        self._notify = notify
        self._notified: set[str] = set()
        self._refused: set[str] = set()
        self._tokenizer = RemoteTokenizer(self._tokenize) if self._dialect.tokenize_api else None

    @property
    def spells(self) -> AbstractSet[type]:
        """Holes if the server takes them; conversations, unless the model is not tuned for chat."""
        row = find_by_alias(self._served.id)
        gaps = {Hole} if self._dialect.fim_api and self._spec.fim == SERVER else set()
        chats = set() if row and not row.chat else {Conversation}
        return gaps | chats

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """Stream the answer; closing the stream closes the connection, and the server stops."""
        if isinstance(question, Conversation):
            return self._chat(question, sampling)
        if isinstance(question, Hole):
            return self._infill(question, sampling)
        return self._complete(question, sampling)

    def count(self, text: str) -> int:
        """The number of tokens in user text, estimated if the server cannot tokenize."""
        if self._tokenizer is None:
            return round(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN + 0.5)
        return len(self._tokenizer.encode_text(text))

    def has_token(self, text: str) -> bool:
        """Whether a text is exactly one control token.

        If the server cannot tokenize, this goes by the control tokens of the family that the
        model's name suggests.
        """
        if self._tokenizer is not None:
            return self._tokenizer.token_id(text) is not None
        form = find_fim_format(self._spec.fim)
        return bool(form and text in form.control_tokens())

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _complete(self, prompt: Prompt, sampling: Sampling) -> Stream:
        body = wire.completion_body(
            self._served.id, self._encode(prompt), sampling, self._dialect, self._stops(prompt)
        )
        chunks = self._stream_response(wire.COMPLETIONS_ROUTE, body, sampling)
        if not self._reads_text_alone:
            return chunks
        return until_stop(chunks, end_texts(prompt, find_fim_format(self._spec.fim)))

    def _infill(self, hole: Hole, sampling: Sampling) -> Stream:
        prefix, suffix = to_valid_utf8(hole.prefix), to_valid_utf8(hole.suffix)
        route = wire.INFILL_ROUTE if self._dialect.fim_api == "infill" else wire.COMPLETIONS_ROUTE
        body = wire.infill_body(self._served.id, prefix, suffix, sampling, self._dialect)
        return self._stream_response(route, body, sampling)

    def _chat(self, conversation: Conversation, sampling: Sampling) -> Stream:
        """Stream the next answer of a conversation, by the server's own template if it has one."""
        for message in conversation.messages[-1:]:
            self._warn_of_control_tokens(message.text)
        body = wire.chat_body(self._served.id, conversation, sampling, self._dialect)
        try:
            with self._request(wire.CHAT_ROUTE, body, NO_ROUTE) as response:
                if response.status_code == 200:
                    events = self._connection.read_events(response)
                    yield from wire.decode_stream(events, sampling.max_tokens)
                    return
        except DataError as error:
            if "chat template" not in error.message.lower():
                raise
        with closing(self._spelled_here(conversation, sampling)) as chunks:
            yield from chunks

    def _spelled_here(self, conversation: Conversation, sampling: Sampling) -> Stream:
        """Stream the next answer of a conversation, formatted here instead of by the server."""
        row = find_by_alias(self._served.id)
        form = choose_chat_format(row.chat if row else None, self._served.id, "", self.has_token)
        self._notify_once(
            f"{self._served.id} is served without a chat template: the form is {form.name}"
        )
        chunks = self._complete(form.build_prompt(conversation), sampling)
        return with_answer_prefix(chunks, conversation.answer_prefix)

    def _stream_response(self, route: str, body: wire.Body, sampling: Sampling) -> Stream:
        with self._request(route, body) as response:
            events = self._connection.read_events(response)
            yield from wire.decode_stream(events, sampling.max_tokens)

    @contextmanager
    def _request(
        self, route: str, body: wire.Body, allowed_statuses: Collection[int] = ()
    ) -> "Iterator[Response]":
        """Open a response, asking again without any fields that the endpoint refuses."""
        allowed = (*allowed_statuses, *REFUSED_STATUSES)
        while True:
            body = wire.without_fields(body, self._refused)
            with self._connection.request("POST", route, body, allowed) as response:
                if response.status_code not in REFUSED_STATUSES:
                    yield response
                    return
                error = self._connection.error_from_response(response)
            refused = wire.find_refused_fields(body, error.message)
            if not refused:
                raise error
            self._refused |= refused
            if named := ", ".join(sorted(refused & wire.SAMPLING_FIELDS)):
                self._notify_once(f"the endpoint does not take {named}: it is asked without")

    def _encode(self, prompt: Prompt) -> str | list[int]:
        """A prompt in the form its server takes, never empty."""
        if self._tokenizer is not None:
            return self._tokenizer.encode(prompt) or self._tokenizer.encode_text("\n")
        for piece in prompt.pieces:
            if not isinstance(piece, Special):
                self._warn_of_control_tokens(piece)
        return spell_prompt(prompt)

    def _stops(self, prompt: Prompt) -> Sequence[str] | Sequence[int]:
        if self._dialect.stop_ids_field and self._tokenizer is not None:
            stops = [stop for stop in prompt.stop if isinstance(stop, Special)]
            token_ids = (self._tokenizer.token_id(stop) for stop in stops)
            return [token_id for token_id in token_ids if token_id is not None]
        return stop_texts(prompt, find_fim_format(self._spec.fim))

    @property
    def _reads_text_alone(self) -> bool:
        """Whether control tokens go as text, both ways; our own server reads and writes none."""
        return self._tokenizer is None and self._dialect.fim_api != "suffix"

    def _tokenize(self, text: str, add_bos: bool, parse_control: bool) -> TokenTexts:
        body = wire.tokenize_body(
            self._served.id, to_valid_utf8(text), self._dialect, add_bos, parse_control
        )
        return wire.parse_tokens(self._connection.request_json("POST", wire.TOKENIZE_ROUTE, body))

    def _warn_of_control_tokens(self, text: str) -> None:
        """Warn if the server may mistake part of a text for a control token."""
        if self._dialect.fim_api == "suffix":
            return
        if control_token := find_control_token(text):
            self._notify_once(
                f"the text has {control_token} in it, which the endpoint may not read as text"
            )

    def _notify_once(self, text: str) -> None:
        if text not in self._notified:
            self._notify(text)
        self._notified.add(text)
