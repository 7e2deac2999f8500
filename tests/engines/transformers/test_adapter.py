"""LoRA adapters: what they change, and which are refused."""

import json
import re
import struct
import warnings
from contextlib import closing
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import check_can_load, load_model
from starcoder_cli.engines.transformers.adapter import LoraAdapter, check_adapter, inspect_adapter
from starcoder_cli.errors import DataError, InputError, RefusedError, StarcoderError
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.settings import QuantizeChoice
from starcoder_cli.stream import collect
from tiny import WINDOW, build

TEXT = Prompt(("def f(x):\n    return x",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint."""
    return build(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def adapter(folder: Path, tmp_path: Path) -> Path:
    """An adapter for it that changes what it writes."""
    torch.manual_seed(2)
    config = LoraConfig(r=4, target_modules=["c_attn", "c_fc"], task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks for what transformers wants to rename
        wrapped = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 0.5)
    wrapped.save_pretrained(str(tmp_path / "adapter"))
    return tmp_path / "adapter"


def answer(folder: Path, loading: LoadOptions) -> str:
    """What the model writes."""
    with closing(
        load_model(find_model(str(folder)), folder, WINDOW, loading, lambda text: None)
    ) as model:
        return collect(model.stream(TEXT, Sampling(20))).text


@pytest.mark.parametrize("quantize", ["none", "8bit"])
def test_an_adapter_changes_the_answers(
    quantize: QuantizeChoice, folder: Path, adapter: Path
) -> None:
    plain = answer(folder, LoadOptions(quantize, "cpu", "bf16"))
    changed = answer(folder, LoadOptions(quantize, "cpu", "bf16", str(adapter)))
    assert plain != changed != ""


def test_an_adapter_for_another_model_is_an_error(
    adapter: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = build(tmp_path_factory.mktemp("other"), "llama")
    with pytest.raises(DataError):
        answer(other, LoadOptions("none", "cpu", "fp32", str(adapter)))


def test_an_adapter_may_lie_in_the_home_folder(
    adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shell expands the `~` in `--adapter=~/adapter`, nor in a file of settings."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(adapter.parent))
    found = inspect_adapter("~/adapter")
    assert (
        found == inspect_adapter(str(adapter)) == LoraAdapter(str(adapter), found.parameter_count)
    )
    assert inspect_adapter("") == LoraAdapter()
    with pytest.raises(InputError) as caught:
        inspect_adapter("~nobody-has-this-name/adapter")
    assert str(caught.value).startswith("there is no adapter in ~nobody-has-this-name/adapter: ")


def test_a_bad_adapter_is_noticed_before_anything_is_fetched_or_looked_at(tmp_path: Path) -> None:
    nowhere, empty = tmp_path / "nowhere", tmp_path / "model"
    empty.mkdir()
    (empty / "config.json").write_text("{}")
    loading = LoadOptions(device="cuda:99", adapter=str(nowhere))
    with pytest.raises(InputError, match=f"there is no adapter in {re.escape(str(nowhere))}; "):
        check_can_load(find_model("starcoder"), 512, loading)
    with pytest.raises(InputError, match="there is no adapter in "):
        load_model(find_model(str(empty)), empty, 512, loading)


class PlannedError(Exception):
    """The plan is known, and nothing is loaded yet."""


def planned(text: str) -> None:
    """Goes no further."""
    raise PlannedError(text)


def lay_adapter(folder: Path, numbers: int) -> str:
    """An adapter of so many numbers in 4 bits, none of them written."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    tensor = {"dtype": "F4", "shape": [numbers], "data_offsets": [0, numbers // 2]}
    header = json.dumps({"lora": tensor}).encode()
    with (folder / "adapter_model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(file.tell() + numbers // 2)
    return str(folder)


def test_a_plan_counts_the_adapter(folder: Path, tmp_path: Path) -> None:
    """Each of its numbers takes four bytes, in whatever form it is stored."""
    needed = []
    for adapter in ("", lay_adapter(tmp_path / "adapter", 2 * 10**8)):
        loading = LoadOptions("none", "cpu", "bf16", adapter)
        with pytest.raises(PlannedError) as caught:
            load_model(find_model(str(folder)), folder, WINDOW, loading, planned)
        needed.append(re.findall(r"needs (\S+) GB", str(caught.value)))
    assert needed == [["0.6"], ["1.4"]]


def with_settings(adapter: Path, **changes: object) -> str:
    """The adapter with other settings."""
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    check_adapter(adapter)
    return str(adapter)


SLOW = "([a-z]|[a-z_.0-9]+)+X|.*c_(attn|fc)"


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": r".*\.(c_attn|c_fc)"},
        {"target_modules": SLOW},
        {"target_modules": "("},
        {"exclude_modules": SLOW},
        {"init_lora_weights": "gaussian", "rank_pattern": {r"^.*h\.\d+\.attn\.c_attn": 4}},
    ],
)
def test_how_modules_are_chosen_makes_no_difference(
    changes: dict[str, object], folder: Path, adapter: Path
) -> None:
    """The weights have the names of the modules; no expression of the adapter's is matched."""
    expected = answer(folder, LoadOptions("none", "cpu", "bf16", str(adapter)))
    changed = with_settings(adapter, **changes)
    assert answer(folder, LoadOptions("none", "cpu", "bf16", changed)) == expected


@pytest.mark.parametrize(
    "changes", [{"trainable_token_indices": [10**9]}, {"lora_alpha": "x"}, {"bias": "x"}]
)
def test_what_peft_does_not_take_is_an_error(
    changes: dict[str, object], folder: Path, adapter: Path
) -> None:
    loading = LoadOptions("none", "cpu", "bf16", with_settings(adapter, **changes))
    with pytest.raises(DataError) as caught:
        answer(folder, loading)
    assert str(caught.value).startswith(f"the adapter in {adapter} cannot be added: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": ["(a+)+"]},
        {"target_modules": [1]},
        {"target_modules": SLOW, "target_parameters": ["a.b"]},
        {"exclude_modules": [SLOW]},
        {"layers_pattern": SLOW},
        {"modules_to_save": ["(.*)*x"]},
        {"alpha_pattern": {".*.*.*.*.*.*x": 1}},
        {"rank_pattern": {"a": 1 << 40}},
        {"alpha_pattern": {f"a{number}": 1 for number in range(1001)}},
        {"target_parameters": 1},
        {"init_lora_weights": 1},
    ],
)
def test_values_that_no_adapter_needs(changes: dict[str, object], adapter: Path) -> None:
    with pytest.raises(DataError, match=" to an unknown value: "):
        with_settings(adapter, **changes)


BAD: tuple[tuple[str, type[StarcoderError], str], ...] = (
    ("no settings", InputError, "there is no adapter in {0}; it needs adapter_config.json and "
     "adapter_model.safetensors"),
    ("pickle", RefusedError, "{0} has no adapter_model.safetensors, and pickled weights can run "
     "code; save the adapter as safetensors"),
    ("not lora", DataError, "{0} is not a LoRA adapter; other kinds cannot be used"),
    ("megatron", RefusedError, "adapter_config.json sets 'megatron_config', which is not needed "
     "and may load code; remove it"),
    ("unknown", RefusedError, "adapter_config.json sets 'surprise', which is not needed and may "
     "load code; remove it"),
    ("not json", DataError, "{0}/adapter_config.json cannot be read: Expecting value: line 1 "
     "column 1 (char 0); get the adapter again"),
    ("a list", DataError, "{0}/adapter_config.json holds no settings; get the adapter again"),
    ("large", DataError, "{0}/adapter_config.json cannot be read: it is too large; get the "
     "adapter again"),
    ("slow", DataError, "{0}/adapter_config.json sets 'rank_pattern' to an unknown value: "
     "{{'(a|a)+X': 4}}; get the adapter again"),
    ("many rounds", DataError, "{0}/adapter_config.json sets 'init_lora_weights' to an unknown "
     "value: 'pissa_niter_999999999'; get the adapter again"),
    ("wide", DataError, "{0}/adapter_config.json sets 'r' to an unknown value: 1000000000; "),
    ("cut off", DataError, "{0}/adapter_model.safetensors is not a sound safetensors file: "),
)  # fmt: skip


def spoil(adapter: Path, how: str) -> None:
    """Make an adapter bad."""
    settings, weights = adapter / "adapter_config.json", adapter / "adapter_model.safetensors"
    changes: dict[str, dict[str, object]] = {
        "not lora": {"peft_type": "IA3"},
        "megatron": {"megatron_config": {"a": 1}, "megatron_core": "os"},
        "unknown": {"surprise": True},
        "slow": {"rank_pattern": {"(a|a)+X": 4}},
        "many rounds": {"init_lora_weights": "pissa_niter_999999999"},
        "wide": {"r": 10**9},
    }
    texts = {"not json": "nonsense", "a list": "[]", "large": "{" + " " * (1 << 20) + "}"}
    if how in changes:
        settings.write_text(json.dumps(json.loads(settings.read_text()) | changes[how]))
    elif how in texts:
        settings.write_text(texts[how])
    elif how == "no settings":
        settings.unlink()
    elif how == "pickle":
        weights.rename(adapter / "adapter_model.bin")
    else:
        weights.write_bytes(weights.read_bytes()[:-1])


@pytest.mark.parametrize(("how", "kind", "text"), BAD)
def test_bad_adapters(how: str, kind: type[StarcoderError], text: str, adapter: Path) -> None:
    spoil(adapter, how)
    with pytest.raises(kind) as caught:
        check_adapter(adapter)
    assert str(caught.value).startswith(text.format(adapter))
