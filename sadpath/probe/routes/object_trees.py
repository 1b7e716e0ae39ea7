"""Frameworks whose routes are a tree of objects: Falcon's nodes, CherryPy's controllers, Twisted's resources."""

from functools import partial
from types import FunctionType, MethodType
from typing import Any, Dict, Iterator, List, Set, Union, cast

from ..objects import (
    container_kind,
    dict_of_class,
    elements_of,
    is_class,
    is_one_of,
    items_of,
    mro_of,
    named_attributes,
    text,
    type_name,
)
from .found import (
    LONGEST_PATH,
    METHODS,
    Attributes,
    Found,
    Mounted,
    Reader,
    attributes,
    defines,
    entries_of,
    function_attributes,
    handler_name,
    handlers_in_class,
    route_for_each,
    unwrapped,
)
from .templates import of_braces, of_regular_expression, written

Yielded = Iterator[Union[Found, Mounted]]


def _falcon(app: Attributes, _: Any) -> Yielded:
    for node in elements_of(attributes(app["_router"])["_roots"]):
        yield Mounted("", node, _falcon_node)


def _falcon_node(node: Attributes, _: Any) -> Yielded:
    """Yield the methods of a node that its resource has; the others are refused by functions of Falcon's."""
    responders = {text(method): responder for method, responder in entries_of(node["method_map"])}
    of_resource = {name: one for name, one in responders.items() if type(one) is MethodType}
    handlers = {name: handler_name(one) for name, one in of_resource.items()}
    yield from route_for_each(of_braces(node["uri_template"]), handlers)
    for child in elements_of(node["children"]):
        yield Mounted("", child, _falcon_node)


def _twisted(site: Attributes, _: Any) -> Yielded:
    yield _twisted_child("", site["resource"])


def _twisted_child(prefix: str, child: Any) -> Mounted:
    """Return a resource, or what is one of another kind: a wrapper, or an application of WSGI."""
    return Mounted(prefix, child, _twisted_resource if "children" in named_attributes(child) else None)


def _twisted_resource(resource: Attributes, itself: Any) -> Yielded:
    """Yield what a resource renders, and its children; `getChild` of its own makes others, of unknown methods."""
    kind = type(itself)
    handlers = handlers_in_class(kind, _RENDERED, before=_RESOURCE)
    if not handlers and defines(kind, "render", before=_RESOURCE):
        handlers = {"GET": f"{type_name(kind)}.render"}
    yield from route_for_each("", handlers)
    for name, child in items_of(resource["children"]):
        yield _twisted_child("/" + _segment(name), child)
    if defines(kind, "getChild", before=_RESOURCE):
        yield Found("GET", "/{child}", f"{type_name(kind)}.getChild")


_RENDERED = {method: f"render_{method}" for method in METHODS}
_RESOURCE = "twisted.web.resource.Resource"


def _segment(name: Any) -> str:
    return bytes.decode(name, errors="replace")[:LONGEST_PATH] if issubclass(type(name), bytes) else text(name)


def _synapse(resource: Attributes, _: Any) -> Yielded:
    """Yield the routes of a resource of Synapse's: expressions for whole paths, wherever in the tree it is."""
    for expression, methods in entries_of(resource["_routes"]):
        handlers = {_segment(name): handler_name(attributes(one)["callback"]) for name, one in entries_of(methods)}
        yield from route_for_each(of_regular_expression(written(expression)), handlers)


def _cherrypy(tree: Attributes, _: Any) -> Yielded:
    for prefix, app in items_of(tree["apps"]):
        has_its_prefix = type_name(type(app)) in APPLICATIONS
        yield Mounted("" if has_its_prefix else text(prefix, LONGEST_PATH), app)


def _cherrypy_application(app: Attributes, _: Any) -> Yielded:
    yield Mounted(text(app["_script_name"], LONGEST_PATH), app["root"], partial(_controller, seen=set()))


def _controller(held: Attributes, itself: Any, seen: Set[int]) -> Yielded:
    """Yield what a controller exposes, and the controllers that it has as attributes: each is read once."""
    if id(itself) in seen or container_kind(type(itself)):
        return
    seen.add(id(itself))
    members = {**_members_of_class(type(itself)), **held}
    for name, one in members.items():
        if name.startswith("_"):
            continue
        if is_one_of(one, (FunctionType, MethodType)):
            yield from _page(name, one, type(itself), members)
        elif not is_class(one):
            yield Mounted(f"/{name}", one, partial(_controller, seen=seen))


def _page(name: str, page: Any, kind: type, members: Attributes) -> Iterator[Found]:
    """Yield the routes of a method that is exposed: with its parameters, which are segments of the path."""
    handler = f"{type_name(kind)}.{name}"
    if members.get("exposed") is True and name in METHODS:
        method, path = name, ""
    elif function_attributes(page).get("exposed") is True:
        method, path = "GET", "" if name == "default" else f"/{name}"
    else:
        return
    if name == "index":
        yield Found(method, "/", handler)
    elif not handler_name(page).startswith("cherrypy."):
        yield from (Found(method, path + segments, handler) for segments in _segments(unwrapped(page)))


def _segments(function: Any) -> List[str]:
    """Return what follows the path of a method: the parameters that it must have, and all that it may have."""
    if type(function) is not FunctionType:
        return [""]
    code = function.__code__
    names = [text(name) for name in elements_of(code.co_varnames)]
    positional = names[1 : code.co_argcount]
    rest = names[code.co_argcount + code.co_kwonlyargcount :][: bool(code.co_flags & HAS_REST)]
    least = positional[: len(positional) - len(elements_of(_defaults_of(function)))]
    return list(dict.fromkeys("".join(f"/{{{name}}}" for name in some) for some in (least, positional + rest)))


_defaults_of = cast("Any", FunctionType).__dict__["__defaults__"].__get__
HAS_REST = 0x4
"""`CO_VARARGS` of `inspect`: the function takes any number of positional arguments."""


def _members_of_class(kind: type) -> Attributes:
    bases = [base for base in reversed(mro_of(kind)) if base is not object]
    return {name: one for base in bases for name, one in items_of(dict_of_class(base)) if type(name) is str}


APPLICATIONS: Dict[str, Reader] = {
    "falcon.app.App": _falcon,
    "falcon.api.API": _falcon,
    "twisted.web.server.Site": _twisted,
    "synapse.http.server.JsonResource": _synapse,
    "cherrypy._cptree.Tree": _cherrypy,
    "cherrypy._cptree.Application": _cherrypy_application,
}

PARTS: Dict[str, Reader] = {_RESOURCE: _twisted_resource}
