"""What the parts of `sadpath check` hand to each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sadpath.verdict.verdict import Outcome, Verdict


@dataclass(frozen=True)
class Request:
    """A request as it is sent: `path` with its query, `headers` beside those of every request."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What came back for one request. `status` is 0 where nothing did, and `failure` the reason in one line."""

    status: int
    seconds: float
    failure: str = ""
    location: str = ""
    content_type: str = ""


@dataclass(frozen=True)
class Sent:
    """What came back for a round. `statuses` counts the answers, `failures` the reasons where none came.

    `seconds` are the response times in the order of the answers.
    """

    statuses: Mapping[int, int]
    failures: Mapping[str, int]
    seconds: tuple[float, ...]

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return sum(self.statuses.values())


@dataclass(frozen=True)
class ErrorPath:
    """An operation and the status of an error that it answers with.

    `path` is the template, such as `/users/{id}`, or the path as it was given. `request` is what is repeated; `varied`
    are requests with other inputs, for the same status.
    """

    method: str
    path: str
    status: int
    request: Request
    varied: tuple[Request, ...] = ()

    @property
    def name(self) -> str:
        """As in a table: `GET /users/{id} 404`."""
        return f"{self.method} {self.path} {self.status}"


@dataclass(frozen=True)
class Plan:
    """The error paths to measure, and what there is to say about the search, a line each."""

    paths: tuple[ErrorPath, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traceback:
    """One live exception object: its class's dotted name, and the entries of its traceback."""

    type_name: str
    entries: int


@dataclass(frozen=True)
class Settled:
    """What all processes of a target have left after a full collection, added up; bytes are None where one is unknown.

    `pids` are the processes that answered. `tracebacks` has the longest, by process and id of the object.
    """

    pids: tuple[int, ...]
    in_use: int | None
    anonymous: int | None
    collected: int = 0
    live_exceptions: int = 0
    tracebacks: Mapping[tuple[int, int], Traceback] = field(default_factory=dict)


@dataclass(frozen=True)
class RaiseSite:
    """A place that raised an exception, and how often, of the raises that were looked at."""

    file: str
    line: int
    function: str
    raises: int = 1
    source: str = ""


@dataclass(frozen=True)
class Cause:
    """What is to blame for a leak. What is unknown is empty, or 0.

    `kind` is `reused exception`, `kept exception`, `no exception` or `reference cycle`. `bound` is the length that what
    holds it cannot pass, if it has one.
    """

    kind: str
    type: str = ""
    message: str = ""
    held_by: str = ""
    raised_at: tuple[RaiseSite, ...] = ()
    traceback_entries: int = 0
    frames: int = 0
    bytes: int = 0
    fix: str = ""
    details: tuple[str, ...] = ()
    bound: int | None = None


@dataclass(frozen=True)
class PathResult:
    """What was found out about one error path.

    `first_ms` and `last_ms` are the medians of its first and its last hundred response times. `notes` are a line each.
    """

    path: ErrorPath
    verdict: Verdict
    causes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()
    first_ms: float | None = None
    last_ms: float | None = None


@dataclass(frozen=True)
class Check:
    """A check of a service, finished or cut short: `ended_early` says why, in one line.

    `accepted` are the names of the paths whose leak a baseline knows. `probe` is empty where a probe measured, or why
    none did.
    """

    target: str
    url: str
    results: tuple[PathResult, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    flat_below: float = 100.0
    requests: int = 0
    no_probe: str = ""
    ended_early: str = ""
    accepted: frozenset[str] = frozenset()

    @property
    def worst_first(self) -> list[PathResult]:
        """The results: leaks by their bytes, then inconclusive paths, then flat ones."""
        rank = {"leaks": 0, "inconclusive": 1, "flat": 2}
        return sorted(self.results, key=lambda one: (rank[one.verdict.outcome], -_known(one), one.path.name))

    @property
    def new_leaks(self) -> list[PathResult]:
        """The paths that leak, the worst first, without those that were accepted."""
        leaks = (one for one in self.worst_first if one.verdict.outcome == "leaks")
        return [one for one in leaks if one.path.name not in self.accepted]

    @property
    def outcome(self) -> Outcome:
        """One word for all: it leaks if a path does that was not accepted, and is flat only if all others are."""
        others = [one for one in self.results if one.path.name not in self.accepted]
        if self.new_leaks:
            return "leaks"
        is_flat = bool(self.results) and all(one.verdict.outcome == "flat" for one in others)
        return "flat" if is_flat else "inconclusive"


def _known(result: PathResult) -> float:
    figure = result.verdict.bytes_per_request
    return 0.0 if math.isnan(figure) else figure
