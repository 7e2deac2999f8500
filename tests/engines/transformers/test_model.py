"""Checkpoints through transformers: what they stream, where they stop, what is refused."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from starcoder_cli.candidates.ranking import sampling_schedule
from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import check_can_load, load_model
from starcoder_cli.engines.transformers.model import HuggingFaceModel
from starcoder_cli.engines.transformers.placement import PlacementPlan, Quantization
from starcoder_cli.errors import DataError, MachineError, RefusedError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Hole, Prompt, Sampling, Special
from starcoder_cli.prompts.fim_formats import FIM_FORMATS, detect_fim_format
from starcoder_cli.stream import collect
from starcoder_cli.weights.checkpoint import ARCHITECTURES, inspect_checkpoint
from tiny import SPECIALS, WINDOW, build

CPU = LoadOptions(device="cpu", dtype="fp32")
TEXT = Prompt(("def f(x):\n    return x",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPTBigCode checkpoint with random weights."""
    return build(tmp_path_factory.mktemp("checkpoint"))


def opened(folder: Path, loading: LoadOptions = CPU, room: int = WINDOW) -> HuggingFaceModel:
    """The checkpoint as the commands open it."""
    model = load_model(find_model(str(folder)), folder, room, loading, lambda text: None)
    assert isinstance(model, HuggingFaceModel)
    return model


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[HuggingFaceModel]:
    """The checkpoint, open."""
    with closing(opened(folder)) as model:
        yield model


def reference(folder: Path, prompt: list[int], tokens: int) -> list[int]:
    """What transformers' own loop makes of a prompt, greedily, whatever ends it."""
    plain = AutoModelForCausalLM.from_pretrained(folder)
    given = torch.tensor([prompt])
    made = plain.generate(
        given,
        attention_mask=torch.ones_like(given),
        max_new_tokens=tokens,
        do_sample=False,
        pad_token_id=0,
    )
    ids: list[int] = made[0, len(prompt) :].tolist()
    return ids


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_text_is_what_transformers_would_write(kind: str, tmp_path: Path) -> None:
    folder = build(tmp_path, kind)
    with closing(opened(folder)) as model:
        completion = collect(model.stream(TEXT, Sampling(40)))
        ids = model.tokenizer.encode(TEXT)
        wanted = reference(folder, ids, 40)
    ended = wanted[-1] == 0
    text = model.tokenizer.decode(wanted[:-1] if ended else wanted).rstrip("\ufffd")
    assert completion.text == text
    assert completion.reason == ("stop" if ended else "length")
    assert completion.tokens == len(wanted) - ended
    assert completion.prompt_tokens == len(ids)


def test_text_arrives_step_by_step(model: HuggingFaceModel) -> None:
    chunks = list(model.stream(TEXT, Sampling(20)))
    assert len(chunks) > 5
    assert [chunk.reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert "".join(chunk.text for chunk in chunks) == collect(model.stream(TEXT, Sampling(20))).text


def test_a_closed_answer_takes_no_further_step(model: HuggingFaceModel) -> None:
    steps = []
    hook = model.transformer.register_forward_hook(lambda *_: steps.append(1))
    try:
        chunks = model.stream(TEXT, Sampling(60))
        for _ in range(3):
            next(chunks)
        taken = len(steps)
        chunks.close()
    finally:
        hook.remove()
    assert len(steps) == taken <= 4


def test_an_answer_that_is_closed_while_its_prompt_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor leaves at each key: the next request goes on with what was read."""
    monkeypatch.setattr("starcoder_cli.engines.transformers.model.CPU_PREFILL_CHUNK_TOKENS", 4)
    ids = len(TEXT.pieces[0])
    with closing(opened(folder)) as model:
        wanted = collect(model.stream(TEXT, Sampling(20))).text
        collect(model.stream(Prompt(("x",)), Sampling(1)))
        reads = Reads(model)
        chunks = model.stream(TEXT, Sampling(20))
        assert [(chunk.text, chunk.tokens) for chunk in (next(chunks), next(chunks))] == [
            ("", 0),
            ("", 0),
        ]
        chunks.close()
        assert reads.widths == [4, 4]
        again = collect(model.stream(TEXT, Sampling(20)))
        assert (again.text, again.cached_tokens, ids > 8) == (wanted, 8, True)
        assert reads.widths[2] == 4


def test_a_control_token_of_the_prompt_ends_an_answer(folder: Path, tmp_path: Path) -> None:
    """Found by giving the byte that the model writes as its fifth another name."""
    with closing(opened(folder)) as model:
        ids = reference(folder, model.tokenizer.encode(TEXT), 20)
    names = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = names["model"]["vocab"]
    (named,) = [name for name, number in vocabulary.items() if number == ids[4]]
    copy = shutil.copytree(folder, tmp_path / "copy")
    made = Tokenizer.from_file(str(copy / "tokenizer.json"))
    made.add_special_tokens([named])
    made.save(str(copy / "tokenizer.json"))
    with closing(opened(copy)) as model:
        completion = collect(model.stream(Prompt(TEXT.pieces, (Special(named),)), Sampling(20)))
    assert (completion.tokens, completion.reason) == (ids.index(ids[4]), "stop")


def test_a_hole_is_asked_for_by_the_family_that_the_tokenizer_tells(
    model: HuggingFaceModel,
) -> None:
    form = detect_fim_format(model.has_token)
    assert form is FIM_FORMATS["fim"]
    prompt = form.build_prompt(Hole("a<fim_middle>", "<|endoftext|>b"))
    assert model.tokenizer.decode(model.tokenizer.encode(prompt)) == (
        "<fim_prefix>a<fim_middle><fim_suffix><|endoftext|>b<fim_middle>"
    )
    assert model.count("a<fim_middle>") == 1 + len("<fim_middle>")
    assert [model.token(text) for text in (*SPECIALS, "a b")] == [0, 1, 2, 3, 4, None]


def test_a_prompt_beyond_the_window_is_an_error(model: HuggingFaceModel) -> None:
    with pytest.raises(DataError) as caught:
        collect(model.stream(Prompt(("a" * WINDOW,)), Sampling(10)))
    assert str(caught.value) == (
        "a prompt of 128 tokens leaves room for 0 in the window; shorten it, or lower --max-tokens"
    )


def test_the_window_is_as_wide_as_needed_and_no_wider_than_the_model(folder: Path) -> None:
    with closing(opened(folder, room=9999)) as model:
        assert model.window == WINDOW


def test_what_was_decided_is_told(folder: Path) -> None:
    told: list[str] = []
    load_model(find_model(str(folder)), folder, 64, CPU, told.append).close()
    assert len(told) == 1
    assert told[0].startswith(f"{folder}: fp32 on cpu, needs 0.6 GB of ")


def test_a_model_tells_that_its_steps_could_not_be_recorded(folder: Path) -> None:
    """As on a model that looks at its own numbers: slower, but the same text."""
    told: list[str] = []
    with closing(opened(folder)) as model:
        wanted = collect(model.stream(TEXT, Sampling(20))).text
    plan = PlacementPlan("cpu", "none", "fp32", 0, 0)
    model = HuggingFaceModel(
        inspect_checkpoint(folder), plan, 128, tell=told.append, can_record=lambda device: True
    )
    with closing(model):
        assert collect(model.stream(TEXT, Sampling(20))).text == wanted
    assert len(told) == 1
    assert told[0].startswith("without CUDA graphs, because they could not be recorded: ")


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_a_model_tells_that_no_kernel_runs(
    quantization: Quantization, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a torch that came without Triton."""
    monkeypatch.setitem(sys.modules, "triton", None)
    kernels = "starcoder_cli.engines.transformers.kernels"
    monkeypatch.delitem(sys.modules, kernels, raising=False)
    told: list[str] = []
    plan = PlacementPlan("cpu", quantization, "bf16", 0, 0)
    HuggingFaceModel(
        inspect_checkpoint(folder), plan, 128, tell=told.append, can_record=lambda device: True
    ).close()
    assert told == [
        f"{quantization[0]} bit is slow here, as no kernel for it runs:"
        " import of triton halted; None in sys.modules"
    ]


def test_a_model_too_large_is_refused_before_it_is_fetched() -> None:
    with pytest.raises(MachineError) as caught:
        check_can_load(find_model("starcoder"), 512, LoadOptions(device="cuda:99"))
    assert str(caught.value).startswith("there is no cuda:99 here; ")
    check_can_load(find_model("qwen2.5-coder-0.5b"), 512, LoadOptions(device="cuda:99"))


def damage(folder: Path, change: str) -> None:
    """Change a checkpoint's weights."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    if change == "missing":
        del tensors["transformer.h.1.mlp.c_fc.weight"]
    elif change == "reshaped":
        tensors["transformer.h.1.mlp.c_fc.weight"] = torch.zeros(3, 3)
    else:
        tensors["transformer.h.1.mlp.c_fc.weight"].fill_(float("nan"))
    save_file(tensors, path, metadata={"format": "pt"})


@pytest.mark.parametrize("change", ["missing", "reshaped", "nan"])
def test_damaged_weights_are_an_error(change: str, folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy, change)
    with pytest.raises(DataError) as caught, closing(opened(copy)) as model:
        collect(model.stream(TEXT, Sampling(3)))
    expected = {
        "missing": f"{copy} lacks the weights 'transformer.h.1.mlp.c_fc.weight'; "
        "get the checkpoint again",
        "reshaped": f"{copy} has the weights 'transformer.h.1.mlp.c_fc.weight' as [3, 3], "
        "not [128, 32]; get the checkpoint again",
        "nan": "the model computes no numbers (NaN); its weights are damaged: get them again",
    }
    assert str(caught.value) == expected[change]


def test_a_checkpoint_that_brings_code_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    canary = tmp_path / "canary"
    config = (copy / "config.json").read_text()
    (copy / "config.json").write_text(
        config.replace("{", '{"auto_map": {"AutoModelForCausalLM": "evil.Model"},', 1)
    )
    (copy / "evil.py").write_text(f"open({str(canary)!r}, 'w')\nclass Model: ...\n")
    with pytest.raises(RefusedError):
        opened(copy)
    assert not canary.exists()


def test_what_was_read_before_is_told(folder: Path) -> None:
    with closing(opened(folder)) as model:
        ids = model.tokenizer.encode(TEXT)
        longer = Prompt((*TEXT.pieces, "x = 1\n"))
        told = [
            collect(model.stream(prompt, Sampling(2))).cached_tokens
            for prompt in (TEXT, TEXT, longer, Prompt(("\n",)))
        ]
        assert told == [0, len(ids), len(ids), 0]


def test_several_answers_cost_one_reading_and_are_the_same_alone(
    folder: Path, model: HuggingFaceModel
) -> None:
    asked = sampling_schedule(Sampling(30, seed=3), 3)
    together = [collect(model.stream(TEXT, sampling)) for sampling in asked]
    assert len({completion.text for completion in together}) > 1
    for sampling, completion in zip(asked, together, strict=True):
        with closing(opened(folder)) as alone:
            again = collect(alone.stream(TEXT, sampling))
        assert (again.text, again.logprob) == (completion.text, completion.logprob)
        assert completion.mean_logprob == completion.logprob / completion.tokens < 0


class Reads:
    """How many ids a model reads at each step."""

    def __init__(self, model: HuggingFaceModel, most: int = 999) -> None:
        self.widths: list[int] = []
        self._most = most
        model.transformer.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(
        self, module: torch.nn.Module, given: object, named: dict[str, torch.Tensor]
    ) -> None:
        if len(self.widths) == self._most:
            self._most = 999
            raise KeyboardInterrupt
        self.widths.append(named["input_ids"].shape[1])


def test_what_two_prompts_have_in_common_is_read_once(folder: Path) -> None:
    """The next turn of a chat goes on behind the answer; another file begins anew."""
    with closing(opened(folder)) as model:
        reads = Reads(model)
        first = collect(model.stream(TEXT, Sampling(10))).text
        for text, most in (
            (TEXT.pieces[0] + first + "\n# more", model.count(first + "\n# more")),
            (TEXT.pieces[0] + "\n", 1),
            ("import os", len("import os")),
            (TEXT.pieces[0], len(TEXT.pieces[0])),
        ):
            reads.widths.clear()
            answer = collect(model.stream(Prompt((text,)), Sampling(10))).text
            assert reads.widths[0] <= most
            with closing(opened(folder)) as alone:
                assert collect(alone.stream(Prompt((text,)), Sampling(10))).text == answer


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_an_answer_behind_one_that_broke_off_is_the_same(steps: int, folder: Path) -> None:
    """What a step had read that was interrupted by Ctrl-C is not known."""
    with closing(opened(folder)) as model:
        wanted = collect(model.stream(TEXT, Sampling(20))).text
        collect(model.stream(Prompt(("x",)), Sampling(1)))
        reads = Reads(model, steps)
        with pytest.raises(KeyboardInterrupt):
            collect(model.stream(TEXT, Sampling(20)))
        reads.widths.clear()
        assert collect(model.stream(TEXT, Sampling(20))).text == wanted
        assert reads.widths[0] == len(TEXT.pieces[0])


def test_the_mean_log_probability_is_that_of_full_logits(
    folder: Path, model: HuggingFaceModel
) -> None:
    completion = collect(model.stream(TEXT, Sampling(20, logprobs=True)))
    prompt = model.tokenizer.encode(TEXT)
    ids = reference(folder, prompt, completion.tokens)
    plain = AutoModelForCausalLM.from_pretrained(folder)
    with torch.inference_mode():
        logits = plain(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
    own = logits.log_softmax(dim=-1).gather(-1, torch.tensor(ids)[:, None])
    assert completion.mean_logprob == pytest.approx(own.mean().item(), abs=1e-4)
    assert collect(model.stream(TEXT, Sampling(20))).logprob == 0
