"""*One service*: the same view of any service with the standard metrics, to import into your own Grafana."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import Dashboard, VariableRefresh, VariableSort

from grafana.build import service_panels
from grafana.build.panels import GREY, At, Axis, More, Panel, Query, Words, board, dashed, sentences, source
from grafana.build.service_panels import Subject

ONE = Subject(
    "${datasource}", 'job="$job",instance=~"$instance"', "instance", "$__rate_interval", 300, min_interval="15s"
)
"""The chosen instances; the data source is a variable, since your Prometheus has its own uid."""


def dashboard() -> Dashboard:
    """Return the whole dashboard. A panel whose metric the service does not publish is empty, and names the metric."""
    built = board(
        Words(
            "One service",
            "Does this service retain memory for each error? Works with the standard metrics of a Prometheus client; "
            "with Sadpath's exporter it names the exception object.",
        ),
        "sadpath-one-service",
        "30m",
        [
            *(_memory_now(), _in_one_hour(), _growth_per_error(), _uptime()),
            *(_memory_over_time(), _how_to_read_this()),
            *(_entries_by_object(), _bytes_by_object()),
        ],
        More(
            "More: requests, latency, the garbage collector",
            16,
            [
                *(_requests_and_errors(), _latency_of_all_routes()),
                service_panels.freed(ONE, At(0, 25, 8, 7)),
                service_panels.full_collections(ONE, At(8, 25, 8, 7)),
                service_panels.paused(ONE, At(16, 25, 8, 7)),
            ],
        ),
    )
    for variable in _variables():
        built.with_variable(variable)
    return built.annotation(ONE.mark("Restarted", GREY, ONE.restarted, f"{ONE.legend} restarted")).build()


def _variables() -> list[boards.DatasourceVariable | boards.QueryVariable]:
    def ask(name: str, query: str) -> boards.QueryVariable:
        asked = boards.QueryVariable(name).query({"query": query, "refId": name, "qryType": 1})
        asked.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
        return asked.datasource(source(ONE.source))

    return [
        boards.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        ask("job", "label_values(process_resident_memory_bytes, job)"),
        ask("instance", 'label_values(process_resident_memory_bytes{job="$job"}, instance)').multi(True),  # noqa: FBT003 - the library's; without a choice for all, Grafana begins with the first
    ]


def _errors(window: str) -> str:
    """Return the errors per second; many instrumentations have the label `status`, as 404 or as 4xx."""
    return ONE.rate("http_requests_total", 'status=~"[45].+"', window=window)


def _figure(words: Words, at: At, unit: str, query: Query) -> stat.Panel:
    """Return a figure in the colour of text: pale yellow is hard to read on white."""
    return ONE.figure(words, at, unit, query).color_mode(BigValueColorMode.NONE)


def _memory_now() -> Panel:
    return _figure(
        Words("Resident memory", "Resident memory now."), At(0, 0, 6, 4), "bytes", Query(ONE.memory, ONE.legend)
    )


def _in_one_hour() -> Panel:
    words = Words("Resident memory in one hour", "The prediction if memory grows as in the last five minutes.")
    expr = f"predict_linear({ONE.memory}[{ONE.slope_window}], 3600) and ({ONE.in_one_lifetime})"
    return _figure(words, At(6, 0, 6, 4), "bytes", Query(expr, ONE.legend)).no_value("needs 5 minutes")


def _growth_per_error() -> Panel:
    words = Words(
        "Memory growth per error",
        "Growth of resident memory over five minutes, divided by the errors (4xx and 5xx) in the same time. It "
        "includes growth for any other reason: compare with a time without errors.",
    )
    query = Query(ONE.growth_per_error(ONE.memory, _errors(ONE.slope_window)), ONE.legend)
    return _figure(words, At(12, 0, 6, 4), "bytes", query).no_value("needs 5 minutes of errors")


def _uptime() -> Panel:
    words = Words("Uptime", "Time since the process started.")
    return _figure(words, At(18, 0, 6, 4), "s", Query(f"time() - {ONE.start}", ONE.legend)).decimals(0)


def _memory_over_time() -> Panel:
    words = Words(
        "Resident memory over time",
        "Resident memory, and the memory limit if the service publishes it (sadpath_memory_limit_bytes). A line that "
        "always rises, and falls only at a restart, is a leak.",
    )
    return service_panels.memory(ONE, words, At(0, 4, 16, 6))


def _how_to_read_this() -> Panel:
    return sentences(
        Words("How to read this", "What to look for, and what to do."),
        At(16, 4, 8, 12),
        "**A leak on an error path**: memory grows with the errors while the garbage collector (GC) frees nothing. "
        "Often one exception object is raised many times, and its traceback retains every frame.\n\n"
        "**Send errors** at a steady rate for five minutes and watch *Memory growth per error*. If the errors cause "
        "the growth, it stops with them.\n\n"
        "**The object** is named beside this, with Sadpath's exporter in the service.\n\n"
        "**The fix**: construct the exception where it is raised, in a function or a class method, and keep no "
        "exception object in a module, a class or a cache.",
    )


def _entries_by_object() -> Panel:
    return service_panels.entries(ONE, At(0, 10, 8, 6), _largest("sadpath_traceback_entries"))


def _bytes_by_object() -> Panel:
    words = Words(
        "Memory retained, by exception object",
        "An estimate from a sample of the retained frames (sadpath_retained_bytes, from Sadpath's exporter). The five "
        "objects that retain most.",
    )
    return ONE.graph(words, At(8, 10, 8, 6), Axis("bytes", "retained memory"), _largest("sadpath_retained_bytes"))


def _largest(metric: str) -> Query:
    """Ask for the five exception objects with the largest values. Most follow dozens that retain nothing."""
    return Query(f"topk(5, {ONE.series(metric)} > 0)", "{{error}}")


def _requests_and_errors() -> Panel:
    words = Words(
        "Requests, and errors dashed",
        "Responses per second (http_requests_total), and those whose label status is 4xx or 5xx.",
    )
    queries = [
        Query(ONE.rate("http_requests_total"), ONE.legend),
        Query(_errors(ONE.rate_window), f"{ONE.legend} errors"),
    ]
    return dashed(ONE.graph(words, At(0, 17, 12, 8), Axis("reqps", "per second"), *queries), "/errors$/")


def _latency_of_all_routes() -> Panel:
    buckets = f"rate({ONE.series('http_request_duration_seconds_bucket')}[{ONE.rate_window}])"
    about = "Of all routes together (http_request_duration_seconds)."
    return service_panels.latency(ONE, about, At(12, 17, 12, 8), ONE.total(buckets, "le"))
