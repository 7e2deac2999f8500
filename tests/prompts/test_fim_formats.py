"""Each family's spelling, letter by letter, and control tokens that user text never becomes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from starcoder_cli.engines.llamacpp import LlamaCppModel
from starcoder_cli.files.source import FileMetadata
from starcoder_cli.model import Hole, Prompt, Special
from starcoder_cli.prompts.fim import Document, FimFormat
from starcoder_cli.prompts.fim_formats import FIM_FORMATS, detect_fim_format

few_examples = settings(max_examples=40, deadline=None, derandomize=True)

HOLE = Hole("P", "S")
NAMES = FileMetadata("F", "R", "10-100")

PROMPTS = {
    "starcoder": (
        "<fim_prefix>P<fim_suffix>S<fim_middle>",
        "<fim_prefix><fim_suffix>S<fim_middle>P",
    ),
    "starcoder2": (
        "<fim_prefix>P<fim_suffix>S<fim_middle>",
        "<fim_prefix><fim_suffix>S<fim_middle>P",
    ),
    "qwen2.5-coder": (
        "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
        "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P",
    ),
    "codegemma": (
        "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
        "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P",
    ),
    "granite4": (
        "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
        "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P",
    ),
    "santacoder": (
        "<fim-prefix>P<fim-suffix>S<fim-middle>",
        "<fim-prefix><fim-suffix>S<fim-middle>P",
    ),
    "deepseek-coder": (
        "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>",
        "<｜fim▁begin｜><｜fim▁hole｜>S<｜fim▁end｜>P",
    ),
    "aixcoder": (
        "▁<AIX-SPAN-PRE>P▁<AIX-SPAN-POST>S▁<AIX-SPAN-MIDDLE>",
        "▁<AIX-SPAN-PRE>▁<AIX-SPAN-POST>S▁<AIX-SPAN-MIDDLE>P",
    ),
    "codellama": ("▁<PRE>P▁<SUF>S▁<MID>", "▁<PRE>▁<SUF>S▁<MID>P"),
    "codestral": ("[SUFFIX]S[PREFIX]P", "[SUFFIX]S[PREFIX]P"),
    "seed-coder": ("<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>",) * 2,
    "mellum": ("<fim_suffix>S<fim_prefix>P<fim_middle>",) * 2,
    "fim": (
        "<fim_prefix>P<fim_suffix>S<fim_middle>",
        "<fim_prefix><fim_suffix>S<fim_middle>P",
    ),
}

# The end of a text first: by it, families that share their other tokens are told apart.
STOPS = {
    "starcoder": "<|endoftext|> <filename> <reponame> <gh_stars> <fim_pad> "
    "<fim_prefix> <fim_suffix> <fim_middle>",
    "starcoder2": "<|endoftext|> <file_sep> <repo_name> <fim_pad> "
    "<fim_prefix> <fim_suffix> <fim_middle>",
    "qwen2.5-coder": "<|endoftext|> <|im_end|> <|im_start|> <|fim_pad|> <|repo_name|> "
    "<|file_sep|> <|fim_prefix|> <|fim_suffix|> <|fim_middle|>",
    "codegemma": "<|file_separator|> <eos> <end_of_turn> "
    "<|fim_prefix|> <|fim_suffix|> <|fim_middle|>",
    "granite4": "<|end_of_text|> <|fim_pad|> <|fim_prefix|> <|fim_suffix|> <|fim_middle|>",
    "santacoder": "<|endoftext|> <|filename|> <fim-prefix> <fim-suffix> <fim-middle>",
    "deepseek-coder": "<｜end▁of▁sentence｜> <|EOT|> <｜fim▁begin｜> <｜fim▁hole｜> <｜fim▁end｜>",
    "aixcoder": "</s> ▁<AIX-SPAN-PRE> ▁<AIX-SPAN-POST> ▁<AIX-SPAN-MIDDLE>",
    "codellama": "▁<EOT> </s> ▁<PRE> ▁<SUF> ▁<MID>",
    "codestral": "</s> [PREFIX] [SUFFIX]",
    "seed-coder": "<[end▁of▁sentence]> <[fim-suffix]> <[fim-prefix]> <[fim-middle]>",
    "mellum": "<|endoftext|> <filename> <reponame> <fim_pad> "
    "<fim_suffix> <fim_prefix> <fim_middle>",
    "fim": "<|endoftext|> <fim_pad> <fim_prefix> <fim_suffix> <fim_middle>",
}


def text(prompt: Prompt) -> str:
    """A prompt as one text."""
    return "".join(prompt.pieces)


def test_every_family_has_its_spelling() -> None:
    assert {
        name: (text(form.build_prompt(HOLE)), text(form.build_prompt(HOLE, order="spm")))
        for name, form in FIM_FORMATS.items()
    } == PROMPTS


def test_every_family_has_its_ends() -> None:
    assert {name: " ".join(form.stop) for name, form in FIM_FORMATS.items()} == STOPS
    for form in FIM_FORMATS.values():
        assert form.build_prompt(HOLE).stop == form.build_prefix_prompt("P").stop == form.stop


@pytest.mark.parametrize(
    ("family", "names", "psm", "spm", "plain"),
    [
        (
            "starcoder",
            NAMES,
            "<fim_prefix><reponame>R<filename>F<gh_stars>10-100\nP<fim_suffix>S<fim_middle>",
            "<fim_prefix><fim_suffix>S<fim_middle><reponame>R<filename>F<gh_stars>10-100\nP",
            "<reponame>R<filename>F<gh_stars>10-100\nP",
        ),
        (
            "starcoder",
            FileMetadata("F", "R"),
            "<fim_prefix><reponame>R<filename>F\nP<fim_suffix>S<fim_middle>",
            "<fim_prefix><fim_suffix>S<fim_middle><reponame>R<filename>F\nP",
            "<reponame>R<filename>F\nP",
        ),
        (
            "starcoder",
            FileMetadata("F"),
            "<fim_prefix><filename>F\nP<fim_suffix>S<fim_middle>",
            "<fim_prefix><fim_suffix>S<fim_middle><filename>F\nP",
            "<filename>F\nP",
        ),
        (
            "starcoder2",
            NAMES,
            "<repo_name>R<file_sep><fim_prefix>F\nP<fim_suffix>S<fim_middle>",
            "<repo_name>R<file_sep><fim_prefix><fim_suffix>S<fim_middle>F\nP",
            "<repo_name>R<file_sep>F\nP",
        ),
        (
            "starcoder2",
            FileMetadata("F"),
            "<fim_prefix>F\nP<fim_suffix>S<fim_middle>",
            "<fim_prefix><fim_suffix>S<fim_middle>F\nP",
            "F\nP",
        ),
        (
            "qwen2.5-coder",
            NAMES,
            "<|repo_name|>R\n<|file_sep|>F\n<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
            "<|repo_name|>R\n<|file_sep|>F\n<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P",
            "<|repo_name|>R\n<|file_sep|>F\nP",
        ),
        (
            "qwen2.5-coder",
            FileMetadata("F"),
            "<|file_sep|>F\n<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
            "<|file_sep|>F\n<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P",
            "<|file_sep|>F\nP",
        ),
        (
            "mellum",
            NAMES,
            *["<filename>F\n<fim_suffix>S<fim_prefix>P<fim_middle>"] * 2,
            "<filename>F\nP",
        ),
        ("seed-coder", NAMES, *PROMPTS["seed-coder"], "P"),
        ("fim", NAMES, *PROMPTS["fim"], "P"),
        ("deepseek-coder", NAMES, *PROMPTS["deepseek-coder"], "P"),
    ],
)
def test_names_stand_where_they_stood_in_training(
    family: str, names: FileMetadata, psm: str, spm: str, plain: str
) -> None:
    form = FIM_FORMATS[family]
    assert text(form.build_prompt(HOLE, names)) == psm
    assert text(form.build_prompt(HOLE, names, "spm")) == spm
    assert text(form.build_prefix_prompt("P", names)) == plain


FILES = (Document("G", "g\n"), Document("H", "h\n"))


@pytest.mark.parametrize(
    ("family", "psm", "spm", "plain"),
    [
        (
            "starcoder2",
            "<repo_name>R<file_sep>G\ng\n<file_sep>H\nh\n<file_sep><fim_prefix>F\nP<fim_suffix>S"
            "<fim_middle>",
            "<repo_name>R<file_sep>G\ng\n<file_sep>H\nh\n<file_sep><fim_prefix><fim_suffix>S"
            "<fim_middle>F\nP",
            "<repo_name>R<file_sep>G\ng\n<file_sep>H\nh\n<file_sep>F\nP",
        ),
        (
            "qwen2.5-coder",
            "<|repo_name|>R\n<|file_sep|>G\ng\n<|file_sep|>H\nh\n<|file_sep|>F\n"
            "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
            "<|repo_name|>R\n<|file_sep|>G\ng\n<|file_sep|>H\nh\n<|file_sep|>F\n"
            "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P",
            "<|repo_name|>R\n<|file_sep|>G\ng\n<|file_sep|>H\nh\n<|file_sep|>F\nP",
        ),
        (
            "codegemma",
            "G\ng\n<|file_separator|>H\nh\n<|file_separator|>F\n"
            "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
            "G\ng\n<|file_separator|>H\nh\n<|file_separator|>F\n"
            "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P",
            "G\ng\n<|file_separator|>H\nh\n<|file_separator|>F\nP",
        ),
        (
            "deepseek-coder",
            "<｜fim▁begin｜>#G\ng\n#H\nh\n#F\nP<｜fim▁hole｜>S<｜fim▁end｜>",
            "<｜fim▁begin｜><｜fim▁hole｜>S<｜fim▁end｜>#G\ng\n#H\nh\n#F\nP",
            "#G\ng\n#H\nh\n#F\nP",
        ),
        (
            "codestral",
            "[SUFFIX]S[PREFIX]+++++ G\ng\n\n+++++ H\nh\n\n+++++ F\nP",
            "[SUFFIX]S[PREFIX]+++++ G\ng\n\n+++++ H\nh\n\n+++++ F\nP",
            "+++++ G\ng\n\n+++++ H\nh\n\n+++++ F\nP",
        ),
        (
            "mellum",
            *["<filename>G\ng\n<filename>H\nh\n<filename>F\n<fim_suffix>S<fim_prefix>P<fim_middle>"]
            * 2,
            "<filename>G\ng\n<filename>H\nh\n<filename>F\nP",
        ),
    ],
)
def test_other_files_stand_where_they_stood_in_training(
    family: str, psm: str, spm: str, plain: str
) -> None:
    form = FIM_FORMATS[family]
    assert text(form.build_prompt(HOLE, NAMES, files=FILES)) == psm
    assert text(form.build_prompt(HOLE, NAMES, "spm", FILES)) == spm
    assert text(form.build_prefix_prompt("P", NAMES, FILES)) == plain
    assert form.build_prompt(HOLE, NAMES, files=()) == form.build_prompt(HOLE, NAMES)


def test_without_the_name_of_a_repository_each_file_begins_as_a_file_does() -> None:
    names = FileMetadata("F")
    assert text(FIM_FORMATS["starcoder2"].build_prompt(HOLE, names, files=FILES[:1])) == (
        "<file_sep>G\ng\n<file_sep><fim_prefix>F\nP<fim_suffix>S<fim_middle>"
    )
    assert text(FIM_FORMATS["qwen2.5-coder"].build_prompt(HOLE, names, files=FILES[:1])) == (
        "<|file_sep|>G\ng\n<|file_sep|>F\n<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"
    )


def test_families_that_read_one_file_in_training_have_no_form_for_several() -> None:
    assert {name for name, form in FIM_FORMATS.items() if form.multi_file is None} == {
        *("starcoder", "santacoder", "granite4", "aixcoder", "codellama", "seed-coder", "fim"),
    }


each_family = pytest.mark.parametrize("form", FIM_FORMATS.values(), ids=list(FIM_FORMATS))


@each_family
@pytest.mark.parametrize("names", [FileMetadata(), NAMES])
def test_nothing_stands_behind_the_last_control_token(form: FimFormat, names: FileMetadata) -> None:
    assert form.build_prompt(HOLE, names).pieces[-1] in ("P", *form.control_tokens())
    ends_with_token = form.name in ("seed-coder", "mellum")
    assert form.build_prompt(HOLE, names, "spm").pieces[-1] == (
        form.stop[-1] if ends_with_token else "P"
    )


@each_family
def test_an_empty_suffix_is_still_a_gap(form: FimFormat) -> None:
    for order, spelled in zip(("psm", "spm"), PROMPTS[form.name], strict=True):
        empty = form.build_prompt(Hole("P"), order="psm" if order == "psm" else "spm")
        assert text(empty) == spelled.replace("]S[", "][").replace(">S", ">").replace("｜S", "｜")


# Which family a tokenizer is of


def vocabulary(*tokens: str) -> Callable[[str], bool]:
    """A tokenizer that knows these control tokens."""
    return tokens.__contains__


@each_family
def test_a_family_is_known_by_its_control_tokens(form: FimFormat) -> None:
    tokens = {*form.control_tokens(), form.stop[0]}
    assert detect_fim_format(vocabulary(*tokens)) is form
    for missing in tokens:
        assert detect_fim_format(vocabulary(*tokens - {missing})) is not form


def test_a_model_without_control_tokens_has_no_format() -> None:
    assert detect_fim_format(vocabulary()) is None
    assert detect_fim_format(vocabulary("<|endoftext|>", "<|im_start|>")) is None


@pytest.mark.parametrize(
    "name",
    [
        *("OpenCoder-8B", "01-ai/Yi-Coder-9B", "CodeLlama-34b-hf", "codellama-7b-Python-hf"),
        "sweepai/sweep-next-edit-1.5B",
    ],
)
def test_tokens_that_a_model_was_not_trained_on_do_not_count(name: str) -> None:
    known = vocabulary(*FIM_FORMATS["fim"].control_tokens(), "<|endoftext|>")
    assert detect_fim_format(known, "some-model") is FIM_FORMATS["fim"]
    assert detect_fim_format(known, name) is None


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("some-model", "starcoder"),
        ("JetBrains/Mellum-4b-base", "mellum"),
        ("./mellum-4b-sft-python.Q8_0.gguf", "mellum"),
        ("ibm-granite/granite-8b-code-base", "fim"),
        ("bigcode/starcoderbase-3b", "starcoder"),
    ],
)
def test_families_that_share_their_tokens_are_told_apart_by_name(name: str, family: str) -> None:
    known = vocabulary(*FIM_FORMATS["starcoder"].control_tokens(), "<|endoftext|>")
    found = detect_fim_format(known, name)
    assert found and found.name == family


def test_a_name_without_its_tokens_tells_nothing() -> None:
    tokens = FIM_FORMATS["qwen2.5-coder"]
    known = vocabulary(*tokens.control_tokens(), tokens.stop[0])
    assert detect_fim_format(known, "Mellum-4b") is tokens


# Four real tokenizers


class Reader:
    """A tokenizer that reads control tokens only where it is asked to."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))
        added = self._tokenizer.get_added_tokens_decoder()
        self.control = {token.content: number for number, token in added.items() if token.special}

    def encode(self, prompt: Prompt) -> list[int]:
        """The ids of a prompt, as a model gets them."""
        ids: list[int] = []
        for piece in prompt.pieces:
            number = self.token(piece) if isinstance(piece, Special) else None
            ids.extend(self.ids(piece) if number is None else [number])
        return ids

    def ids(self, text: str) -> list[int]:
        """The ids of a text as nothing but text."""
        self._tokenizer.encode_special_tokens = True
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def token(self, text: str) -> int | None:
        """The id of a control token, or None where the text is not exactly one."""
        self._tokenizer.encode_special_tokens = False
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids[0] if len(ids) == 1 and ids[0] in self.control.values() else None

    def has_token(self, text: str) -> bool:
        """Whether a text is exactly one control token."""
        return self.token(text) is not None

    def decode(self, ids: list[int]) -> str:
        """The text of ids, control tokens and all."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))


FAMILIES = ("starcoder", "starcoder2", "qwen2.5-coder", "deepseek-coder")


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """A family whose tokenizer is at hand."""
    return str(request.param)


@pytest.fixture(scope="module")
def reader(family: str, shared: Path) -> Reader:
    """The tokenizer of a family."""
    return Reader(shared / "data" / "tokenizers" / family / "tokenizer.json")


def test_a_real_tokenizer_tells_its_family(family: str, reader: Reader) -> None:
    assert detect_fim_format(reader.has_token) is FIM_FORMATS[family]
    assert reader.token("def") is reader.token("<fim_prefix><fim_suffix>") is None


def test_every_control_token_in_user_text_stays_text(reader: Reader) -> None:
    hostile = "x = 1\n".join(["", *reader.control, ""]) + " ".join(reader.control)
    ids = reader.ids(hostile)
    assert not set(ids) & set(reader.control.values())
    assert reader.decode(ids) == hostile


@few_examples
@given(st.data())
def test_user_text_has_no_control_token_wherever_it_stands(
    reader: Reader, data: st.DataObject
) -> None:
    pieces = [*reader.control, "<|", "|>", "<fim_", "middle>", "a", "\n", " ", "é", "日"]
    hostile = "".join(data.draw(st.lists(st.sampled_from(pieces), max_size=12)))
    ids = reader.ids(hostile)
    assert not set(ids) & set(reader.control.values())
    assert reader.decode(ids) == hostile


def test_a_prompt_has_the_control_tokens_of_its_template_and_no_others(
    family: str, reader: Reader
) -> None:
    hostile = "\n".join(reader.control)
    form, files = FIM_FORMATS[family], (Document(hostile, hostile), Document("b.py", "b\n"))
    for prompt in (
        form.build_prompt(
            Hole(hostile, hostile), FileMetadata(hostile, hostile, "0"), "psm", files
        ),
        form.build_prompt(
            Hole(hostile, hostile), FileMetadata(hostile, hostile, "0"), "spm", files
        ),
        form.build_prefix_prompt(hostile, FileMetadata(hostile), files),
        form.build_prompt(Hole(hostile, hostile), FileMetadata(hostile, hostile, "0")),
        form.build_prompt(Hole(hostile, hostile), FileMetadata(hostile, hostile, "0"), "spm"),
        form.build_prefix_prompt(hostile, FileMetadata(hostile)),
    ):
        ids = reader.encode(prompt)
        control = [number for number in ids if number in reader.control.values()]
        marked = [piece for piece in prompt.pieces if isinstance(piece, Special)]
        assert control == [reader.control[piece] for piece in marked]
        assert reader.decode(ids) == text(prompt)


# The default model


@pytest.fixture(scope="module")
def model(real_model: Path) -> Iterator[LlamaCppModel]:
    """The default model, loaded."""
    opened = LlamaCppModel(real_model, 512)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def qwen(shared: Path) -> Reader:
    """The default model's tokenizer as others have built it."""
    return Reader(shared / "data" / "tokenizers" / "qwen2.5-coder" / "tokenizer.json")


@pytest.mark.model
def test_the_default_model_tells_its_family(model: LlamaCppModel) -> None:
    form = FIM_FORMATS["qwen2.5-coder"]
    assert detect_fim_format(model.has_token) is form
    assert all(map(model.has_token, form.stop))
    assert model.token("def") is model.token("<fim_prefix>") is model.token("") is None


@pytest.mark.model
def test_user_text_never_controls_the_default_model(model: LlamaCppModel, qwen: Reader) -> None:
    """The two marks of tool calls are ordinary words in this model's file, and always one id."""
    words = {"<tool_call>", "</tool_call>"}
    control = [token for token in qwen.control if token not in words]
    assert all(model.token(token) == qwen.control[token] for token in control)
    assert [model.token(word) for word in words] == [None, None]
    hostile = "x = 1\n".join(["", *control, ""]) + " ".join(control)
    ids = model.tokenize(hostile)
    assert ids == qwen.ids(hostile)
    assert model.count(hostile) == len(ids)
    form = FIM_FORMATS["qwen2.5-coder"]
    for prompt in (
        form.build_prompt(Hole(hostile, hostile), FileMetadata(hostile, hostile)),
        form.build_prompt(Hole("a", "b"), FileMetadata("c"), files=(Document(hostile, hostile),)),
        form.build_prompt(Hole(hostile, hostile), order="spm"),
        form.build_prefix_prompt(hostile, FileMetadata(hostile)),
    ):
        assert model.encode(prompt) == qwen.encode(prompt)


@pytest.mark.model
def test_the_default_model_reads_as_its_makers_tokenizer_does(
    model: LlamaCppModel, shared: Path
) -> None:
    vectors = shared / "data" / "tokenizers" / "vectors" / "ggml-vocab-qwen2.gguf.inp"
    texts = vectors.read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")[:-1]
    lines = vectors.with_suffix(".out").read_text(encoding="utf-8").splitlines()
    assert len(texts) == len(lines) == 46
    assert [model.tokenize(piece) for piece in texts] == [
        [int(number) for number in line.split()] for line in lines
    ]
