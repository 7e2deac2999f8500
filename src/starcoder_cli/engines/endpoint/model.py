"""A model at an OpenAI-compatible endpoint: vLLM, llama.cpp's server, a hosted one, or our own.

Where the server has a tokenizer to ask, prompts go as token ids. Elsewhere they go as text, in
which whoever wrote the file may have written control tokens: that is said where it happens.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from starcoder_cli.catalog import ModelSpec, known
from starcoder_cli.engines.endpoint.connection import ABSENT, Connection
from starcoder_cli.engines.endpoint.tokenizer import PROBE, Spelling, Tokens, specials
from starcoder_cli.errors import DataError, InputError, UsageError
from starcoder_cli.loading import BYTES
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.net.endpoints import Endpoint
from starcoder_cli.postprocess.fences import first_block
from starcoder_cli.prompts.chat import Conversation, Message, Role
from starcoder_cli.prompts.chat_formats import MESSAGES, choose
from starcoder_cli.prompts.fim_formats import GAP, of_name, spelling
from starcoder_cli.stream import Stream, closing_source
from starcoder_cli.wire import openai_client as wire
from starcoder_cli.wire.openai_client import DIALECTS, OTHER, Dialect, Served

WINDOW = 8192
"""Tokens that a model is taken to read where neither the server nor the catalog says."""

MARKS = {frame.before[0]: role for role, frame in MESSAGES.frames.items()}

Note = Callable[[str], None]


@dataclass(frozen=True)
class Reached:
    """An endpoint that answers: which of its models is asked, and what is known of that one."""

    endpoint: Endpoint
    served: Served
    dialect: Dialect
    spec: ModelSpec


def reach(endpoint: Endpoint, named: str, perhaps: str, fim: str, note: Note) -> Reached:
    """The endpoint's model that is `named`, or the one that is `perhaps` there, or its first.

    `fim` is the family that the user says it is of, empty for what its name tells. Raises
    InputError where the server does not have the named one, and what a connection raises.
    """
    with closing(Connection(endpoint, note)) as connection:
        listed = wire.served_of(connection.perhaps("GET", wire.MODELS) or {"data": []})
        served = chosen(listed, named, perhaps)
        dialect = DIALECTS.get(served.owner, OTHER)
        if dialect.tokenizes == "llamacpp" and not served.window:
            window = wire.window_of(connection.perhaps("GET", wire.PROPERTIES) or {})
            served = replace(served, window=window)
        if dialect.tokenizes:
            probe = wire.tokenization(served.id, PROBE, dialect, opening=False, control=False)
            if not connection.perhaps("POST", wire.TOKENIZE, probe):  # a gateway may hide it
                dialect = replace(dialect, tokenizes="", stop_ids="")
    return Reached(endpoint, served, dialect, described(served, dialect, fim, endpoint.root))


def chosen(listed: Sequence[Served], named: str, perhaps: str) -> Served:
    """Which of the models that a server lists is meant; it may list none where one is named."""
    if not listed and not named:
        raise UsageError("the endpoint does not list its models", "name one with -m")
    if not listed:
        return Served(named)
    wanted = named or perhaps
    same = known(wanted)
    for each in listed:
        if each.id == wanted or (same and known(each.id) == same):
            return each
    if named:
        ids = ", ".join(each.id for each in listed[:10])
        raise InputError(f"the endpoint has no model {named!r}", f"it has: {ids}")
    return listed[0]


def described(served: Served, dialect: Dialect, fim: str, root: str) -> ModelSpec:
    """What is known of a served model: by the user, by the catalog's row for its name, or by that.

    Other files of a project are not read along unasked: they would leave this machine.
    """
    row = known(served.id)
    family = fim or (row.fim if row else of_name(served.id))
    if not fim and (dialect.fim == "suffix" or (dialect.fim and not family)):
        family = "server"
    return ModelSpec(
        name=served.id,
        repository=served.id,
        file=root,
        window=served.window or (row.window if row else 0) or WINDOW,
        fim=family,
        engine="endpoint",
        chat=None if row and not row.chat else MESSAGES.name,
        metadata=bool(row and row.metadata),
    )


class EndpointModel:
    """A model that an endpoint serves."""

    engine = "endpoint"
    chat_template = ""

    def __init__(self, reached: Reached, note: Note) -> None:
        """`note` is told what is worth knowing, each thing once."""
        self._served, self._spec, self._dialect = reached.served, reached.spec, reached.dialect
        self.window = reached.spec.window
        self._connection = Connection(reached.endpoint, note)
        self._note = note
        self._noted: set[str] = set()
        self._spelling = Spelling(self._tokens) if self._dialect.tokenizes else None

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer, chunk by chunk; closing it closes the connection, and the server stops."""
        if prompt.pieces and is_role(prompt.pieces[0]):
            return self._chat(*talk_of(prompt), sampling)
        gaps = [at for at, piece in enumerate(prompt.pieces) if is_gap(piece)]
        if gaps:
            return self._gap(prompt, gaps[0], sampling)
        return self._completion(prompt, sampling)

    def count(self, text: str) -> int:
        """How many tokens a text has as user text: estimated where the server does not tell."""
        if self._spelling is None:
            return round(len(text.encode("utf-8", "replace")) / BYTES + 0.5)
        return len(self._spelling.text(text))

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one.

        The marks of a gap and of a chat have a number too, and where the server has no tokenizer
        to ask so have the tokens of the family that the model's name tells: none that is used.
        """
        if text in MARKS or (text == GAP and self._dialect.fim):
            return 0
        if self._spelling is not None:
            return self._spelling.token(text)
        form = spelling(self._spec.fim)
        return 0 if form and text in form.specials() else None

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _completion(self, prompt: Prompt, sampling: Sampling) -> Stream:
        stops = [stop for stop in prompt.stop if isinstance(stop, Special)]
        body = wire.completion(
            self._served.id, self._written(prompt), sampling, self._dialect, self._ends(stops)
        )
        return self._answer(wire.COMPLETIONS, body)

    def _gap(self, prompt: Prompt, at: int, sampling: Sampling) -> Stream:
        around = (*prompt.pieces[:at], prompt.begun), prompt.pieces[at + 1 :]
        before, behind = (sound("".join(part)) for part in around)
        route = wire.INFILL if self._dialect.fim == "infill" else wire.COMPLETIONS
        body = wire.gap(self._served.id, before, behind, sampling, self._dialect)
        return self._answer(route, body)

    def _chat(self, talk: Conversation, begun: str, sampling: Sampling) -> Stream:
        """The next answer of a talk, by the server's own template where it has one.

        Of an answer that is to begin inside a block of code, what is in its first block.
        """
        for message in talk.messages[-1:]:
            self._warn(message.text)
        body = wire.chat(self._served.id, talk, sampling, self._dialect)
        with self._connection.request("POST", wire.CHAT, body, (*ABSENT, 400)) as response:
            if response.status_code == 200:
                chunks = wire.chunks(self._connection.events(response))
                with closing_source(only_code(chunks) if begun else chunks) as source:
                    yield from source
                return
            refused = self._connection.problem(response)
        if response.status_code == 400 and "chat template" not in refused.message.lower():
            raise refused
        with closing(self._plain(talk, begun, sampling)) as chunks:
            yield from chunks

    def _plain(self, talk: Conversation, begun: str, sampling: Sampling) -> Stream:
        """The next answer of a talk, asked for in a form of ours."""
        row = known(self._served.id)
        form = choose(row.chat if row else None, self._served.id, "", self.token)
        self._once(f"{self._served.id} is served without a chat template: the form is {form.name}")
        prompt = form.prompt(talk)
        pieces = (*prompt.pieces, begun) if begun else prompt.pieces
        return self._completion(Prompt(pieces, prompt.stop), sampling)

    def _answer(self, route: str, body: wire.Body) -> Stream:
        with self._connection.request("POST", route, body) as response:
            yield from wire.chunks(self._connection.events(response))

    def _written(self, prompt: Prompt) -> str | list[int]:
        """A prompt as its server takes it, never empty."""
        if self._spelling is not None:
            return self._spelling.encode(prompt) or self._spelling.text("\n")
        for piece in prompt.pieces:
            if not isinstance(piece, Special):
                self._warn(piece)
        return sound("".join(map(as_text, (*prompt.pieces, prompt.begun)))) or "\n"

    def _ends(self, stops: Sequence[Special]) -> Sequence[str] | Sequence[int]:
        if self._dialect.stop_ids and self._spelling is not None:
            found = (self._spelling.token(stop) for stop in stops)
            return [token for token in found if token is not None]
        form = spelling(self._spec.fim)
        return [as_text(stop) for stop in stops if form and stop in form.stop]

    def _tokens(self, text: str, opening: bool, control: bool) -> Tokens:
        body = wire.tokenization(self._served.id, sound(text), self._dialect, opening, control)
        return wire.tokens_of(self._connection.ask("POST", wire.TOKENIZE, body))

    def _warn(self, text: str) -> None:
        """Say so where a server may take a part of a text for a control token."""
        if self._dialect.fim == "suffix":
            return
        found = next((token for token in specials() if token in text), None)
        if found:
            self._once(f"the text has {found} in it, which the endpoint may not read as text")

    def _once(self, text: str) -> None:
        if text not in self._noted:
            self._note(text)
        self._noted.add(text)


def is_role(piece: str) -> bool:
    """Whether a piece of a prompt says who speaks; a text of the same letters does not."""
    return isinstance(piece, Special) and piece in MARKS


def is_gap(piece: str) -> bool:
    """Whether a piece of a prompt is the mark of a gap; a text of the same letters is not."""
    return isinstance(piece, Special) and piece == GAP


def talk_of(prompt: Prompt) -> tuple[Conversation, str]:
    """The conversation in a prompt, and what the answer to it is to begin with."""
    system = ""
    messages: list[Message] = []
    role: Role = "system"
    for piece in prompt.pieces:
        if is_role(piece):
            role = MARKS[piece]
        elif role == "system":
            system = piece
        else:
            messages.append(Message(role, piece))
    begun = ""
    if messages and messages[-1].role == "assistant" and not is_role(prompt.pieces[-1]):
        begun = messages.pop().text
    return Conversation(system, tuple(messages)), begun


def as_text(piece: str) -> str:
    """A piece of a prompt where it goes as text: Code Llama's tokens begin with a space there."""
    marked = isinstance(piece, Special) and piece.startswith("▁")
    return f" {piece[1:]}" if marked else str(piece)


def sound(text: str) -> str:
    """A text without what was no UTF-8 in a file: servers take no surrogates."""
    return text.encode("utf-8", "replace").decode()


def only_code(chunks: Stream) -> Stream:
    """The code in the first block of an answer; DataError where it has none."""
    try:
        yield from first_block(chunks, lambda fence: None)
    except DataError as error:
        raise DataError(error.message, "ask again, or another model") from error
