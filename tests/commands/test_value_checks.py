"""Values that commands refuse: `config set` does too, and else the error says where they stand."""

from pathlib import Path

import pytest

from starcoder_cli.cli import main
from starcoder_cli.commands.defaults import configurable_options
from starcoder_cli.commands.value_checks import VALUE_CHECKS, find_config_problem, find_problem

# What a key cannot be: as a word, in TOML, a command that has the key, and what that says of it.
WRONG_VALUES = [
    ("max_tokens", "-3", "-3", "complete", "max_tokens cannot be -3; "),
    ("max_tokens", "2000000", "2000000", "chat", "max_tokens cannot be 2000000; "),
    ("top_p", "7", "7", "fill", "top_p cannot be 7.0; give a number from 1e-06 to 1"),
    ("temperature", "nan", "nan", "edit", "temperature cannot be nan; give a number from 0 to 2"),
    ("temperature", "inf", "inf", "complete", "temperature cannot be inf; "),
    ("seed", "-1", "-1", "lsp", "seed cannot be -1; "),
    ("model", "nosuch", "'nosuch'", "complete", "'nosuch' is not a model; "),
    ("model", "./no.gguf", "'./no.gguf'", "chat", "there is no model file './no.gguf'; "),
    ("lang", "klingon", "'klingon'", "trace", "unknown language: 'klingon'; "),
    ("lang", "klingon", "'klingon'", "complete", "unknown language: 'klingon'; "),
    ("timeout", "-1", "-1", "complete", "-1 is not a time limit; "),
    ("timeout", "nan", "nan", "chat", "nan is not a time limit; "),
    ("keep_alive", "soon", "'soon'", "fill", "'soon' is not a time; "),
    ("context", "1e9", "1e9", "complete", "--context cannot be 1e+09; "),
    ("candidates", "99", "99", "edit", "candidates cannot be 99; "),
    ("device", "tpu", "'tpu'", "complete", "'tpu' is not a device; "),
    ("stop", "", "['']", "chat", "an empty --stop would end every answer at once; "),
    ("max_prompt_tokens", "0", "0", "fill", "--max-prompt-tokens cannot be 0; "),
    ("verify", "no-such-program", "'no-such-program'", "edit", "there is no command "),
    ("fim", "x", "'x'", "fill", "there is no family 'x'; "),
    ("endpoint", "foo", "'foo'", "complete", "'foo' is not an endpoint; "),
    ("debounce", "-1", "-1", "lsp", "debounce cannot be -1; "),
    ("portrait_url", "ftp://x", "'ftp://x'", "trace", "'ftp://x' is not the address of a "),
    ("fail_on", "foo*bar", "['foo*bar']", "trace", "'foo*bar' is not a licence expression; "),
]
ARGUMENTS = {
    "complete": ["a.py"],
    "fill": ["a.py:1"],
    "edit": ["a.py", "Mend it."],
    "chat": ["hi"],
    "trace": ["a.py"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a file of code, whose `settings.toml` is the configuration file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STARCODER_CONFIG", "settings.toml")
    Path("a.py").write_text("x = 1\n")
    return tmp_path


def settings(text: str) -> None:
    """Write the configuration file."""
    Path("settings.toml").write_text(text)


@pytest.mark.parametrize("table", ["", "own"])
@pytest.mark.parametrize(("key", "word", "toml", "command", "error"), WRONG_VALUES)
def test_what_a_command_refuses_is_not_set(
    key: str,
    word: str,
    toml: str,
    command: str,
    error: str,
    table: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The words are those of the command, and so is the exit code."""
    name = f"{command}.{key}" if table else key
    flag = "" if key in ("debounce",) else f"--{key.replace('_', '-')}"
    code = main(["config", "set", name, word])
    assert code == (66 if word.endswith(".gguf") else 2)
    refused = capfd.readouterr()
    assert refused.err.startswith(f"error: {error}")
    assert not Path("settings.toml").exists()
    if flag:
        assert main([command, *ARGUMENTS.get(command, []), *portrait(key), flag, word]) == code
        assert capfd.readouterr() == refused


def portrait(key: str) -> list[str]:
    """What else has to be there for a value to be looked at."""
    return ["--portrait"] if key == "portrait_url" else []


@pytest.mark.parametrize(("key", "word", "toml", "command", "error"), WRONG_VALUES)
def test_a_command_says_which_line_or_variable_it_cannot_work_with(
    key: str,
    word: str,
    toml: str,
    command: str,
    error: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = [command, *ARGUMENTS.get(command, [])]
    settings(f"# mine\n{key} = {toml}\n")
    assert main(words) == 78
    assert capfd.readouterr().err.startswith(f"error: settings.toml:2 sets {key}: {error}")
    settings(f"# mine\n[{command}]\n{key} = {toml}\n")
    assert main(words) == 78
    assert capfd.readouterr().err.startswith(f"error: settings.toml:3 sets {key}: {error}")
    settings("")
    if word:
        monkeypatch.setenv(f"STARCODER_{key.upper()}", word)
        assert main(words) == 78
        assert capfd.readouterr().err.startswith(f"error: STARCODER_{key.upper()}: {error}")


def test_a_flag_goes_before_a_wrong_value(capfd: pytest.CaptureFixture[str]) -> None:
    settings("max_tokens = -3\nmodel = 'nosuch'\n")
    assert main(["complete", "-m", "echo", "--max-tokens", "5", "a.py"]) == 0
    capfd.readouterr()
    assert main(["complete", "-m", "echo", "--temperature", "9", "a.py"]) == 2
    assert capfd.readouterr().err.startswith("error: temperature cannot be 9.0; ")


def test_at_an_endpoint_a_model_has_any_name(capfd: pytest.CaptureFixture[str]) -> None:
    settings("model = 'nosuch'\nendpoint = 'http://127.0.0.1:9'\n")
    assert main(["complete", "a.py"]) == 69
    assert "nosuch" not in capfd.readouterr().err
    assert main(["config", "set", "model", "another"]) == 0


def test_values_that_exclude_each_other(capfd: pytest.CaptureFixture[str]) -> None:
    settings("[complete]\njson = true\n")
    assert main(["config", "set", "complete.diff", "yes"]) == 2
    refused = "--diff and --json cannot be used together; choose one\n"
    assert capfd.readouterr().err == f"error: {refused}"
    assert main(["config", "set", "dtype", "fp32"]) == 0
    assert main(["config", "set", "quantize", "8bit"]) == 2
    capfd.readouterr()
    settings("diff = true\njson = true\n")
    assert main(["complete", "-m", "echo", "a.py"]) == 78
    assert capfd.readouterr().err == f"error: settings.toml:1 sets diff: {refused}"


def test_one_wrong_value_does_not_keep_the_others_from_being_mended(
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings("max_tokens = -3\ntop_p = 7\n")
    assert main(["config", "set", "max_tokens", "5"]) == 0
    assert main(["config", "set", "top_p", "0.5"]) == 0
    assert Path("settings.toml").read_text() == "max_tokens = 5\ntop_p = 0.5\n"


def test_what_one_command_takes_may_stand_above_all_tables() -> None:
    """An editor's server holds its model, and so refuses what the other commands take."""
    settings("")
    assert main(["config", "set", "keep_alive", "0"]) == 0
    assert main(["config", "set", "lsp.keep_alive", "0"]) == 2
    above = {"keep_alive": "0", "lsp": {"keep_alive": "5m"}}
    assert find_config_problem(above, ("keep_alive",)) is None


@pytest.mark.parametrize(("key", "word"), [("url", "nonsense"), ("fim", "x")])
def test_an_endpoint_that_is_none(key: str, word: str, capfd: pytest.CaptureFixture[str]) -> None:
    settings("[endpoints.team]\nurl = 'http://127.0.0.1:9'\n")
    assert main(["config", "set", f"endpoints.team.{key}", word]) == 2
    assert capfd.readouterr().err.startswith(f"error: settings.toml sets endpoints.team.{key}: ")
    lines = {"url": "'http://127.0.0.1:9'", key: f"'{word}'"}
    settings("\n".join(["[endpoints.team]", *(f"{name} = {text}" for name, text in lines.items())]))
    assert main(["complete", "--endpoint", "team", "a.py"]) == 78
    assert capfd.readouterr().err.startswith(f"error: settings.toml sets endpoints.team.{key}: ")


def test_the_table_names_options_that_there_are() -> None:
    known = configurable_options()
    for each in VALUE_CHECKS:
        assert set(each.options) <= {name for options in known.values() for name in options}
        assert set(each.commands) <= set(known)


def test_defaults_have_no_problem() -> None:
    for command, options in configurable_options().items():
        defaults = {name: option.default for name, option in options.items()}
        assert find_problem(command, defaults) is None
