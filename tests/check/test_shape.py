"""What makes two answers of one status two errors: what they say, without what differs from request to request."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given, strategies
from pydantic_core.core_schema import ErrorType

from sadpath.check.shape import LONGEST_TEXT, LONGEST_WORDS, MARKUP, TEXT, Shape, inputs, shape
from sadpath.fault import keep_secret
from tests.generated import examples


def says(content: object, *told: str) -> Shape:
    """The shape of a JSON, answered to a request that has told these."""
    return shape("application/json", json.dumps(content).encode(), told)


def of_pydantic(kind: str, place: str = "item") -> dict[str, list[object]]:
    """What FastAPI answers to a body that does not fit."""
    return {"detail": [{"type": kind, "loc": ["body", place], "msg": f"It is {kind}", "input": place}]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"detail": "Not authenticated"}, {"detail": "Invalid token"}),
        ({"detail": "no item"}, of_pydantic("missing")),
        (of_pydantic("json_invalid"), of_pydantic("missing")),
        (of_pydantic("value_error"), of_pydantic("missing")),
        (of_pydantic("my_own_error"), of_pydantic("missing")),
        (of_pydantic("my_own_error"), of_pydantic("another_of_mine")),
        ({"error": "gone"}, {"message": "gone"}),
        ({"errors": [{"code": "NO_TOKEN"}]}, {"errors": [{"code": "WRONG_TOKEN"}]}),
        ({"id": 1}, {"id": "one"}),
        ({"error": None}, {"error": False}),
    ],
)
def test_two_errors_have_two_shapes(one: object, other: object) -> None:
    """By their texts, their keys, their types, or who has refused."""
    assert says(one).digest != says(other).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"detail": "There is no user 7."}, {"detail": "There is no user 1,234."}),
        ({"at": "2026-11-30T22:29:06.123Z"}, {"at": "2027-01-02 03:04:05"}),
        ({"trace": "00f067aa0ba902b7"}, {"trace": "cafe0123cafe4567"}),
        ({"id": "0b5ec2ab-6a4c-4f0e-8b7e-5b6f0d9a1c55"}, {"id": "aaaaaaaa-6a4c-4f0e-8b7e-5b6f0d9a1c55"}),
        ({"by": "<User object at 0x7f3a>"}, {"by": "<User object at 0x55aa10>"}),
        ({"seen": 1.5}, {"seen": 27}),
        ({"errors": [{"id": 1}]}, {"errors": [{"id": 1}, {"id": 2}]}),
        ({"text": "a long one " * 50}, {"text": "another one " * 50}),
        (of_pydantic("missing"), of_pydantic("string_type", "name")),
        (of_pydantic("missing"), of_pydantic("type_error.integer", "name")),
    ],
)
def test_what_differs_from_request_to_request_is_folded(one: object, other: object) -> None:
    """Numbers, times, ids, how many parts a list has; and what is refused by a schema, whatever is wrong with it."""
    assert says(one).digest == says(other).digest


@pytest.mark.parametrize("name", sorted({*get_args(ErrorType)} - {"json_invalid", "value_error", "assertion_error"}))
def test_all_that_pydantic_refuses_by_itself_is_one(name: str) -> None:
    """Whatever it calls it."""
    assert says(of_pydantic(name)).digest == says(of_pydantic("missing")).digest


def test_what_a_validator_of_the_services_own_refuses_is_not_a_schemas() -> None:
    """Also where a schema refuses something beside it."""
    schemas, own = of_pydantic("missing"), of_pydantic("my_own_error")
    both = {"detail": [*schemas["detail"], *own["detail"]]}
    assert [says(one).is_of_a_schema for one in (schemas, own, both)] == [True, False, False]


def test_an_answer_that_repeats_its_request_is_the_same_error() -> None:
    """Whatever was asked for."""
    one = says({"detail": "no user named does-not-exist"}, *inputs("/users/does-not-exist", b""))
    other = says({"detail": "no user named anna"}, *inputs("/users/anna?x=1", b""))
    assert one.digest == other.digest
    assert one.words == "no user named …"


@pytest.mark.parametrize("value", ["0", "-1", "7", "999999999", "0b5ec2ab-6a4c-4f0e-8b7e-5b6f0d9a1c55"])
def test_a_number_is_folded_whether_it_was_told_or_not(value: str) -> None:
    """A short one is no input, a long one is."""
    assert (
        says({"detail": f"There is no item {value}."}, *inputs(f"/items/{value}", b"")).words == "There is no item …."
    )


def test_inputs_are_the_values_of_a_request() -> None:
    """Of its path, its query and its body, but for keys and what is too short to be told from a word's part."""
    assert inputs("/users/anna%20b?q=what&n=1", b'{"name": {"first": ["berta"]}, "n": 7}') == [
        "users", "anna b", "what", "berta"
    ]  # fmt: skip
    assert inputs("/", b"name=clara&x=d") == ["clara"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"status": "error", "detail": "Not authenticated"}, "Not authenticated"),
        ({"error": {"code": "x", "message": "gone"}}, "gone"),
        (of_pydantic("missing"), "It is missing"),
        ({"code": "NO_TOKEN"}, "NO_TOKEN"),
        ({"detail": 'no "x"'}, "no 'x'"),
        ({"detail": "There is no user 7."}, "There is no user …."),
        ({"detail": "a\nb\x1b"}, "a b\\x1b"),
        ({"code": 7}, ""),
        ([], ""),
    ],
)
def test_its_words_say_what_the_error_is(content: object, words: str) -> None:
    """Under the keys that frameworks use, else the first text; without numbers, which change from run to run."""
    assert says(content).words == words


def test_a_page_is_told_by_what_a_reader_sees() -> None:
    """Its markup does not count, and a long one is cut."""
    page = f"<html><style>p {{}}</style><h1>Not Found</h1><p>The address %s &amp; all {'was not found ' * 9}</p>"
    one, other = (shape("text/html; charset=utf-8", (page % number).encode(), []) for number in (1, 22))
    assert one == other
    assert one.words == "Not Found The address … & all was not found was…"


def test_a_script_that_has_no_end_in_what_is_looked_at_is_not_read() -> None:
    """Such as that of Django's page for who develops."""
    page = f"<title>Error at /items/</title><script>function hide() {{{'x;' * 5000}}}</script><p>behind"
    assert shape("text/html", page.encode(), []).words == "Error at /items/"


def test_the_type_of_a_body_counts() -> None:
    """Without its parameters."""
    types = ("text/html", "text/html; charset=utf-8", "text/plain")
    one, same, other = (shape(name, b"Not Found", []).digest for name in types)
    assert one == same != other


@given(strategies.binary(max_size=200) | strategies.text('[]{}<"!-script/>:,1é', max_size=200).map(str.encode))
@examples(200)
def test_whatever_is_answered_has_a_shape(body: bytes) -> None:
    """And words in one line."""
    found = shape("application/json", body, ["told"])
    assert found.digest
    assert found.words.isprintable()


def test_a_hostile_answer_takes_no_time() -> None:
    """Nested, or of markup that does not end, or of digits alone."""
    bodies = [b"[" * (1 << 20), b"<script" * (1 << 17), b"<" * (1 << 20), b"7" * (1 << 20), b'{"a":' * (1 << 17)]
    assert all(shape("application/json", body, []).digest for body in bodies)


def test_what_is_kept_secret_is_in_no_words() -> None:
    """An answer may repeat the token that it refuses; with another token it is the same error."""
    keep_secret(["abcdefghij", "klmnopqrst"])
    one, other = says({"detail": "abcdefghij has expired"}), says({"detail": "klmnopqrst has expired"})
    assert (one.words, one.digest) == ("… has expired", other.digest)


@pytest.mark.parametrize("media_type", ["text/html", "application/json"])
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(media_type: str) -> None:
    """Be it a page or a JSON, and whatever is left out of it before its words are cut."""
    keep_secret(["abcdefghij"])
    places = {limit - part for limit in (MARKUP, TEXT, LONGEST_TEXT, LONGEST_WORDS) for part in range(1, 10)}
    for place in places:
        text = " " * place + "abcdefghij"
        body = text if media_type == "text/html" else json.dumps({"detail": text})
        assert shape(media_type, body.encode(), []).words in ("", "…"), place
