"""Makes grammars safe whose scanners keep more state than tree-sitter has room for.

A scanner writes what it has to remember into a buffer of 1,024 bytes: the strings, lists or
indentations that are open. Some check no limit, and 255 quote marks in Markdown overwrite the
program's memory. Here they write into a larger buffer, and what is nested deeper than fits is not
remembered, so a parser continues as after any other mistake in a text.
"""

import ctypes
import threading
from collections.abc import Callable
from typing import Any, ClassVar

UNBOUNDED_GRAMMARS = frozenset(("kotlin", "markdown", "perl", "python", "yaml"))
"""By measurement, they crash the process: Kotlin from 1,025 open strings, Markdown from 255 open
blocks, Perl from 83 open quotes, Python from 511 indentations around a string, YAML from 254."""

STATE_BYTES = 1024
"""What tree-sitter has room for, `TREE_SITTER_SERIALIZATION_BUFFER_SIZE`."""
SCRATCH_BYTES = 4 * STATE_BYTES
"""Nothing writes more: states grow by one level at a time, and Perl's never exceed 255 quotes."""

CAPSULE_NAME = b"tree_sitter.Language"

# The interpreter is not released between writing a state and checking it.
WriteState = ctypes.PYFUNCTYPE(ctypes.c_uint, ctypes.c_void_p, ctypes.c_char_p)
StateWriter = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)


class GrammarTables(ctypes.Structure):
    """`TSLanguage` of tree-sitter's parser.h, in version 14 of its binary interface."""

    _fields_: ClassVar[tuple[tuple[str, type[Any]], ...]] = (
        ("counts", ctypes.c_uint32 * 9),
        ("max_alias_length", ctypes.c_uint16),
        ("tables", ctypes.c_void_p * 15),
        ("keyword_token", ctypes.c_uint16),
        ("scanner", ctypes.c_void_p * 5),
        ("serialize", ctypes.c_void_p),
        ("deserialize", ctypes.c_void_p),
        ("primary_states", ctypes.c_void_p),
    )


class NamedGrammarTables(GrammarTables):
    """The same in version 15, with more fields at the end."""

    _fields_: ClassVar[tuple[tuple[str, type[Any]], ...]] = (
        ("name", ctypes.c_void_p),
        ("reserved_words", ctypes.c_void_p),
        ("max_reserved_words", ctypes.c_uint16),
        ("supertype_count", ctypes.c_uint32),
        ("supertypes", ctypes.c_void_p * 3),
        ("metadata", ctypes.c_uint8 * 3),
    )


KNOWN_TABLES = {14: GrammarTables, 15: NamedGrammarTables}

kept_alive: list[object] = []
"""What parsers point to: a grammar is made once, and never freed."""


def bound_state(binding: object, counts: tuple[int, int, int]) -> object:
    """The binding of a grammar whose states all fit, made from another one.

    `counts` are the version of its binary interface, and its numbers of states and fields. Raises
    LookupError if its layout is unknown.
    """
    tables = copy_tables(binding, counts)
    writer = StateWriter(bounded_writer(WriteState(tables.serialize)))
    tables.serialize = ctypes.cast(writer, ctypes.c_void_p).value
    kept_alive.append((tables, writer))
    make_capsule = ctypes.pythonapi.PyCapsule_New
    make_capsule.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    make_capsule.restype = ctypes.py_object
    capsule: object = make_capsule(ctypes.addressof(tables), CAPSULE_NAME, None)
    return capsule


def copy_tables(binding: object, counts: tuple[int, int, int]) -> GrammarTables:
    """Copy a grammar's tables into our own memory; raises LookupError if their layout differs."""
    find_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    find_pointer.argtypes = (ctypes.py_object, ctypes.c_char_p)
    find_pointer.restype = ctypes.c_void_p
    if kind := KNOWN_TABLES.get(counts[0]):
        address = find_pointer(binding, CAPSULE_NAME)
        tables = kind.from_buffer_copy(ctypes.string_at(address, ctypes.sizeof(kind)))
        if counts == tuple(tables.counts[at] for at in (0, 5, 8)):
            return tables
    raise LookupError("a grammar is laid out as none that is known")


def bounded_writer(write: Callable[[int, object], int]) -> Callable[[int, int], int]:
    """A scanner's function that writes its state, or the last one that fitted if it is too large.

    An empty one would not do: Perl's scanner relies on the quotes that it has opened.
    """
    last = threading.local()

    def write_bounded(scanner: int, buffer: int) -> int:
        scratch = ctypes.create_string_buffer(SCRATCH_BYTES)
        size = write(scanner, scratch)
        if size < STATE_BYTES:  # Kotlin's gives up at the next string if all of it is used
            last.state = ctypes.string_at(scratch, size)
        state: bytes = getattr(last, "state", b"")
        ctypes.memmove(buffer, state, len(state))
        return len(state)

    return write_bounded
