"""`starcoder tune`: teach a model the code of a repository."""

from pathlib import Path
from typing import Annotated

import typer

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.commands.options import (
    Offline,
    Quiet,
    Verbose,
    index_option,
    model_option,
)

DATA_PANEL, TRAINING_PANEL = "The data", "The training"

TunePaths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Folders of git repositories: the code in them that git tracks is read.",
        show_default=False,
    ),
]
BaseModelName = Annotated[
    str, model_option("Catalog name, GGUF file, checkpoint folder or hub id.")
]
Name = Annotated[
    str,
    typer.Option(
        help="Name of the new model, for -m.", show_default="that of the folder", metavar="NAME"
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the data and the plan, and train nothing.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LICENCE",
        help="Read only code under these licences: an SPDX expression, `permissive` or `unknown`.",
        show_default="any",
        rich_help_panel=DATA_PANEL,
    ),
]
TuneIndex = Annotated[
    str | None, index_option(DATA_PANEL, "The index that knows which projects opted out.")
]
DataCard = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="Write to a Markdown file what was read, left out and replaced.",
        show_default=False,
        rich_help_panel=DATA_PANEL,
    ),
]
FimRate = Annotated[
    float,
    typer.Option(
        help="Share of the examples that are gaps to fill; the others continue a text.",
        rich_help_panel=DATA_PANEL,
    ),
]
FimSpmRate = Annotated[
    float,
    typer.Option(
        help="Share of the gaps whose suffix comes first.",
        rich_help_panel=DATA_PANEL,
    ),
]
MaxLength = Annotated[
    int,
    typer.Option(
        help="Maximum number of tokens in an example and in a batch.",
        rich_help_panel=DATA_PANEL,
    ),
]
TuneSeed = Annotated[
    int,
    typer.Option(
        help="Seed of everything random: the same one gives the same adapter on one machine.",
        rich_help_panel=DATA_PANEL,
    ),
]
Rank = Annotated[
    int,
    typer.Option(help="Rank of the adapter.", rich_help_panel=TRAINING_PANEL),
]
Alpha = Annotated[
    int,
    typer.Option(
        help="Scale of the adapter; it is divided by the rank.",
        rich_help_panel=TRAINING_PANEL,
    ),
]
LearningRate = Annotated[
    float,
    typer.Option(
        help="Learning rate at the start; it falls to zero.", rich_help_panel=TRAINING_PANEL
    ),
]
Epochs = Annotated[
    int,
    typer.Option(help="How many times each example is read.", rich_help_panel=TRAINING_PANEL),
]
MaxSteps = Annotated[
    int | None,
    typer.Option(
        help="Maximum number of steps, of eight examples each.",
        show_default="all",
        rich_help_panel=TRAINING_PANEL,
    ),
]
SaveSteps = Annotated[
    int,
    typer.Option(
        help="Evaluate and write a checkpoint every so many steps.",
        rich_help_panel=TRAINING_PANEL,
    ),
]


def tune(
    paths: TunePaths,
    model: BaseModelName = DEFAULT_MODEL,
    name: Name = "",
    dry_run: DryRun = False,
    allow: Allow = None,
    index: TuneIndex = None,
    data_card: DataCard = "",
    max_length: MaxLength = 1024,
    fim_rate: FimRate = 0.9,
    fim_spm_rate: FimSpmRate = 0.1,
    seed: TuneSeed = 0,
    rank: Rank = 16,
    alpha: Alpha = 32,
    learning_rate: LearningRate = 1e-4,
    epochs: Epochs = 1,
    max_steps: MaxSteps = None,
    save_steps: SaveSteps = 25,
    offline: Offline = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Teach a model the code of your repository, and use the result by its name.

    A LoRA adapter is trained on gaps cut into the files that git tracks, and evaluated before and
    after on files that it did not see. The result is a model: `starcoder fill -m NAME`. Secrets,
    e-mail and IP addresses are replaced; generated, minified and vendored files, near-duplicates,
    what .starcoderignore names and problems of evaluation sets are left out. --dry-run counts them
    all.

    Ctrl-C keeps the best adapter so far. Running the same command again resumes an interrupted
    training run from its last checkpoint.
    """
    from starcoder_cli.app.tune import show_plan
    from starcoder_cli.app.tune import tune as run_tune
    from starcoder_cli.app.tune_request import TuneRequest
    from starcoder_cli.attribution.licences import LicenceAllowList
    from starcoder_cli.engines.transformers.training.trainer import TrainingOptions
    from starcoder_cli.terminal.output import Messages
    from starcoder_cli.tuning.examples import ExampleOptions

    request = TuneRequest(
        tuple(map(Path, paths)),
        model,
        name,
        TrainingOptions(rank, alpha, learning_rate, max_length, save_steps, seed),
        ExampleOptions(max_length, fim_rate, fim_spm_rate, seed),
        epochs,
        max_steps,
        LicenceAllowList.parse(allow) if allow else None,
        index,
        data_card,
        offline,
    )
    (show_plan if dry_run else run_tune)(request.check(), Messages(quiet, verbose))
