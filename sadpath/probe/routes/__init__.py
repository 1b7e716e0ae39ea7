"""The routes of the web applications in a process, for a service that has no description.

Read from the instances' dictionaries and slots, by the names of their classes. No property is asked, nothing of the
application's is called, and nothing is imported. A framework that keeps its routes in another way than is known here is
named in a note.
"""

import time
from itertools import compress
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple, Union

from ..frozen import all_objects
from ..objects import mro_of, type_name
from ..wire import FoundRoute, RoutesAnswer
from . import django_urls, object_trees, tables
from .found import Found, Mounted, Reader, attributes, behind_middleware

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

_READERS: Dict[str, Reader] = {**_APPLICATIONS, **tables.PARTS, **object_trees.PARTS}


def routes() -> RoutesAnswer:
    """Op: return the methods and templates of all routes that were found, each once, as they were registered."""
    walk = _Walk()
    of_app = {id(app): walk.all_of(app) for app in _apps()}
    roots = [found for app, found in of_app.items() if app not in walk.mounted]
    distinct: Dict[Any, FoundRoute] = {}
    for method, path, handler in (one for found in roots for one in found):
        distinct.setdefault((method, path), {"method": method, "path": path, "handler": handler})
    if len(distinct) > MAX_ROUTES:
        walk.notes[f"only the first {MAX_ROUTES:,} of {len(distinct):,} routes of the running app were read"] = None
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
        self.notes: Dict[str, None] = {}
        self._visits, self._deadline = 0, time.monotonic() + MAX_SECONDS

    def all_of(self, app: Any) -> List[Found]:
        """Return the routes of an application, as many as can be read."""
        found: List[Found] = []
        try:
            found.extend(self._below(Mounted("", app), ()))
        except _Ended:
            self.notes["not all routes of the running app were read: there are too many, or it takes too long"] = None
        return found

    def _below(self, mounted: Mounted, above: Tuple[int, ...]) -> Iterator[Found]:
        """Yield the routes of what is mounted; `above` has the ids of what it is in, none of which is entered again."""
        app, prefix = mounted.app, mounted.prefix
        if id(app) in above or len(above) == MAX_DEPTH:
            return
        if above and not mounted.reader:
            self.mounted.add(id(app))
        for one in self._read(app, mounted.reader):
            if isinstance(one, Found):
                yield one._replace(path=_absolute(prefix + one.path))
            else:
                yield from self._below(one._replace(prefix=prefix + one.prefix), (*above, id(app)))

    def _read(self, app: Any, named: Optional[Reader]) -> Iterator[Union[Found, Mounted]]:
        reader = named or _reader_of(type(app), _READERS) or behind_middleware
        try:
            for one in reader(attributes(app), app):
                self._visit()
                yield one
        except _Ended:
            raise
        except Exception:  # noqa: BLE001 - another version of the framework than we know
            self.notes[f"the routes of {type_name(type(app))} could not be read"] = None

    def _visit(self) -> None:
        self._visits += 1
        if self._visits > MAX_VISITS or time.monotonic() > self._deadline:
            raise _Ended


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"
