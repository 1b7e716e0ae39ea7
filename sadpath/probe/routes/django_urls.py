"""The routes of Django: what its root includes, and the views of Django REST framework."""

import sys
from types import FunctionType, ModuleType
from typing import Any, Dict, Iterator, List, Union

from ..objects import elements_of, is_class, look_up, named_attributes, namespace_of, text, type_name
from .found import (
    LONGEST_PATH,
    MAX_WRAPPERS,
    METHODS,
    Attributes,
    Found,
    Mounted,
    Reader,
    class_attribute,
    enclosed,
    entries_of,
    function_attributes,
    handler_name,
    handlers_in_class,
    methods_of,
    route_for_each,
    unwrapped,
)
from .templates import of_angles, of_regular_expression

SUFFIXES = ("\\.(?P<format>", "<drf_format_suffix")
"""What Django REST framework adds for `/users.json`, beside each of its routes."""


OF_A_FUNCTION = "WrappedAPIView"
"""The class that Django REST framework makes of each function that is a view: all have this name."""


def _root(resolver: Attributes, itself: Any) -> Iterator[Union[Found, Mounted]]:
    """Yield what the root includes; of any other resolver nothing, since it is read where it is included."""
    if text(named_attributes(resolver["pattern"]).get("_regex")) == "^/":
        yield from _resolver(resolver, itself)


def _resolver(resolver: Attributes, _: Any) -> Iterator[Union[Found, Mounted]]:
    for one in _patterns_of(resolver):
        inner = named_attributes(one)
        pattern = named_attributes(inner["pattern"])
        written = _as_written(pattern)
        if any(suffix in written for suffix in SUFFIXES):
            continue
        path = of_angles(written) if "_route" in pattern else of_regular_expression(written)
        if inner.get("callback") is None:
            yield Mounted(path, one, _resolver)
        else:
            yield from route_for_each(path, _handlers_of(inner["callback"]))


def _as_written(pattern: Attributes) -> str:
    """Return a route or a regular expression as it was written, before it is translated."""
    if "prefix_default_language" in pattern:
        return _language_prefix(pattern)
    written = pattern.get("_route", pattern.get("_regex"))
    if text(written):
        return text(written, LONGEST_PATH)
    lazy = named_attributes(written)
    arguments = elements_of(next((lazy[name] for name in lazy if name.endswith("_args")), ()))
    return text(arguments[0], LONGEST_PATH) if arguments else ""


def _language_prefix(pattern: Attributes) -> str:
    """Return the prefix of the language that a site is in, where it has one."""
    configured = look_up(_namespace("django.conf"), "settings")
    code = text(named_attributes(named_attributes(configured).get("_wrapped")).get("LANGUAGE_CODE"))
    return f"{code}/" if code and pattern["prefix_default_language"] is True else ""


def _patterns_of(resolver: Attributes) -> List[Any]:
    """Return what a resolver includes: a list, or `urlpatterns` of a module, or of another object."""
    known = resolver.get("url_patterns")
    included = resolver.get("urlconf_module", resolver["urlconf_name"])
    if text(included):
        included = look_up(sys.modules, text(included))
    return elements_of(known) or elements_of(included) or elements_of(_urlpatterns_of(included))


def _urlpatterns_of(included: Any) -> Any:
    if issubclass(type(included), ModuleType):
        return look_up(namespace_of(included), "urlpatterns")
    if is_class(included):
        return class_attribute(included, "urlpatterns")
    return named_attributes(included).get("urlpatterns")


def _namespace(module: str) -> Dict[Any, Any]:
    there = look_up(sys.modules, module)
    return namespace_of(there) if issubclass(type(there), ModuleType) else {}


def _handlers_of(view: Any) -> Dict[str, str]:
    """Return the handlers of a view's methods: as its class defines them, or as its decorators allow."""
    known = function_attributes(view)
    kind = next((known[name] for name in ("cls", "view_class") if is_class(known.get(name))), None)
    if kind is None:
        allowed = _allowed(view)
        return dict.fromkeys(allowed or ["GET"], handler_name(view))
    actions = {text(method).upper(): text(action) for method, action in entries_of(known.get("actions"))}
    if actions:
        return {method: f"{type_name(kind)}.{action}" for method, action in actions.items()}
    arguments = known.get("initkwargs", known.get("view_initkwargs"))
    named = {text(name): value for name, value in entries_of(arguments)}
    names = named.get("http_method_names", class_attribute(kind, "http_method_names"))
    accepted = {one.upper() for one in methods_of(names)} or {*METHODS}
    handlers = {method: handler for method, handler in handlers_in_class(kind).items() if method in accepted}
    if type_name(kind).endswith(OF_A_FUNCTION):
        return {method: handler_name(unwrapped(class_attribute(kind, method.lower()))) for method in handlers}
    return handlers


def _allowed(view: Any) -> List[str]:
    """Return the methods that `require_http_methods` allows a view; none where it is not decorated so."""
    for _ in range(MAX_WRAPPERS):
        known = enclosed(view) if type(view) is FunctionType else {}
        if "request_method_list" in known:
            return methods_of(known["request_method_list"])
        view = named_attributes(view).get("__wrapped__")
    return []


APPLICATIONS: Dict[str, Reader] = {"django.urls.resolvers.URLResolver": _root}
