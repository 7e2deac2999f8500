"""Programs with their tests: which files they are put into, and what compiles and runs them."""

import pytest

from starcoder_cli.sandbox.javatuples import tuple_sources
from starcoder_cli.sandbox.toolchains import TOOLCHAINS, BuildPlan, plan_build

PROGRAM, TESTS = "the program\n", "the tests\n"
PLAIN = [name for name in TOOLCHAINS if name not in ("go", "java")]


@pytest.mark.parametrize("language", PLAIN)
def test_the_tests_stand_behind_the_program_and_before_the_epilogue(language: str) -> None:
    toolchain = TOOLCHAINS[language]
    assert plan_build(language, PROGRAM, TESTS) == BuildPlan(
        files={
            **toolchain.extra_files,
            toolchain.main_file: PROGRAM + toolchain.prologue + TESTS + toolchain.epilogue,
        },
        compile_commands=toolchain.compile_commands,
        run_command=toolchain.run_command,
    )


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_every_command_is_a_tool_of_the_language_or_what_it_made(language: str) -> None:
    toolchain, plan = TOOLCHAINS[language], plan_build(language, PROGRAM, TESTS)
    tools = {command[0] for command in (*plan.compile_commands, plan.run_command)}
    assert tools <= {*toolchain.tools, "./main"}
    assert tools - {"./main"} == set(toolchain.tools)
    assert ("./main" in tools) == (plan.run_command[0] == "./main")


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_every_language_has_an_epilogue_that_passes_on_what_it_is_given(language: str) -> None:
    """Behind the tests, or in a file that runs `main`."""
    files = plan_build(language, PROGRAM, TESTS).files
    inputs = ("getchar", "System.in", "os.Stdin", "STDIN", "$stdin", "readFileSync(0", "read")
    last = files.get(TOOLCHAINS[language].main_file, "").rpartition(TESTS)[2]
    epilogues = [last, *(text for name, text in files.items() if "pilogue" in name)]
    assert any(word in text for text in epilogues for word in inputs)


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("class Main { public static void main(String[] a) {} }", "Main"),
        ("public class Problem {\n  public static void main(String[] a) {}\n}", "Problem"),
        ("class Pair {}\nclass Problem { static void main(String[] a) {} }", "Problem"),
        ("class A { static void main(String[] a) {} }\nclass B {}", "A"),
        ("nothing", "Main"),
    ],
)
def test_a_java_file_is_named_by_the_class_that_has_main(program: str, name: str) -> None:
    plan = plan_build("java", program, "")
    assert set(plan.files) == {f"{name}.java", "Epilogue.java"}
    assert plan.files[f"{name}.java"].startswith(program)
    assert f"        {name}.main(words);\n" in plan.files["Epilogue.java"]
    assert plan.compile_commands[0][-2:] == (f"{name}.java", "Epilogue.java")
    assert plan.run_command[-1] == "Epilogue"


@pytest.mark.parametrize(
    ("program", "name"), [("package humaneval\n", "humaneval"), ("// package a\n", "main")]
)
def test_the_epilogue_in_go_is_of_the_programs_package(program: str, name: str) -> None:
    files = plan_build("go", program, TESTS).files
    assert set(files) == {"go.mod", "main_test.go", "epilogue_test.go"}
    assert files["epilogue_test.go"].startswith(f"package {name}\n")


def test_tuples_stand_beside_java_that_imports_them() -> None:
    files = plan_build("java", "import org.javatuples.*;\nclass Main {}\n", "").files
    assert set(files) == {"Main.java", "Epilogue.java", *tuple_sources()}


def test_cryptography_is_linked_where_it_is_included() -> None:
    plain = plan_build("cpp", PROGRAM, TESTS).compile_commands
    asked = plan_build("cpp", "#include <openssl/md5.h>\n", TESTS).compile_commands
    assert asked == (*plain[:-1], (*plain[-1], "-lcrypto"))


def test_rust_runs_functions_that_are_marked_as_tests() -> None:
    plain = plan_build("rust", PROGRAM, TESTS).compile_commands
    marked = plan_build("rust", PROGRAM, "#[test]\nfn a() {}\n").compile_commands
    assert marked == (plain[0], (*plain[1], "--test"))
    assert plan_build("rust", "#[test]\n", TESTS).compile_commands == plain


def test_assertions_are_the_languages_own() -> None:
    rust = plan_build("rust", "fn f() { assert!(true); }\n", "assert_eq!(f(), 1); assert!(x);\n")
    assert rust.files["main.rs"].endswith(
        "true); }\n\n::std::assert_eq!(f(), 1); ::std::assert!(x);\n"
    )
    shell = plan_build("shell", "set -e\nset() { :; }\n", "}\nset -e\nrun_test\n").files["main.sh"]
    assert shell.count("\nset -e\n") == 0 and "\\unset -f unset set trap" in shell
    for language in ("c", "cpp"):
        assert "\n#undef NDEBUG\n" in TOOLCHAINS[language].prologue


def test_luas_tests_do_not_leave_before_the_epilogue() -> None:
    tests = "lu = require('luaunit')\nos.exit(lu.LuaUnit.run())\n"
    source = plan_build("lua", PROGRAM, tests).files["main.lua"]
    assert "os.exit" not in source and "assert(lu.LuaUnit.run() == 0)" in source
    kept = plan_build("lua", "os.exit(lu.LuaUnit.run())\n", "").files["main.lua"]
    assert "os.exit" in kept


def test_a_plan_leaves_the_table_as_it_is() -> None:
    before = {name: dict(toolchain.extra_files) for name, toolchain in TOOLCHAINS.items()}
    for language in TOOLCHAINS:
        plan_build(language, PROGRAM, TESTS).files["more"] = ""
    assert before == {name: toolchain.extra_files for name, toolchain in TOOLCHAINS.items()}
