"""What closes the hole's block belongs to the file, whatever a language closes blocks with."""

from holes import cases, check

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


def test_code_in_a_string_is_left_alone() -> None:
    check('x = """\n«)))\n»"""\n', "python")


def test_where_brackets_do_not_pair_nothing_ends() -> None:
    check("case $x in\n«a) b ;;\nc) d ;;\n»esac\n", "shell")
