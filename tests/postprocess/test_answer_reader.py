"""What closes the hole's block belongs to the file, whatever a language closes blocks with."""

import pytest

from holes import cases, check, chunked
from starcoder_cli.languages import find_language
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.trim import trim_answer
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.stream import collect

BRACES = {
    "the brace of the function": """
int f(int x) {
«    return x;
¦}

int main(void) {
»}
""",
    "braces of its own, and then one more": """
if (a) {
«    while (b) {
        c();
    }
¦}
»}
""",
    "brackets in strings and comments are text": """
f(function () {
«    g("}"); // }
    h('}');
¦});
»});
""",
}

LIKE_THE_SUFFIX = {
    "Rust's tests": (
        "rust",
        """
mod tests {
«    #[test]
    fn one() {
        let mut total = 0;
        for value in [1, 2, 3] {
            if value % 2 == 1 {
                total += value;
            }
        }
        assert_eq!(total, 4);
    }»

    #[test]
    fn two() {
        assert_eq!(2, f(2));
    }
}
""",
    ),
    "functions in GNU style": (
        "c",
        """
int count;

«static void
increase (int by)
{
    if (by < 0)
        return;
    if (by > 100)
        by = 100;
    count += by;
    print (count);
}»

static void
decrease (int by)
{
    count -= by;
}
""",
    ),
    "commands with the same decorators": (
        "python",
        """
import click

«@cli.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--verbose", is_flag=True)
def count(path, verbose):
    print(1)»

@cli.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--verbose", is_flag=True)
def show(path, verbose):
    print(2)
""",
    ),
    "two of them, behind one more": (
        "python",
        """
import click

@cli.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--verbose", is_flag=True)
def zero(path, verbose):
    print(0)

«@cli.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--verbose", is_flag=True)
def count(path, verbose):
    for line in path:
        print(1)

@cli.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--verbose", is_flag=True)
def list(path, verbose):
    for line in path:
        if line:
            print(1)
        if verbose:
            print(1)
        if path:
            print(3)»

@cli.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--verbose", is_flag=True)
def show(path, verbose):
    print(2)
""",
    ),
    "a function with the body of the next one": (
        "c",
        """
int driver_open(struct driver *d);

«int driver_pause(struct driver *d)
{
    return 0;
}»

int driver_resume(struct driver *d)
{
    return 0;
}
""",
    ),
    "elements": (
        "html",
        """
<head>
«  <link
    rel="icon"
    type="image/png"
    sizes="32x32"
    href="/favicon-32x32.png"
  />
»  <link
    rel="icon"
    type="image/png"
    sizes="16x16"
    href="/favicon-16x16.png"
  />
</head>
""",
    ),
}

REST_OF_A_LINE = {
    "an assignment": """
switch (t) {
    case 1:
        «p->a ¦= n;
        break;
    case 2:
        p->b = n;
        »= n;
        break;
    case 2:
        p->b = n;
        break;
}
""",
    "brackets, which are too little to go by": """
void f(void)
{
    «g(h(1)¦);
    g(h(2));
    i(j(3));
    »);
    g(h(2));
    i(j(3));
    k();
}
""",
    "an answer of more lines than one": """
void f(void)
{
    «a = g(1);
    b = g(2);
    c ¦= g(3);
    return a + b + c;
}
»= g(3);
    return a + b + c;
}
""",
}

MISSING = {
    "what the file leaves open is closed": """
int f(int x) {
«    return x;
}¦
»
int g(void);
""",
    "else closes and opens": """
if (a) {
«    b();
} else {
    c();
»}
""",
}


@cases(BRACES)
def test_an_answer_ends_where_the_suffix_closes(case: str) -> None:
    check(case, "c")


@cases(MISSING)
def test_an_answer_closes_what_nothing_else_does(case: str) -> None:
    check(case, "c")


@pytest.mark.parametrize("language, case", LIKE_THE_SUFFIX.values(), ids=LIKE_THE_SUFFIX)
def test_an_answer_may_begin_like_the_suffix(language: str, case: str) -> None:
    check(case, language)


def test_braces_of_the_suffix_are_none_of_an_answer_that_mends_its_file() -> None:
    before = '{\n  "scripts": {\n    "build": "tsc",\n    '
    answer, after = '"test": "vitest run"', "\n  }\n}\n"
    options = TrimOptions(find_language("json"), "block")
    for size in range(1, 30):
        chunks = chunked(f"{answer}{after}", size)
        assert collect(trim_answer(chunks, Hole(before, after), options)).text == answer


@cases(REST_OF_A_LINE)
def test_an_answer_ends_where_the_rest_of_its_line_comes_again(case: str) -> None:
    check(case, "c")


def test_code_in_a_string_is_left_alone() -> None:
    check('x = """\n«)))\n»"""\n', "python")


def test_where_brackets_do_not_pair_nothing_ends() -> None:
    check("case $x in\n«a) b ;;\nc) d ;;\n»esac\n", "shell")
