"""`starcoder config`, and where an option's value is from: flag, environment, file or default."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from starcoder_cli.cli import main
from starcoder_cli.commands.defaults import CONFIGURABLE_COMMANDS, read_defaults, settable_options
from starcoder_cli.commands.registry import load_command
from starcoder_cli.settings import environment_name

loaded = cache(load_command)


@dataclass(frozen=True)
class Example:
    """One option, set to something else in each of the three places, and what that means."""

    flag: tuple[str, ...]
    flagged: object
    variable: str
    environment: object
    toml: str
    file: object


EXAMPLES = {
    "model": Example(("-m", "a"), "a", "b", "b", '"c"', "c"),
    "max_tokens": Example(("--max-tokens", "1"), 1, "2", 2, "3", 3),
    "max_prompt_tokens": Example(("--max-prompt-tokens", "1"), 1, "2", 2, "3", 3),
    "temperature": Example(("--temperature", "1"), 1.0, ".2", 0.2, "0.3", 0.3),
    "top_p": Example(("--top-p", "0.1"), 0.1, "0.2", 0.2, "1", 1.0),
    "seed": Example(("--seed", "1"), 1, "2", 2, "3", 3),
    "offline": Example(("--offline",), True, "no", False, "true", True),
    "timeout": Example(("--timeout", "1.5"), 1.5, "2", 2.0, "3", 3.0),
    "lang": Example(("--lang", "c"), "c", "go", "go", '"rust"', "rust"),
    "filename": Example(("--filename", "a.c"), "a.c", "b.c", "b.c", '"c.c"', "c.c"),
    "order": Example(("--order", "psm"), "psm", "spm", "spm", '"psm"', "psm"),
    "lines": Example(("--lines", "one"), "one", "many", "many", '"block"', "block"),
    "provenance": Example(("--provenance",), True, "no", False, "true", True),
    "trace": Example(("--trace",), True, "no", False, "true", True),
    "index": Example(("--index", "a"), "a", "b", "b", '"c"', "c"),
    "portrait": Example(("--portrait",), True, "no", False, "true", True),
    "portrait_url": Example(("--portrait-url", "a"), "a", "b", "b", '"c"', "c"),
    "fail_on": Example(("--fail-on", "a"), ["a"], "b c", ["b", "c"], '["c d"]', ["c d"]),
    "raw": Example(("--raw",), True, "no", False, "true", True),
    "include": Example(("-I", "a b"), ["a b"], "b c", ["b", "c"], '["c d", "e"]', ["c d", "e"]),
    "context": Example(("--context", "1.5"), 1.5, "0", 0.0, "3", 3.0),
    "strict_context": Example(("--strict-context",), True, "0", False, "true", True),
    "show_prompt": Example(("--show-prompt",), True, "off", False, "true", True),
    "stop": Example(("--stop", "a b"), ["a b"], "b c", ["b", "c"], '["c d", "e"]', ["c d", "e"]),
    "debounce": Example(("--debounce", "1"), 1.0, "0.2", 0.2, "3", 3.0),
    "instruction": Example(
        ("--instruction", "a b"), ["a b"], "b c", ["b", "c"], '["c d"]', ["c d"]
    ),
    "candidates": Example(("-n", "2"), 2, "3", 3, "4", 4),
    "check": Example(("--check",), True, "no", False, "true", True),
    "verify": Example(("--verify", "a b"), "a b", "c d", "c d", '"e f"', "e f"),
    "pick": Example(("--pick",), True, "no", False, "true", True),
    "echo": Example(("--echo",), True, "false", False, "true", True),
    "plain": Example(("--plain",), True, "0", False, "true", True),
    "json": Example(("--json",), True, "0", False, "true", True),
    "diff": Example(("--diff",), True, "no", False, "true", True),
    "in_place": Example(("-i",), True, "no", False, "true", True),
    "color": Example(("--color", "always"), "always", "never", "never", '"auto"', "auto"),
    "system": Example(("--system", "a"), "a", "b", "b", '"c"', "c"),
    "extract": Example(("-x",), True, "0", False, "true", True),
    "engine": Example(
        ("--engine", "openvino"), "openvino", "auto", "auto", '"llamacpp"', "llamacpp"
    ),
    "quantize": Example(("--quantize", "8bit"), "8bit", "4bit", "4bit", '"none"', "none"),
    "device": Example(("--device", "cpu"), "cpu", "cuda:1", "cuda:1", '"mps"', "mps"),
    "dtype": Example(("--dtype", "bf16"), "bf16", "fp16", "fp16", '"fp32"', "fp32"),
    "adapter": Example(("--adapter", "a"), "a", "b", "b", '"c"', "c"),
    "endpoint": Example(("--endpoint", "a"), "a", "b", "b", '"c"', "c"),
    "fim": Example(("--fim", "fim"), "fim", "starcoder", "starcoder", '"server"', "server"),
    "api_key_file": Example(("--api-key-file", "a"), "a", "b", "b", '"c"', "c"),
    "keep_alive": Example(("--keep-alive", "1h"), "1h", "0", "0", '"-1"', "-1"),
    "no_context": Example(("--no-context",), True, "no", False, "true", True),
    "no_server": Example(("--no-server",), True, "no", False, "true", True),
    "prompted": Example(("--prompted",), True, "no", False, "true", True),
    "verbose": Example(("-v",), True, "no", False, "true", True),
    "quiet": Example(("-q",), True, "no", False, "true", True),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, whose `settings.toml` is the configuration file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STARCODER_CONFIG", "settings.toml")
    return tmp_path


def settings(text: str) -> None:
    """Write the configuration file."""
    Path("settings.toml").write_text(text)


ARGUMENTS = {"fill": ("a.py",), "edit": ("a.py", "Mend it.")}


def value(command: str, option: str, *words: str) -> object:
    """What an option of a command is set to, as Typer hands it over."""
    words = (*ARGUMENTS.get(command, ()), *words)
    chosen = read_defaults()[command]
    return loaded(command).make_context(command, list(words), default_map=chosen).params[option]


def unset(command: str, option: str) -> object:
    """What an option is where nobody set it."""
    found = settable_options(loaded(command))[option]
    return () if found.multiple else found.default


OPTIONS = [
    (command, option)
    for command in CONFIGURABLE_COMMANDS
    for option in settable_options(loaded(command))
]
NAMES = ", ".join(sorted({option for _, option in OPTIONS}))
COMPLETE_NAMES = ", ".join(sorted(option for command, option in OPTIONS if command == "complete"))


def test_every_option_has_an_example() -> None:
    assert {option for _, option in OPTIONS} == set(EXAMPLES)


def test_every_option_but_the_place_can_be_set_beforehand() -> None:
    """`--at` and `--batch` belong to the place, `--output` to one answer; help is no setting."""
    for command in CONFIGURABLE_COMMANDS:
        options = {str(each.name) for each in loaded(command).params if each.opts[0][0] == "-"}
        others = {"at", "batch", "extract", "file", "output", "report", "save", "short_help"}
        assert options - set(settable_options(loaded(command))) <= others


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_flag_then_environment_then_file_then_default(
    command: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = EXAMPLES[option]
    default = value(command, option)
    assert default == unset(command, option)

    settings(f"{option} = {example.toml}\n")
    assert value(command, option) == example.file

    settings(f"[{command}]\n{option} = {example.toml}\n")
    assert value(command, option) == example.file
    for other in CONFIGURABLE_COMMANDS:
        if other != command and (other, option) in OPTIONS:
            assert value(other, option) == unset(other, option)

    monkeypatch.setenv(f"STARCODER_{option.upper()}", example.variable)
    assert value(command, option) == example.environment
    assert value(command, option, *example.flag) == example.flagged

    monkeypatch.setenv(f"STARCODER_{option.upper()}", "")
    assert value(command, option) == example.file


def test_a_commands_table_wins_over_what_stands_above(capfd: pytest.CaptureFixture[str]) -> None:
    settings("max_tokens = 1\n[fill]\nmax_tokens = 2\n")
    assert (value("complete", "max_tokens"), value("fill", "max_tokens")) == (1, 2)


def test_trace_is_an_option_of_some_commands_or_the_table_of_one() -> None:
    settings("trace = true\nquiet = true\n")
    assert value("fill", "trace") is True
    assert value("trace", "quiet") is True
    settings("[trace]\nportrait = true\n[fill]\ntrace = true\n")
    assert (value("fill", "trace"), value("chat", "trace")) == (True, False)
    assert value("trace", "portrait") is True


def test_the_file_reaches_the_command(capfd: pytest.CaptureFixture[str]) -> None:
    settings('model = "echo"\nmax_tokens = 2\n[complete]\nstop = ["def"]\n')
    Path("a.py").write_text("x = 1\ndef f():\n    pass\n")
    assert main(["complete", "a.py:2"]) == 0
    assert main(["fill", "a.py:2"]) == 0
    assert capfd.readouterr() == ("<fim_prefix>x = 1\n<fim_prefix>x = 1\n", "")


def test_everything_by_default(
    golden: Callable[[str, str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["config"]) == 0
    captured = capfd.readouterr()
    golden("config-default.txt", captured.out)
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "name"), [((), "config.txt"), (("--json",), "config.jsonl")], ids=["text", "json"]
)
def test_each_value_and_where_it_comes_from(
    words: tuple[str, ...],
    name: str,
    golden: Callable[[str, str], None],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings('model = "echo"\nstop = ["a b", "\\u202e"]\n[fill]\nmax_tokens = 32\nplain = true\n')
    monkeypatch.setenv("STARCODER_TEMPERATURE", "0.5")
    monkeypatch.setenv("STARCODER_QUIET", "1")
    monkeypatch.setenv("STARCODER_FILENAME", "\x1b[2J")
    monkeypatch.setenv("STARCODER_MODEL", "")
    assert main(["config", *words]) == 0
    captured = capfd.readouterr()
    golden(name, captured.out)
    assert captured.err == ""


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "colour = 1",
            "settings.toml:1 sets 'colour', which is not an option; did you mean color?",
        ),
        ("xyzzy = 1", f"settings.toml:1 sets 'xyzzy', which is not an option; options are {NAMES}"),
        (
            "[complete]\nplain = true",
            f"settings.toml:2 sets 'plain', which is not an option; options are {COMPLETE_NAMES}",
        ),
        (
            "[models]\nmodel = 'x'",
            "settings.toml:1 sets 'models', which is not an option; did you mean model?",
        ),
        ("fill = 1", f"settings.toml:1 sets 'fill', which is not an option; options are {NAMES}"),
        (
            "max_tokens = 'many'",
            "settings.toml:1 sets max_tokens to 'many', which it cannot be; "
            "see `starcoder complete --help`",
        ),
        (
            "max_tokens = true",
            "settings.toml:1 sets max_tokens to True, which it cannot be; "
            "see `starcoder complete --help`",
        ),
        (
            "[fill]\nplain = 'maybe'",
            "settings.toml:2 sets plain to 'maybe', which it cannot be; "
            "see `starcoder fill --help`",
        ),
        (
            "stop = 'x'",
            "settings.toml:1 sets stop to 'x', which it cannot be; see `starcoder complete --help`",
        ),
        (
            "[model]\nname = 'echo'",
            "settings.toml:1 sets model to {'name': 'echo'}, which it cannot be; "
            "see `starcoder complete --help`",
        ),
        (
            "color = 'red'",
            "settings.toml:1 sets color to 'red', which it cannot be; "
            "see `starcoder complete --help`",
        ),
        (
            "a = ",
            "settings.toml is not TOML: Invalid value (at end of document); fix or delete it",
        ),
        (
            "\x1b = 1",
            "settings.toml is not TOML: Invalid statement (at line 1, column 1); fix or delete it",
        ),
    ],
)
def test_a_file_that_means_nothing(
    text: str, error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    settings(text)
    for words in (["complete", "-m", "echo"], ["config"], ["ps"]):
        assert main(words) == 78
        assert capfd.readouterr() == ("", f"error: {error}\n")


def test_a_file_that_cannot_be_read(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    Path("settings.toml").mkdir()
    assert main(["config"]) == 78
    assert capfd.readouterr() == (
        "",
        "error: cannot read settings.toml: Is a directory; fix or delete it\n",
    )
    Path("settings.toml").rmdir()
    Path("settings.toml").write_bytes(b"model = '\xff'")
    assert main(["config"]) == 78
    assert capfd.readouterr() == (
        "",
        "error: settings.toml is not TOML: 'utf-8' codec can't decode byte 0xff in position 9: "
        "invalid start byte; fix or delete it\n",
    )


def test_a_file_that_is_not_there(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARCODER_CONFIG", "no/such/folder/settings.toml")
    assert main(["config"]) == 0
    out, err = capfd.readouterr()
    assert (out.partition("\n")[0], err) == ("# no/such/folder/settings.toml (not there)", "")


def test_a_name_that_no_file_can_have(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a bug that every command stopped at: `File name too long`."""
    monkeypatch.setenv("STARCODER_CONFIG", "x" * 500)
    assert main(["config"]) == 78
    assert capfd.readouterr() == (
        "",
        f"error: cannot read {'x' * 500}: File name too long; fix or delete it\n",
    )


@pytest.mark.parametrize(
    ("variable", "text", "error"),
    [
        ("MAX_TOKENS", "many", "'many' is not a whole number"),
        ("TEMPERATURE", "hot", "'hot' is not a number"),
        ("QUIET", "perhaps", "'perhaps' is not yes or no"),
        ("ORDER", "mps", "'mps' is not one of psm, spm"),
        ("COLOR", "\x1b[31m", "'\\x1b[31m' is not one of auto, always, never"),
    ],
)
def test_a_variable_that_means_nothing(
    variable: str,
    text: str,
    error: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"STARCODER_{variable}", text)
    for words, command in ((["complete", "-m", "echo"], "complete"), (["config"], "complete")):
        assert main(words) == 78
        assert capfd.readouterr() == (
            "",
            f"error: STARCODER_{variable} is invalid: {error}; see `starcoder {command} --help`\n",
        )


WRONG = "colour = 1\n"
BROKEN = "a = "


@pytest.mark.parametrize("text", ["", "model = 'echo'\n", WRONG, BROKEN])
def test_the_path_is_printed_whatever_is_there(
    text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    if text:
        settings(text)
    assert main(["config", "path"]) == 0
    assert capfd.readouterr() == ("settings.toml\n", "")


@pytest.mark.parametrize(
    ("key", "text", "line", "value"),
    [
        ("model", "echo", 'model = "echo"', "echo"),
        ("fill.max_tokens", "64", "max_tokens = 64", "64"),
        ("temperature", ".5", "temperature = 0.5", "0.5"),
        ("raw", "yes", "raw = true", "true"),
        ("stop", "a b", 'stop = ["a b"]', '["a b"]'),
        ("stop", '["a", "b"]', 'stop = ["a", "b"]', '["a", "b"]'),
        ("keep_alive", "-1", 'keep_alive = "-1"', "-1"),
        ("trace.json", "true", "json = true", "true"),
        ("endpoints.team.url", "http://a", 'url = "http://a"', "http://a"),
    ],
)
def test_a_value_is_set(
    key: str, text: str, line: str, value: str, capfd: pytest.CaptureFixture[str]
) -> None:
    settings("# mine\n")
    assert main(["config", "set", key, text]) == 0
    assert capfd.readouterr() == ("", f"settings.toml: {key} is {value}\n")
    written = Path("settings.toml").read_text()
    assert written.startswith("# mine\n")
    assert written.endswith(f"{line}\n")
    read_defaults()
    assert main(["config", "unset", key]) == (2 if key.endswith("url") else 0)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("colour", "red"),
            "the command line sets 'colour', which is not an option; did you mean color?",
        ),
        (
            ("fill.max-tokens", "1"),
            "the command line sets 'max-tokens', which is not an option; did you mean "
            "max_tokens or max_prompt_tokens?",
        ),
        (
            ("max_tokens", "many"),
            "max_tokens is invalid: 'many' is not a whole number; see `starcoder complete --help`",
        ),
        (
            ("chat.color", "red"),
            "chat.color is invalid: 'red' is not one of auto, always, never; "
            "see `starcoder chat --help`",
        ),
        (("stop", "[a"), "stop is invalid: '[a' is not a list of texts; "),
        (("stop", "[1]"), "stop is invalid: [1] is not a list of texts; "),
        (("fill", "1"), "the command line sets 'fill', which is not an option; options are "),
        (("models.model", "x"), "the command line sets 'models', which is not an option; "),
        (("endpoints.team.model", "x"), "settings.toml: endpoints.team has no url; its keys are "),
        (("a..b", "x"), "'a..b' is not a valid key; write one as max_tokens or fill.max_tokens"),
        (
            ("a.b.c.d", "x"),
            "'a.b.c.d' is not a valid key; write one as max_tokens or fill.max_tokens",
        ),
        (("", "x"), "'' is not a valid key; write one as max_tokens or fill.max_tokens"),
        (("raw.a", "x"), "settings.toml: raw is a value there, not a table; "),
        (("model",), "missing argument 'VALUE'; see `starcoder config set --help`"),
    ],
)
def test_what_cannot_be_set(
    words: tuple[str, ...], error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    settings("raw = true\n")
    assert main(["config", "set", *words]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"error: {error}")
    assert Path("settings.toml").read_text() == "raw = true\n"


@pytest.mark.parametrize("text", [WRONG, BROKEN])
def test_a_file_that_is_wrong_is_not_changed(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    settings(text)
    assert main(["config", "set", "model", "echo"]) == 78
    assert capfd.readouterr().err.startswith("error: settings.toml")
    assert Path("settings.toml").read_text() == text


def test_what_is_wrong_can_be_taken_out(capfd: pytest.CaptureFixture[str]) -> None:
    settings("# mine\ncolour = 1\nraw = true\n")
    assert main(["config", "unset", "colour"]) == 0
    assert capfd.readouterr() == ("", "settings.toml: colour is not set any more\n")
    assert Path("settings.toml").read_text() == "# mine\nraw = true\n"
    assert main(["config", "unset", "colour"]) == 1
    assert capfd.readouterr() == (
        "",
        "error: settings.toml does not set colour; see `starcoder config`\n",
    )


@pytest.mark.parametrize("words", [["config"], ["config", "--json"]])
@pytest.mark.parametrize("name", ["endpoint", "portrait_url"])
@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://user:SECRET@h/v1?api_key=SECRET", "http://…@h/v1?…"),
        ("https://SECRET@h", "https://…@h"),
        ("http://user:SEC/RET@SECRET@h", "http://…@h"),
        ("user:SECRET@h", "…@h"),
        ("http://h/v1", "http://h/v1"),
    ],
)
def test_no_password_of_an_address_is_shown(
    words: list[str],
    name: str,
    address: str,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(environment_name(name), address)
    assert main(words) == 0
    told = capfd.readouterr().out
    assert "SEC" not in told.replace(environment_name(name), "")
    assert shown in told.replace("\\u2026", "…")
