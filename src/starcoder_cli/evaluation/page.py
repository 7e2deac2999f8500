"""A run as one self-contained HTML page: scores, charts, and every answer."""

from collections.abc import Iterator, Sequence
from html import escape

from starcoder_cli.evaluation.charts import render_result_chart, render_score_chart
from starcoder_cli.evaluation.metrics import is_exact_match
from starcoder_cli.evaluation.summary import (
    JsonObject,
    ProblemGroup,
    ProblemResult,
    ScoreRow,
    Scores,
)
from starcoder_cli.system.counting import counted
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
MAX_PREFIX_LINES = 12
PAGE_MARK = b'<meta name="generator" content="starcoder eval">'
"""Tells a page from a file of the user's."""


def render_page(scores: Scores, rows: Sequence[ScoreRow]) -> str:
    """Render the page; text from models and users is escaped."""
    title = f"{scores.benchmark.title}: {scores.settings.model}"
    body = "\n".join(
        [
            f"<h1>{escape_text(title)}</h1>",
            f'<p class="sub">{escape_text(describe_run(scores))}</p>',
            *render_charts(scores, rows),
            "<h2>Scores</h2>",
            render_score_table(rows),
            "<h2>How it was asked</h2>",
            render_settings(scores),
            '<section id="answers">\n<h2>Every answer</h2>',
            *(render_group_answers(group) for group in scores.groups),
            "</section>",
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{PAGE_MARK.decode()}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape_text(title)}</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def escape_text(text: str) -> str:
    """Escape a text for a page, making hidden characters visible."""
    return escape(sanitize(text))


def describe_run(scores: Scores) -> str:
    """Describe the run in a sentence."""
    run_settings = scores.settings
    count = sum(len(group.results) for group in scores.groups)
    decoding = f"temperature {run_settings.temperature:g}" if run_settings.temperature else "greedy"
    samples_text = f"{run_settings.samples} answers each, " if run_settings.samples > 1 else ""
    tokens = counted(run_settings.max_tokens, "token")
    return f"{counted(count, 'problem')}, {samples_text}{decoding}, at most {tokens}"


def render_charts(scores: Scores, score_rows: Sequence[ScoreRow]) -> Iterator[str]:
    """Render a chart for each metric that we have scores for, and one of the results."""
    for metric in dict.fromkeys(
        score_row.metric for score_row in score_rows if not score_row.source
    ):
        metric_rows = [score_row for score_row in score_rows if score_row.metric == metric]
        yield f"<h2>{escape_text(metric)}</h2>\n{render_score_chart(metric_rows)}"
    judged_groups = [
        group for group in scores.groups if any(result.verdicts for result in group.results)
    ]
    if judged_groups:
        yield f"<h2>How the answers ended</h2>\n{render_result_chart(judged_groups)}"


def render_score_table(score_rows: Sequence[ScoreRow]) -> str:
    """Render the scores as a table, with our own marked."""
    heading_cells = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    rows = "\n".join(map(render_score_row, score_rows))
    return f'<div class="scroll"><table>\n<tr>{heading_cells}</tr>\n{rows}\n</table></div>'


def render_score_row(score_row: ScoreRow) -> str:
    """Render a score as a table row."""
    problem_count = "" if score_row.problem_count is None else str(score_row.problem_count)
    cells = (
        f"<td>{escape_text(score_row.group)}</td><td>{escape_text(score_row.metric)}</td>"
        f'<td class="n">{score_row.percent}</td><td class="n">{score_row.interval_text}</td>'
        f'<td class="n">{problem_count}</td><td>{escape_text(score_row.model)}</td>'
        f'<td class="wide">{escape_text(score_row.source)}</td>'
    )
    return f"<tr>{cells}</tr>" if score_row.source else f'<tr class="own">{cells}</tr>'


def render_settings(scores: Scores) -> str:
    """Render the settings of the run."""
    shown_settings = {**vars(scores.settings), "engine": scores.engine}
    shown_settings |= {name: f"left out: {reason}" for name, reason in scores.skipped.items()}
    pairs = (
        f"<dt>{escape_text(name)}</dt><dd>{escape_text(str(value))}</dd>"
        for name, value in shown_settings.items()
    )
    return f"<dl>{''.join(pairs)}</dl>"


def render_group_answers(group: ProblemGroup) -> str:
    """Render the answers of a group, each folded under its problem."""
    details = "\n".join(
        render_answer(result, index)
        for result in group.results
        for index in range(len(result.answers))
    )
    return f"<h3>{escape_text(group.name)}</h3>\n{details}"


def render_answer(problem_result: ProblemResult, index: int) -> str:
    """Render an answer after the end of its prompt, with its result."""
    record = problem_result.answers[index]
    verdict: JsonObject = problem_result.verdicts[index] if problem_result.verdicts else {}
    outcome = str(verdict.get("result", ""))
    css_class = "passed" if verdict.get("passed") is True else "failed"
    prefix_end = "\n".join(problem_result.problem.prefix.split("\n")[-MAX_PREFIX_LINES:])
    detail = str(verdict.get("detail", ""))
    parts = [
        f"<pre>{escape_text(prefix_end)}</pre>",
        f"<pre><b>{escape_text(problem_result.answer_texts[index])}</b></pre>",
    ]
    reference = problem_result.problem.reference
    if reference and not is_exact_match(problem_result.answer_texts[index], reference):
        parts.append(f"<p>The author wrote:</p><pre>{escape_text(reference)}</pre>")
    if detail:
        parts.append(f"<p>{escape_text(detail)}</p>")
    name = escape_text(problem_result.problem.name)
    summary = f'{name} <b class="{css_class}">{escape_text(outcome)}</b>'
    cost_html = f"<span>{format_token_cost(record)}</span>"
    return f"<details><summary>{summary}{cost_html}</summary>{''.join(parts)}</details>"


def format_token_cost(record: JsonObject) -> str:
    """Format the number of an answer's tokens, and the time it took."""
    token_counts, seconds = record.get("tokens"), record.get("seconds")
    if not isinstance(token_counts, dict) or not isinstance(seconds, dict):
        return ""
    return f"{token_counts.get('completion')} tokens, {seconds.get('total')} s"
