"""What a reader of routes yields, and what it reads them with."""

from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Tuple, Union, cast

from ..objects import (
    attributes_of,
    container_kind,
    dict_of_class,
    elements_of,
    is_class,
    is_one_of,
    items_of,
    look_up,
    mro_of,
    named_attributes,
    text,
    type_name,
)

LONGEST_PATH = 2000
MAX_WRAPPERS = 20

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""The methods that a class may define. HEAD and OPTIONS are left out, since frameworks define them for all."""


class Found(NamedTuple):
    """A route: its method, its template such as `/users/{id}`, and the dotted name of what handles it, or nothing."""

    method: str
    path: str
    handler: str = ""


class Mounted(NamedTuple):
    """What has routes of its own below a prefix; without a `reader` it is read by the name of its class."""

    prefix: str
    app: Any
    reader: Any = None


Attributes = Dict[str, Any]
Reader = Callable[[Attributes, Any], Iterator[Union[Found, Mounted]]]
"""Yields the routes of an application, by its attributes and itself."""


def attributes(holder: Any) -> Attributes:
    """Return the attributes of an instance, of its dictionary and its slots."""
    return dict(attributes_of(holder))


def entries_of(container: Any) -> List[Tuple[Any, Any]]:
    """Return the keys and values of a dictionary of any class; none of anything else."""
    return items_of(container) if container_kind(type(container)) is dict else []


def route_for_each(path: str, handlers: Dict[str, str]) -> Iterator[Found]:
    """Yield a route for each method. Frameworks add HEAD to GET, and OPTIONS to any: these are none of their own."""
    added = {"HEAD"} if "GET" in handlers else set()
    if len(handlers) > 1:
        added.add("OPTIONS")
    for method, handler in handlers.items():
        if method not in added:
            yield Found(method, path, handler)


def methods_of(container: Any) -> List[str]:
    """Return the methods in a set, list or tuple, in the order of the alphabet."""
    return sorted(filter(None, map(text, elements_of(container))))


def class_attribute(kind: type, name: str) -> Any:
    """Return what a class or one of its bases has by a name, as it stands there; None without it."""
    held = (look_up(dict_of_class(base), name) for base in mro_of(kind))
    return next((one for one in held if one is not None), None)


def defines(kind: type, name: str, before: str = "") -> bool:
    """Whether a class has an attribute, or one of its bases has that come before the base of a name."""
    names = [type_name(base) for base in mro_of(kind)]
    bases = mro_of(kind)[: names.index(before)] if before in names else mro_of(kind)
    return any(look_up(dict_of_class(base), name) is not None for base in bases)


IN_LOWER_CASE = {method: method.lower() for method in METHODS}


def handlers_in_class(kind: type, spelled: Mapping[str, str] = IN_LOWER_CASE, before: str = "") -> Dict[str, str]:
    """Return the names of the functions for the methods that a class `defines`, by how these are spelled."""
    return {
        method: f"{type_name(kind)}.{name}" for method, name in spelled.items() if defines(kind, name, before=before)
    }


def unwrapped(handler: Any) -> Any:
    """Return the function or bound method behind decorators and partial calls, or whatever else is called.

    None where it is unclear, since a decorator has several functions.
    """
    for _ in range(MAX_WRAPPERS):
        behind = _behind(handler)
        if len(behind) != 1:
            return None if behind else handler
        (handler,) = behind
    return handler


def handler_name(handler: Any) -> str:
    """Return the dotted name of a function, a method of a class, or a class: it is to be the name of one thing.

    Empty for what two may share that answer in two ways: a partial call, an object, and the bound method of one. A
    decorator that does not say what it wraps keeps its own name, since it may be called with more than a function.
    """
    for _ in range(MAX_WRAPPERS):
        declared = _declared(handler)
        if not declared:
            break
        (handler,) = declared
    if type(handler) is MethodType and is_class(_self_of(handler)):
        name = handler_name(_function_of(handler))
        return "" if "<locals>" in name else f"{type_name(_self_of(handler))}.{name.rpartition('.')[2]}"
    if type(handler) is FunctionType:
        return f"{text(_module_of_function(handler))}.{text(_qualname_of_function(handler))}"
    return type_name(handler) if is_class(handler) else ""


_module_of_function = cast("Any", FunctionType).__dict__["__module__"].__get__
_qualname_of_function = cast("Any", FunctionType).__dict__["__qualname__"].__get__
_closure_of = cast("Any", FunctionType).__dict__["__closure__"].__get__
_content_of = cast("Any", CellType).__dict__["cell_contents"].__get__
_self_of = cast("Any", MethodType).__dict__["__self__"].__get__
_function_of = cast("Any", MethodType).__dict__["__func__"].__get__
_called_by = cast("Any", partial).__dict__["func"].__get__
_METHODS_OF_A_CLASS = [
    (staticmethod, cast("Any", staticmethod).__dict__["__func__"].__get__),
    (classmethod, cast("Any", classmethod).__dict__["__func__"].__get__),
]


def _declared(handler: Any) -> List[Any]:
    """Return what a callable says that it stands for; nothing where it says nothing."""
    for kind, inner_of in _METHODS_OF_A_CLASS:
        if type(handler) is kind:
            return [inner_of(handler)]
    says_nothing = is_class(handler) or is_one_of(handler, (MethodType, partial))
    wrapped = None if says_nothing else named_attributes(handler).get("__wrapped__")
    return [] if wrapped is None else [wrapped]


def _behind(handler: Any) -> List[Any]:
    """Return what a callable stands for, also where a decorator does not say so: several where that is unclear."""
    if type(handler) is partial:
        return [_called_by(handler)]
    declared = _declared(handler)
    if not declared and type(handler) is FunctionType and "<locals>" in text(_qualname_of_function(handler)):
        return [one for one in enclosed(handler).values() if is_one_of(one, (FunctionType, MethodType))]
    return declared


def enclosed(function: Any) -> Dict[str, Any]:
    """Return the values of the free variables of a function."""
    names = map(text, elements_of(function.__code__.co_freevars))
    return {name: _content(cell) for name, cell in zip(names, elements_of(_closure_of(function)))}


def _content(cell: Any) -> Any:
    try:
        return _content_of(cell)
    except ValueError:  # it is empty
        return None


def behind_middleware(known: Attributes, itself: Any) -> Iterator[Mounted]:
    """Yield the application that a middleware holds, or that a method is of."""
    if type(itself) is MethodType:
        yield Mounted("", _self_of(itself))
    for name in _INNER:
        if known.get(name) is not None:
            yield Mounted("", known[name])
            break


_INNER = ("app", "application", "wsgi_app", "asgi_app", "_app", "_application", "original")
"""By what names middlewares hold the application that they are for."""


def function_attributes(handler: Any) -> Attributes:
    """Return the attributes of a function and of what it wraps, its own first."""
    known: Attributes = {}
    for _ in range(MAX_WRAPPERS):
        if handler is None or is_class(handler):
            break
        known = {**named_attributes(handler), **known}
        handler = named_attributes(handler).get("__wrapped__")
    return known
