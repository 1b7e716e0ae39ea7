"""Which requests are safe by their method, and which of these are not by what they say."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import parse_qs, unquote_plus, urlsplit

from sadpath.check.driver import Request
from sadpath.check.find import PARAMETER

SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
"""By RFC 9110."""

METHOD_OVERRIDES = {"x-http-method-override", "x-http-method", "x-method-override"}
"""Headers by which some frameworks take a request as one of another method; `_method` in a query is another way."""

CHANGES_SOMETHING = {
    *("shutdown", "logout", "signout", "restart", "stop", "kill", "exit", "quit"),
    *("delete", "remove", "destroy", "drop", "purge", "reset", "revoke"),
    *("clear", "flush", "erase", "wipe", "truncate", "cancel", "terminate", "reboot", "unsubscribe", "uninstall"),
    *("deleteall", "removeall", "clearall", "resetpassword"),
}
"""Words in the path of a safe operation which one does not want to have repeated: what it says may be what it does."""


NOT_LOOKED_AT = {"authorization", "proxy-authorization", "cookie", "x-api-key", "user-agent"}
"""Headers whose values are no words."""


def overrides_method(request: Request) -> bool:
    """Whether some frameworks would take this for a request of another method."""
    query = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
    return "_method" in query or any(name.lower() in METHOD_OVERRIDES for name in request.headers)


def hides_a_change(request: Request, template: str) -> bool:
    """Whether a request says that it changes something where its method and its template do not: `?action=delete`.

    In its address, in a header, or in the body of a safe one, which has nothing else to say.
    """
    body = request.body.decode(errors="replace") if request.method in SAFE_METHODS else ""
    headers = [value for name, value in request.headers.items() if name.lower() not in NOT_LOOKED_AT]
    sent = [unquote_plus(one) for one in (re.sub(PARAMETER, "/", request.path), body, *headers)]
    by_a_value = any(map(_says_so, sent)) and not changes_something(template)
    return by_a_value or overrides_method(request)


def changes_something(template: str) -> bool:
    """Whether a path says so with one of its words, also written as two: `/auth/sign-out`."""
    return _says_so(re.sub(PARAMETER, "/", template))


def _says_so(text: str) -> bool:
    words = [word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", text)]
    return not CHANGES_SOMETHING.isdisjoint([*words, *(one + other for one, other in pairwise(words))])
