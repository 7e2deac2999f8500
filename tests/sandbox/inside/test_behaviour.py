"""The script that runs a file's trials, in this process."""

import types

import pytest

from starcoder_cli.sandbox.inside.behaviour import describe, run_session, run_statement


@pytest.fixture
def module() -> types.ModuleType:
    """A module with a function."""
    module = types.ModuleType("mean")
    exec("def double(n):\n    return 2 * n\n", vars(module))
    return module


def test_a_session_counts_its_examples(module: types.ModuleType) -> None:
    text = "Twice.\n\n>>> double(2)\n4\n>>> double(3)\n7\n>>> double(None)\nNone\n"
    assert run_session(text, module) == (1, 2)
    assert run_session(">>> exit()\n>>> double(1)\n2\n", module) == (1, 1)


def test_a_statement_passes_or_does_not(module: types.ModuleType) -> None:
    assert run_statement("assert double(2) == 4", module) == (1, 0)
    assert run_statement("assert double(2) == 5", module) == (0, 1)
    assert run_statement("raise SystemExit", module) == (0, 1)
    assert run_statement("double = 3", module) == (1, 0)
    assert run_statement("import unittest; raise unittest.SkipTest", module) == (0, 0)
    assert module.double(1) == 2


def test_values_are_described() -> None:
    assert describe(0.1 + 0.2) == describe(0.3)
    assert describe([1, (2, {"b": 1, "a": {3, 1}})]) == describe(
        [True, (2.0, {"a": {1, 3}, "b": 1})]
    )
    assert describe(each for each in "ab") == "generator('a','b')"
    assert describe([[[[[[[[[[1]]]]]]]]]]) == describe([[[[[[[[[[1]]]]]]]]]])
    assert describe(len) == describe(max) == "function"
    assert describe(object()) == describe(object())
