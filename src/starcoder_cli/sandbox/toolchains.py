"""How programs in each language are combined with their tests, compiled and run.

The tests are appended to the program and run in its process: a right answer that is computed there
cannot be told from one that a program forges on purpose. What is prevented is leaving early: after
the last test an epilogue prints a nonce that it reads from standard input and that is in no file.
In C, C++, Rust, Java and Go the epilogue is in a file of its own, which runs `main`. What the tests
call is the language's own, even if a program redefines Bash's `set` or C's and Rust's assertions.
"""

import re
from dataclasses import dataclass, field

from starcoder_cli.sandbox.javatuples import tuple_sources

NODE_PROLOGUE = "\nconsole.assert = require('node:assert').ok;\n"
NODE_EPILOGUE = "\nprocess.stdout.write(require('node:fs').readFileSync(0, 'latin1'));\n"
# The header may be read again, and then redefines `assert`.
C_PROLOGUE = """
#undef NDEBUG
#ifdef assert
#include <assert.h>
#endif
"""
C_EPILOGUE = """\
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
# In POSIX mode these words are Bash's own, whatever functions and aliases a program has defined
# for them; the backslash guards against aliases before that.
SHELL_TESTS_START = r"""
POSIXLY_CORRECT=1
\unset -f unset set trap exit builtin || \exit 1
\unalias -a
\trap - DEBUG ERR EXIT RETURN
\set +o posix -e
"""
JAVA_EPILOGUE = """\
class Epilogue {{
    public static void main(String[] words) throws Throwable {{
        {name}.main(words);
        System.out.write(System.in.readAllBytes());
        System.out.flush();
    }}
}}
"""
GO_EPILOGUE = """\
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
RUBY_EPILOGUE = """
if defined?(Test::Unit::AutoRunner)
  Test::Unit::AutoRunner.need_auto_run = false
  exit(1) unless Test::Unit::AutoRunner.run
end
$stdout.write($stdin.read)
"""
NODE_ENVIRONMENT = {"OPENSSL_CONF": "/dev/null"}
JAVA_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GO111MODULE": "on",
    "GOFLAGS": "-mod=mod",
    "GOMAXPROCS": "2",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
}
CXX_ARGUMENTS = ("-O1", "-w", "main.cpp", "epilogue.o", "-Wl,--wrap=main", "-o", "main")
RUST_ARGUMENTS = ("--edition", "2021", "-Ccodegen-units=1", "-Copt-level=1", "--cap-lints=allow")
COMPILE_EPILOGUE = ("cc", "-c", "epilogue.c", "-o", "epilogue.o")


@dataclass(frozen=True)
class Library:
    """What MultiPL-E's tests use: a command that works if it is there, and its Debian package."""

    name: str
    debian_package: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Toolchain:
    """The tools of a language, and the commands that compile and run `main_file`.

    `prologue` and `epilogue` surround the tests. `reserves_memory` is true for a runtime that
    reserves far more memory than it uses.
    """

    tools: tuple[str, ...]
    debian_package: str
    main_file: str
    run_command: tuple[str, ...]
    compile_commands: tuple[tuple[str, ...], ...] = ()
    prologue: str = "\n"
    epilogue: str = ""
    extra_files: dict[str, str] = field(default_factory=dict)
    reserves_memory: bool = False
    library: Library | None = None
    environment: dict[str, str] = field(default_factory=dict)


TOOLCHAINS = {
    "c": Toolchain(
        ("cc",),
        "gcc",
        "main.c",
        ("./main",),
        (
            COMPILE_EPILOGUE,
            ("cc", "-O1", "-w", "main.c", "epilogue.o", "-Wl,--wrap=main", "-o", "main", "-lm"),
        ),
        prologue=C_PROLOGUE,
        extra_files={"epilogue.c": C_EPILOGUE},
    ),
    "cpp": Toolchain(
        ("g++", "cc"),
        "g++",
        "main.cpp",
        ("./main",),
        (COMPILE_EPILOGUE, ("g++", *CXX_ARGUMENTS)),
        prologue=C_PROLOGUE,
        extra_files={"epilogue.c": C_EPILOGUE},
    ),
    "go": Toolchain(
        ("go",),
        "golang-go",
        "main_test.go",
        ("./main", "-test.paniconexit0"),
        (("go", "test", "-c", "-vet=off", "-o", "main", "."),),
        extra_files={"go.mod": "module program\n\ngo 1.18\n"},
        environment=GO_ENVIRONMENT,
        reserves_memory=True,
    ),
    "java": Toolchain(
        ("java", "javac"),
        "default-jdk-headless",
        "Main.java",
        ("java", *JAVA_OPTIONS, "-Xmx{heap}m", "-ea", "-cp", ".", "Epilogue"),
        (("javac", "-J-XX:+UseSerialGC", "-nowarn", "-proc:none", "Main.java", "Epilogue.java"),),
        reserves_memory=True,
    ),
    "javascript": Toolchain(
        ("node",),
        "nodejs",
        "main.js",
        ("node", "--max-old-space-size={heap}", "main.js"),
        prologue=NODE_PROLOGUE,
        epilogue=NODE_EPILOGUE,
        reserves_memory=True,
        environment=NODE_ENVIRONMENT,
    ),
    "lua": Toolchain(
        ("lua",),
        "lua5.4",
        "main.lua",
        ("lua", "main.lua"),
        epilogue="\nio.write(io.read('*a'))\n",
        library=Library("luaunit", "lua-unit", ("lua", "-e", "require('luaunit')")),
    ),
    "perl": Toolchain(
        ("perl",),
        "perl",
        "main.pl",
        ("perl", "main.pl"),
        epilogue="\nprint STDOUT scalar <STDIN>;\n",
        library=Library("Test::Deep", "libtest-deep-perl", ("perl", "-MTest::Deep", "-e1")),
    ),
    "php": Toolchain(
        ("php",),
        "php-cli",
        "main.php",
        ("php", "main.php"),
        epilogue="\necho stream_get_contents(STDIN);\n",
        reserves_memory=True,
    ),
    "ruby": Toolchain(
        ("ruby",),
        "ruby",
        "main.rb",
        ("ruby", "main.rb"),
        epilogue=RUBY_EPILOGUE,
        library=Library("test-unit", "ruby-test-unit", ("ruby", "-rtest/unit/version", "-e1")),
    ),
    "rust": Toolchain(
        ("rustc", "cc"),
        "rustc",
        "main.rs",
        ("./main",),
        (
            COMPILE_EPILOGUE,
            (
                "rustc",
                *RUST_ARGUMENTS,
                "-Clink-args=epilogue.o -Wl,--wrap=main",
                "main.rs",
                "-o",
                "main",
            ),
        ),
        extra_files={"epilogue.c": C_EPILOGUE},
        reserves_memory=True,
    ),
    "shell": Toolchain(
        ("bash",),
        "bash",
        "main.sh",
        ("bash", "main.sh"),
        epilogue="\nIFS= builtin read -r REPLY || :\nbuiltin printf '%s' \"$REPLY\"\n",
    ),
    "typescript": Toolchain(
        ("node", "tsc"),
        "node-typescript",
        "main.ts",
        ("node", "main.js"),
        (("tsc", "--target", "es2022", "--module", "commonjs", "--skipLibCheck", "main.ts"),),
        epilogue=f"\neval({NODE_EPILOGUE.strip()!r});\n",
        reserves_memory=True,
        environment=NODE_ENVIRONMENT,
    ),
}


JAVA_MAIN_CLASS = re.compile(
    r"\bclass\s+(\w+)(?=(?:(?!\bclass\s+\w).)*?\bstatic\s+void\s+main\b)", re.S
)
GO_PACKAGE = re.compile(r"^package\s+(\w+)", re.M)
RUST_ASSERTION = re.compile(r"(?<![\w:])(assert(?:_eq|_ne)?!)")
LUA_EXIT = re.compile(r"os\.exit\((lu\.LuaUnit\.run\(\))\)")


@dataclass(frozen=True)
class BuildPlan:
    """The files of a program with its tests, and the commands that compile and run them."""

    files: dict[str, str]
    compile_commands: tuple[tuple[str, ...], ...]
    run_command: tuple[str, ...]


def plan_build(language: str, program: str, tests: str) -> BuildPlan:
    """What to write and run in order to judge a program in a language of TOOLCHAINS."""
    toolchain = TOOLCHAINS[language]
    if language == "lua":
        tests = LUA_EXIT.sub(r"assert(\1 == 0)", tests)
    elif language == "shell":
        tests = tests.replace("\nset -e\n", SHELL_TESTS_START, 1)
    elif language == "rust":
        tests = RUST_ASSERTION.sub(r"::std::\1", tests)
    source = program + toolchain.prologue + tests + toolchain.epilogue
    files = {**toolchain.extra_files, toolchain.main_file: source}
    compile_commands = toolchain.compile_commands
    if language == "java":
        match = JAVA_MAIN_CLASS.search(source)
        name = match.group(1) if match else "Main"
        files = {f"{name}.java": source, "Epilogue.java": JAVA_EPILOGUE.format(name=name)}
        files |= tuple_sources() if "org.javatuples" in source else {}
        compile_commands = tuple(
            tuple(argument.replace("Main.java", f"{name}.java") for argument in command)
            for command in compile_commands
        )
    elif language == "go":
        match = GO_PACKAGE.search(source)
        files["epilogue_test.go"] = GO_EPILOGUE.format(name=match.group(1) if match else "main")
    elif language == "cpp" and "<openssl/" in source:
        compile_commands = (*compile_commands[:-1], (*compile_commands[-1], "-lcrypto"))
    elif language == "rust" and "#[test]" in tests:
        compile_commands = tuple(
            (*command, "--test") if command[0] == "rustc" else command
            for command in compile_commands
        )
    return BuildPlan(files, compile_commands, toolchain.run_command)
