"""Read the lines of a match's origin again, if they are still there."""

from functools import lru_cache
from pathlib import Path

from starcoder_cli.attribution.containers import FolderTree, SourceTree, is_archive, read_archive
from starcoder_cli.attribution.matches import Origin
from starcoder_cli.attribution.records import SHORT_HASH_BYTES, shorten_hashes
from starcoder_cli.attribution.tokens import lexical_syntax_of, tokenize_fragment
from starcoder_cli.files.source import LINE_END
from starcoder_cli.languages import detect_language


def read_excerpt(origin: Origin, text: str) -> list[str]:
    """An origin's lines; empty if it is gone, or no longer has that text's tokens."""
    data = read_origin_file(origin)
    language = detect_language(origin.path)
    if data is None or language is None:
        return []
    lines = LINE_END.split(data.decode("utf-8", "replace"))[origin.first - 1 : origin.last]
    syntax = lexical_syntax_of(language.name)
    text_hashes = [
        shorten_hashes(tokenized.hashes)
        for tokenized in tokenize_fragment(text.encode("utf-8", "surrogateescape"), syntax)
    ]
    excerpt_hashes = [
        shorten_hashes(tokenized.hashes)
        for tokenized in tokenize_fragment("\n".join(lines).encode(), syntax)
    ]
    compared_bytes = SHORT_HASH_BYTES * origin.tokens
    is_same = any(
        ours[:compared_bytes] and ours[:compared_bytes] in theirs
        for ours in text_hashes
        for theirs in excerpt_hashes
    )
    return lines if is_same else []


def read_origin_file(origin: Origin) -> bytes | None:
    """The bytes of an origin's file, from a folder or an archive."""
    root = Path(origin.root)
    for ancestor in (root, *root.parents):
        if ancestor.is_file():
            member = root.relative_to(ancestor) / origin.path
            return (
                open_cached_archive(ancestor).read(member.as_posix())
                if is_archive(ancestor)
                else None
            )
        if ancestor == root and ancestor.is_dir():
            return FolderTree(root, (), ()).read(origin.path)
    return None


@lru_cache(maxsize=2)
def open_cached_archive(path: Path) -> SourceTree:
    """Open the code in an archive."""
    return read_archive(path, lambda name: detect_language(name) is not None)
