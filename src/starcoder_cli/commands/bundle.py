"""`starcoder bundle`: an installation in one folder, for a machine without a network."""

from pathlib import Path
from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.options import ModelName, Offline, Quiet

BundleFolder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The new folder.", show_default=False)
]


def bundle(
    folder: BundleFolder,
    model: ModelName = DEFAULT_MODEL,
    offline: Offline = False,
    quiet: Quiet = False,
) -> None:
    """Put the program, its libraries and a model into one folder, for a machine without a network.

    The folder has the wheels of what is installed here, the model as it was pulled and prepared,
    and `install.py`, which installs all of it without a network on a machine with the same
    operating system, processor type and Python version. What is not installed here, such as torch
    or an extra, is not in the bundle either.
    """
    from starcoder_cli.app.bundle import bundle as make_bundle
    from starcoder_cli.terminal.output import Messages

    make_bundle(folder, model, offline, Messages(quiet))
