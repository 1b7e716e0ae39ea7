"""What the service says of its twins, as `GET /twins` answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

FIGURES = (
    "entries_per_raise",
    "bytes_kept_per_request",
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

    A websocket session answers with 101. `expected` is None where the service says nothing.
    """

    slug: str
    path: str
    status: int
    why: str
    expected: Expected | None


@dataclass(frozen=True)
class Twin:
    """One pattern: `leaky` and `mended` are the slugs of the variants that must be told apart.

    `requests` are as many as one measurement may send.
    """

    slug: str
    title: str
    origin: str
    protocol: Literal["http", "websocket"]
    leaky: str
    mended: str
    requests: int
    context_kb: int
    variants: Sequence[Variant]

    def variant(self, slug: str) -> Variant | None:
        """Return the variant of this name, None if the twin has none."""
        return next((one for one in self.variants if one.slug == slug), None)


def read_catalogue(page: Sequence[Mapping[str, Any]]) -> dict[str, Twin]:
    """Return the twins of the page, by slug. Raises `KeyError` or `TypeError` for a page that is none."""
    return {twin["slug"]: _read_twin(twin) for twin in page}


def _read_twin(twin: Mapping[str, Any]) -> Twin:
    texts = {name: str(twin[name]) for name in ("slug", "title", "origin", "leaky", "mended")}
    variants = [_read_variant(variant) for variant in twin["variants"]]
    numbers = {name: int(twin[name]) for name in ("requests", "context_kb")}
    return Twin(**texts, **numbers, protocol=twin["protocol"], variants=variants)  # type: ignore[arg-type]


def _read_variant(variant: Mapping[str, Any]) -> Variant:
    said = variant.get("expected")
    expected = {figure: (float(said[figure][0]), float(said[figure][1])) for figure in FIGURES} if said else None
    return Variant(variant["slug"], variant["path"], int(variant["status"]), variant["why"], expected)
