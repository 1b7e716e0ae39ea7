"""Find the prefix below which a service has the paths of its description, where the description does not say so.

Behind a proxy, mounted in another application, or written by hand: a description may lack a prefix, or have one that is
not the service's. Each of its paths is then answered as any path that the service does not know.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from sadpath.check.driver import Answer, Client, Request
from sadpath.check.find import PARAMETER, UNKNOWN_PATH
from sadpath.check.find.safe import changes_something
from sadpath.check.find.schema import Schema, evenly

USUAL = ("", "/api", "/api/v1", "/v1")
TRIED = 5
"""Operations below each prefix."""

COMPARED = 50
"""Paths that are compared with the routes of the app."""

ONE_WITHIN_S, ALL_WITHIN_S = 3.0, 15.0


@dataclass(frozen=True)
class _Below:
    """A prefix, and of the operations below it how many were tried, known to the service, and among its routes.

    Nothing is there if all of them, and a path that no service knows, are answered with 404.
    """

    prefix: str
    tried: int
    known: int
    routed: int
    is_empty: bool

    @property
    def is_right(self) -> bool:
        """Whether no other has to be looked for: a few paths may be answered as unknown ones are."""
        return self.known > 0 and self.known * 2 >= self.tried


def at_its_prefix(
    schema: Schema,
    url: str,
    headers: Mapping[str, str],
    routes: Sequence[tuple[str, str]],
    is_wanted: Callable[[str, str, str], bool],
) -> Schema:
    """Return the description below the prefix where the service has its paths, with a note if that is another.

    A few `GET` operations are asked for that are wanted by their method, their template in the description and that
    below the prefix, unless the `routes` of the app say that the prefix is right.
    """
    routed = _routed(schema, routes)
    if routed[schema.prefix] * 2 > min(COMPARED, len(schema.content["paths"])):
        return schema
    client = Client(url, ONE_WITHIN_S)

    def answer(path: str) -> Answer:
        return client.send(Request("GET", path, headers), may_repeat=True, is_looked_at=True)

    try:
        tried = list(_tried(schema, _prefixes(schema, url, routed), answer, is_wanted))
    finally:
        client.close()
    return _moved(schema, [replace(one, routed=routed[one.prefix]) for one in tried])


def _routed(schema: Schema, routes: Sequence[tuple[str, str]]) -> Counter[str]:
    """Return how many paths have a route below each prefix, of some that are compared."""
    known = {_nameless(path) for _, path in routes}
    routed: Counter[str] = Counter()
    for template in map(_nameless, evenly(list(schema.content["paths"]), COMPARED)):
        routed.update({path.removesuffix(template) for path in known if path.endswith(template)})
    return routed


def _prefixes(schema: Schema, url: str, routed: Counter[str]) -> Iterator[str]:
    """Yield the description's own prefix, then others, the likely ones first."""
    place = urlsplit(schema.address).path.removeprefix(urlsplit(url).path.rstrip("/"))
    folders = [place[: slash.start()] for slash in re.finditer("/", place.rstrip("/"))][:0:-1]
    routes = [prefix for prefix, _ in routed.most_common() if "{" not in prefix][:1]
    joined = [folder + schema.prefix for folder in folders]
    yield from dict.fromkeys([schema.prefix, *routes, *folders, *joined, *USUAL])


def _tried(
    schema: Schema, prefixes: Iterable[str], answer: Callable[[str], Answer], is_wanted: Callable[[str, str, str], bool]
) -> Iterator[_Below]:
    """Yield what is below each prefix, up to the first that is right; nothing is known of one without any operation."""
    until = time.monotonic() + ALL_WITHIN_S
    for prefix in prefixes:
        templates = _plainest(schema, prefix, is_wanted)
        if not templates:
            yield _Below(prefix, 0, 0, 0, is_empty=False)
            continue
        unknown, other = answer(prefix + UNKNOWN_PATH), answer(prefix + UNKNOWN_PATH + "/other")
        answers = [answer(_filled(template)) for template in templates] if unknown.status else []
        known = sum(not _is_like(one, unknown, other) for one in answers)
        is_empty = {one.status for one in [unknown, *answers]} == {HTTPStatus.NOT_FOUND} and bool(answers)
        yield (below := _Below(prefix, len(answers), known, 0, is_empty))
        if below.is_right or time.monotonic() > until:
            return


def _plainest(schema: Schema, prefix: str, is_wanted: Callable[[str, str, str], bool]) -> Sequence[str]:
    """Return the templates of a few operations that change nothing; those without a parameter are known for sure."""
    own = [template for method, template, _ in schema.operations() if method == "GET"]
    names = [(one, prefix + one.removeprefix(schema.prefix)) for one in own]
    templates = [below for one, below in names if not changes_something(below) and is_wanted("GET", one, below)]
    plain = evenly([one for one in templates if "{" not in one], TRIED)
    others = evenly([one for one in templates if "{" in one], TRIED - len(plain))
    return [*plain, *others]


def _moved(schema: Schema, tried: Sequence[_Below]) -> Schema:
    own, best = tried[0], max(tried, key=lambda one: (one.known, one.routed))
    note = ""
    if best.prefix != own.prefix:
        how = f"{best.known} of {best.tried} that were tried are" if best.known else "the app's routes are"
        there = f"{how} below {best.prefix or '/'}"
        note = f"the service does not know the paths of {schema.where} below {own.prefix or '/'}; {there}"
    elif own.is_empty:
        note = f"the service does not know the paths of {schema.where}; if they lack a prefix, add that to --url"
    return replace(schema, below=best.prefix, notes=(*schema.notes, *filter(None, [note])))


def _is_like(answer: Answer, unknown: Answer, other: Answer) -> bool:
    """Whether an answer is that of an unknown path; what differs between two of these tells nothing."""
    is_another_each_time = unknown.shape != other.shape
    return answer.status == unknown.status and (is_another_each_time or answer.shape == unknown.shape)


def _nameless(template: str) -> str:
    return re.sub(PARAMETER, "{}", template)


def _filled(template: str) -> str:
    return quote(re.sub(PARAMETER, "1", template), safe="/%:@!$&'()*+,;=-._~", errors="surrogatepass")
