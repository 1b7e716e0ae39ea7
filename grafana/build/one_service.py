"""*One service*: the same view of any service with the standard metrics, to be imported at home."""

from __future__ import annotations

from functools import partial

from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.models.dashboard import Dashboard, VariableRefresh, VariableSort

from grafana.build.panels import (
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
    graph,
    in_colour,
    sentences,
    source,
)

SOURCE = "${datasource}"
"""A variable, since at home the Prometheus has another uid."""

ONE = 'job="$job",instance=~"$instance"'
MEMORY = f"process_resident_memory_bytes{{{ONE}}}"
START = f"process_start_time_seconds{{{ONE}}}"
RATE = "$__rate_interval"
TREND = "5m"
IN_ONE_LIFETIME = f"time() - {START} > 300"
"""A slope over five minutes is one lifetime's only if the process is older than that."""

BY_INSTANCE = "{{instance}}"

_graph = partial(graph, uid=SOURCE)
_figure = partial(figure, uid=SOURCE)


def dashboard() -> Dashboard:
    """Return the whole dashboard. A panel whose metric the service does not publish stays empty, and names it."""
    built = board(
        "One service",
        "sadpath-one-service",
        "Does this service keep memory for each error that it answers? Works with the standard metrics of a Prometheus "
        "client; with Sadpath's exporter it names the object.",
        [
            *(_memory_now(), _in_an_hour(), _per_error(), _up_for()),
            *(_memory(), _how_to_read_this()),
            *(_requests(), _response_times()),
            *(_freed(), _full_collections(), _stopped()),
            *(_entries(), _kept()),
        ],
    )
    for variable in _variables():
        built.with_variable(variable)
    return built.annotation(_started_again()).build()


def _variables() -> list[boards.DatasourceVariable | boards.QueryVariable]:
    def ask(name: str, query: str) -> boards.QueryVariable:
        asked = boards.QueryVariable(name).query({"query": query, "refId": name, "qryType": 1})
        asked.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
        return asked.datasource(source(SOURCE))

    return [
        boards.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        ask("job", "label_values(process_resident_memory_bytes, job)"),
        ask("instance", 'label_values(process_resident_memory_bytes{job="$job"}, instance)')
        .multi(True)  # noqa: FBT003 - the library's
        .include_all(True),  # noqa: FBT003
    ]


def _started_again() -> Annotation:
    expr = f"({START} * 1000) and changes({START}[10m]) > 0"
    return Annotation("Started again", SOURCE, GREY, Query(expr, "{{instance}} started again"))


def _rate(metric: str, labels: str = ONE, window: str = RATE) -> str:
    return f"sum by (instance) (rate({metric}{{{labels}}}[{window}]))"


def _errors(window: str) -> str:
    """Ask for the errors a second; many instrumentations have the label `status`, as 404 or as 4xx."""
    return _rate("http_requests_total", f'{ONE},status=~"[45].+"', window)


def _memory_now() -> Panel:
    return _figure(Words("Memory", "Resident memory now."), At(0, 0, 6, 5), "bytes", Query(MEMORY, BY_INSTANCE))


def _in_an_hour() -> Panel:
    words = Words("In an hour, at this rate", "Where the last five minutes lead if nothing changes.")
    query = Query(f"predict_linear({MEMORY}[{TREND}], 3600) and ({IN_ONE_LIFETIME})", BY_INSTANCE)
    return _figure(words, At(6, 0, 6, 5), "bytes", query).no_value("after five minutes")


def _per_error() -> Panel:
    words = Words(
        "Growth for each error",
        "Growth of memory over five minutes, divided by the errors (4xx and 5xx) meanwhile. Growth for another reason "
        "is in it too: compare with a time without errors.",
    )
    growth = f"sum by (instance) (deriv({MEMORY}[{TREND}]) and ({IN_ONE_LIFETIME}))"
    query = Query(f"{growth} / ({_errors(TREND)} > 0)", BY_INSTANCE)
    return _figure(words, At(12, 0, 6, 5), "bytes", query).no_value("after five minutes with errors")


def _up_for() -> Panel:
    words = Words("Up for", "Time since the process was started.")
    return _figure(words, At(18, 0, 6, 5), "s", Query(f"time() - {START}", BY_INSTANCE)).decimals(0)


def _memory() -> Panel:
    words = Words(
        "Memory against time",
        "Resident memory, and the limit where the service publishes one (sadpath_memory_limit_bytes). A line that "
        "only ever rises, and falls when the process is started again, is a leak.",
    )
    queries = [Query(MEMORY, BY_INSTANCE), Query(f"max(sadpath_memory_limit_bytes{{{ONE}}})", "limit")]
    panel = _graph(words, At(0, 5, 16, 10), Axis("bytes", "resident memory"), queries)
    return in_colour(dashed(panel, "/^limit$/"), "/^limit$/", RED)


def _how_to_read_this() -> Panel:
    return sentences(
        Words("How to read this", "What to look for."),
        At(16, 5, 8, 10),
        "**A leak on an error path** shows as memory that grows with the errors while the collector frees nothing: "
        "the pile is reachable, often from one exception object that is raised again and again.\n\n"
        "**Send it errors** at a steady rate for some minutes and watch *Growth for each error*; stop, and the "
        "line must stop too.\n\n"
        "**Which object it is**, the last two panels say, where Sadpath's exporter is in the service.",
    )


def _requests() -> Panel:
    words = Words(
        "Requests and errors",
        "Answers a second (http_requests_total), and those whose label status says 4xx or 5xx.",
    )
    queries = [
        Query(_rate("http_requests_total"), "{{instance}} requests"),
        Query(_errors(RATE), "{{instance}} errors"),
    ]
    return dashed(_graph(words, At(0, 15, 12, 8), Axis("reqps", "a second"), queries), "/errors$/")


def _response_times() -> Panel:
    words = Words("Response times", "Of all routes together (http_request_duration_seconds): p99, and p50 broken.")
    buckets = f"sum by (instance, le) (rate(http_request_duration_seconds_bucket{{{ONE}}}[{RATE}]))"
    queries = [
        Query(f"histogram_quantile({share}, {buckets}) >= 0", f"{BY_INSTANCE} {name}")  # NaN, without requests, is none
        for share, name in ((0.99, "p99"), (0.5, "p50"))
    ]
    return dashed(_graph(words, At(12, 15, 12, 8), Axis("s", "response time"), queries), "/p50$/")


def _freed() -> Panel:
    words = Words(
        "What the collector frees",
        "Objects a second (python_gc_objects_collected_total). Flat beside growing memory: the memory is reachable, "
        "and is no garbage. Rising with the errors: cycles.",
    )
    query = Query(_rate("python_gc_objects_collected_total"), BY_INSTANCE)
    return _graph(words, At(0, 23, 8, 7), Axis("short", "objects a second"), [query])


def _full_collections() -> Panel:
    words = Words("Full collections", "Of the oldest generation, within the last minute (python_gc_collections_total).")
    expr = f'sum by (instance) (increase(python_gc_collections_total{{{ONE},generation="2"}}[1m]))'
    return _graph(words, At(8, 23, 8, 7), Axis("short", "a minute"), [Query(expr, BY_INSTANCE)])


def _stopped() -> Panel:
    words = Words(
        "Stopped by the collector",
        "The share of the time in which it stops the process (sadpath_gc_pause_seconds, of Sadpath's exporter).",
    )
    query = Query(_rate("sadpath_gc_pause_seconds_sum"), BY_INSTANCE)
    return _graph(words, At(16, 23, 8, 7), Axis("percentunit", "share of the time"), [query])


def _entries() -> Panel:
    words = Words(
        "Traceback entries, by object",
        "An exception object whose entries only ever grow is raised again and again: that is proof of the leak "
        "(sadpath_traceback_entries, of Sadpath's exporter).",
    )
    query = Query(f"sadpath_traceback_entries{{{ONE}}}", "{{error}} {{instance}}")
    return _graph(words, At(0, 30, 12, 8), Axis("short", "entries"), [query])


def _kept() -> Panel:
    words = Words(
        "What they keep, by object",
        "Estimated from a sample of the frames (sadpath_retained_bytes, of Sadpath's exporter).",
    )
    query = Query(f"sadpath_retained_bytes{{{ONE}}}", "{{error}} {{instance}}")
    return _graph(words, At(12, 30, 12, 8), Axis("bytes", "retained memory"), [query])
