"""Who asks: a page or a program of ours, or a page of another origin that is open in the same browser.

A browser sends the requests of any page without asking its user. `Origin` and `Sec-Fetch-Site` tell of another page,
and a program that is no browser sends neither. A page whose name was rebound to this machine's address is of the same
origin to its browser, but its name is in `Host`.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

ONE_WORD = re.compile(r"[a-z0-9_-]+")


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
