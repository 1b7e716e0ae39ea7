"""What there is more of after a round than before: kept exceptions, grown containers, and the bound that they have."""

from typing import Iterator, Optional

import pytest

from tests.probe.growing import ROUND
from tests.probe.other_process import Call, other_process

HERE = "tests.probe.growing"


@pytest.fixture(scope="module")
def there() -> Iterator[Call]:
    with other_process() as call:
        yield call


@pytest.fixture
def kept(there: Call) -> Call:
    """The kind of exception of which most are new after a round that left something."""
    return lambda left: there(f"{HERE}.kept_after", left)[0]


@pytest.fixture
def grown(there: Call) -> Call:
    """The container that grew most in a round that left something."""
    return lambda left: there(f"{HERE}.grown_after", left)[0]


def test_exceptions_in_a_list_are_found_with_the_list(kept: Call) -> None:
    """Their number, its name and length, and where they were raised."""
    first = kept("a list of exceptions")
    assert (first["type"], first["count"]) == (f"{HERE}.Kept", ROUND)
    assert (first["held_by"], first["length"], first["bounded"]) == (f"{HERE}.errors", ROUND, None)
    assert first["raised_at"][0]["function"].endswith("_descend")
    assert first["message"].startswith("number ")


def test_the_container_is_the_one_that_grew_not_what_is_in_it(kept: Call) -> None:
    """A dictionary of dictionaries."""
    assert kept("a dictionary of dictionaries with exceptions")["held_by"] == f"{HERE}.by_id"


def test_of_a_chain_of_exceptions_the_newest_is_named(kept: Call) -> None:
    """And not a hundred causes."""
    assert kept("a chain of exceptions")["held_by"] == f"{HERE}.last['one'] (each holds the one before)"


def test_a_container_of_exceptions_with_a_bound_says_so(kept: Call) -> None:
    """It fills, and then stops."""
    first = kept("a deque of exceptions with a bound")
    assert (first["held_by"], first["length"], first["bounded"]) == (f"{HERE}.newest", 50, 60)


def test_exceptions_that_were_there_before_or_have_gone_do_not_count(there: Call) -> None:
    """A hundred are kept before the round, and a hundred are raised in it that nothing holds."""
    assert there(f"{HERE}.kept_after", "exceptions that go", "a list of exceptions") == []


@pytest.mark.parametrize(
    ("left", "name", "kind"),
    [
        ("a dictionary", "rows", f"{HERE}.Row"),
        ("a dictionary of numbers", "counts", "builtins.int"),  # which the collector does not follow
        ("a list of texts", "texts", "builtins.str"),
        ("lists in a list", "batches", "builtins.list"),  # which are longer than the list that they are in
        ("classes", "batches", "builtins.type"),  # as many are in the list of the subclasses of their base
        ("objects with lists", "rows", f"{HERE}.Row"),
        ("a dictionary with an opinion", "opinionated", f"{HERE}.Row"),  # whose code would raise
    ],
)
def test_a_container_that_grew_is_named(grown: Call, left: str, name: str, kind: str) -> None:
    """By its name, and by the type of what came last; none of its own code runs."""
    first = grown(left)
    assert (first["held_by"], first["type"], first["count"]) == (f"{HERE}.{name}", kind, ROUND)


@pytest.mark.parametrize(
    ("left", "name", "bound"),
    [
        ("a list of texts", f"{HERE}.texts", None),
        ("a deque without a bound", f"{HERE}.queue", None),
        ("a deque with a bound", f"{HERE}.ring", 300),
        ("a cache without a bound", f"lru_cache of {HERE}.looked_up", None),
        ("a cache with a bound", f"lru_cache of {HERE}.looked_up_for_a_while", 500),
    ],
)
def test_a_container_that_grew_says_how_long_it_may_become(
    grown: Call, left: str, name: str, bound: Optional[int]
) -> None:
    """A cache that fills is no leak, so the bound is reported: a deque's `maxlen`, the `maxsize` of an `lru_cache`."""
    first = grown(left)
    assert (first["held_by"], first["length"], first["bounded"]) == (name, ROUND, bound)


def test_a_look_keeps_nothing_alive(there: Call) -> None:
    """It remembers numbers."""
    assert there(f"{HERE}.row_is_alive_after_a_look") is False


def test_where_there_are_too_many_containers_none_is_blamed_for_what_it_was(there: Call) -> None:
    """The length that it had is not known, so nothing can be said of it."""
    named = [one for one in there(f"{HERE}.grown_where_one_length_is_remembered") if "length" in one]
    assert named == []


def test_a_look_runs_no_python_for_each_container(there: Call) -> None:
    """There may be a million of them."""
    few, many = (there(f"{HERE}.calls_of_a_look", count) for count in (1000, 51_000))
    assert many - few < 5_000
