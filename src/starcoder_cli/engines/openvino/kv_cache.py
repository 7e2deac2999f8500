"""Which blocks of a KV cache hold which tokens, so that what was read once is not read again.

A cache is paged (Kwon et al. 2023, arXiv:2309.06180): a text lies in blocks of BLOCK tokens, in any
order. What was read stays until its blocks are needed, as a tree in which a block follows those of
the text before it. Texts that begin alike share the blocks of their beginning, and where two part
inside a block, the second copies it.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from starcoder_cli.engines.decoding.tokenizer import common

BLOCK = 32

Ids: TypeAlias = tuple[int, ...]


@dataclass(eq=False)
class Node:
    """A block that has been read: its tokens, what follows it, and how many texts use it now."""

    number: int
    ids: Ids
    parent: "Node | None"
    users: int = 0
    used: int = 0
    children: dict[Ids, "Node"] = field(default_factory=dict)


@dataclass(eq=False)
class Text:
    """A text in the cache: blocks that others may share, then its own; `known` were there."""

    shared: list[Node]
    own: list[int]
    known: int

    @property
    def numbers(self) -> list[int]:
        """Its blocks in the order of its tokens."""
        return [*(node.number for node in self.shared), *self.own]


class Blocks:
    """So many blocks, of which about `kept` may hold texts that nobody uses now."""

    def __init__(self, count: int, kept: int, copy: Callable[[int, int], None]) -> None:
        """`copy` is given a block and one that is to hold the same."""
        self._root = Node(-1, (), None)
        self._free = list(reversed(range(count)))
        self._kept = kept
        self._copy = copy
        self._clock = itertools.count(1)

    def open(self, ids: Sequence[int]) -> Text:
        """A text that begins with these ids; all but the last of them may be known already."""
        text, node, left = Text([], [], 0), self._root, tuple(ids[:-1])
        while following := node.children.get(left[:BLOCK]):
            if len(following.ids) < BLOCK:
                break
            node, left = following, left[BLOCK:]
            node.users += 1
            text.shared.append(node)
        alike = {child: common(child.ids, left) for child in node.children.values()}
        source = max(alike, key=lambda child: alike[child], default=None)
        text.known = len(text.shared) * BLOCK
        if source and alike[source]:
            source.users += 1  # it is not to be given away for its own copy
            text.own.append(self._take())
            source.users -= 1
            self._copy(source.number, text.own[0])
            source.used = next(self._clock)
            text.known += alike[source]
        return text

    def extend(self, text: Text, length: int) -> None:
        """Give a text room for so many tokens."""
        while (len(text.shared) + len(text.own)) * BLOCK < length:
            text.own.append(self._take())

    def share(self, text: Text, ids: Sequence[int]) -> None:
        """Let others use the whole blocks of a text, of which these ids have been read."""
        node = text.shared[-1] if text.shared else self._root
        while len(text.shared) < len(ids) // BLOCK:
            at = len(text.shared) * BLOCK
            node = self._hang(node, tuple(ids[at : at + BLOCK]), text.own.pop(0))
            node.users += 1
            text.shared.append(node)

    def close(self, text: Text, ids: Sequence[int]) -> None:
        """Let a text go, of which these ids have been read; it can be found until it is needed."""
        self.share(text, ids)
        rest = tuple(ids[len(text.shared) * BLOCK :])
        if rest:
            last = text.shared[-1] if text.shared else self._root
            self._hang(last, rest, text.own.pop(0))
        self._free += text.own
        for node in text.shared:
            node.users -= 1
            node.used = next(self._clock)
        text.shared, text.own = [], []

    def _hang(self, parent: Node, ids: Ids, number: int) -> Node:
        """The node of a block that follows another; where there is one already, that one."""
        found = parent.children.get(ids)
        if found:
            self._free.append(number)
        else:
            found = parent.children[ids] = Node(number, ids, parent)
        found.used = next(self._clock)
        return found

    def _take(self) -> int:
        """A block for new tokens: a free one, or that of the end that was used least recently.

        Blocks that were never used cost memory from their first use on, so not all of them are.
        """
        nodes = list(self._nodes(self._root))
        unused = [node for node in nodes if not node.users and not node.children]
        spare = sum(not node.users for node in nodes)
        if unused and (not self._free or spare >= self._kept):
            oldest = min(unused, key=lambda node: node.used)
            assert oldest.parent
            del oldest.parent.children[oldest.ids]
            return oldest.number
        return self._free.pop()

    def _nodes(self, node: Node) -> Iterator[Node]:
        """All that follows a node."""
        waiting = list(node.children.values())
        while waiting:
            found = waiting.pop()
            waiting += found.children.values()
            yield found
