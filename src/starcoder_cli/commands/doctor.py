"""`starcoder doctor`: check what is here to run models with, and suggest remedies."""

import os
from itertools import chain
from typing import Annotated

import typer

from starcoder_cli.app.doctor import all_findings
from starcoder_cli.app.model_findings import Finding
from starcoder_cli.commands.config import check_config_file
from starcoder_cli.errors import ExitCode, StarcoderError
from starcoder_cli.settings import config_file
from starcoder_cli.terminal.output import write_json, write_text
from starcoder_cli.terminal.sanitize import to_one_line


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Check the installation, the machine and the Hugging Face hub, and which StarCoder models fit
    here.

    Each line begins with ok, no (missing, and not needed), warn or FAIL. The exit code is 1 if a
    check failed.
    """
    failed = False
    for finding in chain([config_finding()], all_findings()):
        failed = failed or finding.state == "fail"
        if json:
            write_json(vars(finding))
        else:
            write_text(format_finding(finding))
    if failed:
        raise typer.Exit(ExitCode.NEGATIVE)


def config_finding() -> Finding:
    """Check the configuration file, if there is one."""
    path = config_file()
    if not os.path.lexists(path):
        return Finding("config", "no", f"{path} is not there: all options have their defaults")
    try:
        check_config_file()
    except StarcoderError as error:
        return Finding("config", "fail", error.message, error.hint)
    return Finding("config", "ok", str(path))


def format_finding(finding: Finding) -> str:
    """Format a finding for people, in columns."""
    word = "FAIL" if finding.state == "fail" else finding.state
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return f"{word:<4}  {finding.check:<12}  {to_one_line(finding.text + remedy, 500)}\n"
