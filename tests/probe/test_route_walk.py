"""How applications are walked for their routes: what is within another, bounds, and what cannot be read."""

import functools
from typing import Any, Callable, List, cast

import pytest

from sadpath.probe import routes as module
from sadpath.probe.routes import routes
from sadpath.probe.routes.found import handler_name, unwrapped
from sadpath.probe.wire import RoutesAnswer


class Plain:
    """What a framework keeps things in."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def method(self) -> None:
        """Answer."""

    @functools.wraps(method)
    def wrapped(self) -> None:
        """Answer, too."""


def route(path: str) -> Plain:
    """A route, as Starlette has them."""
    return Plain(path=path, methods=["GET"], endpoint=route)


class Starlette(Plain):
    """An application, by the name of its class."""

    def __init__(self, *listed: Any) -> None:
        self.listed: List[Any] = list(listed)
        super().__init__(router=Plain(routes=self.listed))


Starlette.__module__ = "starlette.applications"


def read(*_: Any) -> RoutesAnswer:
    """What is read while there are these applications."""
    return routes()


def paths(*apps: Any) -> List[str]:
    """The paths that are found while there are these applications."""
    return [one["path"] for one in read(*apps)["routes"]]


def test_what_is_mounted_is_found_below_its_prefix_alone() -> None:
    """Also behind two middlewares."""
    inner = Starlette(route("/inner"))
    assert paths(Starlette(Plain(path="/sub", app=Plain(app=Plain(application=inner))))) == ["/sub/inner"]


def test_routes_are_in_the_order_in_which_they_were_registered() -> None:
    """Each once, with the handler that was the first: it answers."""
    again = Plain(path="/a", methods=["GET"], endpoint=answer)
    found = read(Starlette(*map(route, ["/c", "/a", "/b"]), again))
    assert [one["path"] for one in found["routes"]] == ["/c", "/a", "/b"]
    assert {one["handler"] for one in found["routes"]} == {f"{__name__}.route"}


def test_methods_that_a_framework_adds_are_no_routes() -> None:
    """HEAD to GET, and OPTIONS to any; alone they are what somebody has registered."""
    listed = [("/a", ["GET", "HEAD", "OPTIONS"]), ("/b", ["POST", "OPTIONS"]), ("/c", ["HEAD"]), ("/d", ["OPTIONS"])]
    answer = read(Starlette(*[Plain(path=path, methods=methods, endpoint=route) for path, methods in listed]))
    found = [(one["method"], one["path"]) for one in answer["routes"]]
    assert found == [("GET", "/a"), ("POST", "/b"), ("HEAD", "/c"), ("OPTIONS", "/d")]


def test_an_application_within_itself_is_entered_once() -> None:
    """It would go on for ever."""
    app = Starlette(route("/one"))
    app.listed += [Plain(path="/again", app=app), Plain(path="/again", app=app)]
    answer = read(app)
    assert answer["routes"] == [{"method": "GET", "path": "/one", "handler": f"{__name__}.route"}]
    assert not answer["notes"]


@pytest.mark.parametrize(("bound", "value"), [("MAX_VISITS", 1000), ("MAX_SECONDS", 0.0)])
def test_a_walk_that_would_take_too_long_is_ended_and_that_is_said(
    bound: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of twenty applications has the next one ten times."""
    monkeypatch.setattr(module, bound, value)
    app = Starlette(route("/deep"))
    for _ in range(20):
        app = Starlette(*[Plain(path=f"/{number}", app=app) for number in range(10)])
    answer = read(app)
    assert answer["notes"] == ["not all routes of the running app were read: there are too many, or it takes too long"]
    assert len(answer["routes"]) <= 1000


def test_of_many_routes_the_first_are_returned_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer has an end."""
    monkeypatch.setattr(module, "MAX_ROUTES", 3)
    answer = read(Starlette(*[route(f"/{number}") for number in range(5)]))
    assert [one["path"] for one in answer["routes"]] == ["/0", "/1", "/2"]
    assert answer["notes"] == ["only the first 3 of 5 routes of the running app were read"]


def test_a_framework_that_keeps_its_routes_in_another_way_is_named() -> None:
    """What was read of it before is kept, and so is all of another."""
    answer = read(Starlette(route("/first"), Plain(path="/odd", original_router=None)), Starlette(route("/other")))
    assert answer["notes"] == [f"the routes of {__name__}.Plain could not be read"]
    assert sorted(one["path"] for one in answer["routes"]) == ["/first", "/other"]


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return another function, which does not say what it is for."""

    def inner(*arguments: Any) -> Any:
        return function(*arguments)

    return inner


def checked(check: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return another function, which calls both."""
    return lambda *arguments: check() and function(*arguments)


def answer() -> None:
    """Answer."""


HANDLERS = [
    (answer, f"{__name__}.answer"),
    (Plain, f"{__name__}.Plain"),
    (functools.wraps(answer)(lambda: None), f"{__name__}.answer"),
    (functools.wraps(answer)(functools.wraps(route)(lambda: None)), f"{__name__}.answer"),
    (staticmethod(answer), f"{__name__}.answer"),
    (Plain(), ""),
    (Plain().method, ""),
    (Plain().wrapped, ""),
    (functools.partial(functools.partial(answer)), ""),
    (functools.wraps(answer)(functools.partial(answer)), ""),
    (decorated(decorated(answer)), f"{__name__}.decorated.<locals>.inner"),
    (None, ""),
]


@pytest.mark.parametrize(("handler", "name"), HANDLERS)
def test_a_name_is_that_of_one_function(handler: Any, name: str) -> None:
    """Behind decorators that say what they wrap; what may have arguments or a state of its own has no name."""
    assert handler_name(handler) == name


@pytest.mark.parametrize(
    ("handler", "behind"), [(decorated(decorated(answer)), answer), (checked(answer, route), None)]
)
def test_a_function_is_found_in_what_a_decorator_encloses(handler: Any, behind: Any) -> None:
    """Unless it encloses more: what it calls besides may be what answers."""
    assert unwrapped(handler) is behind


class Special(Plain):
    """Has a method from another, and one that a decorator has replaced."""

    of_class: Any = classmethod(cast("Any", Plain.method))
    replaced: Any = classmethod(decorated(answer))


def test_a_method_of_a_class_is_named_by_the_class_that_it_is_called_on() -> None:
    """Two classes may answer differently by it; and a decorator's function has the name of many."""
    assert handler_name(Special.of_class) == f"{__name__}.Special.method"
    assert handler_name(Special.replaced) == ""


def test_a_decorator_that_wraps_itself_has_a_name_too() -> None:
    """It would go on for ever."""

    def endless() -> None:
        """Wrap itself."""

    endless.__wrapped__ = endless  # type: ignore[attr-defined]
    assert handler_name(endless).endswith("endless")
