"""*The divergence*: the two arms of the lab side by side, made to be read from the last row of a hall."""

from __future__ import annotations

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
LIMIT = f"process_memory_limit_bytes{ARMS}"
START = f"process_start_time_seconds{ARMS}"
ERRORS = f"sum by (arm) (rate(sadpath_errors_raised_total{ARMS}[{WINDOW}]))"
IN_ONE_LIFE = f"time() - {START} > {WINDOW_S}"
"""A slope over a window is one life's only if the process is older than the window: two lives are never joined."""


def dashboard() -> Dashboard:
    """Return the whole dashboard: the news on top, why below, the instruments' own figures last."""
    built = board(
        "The divergence",
        "sadpath-divergence",
        "Two copies of one service under the same load. One raises an error object that was built once, the other "
        "builds a fresh one for each raise.",
        [*_headline(), *_memory(), *_harm(), *_collector(), *_load()],
    )
    for annotation in _annotations():
        built.annotation(annotation)
    return built.build()


def _headline() -> list[Panel]:
    reused, factory = (f'process_resident_memory_bytes{{job="lab",arm="{arm}"}}' for arm in COLOURS)
    return [
        filled(
            figure(
                Words("Reused error", "Resident memory now of the arm that raises the same object again and again."),
                At(0, 0, 8, 6),
                "bytes",
                Query(reused, "reused"),
                SOURCE,
            ),
            COLOURS["reused"],
        ),
        filled(
            figure(
                Words("Fresh error", "Resident memory now of the arm that builds a new object for each raise."),
                At(8, 0, 8, 6),
                "bytes",
                Query(factory, "factory"),
                SOURCE,
            ),
            COLOURS["factory"],
        ),
        filled(
            figure(
                Words("The factor between them", "The memory of the reused arm, divided by that of its twin."),
                At(16, 0, 8, 6),
                "suffix:\N{MULTIPLICATION SIGN}",
                Query(f"{reused} / on () {factory}", ""),
                SOURCE,
            ),
            GREY,
        ).decimals(1),
    ]


def _memory() -> list[Panel]:
    seconds_left = f"({LIMIT} - {MEMORY}) / deriv({MEMORY}[{WINDOW}])"
    return [
        in_colour(
            dashed(
                graph(
                    Words(
                        "Memory",
                        "Resident memory of both arms, and the limit at which the kernel kills the process. A mark "
                        "shows where a process was started again.",
                    ),
                    At(0, 6, 16, 10),
                    Axis("bytes", "resident memory"),
                    [Query(MEMORY, "{{arm}}"), Query(f"max({LIMIT})", "limit")],
                    SOURCE,
                ).line_width(4),
                "/^limit/",
            ),
            "/^limit/",
            RED,
        ),
        sentences(
            Words("What you see", "The experiment in two sentences."),
            At(16, 6, 8, 5),
            "## Same service, same requests, same rate.\n\n## Each raise of a **reused** exception links one more "
            "traceback to it, and **nothing ever lets go**.",
        ),
        figure(
            Words(
                "Until the limit, at this rate",
                f"How long until the memory meets its limit if it goes on as in the last {WINDOW}. Only an arm for "
                "which that is less than an hour away is named.",
            ),
            At(16, 11, 8, 5),
            "s",
            Query(f"(({seconds_left}) > 0) < 3600 and ({IN_ONE_LIFE})", "{{arm}}"),
            SOURCE,
        )
        .decimals(0)
        .no_value("no end in sight"),
    ]


def _harm() -> list[Panel]:
    def quantile(share: float) -> str:
        return (
            f"histogram_quantile({share}, sum by (arm, le) (rate(locust_response_time_seconds_bucket[{WINDOW}]))) >= 0"
        )

    pinned = [
        Query(f"sum by (arm) (sadpath_traceback_entries{ARMS})", "{{arm}} entries"),
        Query(f"sum by (arm) (sadpath_pinned_frames{ARMS})", "{{arm}} frames"),
    ]
    per_error = (
        f"sum by (arm) (deriv(process_unique_memory_bytes{ARMS}[{WINDOW}]) and ({IN_ONE_LIFE})) / ({ERRORS} > 0)"
    )
    return [
        dashed(
            graph(
                Words(
                    "What the errors hold",
                    "Traceback entries of the reused error objects, and the frames that these keep; counted, by a "
                    "census inside the process. A frame keeps its locals: a request's data.",
                ),
                At(0, 16, 8, 8),
                Axis("short", "objects"),
                pinned,
                SOURCE,
            ),
            "/frames/",
        ),
        graph(
            Words(
                "Kept per error",
                f"How much memory each error adds: growth of the process's own memory over {WINDOW}, divided by the "
                "errors raised meanwhile.",
            ),
            At(8, 16, 8, 8),
            Axis("bytes", "for each error"),
            [Query(per_error, "{{arm}}")],
            SOURCE,
        ),
        dashed(
            graph(
                Words(
                    "Response times",
                    "As Locust's users see them: half of the requests are faster than p50, one in a hundred is "
                    "slower than p99. Each full collection walks the whole pile, and every request waits for it.",
                ),
                At(16, 16, 8, 8),
                Axis("s", "response time"),
                [Query(quantile(0.99), "{{arm}} p99"), Query(quantile(0.5), "{{arm}} p50")],
                SOURCE,
            ),
            "/p50/",
        ),
    ]


def _collector() -> list[Panel]:
    stopped = f"sum by (arm) (rate(python_gc_pause_seconds_sum{ARMS}[{WINDOW}]))"
    freed = f"sum by (arm) (rate(python_gc_objects_collected_total{ARMS}[{WINDOW}]) and on (instance) ({IN_ONE_LIFE}))"
    full = '{job="lab",generation="2"}'
    return [
        graph(
            Words(
                "Stopped by the collector",
                "The share of the time in which Python's garbage collector stops the process.",
            ),
            At(0, 24, 8, 7),
            Axis("percentunit", "share of the time"),
            [Query(stopped, "{{arm}}")],
            SOURCE,
        ),
        graph(
            Words("Full collections", "Collections of the oldest generation within the last minute."),
            At(8, 24, 8, 7),
            Axis("short", "a minute"),
            [Query(f"sum by (arm) (increase(python_gc_collections_total{full}[1m]))", "{{arm}}")],
            SOURCE,
        ),
        graph(
            Words(
                "What the collector frees",
                "Objects that it could free, a second. It stays flat, and that is the point: the pile is reachable, "
                "from a constant, so it is no garbage. What the start of a process leaves is not drawn.",
            ),
            At(16, 24, 8, 7),
            Axis("short", "objects a second"),
            [Query(freed, "{{arm}}")],
            SOURCE,
        ),
    ]


def _load() -> list[Panel]:
    requests = f"sum by (arm) (rate(http_requests_total{ARMS}[{WINDOW}]))"
    failures = f"sum by (arm) (rate(locust_failures_total[{WINDOW}]))"
    return [
        dashed(
            graph(
                Words(
                    "Requests and errors",
                    "What each arm answers a second, and the errors raised for that. Both arms get the same; every "
                    "request ends in an error, as it should.",
                ),
                At(0, 31, 12, 7),
                Axis("reqps", "a second"),
                [Query(requests, "{{arm}} requests"), Query(ERRORS, "{{arm}} errors")],
                SOURCE,
            ),
            "/errors/",
        ),
        in_colour(
            graph(
                Words(
                    "Locust",
                    "Its users, and the answers a second that were not the expected error. None is as it should be; "
                    "some while an arm is down.",
                ),
                At(12, 31, 12, 7),
                Axis("short", "users, failures a second"),
                [Query("locust_users", "users"), Query(failures, "{{arm}} failures a second")],
                SOURCE,
            ),
            "/^users/",
            GREY,
        ),
    ]


def _annotations() -> list[Annotation]:
    """Tell the two ways to be started again apart by how near the memory was to its limit just before.

    Only the first seconds of a life look back at the one before it, which ended some seconds earlier.
    """
    began = f"({START} * 1000) and changes({START}[10m]) > 0 and (time() - {START} < 8)"
    starved = f"max_over_time({MEMORY}[10s]) > 0.85 * {LIMIT}"
    return [
        Annotation("Killed for its memory", SOURCE, RED, Query(f"{began} and {starved}", "{{arm}} ran out of memory")),
        Annotation("Started again", SOURCE, GREY, Query(f"({began}) unless {starved}", "{{arm}} started again")),
    ]
