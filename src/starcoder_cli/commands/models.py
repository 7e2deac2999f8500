"""`starcoder models`: list, search, pull, remove and show models."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from starcoder_cli.app.fetch import locate, model_state, needs_download, pull_missing
from starcoder_cli.app.model_record import (
    file_info,
    licence_info,
    licence_name,
    model_info,
    source_of_model,
    tuned_info,
)
from starcoder_cli.catalog import CATALOG, find_model, format_size
from starcoder_cli.commands.options import OFFLINE_HELP, EngineOption, QuantizeOption
from starcoder_cli.errors import InputError, MachineError, UsageError
from starcoder_cli.terminal.output import is_terminal, write_json, write_message, write_text
from starcoder_cli.terminal.sanitize import to_one_line
from starcoder_cli.terminal.table import format_columns

if TYPE_CHECKING:
    from starcoder_cli.models.search import FoundModel

app = typer.Typer(
    name="models",
    help="List, search, pull, remove and show models.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ModelNameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Catalog name, GGUF file, hub id, or name of a tuned model.",
        show_default=False,
    ),
]
ModelsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
PullOffline = Annotated[bool, typer.Option("--offline", help=OFFLINE_HELP)]
SearchText = Annotated[
    str, typer.Argument(metavar="TEXT", help="A part of a model's name.", show_default=False)
]
SearchLimit = Annotated[
    int, typer.Option("--limit", help="Show at most this many models of the hub, up to 100.")
]
AcceptLicense = Annotated[
    bool, typer.Option("--accept-license", help="Accept the model's licence without a question.")
]


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List, search, pull, remove and show models. Without a command, list them."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models(json: ModelsJson = False) -> None:
    """List the models that are installed and those that could be.

    In a pipe: name, state, size, window, licence and summary, with tabs between.
    """
    from starcoder_cli.models.store import list_installed_models

    specs = [*CATALOG, *(spec for spec in list_installed_models() if spec not in CATALOG)]
    if json:
        for spec in specs:
            write_json(model_info(spec, model_state(spec)))
        return
    rows = [
        (
            spec.name,
            model_state(spec),
            format_size(spec.size) if spec.size else "",
            str(spec.window or ""),
            licence_name(spec),
            spec.summary,
        )
        for spec in specs
    ]
    write_text(format_columns([("name", "state", "size", "window", "licence", ""), *rows]))


@app.command("search")
def search_models(
    text: SearchText,
    limit: SearchLimit = 20,
    json: ModelsJson = False,
    offline: PullOffline = False,
) -> None:
    """Search the catalog and the hub for models that can be loaded here.

    GGUF files and checkpoints for transformers, the most downloaded first. In a pipe: parameters,
    size, licence, downloads and name, with tabs between. `models pull` and -m take the name. If
    the hub does not answer, the catalog's models are still shown, and the exit code is 69.
    """
    from starcoder_cli.models.search import search_models as search

    if not text.strip():
        raise UsageError("there is nothing to search for", "name a part of a model's name")
    if not 1 <= limit <= 100:
        raise UsageError(f"--limit cannot be {limit}", "give a number from 1 to 100")
    result = search(text, limit, offline)
    if json:
        for each in result.models:
            write_json(search_record(each))
    else:
        write_search_rows(result.models)
    if result.failure:
        raise result.failure
    if not (result.models or json):
        write_message(to_one_line(f"note: no model is called {text!r}"))


def write_search_rows(models: "Sequence[FoundModel]") -> None:
    """Show found models as a table, with a heading at a terminal."""
    rows = [search_row(each) for each in models]
    if rows and is_terminal(sys.stdout):
        rows = [("parameters", "size", "licence", "downloads", "name"), *rows]
    if rows:
        write_text(format_columns(rows, full_width=True))


def search_record(found: "FoundModel") -> Mapping[str, object]:
    """A found model, with the field names of `--json`."""
    return {
        "name": found.spec.name,
        "parameters": found.parameters,
        "size": found.spec.size,
        "licence": found_licence(found),
        "downloads": found.downloads,
        "gated": found.gated,
        "engine": found.spec.engine,
        "source": source_of_model(found.spec),
        "state": model_state(found.spec),
        "pull": f"starcoder models pull {found.spec.name}" if found.spec.has_file else "",
    }


def search_row(found: "FoundModel") -> tuple[str, ...]:
    """A found model as a table row."""
    return (
        found.parameters,
        format_size(found.spec.size) if found.spec.size else "",
        found_licence(found) + (", gated" if found.gated else ""),
        "" if found.downloads is None else f"{found.downloads:,}",
        found.spec.name,
    )


def found_licence(found: "FoundModel") -> str:
    """The name of a found model's licence."""
    return licence_name(found.spec) or found.licence


@app.command("pull")
def pull_model(
    name: ModelNameArgument,
    accept_license: AcceptLicense = False,
    offline: PullOffline = False,
    engine: EngineOption = "auto",
    quantize: QuantizeOption = "auto",
) -> None:
    """Fetch a model, or repair one that was damaged. What is here already is not fetched again.

    A licence that restricts use is shown once and must be accepted. Models that run on the CPU are
    prepared for OpenVINO unless --engine is llamacpp; checkpoints in 8 bits, or in 4 if requested
    or if memory is short.
    """
    from starcoder_cli.app.fetch import prepare_pulled
    from starcoder_cli.app.licence_prompt import settle_licence

    spec = find_model(name)
    if accept_license or needs_download(spec, offline):
        settle_licence(spec, accept=accept_license)
    path = pull_missing(spec, offline=offline)
    if engine != "llamacpp":
        prepare_pulled(spec, path, quantize=quantize)


@app.command("rm")
def delete_model(name: ModelNameArgument) -> None:
    """Delete a model that was pulled or tuned."""
    from starcoder_cli.models.store import remove_model as delete

    spec = find_model(name)
    delete(spec)
    write_message(f"removed {to_one_line(spec.name)}")


@app.command("show")
def show_model(name: ModelNameArgument, json: ModelsJson = False) -> None:
    """Show what is known about a model: size, window, format, source, path, and the licence."""
    from starcoder_cli.app.fetch import preparation_info

    spec = find_model(name)
    found = model_state(spec) == "here" and locate(spec)
    values = {
        **model_info(spec, model_state(spec)),
        **(file_info(spec, found) if found else {}),
        **(preparation_info(spec, found) if found and spec.engine != "echo" else {}),
        **tuned_info(spec),
        **licence_info(spec),
    }
    if json:
        write_json(values)
        return
    rows = [row for key, value in values.items() for row in format_rows(key, value)]
    write_text(format_columns(rows, full_width=True))


@app.command("recommend")
def recommend_model(json: ModelsJson = False) -> None:
    """Say which models this machine can run, what each costs, and which is best here.

    Fill times are for 850 tokens read and 48 written by a loaded model, scaled from the measured
    speed of the default model, or else the small one. HumanEval is the share of its problems that
    the first answer solves, as the model's makers published it or as measured with this program. In
    a pipe: name, download, memory, seconds, HumanEval and what it runs on, with tabs between.
    """
    from starcoder_cli.app.recommend import choose_offer, find_offers, measure_rates
    from starcoder_cli.engines.machine import find_machine

    machine = find_machine()
    rates = measure_rates(machine)
    offers = find_offers(machine, rates)
    if not offers:
        raise MachineError(
            "no model of the catalog fits this machine's memory and disk",
            "free some of either, or set STARCODER_MODELS_DIR to another disk",
        )
    chosen = choose_offer(offers, machine)
    if json:
        for offer in offers:
            write_json({**offer.record(), "recommended": offer == chosen})
        return
    rows = [offer.row() for offer in offers]
    if is_terminal(sys.stdout):
        rows = [("name", "download", "memory", "a fill", "HumanEval", "runs on"), *rows]
    write_text(format_columns(rows, full_width=True))
    basis = "measured now" if rates.is_measured else "typical of two cores; pull a model to measure"
    write_message(f"the seconds are {basis}")
    if chosen:
        name = chosen.spec.name
        write_message(f"recommended: {name}; to make it the default: starcoder models use {name}")


@app.command("use")
def use_model(name: ModelNameArgument) -> None:
    """Make a model the default of complete, fill, edit, chat and lsp, in the configuration file.

    `config unset model` undoes that.
    """
    from starcoder_cli.commands.config import set_config

    spec = find_model(name)
    set_config("model", spec.file if spec.is_local else spec.name)
    if spec.repository and locate(spec) is None:
        size = f" ({format_size(spec.size)})" if spec.size else ""
        write_message(to_one_line(f"not installed yet{size}: starcoder models pull {spec.name}"))


@app.command("path")
def print_path(name: ModelNameArgument) -> None:
    """Print the path of a model's file or folder, and nothing else."""
    spec = find_model(name)
    found = locate(spec)
    if found is None:
        raise InputError(
            f"{spec.name} is not installed", f"get it with: starcoder models pull {spec.name}"
        )
    write_text(f"{found}\n")


def format_rows(key: str, value: object) -> list[tuple[str, str]]:
    """Table rows for a value: one for each part of a list, none for an unknown value."""
    if isinstance(value, list):
        return [(key, str(part)) for part in value]
    return [] if value in ("", 0, None) else [(key, str(value))]
