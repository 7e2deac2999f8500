"""Which files the lines of a text refer to, language by language."""

from pathlib import Path
from unittest import mock

import pytest

from growth import HOSTILE_UNITS, grows_linearly
from repositories import lay
from starcoder_cli.context.imports import IMPORT_RULES, find_imported_files
from starcoder_cli.context.project import ProjectFiles
from starcoder_cli.languages import languages_by_name


def project(own: str, *files: str) -> ProjectFiles:
    """A repository with these files, as if far from any deadline."""
    return ProjectFiles(Path("/nowhere"), own, frozenset({own, *files}), deadline=float("inf"))


@pytest.mark.parametrize(
    ("language", "own", "text", "found"),
    [
        ("python", "src/p/a.py", "from p.b import c", ["src/p/b.py"]),
        ("python", "src/p/a.py", "from p import b, c as d", ["src/p/b.py", "src/p/c.py"]),
        ("python", "src/p/a.py", "import p.b", ["src/p/b.py"]),
        ("python", "src/p/a.py", "from .b import x", ["src/p/b.py"]),
        ("python", "src/p/a.py", "from . import b", ["src/p/b.py"]),
        ("python", "src/p/q/a.py", "from ..b import x", ["src/p/b.py"]),
        ("python", "tests/test_a.py", "from p.b import (\n    x,\n)", ["src/p/b.py"]),
        ("python", "src/p/a.py", "from p.pkg import x", ["src/p/pkg/__init__.py"]),
        ("python", "src/p/a.py", "import json, os.path\nfrom ....... import b", []),
        ("python", "src/p/a.py", "# from p.b import c\n'import p.b'", []),
        ("javascript", "web/a.js", 'import x from "./b"', ["web/b.ts"]),
        ("javascript", "web/a.js", 'const { x } = require("../lib/c.js")', ["lib/c.js"]),
        ("typescript", "web/a.ts", 'export * from "./b.js"', ["web/b.ts"]),
        ("typescript", "web/ui/a.tsx", 'import { X } from "./"', ["web/ui/index.tsx"]),
        ("typescript", "web/a.ts", 'import { X } from "@/ui"', ["web/ui/index.tsx"]),
        ("typescript", "web/a.ts", 'await import("./b")', ["web/b.ts"]),
        ("javascript", "web/a.js", 'import React from "react"', []),
        ("go", "cmd/main.go", 'import (\n\t"fmt"\n\n\ts "example.org/x/store"\n)', ["store/s.go"]),
        ("go", "cmd/main.go", 'import "example.org/x/store"', ["store/s.go"]),
        ("rust", "rs/main.rs", "use crate::tree::{Node, Leaf};", ["rs/tree/mod.rs"]),
        ("rust", "rs/tree/mod.rs", "use super::lib::Item;", []),
        ("rust", "rs/main.rs", "pub mod leaf;\nuse std::io;", ["rs/leaf.rs"]),
        ("java", "x/App.java", "import org.shop.Money;", ["src/main/java/org/shop/Money.java"]),
        (
            "java",
            "src/main/java/org/shop/App.java",
            "import static org.shop.Money.ZERO;",
            ["src/main/java/org/shop/Money.java"],
        ),
        ("kotlin", "x/A.kt", "import org.shop.Money", ["src/main/java/org/shop/Money.java"]),
        ("c", "c/a.c", '#include "ring.h"\n#include <stdio.h>', ["c/ring.h"]),
        ("cpp", "c/a.cpp", "# include <net/http.hpp>", ["include/net/http.hpp"]),
        ("ruby", "rb/a.rb", "require_relative 'b'\nrequire 'json'", ["rb/b.rb"]),
        ("ruby", "rb/a.rb", "require_relative '../lib/c'", ["lib/c.rb"]),
        ("php", "php/a.php", "use App\\Models\\User;", ["php/Models/User.php"]),
        ("php", "php/a.php", "require_once __DIR__ . '/b.php';", ["php/b.php"]),
        ("lua", "lua/a.lua", 'local b = require("x.b")', ["lua/x/b.lua"]),
        ("dart", "dart/a.dart", "import 'package:app/b.dart';", ["dart/b.dart"]),
        ("shell", "sh/a.sh", ". ./b.sh\nsource c", ["sh/b.sh"]),
        ("zig", "zig/a.zig", 'const b = @import("b.zig");', ["zig/b.zig"]),
        ("text", "a.txt", "import p.b", []),
    ],
)
def test_references_that_a_file_is_found_for(
    language: str, own: str, text: str, found: list[str]
) -> None:
    files = (
        *("src/p/b.py", "src/p/c.py", "src/p/pkg/__init__.py", "web/b.ts", "lib/c.js"),
        *("web/ui/index.tsx", "store/s.go", "rs/tree/mod.rs", "rs/leaf.rs", "c/ring.h"),
        *("src/main/java/org/shop/Money.java", "include/net/http.hpp", "rb/b.rb", "lib/c.rb"),
        *("php/Models/User.php", "php/b.php", "lua/x/b.lua", "dart/b.dart", "sh/b.sh", "zig/b.zig"),
    )
    assert list(find_imported_files(text, language, project(own, *files))) == found


def test_a_file_does_not_import_itself_nor_what_is_outside() -> None:
    around = project("p/a.js", "p/b.js")
    text = "\n".join(
        f'import "{name}"' for name in ("./a", "../../etc/passwd", "/etc/passwd", "..")
    )
    assert find_imported_files(text, "javascript", around) == ()


def test_outside_a_repository_imports_below_the_folder_count(tmp_path: Path) -> None:
    lay(tmp_path, {"up.py": "", "f/a.py": "", "f/pkg/b.py": ""})
    around = ProjectFiles.for_file(str(tmp_path / "f" / "a.py"), 60.0)
    assert find_imported_files(
        "from pkg.b import c\nimport up\nfrom ..up import x", "python", around
    ) == ("pkg/b.py",)


def test_an_import_that_no_file_can_be_called(tmp_path: Path) -> None:
    around = ProjectFiles.for_file(str(lay(tmp_path, {"a.js": ""}) / "a.js"), 60.0)
    assert find_imported_files(f'import "./{"x" * 5000}"', "javascript", around) == ()


def test_every_rule_belongs_to_a_language() -> None:
    assert IMPORT_RULES.keys() <= languages_by_name().keys()


HEADS = (
    *("", "from ", "from a import ", "import ", 'import "', "#include <", "require(", "require '"),
    *("use ", "pub ", "mod ", "source ", ". ", '@import("', 'from "', "part '"),
)


@pytest.mark.parametrize("language", {rules: name for name, rules in IMPORT_RULES.items()}.values())
def test_a_long_line_takes_time_in_proportion(language: str) -> None:
    """A line of dots behind `from` took minutes, in which no editor had an answer."""
    nothing = project("a")
    slow = [
        (head, unit)
        for head in HEADS
        for unit in HOSTILE_UNITS
        if not grows_linearly(lambda text: find_imported_files(text, language, nothing), head, unit)
    ]
    assert slow == []


@pytest.mark.parametrize(
    ("language", "line"),
    [("php", "use {}"), ("python", "import {}"), ("rust", "use {};")],
)
def test_a_path_that_no_file_can_have_is_not_looked_for(language: str, line: str) -> None:
    separator = IMPORT_RULES[language][0].separator
    named = separator.join(["a"] * 5000)
    looked_for: list[str] = []
    nothing = project("a")
    patient = mock.patch.object(
        ProjectFiles, "contains", lambda self, path: looked_for.append(path)
    )
    with patient:
        assert find_imported_files(line.format(named), language, nothing) == ()
    assert looked_for == []


def test_no_more_symbols_are_looked_for_than_there_is_time_for() -> None:
    files = frozenset({"a.py", "p/b.py", "p/c.py"})
    hasty = ProjectFiles(Path("/nowhere"), "a.py", files, deadline=1.0)
    with mock.patch("starcoder_cli.context.project.time.monotonic", side_effect=[0.0, 2.0]):
        assert find_imported_files("from p import b, c", "python", hasty) == ("p/b.py",)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("shell", ". ./.ssh2/conf\n. open/.conf\nsource open/../.ssh2/conf\n. open/a"),
        ("c", '#include ".ssh2/conf"\n#include "open/.conf"\n#include "./open/a"\n'),
        ("ruby", "require_relative '.ssh2/conf'\nrequire 'open/.conf'\nrequire 'open/a'\n"),
        ("javascript", "import '.ssh2/conf'\nimport './open/.conf'\nimport './open/a'\n"),
    ],
)
def test_outside_a_repository_nothing_hidden_counts(
    tmp_path: Path, language: str, text: str
) -> None:
    """A script in a home folder may name its settings."""
    names = (".ssh2/conf", "open/.conf", "open/a")
    lay(tmp_path, {"work": text, **dict.fromkeys(names, "x = 1\n")})
    files = ProjectFiles.for_file(str(tmp_path / "work"), 60.0)
    assert not files.is_repository
    assert find_imported_files(text, language, files) == ("open/a",)
    assert [files.contains(name) for name in names] == [False, False, True]


def test_one_reference_of_many_parts_keeps_to_the_deadline() -> None:
    """It is tried from each folder above, without each of its first parts."""
    own, looked = "d/" * 300 + "a.php", mock.Mock(return_value=False)
    given = ProjectFiles(Path("/nowhere"), own, frozenset({own}), deadline=100.0)
    ticks = (float(tick) for tick in range(10**9))
    with (
        mock.patch("starcoder_cli.context.project.time.monotonic", lambda: next(ticks)),
        mock.patch.object(ProjectFiles, "contains", looked),
    ):
        text = "use " + "\\".join("p" * 100) + ";"
        assert find_imported_files(text, "php", given) == ()
    assert 1000 < looked.call_count < 10_000
