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

UNKNOWN_TO_PARSERS = {
    "a macro with a type": (
        "c",
        """
void print_all(int n, ...)
{
    va_list ap;
«    va_start(ap, n);
    for (int i = 0; i < n; i++) {
        const char *s = va_arg(ap, const char *);
        puts(s);
    }
»    va_end(ap);
}
""",
    ),
    "a macro that loops": (
        "c",
        """
int total(struct head *q)
{
    struct entry *e;
«    int sum = 0;

    TAILQ_FOREACH(e, q, entries)
        sum += e->value;
»    return sum;
}
""",
    ),
    "a guard for C++": (
        "c",
        """
#ifndef Q_H
#define Q_H

«#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

int q_push(int value);

#ifdef __cplusplus
}
#endif»

int q_size(void);

#endif
""",
    ),
    "the labels of Qt": (
        "cpp",
        """
class Window : public QWidget
{
public:
    explicit Window(QWidget *parent = nullptr);

«    int count() const;

signals:
    void countChanged(int count);

public slots:
    void setCount(int count);»

private:
    int m_count;
};
""",
    ),
    "a newer Python": (
        "python",
        """
def read(path):
«    value = None
    try:
        value = int(open(path).read())
    except OSError, ValueError:
        value = 0
»    return value
""",
    ),
    "a newer CSS": (
        "css",
        """
.page { margin: 0; }

«.grid { display: grid; }

@media (width >= 600px) {
  .grid { grid-template-columns: 1fr 1fr; }
}»

.footer { color: gray; }
""",
    ),
    "a newer Dockerfile": (
        "dockerfile",
        """
FROM nginx
«WORKDIR /app
COPY --link --from=build /app/dist /usr/share/nginx/html
»CMD ["nginx"]
""",
    ),
    "a newer Swift": (
        "swift",
        """
struct Parser {
«    var input = ""

    func parse() throws(ParseError) -> Int {
        return 1
    }»

    var count = 0
}
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


@pytest.mark.parametrize("language, case", UNKNOWN_TO_PARSERS.values(), ids=UNKNOWN_TO_PARSERS)
def test_what_a_parser_does_not_know_is_kept(language: str, case: str) -> None:
    check(case, language)


def test_behind_code_on_its_line_an_answer_ends_where_the_suffix_begins_again() -> None:
    before = "def mean(values):\n    if bad i"
    rest = "s not None:"
    after = "\n        total = bad\n        return total\n    return 1\n" + "print(1)\n" * 9
    for lines in (2, 3, 4):
        repeated = "\n".join(after.split("\n")[: lines + 1])
        for size in (1, 5, 200):
            chunks = chunked(f"{rest}{repeated}\n", size)
            options = TrimOptions(find_language("python"), "block")
            kept = collect(trim_answer(chunks, Hole(before, after), options))
            assert kept.text.rstrip("\n") == rest


def test_words_that_close_what_the_suffix_closes_are_its_own() -> None:
    before, after = "if(A)\n  foreach(c d)\n    message(x)\n  ", "\nendif()\n"
    options = TrimOptions(find_language("cmake"), "block")
    for size in (1, 5, 200):
        chunks = chunked(f"endforeach(){after}", size)
        assert collect(trim_answer(chunks, Hole(before, after), options)).text == "endforeach()"


@cases(REST_OF_A_LINE)
def test_an_answer_ends_where_the_rest_of_its_line_comes_again(case: str) -> None:
    check(case, "c")


def test_code_in_a_string_is_left_alone() -> None:
    check('x = """\n«)))\n»"""\n', "python")


def test_where_brackets_do_not_pair_nothing_ends() -> None:
    check("case $x in\n«a) b ;;\nc) d ;;\n»esac\n", "shell")
