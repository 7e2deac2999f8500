"""GGUF files through llama.cpp, in this process.

xllamacpp brings llama.cpp's server. It is reached by a socket in a private folder (by a loopback
port where there are no such sockets), with a random key, and by nothing else. Prompts are sent as
token ids: user text is tokenized with control tokens switched off, so that a file which contains
`<|fim_middle|>` is just a file.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.native import soon_asleep
from starcoder_cli.errors import MachineError, ProtocolError
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.net.http import Exchange
from starcoder_cli.net.sockets import HAS_UNIX_SOCKETS, SOCKET, connected, private_folder
from starcoder_cli.stream import Chunk, Reason, Stream, behind
from starcoder_cli.system.signals import native_interrupts
from starcoder_cli.weights.gguf import read_header

if TYPE_CHECKING:
    import xllamacpp

LIKELIEST = 1000  # tokens that chance chooses among; top_p never reaches further down

BATCH = 256
"""Tokens of a prompt that are read at a time: between two, reading tells how far it is, and ends
where nobody waits for it any more."""

LEFT: list[object] = []  # servers that are busy although nobody waits for them


class LlamaCppModel:
    """A GGUF file that is loaded, with room for `window` tokens of prompt and answer.

    It has as many answers made at a time as it has `slots`; the others wait.
    """

    engine = "llamacpp"

    def __init__(self, path: Path, window: int, slots: int = 1) -> None:
        """Load the file; raises MachineError where llama.cpp cannot."""
        self.window = window
        self._path = path
        self._reading: set[object] = set()  # prompts that may not have been read to their end
        self._open: set[int] = set()  # connections, of other threads too
        self._key = os.urandom(24).hex()
        self._folder = private_folder()
        self._server: xllamacpp.Server | None = None
        try:
            with native_interrupts():
                self._server = load(path, window, slots, self._key, self._folder)
            self._address = self._server.listening_address
            self._wait()
        except BaseException:  # whatever it is, the folder must not stay behind
            LEFT.append(self._server)  # one that has not begun to work could not end
            self.close()
            raise
        self._tokens: dict[str, int | None] = {}

    @cached_property
    def chat_template(self) -> str:
        """The chat template in the file's metadata."""
        return read_header(self._path).chat_template

    def stream(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """The answer, chunk by chunk; closing it closes the connection, and llama.cpp stops."""
        ends = {token for stop in prompt.stop if (token := self._end(stop)) is not None}
        body = {
            "prompt": self.encode(prompt),
            "stream": True,
            "return_tokens": True,
            "return_progress": True,
            "n_predict": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            # Without a bound llama.cpp sorts the whole vocabulary for every token.
            "top_k": LIKELIEST if sampling.temperature else 1,
            "min_p": 0.0,
            "seed": -1 if sampling.seed is None else sampling.seed,
            "n_probs": int(sampling.logprobs),
            "cache_prompt": True,
            "grammar": grammar(prompt.begun) if prompt.begun else "",
        }
        this, before = object(), frozenset(self._reading)
        self._reading.add(this)
        with self._answer("/completion", body) as answer:
            received = events(answer)
            for chunk in behind(chunks(received, ends), prompt.begun):
                if chunk.tokens:  # those that were left before this one are done with as well
                    self._reading -= {this, *before}
                yield chunk

    def encode(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt: one id for each control token, text as nothing but text."""
        ids = self.tokenize("", opening=True)[:1]
        for piece in prompt.pieces:
            if isinstance(piece, Special):
                token = self.token(piece)
                if token is None:
                    raise ProtocolError(
                        f"the model's tokenizer has no token {piece!r}", "choose another model"
                    )
                ids.append(token)
            else:
                ids.extend(self.tokenize(piece))
        if not ids:
            # Nothing at all is refused: the end of an earlier text says least, or an empty line.
            ends = [token for stop in prompt.stop[:1] if (token := self._end(stop)) is not None]
            return ends or self.tokenize("\n")
        return ids

    def tokenize(self, text: str, *, control: bool = False, opening: bool = False) -> list[int]:
        """The token ids of a text, with control tokens in it parsed only where `control` is set.

        `opening` puts the token first that the model wants at the beginning of every prompt.
        """
        body = {"content": text, "add_special": opening, "parse_special": control}
        with self._answer("/tokenize", body) as answer:
            return [int(token) for token in json.loads(answer.read())["tokens"]]

    def count(self, text: str) -> int:
        """How many tokens a text has as user text."""
        return len(self.tokenize(text))

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one."""
        if text not in self._tokens:
            parsed = self.tokenize(text, control=True)
            alone = len(parsed) == 1 and self.tokenize(text) != parsed
            self._tokens[text] = parsed[0] if alone else None
        return self._tokens[text]

    def close(self) -> None:
        """Stop the server and give its memory back.

        A server that was left while it read a prompt would first read on to the end of its batch,
        for seconds; one that other threads read from would wait for them, and they for the
        interpreter, which it holds. Such a server is kept as it is, and ends with the process.
        """
        if self._reading or self._open:
            LEFT.append(self._server)
        self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        """Wait until it works: ended earlier it would wait for itself, holding the interpreter."""
        with self._answer("/lora-adapters") as answer:  # this one waits its turn like a prompt
            answer.read()

    def _end(self, stop: str) -> int | None:
        return self.token(stop) if isinstance(stop, Special) else None

    @contextmanager
    def _answer(self, path: str, body: Mapping[str, object] | None = None) -> Iterator[Exchange]:
        """What llama.cpp answers to a request; leaving it closes the connection."""
        headers = {"Authorization": f"Bearer {self._key}"}
        exchange = Exchange(connected(self._address))
        self._open.add(id(exchange))
        try:
            sent = json.dumps(body).encode() if body else b""
            exchange.ask("POST" if sent else "GET", path, sent, headers)
            if exchange.status != 200:
                raise ProtocolError(*refusal(exchange.read()))
            yield exchange
        finally:
            exchange.close()
            self._open.discard(id(exchange))


def load(path: Path, window: int, slots: int, key: str, folder: Path) -> "xllamacpp.Server":
    """A llama.cpp server that holds the model, reachable through the folder or with the key."""
    try:
        with soon_asleep():
            import xllamacpp
    except ImportError as error:
        raise MachineError(
            f"llama.cpp cannot start: {error}",
            "on Debian and Ubuntu: apt-get install libgomp1",
        ) from error

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = window * slots
    parameters.n_parallel = slots
    parameters.n_batch = parameters.n_ubatch = BATCH
    parameters.warmup = False
    parameters.verbosity = 0
    parameters.cache_ram_mib = 0
    parameters.endpoint_slots = False
    parameters.ui = False
    # To fit layers into a GPU's memory llama.cpp reads all but the weights once more, which takes
    # as long as the load itself; on the processor alone there is nothing to fit.
    parameters.fit_params = has_gpu()
    parameters.api_keys = [key]
    if HAS_UNIX_SOCKETS:
        parameters.hostnames = [str(folder / SOCKET)]
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        read_header(path)  # raises what is wrong with a file that is damaged
        raise MachineError(
            f"llama.cpp cannot load {path.name}: {error}",
            "it may need more memory, or a newer xllamacpp",
        ) from error


def has_gpu() -> bool:
    """Whether this build of llama.cpp finds a GPU to put layers on."""
    import xllamacpp

    kinds = xllamacpp.ggml_backend_dev_type
    gpus = kinds.GGML_BACKEND_DEVICE_TYPE_GPU, kinds.GGML_BACKEND_DEVICE_TYPE_IGPU
    return any(device["type"] in gpus for device in xllamacpp.get_device_info())


def events(answer: Exchange) -> Iterator[Mapping[str, object]]:
    """The JSON objects of a stream of server-sent events, each as soon as it is there."""
    for line in answer.lines():
        name, _, value = line.partition(b": ")
        if name == b"error" or (name == b"data" and b'"error"' in value[:10]):
            raise ProtocolError(*refusal(value))
        if name == b"data":
            yield json.loads(value)


def chunks(received: Iterator[Mapping[str, object]], ends: set[int]) -> Stream:
    """Chunks from llama.cpp's events, up to the first token that ends an answer."""
    made, cached = 0, None
    for event in received:
        progress = event.get("prompt_progress")
        cached = number(progress, "cache") if isinstance(progress, Mapping) else cached
        ids = event.get("tokens")
        total = number(event, "tokens_predicted")
        step, made = max(total - made, 0), max(total, made)
        prompt_tokens = number(event, "tokens_evaluated")
        logprob = log_probability(event)
        if isinstance(ids, Sequence) and ends.intersection(ids):
            yield Chunk("", step, "stop", prompt_tokens, logprob, cached_tokens=cached)
            return
        ended: Reason = "length" if event.get("stop_type") == "limit" else "stop"
        reason = ended if event.get("stop") else None
        text = str(event.get("content", ""))
        yield Chunk(text, step, reason, prompt_tokens, logprob, cached_tokens=cached)


def grammar(begun: str) -> str:
    """The GBNF of every text that begins so."""
    literal = "".join(f"\\U{ord(character):08X}" for character in begun)
    return f'root ::= "{literal}" .*'


def number(event: Mapping[str, object], name: str) -> int:
    """A count in an event, 0 where there is none."""
    value = event.get(name)
    return value if isinstance(value, int) else 0


def log_probability(event: Mapping[str, object]) -> float:
    """The sum of the log-probabilities of the tokens in an event, 0 where it tells of none."""
    rows = event.get("completion_probabilities")
    found = [row.get("logprob") for row in rows] if isinstance(rows, list) else []
    return sum(value for value in found if isinstance(value, int | float))


def refusal(body: bytes) -> tuple[str, str]:
    """What llama.cpp has against a request, and what to do."""
    try:
        message = json.loads(body)["message" if b'"error"' not in body else "error"]
        message = message["message"] if isinstance(message, dict) else message
    except (ValueError, KeyError, TypeError):
        message = body.decode("utf-8", "replace")
    return f"llama.cpp refused the request: {message}", "try a shorter text or another model"
