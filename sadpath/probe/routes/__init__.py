"""The routes of the web applications in a process, for a service that has no description.

Read from the instances' dictionaries and slots, by the names of their classes. No property is asked, nothing of the
application's is called, and nothing is imported. A framework that keeps its routes in another way than is known here is
named in a note.
"""

import time
from itertools import compress
from typing import Any, Dict, Iterator, List, Set

from ..frozen import all_objects
from ..objects import mro_of, type_name
from ..wire import FoundRoute, RoutesAnswer
from . import django_urls, object_trees, tables
from .found import Found, Mounted, Reader, attributes, inner_app

OPS = ("routes",)

MAX_ROUTES = 5000
MAX_DEPTH = 20
MAX_VISITS = 200_000
"""Routes and nodes that are looked at, in all applications."""

MAX_SECONDS = 5.0

_APPLICATIONS: Dict[str, Reader] = {
    **tables.APPLICATIONS,
    **django_urls.APPLICATIONS,
    **object_trees.APPLICATIONS,
}
"""What may be the root of a service, by the name of its class."""

_READERS: Dict[str, Reader] = {**_APPLICATIONS, **tables.PARTS}


def routes() -> RoutesAnswer:
    """Op: return the methods and templates of all routes that were found, each once, as they were registered."""
    walk = _Walk()
    of_app = {id(app): walk.all_of(app) for app in _apps()}
    roots = [found for app, found in of_app.items() if app not in walk.mounted]
    distinct: Dict[Any, FoundRoute] = {}
    for method, path, handler in (one for found in roots for one in found):
        distinct.setdefault((method, path), {"method": method, "path": path, "handler": handler})
    if len(distinct) > MAX_ROUTES:
        walk.notes[f"only the first {MAX_ROUTES:,} of {len(distinct):,} routes were read"] = None
    return {"routes": list(distinct.values())[:MAX_ROUTES], "notes": list(walk.notes)}


def _apps() -> List[Any]:
    """Return the instances of applications, by the classes that they are of or extend."""
    objects = all_objects()
    kinds = list(map(type, objects))  # once, since a class may be replaced meanwhile
    are_apps = {key: bool(_reader_of(kind, _APPLICATIONS)) for key, kind in dict(zip(map(id, kinds), kinds)).items()}
    return list(compress(objects, (are_apps[id(kind)] for kind in kinds)))


def _reader_of(kind: type, readers: Dict[str, Reader]) -> Any:
    return next((readers[name] for base in mro_of(kind) if (name := type_name(base)) in readers), None)


class _Ended(Exception):  # noqa: N818 - no error of the program
    """A walk has looked at as much as it may."""


class _Walk:
    """Reads applications and what is mounted in them, as far as its bounds allow.

    `mounted` has the ids of what was found within another, `notes` what there is to say.
    """

    def __init__(self) -> None:
        self.mounted: Set[int] = set()
        self._within_app: Set[int] = set()
        self.notes: Dict[str, None] = {}
        self._visits, self._deadline = 0, time.monotonic() + MAX_SECONDS

    def all_of(self, app: Any) -> List[Found]:
        """Return the routes of an application, as many as can be read."""
        found: List[Found] = []
        self._within_app = set()
        try:
            found.extend(self._below(Mounted("", app), MAX_DEPTH))
        except _Ended:
            self.notes[f"not all routes were read: there are more than {MAX_VISITS:,}, or they take too long"] = None
        self.mounted |= self._within_app - {id(app)}
        return found

    def _below(self, mounted: Mounted, depth: int) -> Iterator[Found]:
        app, reader = mounted.app, mounted.reader or _reader_of(type(mounted.app), _READERS)
        if reader is None:
            inner = inner_app(app)
            if inner is not None and depth:
                yield from self._within(Mounted(mounted.prefix, inner), "", depth)
            return
        try:
            for one in reader(attributes(app), app):
                self._visit()
                if isinstance(one, Found):
                    yield one._replace(path=(mounted.prefix + one.path) or "/")
                elif depth:
                    yield from self._within(one, mounted.prefix, depth)
        except _Ended:
            raise
        except Exception:  # noqa: BLE001 - another version of the framework than we know
            self.notes[f"the routes of {type_name(type(app))} could not be read"] = None

    def _within(self, one: Mounted, prefix: str, depth: int) -> Iterator[Found]:
        self._within_app.add(id(one.app))
        yield from self._below(one._replace(prefix=prefix + one.prefix), depth - 1)

    def _visit(self) -> None:
        self._visits += 1
        if self._visits > MAX_VISITS or time.monotonic() > self._deadline:
            raise _Ended
