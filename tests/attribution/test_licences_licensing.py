"""Which licence code is under: metadata, headers and licence files, in real forms."""

from importlib.metadata import distribution
from pathlib import Path

import pytest

from repositories import lay
from starcoder_cli.attribution.licences import header, identified, is_licence_file
from starcoder_cli.attribution.metadata import Metadata, read
from starcoder_cli.attribution.projects import projects, tree_at

ROOT = Path(__file__).parents[2]
APACHE = (ROOT / "LICENSE").read_bytes()
MIT = b"""\
The MIT License (MIT)

Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"# SPDX-License-Identifier: MIT\n", "MIT"),
        (
            b"/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */\n",
            "GPL-2.0-only WITH Linux-syscall-note",
        ),
        (b"<!-- SPDX-License-Identifier: (MIT OR Apache-2.0) -->", "MIT OR Apache-2.0"),
        (b"// SPDX-License-Identifier: nonsense here\n", ""),
        (b"x = 1\n" * 2000 + b"# SPDX-License-Identifier: MIT\n", ""),
        (b"", ""),
    ],
)
def test_the_header_of_a_file(data: bytes, expected: str) -> None:
    assert header(data) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [(APACHE, "Apache-2.0"), (MIT, "MIT"), (b"Be nice.", ""), (b"", "")]
)
def test_a_text_is_known_or_not(text: bytes, expected: str) -> None:
    assert identified(text) == expected


def test_a_text_that_is_far_too_long_is_no_licence() -> None:
    assert identified(MIT * 100) == ""


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in ("LICENSE", "a/LICENCE.txt", "COPYING.LESSER", "license.md")),
        *((name, True) for name in ("LICENSE-MIT", "UNLICENSE", "LICENSES/MIT.txt")),
        *((name, False) for name in ("licenses.py", "licensing/a.py", "LICENSES/a.py", "a.txt")),
    ],
)
def test_the_names_of_licence_files(name: str, is_one: bool) -> None:
    assert is_licence_file(name) is is_one


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "METADATA",
            "Name: a\nVersion: 1\nLicense-Expression: MIT OR ISC\n\n",
            Metadata("a", "1", "MIT OR ISC"),
        ),
        (
            "PKG-INFO",
            "Name: a\nVersion: 1\nLicense: Apache 2.0\n"
            "Classifier: License :: OSI Approved :: Apache Software License\n\n",
            Metadata("a", "1", "Apache-2.0"),
        ),
        (
            "METADATA",
            "Name: a\nClassifier: License :: OSI Approved :: BSD License\n\n",
            Metadata("a"),
        ),
        (
            "pyproject.toml",
            "[project]\nname='a'\nversion='2'\nlicense='mit'\n",
            Metadata("a", "2", "MIT"),
        ),
        ("pyproject.toml", "[project]\nname='a'\nlicense={text='MIT'}\n", Metadata("a")),
        ("pyproject.toml", "[tool.x]\na=1\n", Metadata("")),
        ("pyproject.toml", "[project\n", Metadata("")),
        (
            "package.json",
            '{"name": "@a/b", "version": "1", "license": "ISC"}',
            Metadata("@a/b", "1", "ISC"),
        ),
        ("package.json", "[1]", Metadata("")),
        ("package.json", "[" * 100_000, Metadata("")),
        ("package.json", '{"name": {"a": 1}, "version": 3}', Metadata("")),
        (
            "Cargo.toml",
            "[package]\nname='a'\nversion='1'\nlicense='MIT OR Apache-2.0'\n",
            Metadata("a", "1", "MIT OR Apache-2.0"),
        ),
    ],
)
def test_what_a_project_says_of_itself(name: str, text: str, expected: Metadata) -> None:
    assert read(name, text.encode()) == expected


def licences(folder: Path) -> dict[str, str]:
    """The licence of each file with code below a folder."""
    return {
        name: project.licence_of(name, project.tree.read(name) or b"")
        for project in projects(tree_at(folder))
        for name in project.code
    }


def test_the_nearest_licence_holds(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "LICENSE": APACHE.decode(),
            "a.py": "a",
            "b.py": "# SPDX-License-Identifier: ISC\n",
            "vendor/LICENSE.txt": MIT.decode(),
            "vendor/c.py": "c",
            "vendor/deep/d.py": "d",
            "other/LICENSE": "Ask me.",
            "other/e.py": "e",
            "third/LICENSES/MIT.txt": MIT.decode(),
            "third/f.py": "f",
        },
    )
    assert licences(tmp_path) == {
        "a.py": "Apache-2.0",
        "b.py": "ISC",
        "other/e.py": "Apache-2.0",
        "third/f.py": "MIT",
        "vendor/c.py": "MIT",
        "vendor/deep/d.py": "MIT",
    }


def test_metadata_count_before_the_texts_beside_them(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "pyproject.toml": "[project]\nname = 'a'\nlicense = 'MIT OR Apache-2.0'\n",
            "LICENSE-MIT": MIT.decode(),
            "LICENSE-APACHE": APACHE.decode(),
            "a.py": "a",
        },
    )
    assert licences(tmp_path) == {"a.py": "MIT OR Apache-2.0"}
    (tmp_path / "pyproject.toml").unlink()
    assert licences(tmp_path) == {"a.py": "Apache-2.0 AND MIT"}


def test_packages_of_node_are_projects(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "node_modules/one/package.json": '{"name": "one", "license": "ISC"}',
            "node_modules/one/lib/a.js": "a",
            "node_modules/@s/two/package.json": '{"name": "@s/two", "license": "MIT"}',
            "node_modules/@s/two/b.js": "b",
            "c.js": "c",
        },
    )
    found = {project.about.name: project.licence for project in projects(tree_at(tmp_path))}
    assert found == {tmp_path.name: "", "one": "ISC", "@s/two": "MIT"}


def test_a_package_that_is_installed_here() -> None:
    site = Path(str(distribution("hypothesis").locate_file("")))
    found = {project.about.name: project for project in projects(tree_at(site))}
    assert found["hypothesis"].licence == "MPL-2.0"
    assert found["hypothesis"].about.version == distribution("hypothesis").version
    assert len(found["hypothesis"].code) > 50
