"""What `starcoder bundle` does: wheels, a model and an installer in one folder."""

import json
import shutil
import tempfile
from pathlib import Path

from starcoder_cli import __version__
from starcoder_cli.app.fetch import fetch, prepare_pulled
from starcoder_cli.app.progress import count_progress
from starcoder_cli.bundle import install
from starcoder_cli.bundle.requirements import PROJECT, find_installed_packages
from starcoder_cli.bundle.wheels import collect_wheels
from starcoder_cli.catalog import ModelSpec, find_model, format_size
from starcoder_cli.errors import CreateError, UsageError
from starcoder_cli.files.small import replace_text
from starcoder_cli.models import cache, store
from starcoder_cli.models.transfer import check_disk_space, translate_write_errors
from starcoder_cli.system.temporary import remove_folder
from starcoder_cli.terminal.output import Messages, write_message, write_text


def bundle(
    folder: Path, model: str, offline: bool, messages: Messages, project: str = PROJECT
) -> None:
    """Make a bundle; the folder has its name only when everything is in it.

    Raises CreateError if the folder exists, and what fetching a model or a package raises.
    """
    spec = find_model(model)
    if spec.is_local:
        raise UsageError(
            f"{model} has no name on another machine",
            "name a model of `starcoder models list`, and copy the file beside the bundle",
        )
    folder = folder.absolute()
    if folder.exists() or folder.is_symlink():
        raise CreateError(f"{folder} exists", "name a folder that does not")
    if spec.engine != "echo":
        path = fetch(spec, messages, lambda: None, offline)
        prepare_pulled(spec, path, quiet=messages.quiet)
    staged = make_staging_folder(folder)
    try:
        write_bundle(staged, spec, messages, project)
        with translate_write_errors(folder):
            staged.rename(folder)
    finally:
        remove_folder(staged)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    write_text(f"{folder}\n")
    if spec.engine != "echo":
        messages.note(f"{spec.name} is under {spec.licence}: pass it on under these terms")
    messages.note(
        f"{format_size(size)}; on a machine like this one run: "
        f"python3 {folder.name}/{install.INSTALLER_FILE}"
    )


def make_staging_folder(folder: Path) -> Path:
    """A new folder beside another, under a name that nobody has; raises CreateError."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        staged.chmod(0o755)
        (staged / install.WHEELS_FOLDER).mkdir()
    except OSError as error:
        reason = error.strerror or error
        raise CreateError(
            f"{folder.parent} cannot hold a new folder: {reason}", "name another place"
        ) from None
    return staged


def write_bundle(staged: Path, spec: ModelSpec, messages: Messages, project: str) -> None:
    """Write wheels, model, installer and the list of contents."""
    packages = find_installed_packages(project)
    if not messages.quiet:
        write_message(f"collecting {len(packages)} packages")
    with count_progress("packages") as report:
        collect_wheels(packages, staged / install.WHEELS_FOLDER, report)
    sources = {
        install.MODELS_FOLDER: store.model_folder(spec),
        install.HUB_FOLDER: cache.repository_folder(spec) if spec.repository else None,
    }
    for name, source in sources.items():
        if source and source.is_dir():
            copy_model(source, staged / name / source.name, messages)
    with translate_write_errors(staged):
        shutil.copyfile(install.__file__, staged / install.INSTALLER_FILE)
        contents = {
            "version": __version__,
            **install.describe_python(),
            "model": "" if spec.engine == "echo" else spec.name,
            "licence": spec.licence,
            "packages": {package.name: package.version for package in packages},
            "files": install.compute_checksums(staged),
        }
        replace_text(staged / install.CONTENTS_FILE, json.dumps(contents, indent=1) + "\n")


def copy_model(source: Path, target: Path, messages: Messages) -> None:
    """Copy a model's folder, with what it was prepared in."""
    size = sum(path.lstat().st_size for path in source.rglob("*") if path.is_file())
    check_disk_space(target.parents[1], size)
    with translate_write_errors(target), messages.show_progress(f"copying {source.name} …"):
        shutil.copytree(source, target, symlinks=True)
