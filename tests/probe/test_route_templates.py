"""Templates, made of the ways in which frameworks write theirs."""

import pytest

from sadpath.probe.routes.templates import of_angles, of_angles_name_first, of_braces, of_regular_expression

EXPRESSIONS = {
    r"^users/(?P<id>\d+)/$": "users/{id}/",
    r"^users/(?P<id>[0-9]{1,9})\Z": "users/{id}",
    r"/users/([^/]+)/orders/(\d+)": "/users/{arg}/orders/{arg}",
    r"/users/?": "/users",
    r"/v\d\d/x": "/v{arg}/x",
    r"/a\.b\-c": "/a.b-c",
    r"/(favicon\.ico)": "/favicon.ico",
    r"/(?P<form>json|xml)/(?:left|right)": "/json/left",
    r"/files(?:\.json)?": "/files",
    r"/files(?:/(?P<name>.+))?": "/files/{name}",
    r"/of/(?P<id>[^/]*)(/(?P<kind>\w+)(/\d+-\d+)?)?": "/of/{id}/{kind}/{arg}-{arg}",
    r"/(?P<pk>(?:\w|\()+)/(?P<of>[(\]]+)": "/{pk}/{of}",
    r"(?i)/Users(?!/new)(?=/)(?P<rest>.*)": "/Users{rest}",
    r"/(?P<a>\w)-(?P=a)(?#a comment)": "/{a}-",
    r"/x{2,3}(y)+": "/xy",
    r"/unclosed/(a(b": "/unclosed/",
    r"/not opened)/a": "/not opened/a",
    r"/[unclosed": "/[unclosed",
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_regular_expression_is_read_as_a_path_that_it_matches(expression: str) -> None:
    """A group with a name is a parameter, unless it matches one text alone; what may be left out is."""
    assert of_regular_expression(expression) == EXPRESSIONS[expression]


def test_converters_are_left_out() -> None:
    """Of Starlette, Werkzeug and Django, and of Bottle and Sanic, which name the parameter first."""
    assert of_braces(r"/users/{id:\d{4}}/{rest:path}/{name}") == "/users/{id}/{rest}/{name}"
    assert of_angles("/users/<int:id>/<any(a, b):kind>/<name>") == "/users/{id}/{kind}/{name}"
    assert of_angles_name_first(r"/users/<id:int>/<x:(?P<x>\d)>/<:re:.*>/<name>") == "/users/{id}/{x}/{arg}/{name}"


def test_a_path_that_goes_on_and_on_is_cut() -> None:
    """A hostile one costs no more than another."""
    assert len(of_regular_expression("(" * 100_000 + "a")) <= 2000
