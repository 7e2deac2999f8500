"""Reads an answer line by line and finds the places where it may end.

Such a place is only a candidate: what follows it is held back, and a parser decides.
"""

import re
from functools import partial

from starcoder_cli.model import Hole
from starcoder_cli.postprocess import possible_ends, prose
from starcoder_cli.postprocess.block_ends import BlockEnds
from starcoder_cli.postprocess.hole_lines import HoleLines
from starcoder_cli.postprocess.possible_ends import End, divide_ends
from starcoder_cli.postprocess.repetition import RepetitionCheck
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.suffix_match import SuffixMatcher
from starcoder_cli.postprocess.talk_ends import TalkEnds
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.stream import FinishReason

WAIT_LINES = 6
"""Lines written after a candidate before it is decided on; doubled after each wrong one."""

MAX_START, MAX_EARLY_ENDS = 400, 8
"""This much of a line is enough to tell whether it can be a candidate."""


class AnswerReader:
    """Reads an answer, and returns what is decided of it; `rule` says what has ended it."""

    def __init__(self, hole: Hole, check: SoundnessCheck, options: TrimOptions) -> None:
        self.rule, self._check, self._options = "", check, options
        self._hole = lines = HoleLines(hole, in_block=options.lines == "block")
        self._block_ends, self._talk = BlockEnds(lines), TalkEnds(lines, check)
        self._matcher = SuffixMatcher(lines.suffix_lines, lines.rest, lines.certain_lines)
        self._repetition = RepetitionCheck()
        self._lines: list[str] = []  # complete ones, with their line ends
        self._length = 0  # their length
        self._held: list[str] = []  # the part of them that has not been returned yet
        self._start = ""  # the current line as far as it is held back, up to MAX_START
        self._more: list[str] = []  # what is held back after that
        self._passed: list[str] = []  # the pieces of the current line that were returned
        self._is_safe = not self._hole.begins_line  # the current line cannot be a candidate
        self._emitted = 0
        self._indent: int | None = None  # how far right the answer begins
        self._ends: list[End] = []
        self._wait_lines, self._lines_behind = WAIT_LINES, 0

    def feed(self, text: str) -> str:
        """Return what can be passed on of the text so far."""
        ready: list[str] = []
        for piece in re.findall(r"[^\n]*\n|[^\n]+", text):
            self._take(piece, ready)
            if self.rule:
                break
        return "".join(ready)

    def finish(self, reason: FinishReason) -> str:
        """Return the rest once nothing more comes, given the reason."""
        ready: list[str] = []
        line = self._take_line("")
        if reason == "length" and line.strip():
            placed = self._placed(line)
            self._add_ends(
                placed, self._length, self._matcher.feed_unfinished(placed, self._length)
            )
            self._add_line(line)
        elif line:
            self._judge_line(line, ready)
        if not self.rule:
            if reason == "length" and (beside := self._block_ends.beside) is not None:
                self._ends.append(End(beside, "block", is_preferred=True))
            end = self._last_end(reason)
            # Cutting back later needs to know whether the last line was complete.
            is_cut = reason == "length" and not self._options.live
            whole = "".join(self._lines) if is_cut else self._text()
            self._end(end, ready) if end else ready.append(whole[self._emitted :])
        return "".join(ready)

    def _take(self, piece: str, ready: list[str]) -> None:
        """Read a piece of a line, with or without its end."""
        if piece.endswith("\n"):
            self._judge_line(self._take_line(piece), ready)
            self._passed, self._is_safe = [], False
            return
        if len(self._start) > MAX_START:
            self._more.append(piece)
        else:
            self._start += piece
        if self._is_open and (self._is_safe or not self._may_end(self._start)):
            self._is_safe = True
            text = self._start + "".join(self._more)
            body = text.rstrip(" \t")  # white space at a line's end may be the suffix's
            self._start, self._more = text[len(body) :], []
            self._pass(body, ready)

    def _take_line(self, piece: str) -> str:
        """The current line with its last piece; nothing more of it is held back then."""
        line = "".join([*self._passed, self._start, *self._more, piece])
        self._start, self._more = "", []
        return line

    def _pass(self, piece: str, ready: list[str]) -> None:
        """Return everything held back, and a piece of the current line."""
        text, self._held = "".join(self._held) + piece, []
        self._passed.append(piece)
        self._emitted += len(text)
        ready.append(text)

    def _may_end(self, start: str) -> bool:
        """Whether a line that begins like this can still be a candidate."""
        line = self._placed(start)
        return (
            not line.strip()
            or self._matcher.may_begin(line)
            or self._hole.may_leave_block(line, self._indent)
            or (self._indent is not None and self._hole.may_jump(line))
            or self._repetition.is_suspicious
            or (not self._options.is_prose and prose.may_be_talk(start))
        )

    @property
    def _is_open(self) -> bool:
        """Whether nothing suggests an end before the current line."""
        is_counting = self._repetition.count_start is not None
        is_beside = self._block_ends.beside is not None
        is_talk = self._talk.start is not None
        return not (self._ends or is_counting or is_talk or is_beside or self._matcher.waits)

    def _placed(self, line: str) -> str:
        """A line, preceded by what is before the hole if it is the first one."""
        return line if self._lines else self._hole.line_prefix + line

    def _judge_line(self, line: str, ready: list[str]) -> None:
        """Judge a complete line: it ends the text, or may, or is passed on with all before it."""
        position, text = self._length, self._placed(line).rstrip("\n")
        is_whole = self._hole.begins_line or bool(self._lines)
        self._held.append(line[sum(map(len, self._passed)) :])
        if text.strip():
            (self._find_ends if is_whole else self._matcher.skip)(text, position)
        self._add_line(line)
        if not self.rule:
            self._decide(ready)
        if text.strip() and not self.rule and self._is_open:
            held = "".join(self._held)
            body = held.removesuffix("\n")
            self._held = [held[len(body) :]]
            self._emitted += len(body)
            ready.append(body)

    def _add_line(self, line: str) -> None:
        if self._indent is None and line.strip():
            self._indent = self._hole.answer_indent(self._placed(line), is_first=not self._lines)
        self._lines.append(line)
        self._length += len(line)

    def _find_ends(self, line: str, position: int) -> None:
        """Record what suggests an end at a line, or within it."""
        is_end = self._add_ends(line, position, self._matcher.feed(line, position))
        if not is_end and self._indent is not None and self._hole.may_jump(line):
            self._ends.append(End(position, "unreachable"))
        if self._repetition.feed(line, position):
            self._ends.append(End(position, "repetition", is_preferred=True))
        if not self._options.is_prose:
            is_certain = self._talk.feed(line, position, "".join(self._lines), self._ends)
            self._lines_behind = self._wait_lines if is_certain else self._lines_behind

    def _add_ends(self, line: str, position: int, start: int | None) -> bool:
        """Record whether the suffix begins at `start`, or else the block ended before a line.

        Drops earlier candidates that turned out wrong.
        """
        block_end = self._block_ends.feed(line, position, self._indent)
        self._ends = possible_ends.standing_ends(self._ends, self._matcher.may_stand)
        if start is not None:
            self._ends.append(End(start, "suffix", block_end is not None))
        elif block_end is not None:
            is_early = len(self._ends) < MAX_EARLY_ENDS
            is_strong = is_early and self._hole.is_past(line, "".join(self._lines), self._check)
            self._ends.append(End(block_end, "block", True, is_strong))
        return start is not None or block_end is not None

    def _decide(self, ready: list[str]) -> None:
        """Take an end if one is certain, or has been waited for long enough."""
        self._lines_behind += bool(self._ends)
        certain = self._matcher.certain()
        if not (certain or self._is_overdue()):
            return
        self._ends, waiting = divide_ends(self._ends, "".join(self._lines), self._check)
        if certain and self._ends:
            end = next((end for end in self._ends if end.position >= certain.position), None)
            if end and self._is_no_worse(end):
                self._end(self._before_second_block(end), ready)
                return
            self._matcher.matches.remove(certain)
        closes = self._hole.suffix_closes  # or its first line may begin something not complete yet
        ends = [end for end in self._ends if closes or end.is_preferred or end.rule != "suffix"]
        if ends and self._is_overdue():
            best = possible_ends.best_end(ends, self._errors)
            fewest, whole = self._errors(best), self._check.errors(self._text())
            if fewest < whole or (fewest == whole and best.is_preferred):
                jump_end = self._before_jump(self._text(best.position))
                self._end(jump_end or best, ready)
                return
            self._ends = [end for end in self._ends if end not in ends]
        self._ends += waiting
        if self._is_overdue():
            self._lines_behind = 0
            self._wait_lines *= 2

    def _is_overdue(self) -> bool:
        """Whether a candidate has been waited for long enough, and nothing more is in progress."""
        is_undecided = bool(self._matcher.matches) or self._block_ends.beside is not None
        return self._lines_behind > self._wait_lines and not is_undecided

    def _last_end(self, reason: FinishReason) -> End | None:
        """The end to take once nothing more comes, or None to keep all of the answer."""
        check, text = self._check, self._text()
        if self._ends:
            self._ends, waiting = divide_ends(self._ends, "".join(self._lines), check)
            self._ends += [end for end in waiting if end.rule == "repetition"]
        if reason == "length" and (start := self._repetition.count_start) is not None:
            self._ends.append(End(start, "repetition", is_preferred=True))
        match, whole = self._matcher.likely(), check.errors(text)
        if not match and (weak := next(iter(self._matcher.matches), None)):
            is_sounder = check.errors(self._text(weak.position)) < whole
            match = weak if reason == "length" or is_sounder else None
        suffixes = (end for end in self._ends if end.rule == "suffix")
        match_end = next((e for e in suffixes if match and e.position >= match.position), None)
        if reason == "cancelled":
            return None
        if match_end and self._is_no_worse(match_end):
            return self._before_second_block(match_end)
        if check.is_as_sound(text):
            if jump_end := self._before_jump(text):
                return jump_end
            if reason == "stop":
                strong = (end for end in self._ends if end.is_strong)
                return next((end for end in strong if self._errors(end) <= whole), None)
        if self._ends:
            best = possible_ends.best_end(self._ends, self._errors)
            errors = self._errors(best)
            if reason == "length" and (errors < whole or (errors == whole and best.is_preferred)):
                return self._before_jump(self._text(best.position)) or best
            if reason == "stop" and errors <= check.errors_before:
                return best
        rest = check.cut_back(text, is_whole=True) if reason == "stop" else None
        if rest and len(rest) >= self._emitted:
            return End(len(rest), "surplus")
        return None

    def _before_second_block(self, end: End) -> End:
        repeats = partial(self._hole.begins_again, "".join(self._lines), self._indent)
        return possible_ends.before_second_block(self._ends, end, repeats, self._errors)

    def _is_no_worse(self, end: End) -> bool:
        """Whether the file is as sound with an end as it was, or as with all of the text."""
        errors = self._errors(end)
        return errors <= self._check.errors_before or errors <= self._check.errors(self._text())

    def _before_jump(self, text: str) -> End | None:
        """The end before a jump that keeps the suffix from being reached, or None without one."""
        rest = self._check.without_jump(text)
        return End(len(rest), "unreachable") if rest and len(rest) >= self._emitted else None

    def _errors(self, end: End) -> int:
        return self._check.errors(self._text(end.position))

    def _end(self, end: End, ready: list[str]) -> None:
        self.rule = end.rule
        text = self._text(end.position)
        if end.rule != "suffix":
            text = self._hole.without_blank_lines(text)
        ready.append(text[self._emitted :])

    def _text(self, end: int | None = None) -> str:
        """All complete lines, or the text up to a position in them."""
        return self._hole.without_gap("".join(self._lines)[:end])
