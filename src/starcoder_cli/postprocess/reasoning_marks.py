"""How models mark what they think before they answer, and which models think."""

import re
from functools import cache
from typing import TypeAlias

Marks: TypeAlias = tuple[tuple[str, str], ...]

HARMONY_CHANNEL = "<|channel|>{}<|message|>"
MARKS: Marks = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3, QwQ, GLM, and most others
    ("<thinking>", "</thinking>"),
    ("<THINK>", "</THINK>"),
    ("<Think>", "</Think>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<thought>", "</thought>"),  # EXAONE Deep
    ("<Thought>", "</Thought>"),  # Marco-o1
    ("<think_fast>", "</think_fast>"),  # K2-V2
    ("<think_faster>", "</think_faster>"),
    ("<ifm|think>", "</ifm|think>"),  # later ones of K2's makers
    ("<ifm|think_fast>", "</ifm|think_fast>"),
    ("<ifm|think_faster>", "</ifm|think_faster>"),
    ("<longcat_think>", "</longcat_think>"),  # LongCat
    ("<mm:think>", "</mm:think>"),  # MiniMax
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral
    ("[unused16]", "[unused17]"),  # openPangu
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<unused94>thought", "<unused95>"),  # MedGemma
    ("Here is my thought process:", "Here is my response:"),  # Granite 3.2
    ("Here's my thought process:", "Here's my response:"),
    ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),  # Apriel
    (HARMONY_CHANNEL.format("analysis"), HARMONY_CHANNEL.format("final")),  # gpt-oss
    ("<|start|>assistant" + HARMONY_CHANNEL.format("analysis"), HARMONY_CHANNEL.format("final")),
)
OPENERS = tuple(opener for opener, _ in MARKS)

UNSURE_MARKS: Marks = (
    ("analysis", "assistantfinal"),  # gpt-oss from a server that leaves its control tokens out
    ("commentary", "assistantfinal"),
    ("/think\n", "<|im_start|>assistant"),  # HyperCLOVA X
)
"""Marks whose first may begin an answer too: only both of them mean a draft."""

UNQUOTED_OPENER = re.compile(f"(?<![`'\"])({'|'.join(map(re.escape, OPENERS))})(?![`'\"])")

REASONING_NAME = re.compile(
    r"think|reason|qwq|magistral|gpt-oss|exaone|nemotron|minimax-m|seed-oss|pangu|mimo|\br1\b"
    r"|glm-(4\.[5-9]|[5-9]|z)|qwen-?3(?!.*(coder|instruct))|deepseek-v3\.[1-9]",
    re.IGNORECASE | re.ASCII,
)


def closers_of(marks: Marks) -> tuple[str, ...]:
    """The marks that close what a template has opened; plain words could be anywhere."""
    return tuple(dict.fromkeys(closer for _, closer in marks if not closer[0].isalpha()))


CLOSERS = closers_of(MARKS)


def is_reasoning_model(name: str, chat_template: str) -> bool:
    """Whether a model thinks first, judging by its chat template or its name."""
    by_template = any(closer in chat_template for closer in CLOSERS)
    return by_template or bool(REASONING_NAME.search(name))


def begins_with_reasoning(text: str) -> bool:
    """Whether a text begins with a mark that opens reasoning."""
    return text.lstrip().startswith(OPENERS)


@cache
def closer_pattern(closers: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that matches any of these marks."""
    return re.compile("|".join(map(re.escape, closers)) or "(?!)")


@cache
def leading_closers(marks: Marks) -> re.Pattern[str]:
    """A pattern that matches all marks at the beginning that close what a template has opened."""
    return re.compile(rf"(\s*({'|'.join(map(re.escape, closers_of(marks))) or '(?!)'}))+")
