"""Each family's format for a gap, and which one a tokenizer supports."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from starcoder_cli.model import Special
from starcoder_cli.prompts.fim import FimFormat, Slot, Template


@dataclass(frozen=True)
class MultiFileTemplates:
    """How a family writes other files, and what surrounds a gap after them.

    `prompt_start` and `before_prefix` replace those of a single file.
    """

    file: Template
    prompt_start: Template = ()
    before_prefix: Template = ()


def build_family(
    name: str,
    tokens: str,
    *,
    before_prefix: Template = (),
    prompt_start: Template = (),
    stop: str = "",
    multi_file_templates: MultiFileTemplates | None = None,
) -> FimFormat:
    """Build a family's format `prefix P suffix S middle`, with the tokens named in that order.

    `prompt_start` comes before everything, `before_prefix` directly before the prefix. SPM is
    written as SPMv2.
    """
    prefix, suffix, middle = (Special(token) for token in tokens.split())
    stops = [Special(token) for token in stop.split()]
    single_file = FimFormat(
        name,
        psm=(*prompt_start, prefix, *before_prefix, Slot.PREFIX, suffix, Slot.SUFFIX, middle),
        spm=(*prompt_start, prefix, suffix, Slot.SUFFIX, middle, *before_prefix, Slot.PREFIX),
        prefix_only=(*prompt_start, *before_prefix, Slot.PREFIX),
        stop=tuple(dict.fromkeys([*stops, prefix, suffix, middle])),
    )
    if multi_file_templates is None:
        return single_file
    multi_file = build_family(
        name,
        tokens,
        before_prefix=multi_file_templates.before_prefix,
        prompt_start=multi_file_templates.prompt_start,
        stop=stop,
    )
    return replace(single_file, file_template=multi_file_templates.file, multi_file=multi_file)


def codestral_format(*before_prefix: "str | Slot | Template") -> FimFormat:
    """Codestral's format, without a middle token; `before_prefix` goes right before the prefix."""
    template = (Special("[SUFFIX]"), Slot.SUFFIX, Special("[PREFIX]"), *before_prefix, Slot.PREFIX)
    ends = (Special("</s>"), Special("[PREFIX]"), Special("[SUFFIX]"))
    return FimFormat("codestral", template, template, ends, (*before_prefix, Slot.PREFIX))


def suffix_first_format(
    name: str, tokens: str, stop: str, header: Template = (), file: Template = ()
) -> FimFormat:
    """Build a format that only writes `suffix S prefix P middle`, with the tokens in that order.

    Other files and then the `header`, which names the file with the gap, come before that.
    """
    suffix, prefix, middle = (Special(token) for token in tokens.split())
    gap = (suffix, Slot.SUFFIX, prefix, Slot.PREFIX, middle)
    stops = [Special(token) for token in stop.split()]
    ends = tuple(dict.fromkeys([*stops, suffix, prefix, middle]))
    alone = FimFormat(name, (*header, *gap), (*header, *gap), ends, (*header, Slot.PREFIX))
    if not file:
        return alone
    together = replace(alone, psm=(Slot.FILES, *alone.psm), spm=(Slot.FILES, *alone.spm))
    together = replace(together, prefix_only=(Slot.FILES, *alone.prefix_only))
    return replace(alone, file_template=file, multi_file=together)


# Sources: the model cards, bigcode-project/Megatron-LM `gpt_dataset.permute` (StarCoder),
# bigcode-project/starcoder2 issues 10 and 21, the examples of QwenLM/Qwen3-Coder,
# meta-llama/codellama `generation.py`, deepseek-ai/DeepSeek-Coder README, ai.google.dev and the
# technical report for CodeGemma, continuedev/continue for several files in Codestral, Seed-Coder's
# technical report (section 2.2), the card of JetBrains/Mellum-4b-base, `finetune.py` of
# aixcoder-plugin/aiXcoder-7B, which names no file. StarCoder read one file at a
# time in training, so it has no format for several.
_PLUS_HEADER: Template = ("+++++ ", Slot.FILENAME, "\n")
_STARCODER_TOKENS = "<fim_prefix> <fim_suffix> <fim_middle>"
_QWEN_TOKENS = "<|fim_prefix|> <|fim_suffix|> <|fim_middle|>"

FIM_FORMATS: Mapping[str, FimFormat] = {
    row.name: row
    for row in (
        build_family(
            "starcoder",
            _STARCODER_TOKENS,
            before_prefix=(
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
        build_family(
            "starcoder2",
            _STARCODER_TOKENS,
            prompt_start=((Special("<repo_name>"), Slot.REPOSITORY, Special("<file_sep>")),),
            before_prefix=((Slot.FILENAME, "\n"),),
            stop="<|endoftext|> <file_sep> <repo_name> <fim_pad>",
            multi_file_templates=MultiFileTemplates(
                file=(Special("<file_sep>"), Slot.FILENAME, "\n", Slot.TEXT),
                prompt_start=(
                    (Special("<repo_name>"), Slot.REPOSITORY),
                    Slot.FILES,
                    Special("<file_sep>"),
                ),
                before_prefix=((Slot.FILENAME, "\n"),),
            ),
        ),
        build_family(
            "qwen2.5-coder",
            _QWEN_TOKENS,
            prompt_start=(
                (
                    (Special("<|repo_name|>"), Slot.REPOSITORY, "\n"),
                    Special("<|file_sep|>"),
                    Slot.FILENAME,
                    "\n",
                ),
            ),
            stop="<|endoftext|> <|im_end|> <|im_start|> <|fim_pad|> <|repo_name|> <|file_sep|>",
            multi_file_templates=MultiFileTemplates(
                file=(Special("<|file_sep|>"), Slot.FILENAME, "\n", Slot.TEXT),
                prompt_start=(
                    (Special("<|repo_name|>"), Slot.REPOSITORY, "\n"),
                    Slot.FILES,
                    (Special("<|file_sep|>"), Slot.FILENAME, "\n"),
                ),
            ),
        ),
        build_family(
            "codegemma",
            _QWEN_TOKENS,
            stop="<|file_separator|> <eos> <end_of_turn>",
            multi_file_templates=MultiFileTemplates(
                file=(Slot.FILENAME, "\n", Slot.TEXT, Special("<|file_separator|>")),
                prompt_start=(Slot.FILES, (Slot.FILENAME, "\n")),
            ),
        ),
        build_family("granite4", _QWEN_TOKENS, stop="<|end_of_text|> <|fim_pad|>"),
        build_family(
            "santacoder",
            "<fim-prefix> <fim-suffix> <fim-middle>",
            stop="<|endoftext|> <|filename|>",
        ),
        build_family(
            "deepseek-coder",
            "<｜fim▁begin｜> <｜fim▁hole｜> <｜fim▁end｜>",
            stop="<｜end▁of▁sentence｜> <|EOT|>",
            multi_file_templates=MultiFileTemplates(
                file=("#", Slot.FILENAME, "\n", Slot.TEXT),
                before_prefix=(Slot.FILES, ("#", Slot.FILENAME, "\n")),
            ),
        ),
        build_family(
            "aixcoder", "▁<AIX-SPAN-PRE> ▁<AIX-SPAN-POST> ▁<AIX-SPAN-MIDDLE>", stop="</s>"
        ),
        build_family("codellama", "▁<PRE> ▁<SUF> ▁<MID>", stop="▁<EOT> </s>"),
        replace(
            codestral_format(),
            file_template=(*_PLUS_HEADER, Slot.TEXT, "\n"),
            multi_file=codestral_format(Slot.FILES, _PLUS_HEADER),
        ),
        suffix_first_format(
            "seed-coder",
            "<[fim-suffix]> <[fim-prefix]> <[fim-middle]>",
            stop="<[end▁of▁sentence]>",
        ),
        # Its tokens are StarCoder's.
        suffix_first_format(
            "mellum",
            "<fim_suffix> <fim_prefix> <fim_middle>",
            stop="<|endoftext|> <filename> <reponame> <fim_pad>",
            header=((Special("<filename>"), Slot.FILENAME, "\n"),),
            file=(Special("<filename>"), Slot.FILENAME, "\n", Slot.TEXT),
        ),
        # Granite code, Stable Code, Refact: StarCoder's tokens without its metadata.
        build_family("fim", _STARCODER_TOKENS, stop="<|endoftext|> <fim_pad>"),
    )
}

SERVER = "server"
"""The name for models whose server formats gaps itself."""

# Models whose vocabulary has the tokens, but which were not (usefully) trained on them.
UNTRAINED_NAMES = (
    *("opencoder", "yi-coder", "codellama-34b", "codellama-70b", "python-hf"),
    "sweep-next-edit",  # rewrites the lines around the cursor
)


# Patterns in model names, more specific ones first.
NAME_PATTERNS = (
    (r"starcoder-?2", "starcoder2"),
    (r"santacoder", "santacoder"),
    (r"starcoder|starchat", "starcoder"),
    (r"qwen(2\.5|3)-?coder|qwen-?3\.5", "qwen2.5-coder"),
    (r"mellum", "mellum"),
    (r"seed-?coder|\bzeta-?2", "seed-coder"),
    (r"codegemma", "codegemma"),
    (r"granite-4", "granite4"),
    (r"deepseek-coder", "deepseek-coder"),
    (r"aixcoder", "aixcoder"),
    (r"code-?llama", "codellama"),
    (r"(?<!mamba-)codestral", "codestral"),
    (r"granite.*code|stable-code|refact|codeqwen", "fim"),
)


def find_fim_format(family: str | None) -> FimFormat | None:
    """A family's format; None without a name, and if the server formats gaps itself."""
    return FIM_FORMATS[family] if family and family != SERVER else None


def guess_family(model_name: str) -> str | None:
    """The family suggested by a model's name, for when nothing else is known."""
    lowered = model_name.lower()
    if any(untrained in lowered for untrained in UNTRAINED_NAMES):
        return None
    return next((family for pattern, family in NAME_PATTERNS if re.search(pattern, lowered)), None)


def detect_fim_format(has_token: Callable[[str], bool], model_name: str = "") -> FimFormat | None:
    """The format whose control tokens a tokenizer has, each as exactly one special token.

    If several match, the family in the model's name wins; some names belong to families whose
    tokens mean nothing.
    """
    if any(untrained in model_name.lower() for untrained in UNTRAINED_NAMES):
        return None
    named = find_fim_format(guess_family(model_name))
    for fim_format in (*([named] if named else []), *FIM_FORMATS.values()):
        required = fim_format.control_tokens() | set(fim_format.stop[:1])
        if all(map(has_token, required)):
            return fim_format
    return None
