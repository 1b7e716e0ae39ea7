"""*The divergence*: the lab's two arms side by side, readable from the last row of a room."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.build import service_panels
from grafana.build.panels import (
    COLOURS,
    GREY,
    RED,
    Annotation,
    At,
    Axis,
    Panel,
    Query,
    Words,
    board,
    dashed,
    filled,
    in_colour,
    sentences,
)
from grafana.build.service_panels import Subject

WINDOW_S = 15
WINDOW = f"{WINDOW_S}s"
"""The window of a rate or a slope: long enough to be steady, short enough to follow the demo."""

ARMS = Subject("prometheus", 'job="lab"', "arm", WINDOW, WINDOW_S)
"""Both arms; `prometheus` is the uid of the provisioned data source."""

ERRORS = ARMS.rate("sadpath_errors_raised_total")


def dashboard() -> Dashboard:
    """Return the whole dashboard: the result on top, its causes below, the load last."""
    built = board(
        "The divergence",
        "sadpath-divergence",
        "Two copies of one service under the same load. The arm `reused` raises a module-level exception instance, the "
        "arm `factory` constructs a new one per request.",
        [
            *(_memory_of("reused", 0), _memory_of("factory", 8), _ratio()),
            *(_memory(), _what_you_see(), _time_to_the_limit()),
            *(_retained(), _per_error(), _latency()),
            *_garbage_collector(),
            *(_requests(), _locust()),
        ],
    )
    for annotation in _annotations():
        built.annotation(annotation)
    return built.build()


def _memory_now(arm: str) -> str:
    return ARMS.series("process_resident_memory_bytes", f'arm="{arm}"')


def _memory_of(arm: str, x: int) -> Panel:
    raises = {
        "reused": "raises the same module-level exception instance for every request",
        "factory": "constructs a new exception for every request",
    }
    words = Words(f"{arm}: resident memory", f"Resident memory now of the arm that {raises[arm]}.")
    return filled(ARMS.figure(words, At(x, 0, 8, 6), "bytes", Query(_memory_now(arm), arm)), COLOURS[arm])


def _ratio() -> Panel:
    words = Words("reused / factory", "The resident memory of `reused`, divided by that of `factory`.")
    query = Query(f"{_memory_now('reused')} / on () {_memory_now('factory')}", "")
    return filled(ARMS.figure(words, At(16, 0, 8, 6), "suffix:\N{MULTIPLICATION SIGN}", query), GREY).decimals(1)


def _memory() -> Panel:
    words = Words(
        "Resident memory",
        "Resident memory of both arms, and the limit at which the process is killed. A mark shows each restart.",
    )
    return service_panels.memory(ARMS, words, At(0, 6, 16, 10)).line_width(4)


def _what_you_see() -> Panel:
    return sentences(
        Words("What you see", "The experiment in two sentences."),
        At(16, 6, 8, 5),
        "## Same service, same requests, same rate.\n\n## Each raise of a **reused** exception adds entries to its "
        "traceback, and **nothing ever removes them**.",
    )


def _time_to_the_limit() -> Panel:
    words = Words(
        "Time to the memory limit",
        f"How long until resident memory reaches its limit at the rate of the last {WINDOW_S} s. Shows only an arm "
        "with less than an hour left.",
    )
    seconds_left = f"({ARMS.limit} - {ARMS.memory}) / deriv({ARMS.memory}[{WINDOW}])"
    query = Query(f"(({seconds_left}) > 0) < 3600 and ({ARMS.in_one_lifetime})", ARMS.legend)
    return ARMS.figure(words, At(16, 11, 8, 5), "s", query).decimals(0).no_value("over 1 hour, or unknown")


def _retained() -> Panel:
    words = Words(
        "Retained by the errors",
        "Traceback entries of the reused exceptions, and the frames that these retain, counted inside the process. A "
        "frame retains its locals: a request's data.",
    )
    queries = [
        Query(ARMS.total(ARMS.series(metric)), f"{ARMS.legend} {name}")
        for metric, name in (("sadpath_traceback_entries", "entries"), ("sadpath_retained_frames", "frames"))
    ]
    return dashed(ARMS.graph(words, At(0, 16, 8, 8), Axis("short", "objects"), *queries), "/frames$/")


def _per_error() -> Panel:
    words = Words(
        "Memory retained per error",
        f"Growth of anonymous memory over {WINDOW_S} s, divided by the errors raised in the same time.",
    )
    query = Query(ARMS.growth_per_error(ARMS.series("sadpath_anonymous_memory_bytes"), ERRORS), ARMS.legend)
    return ARMS.graph(words, At(8, 16, 8, 8), Axis("bytes", "per error"), query)


def _latency() -> Panel:
    words = Words(
        "Latency",
        "As Locust's users see it: half of the requests are faster than p50, one in a hundred is slower than p99. A "
        "full collection visits all retained objects, and every request waits for it.",
    )
    buckets = f"sum by (arm, le) (rate(locust_response_time_seconds_bucket[{WINDOW}]))"
    return service_panels.latency(ARMS, words, At(16, 16, 8, 8), buckets)


def _garbage_collector() -> list[Panel]:
    """Show no objects freed in a process's first seconds: they are what its start leaves."""
    freed = f"rate({ARMS.series('python_gc_objects_collected_total')}[{WINDOW}])"
    return [
        service_panels.paused(ARMS, At(0, 24, 8, 7)),
        service_panels.full_collections(ARMS, At(8, 24, 8, 7)),
        service_panels.freed(ARMS, At(16, 24, 8, 7), ARMS.total(f"{freed} and on (instance) ({ARMS.in_one_lifetime})")),
    ]


def _requests() -> Panel:
    words = Words(
        "Requests and errors",
        "Responses of each arm per second, and the errors raised for them. Both arms get the same requests, and every "
        "request ends in an error, as expected.",
    )
    return service_panels.requests(ARMS, words, At(0, 31, 12, 7), ERRORS)


def _locust() -> Panel:
    words = Words(
        "Locust",
        "Users, and failures per second: responses other than the expected error. None are expected, except while an "
        "arm restarts.",
    )
    failures = f"sum by (arm) (rate(locust_failures_total[{WINDOW}]))"
    queries = [Query("locust_users", "users"), Query(failures, f"{ARMS.legend} failures per second")]
    panel = ARMS.graph(words, At(12, 31, 12, 7), Axis("short", "users, failures per second"), *queries)
    return in_colour(panel, "/^users$/", GREY)


def _annotations() -> list[Annotation]:
    """Distinguish the two kinds of restart by how near the memory was to its limit just before.

    Only the first 10 s of a process lifetime look back at the one before it. That may have ended some seconds before
    the new one began: a killed process has to start again.
    """
    began = f"{ARMS.restarted} and (time() - {ARMS.start} < 10)"
    starved = f"max_over_time({ARMS.memory}[25s]) > 0.85 * {ARMS.limit}"
    return [
        ARMS.mark(
            "Killed at its memory limit", RED, f"{began} and {starved}", f"{ARMS.legend} reached its memory limit"
        ),
        ARMS.mark("Restarted", GREY, f"({began}) unless {starved}", f"{ARMS.legend} restarted"),
    ]
