"""Where an answer begins to talk about itself: at a fence among code, or at a sentence."""

from starcoder_cli.postprocess import prose
from starcoder_cli.postprocess.hole_lines import HoleLines
from starcoder_cli.postprocess.possible_ends import End
from starcoder_cli.postprocess.soundness import SoundnessCheck

MIN_TEXT_WORDS = 3


class TalkEnds:
    """Reads an answer line by line."""

    def __init__(self, hole: HoleLines, check: SoundnessCheck) -> None:
        self.start: int | None = None
        """Where sentences began that only blank lines followed."""
        self._hole, self._check = hole, check

    def feed(self, line: str, position: int, before: str, ends: list[End]) -> bool:
        """Add to the ends where talk begins, given a line and the answer before it.

        Returns whether that is certain, so that nothing more has to be waited for.
        """
        mark = prose.FENCE_AFTER_CODE.search(line)
        if mark or prose.is_fence_line(line):
            start = position if self.start is None else self.start
            self.start = None
            return self._add_fence(line, position + mark.start() if mark else start, before, ends)
        if not prose.is_sentence(line):
            self.start = None
            return False
        self.start = position if self.start is None else self.start
        end = End(self.start, "explanation", is_preferred=True, is_strong=True)
        is_talk = self._is_talk(f"{before}{line}", before[: self.start])
        ends += [end] if is_talk else []
        return is_talk

    def _add_fence(self, line: str, start: int, before: str, ends: list[End]) -> bool:
        text = self._hole.without_gap(before[:start])
        is_code, indent = self._check.is_code_behind(text), line[: -len(line.lstrip())]
        is_fenced = before.lstrip().startswith(prose.FENCE_MARK)
        if not is_code and (is_fenced or any(end.rule == "fence" for end in ends)):
            ends[:] = [end for end in ends if end.rule != "fence"]  # a pair is part of a text
            return False
        is_talk = self._check.is_as_sound(text) and self._check.is_fence_talk(text, indent)
        ends += [End(start, "fence", is_preferred=is_code, is_strong=True)] if is_talk else []
        return is_talk and is_code

    def _is_talk(self, answer: str, before: str) -> bool:
        """Whether a sentence at the end of an answer is not code to a parser either.

        If nothing can be parsed, there is a blank line before it, and before that no text.
        """
        text, check = self._hole.without_gap(before), self._check
        if not check.is_code_behind(text):
            return False
        if not check.has_parser:
            lines = [line for line in before.split("\n") if line.strip()]
            return before.endswith("\n\n") and bool(lines) and not any(map(reads_as_text, lines))
        errors = check.errors(text)
        return errors <= check.errors_before and errors < check.errors(
            self._hole.without_gap(answer)
        )


def reads_as_text(line: str) -> bool:
    """Whether a line consists of words, as that of a paragraph does."""
    words = line.split()
    return len(words) >= MIN_TEXT_WORDS and sum(map(is_word, words)) > len(words) / 2


def is_word(text: str) -> bool:
    """Whether a text is a word with nothing but punctuation around it."""
    return text.strip("\"'“”‘’()*_`.,:;!?").replace("-", "").replace("'", "").isalpha()
