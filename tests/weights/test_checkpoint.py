"""Checkpoint folders: what is read from sound ones, and that unsafe and broken ones are refused."""

import ast
import importlib.util
import json
import os
import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from shards import Shapes, build, header
from starcoder_cli.catalog import find_model
from starcoder_cli.engines.load import load_model
from starcoder_cli.errors import DataError, InputError, RefusedError, StarcoderError
from starcoder_cli.weights.checkpoint import ARCHITECTURES, Checkpoint, inspect_checkpoint

Damage: TypeAlias = Callable[[Path], object]

CONFIG: Mapping[str, object] = {
    "_name_or_path": "somebody/model",
    "architectures": ["LlamaForCausalLM"],
    "eos_token_id": 2,
    "hidden_size": 8,
    "max_position_embeddings": 2048,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "vocab_size": 16,
}
SHAPES: Shapes = {
    "model.embed_tokens.weight": ("BF16", (16, 8)),
    "model.layers.0.mlp.up_proj.weight": ("BF16", (32, 8)),
    "model.layers.1.mlp.up_proj.weight": ("BF16", (32, 8)),
    "model.norm.weight": ("F32", (8,)),
}
INDEX = "model.safetensors.index.json"
AGAIN = "get the checkpoint again"
OTHER = "choose another checkpoint, or a GGUF of it"
ORIGINAL = "choose the original, or a GGUF of it"


def save(path: Path, shapes: Shapes) -> None:
    """A file of weights that takes no room on the disk: all its numbers are zero."""
    entries = header(shapes)
    ends = [entry["data_offsets"][1] for entry in entries.values()]
    head = build(entries)
    path.write_bytes(head)
    os.truncate(path, len(head) + max(ends, default=0))


def folder(path: Path, config: Mapping[str, object] = CONFIG, shapes: Shapes = SHAPES) -> Path:
    """A sound checkpoint folder."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    (path / "tokenizer.json").write_text('{"version": "1.0"}')
    save(path / "model.safetensors", shapes)
    return path


def text(name: str, contents: str) -> Damage:
    """A file of the folder with other contents."""
    return lambda place: (place / name).write_text(contents)


def setting(key: str, value: object, name: str = "config.json") -> Damage:
    """One setting of a configuration changed, or taken out where it is None."""

    def change(place: Path) -> None:
        path = place / name
        settings = json.loads(path.read_bytes()) if path.exists() else {}
        changed = {**settings, key: value}
        path.write_text(json.dumps({key: old for key, old in changed.items() if old is not None}))

    return change


def without(*names: str) -> Damage:
    """Some files of the folder taken out."""

    def change(place: Path) -> None:
        for name in names:
            (place / name).unlink()

    return change


def weights(shapes: Shapes) -> Damage:
    """Other tensors."""
    return lambda place: save(place / "model.safetensors", shapes)


def split(places: object) -> Damage:
    """An index in the place of the one file of weights, which becomes the first part."""

    def change(place: Path) -> None:
        (place / "model.safetensors").rename(place / "part-1.safetensors")
        (place / INDEX).write_text(json.dumps({"weight_map": places}))

    return change


def instead(name: str) -> Damage:
    """A file of another kind in the place of the weights."""
    return lambda place: (place / "model.safetensors").rename(place / name)


def outside(name: str) -> Damage:
    """A file of the folder moved out of it, and a link to it left behind."""

    def change(place: Path) -> None:
        moved = (place / name).rename(place.parent / "moved")
        (place / name).symlink_to(moved)

    return change


def test_what_is_read_from_a_sound_folder(tmp_path: Path) -> None:
    place = folder(tmp_path / "model")
    assert inspect_checkpoint(place) == Checkpoint(
        folder=place,
        model_type="llama",
        architecture="LlamaForCausalLM",
        window=2048,
        parameters=16 * 8 + 2 * 32 * 8 + 8,
        embedding_parameters=16 * 8,
        layers=2,
        hidden_size=8,
        cache_numbers=2 * 2 * 2 * 2,
        dtype="BF16",
        vocabulary_size=16,
        eos_ids=(2,),
        files=(place / "model.safetensors",),
    )


def test_weights_in_several_files(tmp_path: Path) -> None:
    place = folder(tmp_path)
    whole = inspect_checkpoint(place)
    parts = [dict(list(SHAPES.items())[:2]), dict(list(SHAPES.items())[2:])]
    places: dict[str, str] = {}
    for number, part in enumerate(parts):
        save(place / f"model-{number}.safetensors", part)
        places |= dict.fromkeys(part, f"model-{number}.safetensors")
    (place / "model.safetensors").unlink()
    (place / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    found = inspect_checkpoint(place)
    assert found.files == (place / "model-0.safetensors", place / "model-1.safetensors")
    assert (found.parameters, found.embedding_parameters) == (
        whole.parameters,
        whole.embedding_parameters,
    )


def test_an_output_head_of_its_own_counts_as_embedding(tmp_path: Path) -> None:
    shapes = {**SHAPES, "lm_head.weight": ("BF16", (16, 8))}
    assert inspect_checkpoint(folder(tmp_path, shapes=shapes)).embedding_parameters == 2 * 16 * 8


def test_masks_are_no_parameters(tmp_path: Path) -> None:
    shapes = {**SHAPES, "model.layers.0.attn.bias": ("BOOL", (1, 1, 99, 99))}
    found = inspect_checkpoint(folder(tmp_path, shapes=shapes))
    assert (found.parameters, found.dtype) == (648, "BF16")


def test_generation_config_says_what_ends_a_text(tmp_path: Path) -> None:
    place = folder(tmp_path)
    setting("eos_token_id", [5, 2, 99, -1, "7", True], "generation_config.json")(place)
    assert inspect_checkpoint(place).eos_ids == (5, 2)


def test_what_the_files_do_not_say(tmp_path: Path) -> None:
    unsaid = ("eos_token_id", "max_position_embeddings", "num_key_value_heads", "vocab_size")
    found = inspect_checkpoint(
        folder(tmp_path, {key: CONFIG[key] for key in CONFIG if key not in unsaid})
    )
    assert (found.eos_ids, found.window, found.cache_numbers, found.vocabulary_size) == (
        (),
        0,
        32,
        16,
    )


def test_heads_may_have_a_width_of_their_own(tmp_path: Path) -> None:
    assert (
        inspect_checkpoint(folder(tmp_path, {**CONFIG, "head_dim": 16})).cache_numbers
        == 2 * 2 * 2 * 16
    )


@pytest.mark.parametrize(
    ("damage", "hint"),
    [
        (lambda place: os.truncate(place / "model.safetensors", 700), "get the file again"),
        (lambda place: (place / "model.safetensors").unlink(), AGAIN),
        (lambda place: (place / "config.json").write_text("{"), AGAIN),
    ],
)
def test_a_damaged_checkpoint_that_was_pulled_is_repaired_by_a_pull(
    tmp_path: Path, damage: Damage, hint: str
) -> None:
    place = folder(tmp_path)
    damage(place)
    with pytest.raises(DataError) as caught:
        load_model(find_model(str(place)), place, 64)
    assert caught.value.hint == hint
    with pytest.raises(DataError) as caught:
        load_model(find_model("owner/tiny"), place, 64)
    assert caught.value.hint == "repair it with: starcoder models pull owner/tiny"


def test_another_pull_does_not_help_with_a_model_of_an_unknown_kind(tmp_path: Path) -> None:
    place = folder(tmp_path, {**CONFIG, "model_type": "other"})
    with pytest.raises(DataError) as caught:
        load_model(find_model("owner/tiny"), place, 64)
    assert caught.value.hint == "choose a GGUF of it"


FACTS = {
    "starcoder": ("gpt_bigcode", 8192, 40, 6144, 10240, 49152, (0,)),
    "starcoderbase-7b": ("gpt_bigcode", 8192, 42, 4096, 10752, 49152, (0,)),
    "starcoderbase-1b": ("gpt_bigcode", 8192, 24, 2048, 6144, 49152, (0,)),
    "tiny_starcoder_py": ("gpt_bigcode", 8192, 20, 768, 2560, 49152, (0,)),
    "gpt_bigcode-santacoder": ("gpt_bigcode", 2048, 24, 2048, 6144, 49280, (49152,)),
    "starcoder2-3b": ("starcoder2", 16384, 30, 3072, 15360, 49152, (0,)),
}


@pytest.mark.parametrize("name", FACTS)
def test_the_facts_about_real_models(tmp_path: Path, shared: Path, name: str) -> None:
    model_type, window, layers, hidden, _, vocabulary, _ = FACTS[name]
    stem = "transformer.wte" if model_type == "gpt_bigcode" else "model.embed_tokens"
    shapes: Shapes = {
        f"{stem}.weight": ("F16", (vocabulary, hidden)),
        **{f"transformer.h.{number}.ln_1.weight": ("F16", (1,)) for number in range(layers)},
    }
    config = json.loads((shared / "data/model-configs" / name / "config.json").read_bytes())
    place = folder(tmp_path / "model", config, shapes)
    for file in ("generation_config.json", "tokenizer_config.json"):
        if (shared / "data/model-configs" / name / file).exists():
            shutil.copy(shared / "data/model-configs" / name / file, place)
    found = inspect_checkpoint(place)
    facts = (found.model_type, found.window, found.layers, found.hidden_size, found.cache_numbers)
    assert (*facts, found.vocabulary_size, found.eos_ids) == FACTS[name]
    assert found.embedding_parameters == vocabulary * hidden
    assert found.parameters == vocabulary * hidden + layers


def test_without_multi_query_every_head_is_kept(tmp_path: Path) -> None:
    config = {**CONFIG, "model_type": "gpt_bigcode", "architectures": None, "multi_query": False}
    assert inspect_checkpoint(folder(tmp_path, config)).cache_numbers == 2 * 2 * 8


def test_deepseek_keeps_one_latent_for_all_heads(tmp_path: Path) -> None:
    config = {
        **CONFIG,
        "model_type": "deepseek_v2",
        "architectures": None,
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
    }
    assert inspect_checkpoint(folder(tmp_path, config)).cache_numbers == 2 * (512 + 64)


def test_every_kind_is_a_class_of_transformers() -> None:
    package = importlib.util.find_spec("transformers")
    assert package and package.origin
    # Its table is read, not imported: that takes seconds.
    source = Path(package.origin).with_name("models") / "auto" / "modeling_auto.py"
    (table,) = (
        node.value
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"
    )
    assert isinstance(table, ast.Call)
    native = dict(ast.literal_eval(table.args[0]))
    assert {kind: native.get(kind) for kind in ARCHITECTURES} == ARCHITECTURES


HARMLESS: dict[str, Damage] = {
    "private names that libraries write": setting("_commit_hash", "0" * 40),
    "a token with its type": setting(
        "bos_token", {"__type": "AddedToken", "content": "<s>"}, "tokenizer_config.json"
    ),
    "attention of torch": setting("_attn_implementation", "sdpa"),
    "attention that was chosen by itself": setting("_attn_implementation_autoset", True),
    "no remote code": setting("trust_remote_code", False),
    "an empty map of classes": setting("auto_map", {}),
    "no architectures": setting("architectures", None),
    "Python files that nothing names": text("modeling_evil.py", "raise SystemExit"),
    "pickled weights beside the others": text("pytorch_model.bin", "evil"),
    "a tokenizer of SentencePiece": lambda place: (place / "tokenizer.json").rename(
        place / "tokenizer.model"
    ),
    "a link inside the folder": lambda place: (place / "vocab.json").symlink_to("tokenizer.json"),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_harmless_is_let_through(tmp_path: Path, kind: str) -> None:
    place = folder(tmp_path)
    HARMLESS[kind](place)
    assert inspect_checkpoint(place).parameters == 648


TOKENIZER = "tokenizer_config.json"
DEEP = '{"a":' + "[" * 40 + "]" * 40 + "}"

# What happened to the folder, what is raised, and the message, in which {} is the folder.
BAD: dict[str, tuple[Damage, type[StarcoderError], str]] = {
    "remote code": (
        setting("auto_map", {"AutoModelForCausalLM": "modeling_evil.Evil"}),
        RefusedError,
        f"{{}}/config.json asks for code that came with the model: auto_map; {OTHER}",
    ),
    "remote code for the tokenizer": (
        setting("auto_map", {"AutoTokenizer": ["evil.Evil", None]}, TOKENIZER),
        RefusedError,
        f"{{}}/{TOKENIZER} asks for code that came with the model: auto_map; {OTHER}",
    ),
    "remote code deep inside": (
        setting("text_config", {"vision": [{"trust_remote_code": True}]}),
        RefusedError,
        f"{{}}/config.json asks for code that came with the model: trust_remote_code; {OTHER}",
    ),
    "a pipeline of its own": (
        setting("custom_pipelines", {"fill": {"impl": "evil.Evil"}}),
        RefusedError,
        f"{{}}/config.json asks for code that came with the model: custom_pipelines; {OTHER}",
    ),
    "attention from the hub": (
        setting("attn_implementation", "somebody/kernel"),
        RefusedError,
        "{}/config.json asks for an attention kernel from elsewhere: 'somebody/kernel'; " + OTHER,
    ),
    "attention from the hub under a private name": (
        setting("_attn_implementation_internal", "somebody/kernel", "generation_config.json"),
        RefusedError,
        "{}/generation_config.json asks for an attention kernel from elsewhere: 'somebody/kernel'; "
        + OTHER,
    ),
    "attention for a part from the hub": (
        setting("attn_implementation", {"": "sdpa", "vision": "somebody/kernel" * 9}),
        RefusedError,
        "{}/config.json asks for an attention kernel from elsewhere: "
        + f"{str({'': 'sdpa', 'vision': 'somebody/kernel' * 9})[:80]}...; {OTHER}",
    ),
    "a private name": (
        setting("inner", {"_experts_implementation": "x"}),
        RefusedError,
        f"{{}}/config.json sets what is private to the library: '_experts_implementation'; {OTHER}",
    ),
    "another configuration": (
        setting("configuration_files", ["config.4.0.0.json"]),
        RefusedError,
        "{}/config.json has other files read in place of those that were checked: "
        + f"configuration_files; {OTHER}",
    ),
    "another tokenizer": (
        setting("fast_tokenizer_files", ["tokenizer.4.0.0.json"], TOKENIZER),
        RefusedError,
        f"{{}}/{TOKENIZER} has other files read in place of those that were checked: "
        + f"fast_tokenizer_files; {OTHER}",
    ),
    "other weights": (
        setting("transformers_weights", "other.safetensors"),
        RefusedError,
        "{}/config.json has other files read in place of those that were checked: "
        + f"transformers_weights; {OTHER}",
    ),
    "an adapter in the folder": (
        text("adapter_config.json", "{}"),
        RefusedError,
        "{} holds an adapter, which would be loaded without notice; "
        "choose the model that it was made for, or move the adapter elsewhere",
    ),
    "a link out of the folder": (
        outside("tokenizer.json"),
        RefusedError,
        "{}/tokenizer.json leads out of its folder; put the file itself there if you trust it",
    ),
    "weights that are a link out of the folder": (
        outside("model.safetensors"),
        RefusedError,
        "{}/model.safetensors leads out of its folder; put the file itself there if you trust it",
    ),
    "pickled weights": (
        instead("pytorch_model.bin"),
        RefusedError,
        "{} has no safetensors, and pickled weights can run code; "
        "choose a checkpoint with safetensors",
    ),
    "pickled weights with an ending in capitals": (
        instead("model.PTH"),
        RefusedError,
        "{} has no safetensors, and pickled weights can run code; "
        "choose a checkpoint with safetensors",
    ),
    "GGUF files": (
        instead("model.gguf"),
        DataError,
        "{} holds GGUF files; give the path of one of them",
    ),
    "no weights": (
        without("model.safetensors"),
        DataError,
        f"{{}} has no model.safetensors; {AGAIN}",
    ),
    "no configuration": (
        without("config.json"),
        DataError,
        f"{{}} has no config.json; {AGAIN}",
    ),
    "no tokenizer": (
        without("tokenizer.json"),
        DataError,
        f"{{}} has no tokenizer.json; {AGAIN}",
    ),
    "a web page for a tokenizer": (
        text("tokenizer.json", "<!doctype html>"),
        DataError,
        f"{{}}/tokenizer.json is not JSON; {AGAIN}",
    ),
    "an empty tokenizer": (
        lambda place: (place / "tokenizer.json").rename(place / "tokenizer.model").write_bytes(b""),
        DataError,
        f"{{}}/tokenizer.model is empty; {AGAIN}",
    ),
    "a tokenizer of 64 MiB and a byte": (
        lambda place: os.truncate(place / "tokenizer.json", (1 << 26) + 1),
        DataError,
        f"{{}}/tokenizer.json has {(1 << 26) + 1} bytes, too many for it; {AGAIN}",
    ),
    "a configuration of 16 MiB and a byte": (
        lambda place: os.truncate(place / "config.json", (1 << 24) + 1),
        DataError,
        f"{{}}/config.json has more than {1 << 24} bytes; {AGAIN}",
    ),
    "a configuration cut off": (
        text("config.json", '{"model_type":'),
        DataError,
        f"{{}}/config.json is not sound: its JSON is broken; {AGAIN}",
    ),
    "a configuration that says two things": (
        text("config.json", '{"model_type": "llama", "model_type": "evil"}'),
        DataError,
        f"{{}}/config.json is not sound: the key 'model_type' is there twice; {AGAIN}",
    ),
    "a configuration nested deeply": (
        text(TOKENIZER, DEEP),
        DataError,
        f"{{}}/{TOKENIZER} is nested too deeply; {OTHER}",
    ),
    "a configuration nested very deeply": (
        text(TOKENIZER, "[" * 99_999),
        DataError,
        f"{{}}/{TOKENIZER} is not sound: it is nested too deeply; {AGAIN}",
    ),
    "an unknown kind": (
        setting("model_type", "evil\x1b[2J"),
        DataError,
        "{}/config.json describes a model of a kind that is not known: 'evil\\x1b[2J'; "
        "choose a GGUF of it",
    ),
    "no kind": (
        setting("model_type", None),
        DataError,
        "{}/config.json describes a model of a kind that is not known: None; choose a GGUF of it",
    ),
    "a classifier": (
        setting("architectures", ["LlamaForSequenceClassification"]),
        DataError,
        "{}/config.json describes a model that does not write text: "
        f"['LlamaForSequenceClassification']; {OTHER}",
    ),
    "a model that is quantized already": (
        setting("quantization_config", {"quant_method": "gptq", "bits": 4}),
        DataError,
        f"{{}}/config.json is of weights that are quantized already; {ORIGINAL}",
    ),
    "weights that are quantized already": (
        weights({**SHAPES, "model.layers.0.mlp.up_proj.weight": ("I8", (32, 8))}),
        DataError,
        f"the weights in {{}} are quantized already; {ORIGINAL}",
    ),
    "another vocabulary": (
        setting("vocab_size", 17),
        DataError,
        "{}/config.json describes an embedding of [17, 8], the weights have one of [16, 8]; "
        + AGAIN,
    ),
    "other positions": (
        weights({**SHAPES, "transformer.wpe.weight": ("BF16", (99, 8))}),
        DataError,
        "{}/config.json describes an embedding of [0, 8], the weights have one of [99, 8]; "
        + AGAIN,
    ),
    "an embedding that is one number": (
        weights({**SHAPES, "model.embed_tokens.weight": ("BF16", ())}),
        DataError,
        f"{{}}/config.json describes an embedding of [16, 8], the weights have one of []; {AGAIN}",
    ),
    "no embedding": (
        weights({"model.norm.weight": ("BF16", (8,)), "model.head.weight": ("BF16", (8,))}),
        DataError,
        f"the weights in {{}} have no input embedding; {AGAIN}",
    ),
    "a billion layers": (
        setting("num_hidden_layers", 10**9),
        DataError,
        f"{{}}/config.json does not describe the weights beside it; {AGAIN}",
    ),
    "more heads than numbers": (
        setting("num_attention_heads", 9),
        DataError,
        f"{{}}/config.json does not describe the weights beside it; {AGAIN}",
    ),
    "no width": (
        setting("hidden_size", None),
        DataError,
        f"{{}}/config.json does not describe the weights beside it; {AGAIN}",
    ),
    "damaged weights": (
        lambda place: os.truncate(place / "model.safetensors", 100),
        DataError,
        "{}/model.safetensors is not a sound safetensors file: it is cut off in the header; "
        "get the file again",
    ),
    "an index of nothing": (
        split({}),
        DataError,
        f"{{}}/{INDEX} names no files; {AGAIN}",
    ),
    "an index that is a list": (
        split(["part-1.safetensors"]),
        DataError,
        f"{{}}/{INDEX} names no files; {AGAIN}",
    ),
    "a part that is missing": (
        split({"model.norm.weight": "part-2.safetensors"}),
        DataError,
        f"{{}} lacks 'part-2.safetensors'; {AGAIN}",
    ),
    "a tensor that is missing": (
        split({"model.head.weight": "part-1.safetensors"}),
        DataError,
        f"{{}}/part-1.safetensors lacks the tensor 'model.head.weight'; {AGAIN}",
    ),
}


def broken(tmp_path: Path, damage: Damage) -> tuple[Path, StarcoderError]:
    """A sound folder after some damage, and what is raised for it."""
    place = folder(tmp_path / "model")
    damage(place)
    with pytest.raises(StarcoderError) as caught:
        inspect_checkpoint(place)
    return place, caught.value


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_folder_is_refused(tmp_path: Path, kind: str) -> None:
    damage, error, message = BAD[kind]
    place, found = broken(tmp_path, damage)
    assert (type(found), str(found)) == (error, message.replace("{}", str(place)))


@pytest.mark.parametrize(
    "name",
    [
        "../outside.safetensors",
        "/etc/outside.safetensors",
        "..\\outside.safetensors",
        "C:outside.safetensors",
        "https://example.com/model.safetensors",
        "inner/model.safetensors",
        "..",
        "",
        "zero\0.safetensors",
        "x" * 300 + ".safetensors",
        "pytorch_model.bin",
        "model.safetensors.bin",
        7,
        ["part-1.safetensors"],
        None,
    ],
)
def test_an_index_names_safetensors_in_its_folder_alone(tmp_path: Path, name: object) -> None:
    place, found = broken(tmp_path, split({"model.norm.weight": name}))
    shown = repr(name) if len(repr(name)) <= 80 else f"{repr(name)[:80]}..."
    assert (type(found), str(found)) == (
        RefusedError,
        f"{place / INDEX} names no safetensors file: {shown}; {OTHER}",
    )


def test_a_snapshot_in_the_cache_of_the_hub_links_to_its_blobs(tmp_path: Path) -> None:
    repository = tmp_path / "models--somebody--model"
    place = folder(repository / "snapshots" / ("0" * 40))
    (repository / "blobs").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (place / name).rename(repository / "blobs" / name)
        (place / name).symlink_to(f"../../blobs/{name}")
    assert inspect_checkpoint(place).parameters == 648
    (place / "config.json").unlink()
    (place / "config.json").symlink_to("../../../models--other/blobs/config.json")
    with pytest.raises(RefusedError):
        inspect_checkpoint(place)


class Canary:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


CANARIES: dict[str, Damage] = {
    "pickled weights": lambda place: (place / "model.safetensors").unlink(),
    "pickled weights under a safe name": lambda place: (place / "pytorch_model.bin").rename(
        place / "model.safetensors"
    ),
    "pickled weights in an index": split({"model.norm.weight": "pytorch_model.bin"}),
    "a class in a Python file": setting("auto_map", {"AutoConfig": "canary.Canary"}),
    "a tokenizer in a Python file": setting("auto_map", {"AutoTokenizer": "canary.C"}, TOKENIZER),
    "a kernel in a folder": setting("_attn_implementation_internal", "./canary"),
    "a part that trusts code": setting("vision_config", {"trust_remote_code": True}),
}


@pytest.mark.parametrize("kind", CANARIES)
def test_no_code_of_a_checkpoint_runs(tmp_path: Path, kind: str) -> None:
    canary = tmp_path / "canary"
    code = pickle.dumps(Canary(canary))
    pickle.loads(code)  # it does run where it is let
    canary.rmdir()

    def bait(place: Path) -> None:
        (place / "pytorch_model.bin").write_bytes(code)
        (place / "canary.py").write_text(f"import os\nos.mkdir({str(canary)!r})\n")
        CANARIES[kind](place)

    _, found = broken(tmp_path, bait)
    safe = kind == "pickled weights under a safe name"
    assert type(found) is (DataError if safe else RefusedError)
    assert not canary.exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(InputError):
            inspect_checkpoint(path)
