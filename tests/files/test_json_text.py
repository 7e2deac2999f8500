"""Text of JSON in which one value changes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.files.json_text import JsonStyle, json_children, skip_space

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
INDENTS = st.sampled_from([None, 0, 1, 2, "\t"])


@settings(deadline=None)
@given(
    st.lists(JSON, max_size=4) | st.dictionaries(st.text(), JSON, max_size=4),
    INDENTS,
    st.booleans(),
)
def test_where_each_value_is(value: object, indent: int | str | None, is_ascii: bool) -> None:
    text = f" \n{json.dumps(value, indent=indent, ensure_ascii=is_ascii)}\n"
    found = [
        (key, json.loads(text[where.start : where.end]))
        for key, where in json_children(text, skip_space(text, 0))
    ]
    assert isinstance(value, dict | list)
    assert found == (
        list(value.items()) if isinstance(value, dict) else [(None, each) for each in value]
    )


@settings(deadline=None)
@given(st.data())
def test_a_range_of_a_text_is_replaced_whatever_its_form(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.text("ab\né")))
    whole = "".join(lines)
    value = data.draw(st.sampled_from([lines, whole]))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    new = data.draw(st.text('x\n"é\u2028'))
    literal = json.dumps(value, indent=data.draw(INDENTS))
    text = JsonStyle("\n  ", "\n ", is_ascii=False).rewrite(literal, start, end, new)
    result = json.loads(text)
    assert isinstance(result, type(value))
    assert "".join(result) == whole[:start] + new + whole[end:]


OLD = '[\n    "a \\u00e9\\n",\n    "b\\n",\n    "c"\n   ]'


@pytest.mark.parametrize(
    ("start", "end", "new", "expected"),
    [
        (4, 5, "B", '[\n    "a \\u00e9\\n",\n    "B\\n",\n    "c"\n   ]'),
        (4, 4, "x\ny", '[\n    "a \\u00e9\\n",\n    "x\\n",\n    "yb\\n",\n    "c"\n   ]'),
        (4, 6, "", '[\n    "a \\u00e9\\n",\n    "c"\n   ]'),
        (7, 7, "!\n", '[\n    "a \\u00e9\\n",\n    "b\\n",\n    "c!\\n"\n   ]'),
        (0, 7, "", "[]"),
    ],
    ids=["inside a line", "lines", "without a line", "at the end", "nothing"],
)
def test_other_lines_keep_their_bytes(start: int, end: int, new: str, expected: str) -> None:
    assert JsonStyle("", "", is_ascii=False).rewrite(OLD, start, end, new) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n "cells": [\n  {\n   "source": []\n  }\n ]\n}', '[\n    "x"\n   ]'),
        ('{\r\n\t"source": []\r\n}', '[\r\n\t\t"x"\r\n\t]'),
        ('{"cells": [{"source": []}]}', '["x"]'),
    ],
)
def test_an_empty_list_is_laid_out_like_what_is_around_it(text: str, expected: str) -> None:
    assert JsonStyle.of(text, text.index("[]")).rewrite("[]", 0, 0, "x") == expected


def test_letters_are_escaped_where_others_are() -> None:
    assert JsonStyle.of('["\\u00e9"]', 0).encode("ü") == '"\\u00fc"'
    assert JsonStyle.of('["é"]', 0).encode("ü") == JsonStyle.of("[]", 0).encode("ü") == '"ü"'
