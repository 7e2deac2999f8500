"""Where the program keeps things, and how its configuration file is read."""

import os
import pwd
from pathlib import Path

import platformdirs
import pytest

from starcoder_cli.errors import ConfigError
from starcoder_cli.settings import (
    DEFAULT_USER_FOLDERS,
    config_file,
    data_dir,
    environment_name,
    home_dir,
    models_dir,
    read_config,
    user_folder,
)


def test_folders_are_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STARCODER_MODELS_DIR")
    home = Path(os.environ["HOME"])
    for path in (config_file(), models_dir(), data_dir() / "licences.json"):
        assert home in path.parents
        assert "starcoder" in path.parts
    assert config_file().name == "config.toml"
    assert models_dir().name == "models"


def test_folders_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_CONFIG", "/etc/starcoder.toml")
    monkeypatch.setenv("STARCODER_MODELS_DIR", "/srv/models")
    monkeypatch.setenv("STARCODER_DATA_DIR", "/srv/data")
    assert config_file() == Path("/etc/starcoder.toml")
    assert models_dir() == Path("/srv/models")
    assert data_dir() == Path("/srv/data")


@pytest.mark.parametrize("named", [None, "", "relative", "."])
def test_a_home_is_the_systems_where_no_variable_names_one(
    named: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative one would have a repository's files taken for the user's own."""
    monkeypatch.delenv("HOME") if named is None else monkeypatch.setenv("HOME", named)
    assert home_dir() == Path(pwd.getpwuid(os.getuid()).pw_dir)
    monkeypatch.setenv("HOME", "/srv/home")
    assert home_dir() == Path("/srv/home")


def test_a_number_without_a_name_has_the_root_for_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """So containers run programs: with a user's number that the system has no entry for."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    assert home_dir() == Path("/")


@pytest.mark.parametrize("named", ["", "/srv/xdg", "relative"])
def test_folders_are_where_other_programs_have_theirs(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in DEFAULT_USER_FOLDERS:
        monkeypatch.setenv(f"XDG_{kind}_HOME".upper(), named)
    found = [user_folder(kind) for kind in DEFAULT_USER_FOLDERS]
    known = platformdirs.PlatformDirs("starcoder", appauthor=False)
    assert found == [known.user_config_path, known.user_cache_path, known.user_data_path]


def test_an_option_has_the_same_name_in_the_environment() -> None:
    assert environment_name("max_tokens") == "STARCODER_MAX_TOKENS"


def test_a_configuration_file_is_toml(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('max_tokens = 128\n[fill]\nmodel = "starcoder"\n')
    assert read_config(path) == {"max_tokens": 128, "fill": {"model": "starcoder"}}


def test_a_configuration_file_need_not_be_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert read_config(tmp_path / "missing.toml") == {}
    assert read_config(tmp_path / "file" / "config.toml") == {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"max_tokens = \n", "Invalid value (at line 1, column 14)"),
        (
            b"a = '\xff'",
            "'utf-8' codec can't decode byte 0xff in position 5: invalid start byte",
        ),
    ],
)
def test_a_configuration_file_that_is_not_toml_is_an_error(
    data: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value) == f"{path} is not TOML: {reason}; fix or delete it"


def test_a_configuration_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path)
    assert str(caught.value) == f"cannot read {tmp_path}: Is a directory; fix or delete it"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a = " + b"1" * 5000, " is not TOML: Exceeds the limit"),
        (b"a = " + b"[" * 5000, " cannot be read: it is nested too deeply"),
        (b"a = " + b"{a = " * 5000, " cannot be read: it is nested too deeply"),
        (b"a." * 40_000 + b"a = 1", " cannot be read: it has a key of more than 16 parts"),
        (b"#" * 300_000, " is larger than 256 KiB"),
    ],
)
def test_a_value_that_no_reader_takes_is_an_error_too(
    data: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=reason):
        read_config(path)


def test_a_configuration_file_without_an_end_is_not_waited_for(tmp_path: Path) -> None:
    """It was a bug that a pipe without a writer held every command up."""
    path = tmp_path / "config.toml"
    os.mkfifo(path)
    for name in (path, Path("/dev/zero")):
        with pytest.raises(ConfigError) as caught:
            read_config(name)
        assert str(caught.value) == (
            f"cannot read {name}: it is not a regular file; fix or delete it"
        )
    assert read_config(Path("/dev/null")) == {}
