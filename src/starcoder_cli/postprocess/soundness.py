"""How sound a file is with an answer in its hole: the number of errors that a parser finds in it.

If there is no grammar for a language, its brackets are counted as Pygments reads them.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice

from starcoder_cli.candidates.syntax import count_syntax_errors, is_unreachable
from starcoder_cli.candidates.texts import MultilineText, find_multiline_texts, find_open_text
from starcoder_cli.languages import Language, find_language
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.fences import Fence
from starcoder_cli.postprocess.lexical import (
    WORD_BRACKETS,
    Kind,
    count_unpaired_brackets,
    find_unpaired_brackets,
    kind_behind,
)
from starcoder_cli.prompts.window import first_lines, last_lines

MAX_CHARACTERS_AROUND = 1 << 17
"""How much text before and after a hole is parsed, in whole lines."""

MAX_CHARACTERS_NEAR = 1 << 12
"""How much of it is looked through for the partner of a bracket."""

MAX_JUDGEMENTS = 96
"""The most answers that are judged for one hole; others count as broken."""

MAX_ERRORS_BEFORE = 8
"""A file without code in the hole and with more errors than this is not what its name says."""

FAR_TOO_MANY = 1 << 20
PAGES, MAX_PAGE_CHARACTERS = {"html", "vue"}, 1 << 16
"""Languages whose grammar overlooks the brackets of the scripts in them, if they are not long."""

WORD = re.compile(r"\w+")
BRACKET = re.compile(r"[()\[\]{}]")
CLOSERS = ")]}"
BEGINS_BY_CLOSING = re.compile(r"\s*(?:[)\]}]|</|(?:end|fi|done|esac|endif)\b)")
SPEAKS_TO_USER = re.compile(
    r"\W*(?:here|sure|certainly|of course|below is|okay|i\b|i've|i'll|you can replace)",
    re.IGNORECASE,
)
"""How a model begins when it answers a person: hardly any text in a file begins like that."""

CLOSES_TEXT = re.compile(r"\s*(\"\"\"|'''|\*/|[\"'`])")
MAX_LINES_BACK = 24
MAX_CLOSERS_BACK = 32


class SoundnessCheck:
    """Judges a file with an answer against the file with `replaced` in its hole."""

    def __init__(self, hole: Hole, replaced: str, language: Language) -> None:
        self.language = language
        self._prefix = last_lines(hole.prefix, MAX_CHARACTERS_AROUND)
        self._suffix = first_lines(hole.suffix, MAX_CHARACTERS_AROUND)
        self._replaced = replaced
        self._errors: dict[str, int] = {}

    @cached_property
    def errors_before(self) -> int:
        """The errors of the file as it was; a word that marks the hole does not count as one."""
        without = FAR_TOO_MANY if self.replaces_code else self.errors("")
        return min(self.errors(self._replaced), without)

    @property
    def replaces_code(self) -> bool:
        """Whether the hole contains more than a word that marks it."""
        return len(WORD.findall(self._replaced)) > 1 or bool(BRACKET.search(self._replaced))

    @property
    def has_parser(self) -> bool:
        """Whether something is known about the language: the kind of the file may be unknown."""
        return self.language.lexer != "text"

    @property
    def line_end(self) -> str:
        """What a complete line of an answer ends with, unless the suffix provides it."""
        gap = self._suffix[: len(self._suffix) - len(self._suffix.lstrip())]
        return "" if "\n" in gap else "\n"

    def errors(self, answer: str) -> int:
        """The errors of the file with an answer in it."""
        if answer not in self._errors:
            if len(self._errors) >= MAX_JUDGEMENTS:
                return FAR_TOO_MANY
            text = self._prefix + answer + self._suffix
            errors = count_syntax_errors(text, self.language.name)
            if errors is None or self._has_overlooked_brackets:
                errors = (errors or 0) + count_unpaired_brackets(text, self.language)
            self._errors[answer] = errors
        return self._errors[answer]

    @property
    def _has_overlooked_brackets(self) -> bool:
        """Whether the language's grammar overlooks brackets: words, and those of scripts."""
        is_short = len(self._prefix) + len(self._suffix) <= MAX_PAGE_CHARACTERS
        return self.language.name in WORD_BRACKETS or (self.language.name in PAGES and is_short)

    def is_as_sound(self, answer: str) -> bool:
        """Whether the file has no more errors with an answer than it had before."""
        return self.errors(answer) <= self.errors_before

    def is_code_behind(self, answer: str) -> bool:
        """Whether what follows an answer's text is code, rather than a string or a comment."""
        return self.kind_behind(answer) == "code"

    def kind_behind(self, answer: str) -> Kind:
        """What follows an answer's text: code, the text of a page, a string or a comment."""
        return kind_behind(self._prefix + answer, self.language, self._suffix)

    def is_fence_talk(self, answer: str, indent: str) -> bool:
        """Whether a fence after an answer's text is the model's own.

        Either code is there, or the file has no fences and this one is not indented. In YAML an
        indented one may be in a text, which counts as code.
        """
        if self.language.name == "yaml" and indent:
            return False
        has_fences = "```" in self._prefix or "```" in self._suffix
        return not (has_fences or indent) or self.is_code_behind(answer)

    def is_wrapped(self, introduction: str, fence: Fence) -> bool:
        """Whether a fence at the beginning of an answer and its introduction are the model's own.

        In a text they are not if it begins a line there, after a comment mark or a quote, if its
        language is not the file's, as with an example, or if the introduction speaks to the text's
        readers.
        """
        if self.language.name == "yaml" and fence.indent:
            return fence.is_of(self.language)
        if not self.is_fence_talk("", fence.indent):
            return False
        kind, own_line = self.kind_behind(""), self._prefix.rpartition("\n")[2]
        if kind == "code":
            return True
        begins_line = not (own_line.strip() if kind == "text" else own_line)
        has_rest = bool(own_line.strip() and self._suffix.partition("\n")[0].strip())
        is_inside = (has_rest or WORD.search(own_line)) and not introduction.startswith("\n")
        speaks = not introduction.strip() or bool(SPEAKS_TO_USER.match(introduction))
        return bool(begins_line or is_inside) and speaks and fence.is_of(self.language)

    def ends_in_text(self, text: str) -> bool:
        """Whether a text ends in a string or a comment."""
        return kind_behind(text, self.language) != "code"

    def lines_in_texts(self, answer: str) -> frozenset[int]:
        """The lines of an answer, counted from 0, in texts that it begins and ends itself."""
        before, own = self._prefix.count("\n"), self._prefix + answer
        texts = find_multiline_texts(own + self._suffix, self.language.name, len(self._prefix))
        last = own.rstrip("\n").count("\n")
        whole = (each.lines for each in texts if each.last <= last)
        return frozenset(line - before for lines in whole for line in lines)

    def lines_in_open_text(self, answer: str) -> range:
        """The lines of an answer in a multi-line text that it has begun but not ended."""
        before, own = self._prefix.count("\n"), self._prefix + answer
        text = find_open_text(own, self.language.name, len(self._prefix))
        return range(text.first - before, own.count("\n") - before + 1) if text else range(0)

    def text_behind(self, answer: str) -> MultilineText | None:
        """The multi-line text that what follows an answer is in, or None."""
        start = 0 if self._begins_in_text else len(self._prefix)
        return find_open_text(self._prefix + answer, self.language.name, start)

    @cached_property
    def _begins_in_text(self) -> bool:
        """Whether an answer begins in a multi-line text."""
        return find_open_text(self._prefix, self.language.name, 0) is not None

    def ends_texts(self, answer: str) -> bool:
        """Whether the suffix ends the multi-line text that an answer leaves open."""
        return not find_open_text(
            self._prefix + answer + self._suffix, self.language.name, len(self._prefix)
        )

    def leaves_open(self, answer: str, rest: str) -> bool:
        """Whether an answer opens a bracket that nothing closes, `rest` being that of its line.

        If the text that it replaces does so too, it may. In a string or a comment only the rest of
        the line can close it. After a comma before a closing bracket, more is expected.
        """
        if answer.rstrip().endswith(",") and rest.lstrip()[:1] in tuple(CLOSERS):
            return True
        if not self._begins_in_code:
            usual = max(self.count_open(rest), self.count_open(self._replaced + rest))
            return self.count_open(answer + rest) > usual
        return self.count_open(answer) > 0 and self._count_unpaired(answer) > self._usual_unpaired

    @cached_property
    def _usual_unpaired(self) -> int:
        return self._count_unpaired(self._replaced if self.replaces_code else "")

    def _count_unpaired(self, answer: str) -> int:
        around = self._prefix[-MAX_CHARACTERS_NEAR:], self._suffix[:MAX_CHARACTERS_NEAR]
        return count_unpaired_brackets(answer.join(around), self.language)

    def count_open(self, text: str) -> int:
        """How many brackets of a text at the hole are left open; in a string any of them counts."""
        language = self.language if self._begins_in_code else find_language("text")
        return find_unpaired_brackets(text, language)[1]

    @cached_property
    def _begins_in_code(self) -> bool:
        return self.is_code_behind("")

    @cached_property
    def replaces_comment(self) -> bool:
        """Whether what the answer replaces ends in a comment that the rest of the line goes on."""
        return self.opens_comment(self._replaced)

    def opens_comment(self, answer: str) -> bool:
        """Whether what follows an answer is in a comment that the answer has begun."""
        behind, before = self.kind_behind(answer), self.kind_behind("")
        return behind == "comment" != before

    def without_jump(self, answer: str) -> str | None:
        """An answer up to a jump that keeps the suffix from being reached, or None without one."""
        if (
            "\n" not in answer
            or not self._hides_suffix(answer)
            or self._hides_suffix(self._replaced)
        ):
            return None
        texts = (text for text in self._shorter(answer) if not self._hides_suffix(text))
        return next((text for text in texts if self.is_as_sound(text)), None)

    def _hides_suffix(self, answer: str) -> bool:
        text, suffix = self._prefix + answer, self._suffix
        position = len(text) + len(suffix) - len(suffix.lstrip())
        return is_unreachable(text + suffix, position, self.language.name)

    def cut_back(self, answer: str, *, is_whole: bool = False) -> str | None:
        """The most of an answer that leaves the file as sound as it was, or None if nothing does.

        If it `is_whole`, as its model stopped by itself, only what closes too much is dropped: a
        parser may be older than the code, or not know a macro.
        What is dropped begins with a closing bracket in the last line, or is whole lines. If
        nothing would be left, or a file without code in the hole has errors, it must begin by
        closing something the answer has not opened; if such a file has many, nothing is dropped.
        """
        is_comparable = self.replaces_code or self.errors_before == 0
        if not self.replaces_code and self.errors_before > MAX_ERRORS_BEFORE:
            return None
        texts = chain(self._before_closers(answer), self._shorter(answer), [""])
        return next(
            (
                text
                for text in texts
                if (text and is_comparable and not is_whole or self._is_closed_twice(answer, text))
                and self.is_as_sound(text)
            ),
            None,
        )

    def _is_closed_twice(self, answer: str, text: str) -> bool:
        """Whether the rest of an answer after a part closes what that part has not opened."""
        rest = answer[len(text.rstrip()) :]
        closer = CLOSES_TEXT.match(rest) if self._begins_in_text else None
        if closer and self._suffix_closes(closer[1]):
            return True
        if not BEGINS_BY_CLOSING.match(rest):
            return False
        unpaired, left = (count_unpaired_brackets(part, self.language) for part in (answer, text))
        return left <= unpaired

    def _suffix_closes(self, mark: str) -> bool:
        """Whether the suffix closes a text itself: it has one mark more than its own texts need."""
        if mark == "*/":
            return self._suffix.count("*/") > self._suffix.count("/*")
        is_one_line = mark in ("'", '"')
        around = self._suffix.partition("\n")[0] if is_one_line else self._suffix
        return around.count(mark) % 2 == 1

    def _before_closers(self, answer: str) -> Iterator[str]:
        """Yield an answer up to each of the last closing brackets of its last line, last first."""
        line_start = answer.rfind("\n") + 1
        closers = (at for at in range(len(answer) - 1, line_start, -1) if answer[at] in CLOSERS)
        for at in islice(closers, MAX_CLOSERS_BACK):
            yield answer[:at].rstrip(" \t")

    def _shorter(self, answer: str) -> Iterator[str]:
        """Yield an answer without its last line, without its last two, and so on."""
        lines = answer.split("\n")
        for count in range(len(lines) - 1, max(len(lines) - MAX_LINES_BACK, 0), -1):
            text = "\n".join(lines[:count]).rstrip()
            if text:
                yield text + self.line_end
