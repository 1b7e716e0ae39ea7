"""The routes of the web applications in a process: of Starlette and FastAPI, of Flask, and of Django.

Read from the instances' dictionaries, by the names of their classes. No property is asked, and nothing is imported.
"""

import re
from itertools import compress
from typing import Any, Callable, Dict, Iterator, List, Tuple

from .frozen import all_objects
from .objects import attributes_of, elements_of, items_of, mro_of, named_attributes, text, type_name
from .wire import FoundRoute

OPS = ("routes",)

MAX_ROUTES = 5000
MAX_DEPTH = 20
LONGEST_PATH = 2000

Route = Tuple[str, str]


def routes() -> List[FoundRoute]:
    """Op: return the methods and templates of all routes that were found, each once."""
    distinct = dict.fromkeys(route for app in _apps() for route in _routes_of(app))
    return [{"method": method, "path": path} for method, path in list(distinct)[:MAX_ROUTES]]


def _apps() -> List[Any]:
    """Return the instances of applications, by the classes that they are of or extend."""
    objects = all_objects()
    kinds = list(map(type, objects))  # once, since a class may be replaced meanwhile
    readers = {key: bool(_reader_of(kind)) for key, kind in dict(zip(map(id, kinds), kinds)).items()}
    return list(compress(objects, (readers[id(kind)] for kind in kinds)))


def _routes_of(app: Any) -> Iterator[Route]:
    reader = _reader_of(type(app))
    try:
        yield from reader(dict(attributes_of(app))) if reader else ()
    except (AttributeError, KeyError, TypeError):  # another version of the framework than we know
        return


def _reader_of(kind: type) -> Any:
    return next((_READERS[name] for base in mro_of(kind) if (name := type_name(base)) in _READERS), None)


def _of_starlette(app: Dict[str, Any]) -> Iterator[Route]:
    router = named_attributes(app["router"])
    yield from _of_routes(router["routes"], "", MAX_DEPTH)


def _of_routes(listed: Any, prefix: str, depth: int) -> Iterator[Route]:
    """Yield the routes of a list of them, and of what is mounted or included in there."""
    for one in elements_of(listed) if depth else ():
        route = named_attributes(one)
        path = prefix + text(route.get("path"), LONGEST_PATH)
        below = named_attributes(route.get("app", route.get("original_router")))
        if "routes" in below or "router" in below:
            router = below if "routes" in below else named_attributes(below["router"])
            included = named_attributes(route.get("include_context")) or route
            yield from _of_routes(router.get("routes"), path + text(included.get("prefix"), LONGEST_PATH), depth - 1)
        else:
            yield from ((method, _plain(path)) for method in _methods(route))


def _of_flask(app: Dict[str, Any]) -> Iterator[Route]:
    rules = named_attributes(app["url_map"])["_rules_by_endpoint"]
    for one in [rule for _, of_endpoint in items_of(rules) for rule in elements_of(of_endpoint)]:
        rule = named_attributes(one)
        for method in _methods(rule) or ["GET"]:
            yield method, _of_angles(rule["rule"])


def _of_django(resolver: Dict[str, Any], prefix: str = "", depth: int = MAX_DEPTH) -> Iterator[Route]:
    """Yield the routes of Django's root; its `url_patterns` are there once a request was resolved."""
    if not prefix and text(named_attributes(resolver["pattern"]).get("_regex")) != "^/":
        return
    for one in elements_of(resolver.get("url_patterns")) if depth else ():
        inner = named_attributes(one)
        route = named_attributes(inner["pattern"]).get("_route")
        if not issubclass(type(route), str):  # a regular expression, or a text that is translated when it is asked for
            continue
        path = (prefix or "/") + _of_angles(route)
        if "callback" in inner:
            yield "GET", path
        else:
            yield from _of_django({**inner, "url_patterns": _patterns_of(inner)}, path, depth - 1)


def _patterns_of(resolver: Dict[str, Any]) -> Any:
    module = resolver.get("urlconf_name")
    return elements_of(module) or named_attributes(resolver.get("urlconf_module", module)).get("urlpatterns")


_READERS: Dict[str, Callable[[Dict[str, Any]], Iterator[Route]]] = {
    "starlette.applications.Starlette": _of_starlette,
    "flask.app.Flask": _of_flask,
    "django.urls.resolvers.URLResolver": _of_django,
}


def _methods(route: Dict[str, Any]) -> List[str]:
    """Return the methods of a route in the order of the alphabet."""
    return sorted(filter(None, map(text, elements_of(route.get("methods")))))


def _of_angles(rule: Any) -> str:
    """Return a template that has its parameters in angle brackets, with their converters, as `{name}`."""
    return re.sub(r"<(?:[^<>]*:)?([^<>:]+)>", r"{\1}", text(rule, LONGEST_PATH))


def _plain(path: str) -> str:
    """Return a template without the converters of its parameters: `{path:path}` is `{path}`."""
    return re.sub(r"\{([^{}:]+):[^{}]*\}", r"{\1}", path)
