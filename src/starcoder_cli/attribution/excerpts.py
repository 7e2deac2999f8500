"""The lines that a match comes from, read again where they still are."""

from functools import lru_cache
from pathlib import Path

from starcoder_cli.attribution.containers import Folder, Tree, is_archive, unpacked
from starcoder_cli.attribution.matches import Origin
from starcoder_cli.attribution.records import MARK_BYTES, marks
from starcoder_cli.attribution.tokens import lexicon, readings
from starcoder_cli.languages import detect


def excerpt(origin: Origin, text: str) -> list[str]:
    """An origin's lines; none where it is gone, or has not got the tokens of that text any more."""
    found = read(origin)
    language = detect(origin.path)
    if found is None or language is None:
        return []
    lines = found.decode("utf-8", "replace").split("\n")[origin.first - 1 : origin.last]
    way = lexicon(language.name)
    wanted = [marks(each.hashes) for each in readings(text.encode("utf-8", "surrogateescape"), way)]
    there = [marks(each.hashes) for each in readings("\n".join(lines).encode(), way)]
    known = MARK_BYTES * origin.tokens
    same = any(mine[:known] and mine[:known] in theirs for mine in wanted for theirs in there)
    return lines if same else []


def read(origin: Origin) -> bytes | None:
    """The bytes of the file that an origin is in, from a folder or an archive."""
    root = Path(origin.root)
    for place in (root, *root.parents):
        if place.is_file():
            inside = root.relative_to(place) / origin.path
            return archive(place).read(inside.as_posix()) if is_archive(place) else None
        if place == root and place.is_dir():
            return Folder(root, (), ()).read(origin.path)
    return None


@lru_cache(maxsize=2)
def archive(path: Path) -> Tree:
    """The code in an archive."""
    return unpacked(path, lambda name: detect(name) is not None)
