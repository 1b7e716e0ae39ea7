"""The catalogue of twins, as `GET /twins` returns it: what each variant answers, and what is expected of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit

from loadtest import HEADLINE
from sadpath.errors import CommandError, Status
from sadpath.hosts import direct_opener
from sadpath.verdict.verdict import FLAT_BELOW_IN_PAGES, Outcome

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


@dataclass(frozen=True)
class Variant:
    """One endpoint of a twin: its path, the status that it answers with, what is expected of it and why.

    A websocket session answers with 101. `expected` is None where the service has no expectation.
    """

    slug: str
    path: str
    status: int
    why: str
    expected: Expected | None

    def range_of(self, figure: str) -> Range:
        """Return what one of `FIGURES` may be; zero where the service has no expectation."""
        return (self.expected or {}).get(figure, (0.0, 0.0))

    @property
    def outcome(self) -> Outcome:
        """The expected verdict: a leak if all that it may retain is more than what counts as flat."""
        return "leaks" if self.range_of("bytes_per_request")[0] > FLAT_BELOW_IN_PAGES else "flat"


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
        """The variants that the two arms get, the leaky one first, by their names. Raises `KeyError`."""
        by_slug = {one.slug: one for one in self.variants}
        return {slug: by_slug[slug] for slug in (self.leaky, self.fixed)}

    @property
    def is_headline(self) -> bool:
        """Whether it is the twin that is shown where none is named."""
        return self.slug == HEADLINE

    @property
    def fewest_cyclic_objects(self) -> float:
        """The fewest objects in reference cycles that a request to the leaky variant makes."""
        return self.arms[self.leaky].range_of("cyclic_objects_per_request")[0]

    @property
    def slows_down(self) -> bool:
        """Whether each request costs more than the one before, since it logs everything that was raised before."""
        return self.arms[self.leaky].range_of("log_bytes_added_per_request")[0] > 0

    @property
    def about(self) -> str:
        """What the arms are: the pattern, and below it the path of each."""
        paths = ", ".join(f"{arm} = {variant.path}" for arm, variant in self.arms.items())
        return f"{self.title.replace('`', '')}\n{paths}"


def twin_at(url: str, slug: str) -> Twin:
    """Ask the arm at `url` for one twin. Raises `CommandError`."""
    return read_twin(described(url, slug))


def described(url: str, slug: str) -> dict[str, Any]:
    """Return one twin of the page of the arm at `url`. Raises `CommandError`."""
    twins = {twin["slug"]: twin for twin in catalogue_at(url)}
    if slug not in twins:
        below = listed(twins.values()).splitlines()
        raise CommandError(f"unknown twin {slug!r}; the twins are:", Status.WRONG_COMMAND, below)
    return dict(twins[slug])


def twins_at(url: str) -> str:
    """Return the twins of the arm at `url`, one line each. Raises `CommandError`."""
    return listed(catalogue_at(url))


def listed(twins: Iterable[Mapping[str, Any]]) -> str:
    """Return the twins of a page for people, one line each."""
    return "\n".join(f"  {twin['slug']:<22} {str(twin['title']).replace('`', '')}" for twin in twins)


def read_catalogue(page: Sequence[Mapping[str, Any]]) -> dict[str, Twin]:
    """Return the twins of the page, by slug. Raises `KeyError` or `TypeError` for any other page."""
    return {twin["slug"]: read_twin(twin) for twin in page}


def read_twin(twin: Mapping[str, Any]) -> Twin:
    """Return one twin of the page. Raises `KeyError` or `TypeError` for anything else."""
    texts = {name: str(twin[name]) for name in ("slug", "title", "origin", "leaky", "fixed")}
    variants = [_read_variant(variant) for variant in twin["variants"]]
    numbers = {name: int(twin[name]) for name in ("requests", "context_kb")}
    return Twin(**texts, **numbers, protocol=twin["protocol"], variants=variants)  # type: ignore[arg-type]


def _read_variant(variant: Mapping[str, Any]) -> Variant:
    ranges = variant.get("expected")
    expected = {figure: (float(ranges[figure][0]), float(ranges[figure][1])) for figure in FIGURES} if ranges else None
    return Variant(variant["slug"], variant["path"], int(variant["status"]), variant["why"], expected)


def catalogue_at(url: str) -> list[dict[str, Any]]:
    """Return the descriptions of all twins, as the arm at `url` lists them. Raises `CommandError`."""
    try:
        with direct_opener().open(f"{url.rstrip('/')}/twins", timeout=TIMEOUT_S) as answer:
            return list(json.load(answer))
    except HTTPError as refusal:
        refusal.close()  # it holds a connection
        raise _no_catalogue(url, refusal.reason) from refusal
    except (OSError, HTTPException, ValueError) as error:
        raise _no_catalogue(url, getattr(error, "reason", error)) from error


def _no_catalogue(url: str, reason: object) -> CommandError:
    return CommandError(
        f"the arm at {url} does not list its twins ({reason}); start it with python -m uvicorn service.app:app --port "
        f"{urlsplit(url).port or 80}, or set its address with --reused-host and --factory-host"
    )
