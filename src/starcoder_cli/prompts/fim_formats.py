"""How each family of models spells a gap: rows of data, and which row a tokenizer belongs to."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from starcoder_cli.model import Special
from starcoder_cli.prompts.fim import FimFormat, Slot, Template


@dataclass(frozen=True)
class Repository:
    """How a family spells other files, and what stands around a gap behind them.

    `lead` and `head` take the places of those that a file alone has.
    """

    file: Template
    lead: Template = ()
    head: Template = ()


def family(
    name: str,
    tokens: str,
    *,
    head: Template = (),
    lead: Template = (),
    stop: str = "",
    repository: Repository | None = None,
) -> FimFormat:
    """A family that writes `prefix P suffix S middle`, with the tokens named in that order.

    `lead` comes before everything, `head` directly before the prefix. SPM is written as SPMv2.
    """
    prefix, suffix, middle = (Special(token) for token in tokens.split())
    stops = [Special(token) for token in stop.split()]
    alone = FimFormat(
        name,
        psm=(*lead, prefix, *head, Slot.PREFIX, suffix, Slot.SUFFIX, middle),
        spm=(*lead, prefix, suffix, Slot.SUFFIX, middle, *head, Slot.PREFIX),
        plain=(*lead, *head, Slot.PREFIX),
        stop=tuple(dict.fromkeys([*stops, prefix, suffix, middle])),
    )
    if repository is None:
        return alone
    together = family(name, tokens, head=repository.head, lead=repository.lead, stop=stop)
    return replace(alone, file=repository.file, together=together)


def codestral(*head: "str | Slot | Template") -> FimFormat:
    """Codestral's spelling, which has no middle token, with `head` directly before the prefix."""
    template = (Special("[SUFFIX]"), Slot.SUFFIX, Special("[PREFIX]"), *head, Slot.PREFIX)
    ends = (Special("</s>"), Special("[PREFIX]"), Special("[SUFFIX]"))
    return FimFormat("codestral", template, template, ends, (*head, Slot.PREFIX))


# Sources: the model cards, bigcode-project/Megatron-LM `gpt_dataset.permute` (StarCoder),
# bigcode-project/starcoder2 issues 10 and 21, the examples of QwenLM/Qwen3-Coder,
# meta-llama/codellama `generation.py`, deepseek-ai/DeepSeek-Coder README, ai.google.dev and the
# technical report for CodeGemma, continuedev/continue for several files in Codestral. StarCoder
# read one file at a time in training, so it has no form for several.
_PLUS: Template = ("+++++ ", Slot.FILENAME, "\n")
_STARCODER = "<fim_prefix> <fim_suffix> <fim_middle>"
_QWEN = "<|fim_prefix|> <|fim_suffix|> <|fim_middle|>"

FORMATS: Mapping[str, FimFormat] = {
    row.name: row
    for row in (
        family(
            "starcoder",
            _STARCODER,
            head=(
                (
                    (Special("<reponame>"), Slot.REPOSITORY),
                    Special("<filename>"),
                    Slot.FILENAME,
                    (Special("<gh_stars>"), Slot.STARS),
                    "\n",
                ),
            ),
            stop="<|endoftext|> <filename> <reponame> <gh_stars> <fim_pad>",
        ),
        family(
            "starcoder2",
            _STARCODER,
            lead=((Special("<repo_name>"), Slot.REPOSITORY, Special("<file_sep>")),),
            head=((Slot.FILENAME, "\n"),),
            stop="<|endoftext|> <file_sep> <repo_name> <fim_pad>",
            repository=Repository(
                file=(Special("<file_sep>"), Slot.FILENAME, "\n", Slot.TEXT),
                lead=(
                    (Special("<repo_name>"), Slot.REPOSITORY),
                    Slot.FILES,
                    Special("<file_sep>"),
                ),
                head=((Slot.FILENAME, "\n"),),
            ),
        ),
        family(
            "qwen2.5-coder",
            _QWEN,
            lead=(
                (
                    (Special("<|repo_name|>"), Slot.REPOSITORY, "\n"),
                    Special("<|file_sep|>"),
                    Slot.FILENAME,
                    "\n",
                ),
            ),
            stop="<|endoftext|> <|im_end|> <|im_start|> <|fim_pad|> <|repo_name|> <|file_sep|>",
            repository=Repository(
                file=(Special("<|file_sep|>"), Slot.FILENAME, "\n", Slot.TEXT),
                lead=(
                    (Special("<|repo_name|>"), Slot.REPOSITORY, "\n"),
                    Slot.FILES,
                    (Special("<|file_sep|>"), Slot.FILENAME, "\n"),
                ),
            ),
        ),
        family(
            "codegemma",
            _QWEN,
            stop="<|file_separator|> <eos> <end_of_turn>",
            repository=Repository(
                file=(Slot.FILENAME, "\n", Slot.TEXT, Special("<|file_separator|>")),
                lead=(Slot.FILES, (Slot.FILENAME, "\n")),
            ),
        ),
        family("granite4", _QWEN, stop="<|end_of_text|> <|fim_pad|>"),
        family(
            "santacoder",
            "<fim-prefix> <fim-suffix> <fim-middle>",
            stop="<|endoftext|> <|filename|>",
        ),
        family(
            "deepseek-coder",
            "<｜fim▁begin｜> <｜fim▁hole｜> <｜fim▁end｜>",
            stop="<｜end▁of▁sentence｜> <|EOT|>",
            repository=Repository(
                file=("#", Slot.FILENAME, "\n", Slot.TEXT),
                head=(Slot.FILES, ("#", Slot.FILENAME, "\n")),
            ),
        ),
        family("codellama", "▁<PRE> ▁<SUF> ▁<MID>", stop="▁<EOT> </s>"),
        replace(
            codestral(),
            file=(*_PLUS, Slot.TEXT, "\n"),
            together=codestral(Slot.FILES, _PLUS),
        ),
        # Granite code, Stable Code, Refact: StarCoder's tokens without its metadata.
        family("fim", _STARCODER, stop="<|endoftext|> <fim_pad>"),
    )
}

GAP = Special("⟨gap⟩")
SERVER = FimFormat(
    "server",
    psm=(Slot.PREFIX, GAP, Slot.SUFFIX),
    spm=(Slot.PREFIX, GAP, Slot.SUFFIX),
    stop=(),
)
"""A gap as it is told to a server that spells it itself: the mark is no token of any model."""

# Models whose vocabulary has the tokens although they were not trained on them, or not usefully.
UNTRAINED = ("opencoder", "yi-coder", "codellama-34b", "codellama-70b", "python-hf")


# What the names of models have in them, the more special first.
NAMES = (
    (r"starcoder-?2", "starcoder2"),
    (r"santacoder", "santacoder"),
    (r"starcoder|starchat", "starcoder"),
    (r"qwen(2\.5|3)-?coder", "qwen2.5-coder"),
    (r"codegemma", "codegemma"),
    (r"granite-4", "granite4"),
    (r"deepseek-coder", "deepseek-coder"),
    (r"code-?llama", "codellama"),
    (r"(?<!mamba-)codestral", "codestral"),
    (r"granite.*code|stable-code|refact|codeqwen", "fim"),
)


def spelling(name: str | None) -> FimFormat | None:
    """The format of a family, or of a server that spells gaps itself; None for no name."""
    return SERVER if name == SERVER.name else FORMATS[name] if name else None


def of_name(name: str) -> str | None:
    """The family that a model's name tells, where nothing else is known of it."""
    lowered = name.lower()
    if any(untrained in lowered for untrained in UNTRAINED):
        return None
    return next((row for pattern, row in NAMES if re.search(pattern, lowered)), None)


def detect(token: Callable[[str], int | None], name: str = "") -> FimFormat | None:
    """The format whose control tokens a tokenizer knows, each as exactly one special token.

    The model's name settles only the families whose tokens mean nothing.
    """
    if any(untrained in name.lower() for untrained in UNTRAINED):
        return None
    for row in FORMATS.values():
        needed = row.specials() | set(row.stop[:1])
        if all(token(special) is not None for special in needed):
            return row
    return None
