"""The panels that both dashboards show, each for the series of one `Subject`: the lab's arms, or any service."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import stat, timeseries

from grafana.build.panels import (
    RED,
    Annotation,
    At,
    Axis,
    Query,
    Words,
    dashed,
    figure,
    graph,
    in_colour,
    logarithmic,
)


@dataclass(frozen=True)
class Subject:
    """Whose series a dashboard shows, and how.

    `source` is the uid of the data source, `selector` the labels that select the series, and `by` the label that tells
    them apart. Rates are taken over `rate_window`, slopes over `slope_seconds`. For `bridge`, a duration of PromQL, a
    value holds while scrapes fail: longer than a full collection takes, so that one does not look like a restart.
    `min_interval` is the least time between two points of a graph.
    """

    source: str
    selector: str
    by: str
    rate_window: str
    slope_seconds: int
    bridge: str = ""
    min_interval: str = ""

    @property
    def legend(self) -> str:
        """The name of a series."""
        return f"{{{{{self.by}}}}}"

    @property
    def memory(self) -> str:
        """Resident memory, in bytes."""
        return self.series("process_resident_memory_bytes")

    @property
    def limit(self) -> str:
        """The memory limit, in bytes."""
        return self.series("sadpath_memory_limit_bytes")

    @property
    def start(self) -> str:
        """The start time of the process, in seconds since 1970."""
        return self.series("process_start_time_seconds")

    @property
    def slope_window(self) -> str:
        """The window of a slope, as a duration of PromQL."""
        minutes, seconds = divmod(self.slope_seconds, 60)
        return f"{self.slope_seconds}s" if seconds else f"{minutes}m"

    @property
    def in_one_lifetime(self) -> str:
        """A condition: the process is older than a slope's window, so that the slope is not taken across a restart."""
        return f"time() - {self.start} > {self.slope_seconds}"

    @property
    def restarted(self) -> str:
        """The time of the last restart of a process that restarted, in milliseconds."""
        return f"({self.start} * 1000) and changes({self.start}[10m]) > 0"

    def bridged(self, metric: str, *labels: str) -> str:
        """Select a metric, with its last value while scrapes fail, for `bridge`."""
        series = self.series(metric, *labels)
        return f"last_over_time({series}[{self.bridge}])" if self.bridge else series

    def series(self, metric: str, *labels: str) -> str:
        """Select the subject's series of a metric; `labels` narrow them."""
        return f"{metric}{{{','.join((self.selector, *labels))}}}"

    def total(self, expr: str, *by: str) -> str:
        """Add up what belongs to the same arm or instance."""
        return f"sum by ({', '.join((self.by, *by))}) ({expr})"

    def rate(self, metric: str, *labels: str, window: str = "") -> str:
        """Return a counter's growth per second."""
        return self.total(f"rate({self.series(metric, *labels)}[{window or self.rate_window}])")

    def growth_per_error(self, memory: str, errors: str) -> str:
        """Return the growth of a kind of memory, in bytes, divided by the errors in the same time."""
        growth = self.total(f"deriv({memory}[{self.slope_window}]) and ({self.in_one_lifetime})")
        return f"{growth} / ({errors} > 0)"

    def graph(self, words: Words, at: At, axis: Axis, *queries: Query) -> timeseries.Panel:
        """Return a graph of the subject's data source."""
        panel = graph(words, at, axis, queries, self.source)
        return panel.interval(self.min_interval) if self.min_interval else panel

    def figure(self, words: Words, at: At, unit: str, query: Query) -> stat.Panel:
        """Return a figure of the subject's data source."""
        return figure(words, at, unit, query, self.source)

    def mark(self, name: str, colour: str, expr: str, legend: str) -> Annotation:
        """Return marks on all graphs."""
        return Annotation(name, self.source, colour, Query(expr, legend))


def memory(subject: Subject, words: Words, at: At) -> timeseries.Panel:
    """Return a graph of resident memory and of the memory limit."""
    queries = [
        Query(subject.bridged("process_resident_memory_bytes"), subject.legend),
        Query(f"max({subject.limit})", "limit"),
    ]
    panel = subject.graph(words, at, Axis("bytes", "resident memory"), *queries)
    return in_colour(dashed(panel, "/^limit$/"), "/^limit$/", RED)


def entries(subject: Subject, at: At, query: Query) -> timeseries.Panel:
    """Return a graph of the traceback entries of exception objects."""
    words = Words(
        "Traceback entries retained",
        "An exception object whose entries only grow is raised many times: this proves the leak. Each entry retains a "
        "frame and its locals: a request's data (sadpath_traceback_entries, from Sadpath's exporter).",
    )
    return subject.graph(words, at, Axis("short", "entries"), query)


def latency(subject: Subject, about: str, at: At, buckets: str) -> timeseries.Panel:
    """Return a graph of p99 and p50 of a histogram, from the rates of its buckets."""
    words = Words(
        "Latency: p99, and p50 dashed",
        f"{about} Half of the requests are faster than p50, one in a hundred is slower than p99. A full collection "
        "visits all retained objects, and every request waits for it.",
    )
    queries = [
        Query(
            f"histogram_quantile({share}, {buckets}) >= 0", f"{subject.legend} {name}"
        )  # drops the NaN of no requests
        for share, name in ((0.99, "p99"), (0.5, "p50"))
    ]
    return logarithmic(dashed(subject.graph(words, at, Axis("s", "latency"), *queries), "/p50$/"))


def paused(subject: Subject, at: At) -> timeseries.Panel:
    """Return a graph of the time that the process is paused in garbage collections."""
    words = Words(
        "Time paused in GC",
        "The share of the time for which Python's garbage collector (GC) pauses the process "
        "(sadpath_gc_pause_seconds, from Sadpath's exporter).",
    )
    query = Query(subject.rate("sadpath_gc_pause_seconds_sum"), subject.legend)
    return subject.graph(words, at, Axis("percentunit", "share of the time"), query)


def full_collections(subject: Subject, at: At) -> timeseries.Panel:
    """Return a graph of the collections of the oldest generation."""
    words = Words(
        "Full collections", "GC runs of the oldest generation in the last minute (python_gc_collections_total)."
    )
    collections = subject.series("python_gc_collections_total", 'generation="2"')
    expr = f"increase({collections}[1m])"
    return subject.graph(words, at, Axis("short", "per minute"), Query(subject.total(expr), subject.legend))


def freed(subject: Subject, at: At) -> timeseries.Panel:
    """Return a graph of the objects that the garbage collector frees per second.

    None are shown in a process's first seconds: they are what its start leaves. Some hundred a second are noise, and
    look like it.
    """
    words = Words(
        "Objects freed by GC",
        "Objects per second (python_gc_objects_collected_total). Flat while memory grows: the memory is reachable, so "
        "it is not garbage. Rising with the errors: reference cycles.",
    )
    rate = f"rate({subject.series('python_gc_objects_collected_total')}[{subject.rate_window}])"
    query = Query(subject.total(f"{rate} and on (instance) ({subject.in_one_lifetime})"), subject.legend)
    return subject.graph(words, at, Axis("short", "objects per second"), query).axis_soft_max(1000)
