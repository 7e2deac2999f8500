"""Whether drafts from the text itself (prompt lookup) make answers faster without changing them.

    python bench/lookup.py DATA [--engine llamacpp|openvino] [--lines N] [--others N]

DATA holds the data sets. Four kinds of work on the default model, all greedy: lines of HumanEval
that are filled, functions of it that are continued from their beginning, functions that are
rewritten with other names, as an edit would, and places in files of installed packages, whose other
files drafts may come from. Each engine runs with and without its own form of prompt lookup, prompt
by prompt; the rate is that after the first token, against the engine without any of it. Texts are
compared with those of the second way, which has no drafts either.
"""

import argparse
import os
import random
import statistics
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.engines.llamacpp import LlamaCppModel
from starcoder_cli.engines.openvino.model import OpenVinoModel
from starcoder_cli.engines.openvino.prepared import StepRows
from starcoder_cli.engines.openvino.scheduler import MAX_STEP_ROWS
from starcoder_cli.engines.openvino.sources import prepared_source
from starcoder_cli.model import Conversation, Hole, Model, Prompt, Sampling
from starcoder_cli.models.store import locate_model
from starcoder_cli.prompts.chat_formats import CHATML
from starcoder_cli.prompts.fim import FimFormat
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.stream import Completion, collect
from tasks import functions, single_lines

WINDOW = 2048
PACKAGES = "rich", "typer", "httpx", "huggingface_hub", "_pytest"
MIN_FILE_CHARACTERS, PREFIX = 4000, 4000
EDIT = "Rename every parameter of this code to begin with my_. Write all of the code again."


@dataclass(frozen=True)
class Work:
    """A prompt of one kind of work, and how many tokens its answer may have."""

    kind: str
    prompt: Prompt
    most: int


@dataclass
class Found:
    """What one way did with one kind of work."""

    gains: list[float] = field(default_factory=list)
    different: int = 0


def main() -> None:
    """Measure one engine, and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--engine", choices=("llamacpp", "openvino"), default="llamacpp")
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--others", type=int, default=10)
    options = parser.parse_args()
    path = locate_model(find_model(SMALL_MODEL))
    if path is None:
        sys.exit(f"{SMALL_MODEL} is not installed: starcoder models pull {SMALL_MODEL}")
    ways = WAYS[options.engine](path)
    print(f"\n## Prompt lookup, {options.engine}, {SMALL_MODEL}\n")
    print("| work | way | gain, median | worst | other text |\n|---|---|---|---|---|")
    works = work(options.data, options.lines, options.others)
    for kind in dict.fromkeys(each.kind for each in works):
        chosen = [each for each in works if each.kind == kind]
        for name, found in compared(ways, chosen).items():
            gain, worst = statistics.median(found.gains), min(found.gains)
            different = f"{found.different} of {len(chosen)}"
            print(f"| {kind} | {name} | {gain:.2f} | {worst:.2f} | {different} |", flush=True)
    os._exit(0)  # engines take seconds to tidy up


def work(data: Path, lines: int, others: int) -> list[Work]:
    """The prompts of all four kinds."""
    form = FIM_FORMATS["qwen2.5-coder"]
    holes = [Hole(task.prefix, task.suffix) for task in single_lines(data)[:: max(300 // lines, 1)]]
    begun = functions(data)[:others]
    edits = [
        CHATML.build_prompt(
            Conversation().with_question(f"{EDIT}\n```python\n{task.prefix}{task.reference}```")
        )
        for task in begun
    ]
    return [
        *(Work("a line", form.build_prompt(hole), 48) for hole in holes[:lines]),
        *(Work("a function", form.build_prompt(Hole(task.prefix)), 96) for task in begun),
        *(Work("an edit", prompt, 160) for prompt in edits),
        *(Work("a file of a project", prompt, 64) for prompt in projects(form, 2 * others)),
    ]


def projects(form: FimFormat, count: int) -> list[Prompt]:
    """Places in files of packages, each with other files of its folder as references."""
    site, chosen = Path(sysconfig.get_path("purelib")), random.Random(0)
    files = [path for name in PACKAGES for path in sorted((site / name).glob("*.py"))]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    long = [path for path in files if MIN_FILE_CHARACTERS < len(texts[path]) < 10 * PREFIX]
    prompts = []
    for path in chosen.sample(long, count):
        text, at = texts[path], chosen.randrange(len(texts[path]) // 2, len(texts[path]) - 400)
        at = text.rindex("\n", 0, at) + 1
        others = [texts[each] for each in long if each.parent == path.parent and each != path]
        prompt = form.build_prompt(Hole(text[max(0, at - PREFIX) : at]))
        prompts.append(replace(prompt, references=tuple(others[:8])))
    return prompts


def compared(ways: "Mapping[str, Way]", works: Sequence[Work]) -> dict[str, Found]:
    """Run each way on each prompt, in turns: its speed against the first, its text the second."""
    found = {name: Found() for name in ways}
    for each in works:
        answers = {name: way(each.prompt, Sampling(each.most)) for name, way in ways.items()}
        base, plain, *_ = answers.values()
        for name, answer in answers.items():
            found[name].gains.append(after_first(base) / max(after_first(answer), 0.001))
            found[name].different += answer.text != plain.text
    return found


def after_first(answer: Completion) -> float:
    """Seconds after the first token."""
    return answer.seconds - answer.first_token_seconds


Way = Callable[[Prompt, Sampling], Completion]


def asked(model: Model, prompt: Prompt, sampling: Sampling) -> Completion:
    """A model's answer."""
    return collect(model.stream(prompt, sampling))


def llamacpp(path: Path) -> dict[str, Way]:
    """llama.cpp without lookup, twice, and with its `ngram-simple`."""
    import xllamacpp

    make = xllamacpp.Server

    def drafting(parameters: xllamacpp.CommonParams) -> xllamacpp.Server:
        kinds = xllamacpp.common_speculative_type
        parameters.speculative.types = [kinds.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
        return make(parameters)

    plain = partial(asked, LlamaCppModel(path, WINDOW))
    with patch("xllamacpp.Server", drafting):
        lookup = partial(asked, LlamaCppModel(path, WINDOW))
    return {"without": plain, "without, again": plain, "ngram-simple 12, 48": lookup}


def openvino(path: Path) -> dict[str, Way]:
    """OpenVINO without drafts, twice, and with them when they pay off."""
    model = OpenVinoModel(prepared_source(path.parent / "openvino", path), WINDOW)

    def stepping(rows: int, prompt: Prompt, sampling: Sampling) -> Completion:
        model._scheduler.rows = StepRows(1, rows)
        return asked(model, prompt, sampling)

    def of_the_text(prompt: Prompt, sampling: Sampling) -> Completion:
        return stepping(MAX_STEP_ROWS, replace(prompt, references=()), sampling)

    return {
        "without": partial(stepping, 1),
        "without, again": partial(stepping, 1),
        "drafts of 3": of_the_text,
        "of other files too": partial(stepping, MAX_STEP_ROWS),
    }


WAYS: Mapping[str, Callable[[Path], dict[str, Way]]] = {"llamacpp": llamacpp, "openvino": openvino}

if __name__ == "__main__":
    main()
