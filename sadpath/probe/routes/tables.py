"""Frameworks that keep their routes in a table: the list or the dictionary of a router."""

import re
from typing import Any, Dict, Iterator, List, Union

from ..objects import elements_of, is_class, items_of, look_up, named_attributes, text, type_name
from .found import (
    LONGEST_PATH,
    Attributes,
    Found,
    Mounted,
    Reader,
    attributes,
    entries_of,
    function_attributes,
    handler_name,
    handlers_in_class,
    methods_of,
    route_for_each,
)
from .templates import of_angles, of_angles_name_first, of_braces, of_regular_expression, written

Yielded = Iterator[Union[Found, Mounted]]

ANY = "*"
"""What stands for all methods."""


def _starlette(app: Attributes, _: Any) -> Yielded:
    yield Mounted("", app["router"], _starlette_router)


def _starlette_router(router: Attributes, _: Any) -> Yielded:
    """Yield what a router has, also FastAPI's: a route, a mount, or another router that is included."""
    for one in elements_of(router["routes"]):
        route = named_attributes(one)
        path = of_braces(route.get("path"))
        if "original_router" in route:
            prefix = named_attributes(route["include_context"])["prefix"]
            yield Mounted(of_braces(prefix), route["original_router"], _starlette_router)
        elif "endpoint" in route:
            yield from route_for_each(path, _starlette_handlers(route))
        elif "app" in route:
            yield Mounted(path, route.get("_base_app", route["app"]))


def _starlette_handlers(route: Attributes) -> Dict[str, str]:
    endpoint = route["endpoint"]
    if is_class(endpoint) and "methods" in route:
        return handlers_in_class(endpoint)
    return dict.fromkeys(methods_of(route.get("methods")), handler_name(endpoint))


def _flask(app: Attributes, _: Any) -> Yielded:
    functions = {name: view for name, view in items_of(app["view_functions"]) if type(name) is str}
    for endpoint, rules in items_of(named_attributes(app["url_map"])["_rules_by_endpoint"]):
        view = functions.get(endpoint) if type(endpoint) is str else None
        for one in elements_of(rules):
            rule = named_attributes(one)
            if not any(rule.get(name) is True for name in ("build_only", "websocket")):
                yield from route_for_each(of_angles(rule["rule"]), _flask_handlers(rule, view))


def _flask_handlers(rule: Attributes, view: Any) -> Dict[str, str]:
    methods = methods_of(rule["methods"]) or ["GET"]
    kind: Any = function_attributes(view).get("view_class")
    if not is_class(kind):
        return dict.fromkeys(methods, handler_name(view))
    return {**dict.fromkeys(methods, type_name(kind)), **_only(methods, handlers_in_class(kind))}


def _only(methods: Any, handlers: Dict[str, str]) -> Dict[str, str]:
    return {method: name for method, name in handlers.items() if method in methods}


def _dispatcher(app: Attributes, _: Any) -> Yielded:
    yield Mounted("", app["app"])
    for prefix, inner in items_of(app["mounts"]):
        yield Mounted(text(prefix, LONGEST_PATH).rstrip("/"), inner)


def _aiohttp(app: Attributes, _: Any) -> Yielded:
    """Yield the routes of an app; those of one within it have its prefix already."""
    for one in elements_of(named_attributes(app["_router"])["_resources"]):
        resource = attributes(one)
        if "_app" in resource:
            yield Mounted("", resource["_app"])
        else:
            path = text(resource.get("_path", resource.get("_formatter")), LONGEST_PATH)
            yield from route_for_each(path or f"{text(resource['_prefix'])}/{{filename}}", _aiohttp_handlers(resource))


def _aiohttp_handlers(resource: Attributes) -> Dict[str, str]:
    listed = resource["_routes"]
    handlers: Dict[str, str] = {}
    for one in elements_of(listed) or [route for _, route in entries_of(listed)]:
        route = attributes(one)
        method, handler = text(route["_method"]), route["_handler"]
        if method != ANY:
            handlers[method] = handler_name(handler)
        else:
            handlers.update(handlers_in_class(handler) if is_class(handler) else {"GET": handler_name(handler)})
    return handlers


def _tornado(app: Attributes, _: Any) -> Yielded:
    yield Mounted("", app["default_router"], _tornado_router)


def _tornado_router(router: Attributes, _: Any) -> Yielded:
    for one in elements_of(router["rules"]):
        rule = attributes(one)
        target, pattern = rule["target"], attributes(rule["matcher"]).get("regex")
        if is_class(target):
            path = of_regular_expression(written(pattern))
            yield from route_for_each(path, handlers_in_class(target, before="tornado.web.RequestHandler"))
        else:
            yield Mounted("", target)


def _sanic(app: Attributes, _: Any) -> Yielded:
    router = attributes(app["router"])
    for name in ("static_routes", "dynamic_routes", "regex_routes"):
        for _parts, group in items_of(router[name]):
            for one in elements_of(attributes(group)["_routes"]):
                route = attributes(one)
                handlers = dict.fromkeys(methods_of(route["methods"]), handler_name(route["handler"]))
                yield from route_for_each(of_angles_name_first(route["path"]), handlers)


def _litestar(app: Attributes, _: Any) -> Yielded:
    for one in elements_of(app["routes"]):
        route = attributes(one)
        path = of_braces(route["path_format"])
        if "route_handlers" in route:
            yield from route_for_each(path, _litestar_handlers(route))
        elif "route_handler" in route and type_name(type(one)).endswith(".ASGIRoute"):
            yield Mounted(path.rstrip("/"), _referred(attributes(route["route_handler"])["_fn"]))


def _litestar_handlers(route: Attributes) -> Dict[str, str]:
    handlers: Dict[str, str] = {}
    for one in elements_of(route["route_handlers"]):
        handler = attributes(one)
        handlers.update(dict.fromkeys(methods_of(handler["http_methods"]), handler_name(_referred(handler["_fn"]))))
    return handlers


def _referred(function: Any) -> Any:
    """Return a function, also one in a reference of early releases of Litestar."""
    is_reference = type_name(type(function)) == "litestar.utils.helpers.Ref"
    return attributes(function)["value"] if is_reference else function


def _bottle(app: Attributes, _: Any) -> Yielded:
    for one in elements_of(app["routes"]):
        route = named_attributes(one)
        method, config = text(route["method"]), route.get("config")
        if method == "PROXY":
            prefix = of_angles_name_first(look_up(config, "mountpoint.prefix"))
            yield Mounted(prefix.rstrip("/"), look_up(config, "mountpoint.target"))
        else:
            handlers = {"GET" if method == "ANY" else method: handler_name(route["callback"])}
            yield from route_for_each(of_angles_name_first(route["rule"]), handlers)


def _pyramid(app: Attributes, _: Any) -> Yielded:
    """Yield the routes of an app, with the methods that they are for, or else those of their views."""
    views = _pyramid_views(named_attributes(app["registry"]))
    for one in elements_of(named_attributes(app["routes_mapper"])["routelist"]):
        route = named_attributes(one)
        handlers = views.get(text(route["name"]), {})
        of_any = handlers.pop(ANY, "")
        methods = _pyramid_methods(route["predicates"]) or list(handlers) or ["GET"]
        known = {method: handlers.get(method, of_any) for method in methods}
        yield from route_for_each(_of_pyramid(route["pattern"]), known)


def _pyramid_methods(predicates: Any) -> List[str]:
    """Return the methods that a route is for; none where it is for all."""
    kinds = [(one, type_name(type(one))) for one in elements_of(predicates)]
    of_method = [named_attributes(one) for one, kind in kinds if kind == "pyramid.predicates.RequestMethodPredicate"]
    return [method for one in of_method for method in methods_of(one["val"])]


def _pyramid_views(registry: Attributes) -> Dict[str, Dict[str, str]]:
    """Return the handlers of the methods of each route, by its name, as far as Pyramid remembers how it was set up."""
    if "introspector" not in registry:
        return {}
    views: Dict[str, Dict[str, str]] = {}
    for _, one in entries_of(look_up(named_attributes(registry["introspector"])["_categories"], "views")):
        methods = _texts(look_up(one, "request_methods")) or [ANY]
        handler = _pyramid_handler(look_up(one, "callable"), text(look_up(one, "attr")))
        views.setdefault(text(look_up(one, "route_name")), {}).update(dict.fromkeys(methods, handler))
    return views


def _pyramid_handler(view: Any, attribute: str) -> str:
    name = handler_name(view)
    return f"{name}.{attribute}" if attribute and is_class(view) else name


def _texts(value: Any) -> List[str]:
    return [text(value)] if text(value) else methods_of(value)


def _of_pyramid(pattern: Any) -> str:
    r"""Return the template of a pattern: `users/{id:\d+}`, or `:id`, with `*rest` at its end."""
    named = re.sub(r"(?<=/):([A-Za-z_]\w*)", r"{\1}", text(pattern, LONGEST_PATH))
    return re.sub(r"\*(\w+)$", r"{\1}", of_braces(named))


APPLICATIONS: Dict[str, Reader] = {
    "starlette.applications.Starlette": _starlette,
    "flask.app.Flask": _flask,
    "quart.app.Quart": _flask,
    "werkzeug.middleware.dispatcher.DispatcherMiddleware": _dispatcher,
    "aiohttp.web_app.Application": _aiohttp,
    "tornado.web.Application": _tornado,
    "sanic.app.Sanic": _sanic,
    "litestar.app.Litestar": _litestar,
    "bottle.Bottle": _bottle,
    "pyramid.router.Router": _pyramid,
}

PARTS: Dict[str, Reader] = {
    "starlette.routing.Router": _starlette_router,
    "tornado.routing.RuleRouter": _tornado_router,
}
