"""*The divergence*: the two arms of the lab side by side, made to be read from the last row of a hall."""

from __future__ import annotations

from functools import partial

from grafana_foundation_sdk.models.dashboard import Dashboard

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
    figure,
    filled,
    graph,
    in_colour,
    sentences,
)

SOURCE = "prometheus"
"""The uid of the provisioned data source."""

WINDOW_S = 15
WINDOW = f"{WINDOW_S}s"
"""Over how long a rate or a slope is taken: long enough to be steady, short enough to be seen on a stage."""

ARMS = '{job="lab"}'
MEMORY = f"process_resident_memory_bytes{ARMS}"
LIMIT = f"sadpath_memory_limit_bytes{ARMS}"
START = f"process_start_time_seconds{ARMS}"
ERRORS = f"sum by (arm) (rate(sadpath_errors_raised_total{ARMS}[{WINDOW}]))"
IN_ONE_LIFETIME = f"time() - {START} > {WINDOW_S}"
"""A slope over a window belongs to one lifetime only if the process is older than the window."""

_graph = partial(graph, uid=SOURCE)
_figure = partial(figure, uid=SOURCE)


def dashboard() -> Dashboard:
    """Return the whole dashboard: the news on top, why below, the instruments' own figures last."""
    built = board(
        "The divergence",
        "sadpath-divergence",
        "Two copies of one service under the same load. One raises an error object that was built once, the other "
        "builds a fresh one for each raise.",
        [
            *(_memory_of_reused(), _memory_of_factory(), _factor()),
            *(_memory(), _what_you_see(), _until_the_limit()),
            *(_retained(), _per_error(), _response_times()),
            *(_stopped(), _full_collections(), _freed()),
            *(_requests(), _locust()),
        ],
    )
    for annotation in _annotations():
        built.annotation(annotation)
    return built.build()


def _memory_now(arm: str) -> str:
    return f'process_resident_memory_bytes{{job="lab",arm="{arm}"}}'


def _memory_of_reused() -> Panel:
    words = Words("Reused error", "Resident memory now of the arm that raises the same object again and again.")
    return filled(_figure(words, At(0, 0, 8, 6), "bytes", Query(_memory_now("reused"), "reused")), COLOURS["reused"])


def _memory_of_factory() -> Panel:
    words = Words("Fresh error", "Resident memory now of the arm that builds a new object for each raise.")
    return filled(_figure(words, At(8, 0, 8, 6), "bytes", Query(_memory_now("factory"), "factory")), COLOURS["factory"])


def _factor() -> Panel:
    words = Words("The factor between them", "The memory of the reused arm, divided by that of its twin.")
    query = Query(f"{_memory_now('reused')} / on () {_memory_now('factory')}", "")
    return filled(_figure(words, At(16, 0, 8, 6), "suffix:\N{MULTIPLICATION SIGN}", query), GREY).decimals(1)


def _memory() -> Panel:
    words = Words(
        "Memory",
        "Resident memory of both arms, and the limit at which the kernel kills the process. A mark shows where a "
        "process was started again.",
    )
    queries = [Query(MEMORY, "{{arm}}"), Query(f"max({LIMIT})", "limit")]
    panel = _graph(words, At(0, 6, 16, 10), Axis("bytes", "resident memory"), queries).line_width(4)
    return in_colour(dashed(panel, "/^limit/"), "/^limit/", RED)


def _what_you_see() -> Panel:
    return sentences(
        Words("What you see", "The experiment in two sentences."),
        At(16, 6, 8, 5),
        "## Same service, same requests, same rate.\n\n## Each raise of a **reused** exception links one more "
        "traceback to it, and **nothing ever lets go**.",
    )


def _until_the_limit() -> Panel:
    words = Words(
        "Until the limit, at this rate",
        f"How long until the memory meets its limit if it goes on as in the last {WINDOW}. Only an arm for which that "
        "is less than an hour away is named.",
    )
    seconds_left = f"({LIMIT} - {MEMORY}) / deriv({MEMORY}[{WINDOW}])"
    query = Query(f"(({seconds_left}) > 0) < 3600 and ({IN_ONE_LIFETIME})", "{{arm}}")
    return _figure(words, At(16, 11, 8, 5), "s", query).decimals(0).no_value("no end in sight")


def _retained() -> Panel:
    words = Words(
        "What the errors hold",
        "Traceback entries of the reused error objects, and the frames that these keep; counted, by a census inside "
        "the process. A frame keeps its locals: a request's data.",
    )
    queries = [
        Query(f"sum by (arm) (sadpath_traceback_entries{ARMS})", "{{arm}} entries"),
        Query(f"sum by (arm) (sadpath_retained_frames{ARMS})", "{{arm}} frames"),
    ]
    return dashed(_graph(words, At(0, 16, 8, 8), Axis("short", "objects"), queries), "/frames/")


def _per_error() -> Panel:
    words = Words(
        "Kept per error",
        f"How much memory each error adds: growth of the process's own memory over {WINDOW}, divided by the errors "
        "raised meanwhile.",
    )
    growth = f"sum by (arm) (deriv(sadpath_anonymous_memory_bytes{ARMS}[{WINDOW}]) and ({IN_ONE_LIFETIME}))"
    query = Query(f"{growth} / ({ERRORS} > 0)", "{{arm}}")
    return _graph(words, At(8, 16, 8, 8), Axis("bytes", "for each error"), [query])


def _response_times() -> Panel:
    words = Words(
        "Response times",
        "As Locust's users see them: half of the requests are faster than p50, one in a hundred is slower than p99. "
        "Each full collection walks the whole pile, and every request waits for it.",
    )
    buckets = f"sum by (arm, le) (rate(locust_response_time_seconds_bucket[{WINDOW}]))"
    queries = [
        Query(f"histogram_quantile({share}, {buckets}) >= 0", f"{{{{arm}}}} {name}")  # NaN, without requests, is none
        for share, name in ((0.99, "p99"), (0.5, "p50"))
    ]
    return dashed(_graph(words, At(16, 16, 8, 8), Axis("s", "response time"), queries), "/p50/")


def _stopped() -> Panel:
    words = Words(
        "Stopped by the collector", "The share of the time in which Python's garbage collector stops the process."
    )
    query = Query(f"sum by (arm) (rate(sadpath_gc_pause_seconds_sum{ARMS}[{WINDOW}]))", "{{arm}}")
    return _graph(words, At(0, 24, 8, 7), Axis("percentunit", "share of the time"), [query])


def _full_collections() -> Panel:
    words = Words("Full collections", "Collections of the oldest generation within the last minute.")
    oldest = '{job="lab",generation="2"}'
    query = Query(f"sum by (arm) (increase(python_gc_collections_total{oldest}[1m]))", "{{arm}}")
    return _graph(words, At(8, 24, 8, 7), Axis("short", "a minute"), [query])


def _freed() -> Panel:
    words = Words(
        "What the collector frees",
        "Objects that it could free, a second. It stays flat, and that is the point: the pile is reachable, from a "
        "constant, so it is no garbage. What the start of a process leaves is not drawn.",
    )
    freed = f"rate(python_gc_objects_collected_total{ARMS}[{WINDOW}]) and on (instance) ({IN_ONE_LIFETIME})"
    return _graph(
        words, At(16, 24, 8, 7), Axis("short", "objects a second"), [Query(f"sum by (arm) ({freed})", "{{arm}}")]
    )


def _requests() -> Panel:
    words = Words(
        "Requests and errors",
        "What each arm answers a second, and the errors raised for that. Both arms get the same; every request ends "
        "in an error, as it should.",
    )
    requests = f"sum by (arm) (rate(http_requests_total{ARMS}[{WINDOW}]))"
    queries = [Query(requests, "{{arm}} requests"), Query(ERRORS, "{{arm}} errors")]
    return dashed(_graph(words, At(0, 31, 12, 7), Axis("reqps", "a second"), queries), "/errors/")


def _locust() -> Panel:
    words = Words(
        "Locust",
        "Its users, and the answers a second that were not the expected error. None is as it should be; some while an "
        "arm is down.",
    )
    failures = f"sum by (arm) (rate(locust_failures_total[{WINDOW}]))"
    queries = [Query("locust_users", "users"), Query(failures, "{{arm}} failures a second")]
    panel = _graph(words, At(12, 31, 12, 7), Axis("short", "users, failures a second"), queries)
    return in_colour(panel, "/^users/", GREY)


def _annotations() -> list[Annotation]:
    """Tell the two ways to be started again apart by how near the memory was to its limit just before.

    Only the first seconds of a lifetime look back at the one before it, which ended some seconds earlier.
    """
    began = f"({START} * 1000) and changes({START}[10m]) > 0 and (time() - {START} < 10)"
    starved = f"max_over_time({MEMORY}[12s]) > 0.85 * {LIMIT}"
    return [
        Annotation("Killed for its memory", SOURCE, RED, Query(f"{began} and {starved}", "{{arm}} ran out of memory")),
        Annotation("Started again", SOURCE, GREY, Query(f"({began}) unless {starved}", "{{arm}} started again")),
    ]
