"""Finds the code in a Markdown answer that is meant to replace other code.

Models put more into an answer than that: commands to run, a quote of the old line, an example of
use. The code is the block that has most in common with what it replaces.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.languages import Language, find_language
from starcoder_cli.postprocess.bare_code import ASK_AGAIN, require_bare_code
from starcoder_cli.postprocess.brought_names import find_brought_names, find_words
from starcoder_cli.postprocess.fences import MAX_FENCE_INDENT, Fence, FencedBlock
from starcoder_cli.postprocess.lexical import MARKUP
from starcoder_cli.postprocess.trim_options import PROSE_LANGUAGES
from starcoder_cli.stream import Chunk, Stream, closing_source
from starcoder_cli.system.matching import match_sequences

COMMANDS = {"sh", "bash", "shell", "zsh", "fish", "console", "terminal", "powershell", "cmd"}
CHANGES = {"diff", "patch"}
MIN_LOST_LINES = 3
"""This many lines of the original in other blocks are more than a quote of what changes."""

MIN_CORRECTION = 0.8
"""A corrected block has at least this share of an earlier one's likeness and length."""

TELLING_LINE = re.compile(r"\w\W*\w\W*\w")


FILE_NAME = re.compile(r"([\w-]+/)*[\w-]+\.[a-z]{1,4}")


@dataclass(frozen=True)
class CodeBlock:
    """A block of code at the outermost level: its language as the fence names it, its code."""

    language: str
    code: str
    is_closed: bool


def extract_code(chunks: Iterable[Chunk], original: str, language: Language) -> Stream:
    """Yield the code in an answer once all of it has arrived; an open block means it was cut off.

    Raises DataError if the answer has no code, or it is unclear which code is meant.
    """
    text, has_thought, reason = "", False, None
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            has_thought, reason = has_thought or bool(chunk.reasoning_content), chunk.reason
            yield Chunk(
                "",
                chunk.tokens,
                prompt_tokens=chunk.prompt_tokens,
                cached_tokens=chunk.cached_tokens,
                reasoning_content=chunk.reasoning_content,
            )
            if reason:
                break
    if has_thought and reason == "length" and not text.strip():
        raise DataError(
            "the model spent its tokens on thinking and wrote no code", "raise --max-tokens"
        )
    block = find_code(text, original, language)
    blocks, _ = split_blocks(text)
    has_ended = reason != "length" or (bool(blocks) and all(each.is_closed for each in blocks))
    yield Chunk(block.code, 0, "stop" if block.is_closed and has_ended else "length")


def find_code(text: str, original: str, language: Language) -> CodeBlock:
    """Find the code that is to replace the original. Raises DataError like `extract_code`."""
    blocks, outside = split_blocks(text)
    known = set(telling_lines(original))
    is_bare = not blocks or is_like_a_block(text, original) or is_underlined(text, original)
    if is_bare or 2 * len(known.intersection(outside)) > len(known):
        return CodeBlock("", require_bare_code(text, original, language), is_closed=True)
    fitting = [block for block in blocks if names_language(block.language, language)]
    chosen = most_like(fitting or blocks, original)
    if wide := find_wide_block(text, chosen, original, language):
        blocks, chosen, outside = [wide.block], wide.block, wide.outside
    inside = set(telling_lines(chosen.code))
    parts = [block for block in blocks if block != chosen and not is_quote(block, original)]
    others = {line for block in parts for line in telling_lines(block.code)}
    if len(known.intersection(others) - inside) >= MIN_LOST_LINES:
        raise DataError("the answer has the code in several blocks", ASK_AGAIN)
    if needs_other_block(chosen, blocks, original):
        raise DataError("the answer has parts of the new code in other blocks", ASK_AGAIN)
    if known.intersection(outside) - inside:
        raise DataError("parts of the answer's code stand outside of its block", ASK_AGAIN)
    if not chosen.code.strip("\r\n"):
        raise DataError(
            "the answer is an empty block", "to delete lines, name a range in which some stay"
        )
    if is_part_of_document(chosen, original, language):
        raise DataError("the answer is a block of the text, and not the text", ASK_AGAIN)
    label = chosen.language.lower()
    if label in CHANGES and not names_language(label, language):
        raise DataError("the answer is a diff, and not the code", ASK_AGAIN)
    if label in COMMANDS and not names_language(label, language) and not fitting:
        raise DataError("the answer's block has commands to run, and not the code", ASK_AGAIN)
    return replace(chosen, code=without_label(chosen.code, original, language))


def is_part_of_document(block: CodeBlock, original: str, language: Language) -> bool:
    """Whether a block is the code of a block or an element in a document, and not the document."""
    if not is_document(original, language) or names_language(block.language, language):
        return False
    parts, outside = split_blocks(original)
    text, lines = telling_lines("\n".join(outside)), telling_lines(block.code)
    names_other = block.language.lower() not in ("", *map(str.lower, PROSE_LANGUAGES))
    return bool(text and (parts or names_other)) and not set(text).intersection(lines)


def is_document(text: str, language: Language) -> bool:
    """Whether a text is mostly for people, or has elements of a page."""
    if language.name in MARKUP - PROSE_LANGUAGES:
        return any(line.startswith("<") for line in stripped_lines(text))
    return language.name in PROSE_LANGUAGES


def without_stray_fence(text: str, original: str) -> str:
    """A document without a fence at its end that nothing opens; models close what they are in."""
    blocks, _ = split_blocks(text)
    *lines, last = text.rstrip().split("\n")
    is_open = bool(blocks) and not (blocks[-1].is_closed or blocks[-1].code.strip())
    was_open = any(not block.is_closed for block in split_blocks(original)[0])
    fence = Fence.parse(last)
    if not lines or was_open or not is_open or not fence or fence.language:
        return text
    return "\n".join(lines) + "\n"


def is_underlined(text: str, original: str) -> bool:
    """Whether the only mark of a block is a line of the original, such as `~~~~` below a title."""
    marks = [line.strip() for line in text.splitlines() if Fence.parse(line)]
    return len(marks) == 1 and marks[0] in stripped_lines(original)


def without_label(code: str, original: str, language: Language) -> str:
    """Code without a first line that is only the name of its language or of a file."""
    first, _, rest = code.partition("\n")
    label = first.strip()
    is_label = FILE_NAME.fullmatch(label) or names_language(label, language)
    has_label = is_label and language.name not in PROSE_LANGUAGES and bool(rest.strip())
    return rest if has_label and label not in stripped_lines(original) else code


@dataclass(frozen=True)
class WideBlock:
    """A block that continues past fences inside it, and the lines around it."""

    block: CodeBlock
    outside: list[str]


def find_wide_block(
    text: str, narrow: CodeBlock, original: str, language: Language
) -> WideBlock | None:
    """The block that ends with the last fence, if the fences inside it come in pairs.

    This is how models write a document with blocks in it; strictly, the first of these ends it.
    None if the narrow block has more of the original, or as much in code. Raises DataError if it
    is impossible to tell.
    """
    lines = text.splitlines(keepends=True)
    places = [
        (number, fence)
        for number, line in enumerate(lines)
        if (fence := Fence.parse(line.rstrip("\r\n"))) and len(fence.indent) <= MAX_FENCE_INDENT
    ]
    while places and not names_language(places[0][1].language, language):
        del places[0]
    if len(places) < 4 or len(places) % 2 or any(each.language for _, each in places[2::2]):
        return None
    (first, opening), (last, closing) = places[0], places[-1]
    if closing.language or not opening.is_closed_by(lines[last].rstrip("\r\n")):
        return None
    code = "".join(map(opening.outdent, lines[first + 1 : last]))
    block = CodeBlock(opening.language, code, is_closed=True)
    gain = likeness(code, original) - likeness(narrow.code, original)
    outside = [line.strip() for line in (*lines[:first], *lines[last + 1 :])]
    is_text = language.name in PROSE_LANGUAGES
    if gain < 0 or (gain == 0 and not is_text) or not code.startswith(narrow.code):
        return None
    if code == narrow.code:  # its fence is longer than those inside it
        return None
    if gain == 0 and not is_quote(narrow, original) and any(outside[first:]):
        raise DataError("it is not clear where the answer's block ends", ASK_AGAIN)
    return WideBlock(block, outside)


def is_like_a_block(text: str, original: str) -> bool:
    """Whether an answer replaces a block, with that block's fence and no other one."""
    first, wanted = ((stripped_lines(each) or [""])[0] for each in (text, original))
    is_fence = Fence.parse(wanted) is not None and first == wanted
    return is_fence and len(split_blocks(text)[0]) == len(split_blocks(original)[0])


def most_like(blocks: Sequence[CodeBlock], original: str) -> CodeBlock:
    """The first block with at least half the likeness of the best, ignoring quotes of the original.

    Of those about as similar and as long, the last: a model that corrects itself ends with it.
    """
    changed = [block for block in blocks if not is_quote(block, original)] or blocks
    shares = {block: likeness(block.code, original) for block in changed}
    alike = [block for block in changed if shares[block] >= max(shares.values()) / 2]
    last = [
        block
        for block in alike
        if shares[block] >= MIN_CORRECTION * shares[alike[0]]
        and len(block.code) >= MIN_CORRECTION * len(alike[0].code)
    ]
    return last[-1]


def is_quote(block: CodeBlock, original: str) -> bool:
    """Whether a block only repeats what is there."""
    return stripped_lines(block.code) == stripped_lines(original)


def needs_other_block(chosen: CodeBlock, blocks: Sequence[CodeBlock], original: str) -> bool:
    """Whether new names in a block come only from another: by an import, a definition.

    A value counts if it comes first: after the code, it is an example of use.
    """
    used = find_words(chosen.code) - find_words(original) - find_brought_names(chosen.code)
    place = blocks.index(chosen)
    return any(
        used & find_brought_names(block.code, with_values=number < place)
        for number, block in enumerate(blocks)
        if number != place
    )


def split_blocks(text: str) -> tuple[list[CodeBlock], list[str]]:
    """The blocks of a text at the outermost level, and the lines around them."""
    blocks, outside = list[CodeBlock](), list[str]()
    fence: Fence | None = None
    block, code = None, ""
    for line in text.splitlines(keepends=True):
        if block is None or fence is None:
            fence = Fence.parse(line.rstrip("\r\n"))
            if fence and len(fence.indent) <= MAX_FENCE_INDENT:
                block, code = FencedBlock(fence), ""
            else:
                outside.append(line.strip())
            continue
        code += block.feed(line)
        if block.is_closed:
            blocks.append(CodeBlock(fence.language, code, is_closed=True))
            block = None
    if block and fence:
        code += block.flush()
        blocks.append(CodeBlock(fence.language, code, block.is_closed))
    return blocks, outside


def names_language(label: str, language: Language) -> bool:
    """Whether a fence names a language, by any of its names."""
    if not label:
        return False
    try:
        found = find_language(label.lower())
    except UsageError:
        return label.lower() == language.lexer
    return found == language or found.lexer == language.lexer


def likeness(code: str, original: str) -> float:
    """The share of an original's lines that a text has, in their order."""
    lines, wanted = stripped_lines(code), stripped_lines(original)
    matches = match_sequences(lines, wanted).get_matching_blocks()
    return sum(match.size for match in matches) / max(len(wanted), 1)


def stripped_lines(text: str) -> Sequence[str]:
    """The lines of a text that are not blank, without surrounding white space."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def telling_lines(text: str) -> Sequence[str]:
    """The lines of a text that are more than punctuation and a letter, which occur anywhere."""
    return [line for line in stripped_lines(text) if TELLING_LINE.search(line)]
