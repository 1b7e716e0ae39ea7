"""*One service*: the same view of any service with the standard metrics, to import into your own Grafana."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import Dashboard, VariableRefresh, VariableSort

from grafana.build import service_panels
from grafana.build.panels import GREY, At, Axis, Panel, Query, Words, board, sentences, source
from grafana.build.service_panels import Subject

ONE = Subject("${datasource}", 'job="$job",instance=~"$instance"', "instance", "$__rate_interval", 300)
"""The chosen instances; the data source is a variable, since your Prometheus has its own uid."""


def dashboard() -> Dashboard:
    """Return the whole dashboard. A panel whose metric the service does not publish is empty, and names the metric."""
    built = board(
        "One service",
        "sadpath-one-service",
        "Does this service retain memory for each error? Works with the standard metrics of a Prometheus client; with "
        "Sadpath's exporter it names the exception object.",
        [
            *(_memory_now(), _in_one_hour(), _per_error(), _uptime()),
            *(_memory(), _how_to_read_this()),
            *(_requests(), _latency()),
            *_garbage_collector(),
            *(_entries(), _bytes()),
        ],
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
        ask("instance", 'label_values(process_resident_memory_bytes{job="$job"}, instance)')
        .multi(True)  # noqa: FBT003 - the library's
        .include_all(True),  # noqa: FBT003
    ]


def _errors(window: str) -> str:
    """Return the errors per second; many instrumentations have the label `status`, as 404 or as 4xx."""
    return ONE.rate("http_requests_total", 'status=~"[45].+"', window=window)


def _figure(words: Words, at: At, unit: str, query: Query) -> stat.Panel:
    """Return a figure in the colour of text: pale yellow is hard to read on white."""
    return ONE.figure(words, at, unit, query).color_mode(BigValueColorMode.NONE)


def _memory_now() -> Panel:
    return _figure(
        Words("Resident memory", "Resident memory now."), At(0, 0, 6, 5), "bytes", Query(ONE.memory, ONE.legend)
    )


def _in_one_hour() -> Panel:
    words = Words("Resident memory in one hour", "The prediction if memory grows as in the last five minutes.")
    expr = f"predict_linear({ONE.memory}[{ONE.slope_window}], 3600) and ({ONE.in_one_lifetime})"
    return _figure(words, At(6, 0, 6, 5), "bytes", Query(expr, ONE.legend)).no_value("after five minutes")


def _per_error() -> Panel:
    words = Words(
        "Memory growth per error",
        "Growth of resident memory over five minutes, divided by the errors (4xx and 5xx) in the same time. It "
        "includes growth for any other reason: compare with a time without errors.",
    )
    query = Query(ONE.growth_per_error(ONE.memory, _errors(ONE.slope_window)), ONE.legend)
    return _figure(words, At(12, 0, 6, 5), "bytes", query).no_value("after five minutes with errors")


def _uptime() -> Panel:
    words = Words("Uptime", "Time since the process started.")
    return _figure(words, At(18, 0, 6, 5), "s", Query(f"time() - {ONE.start}", ONE.legend)).decimals(0)


def _memory() -> Panel:
    words = Words(
        "Resident memory over time",
        "Resident memory, and the memory limit if the service publishes it (sadpath_memory_limit_bytes). A line that "
        "always rises, and falls only at a restart, is a leak.",
    )
    return service_panels.memory(ONE, words, At(0, 5, 16, 10))


def _how_to_read_this() -> Panel:
    return sentences(
        Words("How to read this", "What to look for."),
        At(16, 5, 8, 10),
        "**A leak on an error path**: memory grows with the errors while the garbage collector (GC) frees nothing. The "
        "retained objects are reachable, often from one exception object that is raised many times.\n\n"
        "**Send errors** at a steady rate for some minutes and watch *Memory growth per error*. If the "
        "errors cause the growth, it stops with them.\n\n"
        "**To find the object**, use Sadpath's exporter in the service: the last two panels name it.\n\n"
        "**Colours**: red is the line with the largest values, yellow the one with the smallest.",
    )


def _requests() -> Panel:
    words = Words(
        "Requests and errors",
        "Responses per second (http_requests_total), and those whose label status is 4xx or 5xx.",
    )
    return service_panels.requests(ONE, words, At(0, 15, 12, 8), _errors(ONE.rate_window))


def _latency() -> Panel:
    words = Words("Latency", "Of all routes together (http_request_duration_seconds): p99, and p50 as a dashed line.")
    buckets = f"rate({ONE.series('http_request_duration_seconds_bucket')}[{ONE.rate_window}])"
    return service_panels.latency(ONE, words, At(12, 15, 12, 8), ONE.total(buckets, "le"))


def _garbage_collector() -> list[Panel]:
    return [
        service_panels.freed(ONE, At(0, 23, 8, 7), ONE.rate("python_gc_objects_collected_total")),
        service_panels.full_collections(ONE, At(8, 23, 8, 7)),
        service_panels.paused(ONE, At(16, 23, 8, 7)),
    ]


def _entries() -> Panel:
    words = Words(
        "Traceback entries, by exception object",
        "An exception object whose entries only grow is raised many times: this proves the leak "
        "(sadpath_traceback_entries, from Sadpath's exporter).",
    )
    query = Query(ONE.series("sadpath_traceback_entries"), "{{error}} {{instance}}")
    return ONE.graph(words, At(0, 30, 12, 8), Axis("short", "entries"), query)


def _bytes() -> Panel:
    words = Words(
        "Memory retained, by exception object",
        "An estimate from a sample of the retained frames (sadpath_retained_bytes, from Sadpath's exporter).",
    )
    query = Query(ONE.series("sadpath_retained_bytes"), "{{error}} {{instance}}")
    return ONE.graph(words, At(12, 30, 12, 8), Axis("bytes", "retained memory"), query)
