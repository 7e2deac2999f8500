"""Where an answer should have ended, in several languages, however it arrives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holes import cases, check, check_answer, chunked, cut_up, text_of
from starcoder_cli import languages
from starcoder_cli.files.source import Source, Span
from starcoder_cli.model import Hole, Sampling
from starcoder_cli.postprocess.trim import trim_answer, trim_with_retry
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.settings import LineMode
from starcoder_cli.stream import Chunk, FinishReason, Stream, collect

PYTHON_BLOCK = TrimOptions(languages.find_language("python"), live=True)
few_examples = settings(max_examples=30, deadline=None, derandomize=True)

PYTHON = {
    "it repeats the line that follows": """
def area(r):
    pi = 3.14
«    r = abs(r)
¦    return pi * r * r

print(area(2))
»    return pi * r * r
""",
    "it repeats the line that follows, and the hole is whole lines": """
def area(r):
    «r = abs(r)¦
    return pi * r * r»
    return pi * r * r
""",
    "it leaves the blank lines before the next definition to the file": """
def one():
    «return 1¦


def two():
    return 2»


def two():
    return 2
""",
    "it goes on with tests at the left margin": """
def add(a, b):«
    return a + b¦

# Test the function
print(add(1, 2))»


def sub(a, b):
    return a - b
""",
    "it begins behind the white space of its line, and leaves the class": """
class Sum:
    def add(self, n):
        «self.total += n¦


class Other:
    def tell(self):
        pass»

    def tell(self):
        return self.total
""",
    "it leaves the block of a loop": """
def total(items):
    result = 0
    for item in items:
«        result += item
¦    return result


def other():
»    log(result)
    return result
""",
    "else carries the block's statement on": """
def sign(x):
    if x < 0:
«        return -1
    elif x == 0:
        return 0
    else:
        return 1
¦    print(x)
»    raise AssertionError
""",
    "a blank line in the middle stays": """
def f():
«    a = 1

    b = 2
¦    return a, b
»    return a, b
""",
    "it ends by itself": """
def f():
    «a = 1»
    return a
""",
    "a newline at its end is not doubled": """
def f():
    «a = 1¦
»
    return a
""",
    "a newline that the hole needs stays": """
def f():
«    a = 1
»    return a
""",
    "a line that only begins like the one that follows stays": """
def f():
«    return_value = 1
    re = 2
¦    return
»    return
""",
    "white space behind the repeated line does not hide it": """
def f():
«    a = 1
¦    return a  \t
    more()
»    return a
""",
    "the lines of a docstring end with its quotes": """
def f():
    \"\"\"Does it.

«    Twice.
¦    \"\"\"
    return 2
»    \"\"\"
""",
    "a call inside the line keeps its own bracket": """
print(max(«len(a), len(b)¦))
print("done")»))
""",
    "the brackets that follow are not doubled": """
def add(«a, b¦):
    return a + b»):
    return a + b
""",
    "half of what follows is not doubled either": """
foo(«a, b¦)»);
""",
    "quotes that follow are not doubled": """
print("«hello, world¦")»")
""",
    "quotes that follow end a text": """
print("«hello¦")  # prints hello»")
""",
    "quotes of its own stay": """
x = f(«a, ")", "b"¦)  # all»)
""",
    "what comes behind the brackets that follow goes too": """
print(area(2), length(«2¦))  # should print 12.56 and 12.56
»))
""",
    "a comment that follows is not doubled": """
x = «f(1)¦  # twice»  # twice
""",
    "a comma that follows is not doubled": """
pairs = [1, «2¦,», 3]
""",
    "a replaced end of line is one line": """
x = «compute(1)¦
y = 2
»
""".replace("»\n", "»  # all of it\n"),
    "nothing but the line that follows is nothing": """
def f():
«¦    return 1
»    return 1
""",
    "carriage returns are line ends": """
def f():
«    a = 1
¦    return a\r
    more()\r
»    return a
""",
}

BRACES = {
    "the brace that closes more than was opened ends it": """
function area(r) {
    «if (r < 0) {
        r = -r;
    }
    return r * r;¦
}

console.log(area(2));»
}
""",
    "so does one at the margin that is not quite the one that follows": """
const area = (r) => {
«    return r * r;
¦}

module.exports = area;
»};
""",
    "else behind a brace carries on": """
int sign(int x) {
    if (x < 0) {
«        return -1;
    } else if (x == 0) {
        return 0;
    } else {
        return 1;
¦    }
}
»    }
    abort();
}
""",
    "the other branch is in the file already": """
if (a) {
«    one();
¦} else {
    three();
}
»} else {
    two();
}
""",
    "a list of objects": """
[
  {
«    "name": "a",
    "tags": ["x", "y"]
¦  },
  {
    "name": "b"
»  },
  {
    "name": "c"
  }
]
""",
    "a match in Rust": """
fn name(n: u8) -> &'static str {
    match n {
«        0 => "zero",
        1 => "one",
        _ => "many",
¦    }
}

fn main() {}
»    }
}
""",
    "tabs in Go": """
func sum(xs []int) int {
\ttotal := 0
«\tfor _, x := range xs {
\t\ttotal += x
\t}
¦\treturn total
}
»\treturn total
}
""",
    "end in Ruby": """
def area(r)
«  if r < 0
    r = -r
  end
  r * r
¦end

puts area(2)
»end
""",
    "fi in a shell": """
if [ -f "$1" ]; then
«    cat "$1"
¦fi
echo done
»fi
""",
    "SQL": """
SELECT name
«FROM users
WHERE age > 18
¦ORDER BY name;
»ORDER BY name;
""",
}

FENCES = {
    "a closing fence that nobody opened, and what is explained after it": """
def f():
«    return 1
¦```

This function returns 1.
»""",
    "a newline before a fence is not doubled": """
def f():
    «return 1¦
```
»
""",
    "a fence that names a language is not code": """
x = 1
«```python
¦y = 2
¦```
Here `y` is 2.
»""",
    "a fence at once is the end": """
x = 1
«¦```
This adds one and two to it.
»""",
    "two backquotes are no fence": """
x = 1
«``y`` = 2
»""",
}

FENCED_TEXTS = {
    "kotlin": """
// Generated by «Knit tool. Do not edit.¦
```

This is what was missing in there.
»
""",
    "html": """
<p>
«```html
¦  Hello there.
¦```
»</p>
""",
    "javascript": """
/**
«```javascript
¦ * Adds them.
¦```
» */
""",
    "python": """
def f():
    '''Do.

    ```
    f()
    ```

«    ```
    g()
    ```
»    '''
""",
}

TEXTS_THAT_BEGIN_WITH_A_FENCE = {
    "shell": """
cat > README.md <<EOF
# Title

«```sh
make
```

More.
»EOF
""",
    "rust": """
/// Adds.
/// «```
/// assert_eq!(add(1), 1);
/// ```»
pub fn add(a: i32) -> i32 { a }
""",
    "javascript": """
/**
 * Adds.
 * «```js
 * add(1, 2);
 * ```»
 */
function add(a, b) { return a + b; }
""",
    "python": """
def f():
    '''Do.

    «```python
    f()
    ```»
    '''
    return 1
""",
}

TEXTS_WITH_FENCES = {
    "python": """
def f():
    '''
«    Do:

    ```
    f()
    ```

    It is done.
»    '''
""",
}

PROSE = {
    "fences are text": """
# Title

«```python
x = 1
```

More.
»""",
    "what follows still ends it": """
# Title

«Text.

¦## What is next

More.
»## What is next
""",
}

UNREACHABLE = {
    "a jump before the answer leaves the block, and opens others in which the suffix is sound": """
def deviation(numbers):
«    mean = sum(numbers) / len(numbers)¦
    return mean


# Checks.
def check():
    assert deviation([1, 2]) == 0.5
    assert deviation([1]) == 0
    assert deviation([0, 0]) == 0
    print("done")


def more():
    assert deviation([4, 4]) == 0
    print("more")


if __name__ == "__main__":
    check()
»
    return sum(abs(number - mean) for number in numbers)
""",
    "a return beside the line that follows": """
def f(items):
    total = 0
«    for item in items:
        total += item
¦    return total
»    if total == 0:
        return None
    return total
""",
}

WAYS_OF_THEIR_OWN = {
    "an answer that is the jump": """
def f(text):
«    return text == text[::-1]
»    for letter in text:
        pass
""",
    "a jump in a branch, and the text behind it in another": """
def f(n):
    if n == 0:
        return 0
«    elif n == 1:
        return 0
    elif n == 2:
¦        return 1
    return f(n - 1)
»        return 1
    return f(n - 1)
""",
}

BLOCKS = {
    "the function is over, and nothing follows it": """
def f():
«    return 1
¦
def g():
    return 2
»""",
    "the function is over, and a blank line follows": """
def f():
    return «1¦

def g():
    return 2
»
""",
    "the answer left the block before, and goes on beside it": """
def f(n):
    if n < 2:
        return False«
    for i in range(2, n):
        if n % i == 0:
            return False¦

print(f(2))
»
    return True
""",
}


@cases(PYTHON, FENCES)
def test_code_ends_where_its_hole_does(case: str) -> None:
    check(case, "python")


@cases(BRACES)
def test_code_with_braces_ends_where_its_hole_does(case: str) -> None:
    check(case, "javascript")


@cases(WAYS_OF_THEIR_OWN)
def test_jumps_that_stay(case: str) -> None:
    check(case, "python")


@cases(UNREACHABLE)
def test_what_nothing_would_reach_ends_it(case: str) -> None:
    check(case, "python", "unreachable")


@cases(BLOCKS)
def test_a_block_ends_further_left(case: str) -> None:
    check(case, "python", "block")


@pytest.mark.parametrize("language", FENCED_TEXTS)
def test_a_fence_in_a_text_is_the_models_own_unless_the_file_has_some(language: str) -> None:
    check(FENCED_TEXTS[language], language)


@pytest.mark.parametrize("language", TEXTS_THAT_BEGIN_WITH_A_FENCE)
def test_a_fence_in_the_middle_of_a_line_or_with_text_after_it_is_part_of_a_text(
    language: str,
) -> None:
    check(TEXTS_THAT_BEGIN_WITH_A_FENCE[language], language)


@pytest.mark.parametrize("language", TEXTS_WITH_FENCES)
def test_a_pair_of_fences_is_part_of_a_text(language: str) -> None:
    check(TEXTS_WITH_FENCES[language], language)


@cases(PROSE)
def test_prose_keeps_its_fences(case: str) -> None:
    check(case, "markdown")


def test_an_answer_that_runs_on_is_closed() -> None:
    seen = []

    def stream() -> Stream:
        try:
            for piece in ("a = 1\n", "again = b\n", "c = 3\n", "d = 4\n"):
                seen.append(piece)
                yield Chunk(piece)
        finally:
            seen.append("closed")

    hole = Source("f", "x\nagain = b\n").hole_at(Span(2, 2))
    answer = list(trim_answer(stream(), hole, PYTHON_BLOCK))
    assert (text_of(answer), answer[-1].reason) == ("a = 1\n", "stop")
    assert seen == ["a = 1\n", "again = b\n", "closed"]


def test_text_arrives_as_soon_as_it_can_end_nothing() -> None:
    hole = Source("f", "def f():\n    return a\n").hole_at(Span(9, 9))
    pieces = ["    ", "a", " =", " 1", "\n", "    ", "re", "peat", "\n"]
    chunks = trim_answer(cut_up(pieces), hole, PYTHON_BLOCK)
    arrived = [chunk.text for chunk in chunks]
    assert arrived == ["", "    a", " =", " 1", "", "", "", "\n    repeat", "\n"]


@few_examples
@given(
    prefix=st.sampled_from(["", "if x:\n", "    ", "f(", "a\n\tb\n"]),
    suffix=st.sampled_from(["", "\n", "\n\n  b\n", "b\n", "}\n", ")\n", "    b\n", "\n``\n"]),
    answer=st.lists(
        st.sampled_from(
            ["a", "b", "  b", "\n", "\r", "\n\n", "}", ")", "`", "```", "\t", " ", "{"]
        ),
        max_size=14,
    ).map("".join),
    language=st.sampled_from(["python", "rust", "markdown"]),
    lines=st.sampled_from(["one", "block", "many"]),
    reason=st.sampled_from(["stop", "length"]),
    live=st.booleans(),
)
def test_what_is_kept_does_not_depend_on_the_chunks(
    prefix: str,
    suffix: str,
    answer: str,
    language: str,
    lines: LineMode,
    reason: FinishReason,
    live: bool,
) -> None:
    hole = Source("f", prefix + suffix).hole_at(Span(len(prefix), len(prefix)))
    options = TrimOptions(languages.find_language(language), lines, live=live)
    kept = {
        text_of(trim_answer(chunked(answer, size, reason), hole, options))
        for size in range(1, len(answer) + 2)
    }
    assert len(kept) == 1


def test_what_was_trimmed_does_not_tell_how_likely_an_answer_is() -> None:
    def ask(sampling: Sampling) -> Stream:
        yield Chunk("1", logprob=-1.0)
        yield Chunk(" + 2", logprob=-2.0)
        yield Chunk("\nprint(b)", logprob=-9.0, reason="stop")

    hole = Hole("b = ", "\nprint(b)\n")
    answer = collect(
        trim_with_retry(ask, Sampling(), lambda chunks: trim_answer(chunks, hole, PYTHON_BLOCK))
    )
    assert (answer.text, answer.tokens, answer.mean_logprob) == ("1 + 2", 3, -1.5)


OPENED = """
def f(items):
«    total = 0
    for item in items:
        total += item
¦
print(f([1]))
»            total += 1
"""


def test_what_follows_may_belong_to_a_block_that_the_answer_opened() -> None:
    """Who watches has seen the block's body; else its place is left to what follows."""
    check_answer(OPENED, "python", "block", live=True)
    unseen = OPENED.replace("        total += item\n¦", "¦        total += item\n")
    check_answer(unseen, "python", "block", "surplus", live=False)


def test_a_line_of_prose_is_no_code_whose_brackets_could_pair() -> None:
    case = """
It is «nice :) so» today.
"""
    check(case, "text")
