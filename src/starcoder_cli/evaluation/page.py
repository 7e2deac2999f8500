"""A run as one page of HTML that needs nothing else: scores, charts, and every answer."""

from collections.abc import Iterator, Sequence
from html import escape

from starcoder_cli.evaluation.charts import ending_chart, score_chart
from starcoder_cli.evaluation.metrics import same
from starcoder_cli.evaluation.summary import Answered, Group, Mark, Record, Scores
from starcoder_cli.terminal.sanitize import sanitize

CSS = """
:root { color-scheme: light; --ink: #1b2327; --soft: #5c686d; --line: #dfe5e7; --own: #1f6f8b; }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: #fff;
  max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
p.sub { color: var(--soft); margin: 0 0 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
td.wide { white-space: normal; overflow-wrap: anywhere; color: var(--soft); font-size: .85rem; }
th { color: var(--soft); font-weight: 600; } td.n { text-align: right; white-space: nowrap; }
tr.own td { font-weight: 600; } tr.own td:first-child { border-left: 3px solid var(--own); }
svg { max-width: 100%; height: auto; } div.scroll { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
details { border-bottom: 1px solid var(--line); } summary { padding: .35rem 0; cursor: pointer; }
summary span { color: var(--soft); margin-left: .75rem; }
pre { background: #f1f4f5; border-radius: 6px; padding: .75rem; overflow-x: auto;
  font: 13px/1.5 ui-monospace, monospace; margin: .5rem 0; }
.passed { color: #2e7d4f; } .failed { color: #b4553f; }
"""
HEADINGS = ("group", "score", "per cent", "95 % within", "problems", "model", "source")
LAST_LINES = 12


def page(scores: Scores, marks: Sequence[Mark]) -> str:
    """The page; whatever a model or a user wrote is escaped in it."""
    title = f"{scores.benchmark.title}: {scores.asked.model}"
    body = "\n".join(
        [
            f"<h1>{words(title)}</h1>",
            f'<p class="sub">{words(about(scores))}</p>',
            *pictures(scores, marks),
            "<h2>Scores</h2>",
            table(marks),
            "<h2>How it was asked</h2>",
            settings(scores),
            '<section id="answers">\n<h2>Every answer</h2>',
            *(answers(group) for group in scores.groups),
            "</section>",
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{words(title)}</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def words(text: str) -> str:
    """A text as it stands in a page: escaped, with hidden characters made visible."""
    return escape(sanitize(text))


def about(scores: Scores) -> str:
    """The run in a sentence."""
    asked = scores.asked
    count = sum(len(group.answered) for group in scores.groups)
    how = f"temperature {asked.temperature:g}" if asked.temperature else "greedy"
    several = f"{asked.samples} answers each, " if asked.samples > 1 else ""
    return f"{count} problems, {several}{how}, at most {asked.max_tokens} tokens"


def pictures(scores: Scores, marks: Sequence[Mark]) -> Iterator[str]:
    """A chart for each metric that there is a score of our own for, and one of the endings."""
    for metric in dict.fromkeys(mark.metric for mark in marks if not mark.source):
        shown = [mark for mark in marks if mark.metric == metric]
        yield f"<h2>{words(metric)}</h2>\n{score_chart(shown)}"
    ran = [group for group in scores.groups if any(each.verdicts for each in group.answered)]
    if ran:
        yield f"<h2>How the answers ended</h2>\n{ending_chart(ran)}"


def table(marks: Sequence[Mark]) -> str:
    """The scores as a table, our own marked."""
    heads = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    rows = "\n".join(map(row, marks))
    return f'<div class="scroll"><table>\n<tr>{heads}</tr>\n{rows}\n</table></div>'


def row(mark: Mark) -> str:
    """A score as a row of the table."""
    count = "" if mark.problems is None else str(mark.problems)
    cells = (
        f"<td>{words(mark.group)}</td><td>{words(mark.metric)}</td>"
        f'<td class="n">{mark.per_cent}</td><td class="n">{mark.within}</td>'
        f'<td class="n">{count}</td><td>{words(mark.model)}</td>'
        f'<td class="wide">{words(mark.source)}</td>'
    )
    return f"<tr>{cells}</tr>" if mark.source else f'<tr class="own">{cells}</tr>'


def settings(scores: Scores) -> str:
    """What was asked, setting by setting."""
    told = {**vars(scores.asked), "engine": scores.engine}
    told |= {name: f"left out: {reason}" for name, reason in scores.skipped.items()}
    pairs = (f"<dt>{words(name)}</dt><dd>{words(str(value))}</dd>" for name, value in told.items())
    return f"<dl>{''.join(pairs)}</dl>"


def answers(group: Group) -> str:
    """The answers of a group, each folded under its problem."""
    each = "\n".join(
        answer(answered, at) for answered in group.answered for at in range(len(answered.answers))
    )
    return f"<h3>{words(group.name)}</h3>\n{each}"


def answer(answered: Answered, at: int) -> str:
    """An answer under the end of what it was asked for, with what became of it."""
    told = answered.answers[at]
    verdict: Record = answered.verdicts[at] if answered.verdicts else {}
    result = str(verdict.get("result", ""))
    kind = "passed" if verdict.get("passed") is True else "failed"
    before = "\n".join(answered.problem.prefix.split("\n")[-LAST_LINES:])
    detail = str(verdict.get("detail") or told.get("error") or "")
    parts = [f"<pre>{words(before)}</pre>", f"<pre><b>{words(answered.texts[at])}</b></pre>"]
    author = answered.problem.answer
    if author and not same(answered.texts[at], author):
        parts.append(f"<p>The author wrote:</p><pre>{words(author)}</pre>")
    if detail:
        parts.append(f"<p>{words(detail)}</p>")
    head = f'{words(answered.problem.name)} <b class="{kind}">{words(result)}</b>'
    cost = f"<span>{tokens(told)}</span>"
    return f"<details><summary>{head}{cost}</summary>{''.join(parts)}</details>"


def tokens(told: Record) -> str:
    """How many tokens an answer has, and in which time it was made."""
    counted, seconds = told.get("tokens"), told.get("seconds")
    if not isinstance(counted, dict) or not isinstance(seconds, dict):
        return ""
    return f"{counted.get('completion')} tokens, {seconds.get('total')} s"
