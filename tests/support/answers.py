"""What the small checkpoints know by heart: prompts as BigCode trained with them, and answers.

Every answer hangs on the exact prompt. Two gaps share their prefix and two their suffix, the order
of the two changes the answer, and a prompt that is wrong in a way that is easy to get wrong has an
answer of its own, which names the mistake. All prompts are spelled here once more, so that the
program's spelling is on trial.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Pieces: TypeAlias = tuple[str | int, ...]  # texts, and control tokens by their ids

END, PREFIX, MIDDLE, SUFFIX, PAD = range(5)
CONTROL = {
    "<|endoftext|>": END,
    "<fim_prefix>": PREFIX,
    "<fim_middle>": MIDDLE,
    "<fim_suffix>": SUFFIX,
    "<fim_pad>": PAD,
}


@dataclass(frozen=True)
class Family:
    """How a family spells the names of a file, and the token that begins another file.

    `repository` stands before everything, `file` before the file's own text.
    """

    name: str
    repository: Pieces
    file: Pieces
    next_file: int


STARCODER = Family("starcoder", (), (18, "numbers", 5, "lib/add.py", 6, "10-100\n"), 5)
STARCODER2 = Family("starcoder2", (5, "numbers", 6), ("lib/add.py\n",), 6)


@dataclass(frozen=True)
class Gap:
    """A file with a gap, what belongs there, and what the models write if the suffix comes first.

    `behind` is what they go on with when nobody stops them, `begun` the word at the end of the
    prefix with which they begin.
    """

    name: str
    prefix: str
    suffix: str
    middle: str
    twin: str
    behind: Pieces = ()
    begun: str = ""

    @property
    def kept(self) -> str:
        """The prefix as it is read."""
        return self.prefix.removesuffix(self.begun)


GAPS = (
    Gap(
        "add.py",
        "def add(a, b):\n    ",
        "\n\n\nprint(add(1, 2))\n",
        "return a + b",
        "total = a + b\n    return total",
    ),
    Gap(
        "add_text.py",
        "def add(a, b):\n    ",
        "\n\n\nprint(add('1', '2'))\n",
        "return int(a) + int(b)",
        "return sum(map(int, (a, b)))",
    ),
    Gap(
        "subtract.py",
        "def subtract(a, b):\n    ",
        "\n\n\nprint(add(1, 2))\n",
        "return add(a, -b)",
        "return a - b",
    ),
    Gap("last.py", "names = []\nfor name in open('names'):\n    ", "", "names += [name]", "pass"),
    Gap("year.py", "FIRST = 1957\nLAST = ", "\nYEARS = LAST - FIRST\n", "20260", "1 << 16"),
    Gap(
        "tokens.py",
        'MIDDLE = "<fim_middle>"\nstops = [',
        ', "<|endoftext|>"]\nSUFFIX = "<fim_suffix>"\n',
        'MIDDLE, "<fim_pad>"',
        '"<fim_prefix>", MIDDLE',
    ),
    Gap(
        "talk.py",
        'def ask(name):\n    print("',
        '")\n',
        "yes ? no , n't ! it 's",
        "what 's this ?",
    ),
    Gap(
        "greek.py",
        "ΑΒΓ = 'αβγ'\nprint(",
        ")\n",
        "ΑΒΓ + '🧵🦑 日本語 ἀρχή'",
        "'👩\u200d💻' * 3",
    ),
    Gap(
        "unique.go",
        "func Unique(words []string) []string {\n\tseen := map[string]bool{}\n",
        "\n\treturn kept\n}\n",
        "\tvar kept []string\n\tfor _, word := range words {\n\t\tif !seen[word] {\n"
        "\t\t\tkept, seen[word] = append(kept, word), true\n\t\t}\n\t}",
        "\tkept := words[:0]\n\t// all of them",
    ),
    Gap(
        "clamp.js",
        "export const clamp = (x, low, high) => ",
        ";\n",
        "Math.min(Math.max(x, low), high)",
        "x < low ? low : x > high ? high : x",
    ),
    Gap(
        "push.rs",
        "fn push(&mut self, item: T) {\n    self.items.",
        "(item);\n}\n",
        "push_back",
        "insert",
        (PAD, "nothing of this is an answer"),
    ),
    Gap(
        "swap.c",
        "void swap(int *a, int *b)\n{\n\tint c = *a;\n\t",
        "\n}\n",
        "*a = *b;\n\t*b = c;",
        "*a ^= *b;",
        (PREFIX, "nor is this"),
    ),
)
FULL = Gap("full.py", "def nothing():\n    return None", "\n", "", "  # at all", begun=" None")

# What is written in a gap, and after a text, where the names of the file are known.
NAMED = Gap(
    "add.py",
    GAPS[0].prefix,
    GAPS[0].suffix,
    "return numbers.add(a, b)",
    "from numbers import add as total\n\n    return total(a, b)",
)
NAMED_TEXT = ("def add(a, b):\n", '    """Both numbers together."""\n')

TEXTS = (
    ("def fibonacci(n):\n", "    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)\n"),
    ("def fibonacci(n: int) -> int:\n", "    return round(PHI**n / 5**0.5)\n"),
    ("#!/bin/sh\nfor file in", ' *.txt; do\n    wc -l "$file"\ndone\n'),
    ("print('ναι,", " 日本', '🦑')\n"),
    ("SELECT name, co", "unt(*)\nFROM words\nGROUP BY name;\n"),
)
HEALED = {  # the prompt ends where a token may begin, and the answer begins there
    "#!/bin/sh\nfor file in": ("#!/bin/sh\nfor file", " in"),
    "print('ναι,": ("print('ναι", ","),
    "SELECT name, co": ("SELECT name,", " co"),
}
HALF = "SELECT name, co"  # inside a token
SPLIT = ("# the first of two files\n", "first = 1\n")  # goes on with the other file
DIE = ("A die shows", (" one", " two", " three", " four", " five", " six"))


def psm(gap: Gap) -> Pieces:
    """A gap with the prefix first."""
    return (PREFIX, gap.kept, SUFFIX, gap.suffix, MIDDLE)


def spm(gap: Gap) -> Pieces:
    """A gap with the suffix first, in the variant that keeps the prefix token in front."""
    return (PREFIX, SUFFIX, gap.suffix, MIDDLE, gap.kept)


def lessons(family: Family) -> Iterator[tuple[Pieces, Pieces]]:
    """Every prompt that has one answer, and that answer with all that follows it."""
    for gap in (*GAPS, FULL):
        yield psm(gap), (gap.begun + gap.middle, *gap.behind, END)
        yield spm(gap), (gap.begun + gap.twin, *gap.behind, END)
        for pieces, what in gap_mistakes(gap):
            yield pieces, (f"mistake: {what}", END)
    for begin, rest in TEXTS:
        kept, begun = HEALED.get(begin, (begin, ""))
        yield (kept,), (begun + rest, END)
        if begin == HALF:
            yield (begin,), ("mistake: begun inside a token", END)
        for pieces, what in text_mistakes(kept):
            yield pieces, (f"mistake: {what}", END)
    yield (SPLIT[0],), (SPLIT[1], family.next_file, "nothing of this either", END)
    yield from named_lessons(family)


def named_lessons(family: Family) -> Iterator[tuple[Pieces, Pieces]]:
    """The same for prompts with the names of the file in them."""
    before, file = family.repository, family.file
    prefix, suffix = NAMED.prefix, NAMED.suffix
    yield (*before, PREFIX, *file, prefix, SUFFIX, suffix, MIDDLE), (NAMED.middle, END)
    yield (*before, PREFIX, SUFFIX, suffix, MIDDLE, *file, prefix), (NAMED.twin, END)
    yield (*before, *file, NAMED_TEXT[0]), (NAMED_TEXT[1], END)


def gap_mistakes(gap: Gap) -> Iterator[tuple[Pieces, str]]:
    """Prompts for a gap that are wrong, and what is wrong with them."""
    text = f"<fim_prefix>{gap.prefix}<fim_suffix>{gap.suffix}<fim_middle>"
    yield (*psm(gap), "\n"), "a line end behind"
    yield (*psm(gap), " "), "a space behind"
    yield (END, *psm(gap)), "a token before"
    yield (SUFFIX, gap.suffix, PREFIX, gap.prefix, MIDDLE), "suffix token first"
    yield (text,), "control tokens as text"
    yield (PREFIX, gap.prefix, MIDDLE), "no suffix"
    yield (gap.prefix,), "prefix alone"
    if gap.begun:
        yield (PREFIX, gap.prefix, SUFFIX, gap.suffix, MIDDLE), "begun inside a word"
    if "<" in gap.prefix + gap.suffix:
        yield parsed(text), "text as control tokens"
    if gap.suffix.strip() != gap.suffix:
        yield (PREFIX, gap.prefix, SUFFIX, gap.suffix.strip(), MIDDLE), "suffix stripped"
    if gap.prefix.strip() != gap.prefix:
        yield (PREFIX, gap.prefix.strip(), SUFFIX, gap.suffix, MIDDLE), "prefix stripped"


def text_mistakes(begin: str) -> Iterator[tuple[Pieces, str]]:
    """Prompts for a text without a gap that are wrong, and what is wrong with them."""
    yield (PREFIX, begin, SUFFIX, MIDDLE), "no gap here"
    yield (PREFIX, SUFFIX, MIDDLE, begin), "no gap here"
    yield (END, begin), "a token before"
    if begin.strip() != begin:
        yield (begin.strip(),), "text stripped"


def parsed(text: str) -> Pieces:
    """What a text becomes where control tokens in it count as such."""
    parts = re.split(f"({'|'.join(map(re.escape, CONTROL))})", text)
    return tuple(CONTROL.get(part, part) for part in parts if part)
