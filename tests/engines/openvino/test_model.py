"""A tiny model through OpenVINO: what it streams, where it stops, and what it leaves alone."""

import math
import os
import shutil
import string
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from ggufs import CONTROLS, TEMPLATE
from graphs import compile_exactly
from starcoder_cli.engines.decoding.loop import SpeculativeDecoder
from starcoder_cli.engines.decoding.sampler import NumpySampler, Token
from starcoder_cli.engines.llamacpp import LlamaCppModel
from starcoder_cli.engines.openvino import graph, prepare, prepared
from starcoder_cli.engines.openvino.convert import WEIGHTS_FILE
from starcoder_cli.engines.openvino.model import OpenVinoModel
from starcoder_cli.engines.openvino.prepared import StepRows
from starcoder_cli.engines.openvino.scheduler import MAX_STEP_ROWS
from starcoder_cli.engines.openvino.sources import prepared_source
from starcoder_cli.errors import DataError, MachineError
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.stream import Chunk, Completion, collect
from tinies import SPEC, pulled

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")

WINDOW = 256
TEXT = Prompt(("abc  d",))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the tiny model, with what it was prepared in beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STARCODER_MODELS_DIR", str(tmp_path_factory.mktemp("models")))
        file = pulled()
        prepare.prepare_model(SPEC, file, lambda done, total: None)
    return file


def opened_model(path: Path, window: int, slots: int = 1) -> OpenVinoModel:
    """What a file was prepared in, open."""
    source = prepared_source(path.parent / prepared.PREPARED_FOLDER, path)
    return OpenVinoModel(source, window, slots)


@pytest.fixture(scope="module")
def model(path: Path) -> Iterator[OpenVinoModel]:
    """The tiny model with a small window."""
    with closing(opened_model(path, WINDOW, 2)) as opened:
        yield opened


def test_text_arrives_token_by_token(model: OpenVinoModel) -> None:
    chunks = list(model.stream(TEXT, Sampling(max_tokens=6)))
    assert [chunk.tokens for chunk in chunks] == [1] * 6 + [0]
    assert [chunk.reason for chunk in chunks if chunk.reason] == ["length"]
    assert {chunk.prompt_tokens for chunk in chunks} == {len(model.encode(TEXT))}


def test_both_engines_agree(model: OpenVinoModel, path: Path) -> None:
    """On the tokens of a text, and on the likeliest next one."""
    with closing(LlamaCppModel(path, WINDOW)) as other:
        assert model.encode(TEXT) == other.encode(TEXT) == [64, 65, 66, 220, 220, 67]
        ours, theirs = (
            collect(each.stream(TEXT, Sampling(2, logprobs=True))) for each in (model, other)
        )
    assert ours.text == theirs.text
    assert ours.logprob == pytest.approx(theirs.logprob, abs=0.1)


class Recording(NumpySampler):
    """Keeps the ids that it chose."""

    def __init__(self) -> None:
        super().__init__(Sampling())
        self.ids: list[int] = []

    def sample(self, logits: "NDArray[float32]", allowed_ids: Sequence[int] = ()) -> list[Token]:
        """The tokens after each row of logits."""
        tokens = super().sample(logits, allowed_ids)
        self.ids += [token.id for token in tokens]
        return tokens


def test_an_answer_ends_at_a_control_token(model: OpenVinoModel) -> None:
    """The third token of the answer stands for one that the model was trained to stop at."""

    def answer(end_ids: set[int], sampler: NumpySampler) -> Completion:
        decoder = SpeculativeDecoder(Sampling(20), end_ids, sampler, None)
        return collect(model.generate(model.encode(TEXT), decoder, 20))

    recording = Recording()
    whole = answer(set(), recording)
    third = recording.ids[2]
    ended = answer({third}, NumpySampler(Sampling()))
    assert (ended.reason, ended.tokens) == ("stop", recording.ids.index(third) + 1)
    assert whole.text.startswith(ended.text.rstrip("\ufffd")) and len(ended.text) <= 3


def test_the_chat_template_is_that_of_the_file(model: OpenVinoModel) -> None:
    assert model.chat_template == TEMPLATE


def test_an_answer_ends_where_the_model_itself_does(model: OpenVinoModel) -> None:
    """Whatever else the prompt names."""
    own, other = (model.token(special) for special in CONTROLS[:2])
    assert model.end_ids(TEXT) == {own}
    assert model.end_ids(Prompt(TEXT.pieces, (Special(CONTROLS[1]),))) == {own, other}
    assert model.end_ids(Prompt(TEXT.pieces, ("x", Special("<none>")))) == {own}


def test_control_tokens_in_a_text_are_text(model: OpenVinoModel) -> None:
    tokens = {model.token(special) for special in CONTROLS}
    assert None not in tokens and len(tokens) == len(CONTROLS)
    assert not tokens & set(model.encode(Prompt(("".join(CONTROLS),))))
    assert tokens == set(model.encode(Prompt(tuple(map(Special, CONTROLS)))))
    assert model.count("".join(CONTROLS)) > 4


@pytest.mark.parametrize("begun", [" 🦑 is", ' 1"0\\', "\t[^a](b)|{2}?*+.$/-", string.punctuation])
def test_an_answer_begins_as_it_has_to(
    begun: str, model: OpenVinoModel, capfd: pytest.CaptureFixture[str]
) -> None:
    """However unlikely that is; what it begins with is left out, and no library says a word."""
    prompt = Prompt(TEXT.pieces, forced_prefix=begun)
    sampling, ids = Sampling(max_tokens=40), model.encode(prompt)
    rest = collect(model.stream(prompt, sampling)).text
    decoder = model.create_decoder(ids, prompt, sampling)
    assert collect(model.generate(ids, decoder, 40)).text == begun + rest
    assert rest
    assert capfd.readouterr() == ("", "")


def test_few_kernels_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In both caches, or one keeps what the other has let go."""
    from openvino import Core

    asked: list[tuple[str | None, object]] = []
    name, compile_model = "ONEDNN_PRIMITIVE_CACHE_CAPACITY", Core.compile_model

    def seen(core: Core, model: object, device: str, told: dict[str, object]) -> object:
        asked.append((os.environ.get(name), told["CPU_RUNTIME_CACHE_CAPACITY"]))
        return compile_model(core, model, device, told)

    monkeypatch.setattr(Core, "compile_model", seen)
    monkeypatch.delenv(name, raising=False)
    opened_model(path, WINDOW).close()
    assert name not in os.environ
    monkeypatch.setenv(name, "7")
    opened_model(path, WINDOW).close()
    assert set(asked) == {
        (str(graph.KERNEL_CACHE_SIZE), graph.KERNEL_CACHE_SIZE),
        ("7", graph.KERNEL_CACHE_SIZE),
    }
    assert os.environ[name] == "7"


def test_a_seed_makes_chance_repeatable(model: OpenVinoModel) -> None:
    def text(seed: int | None) -> str:
        sampling = Sampling(max_tokens=12, temperature=1.5, top_p=1.0, seed=seed)
        return collect(model.stream(TEXT, sampling)).text

    first = text(1)
    assert text(1) == first
    assert {text(2), text(3)} != {first}
    assert len({text(None) for _ in range(3)}) > 1


def test_the_log_probability_is_that_of_the_model_itself(model: OpenVinoModel) -> None:
    greedy = collect(model.stream(TEXT, Sampling(6, logprobs=True)))
    assert math.isfinite(greedy.logprob) and greedy.logprob < 0
    assert collect(model.stream(TEXT, Sampling(6))).logprob == 0
    begin = collect(model.stream(TEXT, Sampling(1, logprobs=True)))
    assert greedy.logprob < begin.logprob < 0


def test_answers_that_are_made_together_are_those_made_one_by_one(model: OpenVinoModel) -> None:
    prompts = [Prompt((f"def f{number}(x):\n    return ",)) for number in range(4)]
    alone = [collect(model.stream(prompt, Sampling(24))).text for prompt in prompts]
    together: dict[int, Completion] = {}

    def ask(number: int) -> None:
        together[number] = collect(model.stream(prompts[number], Sampling(24)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number].text for number in range(4)] == alone


def test_closing_an_answer_takes_it_away(model: OpenVinoModel) -> None:
    stream = model.stream(TEXT, Sampling(max_tokens=200))
    next(stream)
    assert len(model._scheduler._answers) == 1
    stream.close()
    assert not model._scheduler._answers


@pytest.mark.parametrize("edited", ["\nx = 1\n", "\n"])
def test_what_was_read_is_not_read_again(model: OpenVinoModel, edited: str) -> None:
    """But for the last two tokens, whose logits are wanted, and all behind an edit."""
    text = "".join(f"def f{number}(): pass\n" for number in range(12))
    whole = collect(model.stream(Prompt((text,)), Sampling(8)))
    again = collect(model.stream(Prompt((text,)), Sampling(8)))
    assert again.text == whole.text
    assert again.cached_tokens == whole.prompt_tokens - 2
    before = text[:100]
    after = collect(model.stream(Prompt((before + edited + text[100:],)), Sampling(8)))
    assert after.cached_tokens == len(model.encode(Prompt((before,)))) + (edited == "\n")
    assert model.encode(Prompt((before,))) == model.encode(Prompt((text,)))[: len(before)]


@pytest.fixture(scope="module")
def exact(path: Path) -> None:
    """A processor on which the numbers of a row do not depend on the rows beside it."""
    with closing(opened_model(path, 2 * WINDOW)) as model:
        if model.measure_rows("def f(x): return x", math.inf).most == 1:
            pytest.skip("on this processor a step of several rows gives other numbers")


@pytest.mark.usefixtures("exact")
def test_an_answer_is_the_same_whatever_was_read_before(path: Path) -> None:
    """Cold, behind a text that begins alike, and again: with the very same probabilities."""
    text = "".join(f"def f{number}(x):\n    return x + {number}\n" for number in range(9))
    asked = [Prompt((text[:100] + "#" + text[100:],)), Prompt((text,)), Prompt((text,))]
    sampling = Sampling(24, logprobs=True)
    folder = path.parent / prepared.PREPARED_FOLDER
    with closing(OpenVinoModel(prepared_source(folder, path), 2 * WINDOW)) as model:
        cold = collect(model.stream(asked[-1], sampling))
    with closing(OpenVinoModel(prepared_source(folder, path), 2 * WINDOW)) as model:
        _, first, again = (collect(model.stream(prompt, sampling)) for prompt in asked)
    known = [each.cached_tokens or 0 for each in (cold, first, again)]
    assert known[0] == 0 and 80 < known[1] <= 100 and known[2] > 200
    assert (cold.text, cold.logprob) == (first.text, first.logprob) == (again.text, again.logprob)


def test_drafts_change_no_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the model says, it says the same one token at a time."""
    compile_exactly(monkeypatch)
    with closing(opened_model(path, 2 * WINDOW)) as model:
        for text in ("abcd", "x = f(x)\n", "return "):
            steps: dict[int, list[Chunk]] = {}
            told: dict[int, Completion] = {}
            for rows in (MAX_STEP_ROWS, 1):
                model._scheduler.rows = StepRows(1, rows)
                prompt = Prompt((text * 9,))
                steps[rows] = list(model.stream(prompt, Sampling(120)))
                told[rows] = collect(model.stream(prompt, Sampling(120, logprobs=True)))
            drafted, plain = (collect(iter(chunks)) for chunks in steps.values())
            assert drafted.text == plain.text == told[1].text == told[MAX_STEP_ROWS].text
            assert told[MAX_STEP_ROWS].logprob == pytest.approx(told[1].logprob)
            assert max(chunk.tokens for chunk in steps[MAX_STEP_ROWS]) == MAX_STEP_ROWS
            assert max(chunk.tokens for chunk in steps[1]) == 1
            assert len(steps[MAX_STEP_ROWS]) < len(steps[1])


def test_prompt_and_answer_together_fit_the_window(model: OpenVinoModel) -> None:
    long = Prompt(("x" * (WINDOW - 8),))
    assert collect(model.stream(long, Sampling(max_tokens=8))).tokens == 8
    with pytest.raises(DataError) as caught:
        collect(model.stream(long, Sampling(max_tokens=9)))
    assert str(caught.value) == (
        "a prompt of 248 tokens leaves room for 8 in the window; shorten it, or lower --max-tokens"
    )


@pytest.mark.parametrize(
    "prompt", [Prompt(()), Prompt(("",)), Prompt((), (Special("<|endoftext|>"),))]
)
def test_nothing_is_a_prompt_too(prompt: Prompt, model: OpenVinoModel) -> None:
    assert collect(model.stream(prompt, Sampling(max_tokens=2))).prompt_tokens == 1


def test_a_model_that_is_closed_ends_its_answers(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = opened_model(path, WINDOW)
    stream = model.stream(TEXT, Sampling(max_tokens=200))
    next(stream)
    model.close()
    assert sum(chunk.tokens for chunk in stream) < 3
    assert collect(model.stream(TEXT, Sampling(8))).tokens == 0
    stream.close()
    model.close()
    assert capfd.readouterr() == ("", "")


def test_signals_still_arrive_when_a_model_was_closed(path: Path) -> None:
    """They ended the process; so it is one of its own."""
    script = """
import signal, sys
from pathlib import Path
from starcoder_cli.engines.openvino.model import OpenVinoModel
from starcoder_cli.engines.openvino.sources import prepared_source

OpenVinoModel(prepared_source(Path(sys.argv[1]), Path(sys.argv[2])), 256).close()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("stopped")
"""
    command = [sys.executable, "-c", script, str(path.parent / prepared.PREPARED_FOLDER), str(path)]
    done = subprocess.run(command, capture_output=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, b"stopped\n")


def test_nothing_is_printed_and_nothing_is_left(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its telemetry cannot be imported, and so writes no identifier into the home folder."""
    with closing(opened_model(path, WINDOW)) as model:
        collect(model.stream(TEXT, Sampling(max_tokens=2)))
    assert capfd.readouterr() == ("", "")
    assert list(Path.home().iterdir()) == []
    with pytest.raises(ImportError):
        __import__("openvino_telemetry")


def test_a_damaged_form(path: Path, tmp_path: Path) -> None:
    for each in (path.parent / prepared.PREPARED_FOLDER).iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    file = tmp_path / WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError) as caught:
        OpenVinoModel(prepared_source(tmp_path, path), WINDOW)
    assert str(caught.value).startswith(f"{file} is not a sound safetensors file: it is cut off")
    assert str(caught.value).endswith("; use --engine llamacpp")


class Broken(NumpySampler):
    """Fails as OpenVINO does."""

    def sample(self, *_: object) -> NoReturn:
        """Nothing."""
        raise RuntimeError("Check 'memory' failed\n at core.cpp:1")


def test_a_step_that_fails(model: OpenVinoModel) -> None:
    decoder = SpeculativeDecoder(Sampling(2), set(), Broken(Sampling()), None)
    with pytest.raises(MachineError) as caught:
        collect(model.generate(model.encode(TEXT), decoder, 2))
    assert str(caught.value) == (
        "OpenVINO cannot go on: Check 'memory' failed at core.cpp:1; use --engine llamacpp"
    )
    assert collect(model.stream(TEXT, Sampling(max_tokens=2))).tokens == 2


@pytest.mark.parametrize("damaged", ["", "{}", '{"ends": 1, "rows": 4}', "\0"])
def test_damaged_traits(damaged: str, path: Path, tmp_path: Path) -> None:
    shutil.copytree(path.parent / prepared.PREPARED_FOLDER, tmp_path / "form")
    (tmp_path / "form" / prepared.METADATA_FILE).write_text(damaged)
    with pytest.raises(DataError, match="traits.json cannot be read"):
        OpenVinoModel(prepared_source(tmp_path / "form", path), WINDOW)


def test_a_machine_without_openvino(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MachineError) as caught:
        opened_model(path, WINDOW)
    assert str(caught.value).endswith("; use --engine llamacpp, or install openvino")
