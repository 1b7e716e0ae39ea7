"""The routes of the web applications in a process: of Starlette and FastAPI, of Flask, and of Django.

Read from the instances' dictionaries, by the names of their classes. No property is asked, and nothing is imported.
"""

import gc
import re
from itertools import compress
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from .objects import attributes_of, instance_dict, is_one_of, type_name
from .wire import FoundRoute

OPS = ("routes",)

MAX_ROUTES = 5000
MAX_DEPTH = 20

Route = Tuple[str, str]


def routes() -> List[FoundRoute]:
    """Op: return the methods and templates of all routes that were found, each once."""
    distinct = dict.fromkeys(route for app in _apps() for route in _routes_of(app))
    return [{"method": method, "path": path} for method, path in list(distinct)[:MAX_ROUTES]]


def _apps() -> List[Any]:
    """Return the instances of applications, by the classes that they are of or extend."""
    objects = gc.get_objects()
    kinds = {id(kind): kind for kind in map(type, objects)}
    readers = {key: bool(_reader_of(kind)) for key, kind in kinds.items()}
    return list(compress(objects, (readers[id(type(one))] for one in objects)))


def _routes_of(app: Any) -> Iterator[Route]:
    reader = _reader_of(type(app))
    try:
        yield from reader(dict(attributes_of(app))) if reader else ()
    except (AttributeError, KeyError, TypeError):  # another version of the framework than we know
        return


def _reader_of(kind: type) -> Any:
    return next((_READERS[name] for base in type.mro(kind) if (name := type_name(base)) in _READERS), None)


def _of_starlette(app: Dict[str, Any]) -> Iterator[Route]:
    router = instance_dict(app["router"]) or {}
    yield from _of_routes(router["routes"], "", MAX_DEPTH)


def _of_routes(listed: Sequence[Any], prefix: str, depth: int) -> Iterator[Route]:
    """Yield the routes of a list of them, and of what is mounted or included in there."""
    for one in list(listed) if depth else ():
        route = instance_dict(one) or {}
        path = prefix + _text(route.get("path"))
        inner = route.get("app", route.get("original_router"))
        below = instance_dict(inner) or {}
        if "routes" in below or "router" in below:
            router = below if "routes" in below else instance_dict(below["router"]) or {}
            included = instance_dict(route.get("include_context")) or route
            yield from _of_routes(router.get("routes") or (), path + _text(included.get("prefix")), depth - 1)
        elif route.get("methods"):
            yield from ((str(method), _plain(path)) for method in sorted(route["methods"]))


def _of_flask(app: Dict[str, Any]) -> Iterator[Route]:
    rules = (instance_dict(app["url_map"]) or {})["_rules_by_endpoint"]
    for one in [rule for of_endpoint in list(rules.values()) for rule in list(of_endpoint)]:
        rule = instance_dict(one) or {}
        for method in sorted(rule.get("methods") or ("GET",)):
            yield str(method), re.sub(r"<(?:[^<>]*:)?([^<>:]+)>", r"{\1}", rule["rule"])


def _of_django(resolver: Dict[str, Any], prefix: str = "", depth: int = MAX_DEPTH) -> Iterator[Route]:
    """Yield the routes of Django's root; its `url_patterns` are there once a request was resolved."""
    if not prefix and (instance_dict(resolver["pattern"]) or {}).get("_regex") != "^/":
        return
    for one in list(resolver.get("url_patterns") or ()) if depth else ():
        inner = instance_dict(one) or {}
        pattern = instance_dict(inner["pattern"]) or {}
        if "_route" not in pattern:
            continue
        path = (prefix or "/") + re.sub(r"<(?:[^<>]*:)?([^<>:]+)>", r"{\1}", str(pattern["_route"]))
        if "callback" in inner:
            yield "GET", path
        else:
            yield from _of_django({**inner, "url_patterns": _patterns_of(inner)}, path, depth - 1)


def _patterns_of(resolver: Dict[str, Any]) -> Sequence[Any]:
    module = resolver.get("urlconf_name")
    if is_one_of(module, (list, tuple)):
        return list(module)  # type: ignore[arg-type]  # it is one of these
    return (instance_dict(resolver.get("urlconf_module", module)) or {}).get("urlpatterns") or ()


_READERS: Dict[str, Callable[[Dict[str, Any]], Iterator[Route]]] = {
    "starlette.applications.Starlette": _of_starlette,
    "flask.app.Flask": _of_flask,
    "django.urls.resolvers.URLResolver": _of_django,
}


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _plain(path: str) -> str:
    """Return a template without the converters of its parameters: `{path:path}` is `{path}`."""
    return re.sub(r"\{([^{}:]+):[^{}]*\}", r"{\1}", path)
