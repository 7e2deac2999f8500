"""Text to ids and back: nothing in a file is a control token, and nothing of an answer is lost."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from starcoder_cli.engines.decoding.tokenizer import CheckpointTokenizer, IncrementalDetokenizer
from starcoder_cli.errors import DataError, MachineError, ProtocolError
from starcoder_cli.model import Prompt, Special
from tiny import SPECIALS, tokenizer

END, PREFIX, MIDDLE, SUFFIX, _ = (Special(text) for text in SPECIALS)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> CheckpointTokenizer:
    """A token for each byte, and StarCoder's control tokens."""
    folder = tmp_path_factory.mktemp("tokens")
    tokenizer().save(str(folder / "tokenizer.json"))
    return CheckpointTokenizer(folder)


def test_control_tokens_are_one_id_and_text_is_text(tokens: CheckpointTokenizer) -> None:
    ids = tokens.encode(Prompt((PREFIX, "a", SUFFIX, "<fim_middle>", MIDDLE)))
    assert [ids[0], ids[2], ids[-1]] == [1, 3, 2]
    assert len(ids) == 4 + len("<fim_middle>")
    assert tokens.decode(ids) == "<fim_prefix>a<fim_suffix><fim_middle><fim_middle>"


@given(st.lists(st.sampled_from([*SPECIALS, "x", "<", "|>", "é", "😀"]), max_size=8))
@settings(deadline=None, max_examples=50)
def test_no_text_has_control_tokens(tokens: CheckpointTokenizer, parts: list[str]) -> None:
    text = "".join(parts)
    ids = tokens.encode_text(text)
    assert min(ids, default=5) >= len(SPECIALS)
    assert tokens.decode(ids) == text


def test_added_tokens_that_are_not_marked_as_special_are_text_too(tmp_path: Path) -> None:
    """As in some families' files, where a tokenizer finds such tokens in any text."""
    made = tokenizer()
    made.add_tokens([AddedToken("<role>", normalized=False, special=False)])
    made.save(str(tmp_path / "tokenizer.json"))
    tokens = CheckpointTokenizer(tmp_path)
    role = tokens.control_token_id("<role>")
    assert role is not None
    assert role not in tokens.encode_text("a<role>b<<role>>")
    assert tokens.decode(tokens.encode_text("a<role>b<<role>>")) == "a<role>b<<role>>"
    assert tokens.encode(Prompt((Special("<role>"),))) == [role]
    assert role not in tokens.encode_text("<role>\n" * 3000)


def test_ids_that_the_model_does_not_know_are_an_error(tmp_path: Path) -> None:
    """They lie beyond its embedding: torch would end the program, on a GPU any use of it."""
    made = tokenizer()
    known = made.get_vocab_size()
    made.add_special_tokens(["<late>"])
    made.save(str(tmp_path / "tokenizer.json"))
    late = Prompt((Special("<late>"),))
    assert CheckpointTokenizer(tmp_path).encode(late) == [known]
    tokens = CheckpointTokenizer(tmp_path, known)
    assert len(tokens.encode(Prompt(("a<late>",)))) == len("a<late>")
    with pytest.raises(DataError) as caught:
        tokens.encode(late)
    assert str(caught.value) == (
        f"the tokenizer in {tmp_path} has the token {known}, and its model only {known} tokens; "
        "get the checkpoint again"
    )
    with pytest.raises(DataError):
        CheckpointTokenizer(tmp_path, 80).encode_text("text")


def test_runs_of_spaces_that_are_tokens_stay_tokens(tmp_path: Path) -> None:
    """Phi and CodeGen have added tokens for indentation."""
    made = tokenizer()
    made.add_tokens([AddedToken("    ", normalized=False, special=False)])
    made.save(str(tmp_path / "tokenizer.json"))
    tokens = CheckpointTokenizer(tmp_path)
    assert tokens.control_token_id("    ") in tokens.encode_text("if x:\n    y")


def test_a_tokenizer_that_knows_few_characters_is_one(tmp_path: Path) -> None:
    """It has no token for the character that a space before a text is looked for with."""
    Tokenizer(models.BPE({"a": 0, "b": 1}, [])).save(str(tmp_path / "tokenizer.json"))
    few = CheckpointTokenizer(tmp_path)
    assert few.encode(Prompt(("ab☺a",))) == [0, 1, 0]


def test_texts_for_drafts_stay_token_ids(tokens: CheckpointTokenizer) -> None:
    texts = ("def f(x):\n    return x", "<|endoftext|> y")
    references = tokens.references(texts)
    ids = tokens.encode_text(texts[0])
    assert list(references.draft(ids[:-1], 3)) == ids[-1:]
    assert tokens.references(texts) is references
    assert tokens.references(texts[:1]) is not references
    assert tokens.references(()).draft(ids, 3) == ()


def test_a_token_that_is_not_there_is_an_error(tokens: CheckpointTokenizer) -> None:
    assert tokens.control_token_id("<no such token>") is None
    with pytest.raises(ProtocolError) as caught:
        tokens.encode(Prompt((Special("<no such token>"),)))
    assert str(caught.value) == (
        "the model's tokenizer has no token '<no such token>'; choose another model"
    )


def test_an_empty_prompt_reads_the_end_of_an_earlier_text(tokens: CheckpointTokenizer) -> None:
    assert tokens.encode(Prompt((), (END,))) == [0]
    assert tokens.encode(Prompt(("",), (Special("<none>"), MIDDLE))) == [2]
    assert tokens.encode(Prompt(())) == [0]


def test_undecodable_bytes_are_read_as_question_marks(tokens: CheckpointTokenizer) -> None:
    assert tokens.decode(tokens.encode_text("a\udcffb")) == "a?b"


@given(st.text(max_size=20), st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_text_comes_back_exactly_in_whole_characters(
    tokens: CheckpointTokenizer, text: str, size: int
) -> None:
    sound = text.encode("utf-8", "replace").decode().replace("\ufffd", "?")
    ids = tokens.encode_text(sound)
    writing = IncrementalDetokenizer(tokens, tokens.encode(Prompt((PREFIX, "😀", MIDDLE))))
    pieces = [writing.append(ids[at : at + size]) for at in range(0, len(ids), size)]
    assert "".join(pieces) + writing.flush() == sound
    assert "\ufffd" not in "".join(pieces)


def test_a_character_that_is_never_finished_is_left_out(tokens: CheckpointTokenizer) -> None:
    writing = IncrementalDetokenizer(tokens, [])
    assert writing.append(tokens.encode_text("a😀")[:-1]) == ""
    assert writing.flush() == "a"


@pytest.fixture(scope="module")
def spaced(tmp_path_factory: pytest.TempPathFactory) -> CheckpointTokenizer:
    """A tokenizer of the Llama family, which puts a space before a text."""
    words = ["<s>", "<unk>", "▁", "a", "b", "☺", "▁a", "▁b", "\n"]
    made = Tokenizer(
        models.BPE(
            {word: at for at, word in enumerate(words)}, [("▁", "a"), ("▁", "b")], unk_token="<unk>"
        )
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    made.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    made.add_special_tokens(["<s>", "<unk>"])
    folder = tmp_path_factory.mktemp("spaced")
    made.save(str(folder / "tokenizer.json"))
    return CheckpointTokenizer(folder)


def test_only_the_beginning_of_a_prompt_gets_a_space(spaced: CheckpointTokenizer) -> None:
    assert spaced.encode_text("a b") == [6, 7]
    assert spaced.encode_text("a b", first=False) == [3, 7]
    assert spaced.encode(Prompt(("a", Special("<s>"), "a"))) == [6, 0, 3]


def test_no_space_of_an_answer_is_lost(spaced: CheckpointTokenizer) -> None:
    """A decoder of this family leaves out the space before the first word it is given."""
    writing = IncrementalDetokenizer(spaced, [6])
    assert [writing.append([7]), writing.append([3]), writing.append([6])] == [" b", "a", " a"]


def test_a_damaged_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"version": "1.0"}))
    with pytest.raises(DataError) as caught:
        CheckpointTokenizer(tmp_path)
    assert str(caught.value).startswith(f"the tokenizer in {tmp_path} cannot be read: ")
    assert str(caught.value).endswith("; get the checkpoint again")


def test_a_tokenizer_that_fails_at_a_text(tmp_path: Path) -> None:
    """The library gives up on such a pattern, in a way that would end the program."""
    made = tokenizer()
    slow = pre_tokenizers.Split(Regex("(z|z|zz)+b$"), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([slow, pre_tokenizers.ByteLevel(False)])
    made.save(str(tmp_path / "tokenizer.json"))
    tokens = CheckpointTokenizer(tmp_path)
    assert tokens.decode(tokens.encode_text("zzb")) == "zzb"
    with pytest.raises(DataError) as caught:
        tokens.encode_text("z" * 40)
    assert str(caught.value).startswith(f"the tokenizer in {tmp_path} fails: ")
    made.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    replace = decoders.Replace(Regex("(a|a|aa)+b$"), "")
    made.decoder = decoders.Sequence([decoders.Fuse(), replace])
    made.save(str(tmp_path / "tokenizer.json"))
    tokens = CheckpointTokenizer(tmp_path)
    with pytest.raises(DataError):
        tokens.decode(tokens.encode_text("a" * 40))


def test_a_tokenizer_that_makes_texts_far_longer(tmp_path: Path) -> None:
    made = tokenizer()
    made.normalizer = normalizers.Sequence([normalizers.Replace("a", "a" * 10)] * 9)
    made.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(DataError) as caught:
        CheckpointTokenizer(tmp_path)
    assert str(caught.value) == (
        f"the tokenizer in {tmp_path} makes texts far longer than they are; choose another model"
    )


def test_an_old_tokenizer_that_takes_packages_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint is sound, and to get it again would not help."""
    (tmp_path / "tokenizer.model").write_bytes(b"a")
    monkeypatch.setattr(sys, "path", [])  # so that no package is found
    with pytest.raises(MachineError) as caught:
        CheckpointTokenizer(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has no tokenizer.json, and to read tokenizer.model takes sentencepiece and "
        "protobuf; run: pip install sentencepiece protobuf"
    )
