"""The catalogue of twins, as an arm tells it over HTTP: what each variant answers, and what is expected of it."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from loadtest import HEADLINE
from sadpath.verdict import FLAT_BELOW, Outcome

TIMEOUT_S = 5.0

Bounds = tuple[float, float]


class NoSuchTwin(Exception):  # noqa: N818 - for the person at the terminal
    """The catalogue has no twin of this name; the message lists those that it has."""


class NoCatalogue(Exception):  # noqa: N818 - for the person at the terminal
    """The arm tells no catalogue; the message says why, and what to type."""


@dataclass(frozen=True)
class Variant:
    """One half of a twin, and the bounds of what is expected of a request through it."""

    slug: str
    path: str
    status: int
    why: str
    bytes_kept: Bounds
    cyclic_objects: Bounds
    log_bytes_added: Bounds

    @property
    def outcome(self) -> Outcome:
        """What its verdict must be: a leak if whatever it may keep is more than what is taken for flat."""
        return "leaks" if self.bytes_kept[0] > FLAT_BELOW else "flat"


@dataclass(frozen=True)
class Twin:
    """One pattern, with the two variants that a demonstration sets against each other.

    `requests` are enough to tell them apart.
    """

    slug: str
    title: str
    protocol: str
    requests: int
    leaky: Variant
    mended: Variant

    @property
    def arms(self) -> dict[str, Variant]:
        """The variant of each arm."""
        return {"reused": self.leaky, "factory": self.mended}

    @property
    def is_headline(self) -> bool:
        """Whether it is the twin that is shown where none is named."""
        return self.slug == HEADLINE

    @property
    def makes_cycles(self) -> bool:
        """Whether its leak is garbage that only the collector frees."""
        return self.leaky.cyclic_objects[0] > 0

    @property
    def slows_down(self) -> bool:
        """Whether each request costs more than the one before, since it logs all that was raised before."""
        return self.leaky.log_bytes_added[0] > 0

    @property
    def about(self) -> str:
        """Say what the arms are: the pattern, and below it the path of each."""
        paths = ", ".join(f"{arm} = {variant.path}" for arm, variant in self.arms.items())
        return f"{self.title.replace('`', '')}\n{paths}"


def twin_at(url: str, slug: str) -> Twin:
    """Ask the arm at `url` for one twin. Raises `NoCatalogue` and `NoSuchTwin`."""
    return twin_of(described(url, slug))


def described(url: str, slug: str) -> dict[str, Any]:
    """Return what the arm at `url` says of one twin. Raises `NoCatalogue` and `NoSuchTwin`."""
    twins = {twin["slug"]: twin for twin in _catalogue(url)}
    if slug not in twins:
        raise NoSuchTwin(f"there is no twin {slug!r}; there are {', '.join(twins)}")
    return dict(twins[slug])


def twin_of(description: dict[str, Any]) -> Twin:
    """Pick what we need from what an arm says of a twin."""
    variants = {variant["slug"]: _variant(variant) for variant in description["variants"]}
    return Twin(
        slug=description["slug"],
        title=description["title"],
        protocol=description["protocol"],
        requests=description["requests"],
        leaky=variants[description["leaky"]],
        mended=variants[description["mended"]],
    )


def _variant(description: dict[str, Any]) -> Variant:
    expected: dict[str, list[float]] = description["expected"]
    return Variant(
        slug=description["slug"],
        path=description["path"],
        status=description["status"],
        why=description["why"],
        bytes_kept=_bounds(expected["bytes_kept_per_request"]),
        cyclic_objects=_bounds(expected["cyclic_objects_per_request"]),
        log_bytes_added=_bounds(expected["log_bytes_added_per_request"]),
    )


def _bounds(pair: list[float]) -> Bounds:
    low, high = pair
    return low, high


def _catalogue(url: str) -> list[dict[str, Any]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # an arm is near: no proxy knows it
    try:
        with opener.open(f"{url.rstrip('/')}/twins", timeout=TIMEOUT_S) as response:
            return list(json.load(response))
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoCatalogue(
            f"the arm at {url} tells no twins ({reason}); start it with python -m uvicorn service.app:app --port "
            f"{urlsplit(url).port or 80}, or say where it is with --reused-host and --factory-host"
        ) from error
