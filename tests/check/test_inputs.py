"""The inputs of a request, and other values for them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sadpath.check.driver import Request
from sadpath.check.find.inputs import another, in_address, in_body, in_headers, varied
from tests.generated import examples

UUID = "00000000-0000-4000-8000-000000000000"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("999", "1016"),
        ("-1", "-18"),
        ("1.50", "18.50"),
        ("5e-324", "22e-324"),
        ("007", "024"),
        ("1234567890123456", "1234567890123473"),
        (UUID, "00000011-0000-4000-8000-000000000000"),
        ("507f1f77bcf86cd799439011", "00000011bcf86cd799439011"),
        ("2026-01-15", "1970-01-18"),
        ("2026-01-15T08:00:00Z", "1970-01-18T08:00:00Z"),
        ("127.0.0.1", "10.0.0.17"),
        ("ann@example.com", "ann17@example.com"),
        ("ann", "ann17"),
        ("", "17"),
        ("what? ", "what17? "),
        ("?!", "17?!"),
    ],
)
def test_another_value_has_the_same_form(value: str, expected: str) -> None:
    """So that it is refused for what it is, not for how it is written."""
    assert another(value, 17) == expected


@given(st.text(), st.integers(0, 79_000))
@examples(50)
def test_no_two_numbers_make_the_same_value(value: str, number: int) -> None:
    """Whatever the value is."""
    assert len({another(value, number + step) for step in range(100)}) == 100


def others(request: Request, template: str = "") -> list[Request]:
    """The request with another value of each of its inputs, one by one."""
    inputs = [
        *in_address(template, request.path),
        *in_headers(request.headers, with_credentials=True),
        *in_body(request),
    ]
    return [varied(request, [one], 17) for one in inputs]


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/users/{id}", "/users/999", ["/users/1016"]),
        ("/shops/{a}/users/{b}", "/shops/7/users/x", ["/shops/24/users/x", "/shops/7/users/x17"]),
        ("/files/{name}.txt", "/files/a%20b.txt", ["/files/a%20b17.txt"]),
        ("/café/{id}", "/caf%C3%A9/1", ["/caf%C3%A9/18"]),
        ("/find", "/find?q=a+b&q=&page=2&x", ["/find?q=a+b17&q=&page=2&x", "/find?q=a+b&q=17&page=2&x", ""]),
        ("/users/{id}", "/users/5?full=yes", ["/users/22?full=yes", "/users/5?full=yes17"]),
        ("/users", "/users", ["/users?sadpath=17"]),
        ("/users", "/users?full", ["/users?full&sadpath=17"]),
        ("/users/{id}", "/elsewhere/1", ["/elsewhere/1?sadpath=17"]),
    ],
)
def test_each_parameter_and_each_value_of_the_query_is_one(template: str, path: str, expected: list[str]) -> None:
    """An address that has none gets a parameter that nothing knows."""
    expected = [one or path.replace("page=2", "page=19") for one in expected]
    assert [one.path for one in others(Request("GET", path), template)] == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("X-Request-Id", UUID, ["00000011-0000-4000-8000-000000000000"]),
        ("If-None-Match", '"abc"', ['"abc17"']),
        ("X-Forwarded-For", "192.168.1.1", ["10.0.0.17"]),
        ("Cookie", "cart=7; session=abc", ["cart=24; session=abc", "cart=7; session=abc17"]),
        ("Authorization", "Bearer sadpath-wrong-token", ["Bearer sadpath-wrong-token17"]),
        ("authorization", "secret", ["secret17"]),
        ("Authorization", "Basic YW5uOngxMjM0", ["Basic YW5uMTc6eDEyMzQ="]),  # ann:x1234, ann17:x1234
        ("Authorization", "Basic what?", ["Basic what17?"]),
        *((name, "1", []) for name in ("Accept", "Accept-Language", "Content-Type", "Host", "X-HTTP-Method")),
    ],
)
def test_a_header_is_one_unless_it_says_how_the_request_is_read(name: str, value: str, expected: list[str]) -> None:
    """Each cookie is one, and of basic credentials the user."""
    made = [one.headers[name] for one in others(Request("GET", "/", {name: value}))[1:]]
    assert made == expected


def test_credentials_vary_only_where_that_is_asked_for() -> None:
    """They may be good ones."""
    assert not list(in_headers({"Authorization": "Bearer x", "X-API-Key": "y"}, with_credentials=False))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"name": "ann"}', ['{"sadpath17": 17, "name": "ann"}', '{"name": "ann17"}']),
        ("{ }", ['{"sadpath17": 17 }']),
        ('[1, -2.5, true, null, {"a": ""}]', None),
        ('{"a": {"b": [{"c": "q\\"é:"}]}}', ['{"sadpath17": 17, "a"', '{"a": {"b": [{"c": "q\\"\\u00e917:"}]}}']),
        ('"ann"', ['"ann17"']),
        ('["a", "b: 1"]', ['["a17", "b: 1"]', '["a", "b: 117"]']),
        ('{"broken', ['{"broken17']),
    ],
)
def test_each_text_and_each_number_of_json_is_one(body: str, expected: list[str] | None) -> None:
    """And so is a name that was never there; what surrounds them stays as it is. A broken body stays broken."""
    made = [one.body.decode() for one in others(Request("POST", "/", JSON, body.encode()))[1:]]
    expected = expected or [body.replace("[1,", "[18,"), body.replace("-2.5", "-19.5"), body.replace('""', '"17"')]
    assert [one[: len(wanted)] for one, wanted in zip(made, expected, strict=True)] == expected


def test_how_much_is_asked_for_does_not_vary() -> None:
    """A hundred million lines may be more than the service can bear."""
    request = Request("POST", "/?limit=10&page_size=5&last_name=a", JSON, b'{"maxItems": 3, "first": "b", "id": 4}')
    assert [one.value for one in (*in_address("", request.path), *in_body(request))] == ["a", "", "b", "4"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False), st.lists))
@examples(30)
def test_varied_json_is_json(value: object) -> None:
    """Whatever it is of."""
    for indent in (None, 2):
        request = Request("POST", "/", JSON, json.dumps({"a": value, "b:": value}, indent=indent).encode())
        for one in list(in_body(request))[:20]:
            assert json.loads(varied(request, [one], 17).body) != json.loads(request.body)


def test_each_field_of_a_form_is_one() -> None:
    """Its names and its other fields stay."""
    request = Request("POST", "/", FORM, b"name=a%26b&password=x&flag")
    made = [one.body for one in others(request)[1:]]
    assert made == [b"name=a%26b17&password=x&flag", b"name=a%26b&password=x17&flag"]


def test_each_field_of_a_form_in_parts_is_one_but_files() -> None:
    """As a browser sends them."""
    field = '--cut\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    file = '--cut\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nabc\r\n'
    body = (field.format("name", "zoé!") + file + field.format("age", "7") + "--cut--\r\n").encode()
    kind = {"Content-Type": "multipart/form-data; boundary=cut"}
    made = [one.body for one in others(Request("POST", "/", kind, body))[1:]]
    parts = [re.findall(r"\r\n\r\n(.*?)\r\n--cut", one.decode(), re.DOTALL) for one in made]
    assert parts == [["zoé17!", "abc", "7"], ["zoé!", "abc", "24"]]


@pytest.mark.parametrize("headers", [{"content-length": "3"}, {}])
def test_a_body_is_left_alone_that_says_how_long_it_is_or_is_large(headers: dict[str, str]) -> None:
    """What is around it may count on that."""
    assert not list(in_body(Request("POST", "/", headers, b"abc" if headers else b"x" * (2 << 20))))


def test_all_inputs_can_vary_at_once() -> None:
    """From the last place to the first, so that none moves another."""
    request = Request("POST", "/a/1/b?c=2", {"Cookie": "d=3; e=4", **JSON}, b'{"f": 5, "g": "6"}')
    inputs = [*in_address("/a/{id}/b", request.path), *in_headers(request.headers, with_credentials=False)]
    made = varied(request, [*inputs, *in_body(request)], 100)
    assert made.path == "/a/101/b?c=102"
    assert made.headers == {"Cookie": "d=103; e=104", **JSON}
    assert json.loads(made.body) == {"sadpath100": 100, "f": 105, "g": "106"}
