"""The report for people, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sadpath.pages import templates
from sadpath.verdict.verdict import Verdict
from sadpath.watch.report.charts import chart_script, colours_of, memory_name, panels, with_rows
from sadpath.watch.report.rows import Row
from sadpath.watch.run import VERSION_NAMES, Run

_TEMPLATES = templates("sadpath.watch.report")


def report_page(run: Run, rows: Sequence[Row]) -> str:
    """Return one self-contained page: verdicts, charts, missing samples, conditions. It needs no network.

    `rows` are those of the run.
    """
    colour_of = colours_of(run)
    return _TEMPLATES.get_template("report.html").render(
        run=run,
        memory=memory_name(anonymous=run.is_anonymous),
        retained=_retained_by_error,
        facts=_facts(run),
        colours=colour_of,
        gaps=_gaps(run),
        restarts=[row for row in rows if row["restarted"]],
        specs=[
            with_rows(chart, rows)
            for figure, chart in panels(colour_of, anonymous=run.is_anonymous).items()
            if _has(rows, figure)
        ],
        vega=chart_script(),
    )


def _retained_by_error(verdict: Verdict) -> list[str]:
    """Return a sentence for each exception whose traceback grows."""
    return [f"{error} retains {entries:,.1f} entries per request" for error, entries in verdict.errors.items()]


@dataclass
class Gap:
    """Missing samples of one arm, one after the other, for one reason."""

    arm: str
    reason: str
    first_s: float
    last_s: float
    samples: int = 1


def _gaps(run: Run) -> list[Gap]:
    """Return the missing samples, those that follow each other together: a service may be away for hours."""
    gaps: list[Gap] = []
    open_of: dict[str, Gap] = {}
    for sample in run.samples:
        gap = open_of.get(sample.arm)
        if sample.reading:
            open_of.pop(sample.arm, None)
        elif gap and gap.reason == sample.missing:
            gap.last_s, gap.samples = sample.elapsed_s, gap.samples + 1
        else:
            gaps.append(Gap(sample.arm, sample.missing, sample.elapsed_s, sample.elapsed_s))
            open_of[sample.arm] = gaps[-1]
    return gaps


def _has(rows: Sequence[Row], figure: str) -> bool:
    return any(row[figure] is not None for row in rows)


def _facts(run: Run) -> dict[str, str]:
    """Return the conditions of a run for a table, those that are known."""
    conditions = run.conditions
    warm_up = f", of which {conditions.warm_up_s:g} s warm-up" if conditions.warm_up_s else ""
    rates = {arm: run.requests_per_second(arm) for arm in run.arms}
    facts = {
        "started": conditions.started,
        "duration": f"{run.duration_s:,.0f} s{warm_up}",
        "load": ", ".join(f"{arm} {rate:,.0f} requests per second" for arm, rate in rates.items() if rate),
        "users": f"{conditions.users:,}" if conditions.users else "",
        "command": conditions.command,
        "sent from": conditions.host,
        **{f"address of {name}": url for name, url in conditions.services.items()},
        "Sadpath": conditions.sadpath,
    }
    versions = {
        VERSION_NAMES.get(name, name): version or "not installed" for name, version in conditions.environment.items()
    }
    return {**{name: fact for name, fact in facts.items() if fact}, **versions}
