"""Which blocks of a KV cache hold which tokens, so that nothing is read twice.

The cache is paged (Kwon et al. 2023, arXiv:2309.06180): a text is stored in blocks of BLOCK_TOKENS
tokens, in any order. What was read stays until its blocks are needed, in a tree where each block
follows those of the text before it. Texts that begin alike share the blocks of their beginning,
and if two diverge inside a block, the second copies it.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from starcoder_cli.engines.decoding.tokenizer import common_prefix_length

BLOCK_TOKENS = 32

TokenIds: TypeAlias = tuple[int, ...]


@dataclass(eq=False)
class CachedBlock:
    """A block that has been read: its tokens, what follows it, and how many texts use it now."""

    index: int
    ids: TokenIds
    parent: "CachedBlock | None"
    user_count: int = 0
    last_used: int = 0
    children: dict[TokenIds, "CachedBlock"] = field(default_factory=dict)


@dataclass(eq=False)
class CachedSequence:
    """A text: shareable blocks, then its own; `cached_tokens` had been read before."""

    shared_blocks: list[CachedBlock]
    own_blocks: list[int]
    cached_tokens: int

    @property
    def block_indices(self) -> list[int]:
        """Its blocks in the order of its tokens."""
        return [*(block.index for block in self.shared_blocks), *self.own_blocks]


class BlockPool:
    """`block_count` blocks, of which about `max_idle` may hold texts that nobody uses now."""

    def __init__(self, block_count: int, max_idle: int, copy: Callable[[int, int], None]) -> None:
        """`copy` is called with a block and the block to copy it to."""
        self._root = CachedBlock(-1, (), None)
        self._free = list(reversed(range(block_count)))
        self._max_idle = max_idle
        self._copy = copy
        self._clock = itertools.count(1)

    def open_sequence(self, ids: Sequence[int]) -> CachedSequence:
        """Open a text that begins with these ids; all but the last may be cached already."""
        sequence, block, remaining_ids = CachedSequence([], [], 0), self._root, tuple(ids[:-1])
        while next_block := block.children.get(remaining_ids[:BLOCK_TOKENS]):
            if len(next_block.ids) < BLOCK_TOKENS:
                break
            block, remaining_ids = next_block, remaining_ids[BLOCK_TOKENS:]
            block.user_count += 1
            sequence.shared_blocks.append(block)
        common_lengths = {
            child: common_prefix_length(child.ids, remaining_ids)
            for child in block.children.values()
        }
        source = max(common_lengths, key=lambda child: common_lengths[child], default=None)
        sequence.cached_tokens = len(sequence.shared_blocks) * BLOCK_TOKENS
        if source and common_lengths[source]:
            source.user_count += 1  # so that it is not given away for its own copy
            sequence.own_blocks.append(self._allocate())
            source.user_count -= 1
            self._copy(source.index, sequence.own_blocks[0])
            source.last_used = next(self._clock)
            sequence.cached_tokens += common_lengths[source]
        return sequence

    def reserve(self, sequence: CachedSequence, token_count: int) -> None:
        """Give a text blocks for this many tokens."""
        while (len(sequence.shared_blocks) + len(sequence.own_blocks)) * BLOCK_TOKENS < token_count:
            sequence.own_blocks.append(self._allocate())

    def share_blocks(self, sequence: CachedSequence, ids: Sequence[int]) -> None:
        """Let others use the whole blocks of a text whose `ids` have been read."""
        block = sequence.shared_blocks[-1] if sequence.shared_blocks else self._root
        while len(sequence.shared_blocks) < len(ids) // BLOCK_TOKENS:
            start = len(sequence.shared_blocks) * BLOCK_TOKENS
            block = self._insert_block(
                block, tuple(ids[start : start + BLOCK_TOKENS]), sequence.own_blocks.pop(0)
            )
            block.user_count += 1
            sequence.shared_blocks.append(block)

    def release(self, sequence: CachedSequence, ids: Sequence[int]) -> None:
        """Release a text whose `ids` have been read; it can be found until its blocks go."""
        self.share_blocks(sequence, ids)
        remaining_ids = tuple(ids[len(sequence.shared_blocks) * BLOCK_TOKENS :])
        if remaining_ids:
            parent = sequence.shared_blocks[-1] if sequence.shared_blocks else self._root
            self._insert_block(parent, remaining_ids, sequence.own_blocks.pop(0))
        self._free += sequence.own_blocks
        for block in sequence.shared_blocks:
            block.user_count -= 1
            block.last_used = next(self._clock)
        sequence.shared_blocks, sequence.own_blocks = [], []

    def _insert_block(self, parent: CachedBlock, ids: TokenIds, index: int) -> CachedBlock:
        """Attach a block to another; if that one already has an equal child, use that child."""
        block = parent.children.get(ids)
        if block:
            self._free.append(index)
        else:
            block = parent.children[ids] = CachedBlock(index, ids, parent)
        block.last_used = next(self._clock)
        return block

    def _allocate(self) -> int:
        """Return a block for new tokens: a free one, or the least recently used leaf of the tree.

        Blocks that were never used cost memory from their first use on, so some are left unused.
        """
        blocks = list(self._descendants(self._root))
        evictable = [block for block in blocks if not block.user_count and not block.children]
        idle_count = sum(not block.user_count for block in blocks)
        if evictable and (not self._free or idle_count >= self._max_idle):
            oldest = min(evictable, key=lambda block: block.last_used)
            assert oldest.parent
            del oldest.parent.children[oldest.ids]
            return oldest.index
        return self._free.pop()

    def _descendants(self, block: CachedBlock) -> Iterator[CachedBlock]:
        """Yield all blocks that follow a block."""
        pending = list(block.children.values())
        while pending:
            descendant = pending.pop()
            pending += descendant.children.values()
            yield descendant
