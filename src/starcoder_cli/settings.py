"""Where this program keeps things, and the values that its users set once.

A flag wins over the environment, that over the file, that over a default. Names are the same
everywhere: `--max-tokens` is `max_tokens` in the file and `STARCODER_MAX_TOKENS` in the
environment.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from starcoder_cli.errors import ConfigError

APPLICATION = "starcoder"
STANDARD_OUTPUT = "-"  # in place of a file's name

Color: TypeAlias = Literal["auto", "always", "never"]
Order: TypeAlias = Literal["psm", "spm"]
Lines: TypeAlias = Literal["auto", "one", "block", "many"]
Engine: TypeAlias = Literal["auto", "openvino", "llamacpp", "huggingface"]
Quantize: TypeAlias = Literal["auto", "none", "8bit", "4bit"]
Dtype: TypeAlias = Literal["auto", "bf16", "fp16", "fp32"]


Kind: TypeAlias = Literal["config", "cache", "data"]
HOMES: Mapping[Kind, str] = {"config": ".config", "cache": ".cache", "data": ".local/share"}


def user_folder(kind: Kind) -> Path:
    """This user's own folder for one kind of file.

    On Linux by the XDG Base Directory Specification, which takes a start less time than to load
    the library that knows the other systems' folders too.
    """
    if sys.platform == "linux":
        named = Path(os.environ.get(f"XDG_{kind}_HOME".upper(), ""))
        return (named if named.is_absolute() else Path.home() / HOMES[kind]) / APPLICATION
    import platformdirs

    found: Path = getattr(platformdirs, f"user_{kind}_path")(APPLICATION, appauthor=False)
    return found


def config_file() -> Path:
    """The configuration file: `STARCODER_CONFIG`, else the user's `config.toml`."""
    named = os.environ.get("STARCODER_CONFIG")
    if named:
        return Path(named)
    return user_folder("config") / "config.toml"


def models_dir() -> Path:
    """The folder of model files: `STARCODER_MODELS_DIR`, else in the user's cache."""
    named = os.environ.get("STARCODER_MODELS_DIR")
    if named:
        return Path(named)
    return user_folder("cache") / "models"


def data_sets_dir() -> Path:
    """The folder of benchmarks' data: in the user's cache."""
    return user_folder("cache") / "datasets"


def data_dir() -> Path:
    """The folder of what the program remembers: `STARCODER_DATA_DIR`, else the user's own."""
    named = os.environ.get("STARCODER_DATA_DIR")
    if named:
        return Path(named)
    return user_folder("data")


def runtime_dir() -> Path:
    """The folder of the server's socket: in XDG_RUNTIME_DIR, /run/user or the user's cache.

    One of the first two counts only where it is this user's own: `sudo` may leave another's name.
    """
    user = os.getuid()
    for named in (Path(os.environ.get("XDG_RUNTIME_DIR", "")), Path(f"/run/user/{user}")):
        if named.is_absolute() and named.is_dir() and named.stat().st_uid == user:
            return named / APPLICATION
    return user_folder("cache") / "run"


def environment_name(option: str) -> str:
    """The environment variable of an option: `max_tokens` -> `STARCODER_MAX_TOKENS`."""
    return f"{APPLICATION}_{option}".upper()


def read_config(path: Path) -> Mapping[str, object]:
    """The tables and values of a TOML file; nothing where there is no such file.

    Raises ConfigError where the file cannot be read or is not TOML.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", "mend or remove it") from error
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", "mend or remove it") from error
