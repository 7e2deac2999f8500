"""Where this program keeps its files, and the user's settings.

A flag wins over the environment, which wins over the file, which wins over a default. Names are the
same everywhere: `--max-tokens` is `max_tokens` in the file and `STARCODER_MAX_TOKENS` in the
environment.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from starcoder_cli.errors import ConfigError, MalformedError
from starcoder_cli.system.descriptors import read_regular_file

APPLICATION_NAME = "starcoder"
STANDARD_OUTPUT = "-"  # given instead of a file's name
MAX_CONFIG_BYTES = 1 << 18

ColorMode: TypeAlias = Literal["auto", "always", "never"]
FimOrder: TypeAlias = Literal["psm", "spm"]
LineMode: TypeAlias = Literal["auto", "one", "block", "many"]
EngineChoice: TypeAlias = Literal["auto", "openvino", "llamacpp", "huggingface"]
QuantizeChoice: TypeAlias = Literal["auto", "none", "8bit", "4bit"]
DtypeChoice: TypeAlias = Literal["auto", "bf16", "fp16", "fp32"]


UserFolderKind: TypeAlias = Literal["config", "cache", "data"]
DEFAULT_USER_FOLDERS: Mapping[UserFolderKind, str] = {
    "config": ".config",
    "cache": ".cache",
    "data": ".local/share",
}


def user_folder(kind: UserFolderKind) -> Path:
    """The user's own folder for one kind of file.

    On Linux this follows the XDG Base Directory Specification directly, which is faster at startup
    than loading the library that also knows the other systems' folders.
    """
    if sys.platform == "linux":
        configured = Path(os.environ.get(f"XDG_{kind}_HOME".upper(), ""))
        return (
            configured if configured.is_absolute() else home_dir() / DEFAULT_USER_FOLDERS[kind]
        ) / APPLICATION_NAME
    import platformdirs

    folder: Path = getattr(platformdirs, f"user_{kind}_path")(APPLICATION_NAME, appauthor=False)
    return folder


def home_dir() -> Path:
    """The user's home: HOME if it is absolute, else what the system says, else `/`.

    The last is login(1)'s choice for a user without a home, such as a bare user id in a container.
    """
    configured = Path(os.environ.get("HOME", ""))
    if configured.is_absolute():
        return configured
    import pwd

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path("/")


def config_file() -> Path:
    """The configuration file: `STARCODER_CONFIG`, else the user's `config.toml`."""
    configured = os.environ.get("STARCODER_CONFIG")
    if configured:
        return Path(configured)
    return user_folder("config") / "config.toml"


def models_dir() -> Path:
    """The folder of model files: `STARCODER_MODELS_DIR`, else in the user's cache."""
    configured = os.environ.get("STARCODER_MODELS_DIR")
    if configured:
        return Path(configured)
    return user_folder("cache") / "models"


def datasets_dir() -> Path:
    """The folder of benchmark data, in the user's cache."""
    return user_folder("cache") / "datasets"


def data_dir() -> Path:
    """The folder of persistent data: `STARCODER_DATA_DIR`, else the user's own."""
    configured = os.environ.get("STARCODER_DATA_DIR")
    if configured:
        return Path(configured)
    return user_folder("data")


def runtime_dir() -> Path:
    """The folder of the server's socket: in XDG_RUNTIME_DIR, /run/user or the user's cache.

    The first two count only if the user owns them: `sudo` may leave another user's name there.
    """
    user = os.getuid()
    for folder in (Path(os.environ.get("XDG_RUNTIME_DIR", "")), Path(f"/run/user/{user}")):
        if folder.is_absolute() and folder.is_dir() and folder.stat().st_uid == user:
            return folder / APPLICATION_NAME
    return user_folder("cache") / "run"


def environment_name(option: str) -> str:
    """The environment variable of an option: `max_tokens` -> `STARCODER_MAX_TOKENS`."""
    return f"{APPLICATION_NAME}_{option}".upper()


def read_config(path: Path) -> Mapping[str, object]:
    """The tables and values of a TOML file; empty if it does not exist.

    Raises ConfigError if the file cannot be read or is not TOML.
    """
    return decode_config(read_config_bytes(path), path)


def read_config_bytes(path: Path) -> bytes:
    """The bytes of a file; empty if it does not exist.

    Raises ConfigError if it cannot be read, is too large, or is not a regular file.
    """
    try:
        data = read_regular_file(path, MAX_CONFIG_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", "fix or delete it") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_CONFIG_BYTES >> 10} KiB", "make it smaller")
    return data


def decode_config(data: bytes, path: Path) -> Mapping[str, object]:
    """Parse the bytes of a configuration file; raises ConfigError if they are not TOML."""
    from starcoder_cli.system.bounded_toml import parse_toml

    try:
        return parse_toml(data)
    except MalformedError as error:
        cause = error.__cause__  # set for a number of 5,000 digits too
        problem = f"is not TOML: {cause}" if cause else f"cannot be read: {error}"
        raise ConfigError(f"{path} {problem}", "fix or delete it") from error
