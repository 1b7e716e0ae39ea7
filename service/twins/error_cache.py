"""A cache of exceptions by key, which raises what it holds so that a failed lookup is not repeated."""

from __future__ import annotations

import copy

from service.context import request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Twin, Variant
from service.twins.endpoints import calls


class HostUnknown(Exception):
    """The host has no known address."""


held: dict[str, HostUnknown] = {}
copies: dict[str, HostUnknown] = {}


def resolve(host: str) -> str:
    """Find no address."""
    raise HostUnknown(host)


def look_up(host: str, context_kb: int) -> str:
    """Resolve a host once; then raise what the cache holds."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real caller's data would be
    if host in held:
        raise held[host]  # leaks: each hit raises the same object
    try:
        return resolve(host)
    except HostUnknown as error:
        held[host] = error
        raise


def look_up_copied(host: str, context_kb: int) -> str:
    """Resolve a host once; then raise a copy of what the cache holds."""
    context = request_context(context_kb)  # noqa: F841
    if host in copies:
        raise copy.copy(copies[host])
    try:
        return resolve(host)
    except HostUnknown as error:
        copies[host] = copy.copy(error)  # a copy has no traceback
        raise


def held_lookup(context_kb: int) -> None:
    """Look up an unknown host."""
    try:
        look_up("shop.invalid", context_kb)
    except HostUnknown:
        pass


def copied_lookup(context_kb: int) -> None:
    """Look up an unknown host."""
    try:
        look_up_copied("shop.invalid", context_kb)
    except HostUnknown:
        pass


def forget() -> None:
    """Empty both caches."""
    held.clear()
    copies.clear()


TWIN = Twin(
    slug="error-cache",
    title="A cache of exceptions by key",
    origin="real software: async-lru#199 and jupyterhub#1500 raise what a cache or a future holds",
    leaky="held",
    fixed="copied",
    reused=held,
    forget=forget,
    variants=(
        Variant(
            "held",
            calls(held_lookup),
            TWO_ENTRIES,
            "A cached exception is a reused one: each hit adds two entries to the same object.",
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant(
            "copied",
            calls(copied_lookup),
            FLAT,
            "The cache holds a copy that is never raised, and each hit raises a copy of that one.",
        ),
    ),
)
