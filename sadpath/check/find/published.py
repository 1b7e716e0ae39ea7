"""Find the OpenAPI description that a service publishes: nobody has said where it is.

It is looked for at the addresses that generators of descriptions use, in the routes of the running app, and in the
links of pages that show one. All that is asked is a `GET` of an address of the service that changes nothing.
"""

from __future__ import annotations

import html
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urldefrag, urljoin, urlsplit

from sadpath.check.driver import NoPageError, Request, fetch
from sadpath.check.find.description import MOST_BYTES, Web, is_html, listed
from sadpath.check.find.safe import hides_a_change
from sadpath.check.find.schema import Schema, headers_to, parsed_schema
from sadpath.hosts import same_origin, without_user

USUAL_PLACES = (
    "/openapi.json",  # FastAPI, flask-smorest, connexion, APIFlask, quart-schema
    "/swagger.json",  # flask-restx, drf-yasg, connexion
    "/api/openapi.json",  # those below a prefix, django-ninja
    "/api/swagger.json",
    "/v1/openapi.json",
    "/v1.0/openapi.json",
    "/api/v1/openapi.json",
    "/api/v1/swagger.json",
    "/api/v2/openapi.json",
    "/api/schema/?format=json",  # drf-spectacular, which writes YAML where it is not asked for JSON
    "/schema/?format=json",
    "/schema/openapi.json",  # Litestar
    "/docs/openapi.json",  # sanic-ext
    "/swagger/?format=openapi",  # drf-yasg, flask-apispec
    "/api/docs/swagger.json",  # aiohttp-apispec
    "/openapi/openapi.json",  # flask-openapi3
    "/apidoc/openapi.json",  # SpecTree
    "/apispec_1.json",  # flasgger
    "/swagger.yaml",
    "/openapi.yaml",  # pyramid-openapi3
    "/v1/__api__",  # Kinto
    "/v3/api-docs",  # springdoc
    "/swagger/v1/swagger.json",  # ASP.NET
)
PAGES = ("/docs", "/api/docs", "/swagger", "/redoc", "/api", "/api/v1/", "/docs/api", "/apidocs/", "/ui/", "/")
"""Pages that may show a description, and then have a link to it."""

LOOKS_LIKE_ONE = re.compile(
    r"(?:openapi|swagger|api-?spec|schema|spec|redoc|docs?(?:/api)?|__api__)[\w.-]*(?:/json|/yaml)?/?$", re.IGNORECASE
)
"""The end of the path of a description, or of a page that shows one."""

SAYS_ITS_FORMAT = re.compile(r"\.(?:json|ya?ml)/?$|format=(?:openapi|json)")
NO_TEXT = re.compile(r"\.(?:css|gif|ico|jpe?g|map|png|svg|woff2?|(?<!initializer\.)js)$", re.IGNORECASE)
"""The end of what a page needs to be shown, but for the script in which Swagger UI has the address."""

QUOTED = re.compile(r"""["'=]([^"'=<>\s][^"'<>\s]{0,300})""")
ESCAPED = re.compile(r"\\u00([0-9a-fA-F]{2})")

PREFERS = {"Accept": "application/json, */*"}
"""JSON is read many times as fast as YAML, and some have both at one address."""

MOST_REQUESTS = 80
"""Each place may have moved, so that it takes two."""

MOST_ROUTES = 10
MOST_LINKS = 8
"""Of one page."""

MOST_OF_A_PAGE = 1 << 20
FINDS_WITHIN_S, ONE_WITHIN_S = 120.0, 60.0
"""Many frameworks make a description when they are asked for it: one of a thousand operations takes half a minute."""

LOOKS_ON_S = 1.0
"""For others, once one was found."""


def published_schema(
    url: str,
    headers: Mapping[str, str],
    routes: Sequence[tuple[str, str]] = (),
    note: Callable[[str], object] = lambda _: None,
) -> Schema | None:
    """Return the description that the service at `url` publishes; of several that with most operations.

    `routes` are the methods and templates that were read in the running app. `note` is told of the others or, where
    there is none, why the first page that might be one is not.
    """
    search = _Search(url, headers)
    search.ask(_of_routes(routes))
    search.guess(USUAL_PLACES, PAGES)
    for line in search.notes():
        note(line)
    return search.found


class _Search:
    """Asks for addresses of the service at `url`; `found` is the description with most operations so far."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url, self._headers = without_user(url).rstrip("/"), {**PREFERS, **headers_to(url, headers, url)}
        self._asked: set[str] = set()
        self._sizes: dict[int, tuple[int, str]] = {}
        self._refused, self._reasons = list[str](), list[str]()
        self._until, self._looks_on_s = 0.0, FINDS_WITHIN_S
        self.found: Schema | None = None

    def guess(self, places: Iterable[str], pages: Iterable[str]) -> None:
        """Ask for places where a description may be, and for pages that may show one, as long as none was found."""
        self._looks_on_s = LOOKS_ON_S
        self.ask(places, pages)

    def ask(self, places: Iterable[str], pages: Iterable[str] = ()) -> None:
        """Ask for all, and for what a page links to before the next."""
        self._until = time.monotonic() + (self._looks_on_s if self.found else FINDS_WITHIN_S)
        left = deque([(self._url + place, True) for place in places] + [(self._url + page, False) for page in pages])
        while left and len(self._asked) < MOST_REQUESTS and time.monotonic() < self._until:
            address, is_place = left.popleft()
            if address not in self._asked and _is_safe(address):
                self._asked.add(address)
                left.extendleft((link, False) for link in reversed(self._links_of(address, is_place=is_place)))

    def notes(self) -> list[str]:
        """Return what there is to say of what was found or, where nothing was, of the first that might have been it."""
        if self.found:
            others = sorted((size for size in self._sizes.values() if size[1] != self.found.where), reverse=True)
            return [_others(others, self._url)] if others else []
        if self._reasons:
            return self._reasons[:1]
        return [_needs_credentials(self._refused[0])] if self._refused else []

    def _links_of(self, address: str, *, is_place: bool) -> Sequence[str]:
        """Read what is at an address, and return what that links to if it is a page, or has moved."""
        shown = address.removeprefix(self._url)
        try:
            page = fetch(address, self._headers, most_bytes=MOST_BYTES, within_s=self._seconds_left())
            if is_html(page) or address.endswith(".js"):
                return _links(page, address)
            self._see(parsed_schema(Web(address, self._headers, page), shown, self._seconds_left()))
        except NoPageError as error:
            if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                self._refused.append(shown)
            return _likely(_own([error.location], address))
        except (OSError, ValueError) as error:
            if is_place:
                self._reasons.append(f"{shown} is no OpenAPI description that can be read: {error}")
            if isinstance(error, OSError):  # too slow or too large, and so may be the others
                self._until = 0.0
        return ()

    def _seconds_left(self) -> float:
        return max(0.0, min(ONE_WITHIN_S, self._until - time.monotonic()))

    def _see(self, schema: Schema) -> None:
        """Take a description unless there is one as large; the same may be published at several addresses."""
        self._until = min(self._until, time.monotonic() + self._looks_on_s)
        operations = frozenset((method, template) for method, template, _ in schema.operations())
        largest = max((count for count, _ in self._sizes.values()), default=-1)
        self._sizes.setdefault(hash(operations), (len(operations), schema.where))
        if len(operations) > largest:
            self.found = schema


def _of_routes(routes: Iterable[tuple[str, str]]) -> list[str]:
    """Return the paths of those routes that look like a description, or like a page that shows one."""
    paths = [re.sub(r"\.?\{format\}", ".json", path) for method, path in routes if method == "GET"]
    return _likely(path for path in paths if "{" not in path)[:MOST_ROUTES]


def _links(page: bytes, address: str) -> list[str]:
    """Return the addresses that a page names which look like a description, or like a page that shows one."""
    text = html.unescape(page[:MOST_OF_A_PAGE].decode(errors="replace")).replace("\\/", "/")
    quoted = dict.fromkeys(QUOTED.findall(ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), text)))
    named = [one for one in quoted if _looks_like_one(one.partition("?")[0].partition("#")[0])]
    if "drf-yasg" in text:  # whose script asks for the page itself in another format
        named.append("?format=openapi")
    return _likely(_own(named, address))[:MOST_LINKS]


def _own(references: Iterable[str], address: str) -> list[str]:
    """Return what is referred to at an address, where it is of the same origin."""
    found = []
    for reference in references:
        with suppress(ValueError):  # of brackets
            found.append(urldefrag(urljoin(address, reference)).url)
    return [one for one in found if same_origin(one, address)]


def _likely(addresses: Iterable[str]) -> list[str]:
    """Return those that look like a description or a page that shows one, each once, and descriptions first."""
    likely = [one for one in dict.fromkeys(addresses) if _looks_like_one(urlsplit(one).path)]
    return sorted(likely, key=lambda one: not SAYS_ITS_FORMAT.search(one))


def _looks_like_one(path: str) -> bool:
    return bool(LOOKS_LIKE_ONE.search(path)) and not NO_TEXT.search(path)


def _is_safe(address: str) -> bool:
    """Whether an address can be asked for, and does not say that this changes something."""
    parts = urlsplit(address)
    target = f"{parts.path}?{parts.query}"
    is_plain = target.isascii() and target.isprintable() and not set(target) & {" ", "\\", "{", "}"}
    return is_plain and not hides_a_change(Request("GET", target), "")


def _others(sizes: Sequence[tuple[int, str]], url: str) -> str:
    """Return which other descriptions there are, the largest first, and how to check one."""
    first = sizes[0][1] if sizes[0][1].startswith("http") else url + sizes[0][1]
    shown = listed([f"{where} ({count:,} operation{'s'[: count != 1]})" for count, where in sizes])
    return f"also published, and left out: {shown}; --schema {first} checks the first"


def _needs_credentials(place: str) -> str:
    return f"{place} was refused, and may be a description; give a token in [headers], or name a file with --schema"
