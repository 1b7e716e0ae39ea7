"""Explain a leak: which object is to blame, where it is held and raised, and what to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sadpath.check.measure.source_line import source_line
from sadpath.check.result import Cause, CauseKind, RaiseSite
from sadpath.fault import without_secrets
from sadpath.probe.wire import (
    ClosedCircle,
    CyclesAnswer,
    ExplainedException,
    GrownObjects,
    KeptExceptions,
    RaisedAt,
)
from sadpath.verdict.verdict import Suspect

MAX_CAUSES = 5
REQUESTS_TO_EXPLAIN = 100
REQUESTS_FOR_CYCLES = 20

CUTS_SINCE = (1, 10)
"""The Starlette that removes tracebacks."""


class Asked(Protocol):
    """Probes that can be asked: `sadpath.check.service.probes.Probes`."""

    def ask(self, op: str, timeout_s: float = 30.0, **arguments: object) -> Mapping[int, Any]:
        """Ask all processes of the target; returns the answer of each, by process."""
        ...


Load = Callable[[int], object]
"""Sends as many requests of the path."""


@dataclass(frozen=True)
class Per:
    """What growth is counted for: so many units. Fewer than `least` objects more are none that grow."""

    unit: str
    count: float
    least: int


PER_REQUEST = Per("with each request", REQUESTS_TO_EXPLAIN, REQUESTS_TO_EXPLAIN // 2)


def explain(suspects: Collection[Suspect], probes: Asked, load: Load, starlette: str = "") -> tuple[Cause, ...]:
    """Return what is to blame for the leak of a path, the largest first; empty if nothing was found.

    `suspects` are the exceptions whose tracebacks grow; without one what is kept is searched for, with some requests.
    `starlette` is the version that the service has, empty if none.
    """
    if suspects:
        causes = reused(suspects, probes)
        return tuple(replace(one, details=(*one.details, *protection(starlette))) for one in causes)
    return grown(probes, lambda: load(REQUESTS_TO_EXPLAIN), PER_REQUEST)


def grown(probes: Asked, load: Callable[[], object], per: Per) -> tuple[Cause, ...]:
    """Return what there is more of after a load than before: exceptions that are kept, or else what grew most."""
    probes.ask("growth.begin")
    try:
        load()
        kept = _kept(probes.ask("growth.kept", limit=MAX_CAUSES), per)
        return kept or _grown(probes.ask("growth.grown", limit=MAX_CAUSES), per)
    finally:
        probes.ask("growth.end")


def cycles(probes: Asked, load: Load) -> tuple[Cause, ...]:
    """Return what in the user's own code closes the circles of references that a request leaves behind."""
    answers = _circles(probes, load)
    objects = sum(answer["objects"] for answer in answers) / REQUESTS_FOR_CYCLES
    circles = [circle for answer in answers for circle in answer["circles"] if circle["own"]]
    by_place = {(one["type"], one["local"], one["file"], one["line"]): one for one in circles}
    return tuple(_cycle(one, objects) for one in by_place.values())[:MAX_CAUSES]


def garbage(probes: Asked, load: Load) -> Cause:
    """Return what the garbage is that a request leaves behind where nothing collects it."""
    types: Counter[str] = Counter()
    for answer in _circles(probes, load):
        types.update(dict(answer["types"]))
    most = [(name, count / REQUESTS_FOR_CYCLES) for name, count in types.most_common(MAX_CAUSES)]
    each = ", ".join(f"{name} {count:,.1f}" for name, count in most)
    return Cause(
        kind=CauseKind.GARBAGE,
        type=most[0][0] if most else "",
        fix="Switch the collector on, call gc.collect() now and then, or break the reference cycles.",
        details=(f"objects of it with each request: {each}",) if each else (),
    )


def _circles(probes: Asked, load: Load) -> list[CyclesAnswer]:
    """Return what some requests leave in reference cycles, of each process."""
    probes.ask("cycles.begin")
    try:
        load(REQUESTS_FOR_CYCLES)
    finally:
        answers: list[CyclesAnswer] = list(probes.ask("cycles.end").values())
    return answers


def reused(suspects: Collection[Suspect], probes: Asked) -> tuple[Cause, ...]:
    """Explain the exceptions whose tracebacks grow.

    Each is one only in its own process: another may have an object of its id.
    """
    answers: Mapping[int, list[ExplainedException]] = probes.ask(
        "explain.explain", ids=[one_id for _, one_id in suspects]
    )
    causes = [
        _from_exception(one) for pid, explained in answers.items() for one in explained if (pid, one["id"]) in suspects
    ]
    return _merged(causes)[:MAX_CAUSES]


def _from_exception(one: ExplainedException) -> Cause:
    return Cause(
        kind=CauseKind.REUSED,
        type=one["type"],
        message=without_secrets(one["message"]),
        held_by=" and ".join(one["held_by"]),
        raised_at=raise_sites(one["raised_at"]),
        traceback_entries=one["entries"],
        frames=one["frames"],
        bytes=one["bytes"],
        fix=_fix_of_reused(one["type"]),
    )


def _merged(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return the causes, those of several processes that have the same name added up; the largest first."""
    by_name: dict[tuple[str, str, str], Cause] = {}
    for one in causes:
        key = one.type, one.held_by, one.message
        if known := by_name.get(key):
            one = replace(  # noqa: PLW2901 - what it was is part of it
                known,
                traceback_entries=known.traceback_entries + one.traceback_entries,
                frames=known.frames + one.frames,
                bytes=known.bytes + one.bytes,
            )
        by_name[key] = one
    return tuple(sorted(by_name.values(), key=lambda one: -one.traceback_entries))


def raise_sites(places: Iterable[RaisedAt]) -> tuple[RaiseSite, ...]:
    """Return the raise sites, each with its source line where that can be read."""
    return tuple(_site(one["file"], one["line"], one["function"], one["raises"]) for one in places)


def _site(file: str, line: int, function: str, raises: int) -> RaiseSite:
    return RaiseSite(file, line, function, raises, source_line(file, line))


def _fix_of_reused(type_name: str) -> str:
    name = type_name.rpartition(".")[2]
    return (
        f"Construct the exception where you raise it: raise {name}(…). "
        "Where it has to stay one object, raise it with .with_traceback(None)."
    )


def protection(starlette: str) -> tuple[str, ...]:
    """Return what Starlette does about reused exceptions, if there is one.

    Since 1.10.0 it removes the traceback of an exception once one of its handlers has handled it
    (Kludex/starlette#3205).
    """
    if not starlette:
        return ()
    version = tuple(int(part) for part in starlette.split(".")[:2] if part.isdigit())
    removes = "the traceback of an exception that one of its handlers has answered"
    if version < CUTS_SINCE:
        return (f"Starlette {starlette} protects none of this; since 1.10.0 it removes {removes}",)
    return (f"Starlette {starlette} removes {removes}; this one was caught elsewhere",)


def _kept(answers: Mapping[int, list[KeptExceptions]], per: Per) -> tuple[Cause, ...]:
    """Return a cause for each kind of exception of which enough were left behind."""
    causes = (
        replace(
            _from_container(CauseKind.KEPT, one, per, _fix_of_kept(one["held_by"])),
            message=without_secrets(one["message"]),
            raised_at=raise_sites(one["raised_at"]),
        )
        for answer in answers.values()
        for one in answer
        if one["count"] >= per.least
    )
    return tuple(causes)[:MAX_CAUSES]


def _grown(answers: Mapping[int, list[GrownObjects]], per: Per) -> tuple[Cause, ...]:
    """Return what grew most, if that is enough."""
    for answer in answers.values():
        for one in answer:
            if one["count"] >= per.least:
                return (_from_container(CauseKind.OTHER, one, per, _fix_of_growth(one["held_by"])),)
    return (Cause(CauseKind.OTHER, fix=_NO_CAUSE),)


_NO_CAUSE = "No exception and no container was found; look with memray or tracemalloc at this path alone."


def _from_container(kind: CauseKind, one: KeptExceptions | GrownObjects, per: Per, fix: str) -> Cause:
    where, bound = one["held_by"], one.get("bounded")
    details = [f"{one['count'] / per.count:,.1f} objects of this type more {per.unit}"]
    if where and (length := one.get("length")) is not None:
        details.append(f"{where} has {length:,}{f' of at most {bound:,}' if bound else ''} elements")
    return Cause(kind, one["type"], held_by=where, fix=fix, details=tuple(details), bound=bound)


def _fix_of_kept(where: str) -> str:
    bound = f", or bound {where}" if where else ""
    return f"Keep what you need of an exception, its type and its message, not the object{bound}."


def _fix_of_growth(where: str) -> str:
    return f"Bound {where or 'what holds these objects'}, or remove what is no longer needed."


def _cycle(one: ClosedCircle, objects: float) -> Cause:
    return Cause(
        kind=CauseKind.CYCLE,
        type=one["type"],
        held_by=f"local {one['local']!r} of {one['function']}",
        raised_at=(_site(one["file"], one["line"], one["function"], raises=1),),
        fix=(
            "Delete the local in a finally block, or keep the exception out of it: "
            "only the garbage collector frees it, late."
        ),
        details=(f"{objects:,.1f} objects in reference cycles with each request",),
    )
