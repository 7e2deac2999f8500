"""`starcoder bundle`: an installation in one folder, for a machine without a network."""

from pathlib import Path
from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.options import MODEL_PANEL, Quiet, model_option
from starcoder_cli.settings import environment_name

BundleFolder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The new folder.", show_default=False)
]
BundledModel = Annotated[str, model_option("Catalog name, hub id or name of a tuned model.")]
BundleOffline = Annotated[
    bool,
    typer.Option(
        "--offline",
        envvar=environment_name("offline"),
        help="Do not download the model; pip still collects the packages.",
        rich_help_panel=MODEL_PANEL,
    ),
]


def bundle(
    folder: BundleFolder,
    model: BundledModel = DEFAULT_MODEL,
    offline: BundleOffline = False,
    quiet: Quiet = False,
) -> None:
    """Put the program, its libraries and a model into one folder, for a machine without a network.

    The folder has the wheels of what is installed here, the model as it was pulled and prepared,
    and `install.py`, which installs all of it without a network on a machine with the same
    operating system, processor type and Python version. What is not installed here, such as an
    extra, is not in the bundle either.
    """
    from starcoder_cli.app.bundle import bundle as make_bundle
    from starcoder_cli.terminal.output import Messages

    make_bundle(folder, model, offline, Messages(quiet))
