"""Text of JSON in which one value changes, and everything else stays byte for byte."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from starcoder_cli.files.source import Span

JSON_SPACE = re.compile(r"[^ \t\n\r]|\Z")


def skip_space(text: str, at: int) -> int:
    """Where the next character is that is no white space, or the end."""
    found = JSON_SPACE.search(text, at)
    return found.start() if found else len(text)


def json_children(text: str, at: int) -> list[tuple[object, Span]]:
    """Where each value is in the sound object or list that begins there, with its key or None."""
    decode = json.JSONDecoder().raw_decode
    has_keys = text[at] == "{"
    found: list[tuple[object, Span]] = []
    at = skip_space(text, at + 1)
    while text[at] not in "]}":
        key: object = None
        if has_keys:
            key, at = decode(text, at)
            at = skip_space(text, skip_space(text, at) + 1)
        start = at
        _, at = decode(text, at)
        found.append((key, Span(start, at)))
        at = skip_space(text, at)
        if text[at] == ",":
            at = skip_space(text, at + 1)
    return found


@dataclass(frozen=True)
class JsonStyle:
    """How a text of JSON is written: what stands before each value of a list, what before its end,
    and whether other letters than those of ASCII are escaped.
    """

    before: str
    end: str
    is_ascii: bool

    @classmethod
    def of(cls, text: str, at: int) -> "JsonStyle":
        """The style that a list has which begins there, as far as the lines around it tell."""
        is_ascii = text.isascii() and "\\u" in text
        line_start = text.rfind("\n", 0, at) + 1
        indentation = skip_space(text, line_start)
        step = re.search(r"\n([ \t]+)\S", text)
        if not step or indentation >= at:
            return cls("", "", is_ascii)
        newline = "\r\n" if text[:line_start].endswith("\r\n") else "\n"
        end = newline + text[line_start:indentation]
        return cls(end + step[1], end, is_ascii)

    def rewrite(self, literal: str, start: int, end: int, new: str) -> str:
        """The literal of a text, or of a list of its lines, with a range of the text replaced."""
        if literal.startswith('"'):
            text = json.loads(literal)
            return self.encode(text[:start] + new + text[end:])
        items = [item for _, item in json_children(literal, 0)]
        literals = [literal[item.start : item.end] for item in items]
        lines: list[str] = [json.loads(each) for each in literals]
        first, begin = 0, 0
        while first < len(lines) and begin + len(lines[first]) <= start:
            begin += len(lines[first])
            first += 1
        last, behind = first, begin
        while last < len(lines) and (behind < end or last == first):
            behind += len(lines[last])
            last += 1
        whole = "".join(lines)
        text = whole[begin:start] + new + whole[end:behind]
        while last < len(lines) and text and not text.endswith("\n"):
            text += lines[last]
            last += 1
        if text and first and not lines[first - 1].endswith("\n"):
            first -= 1
            text = lines[first] + text
        changed = map(self.encode, re.findall(r"[^\n]*\n|[^\n]+", text))
        return self._join(literal, items, [*literals[:first], *changed, *literals[last:]])

    def encode(self, text: str) -> str:
        """A text as JSON."""
        return json.dumps(text, ensure_ascii=self.is_ascii)

    def _join(self, literal: str, items: Sequence[Span], literals: Sequence[str]) -> str:
        """A list of literals, laid out like the list that had these items."""
        before, end, separator = self.before, self.end, f",{self.before or ' '}"
        if items:
            before, end = literal[1 : items[0].start], literal[items[-1].end : -1]
            separator = f",{before or ' '}"
        if len(items) > 1:
            separator = literal[items[0].end : items[1].start]
        return f"[{before}{separator.join(literals)}{end}]" if literals else "[]"
