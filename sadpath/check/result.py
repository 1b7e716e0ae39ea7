"""The result of a check: what each error path was found to be, why, its JSON, and the baseline of accepted leaks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import sadpath
from sadpath import files
from sadpath.check.find import ErrorPath
from sadpath.errors import CommandError, Status
from sadpath.verdict.verdict import FLAT_BELOW_EXACT, Outcome, Suspect, Verdict, rounded


class CauseKind(StrEnum):
    """What is to blame for a leak, or for objects in reference cycles."""

    REUSED = "reused exception"
    KEPT = "kept exception"
    OTHER = "no exception"
    CYCLE = "reference cycle"
    GARBAGE = "garbage that nothing collects"


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

    `bound` is the length that what holds it cannot pass, if it has one.
    """

    kind: CauseKind
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

    `garbage_bytes` is what a request leaves for a collection to free in a process that has its collector off.
    `first_ms` and `last_ms` are the medians of its first and its last hundred response times. `notes` are a line each.
    """

    path: ErrorPath
    verdict: Verdict
    causes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()
    garbage_bytes: float | None = None
    first_ms: float | None = None
    last_ms: float | None = None


@dataclass(frozen=True)
class Background:
    """By how much a service grows without any request: bytes a second, with their 95% CI, and what it is that grows.

    `entries` are those that the tracebacks of exceptions get, a second.
    """

    bytes_per_second: float
    ci95: tuple[float, float]
    entries: Mapping[Suspect, float] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()

    @property
    def sentence(self) -> str:
        """The growth in one line."""
        return f"memory grows by {self.bytes_per_second / 1024:,.0f} KiB a second without any request"

    @property
    def as_json(self) -> dict[str, Any]:
        """The growth for programs; a figure that is unknown is null."""
        return {
            "bytes_per_second": rounded(self.bytes_per_second),
            "ci95": [rounded(bound) for bound in self.ci95],
            "causes": [asdict(one) for one in self.causes],
        }


class EndReason(Enum):
    """Why a check ended. It may have measured all, or only a part, within its budget."""

    FINISHED = "finished"
    OVER_MEMORY_LIMIT = "the service needs more than its memory limit"
    INTERRUPTED = "a signal"
    SERVICE_ENDED = "the service ended"
    ANOTHER_SERVICE = "requests went to another service"
    NO_ANSWER = "no probe answers any more"
    FAILED = "something on our side failed, such as a file that cannot be written"


@dataclass(frozen=True)
class Check:
    """A check of a service, finished or cut short: `ended` is the reason, and `ended_early` that in one line.

    `accepted` are the names of the paths whose leak a baseline knows. `no_probe` is empty where a probe measured, or
    why none did. `accepted_writes` are the names of operations that accepted what may have changed data. `background`
    is what the service grows by without any request, where that was taken for the growth of a path.
    """

    target: str
    url: str
    results: tuple[PathResult, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    requests: int = 0
    no_probe: str = ""
    ended: EndReason = EndReason.FINISHED
    ended_early: str = ""
    accepted: frozenset[str] = frozenset()
    accepted_writes: tuple[str, ...] = ()
    background: Background | None = None

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
        """One word for all: it leaks if a path does that was not accepted, and is flat only if all others are.

        A service that grows by itself is not.
        """
        others = [one for one in self.results if one.path.name not in self.accepted]
        if self.new_leaks:
            return "leaks"
        is_known = bool(self.results) and not self.background and self.ended is not EndReason.ANOTHER_SERVICE
        is_flat = is_known and all(one.verdict.outcome == "flat" for one in others)
        return "flat" if is_flat else "inconclusive"

    @property
    def status(self) -> Status:
        """The exit status of a command that ends with this check."""
        if self.outcome == "leaks":
            return Status.LEAKS
        if self.ended in (EndReason.SERVICE_ENDED, EndReason.NO_ANSWER, EndReason.FAILED):
            return Status.FAILED
        return Status.OK if self.outcome == "flat" else Status.INCONCLUSIVE

    @property
    def flat_below(self) -> float:
        """The largest threshold that decided a path, in bytes per request: less than that is ruled out nowhere."""
        return max((one.verdict.flat_below for one in self.results), default=FLAT_BELOW_EXACT)

    @property
    def as_json(self) -> dict[str, Any]:
        """The check for programs; a figure that is unknown is null."""
        return {
            "schema": 1,
            "verdict": self.outcome,
            "sadpath": sadpath.__version__,
            "target": self.target,
            "url": self.url,
            "environment": {"python": "", "starlette": "", "fastapi": "", "platform": "", **self.environment},
            "flat_below_bytes_per_request": self.flat_below,
            "seconds": round(self.seconds, 1),
            "requests": self.requests,
            "probe": not self.no_probe,
            "ended_early": self.ended_early or None,
            "notes": [*self.notes, *filter(None, [self.no_probe])],
            "accepted_writes": list(self.accepted_writes),
            "service": self.background.as_json if self.background else None,
            "paths": [self._path_as_json(one) for one in self.worst_first],
        }

    def _path_as_json(self, result: PathResult) -> dict[str, Any]:
        causes = [asdict(one) for one in result.causes]
        return {
            "name": result.path.name,
            "method": result.path.method,
            "path": result.path.path,
            "status": result.path.status,
            "request": result.path.request.path,
            "answer": result.path.answer,
            "stands_for": list(result.path.stands_for),
            **result.verdict.as_json,
            "garbage_bytes_per_request": rounded(result.garbage_bytes),
            "accepted": result.path.name in self.accepted,
            "first_ms": result.first_ms,
            "last_ms": result.last_ms,
            "notes": list(result.notes),
            "cause": causes[0] if causes else None,
            "causes": causes,
        }


def write_json(path: Path, check: Check) -> None:
    """Write the JSON of `--json`; a reader finds the file complete or not at all. Raises `OSError`."""
    files.write_json(path, check.as_json)


def read_baseline(file: Path) -> frozenset[str]:
    """Return the names of the paths that leaked in an earlier `--json`, as `GET /users/{id} 404`.

    Raises `CommandError`.
    """
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        leaks = [one for one in content["paths"] if one["verdict"] == "leaks"]
        return frozenset(str(name) for one in leaks for name in (one["name"], *one.get("stands_for", ())))
    except OSError as error:
        raise CommandError(
            f"cannot read the baseline {file}: {error.strerror}; write one with --json {file}", Status.WRONG_COMMAND
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{file} is not the result of a check; write one with: sadpath check --json {file} …", Status.WRONG_COMMAND
        ) from error


def _known(result: PathResult) -> float:
    figure = result.verdict.bytes_per_request
    return 0.0 if math.isnan(figure) else figure
