"""How much longer the steps of a tokenizer make a text."""

import base64
import json

import pytest
from tokenizers import Regex, decoders, normalizers, pre_tokenizers, processors

from starcoder_cli.engines.decoding.growth import MAX_STEPS, grows_too_much

CLASSES = normalizers.Normalizer | pre_tokenizers.PreTokenizer | decoders.Decoder
CLASSES |= processors.PostProcessor

BYTES = pre_tokenizers.ByteLevel(False)
TEN = normalizers.Replace("a", "a" * 10)


def precompiled(longest: int) -> bytes:
    """A table of SentencePiece's with a text of so many bytes."""
    table = base64.b64encode(b"\4\0\0\0tree" + b"a" * longest + b"\0b\0").decode()
    return json.dumps({"type": "Precompiled", "precompiled_charsmap": table}).encode()


def longer(*parts: CLASSES) -> bool:
    """Whether these parts of a tokenizer make a text too much longer."""
    return grows_too_much(part.__getstate__() for part in parts)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (BYTES, decoders.ByteLevel(), processors.ByteLevel()),
        (normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),),
        (normalizers.Replace(Regex(" {2,}"), " "), pre_tokenizers.Metaspace()),
        (normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase(), TEN]), BYTES),
        (decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1)]),),
        (processors.TemplateProcessing("<s> $0 </s>", None, [("<s>", 1), ("</s>", 2)]),),
        (normalizers.Replace("a" * 1000, "b" * 1000),),
    ],
)
def test_what_tokenizers_do_is_fine(parts: tuple[CLASSES, ...]) -> None:
    assert not longer(*parts)


@pytest.mark.parametrize(
    "parts",
    [
        (normalizers.Sequence([TEN] * 3),),
        (normalizers.Sequence([normalizers.Sequence([TEN]), normalizers.Sequence([TEN, TEN])]),),
        (normalizers.Replace("", "a" * 600),),
        (normalizers.Replace(Regex("b*"), "a" * 600),),
        (normalizers.Prepend("a" * 600),),
        (normalizers.Sequence([normalizers.Prepend("a" * 9)] * 3),),
        (TEN, pre_tokenizers.Sequence([BYTES] * 6)),
        (normalizers.Sequence([normalizers.ByteLevel()] * 10),),
        (decoders.Sequence([decoders.Replace("a", "a" * 10)] * 3),),
        (processors.TemplateProcessing("<s> " * 600 + "$0", None, [("<s>", 1)]),),
        (pre_tokenizers.Sequence([pre_tokenizers.Digits()] * MAX_STEPS),),
    ],
)
def test_what_multiplies_a_text_is_not(parts: tuple[CLASSES, ...]) -> None:
    assert longer(*parts)


def test_a_table_of_sentencepiece() -> None:
    assert not grows_too_much([precompiled(33)])
    assert grows_too_much([precompiled(600)])
    assert grows_too_much([precompiled(33), precompiled(33)])
    assert not grows_too_much([json.dumps({"precompiled_charsmap": ""}).encode()])
    assert grows_too_much([json.dumps({"precompiled_charsmap": "a"}).encode()])
