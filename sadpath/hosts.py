"""A load test only hits what you own: loopback and private addresses, unless an option allows more."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from sadpath.errors import CommandError, Status


def check_host(url: str, *, i_own_this_host: bool = False, option: str = "--i-own-this-host") -> None:
    """Check that every address of the host in `url` is loopback or private.

    Raises `CommandError` if one is not, unless `i_own_this_host`, and for anything that is not an HTTP address.
    `option` is what to type to allow the host.
    """
    parts = urlsplit_or_none(url)
    if parts is None:
        raise CommandError(
            f"expected the address of a service, got {url!r} (for example http://127.0.0.1:8000)", Status.WRONG_COMMAND
        )
    if i_own_this_host:
        return
    strangers = [address for address in _addresses(str(parts.hostname)) if not _is_near(address)]
    if strangers:
        raise CommandError(
            f"{parts.hostname} ({strangers[0]}) is neither this machine nor on a private network; "
            f"if you own it, add {option}",
            Status.WRONG_COMMAND,
        )


def urlsplit_or_none(url: str) -> SplitResult | None:
    """Split an HTTP address into its parts; None for anything else."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of brackets, and of a port that is not a number
        return None
    return parts if is_address else None


def _addresses(host: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError) as error:
        raise CommandError(f"cannot resolve host {host!r}", Status.WRONG_COMMAND) from error


def _is_near(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return parsed.is_loopback or (parsed.is_private and not parsed.is_link_local)
