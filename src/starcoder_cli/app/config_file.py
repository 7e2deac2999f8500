"""Changes the configuration file: sets or removes one key, or opens it all in an editor."""

import errno
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.errors import ConfigError, DataError, NegativeError, UsageError
from starcoder_cli.files.toml_text import has_key, with_key, without_key
from starcoder_cli.files.user_file import save_user_file
from starcoder_cli.settings import config_file, decode_config, read_config_bytes
from starcoder_cli.system.programs import find_program
from starcoder_cli.terminal.output import is_terminal

ELSEWHERE_HINT = "let STARCODER_CONFIG name another file"
NEW_FILE = """\
# The configuration of starcoder: each option of its commands, by the name of its flag.
# `starcoder config` shows all of them, with what they are set to. For example:
#
# max_tokens = 128
#
# [fill]
# candidates = 4

"""


@dataclass(frozen=True)
class ConfigText:
    """The configuration file as it was read; `data` is None if there is none."""

    path: Path
    data: bytes | None

    @classmethod
    def read(cls) -> "ConfigText":
        """Read the file. Raises ConfigError if it is unreadable, not TOML, or keeps nothing."""
        path = config_file()
        data = read_config_bytes(path)
        if path.exists() and not path.is_file():  # the null device can be read
            raise ConfigError(f"{path} keeps nothing that is written to it", ELSEWHERE_HINT)
        decode_config(data, path)
        return cls(path, data if os.path.lexists(path) and path.exists() else None)

    @property
    def text(self) -> str:
        """Its text, or an empty string if there is no file."""
        return (self.data or b"").decode()

    def save(self, text: str) -> None:
        """Replace the file's text; raises what `save_user_file` raises."""
        save_user_file(self.path, self.data, text.encode(), ELSEWHERE_HINT)

    def with_value(self, keys: tuple[str, ...], value: object) -> str:
        """The text with a key set to a value; raises UsageError if it cannot be."""
        with self.as_usage_errors():
            return with_key(self.text, keys, value)

    def without(self, keys: tuple[str, ...]) -> str:
        """The text without a key; raises NegativeError if there is no such key."""
        name = ".".join(keys)
        if not has_key(decode_config(self.data or b"", self.path), keys):
            raise NegativeError(f"{self.path} does not set {name}", "see `starcoder config`")
        with self.as_usage_errors():
            return without_key(self.text, keys)

    @contextmanager
    def as_usage_errors(self) -> Iterator[None]:
        """Report what is wrong with a key as an error in the command line."""
        try:
            yield
        except DataError as error:
            raise UsageError(f"{self.path}: {error.message}", error.hint) from error


def edit_config(check: Callable[[], object]) -> Path:
    """Open the configuration file in the user's editor, and check it afterwards.

    It is created if it is missing. Raises UsageError without a terminal or an editor, and whatever
    `check` raises for the file's new content.
    """
    path = config_file()
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise UsageError(
            "there is no terminal for an editor", "use `starcoder config set KEY VALUE`"
        )
    command = editor_command()
    if not path.exists():
        save_user_file(path, None, NEW_FILE.encode(), ELSEWHERE_HINT)
    run_editor([*command, os.fspath(path)])
    check()
    return path


def editor_command() -> list[str]:
    """The words of the user's editor; raises UsageError if VISUAL and EDITOR name none."""
    for name in ("VISUAL", "EDITOR"):
        if text := os.environ.get(name, "").strip():
            try:
                return shlex.split(text)
            except ValueError as error:
                raise UsageError(f"{name} cannot be {text!r}: {error}", "fix it") from error
    raise UsageError("no editor is named", "let EDITOR name one, as in: export EDITOR=nano")


def run_editor(command: list[str]) -> None:
    """Run an editor until it exits; until then Ctrl-C goes to it alone.

    Raises UsageError if it cannot be started, NegativeError if it reports failure.
    """
    import subprocess

    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        program = find_program(command[0])
        if not program:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        code = subprocess.call([program, *command[1:]])
    except OSError as error:
        raise UsageError(
            f"the editor {command[0]!r} cannot be started: {error.strerror}",
            "let EDITOR name another",
        ) from error
    finally:
        signal.signal(signal.SIGINT, before)
    if code:
        raise NegativeError(f"the editor {command[0]!r} exited with status {code}", "run it again")
