"""GGUF files through llama.cpp, in this process.

xllamacpp brings llama.cpp's server. It is reachable only through a socket in a private folder (a
loopback port if the system has none), with a random key. Prompts are sent as token ids: user text
is tokenized with control tokens off, so a file that contains `<|fim_middle|>` is just a file.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.engines.native import limit_spinning
from starcoder_cli.errors import MachineError, ProtocolError
from starcoder_cli.model import SPELLS_NOTHING, Prompt, Question, Sampling, Special, as_prompt
from starcoder_cli.net.http import HttpRequest
from starcoder_cli.net.sockets import (
    HAS_UNIX_SOCKETS,
    LLAMA_SOCKET,
    create_private_folder,
    open_connection,
)
from starcoder_cli.stream import Stream, skip_prefix
from starcoder_cli.system.signals import allow_native_interrupts
from starcoder_cli.weights.gguf import read_gguf_header
from starcoder_cli.wire.llamacpp_events import parse_chunks, parse_refusal, read_completion_events

if TYPE_CHECKING:
    import xllamacpp

LLAMACPP_TOP_K = 1000  # how many tokens are sampled from; top_p never reaches further down

PREFILL_BATCH_TOKENS = 256
"""How many prompt tokens are read at a time: between two batches, llama.cpp reports progress, and
stops if nobody is waiting any more."""

ABANDONED_SERVERS: list[object] = []  # servers that are busy although nobody is waiting for them


class LlamaCppModel:
    """A loaded GGUF file, with room for `window` tokens of prompt and answer.

    It generates up to `slots` answers at a time; the others wait.
    """

    engine = "llamacpp"
    spells = SPELLS_NOTHING

    def __init__(self, path: Path, window: int, slots: int = 1, adapter: str = "") -> None:
        """Load the file, with the adapter in a folder; raises MachineError if that fails.

        Raises DataError for an adapter of another model.
        """
        self.window = window
        self._path = path
        self._unread_prompts: set[object] = set()  # those that may not have been read to the end
        self._open_exchanges: set[int] = set()  # connections, including those of other threads
        self._key = os.urandom(24).hex()
        self._folder = create_private_folder()
        self._server: xllamacpp.Server | None = None
        try:
            adapter_file = convert_adapter(path, adapter, self._folder) if adapter else None
            with allow_native_interrupts():
                self._server = start_server(
                    path, window, slots, self._key, self._folder, adapter_file
                )
            self._address = self._server.listening_address
            self._wait_until_ready()
        except BaseException:  # whatever went wrong, the folder must not be left behind
            ABANDONED_SERVERS.append(self._server)  # one that has not begun to work could not stop
            self.close()
            raise
        self._control_ids: dict[str, int | None] = {}

    @cached_property
    def chat_template(self) -> str:
        """The chat template in the file's metadata."""
        return read_gguf_header(self._path).chat_template

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """Stream the answer; closing the stream closes the connection, and llama.cpp stops."""
        prompt = as_prompt(question)
        with closing(skip_prefix(self.generate(prompt, sampling), prompt.forced_prefix)) as chunks:
            yield from chunks

    def generate(self, prompt: Prompt, sampling: Sampling) -> Stream:
        """Stream the answer, including the prefix that it must begin with."""
        end_ids = {token for stop in prompt.stop if (token := self._end_token_id(stop)) is not None}
        body = {
            "prompt": self.encode(prompt),
            "stream": True,
            "return_tokens": True,
            "return_progress": True,
            "n_predict": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            # Without a limit llama.cpp sorts the whole vocabulary for every token.
            "top_k": LLAMACPP_TOP_K if sampling.temperature else 1,
            "min_p": 0.0,
            "seed": -1 if sampling.seed is None else sampling.seed,
            "n_probs": max(int(sampling.logprobs), sampling.top_logprobs),
            "cache_prompt": True,
            "grammar": prefix_grammar(prompt.forced_prefix) if prompt.forced_prefix else "",
        }
        prompt_key, earlier = object(), frozenset(self._unread_prompts)
        self._unread_prompts.add(prompt_key)
        with self._request("/completion", body) as exchange:
            for chunk in parse_chunks(read_completion_events(exchange), end_ids):
                if chunk.tokens:  # those abandoned before this one are finished too
                    self._unread_prompts -= {prompt_key, *earlier}
                yield chunk

    def encode(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt: one id for each control token, and text only ever as text."""
        ids = self.tokenize("", add_bos=True)[:1]
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
            # An empty prompt is refused: the token that ends a text says least, else an empty line.
            end_ids = [
                token for stop in prompt.stop[:1] if (token := self._end_token_id(stop)) is not None
            ]
            return end_ids or self.tokenize("\n")
        return ids

    def tokenize(
        self, text: str, *, parse_control: bool = False, add_bos: bool = False
    ) -> list[int]:
        """The token ids of a text; control tokens in it are parsed only with `parse_control`.

        `add_bos` puts the token first that the model expects at the beginning of every prompt.
        """
        body = {"content": text, "add_special": add_bos, "parse_special": parse_control}
        with self._request("/tokenize", body) as exchange:
            return [int(token) for token in json.loads(exchange.read())["tokens"]]

    def count(self, text: str) -> int:
        """The number of tokens in a text read as user text."""
        return len(self.tokenize(text))

    def has_token(self, text: str) -> bool:
        """Whether a text is exactly one control token."""
        return self.token(text) is not None

    def token(self, text: str) -> int | None:
        """The id of a control token, or None if the text is not exactly one."""
        if text not in self._control_ids:
            ids = self.tokenize(text, parse_control=True)
            is_control = len(ids) == 1 and self.tokenize(text) != ids
            self._control_ids[text] = ids[0] if is_control else None
        return self._control_ids[text]

    def close(self) -> None:
        """Stop the server and free its memory.

        A server abandoned while reading a prompt would first read to the end of its batch, for
        seconds; one that other threads read from would wait for them, while they wait for the
        interpreter, which it holds. Such a server is left as it is, and ends with the process.
        """
        if self._unread_prompts or self._open_exchanges:
            ABANDONED_SERVERS.append(self._server)
        self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_until_ready(self) -> None:
        """Wait until it works: closed earlier, it would wait for itself, holding Python's lock."""
        with self._request("/lora-adapters") as exchange:  # waits its turn like a prompt
            exchange.read()

    def _end_token_id(self, stop: str) -> int | None:
        return self.token(stop) if isinstance(stop, Special) else None

    @contextmanager
    def _request(
        self, path: str, body: Mapping[str, object] | None = None
    ) -> Iterator[HttpRequest]:
        """Open llama.cpp's response to a request; leaving the context closes the connection."""
        headers = {"Authorization": f"Bearer {self._key}"}
        exchange = HttpRequest(open_connection(self._address))
        self._open_exchanges.add(id(exchange))
        try:
            sent = json.dumps(body).encode() if body else b""
            exchange.send("POST" if sent else "GET", path, sent, headers)
            if exchange.status != 200:
                raise ProtocolError(*parse_refusal(exchange.read()))
            yield exchange
        finally:
            exchange.close()
            self._open_exchanges.discard(id(exchange))


def convert_adapter(path: Path, adapter: str, folder: Path) -> Path:
    """Convert a peft adapter into a file for a model; raises what checking the adapter raises."""
    from starcoder_cli.engines.transformers.adapter import (
        ADAPTER_CONFIG_FILE,
        ADAPTER_WEIGHTS_FILE,
        check_adapter,
        read_adapter_config,
    )
    from starcoder_cli.weights.gguf_adapter import write_gguf_adapter

    check_adapter(Path(adapter))
    settings = read_adapter_config(Path(adapter) / ADAPTER_CONFIG_FILE)
    target = folder / "adapter.gguf"
    write_gguf_adapter(path, Path(adapter) / ADAPTER_WEIGHTS_FILE, settings, target)
    return target


def start_server(
    path: Path,
    window: int,
    slots: int,
    api_key: str,
    folder: Path,
    adapter: Path | None = None,
) -> "xllamacpp.Server":
    """Start a llama.cpp server with the model, reachable through the folder or with the key."""
    # Where a file makes it give up, llama.cpp would look for `gdb` in PATH and run it.
    os.environ["GGML_NO_BACKTRACE"] = "1"
    try:
        with limit_spinning():
            import xllamacpp
    except ImportError as error:
        raise MachineError(
            f"llama.cpp cannot start: {error}",
            "on Debian and Ubuntu: apt-get install libgomp1",
        ) from error

    parameters = xllamacpp.CommonParams()
    parameters.model.path = utf8_path(path, folder)
    if adapter:
        parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    parameters.n_ctx = window * slots
    parameters.n_parallel = slots
    parameters.n_batch = parameters.n_ubatch = PREFILL_BATCH_TOKENS
    parameters.warmup = False
    parameters.verbosity = 0
    parameters.cache_ram_mib = 0
    parameters.endpoint_slots = False
    parameters.ui = False
    # It runs a file's own template while it loads, which can loop or grow for ever. Prompts are
    # built here, so a template of its own, which no request uses, takes the file's place.
    parameters.chat_template = "chatml"
    # To fit layers into a GPU's memory, llama.cpp reads all but the weights again, which takes as
    # long as the load itself; on a CPU alone there is nothing to fit.
    parameters.fit_params = has_gpu()
    parameters.api_keys = [api_key]
    if HAS_UNIX_SOCKETS:
        parameters.hostnames = [str(folder / LLAMA_SOCKET)]
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        read_gguf_header(path)  # raises what is wrong if the file is damaged
        raise MachineError(
            f"llama.cpp cannot load {path.name}: {error}",
            "it may need more memory, or a newer xllamacpp",
        ) from error


def utf8_path(path: Path, folder: Path) -> str:
    """A path llama.cpp accepts, in UTF-8; for any other, a link to it in the folder."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        link = folder / "model.gguf"
        link.symlink_to(path.absolute())
        return str(link)
    return str(path)


def has_gpu() -> bool:
    """Whether this build of llama.cpp finds a GPU to put layers on."""
    import xllamacpp

    kinds = xllamacpp.ggml_backend_dev_type
    gpus = kinds.GGML_BACKEND_DEVICE_TYPE_GPU, kinds.GGML_BACKEND_DEVICE_TYPE_IGPU
    return any(device["type"] in gpus for device in xllamacpp.get_device_info())


def prefix_grammar(prefix: str) -> str:
    """The GBNF grammar of every text that begins with this prefix."""
    literal = "".join(f"\\U{ord(character):08X}" for character in prefix)
    return f'root ::= "{literal}" .*'
