"""Which names lines of code bring."""

import pytest

from starcoder_cli.postprocess.brought_names import find_brought_names, find_imported_names


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import os.path", {"path"}),
        ("import numpy as np", {"np"}),
        ("from a.b import c, d as e", {"c", "d", "as", "e"}),
        ("import java.util.List;", {"List"}),
        ("import React, { useState } from 'react';", {"React", "useState"}),
        ("use std::io;", {"io"}),
        ("use std::{fs, io};", {"fs", "io"}),
        ("using System.Text;", {"Text"}),
        ("#include <vector>", {"vector"}),
        ("important = 1", set()),
        ("user = 1", set()),
    ],
)
def test_imports(line: str, names: set[str]) -> None:
    assert find_imported_names(line) == names


def test_definitions_and_values() -> None:
    code = "import os\nexport async function f() {}\nconst g: number = 1;\nh == 2\nx := 3\n"
    assert find_brought_names(code) == {"os", "f", "g", "x"}
    assert find_brought_names(code, with_values=False) == {"os", "f"}
