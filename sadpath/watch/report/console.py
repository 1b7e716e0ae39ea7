"""A run for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator

from sadpath.verdict.verdict import Verdict
from sadpath.watch.run import Run

RULE_WIDTH = 80


def verdict_lines(run: Run) -> Iterator[str]:
    """Yield the verdict of each arm: one line with what was decided, and its evidence below, indented."""
    width = max(map(len, run.verdicts), default=0)
    for arm, verdict in run.verdicts.items():
        yield f"{arm:<{width}}  {verdict.outcome}: {verdict.figures}"
        yield from (f"{'':<{width}}  {line}" for line in (verdict.reason, f"measured over {verdict.basis}"))


def verdict_block(run: Run, where: str) -> str:
    """Return the verdict between two rules, for a log in which it should stand out; `where` names the report."""
    title = f"== Sadpath: {run.outcome} "
    return "\n".join([f"{title:=<{RULE_WIDTH}}", *verdict_lines(run), f"report: {where}", "=" * RULE_WIDTH])


def retained_by_error(verdict: Verdict) -> list[str]:
    """Return a sentence for each exception whose traceback grows."""
    return [f"{error} retains {entries:,.1f} entries per request" for error, entries in verdict.errors.items()]
