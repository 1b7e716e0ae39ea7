"""Whom we load, and whom we answer.

A load test only hits what you own: loopback and private addresses, unless an option allows more. And a server of ours
answers to a page or a program of ours, not to a page of another origin that is open in the same browser. A browser
sends the requests of any page without asking its user. `Origin` and `Sec-Fetch-Site` tell of another page, and a
program that is no browser sends neither. A page whose name was rebound to this machine's address is of the same origin
to its browser, but its name is in `Host`.
"""

from __future__ import annotations

import base64
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import BaseHandler, OpenerDirector, ProxyHandler, build_opener

from sadpath.errors import CommandError, Status

ONE_WORD = re.compile(r"[a-z0-9_-]+")
PORTS = {"http": 80, "https": 443}


def check_host(url: str, *, i_own_this_host: bool = False, option: str = "--i-own-this-host") -> None:
    """Check that every address of the host in `url` is loopback or private.

    Raises `CommandError` if one is not, unless `i_own_this_host`, and for anything that is not an HTTP address.
    `option` is what to type to allow the host.
    """
    parts = urlsplit_or_none(url)
    if parts is None:
        raise CommandError(
            f"expected the address of a service, got {without_user(url)!r} (for example http://127.0.0.1:8000)",
            Status.WRONG_COMMAND,
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


def without_user(url: str) -> str:
    """Return an address as it may be shown: without its user and password."""
    parts = urlsplit_or_none(url)
    if parts is None:
        return url.rpartition("@")[2] if "://" in url else url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url


def without_users(text: str) -> str:
    """Return a text that may hold addresses, such as a command line, without their users and passwords."""
    return re.sub(r"(?<=://)[^\s/?#]*@", "", text)


def basic_authorization(url: str) -> dict[str, str]:
    """Return the header that the user and password in an address stand for; none where it has no user."""
    parts = urlsplit_or_none(url)
    if parts is None or parts.username is None:
        return {}
    name = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(name.encode(errors='replace')).decode()}"}


def port_of(parts: SplitResult) -> int:
    """Return the port of an HTTP address, also where it does not say so."""
    return parts.port or PORTS[parts.scheme]


def same_origin(url: str, other: str) -> bool:
    """Whether two addresses are of the same scheme, host and port."""
    parts = urlsplit_or_none(url), urlsplit_or_none(other)
    one, two = ((part.scheme, part.hostname, port_of(part)) if part else None for part in parts)
    return one is not None and one == two


def direct_opener(*handlers: BaseHandler) -> OpenerDirector:
    """Return what opens addresses without the proxy of the environment: whom we load is near, and no proxy knows it."""
    return build_opener(ProxyHandler({}), *handlers)


def _addresses(host: str) -> list[str]:
    try:
        return sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError) as error:
        raise CommandError(f"cannot resolve host {host!r}", Status.WRONG_COMMAND) from error


def plain_address(address: str | bytes) -> IPv4Address | IPv6Address:
    """Return an IP address without its zone, and as IPv4 where IPv6 only wraps one. Raises `ValueError`."""
    parsed = ip_address(address.partition("%")[0] if isinstance(address, str) else address)
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _is_near(address: str) -> bool:
    near = plain_address(address)
    return near.is_loopback or (near.is_private and not near.is_link_local)


def is_own_origin(host: str, origin: str | None, fetch_site: str | None) -> bool:
    """Whether a request with these headers is not one of another origin's page; None for a header that is missing."""
    if fetch_site not in {None, "none", "same-origin"}:
        return False
    return origin is None or _split(origin).lower() == host.lower()


def is_own_name(host: str) -> bool:
    """Whether no stranger's DNS can have given out the name in this `Host`.

    A private address, `localhost` or one word can not: one word, as in `locust:8089`, is a name of the local network,
    such as Compose gives its services.
    """
    name = host_name(host)
    try:
        return ip_address(name).is_private  # as is this machine's own
    except ValueError:
        return bool(ONE_WORD.fullmatch(name)) or name.endswith(".localhost")


def host_name(host: str) -> str:
    """Return the name in a `Host`, without the port; empty where it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # of brackets
        return ""


def _split(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
