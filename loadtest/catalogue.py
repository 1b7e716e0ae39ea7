"""The catalogue of twins, as `GET /twins` tells it: what each variant answers, and what is expected of it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit

from loadtest import HEADLINE
from sadpath.verdict.judge import FLAT_BELOW, Outcome

TIMEOUT_S = 5.0

FIGURES = (
    "traceback_entries_per_request",
    "bytes_per_request",
    "cyclic_objects_per_request",
    "log_bytes_added_per_request",
)
"""The figures that a twin has expectations of."""

Range = tuple[float, float]
"""What a figure may be, both ends included."""

Expected = Mapping[str, Range]
"""The ranges by the name of the figure: one of each of `FIGURES`."""


class NoSuchTwin(Exception):  # noqa: N818 - for the person at the terminal
    """The catalogue has no twin of this name; the message lists those that it has."""


class NoCatalogue(Exception):  # noqa: N818 - for the person at the terminal
    """The arm tells no catalogue; the message says why, and what to type."""


@dataclass(frozen=True)
class Variant:
    """One endpoint of a twin: its path, the status that it answers with, what is expected of it and why.

    A websocket session answers with 101. `expected` is None where the service says nothing.
    """

    slug: str
    path: str
    status: int
    why: str
    expected: Expected | None

    def range_of(self, figure: str) -> Range:
        """Return what one of `FIGURES` may be; none at all where the service says nothing."""
        return (self.expected or {}).get(figure, (0.0, 0.0))

    @property
    def outcome(self) -> Outcome:
        """What its verdict must be: a leak if whatever it may keep is more than what is taken for flat."""
        return "leaks" if self.range_of("bytes_per_request")[0] > FLAT_BELOW else "flat"


@dataclass(frozen=True)
class Twin:
    """One pattern: `leaky` and `fixed` are the slugs of the variants that a demonstration sets against each other.

    `requests` are as many as one measurement may send.
    """

    slug: str
    title: str
    origin: str
    protocol: Literal["http", "websocket"]
    leaky: str
    fixed: str
    requests: int
    context_kb: int
    variants: Sequence[Variant]

    def variant(self, slug: str) -> Variant | None:
        """Return the variant of this name, None if the twin has none."""
        return next((one for one in self.variants if one.slug == slug), None)

    @property
    def arms(self) -> dict[str, Variant]:
        """The variant of each arm of the demo. Raises `KeyError` if there is none of that name."""
        by_slug = {one.slug: one for one in self.variants}
        return {"reused": by_slug[self.leaky], "factory": by_slug[self.fixed]}

    @property
    def is_headline(self) -> bool:
        """Whether it is the twin that is shown where none is named."""
        return self.slug == HEADLINE

    @property
    def fewest_cyclic_objects(self) -> float:
        """How many objects of each leaky request only the collector can free, at the least."""
        return self.arms["reused"].range_of("cyclic_objects_per_request")[0]

    @property
    def slows_down(self) -> bool:
        """Whether each request costs more than the one before, since it logs all that was raised before."""
        return self.arms["reused"].range_of("log_bytes_added_per_request")[0] > 0

    @property
    def about(self) -> str:
        """Say what the arms are: the pattern, and below it the path of each."""
        paths = ", ".join(f"{arm} = {variant.path}" for arm, variant in self.arms.items())
        return f"{self.title.replace('`', '')}\n{paths}"


def twin_at(url: str, slug: str) -> Twin:
    """Ask the arm at `url` for one twin. Raises `NoCatalogue` and `NoSuchTwin`."""
    return read_twin(described(url, slug))


def described(url: str, slug: str) -> dict[str, Any]:
    """Return what the arm at `url` says of one twin. Raises `NoCatalogue` and `NoSuchTwin`."""
    twins = {twin["slug"]: twin for twin in _catalogue(url)}
    if slug not in twins:
        raise NoSuchTwin(f"there is no twin {slug!r}; there are {', '.join(twins)}")
    return dict(twins[slug])


def read_catalogue(page: Sequence[Mapping[str, Any]]) -> dict[str, Twin]:
    """Return the twins of the page, by slug. Raises `KeyError` or `TypeError` for a page that is none."""
    return {twin["slug"]: read_twin(twin) for twin in page}


def read_twin(twin: Mapping[str, Any]) -> Twin:
    """Return one twin of the page. Raises `KeyError` or `TypeError` for what is none."""
    texts = {name: str(twin[name]) for name in ("slug", "title", "origin", "leaky", "fixed")}
    variants = [_read_variant(variant) for variant in twin["variants"]]
    numbers = {name: int(twin[name]) for name in ("requests", "context_kb")}
    return Twin(**texts, **numbers, protocol=twin["protocol"], variants=variants)  # type: ignore[arg-type]


def _read_variant(variant: Mapping[str, Any]) -> Variant:
    said = variant.get("expected")
    expected = {figure: (float(said[figure][0]), float(said[figure][1])) for figure in FIGURES} if said else None
    return Variant(variant["slug"], variant["path"], int(variant["status"]), variant["why"], expected)


def _catalogue(url: str) -> list[dict[str, Any]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # an arm is near: no proxy knows it
    try:
        with opener.open(f"{url.rstrip('/')}/twins", timeout=TIMEOUT_S) as response:
            return list(json.load(response))
    except HTTPError as answer:
        answer.close()  # it holds a connection
        raise _no_catalogue(url, answer.reason) from answer
    except (OSError, HTTPException, ValueError) as error:
        raise _no_catalogue(url, getattr(error, "reason", error)) from error


def _no_catalogue(url: str, reason: object) -> NoCatalogue:
    return NoCatalogue(
        f"the arm at {url} tells no twins ({reason}); start it with python -m uvicorn service.app:app --port "
        f"{urlsplit(url).port or 80}, or say where it is with --reused-host and --factory-host"
    )
