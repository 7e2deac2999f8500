"""How programs of each language are put together with their tests, compiled and run.

The tests are appended to the program and run in its process: a right answer that is worked out
there cannot be told from one that a program forges on purpose. What is prevented is leaving early:
after the last test an epilogue prints a word that it reads from standard input, and that is in no
file. In C, C++, Rust, Java and Go the epilogue is in a file of its own, which runs `main`.
"""

import re
from dataclasses import dataclass, field

NODE_BEFORE = "\nconsole.assert = require('node:assert').ok;\n"
NODE_AFTER = "\nprocess.stdout.write(require('node:fs').readFileSync(0, 'latin1'));\n"
WRAPPED_MAIN = """\
#include <stdio.h>
int __real_main(int, char **);
int __wrap_main(int count, char **words) {
    int code = __real_main(count, words);
    int letter;
    if (code == 0)
        while ((letter = getchar()) != EOF) putchar(letter);
    return code;
}
"""
JAVA_MAIN = """\
class Epilogue {{
    public static void main(String[] words) throws Throwable {{
        {name}.main(words);
        System.out.write(System.in.readAllBytes());
        System.out.flush();
    }}
}}
"""
GO_MAIN = """\
package {name}

import ("io"; "os"; "testing")

func TestMain(m *testing.M) {{
    code := m.Run()
    if code == 0 {{
        io.Copy(os.Stdout, os.Stdin)
    }}
    os.Exit(code)
}}
"""
RUBY_AFTER = """
if defined?(Test::Unit::AutoRunner)
  Test::Unit::AutoRunner.need_auto_run = false
  exit(1) unless Test::Unit::AutoRunner.run
end
$stdout.write($stdin.read)
"""
NODE_ENVIRONMENT = {"OPENSSL_CONF": "/dev/null"}
JAVA_WORDS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GO111MODULE": "on",
    "GOFLAGS": "-mod=mod",
    "GOMAXPROCS": "2",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
}
CXX_WORDS = ("-O1", "-w", "main.cpp", "epilogue.o", "-Wl,--wrap=main", "-o", "main")
RUST_WORDS = ("--edition", "2021", "-Ccodegen-units=1", "-Copt-level=1", "--cap-lints=allow")
COMPILED_EPILOGUE = ("cc", "-c", "epilogue.c", "-o", "epilogue.o")


@dataclass(frozen=True)
class Library:
    """What MultiPL-E's tests use: a command that works where it is, and Debian's package for it."""

    name: str
    package: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Toolchain:
    """The tools of a language, and the commands that compile and run `file`.

    `before` and `after` stand around the tests. `package` is Debian's for the tools. `reserves` is
    true for a runtime that reserves far more memory than it uses.
    """

    tools: tuple[str, ...]
    package: str
    file: str
    run: tuple[str, ...]
    compile: tuple[tuple[str, ...], ...] = ()
    before: str = "\n"
    after: str = ""
    files: dict[str, str] = field(default_factory=dict)
    reserves: bool = False
    library: Library | None = None
    environment: dict[str, str] = field(default_factory=dict)


TOOLCHAINS = {
    "c": Toolchain(
        ("cc",),
        "gcc",
        "main.c",
        ("./main",),
        (
            COMPILED_EPILOGUE,
            ("cc", "-O1", "-w", "main.c", "epilogue.o", "-Wl,--wrap=main", "-o", "main", "-lm"),
        ),
        files={"epilogue.c": WRAPPED_MAIN},
    ),
    "cpp": Toolchain(
        ("g++", "cc"),
        "g++",
        "main.cpp",
        ("./main",),
        (COMPILED_EPILOGUE, ("g++", *CXX_WORDS)),
        files={"epilogue.c": WRAPPED_MAIN},
    ),
    "go": Toolchain(
        ("go",),
        "golang-go",
        "main_test.go",
        ("./main", "-test.paniconexit0"),
        (("go", "test", "-c", "-vet=off", "-o", "main", "."),),
        files={"go.mod": "module program\n\ngo 1.18\n"},
        environment=GO_ENVIRONMENT,
        reserves=True,
    ),
    "java": Toolchain(
        ("java", "javac"),
        "default-jdk-headless",
        "Main.java",
        ("java", *JAVA_WORDS, "-Xmx{heap}m", "-ea", "-cp", ".", "Epilogue"),
        (("javac", "-J-XX:+UseSerialGC", "-nowarn", "-proc:none", "Main.java", "Epilogue.java"),),
        reserves=True,
    ),
    "javascript": Toolchain(
        ("node",),
        "nodejs",
        "main.js",
        ("node", "--max-old-space-size={heap}", "main.js"),
        before=NODE_BEFORE,
        after=NODE_AFTER,
        reserves=True,
        environment=NODE_ENVIRONMENT,
    ),
    "lua": Toolchain(
        ("lua",),
        "lua5.4",
        "main.lua",
        ("lua", "main.lua"),
        after="\nio.write(io.read('*a'))\n",
        library=Library("luaunit", "lua-unit", ("lua", "-e", "require('luaunit')")),
    ),
    "perl": Toolchain(
        ("perl",),
        "perl",
        "main.pl",
        ("perl", "main.pl"),
        after="\nprint STDOUT scalar <STDIN>;\n",
        library=Library("Test::Deep", "libtest-deep-perl", ("perl", "-MTest::Deep", "-e1")),
    ),
    "php": Toolchain(
        ("php",),
        "php-cli",
        "main.php",
        ("php", "main.php"),
        after="\necho stream_get_contents(STDIN);\n",
        reserves=True,
    ),
    "ruby": Toolchain(
        ("ruby",),
        "ruby",
        "main.rb",
        ("ruby", "main.rb"),
        after=RUBY_AFTER,
        library=Library("test-unit", "ruby-test-unit", ("ruby", "-rtest/unit/version", "-e1")),
    ),
    "rust": Toolchain(
        ("rustc", "cc"),
        "rustc",
        "main.rs",
        ("./main",),
        (
            COMPILED_EPILOGUE,
            (
                "rustc",
                *RUST_WORDS,
                "-Clink-args=epilogue.o -Wl,--wrap=main",
                "main.rs",
                "-o",
                "main",
            ),
        ),
        files={"epilogue.c": WRAPPED_MAIN},
        reserves=True,
    ),
    "shell": Toolchain(
        ("bash",),
        "bash",
        "main.sh",
        ("bash", "main.sh"),
        after="\nIFS= builtin read -r REPLY || :\nbuiltin printf '%s' \"$REPLY\"\n",
    ),
    "typescript": Toolchain(
        ("node", "tsc"),
        "node-typescript",
        "main.ts",
        ("node", "main.js"),
        (("tsc", "--target", "es2022", "--module", "commonjs", "--skipLibCheck", "main.ts"),),
        after=f"\neval({NODE_AFTER.strip()!r});\n",
        reserves=True,
        environment=NODE_ENVIRONMENT,
    ),
}


MAIN_CLASS = re.compile(r"\bclass\s+(\w+)(?=(?:(?!\bclass\s+\w).)*?\bstatic\s+void\s+main\b)", re.S)
PACKAGE = re.compile(r"^package\s+(\w+)", re.M)
LUA_EXIT = re.compile(r"os\.exit\((lu\.LuaUnit\.run\(\))\)")


@dataclass(frozen=True)
class Build:
    """The files of a program with its tests, and the commands that compile and run them."""

    files: dict[str, str]
    compile: tuple[tuple[str, ...], ...]
    run: tuple[str, ...]


def build(language: str, program: str, tests: str) -> Build:
    """What to write and to run to judge a program in a language of TOOLCHAINS."""
    chain = TOOLCHAINS[language]
    if language == "lua":
        tests = LUA_EXIT.sub(r"assert(\1 == 0)", tests)
    text = program + chain.before + tests + chain.after
    files = {**chain.files, chain.file: text}
    compile = chain.compile
    if language == "java":
        named = MAIN_CLASS.search(text)
        name = named.group(1) if named else "Main"
        files = {f"{name}.java": text, "Epilogue.java": JAVA_MAIN.format(name=name)}
        compile = tuple(
            tuple(word.replace("Main.java", f"{name}.java") for word in words) for words in compile
        )
    elif language == "go":
        named = PACKAGE.search(text)
        files["epilogue_test.go"] = GO_MAIN.format(name=named.group(1) if named else "main")
    elif language == "cpp" and "<openssl/" in text:
        compile = (*compile[:-1], (*compile[-1], "-lcrypto"))
    elif language == "rust" and "#[test]" in tests:
        compile = tuple((*words, "--test") if words[0] == "rustc" else words for words in compile)
    return Build(files, compile, chain.run)
