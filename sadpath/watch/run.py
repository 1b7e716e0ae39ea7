"""A run: under which conditions it was made, its samples by arm and process lifetime, and what was decided."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sadpath.errors import Status
from sadpath.files import write_json
from sadpath.sources import Reading
from sadpath.verdict.samples import Series, judge_samples, shortage
from sadpath.verdict.verdict import FLAT_BELOW_IN_PAGES, Outcome, Verdict
from sadpath.watch.sample_file import Phase, Sample, read_samples

SAMPLES = "samples.csv"
CONDITIONS = "run.json"

WARM_UP_REQUESTS = 200
"""Requests at the start of each lifetime that are not judged, or a quarter of them if the lifetime is short: caches
fill and the heap finds its size."""

LEAST_S = 30.0
"""How long a run should be at least, for a verdict."""

VERSION_NAMES = {"python": "Python", "starlette": "Starlette", "fastapi": "FastAPI"}


@dataclass(frozen=True)
class Conditions:
    """Everything about a run that is not in its samples; empty or None where it is unknown.

    `started` is a time in ISO 8601, UTC. `command` is what was typed, `host` the machine that sent the load, `services`
    the address of each watched service, `environment` the versions of what was measured, `about` what it was. A verdict
    depends on `warm_up_s`, on `bytes_per_request`, below which growth is flat, and an exit status on
    `allow_inconclusive`.
    """

    started: str = ""
    sadpath: str = ""
    command: str = ""
    host: str = ""
    users: int | None = None
    services: Mapping[str, str] = field(default_factory=dict)
    warm_up_s: float | None = None
    bytes_per_request: float = FLAT_BELOW_IN_PAGES
    allow_inconclusive: bool = False
    about: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> str:
        """What it was measured with, for a title: `Python 3.13.1, Starlette 1.10.0`; empty where it is unknown."""
        return versions_in_words(self.environment)


def versions_in_words(environment: Mapping[str, object]) -> str:
    """Return the versions that an environment names, for a title."""
    return ", ".join(f"{name} {environment[key]}" for key, name in VERSION_NAMES.items() if environment.get(key))


def write_conditions(path: Path, conditions: Conditions) -> None:
    """Write them as JSON; a reader finds the file complete or not at all."""
    write_json(path, asdict(conditions))


def read_conditions(path: Path) -> Conditions:
    """Read them; what is not there, or nothing that it can be, is unknown."""
    try:
        written: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Conditions()
    known = asdict(Conditions())
    given = written.items() if isinstance(written, dict) else ()
    return Conditions(**{name: value for name, value in given if name in known and _can_be(value, known[name])})


def _can_be(value: Any, unknown: Any) -> bool:
    """Whether a condition can have this value, by the one that it has where it is unknown."""
    if isinstance(unknown, dict):
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    if isinstance(unknown, str | bool):
        return isinstance(value, type(unknown))
    return type(value) in (int, float) and 0 <= value < sys.maxsize


@dataclass(frozen=True)
class Lifetime:
    """The samples of one process lifetime of an arm that hold a reading, in order.

    `served_before` is the number of requests that the arm served in earlier lifetimes, as far as it was sampled.
    """

    served_before: float = 0.0
    samples: list[Sample] = field(default_factory=list)

    def readings(self, *phases: Phase) -> list[Reading]:
        """Return the readings of these phases, or of all."""
        return [sample.reading for sample in self.samples if sample.reading and (not phases or sample.phase in phases)]

    @property
    def first(self) -> Reading:
        """The first reading."""
        return reading_of(self.samples[0])

    @property
    def last(self) -> Reading:
        """The last reading."""
        return reading_of(self.samples[-1])


@dataclass
class Run:
    """The samples of a run, as they come; `lifetimes` has those with a reading by arm, `verdicts` what was decided.

    `marked` are the samples with a mark of what somebody did.

    Arms are in the order of their first sample, or of `verdicts` where these were given.
    """

    samples: list[Sample] = field(default_factory=list)
    conditions: Conditions = field(default_factory=Conditions)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    lifetimes: dict[str, list[Lifetime]] = field(init=False)
    marked: list[Sample] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Split the samples."""
        self.lifetimes = {arm: [] for arm in self.verdicts}
        earlier, self.samples = self.samples, []
        self.extend(earlier)

    def extend(self, samples: Iterable[Sample]) -> None:
        """Add samples."""
        for sample in samples:
            self.add(sample)

    def add(self, sample: Sample) -> None:
        """Add one sample, to the lifetime of its arm that runs, or to a new one if the process was restarted."""
        self.samples.append(sample)
        if sample.mark:
            self.marked.append(sample)
        lifetimes = self.lifetimes.setdefault(sample.arm, [])
        if sample.reading is None:
            return
        if not lifetimes:
            lifetimes.append(Lifetime())
        elif _is_another_lifetime(lifetimes[-1].last, sample.reading):
            lifetimes.append(Lifetime(lifetimes[-1].served_before + (lifetimes[-1].last.requests or 0)))
        lifetimes[-1].samples.append(sample)

    @property
    def arms(self) -> list[str]:
        """The names of the arms."""
        return list(self.lifetimes)

    @property
    def missing(self) -> list[Sample]:
        """The samples without a reading."""
        return [sample for sample in self.samples if sample.reading is None]

    def restarts(self, arm: str) -> int:
        """Return how often the process of an arm was restarted."""
        return max(len(self.lifetimes[arm]) - 1, 0)

    @property
    def duration_s(self) -> float:
        """How long it was sampled, in seconds."""
        return max((sample.elapsed_s for sample in self.samples), default=0.0)

    def requests_per_second(self, arm: str) -> float | None:
        """Return the rate at which an arm was loaded after the warm-up, without the time of a restart."""
        requests = seconds = 0.0
        for lifetime in self.lifetimes[arm]:
            measured = [sample for sample in lifetime.samples if sample.phase == "measured"]
            if measured:
                requests += (lifetime.last.requests or 0) - (reading_of(measured[0]).requests or 0)
                seconds += measured[-1].elapsed_s - measured[0].elapsed_s
        return requests / seconds if seconds and requests else None

    def shows(self, figure: Callable[[Reading], object]) -> bool:
        """Whether a figure was read in any sample, so that there is something to draw."""
        return any(figure(reading) is not None for reading in self.readings())

    def readings(self) -> Iterator[Reading]:
        """Yield all readings of all arms."""
        for lifetimes in self.lifetimes.values():
            for lifetime in lifetimes:
                yield from lifetime.readings()

    @property
    def is_anonymous(self) -> bool:
        """Whether memory is anonymous memory throughout; else only resident memory is known for all."""
        return all(reading.anonymous_bytes is not None for reading in self.readings())

    @property
    def outcome(self) -> Outcome:
        """One word for the run: it leaks if an arm does, and is flat only if all are."""
        outcomes = {verdict.outcome for verdict in self.verdicts.values()}
        if "leaks" in outcomes:
            return "leaks"
        return "flat" if outcomes == {"flat"} else "inconclusive"

    @property
    def status(self) -> Status:
        """The exit status of a command that ends with this run."""
        if self.outcome == "inconclusive" and self.conditions.allow_inconclusive:
            return Status.OK
        return {"leaks": Status.LEAKS, "flat": Status.OK, "inconclusive": Status.INCONCLUSIVE}[self.outcome]

    @property
    def headline(self) -> str:
        """What was decided, for a title: `reused leaks, factory is flat`."""
        words = {"leaks": "leaks", "flat": "is flat", "inconclusive": "is inconclusive"}
        return ", ".join(f"{arm} {words[verdict.outcome]}" for arm, verdict in self.verdicts.items())


def read_run(folder: Path) -> Run:
    """Read and judge what a run left in `folder`, complete or cut off.

    Raises `FileNotFoundError` without samples, and `ValueError` for a file of something else.
    """
    return judge_run(Run(read_samples(folder / SAMPLES), read_conditions(folder / CONDITIONS)))


def judge_run(run: Run) -> Run:
    """Return the run with the verdict of each arm, by its samples after the warm-up."""
    run.verdicts = {arm: _judge_arm(run, arm) for arm in run.arms}
    return run


def _judge_arm(run: Run, arm: str) -> Verdict:
    measured = [readings for lifetime in run.lifetimes[arm] if (readings := lifetime.readings("measured"))]
    series = [_series(_warm(readings)) for readings in measured]
    verdict = judge_samples(series, flat_below=run.conditions.bytes_per_request)
    verdict = replace(verdict, restarts=run.restarts(arm))  # also one during the warm-up
    if not shortage(verdict.samples, verdict.requests):
        return verdict
    return replace(verdict, reason=_why_not_enough(run, arm, verdict))


def _why_not_enough(run: Run, arm: str, verdict: Verdict) -> str:
    """Say what was missing for a verdict, why as far as it is known, and what to do."""
    readings = [reading for lifetime in run.lifetimes[arm] for reading in lifetime.readings()]
    if readings and all(reading.requests is None for reading in readings):
        return "the page has no count of requests (http_requests_total)"
    warm_up = run.conditions.warm_up_s
    when = f" after the {warm_up:g} s warm-up" if warm_up else ""
    reason = f"not enough data{when}: {shortage(verdict.samples, verdict.requests)}"
    longer = f"run for at least {max(LEAST_S, 2 * run.duration_s):.0f} s"
    ours = [sample for sample in run.samples if sample.arm == arm]
    if ours and ours[-1].missing:
        return f"{reason}; the last scrape failed: {ours[-1].missing}; fix the URL, or {longer}"
    return f"{reason}; {longer}"


def _warm(readings: Sequence[Reading]) -> list[Reading]:
    """Leave out the readings of a lifetime that were taken before it was warm."""
    most = max((reading.requests or 0 for reading in readings), default=0)
    warm_from = min(WARM_UP_REQUESTS, most / 4)
    return [reading for reading in readings if (reading.requests or 0) >= warm_from]


def _series(readings: Sequence[Reading]) -> Series:
    entries = _column([reading.traceback_entries for reading in readings])
    errors = sorted({error for reading in readings for error in reading.entries_by_error}) if entries else []
    return Series(
        requests=[reading.requests or 0 for reading in readings],
        memory_bytes=[reading.memory_bytes for reading in readings],
        traceback_entries=entries,
        collected_objects=_column([reading.collected_objects for reading in readings]),
        entries_by_error={
            error: [reading.entries_by_error.get(error, 0.0) for reading in readings] for error in errors
        },
    )


def _column(values: Sequence[float | None]) -> list[float]:
    """Return a series that was sampled throughout, or an empty one."""
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def _is_another_lifetime(last: Reading, reading: Reading) -> bool:
    """Whether the process was restarted: by its start time or, where a page has none, by a fallen count of requests."""
    if reading.start_time_s is not None and last.start_time_s is not None:
        return reading.start_time_s != last.start_time_s
    return (reading.requests or 0) < (last.requests or 0)


def reading_of(sample: Sample) -> Reading:
    """Return the reading of a sample of a lifetime, which always has one."""
    assert sample.reading is not None  # noqa: S101 - a lifetime has no other samples
    return sample.reading
