"""How the code of a source gets into an index."""

import hashlib
from pathlib import Path

from starcoder_cli.attribution.fingerprints import runs, winnow
from starcoder_cli.attribution.folders import files
from starcoder_cli.attribution.index import writing
from starcoder_cli.attribution.lines import packed
from starcoder_cli.attribution.tokens import PROSE, lexicon, tokens
from starcoder_cli.languages import detect


def add(path: Path, licence: str, index: Path) -> None:
    """Put the code below a folder into an index, as one project with this licence."""
    root = path.resolve()
    with writing(index) as connection:
        values = (str(root), licence)
        source = connection.execute("INSERT INTO source VALUES (NULL, ?, ?)", values).lastrowid
        project = connection.execute(
            "INSERT INTO project VALUES (NULL, ?, ?, ?, '', ?)",
            (source, str(root), root.name, licence),
        ).lastrowid
        for name, data in files(root):
            language = detect(name)
            if language is None or language.name in PROSE:
                continue
            read = tokens(data, lexicon(language.name))
            digest = hashlib.blake2b(data, digest_size=16).digest()
            file = connection.execute(
                "INSERT INTO file VALUES (NULL, ?, ?, ?, ?, ?)",
                (project, name, licence, digest, packed(data, read.places)),
            ).lastrowid
            hashes = runs(read.hashes)
            rows = ((hashes[at], file, at) for at in winnow(hashes))
            connection.executemany("INSERT INTO posting VALUES (?, ?, ?)", rows)
