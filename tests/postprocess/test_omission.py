"""Comments that stand for code which an answer leaves out, beside comments that are comments."""

import pytest

from starcoder_cli.languages import find_language
from starcoder_cli.postprocess.omission import find_omission

LEFT_OUT = [
    ("python", "# ... rest of the code unchanged ..."),
    ("python", "    # ... existing code ..."),
    ("python", "# The rest of your code remains the same"),
    ("python", "# (rest of the function remains unchanged)"),
    ("python", "# Other methods remain unchanged"),
    ("python", "# Same as before"),
    ("ruby", "# [rest of the class unchanged]"),
    ("javascript", "// ... rest of code"),
    ("javascript", "// existing code here"),
    ("javascript", "//…"),
    ("javascript", "/* ... existing methods ... */"),
    ("javascript", "{/* ... existing JSX ... */}"),
    ("java", "// ... (keep the other methods unchanged)"),
    ("rust", "// ... other fields ..."),
    ("html", "<!-- rest of the file unchanged -->"),
    ("sql", "-- remaining code unchanged"),
    ("lua", "-- ..."),
    ("python", "# ... (all other code above)"),
    ("python", "# existing code"),
    ("python", "..."),
    ("python", '"""... rest of the code unchanged ..."""'),
    ("python", "def a(x: int) -> int: ...  # rest of the code unchanged"),
    ("yaml", "..."),
    ("html", "<!-- rest of page -->"),
    ("dockerfile", "# (remaining steps as above)"),
    ("text", "# ... rest of the code ..."),
    ("text", "[rest of the file unchanged]"),
    ("text", "; rest unchanged"),
    ("text", "..."),
    ("markdown", "*(rest of the document remains unchanged)*"),
    ("sql", "-- existing queries follow"),
    ("rust", "// existing implementation"),
    ("rust", "fn a() { /* ... */ }"),
    ("c", "/* the rest of the code is left unchanged */"),
]
SAID = [
    ("python", "# Keep the original order of the rest"),
    ("python", "# returns the remaining code points"),
    ("python", "# The rest are sorted here"),
    ("python", "# Loop over the remaining items..."),
    ("python", "# e.g. 1, 2, 3, ..."),
    ("python", "# Other imports"),
    ("python", "# Loading..."),
    ("python", "x = 1  # ..."),
    ("go", "// other methods may be called"),
    ("javascript", "// wait for the other side ..."),
    ("python", "    ..."),
    ("python", "print('...')"),
    ("python", "# All other files"),
    ("python", "# Remaining tests"),
    ("text", "the rest of the file is unchanged in this version"),
    ("markdown", "The rest of the code is the same as before."),
    ("javascript", "const rest = [...other]"),
    ("javascript", "f(...rest)"),
    ("html", "<p>Loading...</p>"),
]


@pytest.mark.parametrize(("language", "line"), LEFT_OUT)
def test_code_that_is_left_out(language: str, line: str) -> None:
    assert find_omission(f"{line}\n", "", find_language(language)) in line
    assert find_omission(f"{line}\n", "", find_language(language))
    assert not find_omission(f"{line}\n", f"  {line}\n", find_language(language))


@pytest.mark.parametrize(("language", "line"), SAID)
def test_what_says_something_leaves_nothing_out(language: str, line: str) -> None:
    assert not find_omission(f"{line}\n", "", find_language(language))


def test_the_end_of_a_yaml_document_leaves_nothing_out() -> None:
    yaml = find_language("yaml")
    assert not find_omission("---\na: 1\n...\n", "a: 1\n", yaml)
    assert not find_omission("---\na: 1\n...\n---\nb: 2\n...\n", "a: 1\n", yaml)
    assert find_omission("---\na: 1\n...\nb: 2\n", "a: 1\n", yaml)
