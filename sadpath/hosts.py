"""A load test hits only what you own: loopback and private addresses, unless a flag says otherwise."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit


class NotYours(Exception):  # noqa: N818 - a refusal
    """The host is neither on this machine nor on a private network; the message says what to type."""


def check_host(url: str, *, i_own_this_host: bool = False) -> None:
    """Check that every address of the host in `url` is loopback or private.

    Raises `NotYours` if one is not, unless `i_own_this_host`, and `ValueError` for what is no HTTP address.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _has_port(parts):
        raise ValueError(f"{url!r} is no address of a service; one looks like http://127.0.0.1:8000")
    if i_own_this_host:
        return
    strangers = [address for address in _addresses(parts.hostname) if not _is_near(address)]
    if strangers:
        raise NotYours(
            f"{parts.hostname} ({strangers[0]}) is neither this machine nor on a private network; "
            "if it is yours to load, say so with --i-own-this-host"
        )


def _has_port(parts: SplitResult) -> bool:
    """Whether the port is a number that a port can have, or left out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _addresses(host: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError) as error:
        raise ValueError(f"the host {host!r} has no address: {error}") from error


def _is_near(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return parsed.is_loopback or (parsed.is_private and not parsed.is_link_local)
