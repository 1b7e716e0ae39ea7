"""A `/metrics` page as a source of memory."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPSHandler, Request

from prometheus_client import Metric, openmetrics, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from sadpath.connection import Connection, body
from sadpath.hosts import basic_authorization, direct_opener, without_user
from sadpath.sources import Reading, Unreadable

MOST_OF_A_PAGE = 16 << 20


class WrongPage(Unreadable):
    """A server answered, but not with a page of metrics: mostly the address is wrong."""


@dataclass(frozen=True)
class MetricsPage:
    """A `/metrics` page in Prometheus's or the OpenMetrics format, of a service in any language."""

    url: str
    requests_metric: str = "http_requests_total"
    timeout_s: float = 2.0

    def __str__(self) -> str:
        return without_user(self.url)

    def read(self) -> Reading:
        """Fetch and parse the page. Raises `Unreadable` if it hangs, fails, is cut short or has no memory on it."""
        families = _families(*_fetch(self.url, self.timeout_s))
        totals = _totals(families)
        if "process_resident_memory_bytes" not in totals:
            raise WrongPage("no process_resident_memory_bytes on the page")
        return Reading(
            resident_bytes=totals["process_resident_memory_bytes"],
            anonymous_bytes=totals.get("sadpath_anonymous_memory_bytes"),
            limit_bytes=totals.get("sadpath_memory_limit_bytes"),
            start_time_s=totals.get("process_start_time_seconds"),
            requests=totals.get(self.requests_metric),
            collected_objects=totals.get("python_gc_objects_collected_total"),
            traceback_entries=totals.get("sadpath_traceback_entries"),
            retained_frames=totals.get("sadpath_retained_frames"),
            entries_by_error=_entries_by_error(families),
        )

    def environment(self) -> dict[str, str]:
        """Return the versions that are on the page; empty if there are none. Raises `Unreadable`."""
        for family in _families(*_fetch(self.url, self.timeout_s)):
            for sample in family.samples:
                if sample.name == "sadpath_environment_info":
                    return dict(sample.labels)
        return {}


def _fetch(url: str, timeout_s: float) -> tuple[str, bool]:
    """Fetch a page: its text, and whether it is OpenMetrics, where the last line proves that it is complete."""
    accept = f"{openmetrics.exposition.CONTENT_TYPE_LATEST},text/plain;version=0.0.4;q=0.5"
    shown = without_user(url)
    request = Request(shown, headers={"Accept": accept})  # noqa: S310 - the scheme was checked
    for name, value in basic_authorization(url).items():
        request.add_unredirected_header(name, value)
    try:
        with direct_opener(_InTime(timeout_s)).open(request) as response:
            text = b"".join(body(response, MOST_OF_A_PAGE)).decode()
            return text, "openmetrics" in response.headers.get("Content-Type", "")
    except HTTPError as answer:
        answer.close()  # it holds a connection
        kind = WrongPage if answer.code < HTTPStatus.INTERNAL_SERVER_ERROR else Unreadable
        raise kind(f"{answer.code} from {shown}") from answer
    except (OSError, HTTPException, UnicodeDecodeError) as error:
        raise Unreadable(f"{shown}: {_in_words(error)}") from error


def _in_words(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    strerror = reason.strerror if isinstance(reason, OSError) else None
    return strerror or " ".join(str(reason).split()) or type(reason).__name__


class _InTime(HTTPHandler, HTTPSHandler):
    """Opens connections that are over after so many seconds, those of a redirect with the first."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._until = time.monotonic() + timeout_s

    def http_open(self, request: Request) -> HTTPResponse:
        """Open an address, with TLS or without."""

        def connection(_: str, **__: object) -> Connection:
            return Connection(request.full_url, until=self._until, most_of_a_body=MOST_OF_A_PAGE)

        return self.do_open(connection, request)

    def https_open(self, request: Request) -> HTTPResponse:
        """As any other: the connection knows by the address."""
        return self.http_open(request)


def _families(text: str, is_openmetrics: bool) -> list[Metric]:  # noqa: FBT001 - as _fetch returns them
    if not is_openmetrics and not text.endswith("\n"):
        raise Unreadable("the page is cut short")
    parse = openmetrics_parser if is_openmetrics else parser
    try:
        return list(parse.text_string_to_metric_families(text))
    except Exception as error:
        raise WrongPage(f"the page does not parse: {' '.join(str(error).split())}") from error


def _totals(families: Iterable[Metric]) -> dict[str, float]:
    """Sum each series name over its labels."""
    totals: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return totals


def _entries_by_error(families: Iterable[Metric]) -> dict[str, float]:
    """Return the traceback entries of each exception that retains some."""
    entries: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            if sample.name == "sadpath_traceback_entries" and sample.value and "error" in sample.labels:
                error = sample.labels["error"]
                entries[error] = entries.get(error, 0.0) + sample.value
    return entries
