"""Change one value in a JSON text and keep everything else byte for byte."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from starcoder_cli.files.source import Span

JSON_SPACE = re.compile(r"[^ \t\n\r]|\Z")


def skip_space(text: str, at: int) -> int:
    """The position of the next character that is not white space, or of the end."""
    found = JSON_SPACE.search(text, at)
    return found.start() if found else len(text)


def json_children(text: str, at: int) -> list[tuple[object, Span]]:
    """The span of each value in the valid object or list at a position, with its key or None."""
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
    """The layout of a JSON list: what comes before each value and before its end, and whether
    non-ASCII letters are escaped.
    """

    before: str
    end: str
    is_ascii: bool

    @classmethod
    def of(cls, text: str, at: int) -> "JsonStyle":
        """The style of the list at a position, as far as the surrounding lines show it."""
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
        """Replace a range of a text in its literal, which is a string or a list of its lines."""
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
        """Encode a text as JSON."""
        return json.dumps(text, ensure_ascii=self.is_ascii)

    def _join(self, literal: str, items: Sequence[Span], literals: Sequence[str]) -> str:
        """Join literals into a list, laid out like the original list."""
        before, end, separator = self.before, self.end, f",{self.before or ' '}"
        if items:
            before, end = literal[1 : items[0].start], literal[items[-1].end : -1]
            separator = f",{before or ' '}"
        if len(items) > 1:
            separator = literal[items[0].end : items[1].start]
        return f"[{before}{separator.join(literals)}{end}]" if literals else "[]"
