"""*The divergence*: the lab's two arms side by side, readable from the last row of a room.

The first 16 rows, which a projector of 720 lines shows, are for the audience; the rest waits in a row that opens with a
click.
"""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.build import service_panels
from grafana.build.panels import (
    COLOURS,
    GREY,
    RED,
    Annotation,
    At,
    Axis,
    More,
    Panel,
    Query,
    Words,
    board,
    filled,
    in_words,
    sentences,
)
from grafana.build.service_panels import Subject

WINDOW_S = 15
WINDOW = f"{WINDOW_S}s"
"""The window of a rate or a slope: long enough to be steady, short enough to follow the demo."""

ARMS = Subject("prometheus", 'job="lab"', "arm", WINDOW, WINDOW_S, bridge="4s")
"""Both arms; `prometheus` is the uid of the provisioned data source."""

ERRORS = ARMS.rate("sadpath_errors_raised_total")
DOWN, MEASURING, OVER_AN_HOUR = -1, -2, 3600
STATES = {DOWN: "down", MEASURING: "measuring …", OVER_AN_HOUR: "over 1 hour"}
"""Values that a figure shows as words."""


def dashboard() -> Dashboard:
    """Return the whole dashboard: the result on top, its causes below, the load last."""
    built = board(
        Words(
            "The divergence",
            "Two copies of one service under the same load. The arm `reused` raises a module-level exception instance, "
            "the arm `factory` constructs a new one per request.",
        ),
        "sadpath-divergence",
        "2m",
        [
            *(_memory_of("reused", 0), _memory_of("factory", 6), _time_to_the_limit(), _restarts()),
            *(_memory_of_both(), _entries(), _latency_of_users()),
        ],
        More(
            "More: what each error retains, the garbage collector, the load",
            16,
            [
                _what_you_see(),
                *(
                    _per_error(),
                    service_panels.freed(ARMS, At(8, 20, 8, 8)),
                    service_panels.paused(ARMS, At(16, 20, 8, 8)),
                ),
                *(service_panels.full_collections(ARMS, At(0, 28, 6, 7)), _errors_raised(), _users(), _failures()),
            ],
        ),
    )
    for annotation in _annotations():
        built.annotation(annotation)
    return built.build()


def _down(arms: Subject) -> str:
    """Return -1 for each arm that answered in the last hour, and does not now."""
    silent = f"max_over_time({arms.series('up')}[{arms.bridge}]) == 0"
    return f"(({silent}) * 0 - {-DOWN} and count_over_time({arms.start}[1h]))"


def _memory_of(arm: str, x: int) -> Panel:
    raises = {
        "reused": "raises the same module-level exception instance for every request",
        "factory": "constructs a new exception for every request",
    }
    one = replace(ARMS, selector=ARMS.series("", f'arm="{arm}"').strip("{}"))
    words = Words(f"{arm}: resident memory", f"Resident memory now of the arm that {raises[arm]}.")
    query = Query(f"{one.bridged('process_resident_memory_bytes')} or {_down(one)}", "")
    panel = in_words(one.figure(words, At(x, 0, 6, 4), "bytes", query), STATES)
    return filled(panel, COLOURS[arm]).no_value("not seen yet")


def _time_to_the_limit() -> Panel:
    words = Words(
        "Until the memory limit",
        f"How long until resident memory reaches its limit at the rate of the last {WINDOW_S} s. It is measured from "
        f"{WINDOW_S} s after the start of a process and of its errors.",
    )
    memory = ARMS.bridged("process_resident_memory_bytes")
    measured = (
        f"({ARMS.in_one_lifetime}) and on (arm) "
        f"({ARMS.total(ARMS.series('sadpath_errors_raised_total') + f' offset {WINDOW}')} > 0)"
    )
    seconds = f"((({ARMS.limit} - {memory}) / deriv({ARMS.memory}[{WINDOW}])) > 0) < {OVER_AN_HOUR}"
    expr = (
        f"{_down(ARMS)} or (({seconds}) and {measured}) or ({memory} * 0 + {OVER_AN_HOUR} and {measured}) "
        f"or {memory} * 0 - {-MEASURING}"
    )
    panel = in_words(ARMS.figure(words, At(12, 0, 6, 4), "s", Query(expr, ARMS.legend)), STATES)
    return panel.decimals(0).no_value(STATES[MEASURING])


def _restarts() -> Panel:
    words = Words("Restarts in the last hour", "How often each arm was started again: at its memory limit, or by hand.")
    query = Query(f"changes({ARMS.start}[1h])", ARMS.legend)
    return ARMS.figure(words, At(18, 0, 6, 4), "short", query).decimals(0).no_value("not seen yet")


def _memory_of_both() -> Panel:
    words = Words(
        "Same service, same requests, same rate: resident memory",
        "Resident memory of both arms, and the limit at which the process is killed. A red mark is a kill at the "
        "limit, a grey one another restart.",
    )
    return service_panels.memory(ARMS, words, At(0, 4, 16, 12)).line_width(4)


def _entries() -> Panel:
    entries = ARMS.total(ARMS.bridged("sadpath_traceback_entries"))
    return service_panels.entries(ARMS, At(16, 4, 8, 6), Query(entries, ARMS.legend))


def _latency_of_users() -> Panel:
    buckets = f"sum by (arm, le) (rate(locust_response_time_seconds_bucket[{WINDOW}]))"
    return service_panels.latency(ARMS, "As Locust's users see it.", At(16, 10, 8, 6), buckets)


def _what_you_see() -> Panel:
    return sentences(
        Words("What you see", "The experiment in two sentences."),
        At(0, 17, 24, 3),
        "Both arms answer the same requests at the same rate. Each raise of a **reused** exception adds entries to its "
        "traceback, and **nothing ever removes them**.",
    )


def _per_error() -> Panel:
    words = Words(
        "Memory retained per error",
        f"Growth of anonymous memory over {WINDOW_S} s, divided by the errors raised in the same time.",
    )
    query = Query(ARMS.growth_per_error(ARMS.series("sadpath_anonymous_memory_bytes"), ERRORS), ARMS.legend)
    return ARMS.graph(words, At(0, 20, 8, 8), Axis("bytes", "per error"), query)


def _errors_raised() -> Panel:
    words = Words(
        "Errors",
        "Errors raised by each arm per second. Every request ends in one, as expected, and both arms get the same "
        "requests: the lines lie on each other while both arms answer.",
    )
    return ARMS.graph(words, At(6, 28, 6, 7), Axis("reqps", "per second"), Query(ERRORS, ARMS.legend))


def _users() -> Panel:
    words = Words("Locust's users", "How many users send requests to both arms.")
    return ARMS.graph(words, At(12, 28, 6, 7), Axis("short", "users"), Query("locust_users", "users"))


def _failures() -> Panel:
    words = Words(
        "Failures",
        "Responses per second other than the expected error. None are expected, except while an arm restarts.",
    )
    failures = f"sum by (arm) (rate(locust_failures_total[{WINDOW}]))"
    return ARMS.graph(words, At(18, 28, 6, 7), Axis("short", "per second"), Query(failures, ARMS.legend))


def _annotations() -> list[Annotation]:
    """Distinguish the two kinds of restart by how near the memory was to its limit just before.

    Only the first 10 s of a process lifetime look back at the one before it. That may have ended some seconds before
    the new one began: a killed process has to start again. On a long range Grafana asks about a hundred times, with
    minutes between: so each answer has the last mark of five minutes. The value of a mark is its time, so a restart
    that was a kill is not marked again.
    """
    began = f"({ARMS.restarted}) and (time() - {ARMS.start} < 10)"
    starved = f"max_over_time({ARMS.memory}[25s]) > 0.85 * {ARMS.limit}"
    any_restart, killed = (f"max_over_time(({mark})[5m:1s])" for mark in (began, f"{began} and {starved}"))
    return [
        ARMS.mark("Killed at its memory limit", RED, killed, f"{ARMS.legend} reached its memory limit"),
        ARMS.mark(
            "Restarted",
            GREY,
            f"({any_restart} > {killed}) or ({any_restart} unless {killed})",
            f"{ARMS.legend} restarted",
        ),
    ]
