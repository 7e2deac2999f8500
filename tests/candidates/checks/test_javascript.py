"""What a JavaScript file says of a function, and how that is called."""

import json

import pytest

from starcoder_cli.candidates.checks.evidence import Evidence
from starcoder_cli.candidates.checks.javascript import find_evidence

HOLE = "<HOLE>"


def evidence(text: str, answer: str = "return a;") -> Evidence | None:
    """The evidence for an answer in place of the mark."""
    start = text.index(HOLE)
    return find_evidence(text.replace(HOLE, answer), start, start + len(answer))


@pytest.mark.parametrize(
    "text",
    [
        f"function add(a, b) {{ {HOLE} }}\n",
        f"export function add(a, b) {{ {HOLE} }}\n",
        f"export default function add(a, b) {{ {HOLE} }}\n",
        f"const add = (a, b) => {{ {HOLE} }};\n",
        f"const add = function (a, b) {{ {HOLE} }};\n",
    ],
)
def test_a_function_is_called_by_its_name(text: str) -> None:
    found = evidence(text)
    assert found
    assert {name for name, _ in found.calls} == {"add"}
    assert {len(json.loads(values)) for _, values in found.calls} == {2}


def test_comments_give_types_and_examples() -> None:
    found = evidence(
        "/**\n * @param {string} a\n * @param {number[]} [b]\n * add('x', [true]) // => 'x'\n */\n"
        f"function add(a, b) {{ {HOLE} }}\nadd('y', [2, 3]);\n"
    )
    assert found
    calls = [json.loads(values) for _, values in found.calls]
    assert ["y", [2, 3]] in calls
    assert all(isinstance(a, str) and isinstance(b, list) for a, b in calls)


def test_an_example_becomes_an_assertion() -> None:
    found = evidence(f"// add(1, 2) == 3\nfunction add(a, b) {{ {HOLE} }}\n")
    assert found
    assert found.statements == ('require("node:assert").deepStrictEqual(add(1, 2), 3)',)
    assert found.calls[0] == ("add", "[1, 2]")


def test_parameters_that_have_no_plain_name() -> None:
    for parameters in ("{ a }", "...a", "[a]"):
        found = evidence(f"function add({parameters}) {{ {HOLE} }}\n")
        assert found
        assert found.calls == ()
    found = evidence(f"const add = a => {{ {HOLE} }};\n")
    assert found
    assert {len(json.loads(values)) for _, values in found.calls} == {1}


def test_outside_of_functions_there_is_nothing_to_run() -> None:
    assert evidence(f"const x = {HOLE};\n", "1") is None
    assert evidence(f"class A {{ f(a) {{ {HOLE} }} }}\n") is None


def test_only_comments_give_examples() -> None:
    """A comparison in code may be meant to be wrong."""
    found = evidence(
        f"function add(a, b) {{ {HOLE} }}\nif (add(2, 2) === 5) throw 1;\n"
        "const broken = add(1, 2) === 4;\n/* add(1, 1) === 2 */\n"
    )
    assert found
    assert found.statements == ('require("node:assert").deepStrictEqual(add(1, 1), 2)',)


def test_words_of_javascript_are_values_too() -> None:
    found = evidence(
        f"// it(2) === true\n// it(null, 'true') => [false]\nfunction it(n) {{ {HOLE} }}\n"
    )
    assert found
    assert found.statements == (
        'require("node:assert").deepStrictEqual(it(2), true)',
        """require("node:assert").deepStrictEqual(it(null, 'true'), [false])""",
    )
