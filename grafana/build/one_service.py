"""*One service*: the same view of any service with the standard metrics, to be imported at home."""

from __future__ import annotations

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
IN_ONE_LIFE = f"time() - {START} > 300"
"""A slope over five minutes is one life's only if the process is older than that."""


def dashboard() -> Dashboard:
    """Return the whole dashboard. A panel whose metric the service does not publish stays empty, and names it."""
    built = board(
        "One service",
        "sadpath-one-service",
        "Does this service keep memory for each error that it answers? Works with the standard metrics of a Prometheus "
        "client; with Sadpath's exporter it names the object.",
        [*_headline(), *_memory(), *_load(), *_collector(), *_pinned()],
    )
    for variable in _variables():
        built.with_variable(variable)
    return built.annotation(_started_again()).build()


def _errors(window: str) -> str:
    """Ask for the errors a second; many instrumentations have the label `status`, as 404 or as 4xx."""
    return f'sum by (instance) (rate(http_requests_total{{{ONE},status=~"[45].+"}}[{window}]))'


def _variables() -> list[boards.DatasourceVariable | boards.QueryVariable]:
    def ask(name: str, query: str) -> boards.QueryVariable:
        asked = boards.QueryVariable(name).query({"query": query, "refId": name, "qryType": 1})
        return asked.datasource(source(SOURCE)).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(_BY_NAME)

    return [
        boards.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        ask("job", "label_values(process_resident_memory_bytes, job)"),
        ask("instance", 'label_values(process_resident_memory_bytes{job="$job"}, instance)')
        .multi(True)  # noqa: FBT003 - the library's
        .include_all(True),  # noqa: FBT003
    ]


_BY_NAME = VariableSort.ALPHABETICAL_ASC


def _headline() -> list[Panel]:
    errors = _errors(TREND)
    per_error = f"sum by (instance) (deriv({MEMORY}[{TREND}]) and ({IN_ONE_LIFE})) / ({errors} > 0)"
    return [
        figure(Words("Memory", "Resident memory now."), At(0, 0, 6, 5), "bytes", Query(MEMORY, "{{instance}}"), SOURCE),
        figure(
            Words("In an hour, at this rate", "Where the last five minutes lead if nothing changes."),
            At(6, 0, 6, 5),
            "bytes",
            Query(f"predict_linear({MEMORY}[{TREND}], 3600) and ({IN_ONE_LIFE})", "{{instance}}"),
            SOURCE,
        ).no_value("after five minutes"),
        figure(
            Words(
                "Growth for each error",
                "Growth of memory over five minutes, divided by the errors (4xx and 5xx) meanwhile. Growth for "
                "another reason is in it too: compare with a time without errors.",
            ),
            At(12, 0, 6, 5),
            "bytes",
            Query(per_error, "{{instance}}"),
            SOURCE,
        ).no_value("after five minutes"),
        figure(
            Words("Up for", "Time since the process was started."),
            At(18, 0, 6, 5),
            "s",
            Query(f"time() - {START}", "{{instance}}"),
            SOURCE,
        ).decimals(0),
    ]


def _memory() -> list[Panel]:
    limit = f"max(process_memory_limit_bytes{{{ONE}}})"
    return [
        in_colour(
            dashed(
                graph(
                    Words(
                        "Memory against time",
                        "Resident memory, and the limit where the service publishes one "
                        "(process_memory_limit_bytes). A line that only ever rises, and falls when the process is "
                        "started again, is a leak.",
                    ),
                    At(0, 5, 16, 10),
                    Axis("bytes", "resident memory"),
                    [Query(MEMORY, "{{instance}}"), Query(limit, "limit")],
                    SOURCE,
                ),
                "/^limit$/",
            ),
            "/^limit$/",
            RED,
        ),
        sentences(
            Words("How to read this", "What to look for."),
            At(16, 5, 8, 10),
            "**A leak on an error path** shows as memory that grows with the errors while the collector frees nothing: "
            "the pile is reachable, often from one exception object that is raised again and again.\n\n"
            "**Send it errors** at a steady rate for some minutes and watch *Growth for each error*; stop, and the "
            "line must stop too.\n\n"
            "**Which object it is**, the last two panels say, where Sadpath's exporter is in the service.",
        ),
    ]


def _load() -> list[Panel]:
    def quantile(share: float) -> str:
        buckets = f"http_request_duration_seconds_bucket{{{ONE}}}"
        return f"histogram_quantile({share}, sum by (instance, le) (rate({buckets}[{RATE}]))) >= 0"

    requests = f"sum by (instance) (rate(http_requests_total{{{ONE}}}[{RATE}]))"
    return [
        dashed(
            graph(
                Words(
                    "Requests and errors", "Answers a second (http_requests_total), and those with status 4xx or 5xx."
                ),
                At(0, 15, 12, 8),
                Axis("reqps", "a second"),
                [Query(requests, "{{instance}} requests"), Query(_errors(RATE), "{{instance}} errors")],
                SOURCE,
            ),
            "/errors$/",
        ),
        dashed(
            graph(
                Words("Response times", "Of all routes together (http_request_duration_seconds): p99, and p50 broken."),
                At(12, 15, 12, 8),
                Axis("s", "response time"),
                [Query(quantile(0.99), "{{instance}} p99"), Query(quantile(0.5), "{{instance}} p50")],
                SOURCE,
            ),
            "/p50$/",
        ),
    ]


def _collector() -> list[Panel]:
    def rate(metric: str) -> str:
        return f"sum by (instance) (rate({metric}[{RATE}]))"

    return [
        graph(
            Words(
                "What the collector frees",
                "Objects a second (python_gc_objects_collected_total). Flat beside growing memory: the memory is "
                "reachable, and is no garbage. Rising with the errors: cycles.",
            ),
            At(0, 23, 8, 7),
            Axis("short", "objects a second"),
            [Query(rate(f"python_gc_objects_collected_total{{{ONE}}}"), "{{instance}}")],
            SOURCE,
        ),
        graph(
            Words(
                "Full collections", "Of the oldest generation, within the last minute (python_gc_collections_total)."
            ),
            At(8, 23, 8, 7),
            Axis("short", "a minute"),
            [
                Query(
                    f'sum by (instance) (increase(python_gc_collections_total{{{ONE},generation="2"}}[1m]))',
                    "{{instance}}",
                )
            ],
            SOURCE,
        ),
        graph(
            Words(
                "Stopped by the collector",
                "The share of the time in which it stops the process (python_gc_pause_seconds, of Sadpath's exporter).",
            ),
            At(16, 23, 8, 7),
            Axis("percentunit", "share of the time"),
            [Query(rate(f"python_gc_pause_seconds_sum{{{ONE}}}"), "{{instance}}")],
            SOURCE,
        ),
    ]


def _pinned() -> list[Panel]:
    def by_error(metric: str) -> list[Query]:
        return [Query(f"{metric}{{{ONE}}}", "{{error}} {{instance}}")]

    return [
        graph(
            Words(
                "Traceback entries, by object",
                "An exception object whose entries only ever grow is raised again and again: that is proof of the leak "
                "(sadpath_traceback_entries, of Sadpath's exporter).",
            ),
            At(0, 30, 12, 8),
            Axis("short", "entries"),
            by_error("sadpath_traceback_entries"),
            SOURCE,
        ),
        graph(
            Words(
                "What they keep, by object",
                "Estimated from a sample of the frames (sadpath_pinned_bytes, of Sadpath's exporter).",
            ),
            At(12, 30, 12, 8),
            Axis("bytes", "pinned memory"),
            by_error("sadpath_pinned_bytes"),
            SOURCE,
        ),
    ]


def _started_again() -> Annotation:
    expr = f"({START} * 1000) and changes({START}[10m]) > 0"
    return Annotation("Started again", SOURCE, GREY, Query(expr, "{{instance}} started again"))
