"""What there is more of after a round than before: kept exceptions, grown containers, and the bound that they have."""

import functools
import gc
import weakref
from collections import deque
from typing import Any, Dict, Iterator, List

import pytest

from sadpath.probe import growth
from sadpath.probe.wire import GrownObjects, KeptExceptions
from tests.probe.raising import raise_many

ROUND = 100


class Kept(Exception):  # noqa: N818
    """What is kept."""


class Row:
    """What grows."""


errors: List[Kept] = []
by_id: Dict[int, Dict[str, Kept]] = {}
newest: "deque[Kept]" = deque(maxlen=60)
rows: Dict[str, Row] = {}
texts: List[str] = []
counts: Dict[str, int] = {}


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.9
def looked_up(_: int) -> Row:
    """Be cached for ever."""
    return Row()


@functools.lru_cache(maxsize=500)
def looked_up_for_a_while(_: int) -> Row:
    """Be cached, up to a bound."""
    return Row()


@pytest.fixture(autouse=True)
def looks() -> Iterator[None]:
    """A look before, and nothing left after."""
    for one in (errors, by_id, newest, rows, texts, counts):
        one.clear()
    looked_up.cache_clear()
    looked_up_for_a_while.cache_clear()
    growth.begin()
    yield
    growth.end()


def first_kept() -> KeptExceptions:
    """The kind of exception of which most are new."""
    return growth.kept(limit=5)[0]


def first_grown() -> GrownObjects:
    """The container that grew most."""
    return growth.grown(limit=5)[0]


def raised(number: int) -> Kept:
    """An exception with a traceback."""
    error = Kept(f"number {number}")
    raise_many(error, 1)
    return error


def test_exceptions_in_a_list_are_found_with_the_list() -> None:
    """Their number, its name and length, and where they were raised."""
    errors.extend(map(raised, range(ROUND)))
    found = first_kept()
    assert (found["type"], found["count"]) == (f"{__name__}.Kept", ROUND)
    assert (found["held_by"], found["length"], found["bounded"]) == (f"{__name__}.errors", ROUND, None)
    assert found["raised_at"][0]["function"].endswith("_descend")
    assert found["message"].startswith("number ")


def test_the_container_is_the_one_that_grew_not_what_is_in_it() -> None:
    """A dictionary of dictionaries."""
    by_id.update({i: {"error": raised(i)} for i in range(ROUND)})
    assert first_kept()["held_by"] == f"{__name__}.by_id"


def test_a_container_with_a_bound_says_so() -> None:
    """It fills, and then stops."""
    newest.extend(map(raised, range(50)))
    found = first_kept()
    assert (found["held_by"], found["bounded"]) == (f"{__name__}.newest", 60)


def test_exceptions_that_were_there_before_do_not_count() -> None:
    """Nor do those that have gone."""
    old = [raised(i) for i in range(ROUND)]
    growth.begin()
    for i in range(ROUND):
        raised(i)
    assert [one for one in growth.kept(limit=5) if one["type"] == f"{__name__}.Kept"] == []
    assert len(old) == ROUND


@pytest.mark.parametrize("kind", ["a dictionary", "a list of texts", "a dictionary of numbers"])
def test_a_container_that_grew_is_named(kind: str) -> None:
    """By its name, and by the type of what came last."""
    if kind == "a dictionary":
        rows.update({str(i): Row() for i in range(ROUND)})
        expected = (f"{__name__}.rows", f"{__name__}.Row")
    elif kind == "a dictionary of numbers":  # which the collector does not follow
        counts.update({str(i): i for i in range(ROUND)})
        expected = (f"{__name__}.counts", "builtins.int")
    else:
        texts.extend(map(str, range(ROUND)))
        expected = (f"{__name__}.texts", "builtins.str")
    found = first_grown()
    assert (found["held_by"], found["type"]) == expected
    assert found["count"] == ROUND


@pytest.mark.parametrize(("cache", "bound"), [(looked_up, None), (looked_up_for_a_while, 500)])
def test_a_cache_is_named_by_its_function(cache: Any, bound: Any) -> None:
    """With its bound, if it has one."""
    for i in range(ROUND):
        cache(i)
    found = first_grown()
    assert found["held_by"] == f"lru_cache of {__name__}.{cache.__name__}"
    assert found["bounded"] == bound


def test_a_look_keeps_nothing_alive() -> None:
    """It remembers numbers."""
    row = Row()
    rows["row"] = row
    growth.begin()
    gone = weakref.ref(row)
    rows.clear()
    del row
    growth.grown(limit=5)
    gc.collect()
    assert gone() is None


class Opinionated(dict):  # type: ignore[type-arg]
    """A dictionary with an opinion."""

    def __len__(self) -> int:
        raise AssertionError("this is the user's code")

    __iter__ = values = items = __reversed__ = __len__  # type: ignore[assignment]


opinionated = Opinionated()


def test_no_code_of_a_container_runs() -> None:
    """Neither its length, nor its order."""
    for i in range(ROUND):
        dict.__setitem__(opinionated, i, Row())
    assert first_grown()["held_by"] == f"{__name__}.opinionated"
    dict.clear(opinionated)


def test_where_there_are_too_many_containers_none_is_blamed_for_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its length before is not known, so nothing can be said of it; of one that is known it can."""
    texts.extend(str(number) for number in range(1000))
    monkeypatch.setattr(growth, "MAX_CONTAINERS", 1)
    growth.begin()
    assert all(one["held_by"] != f"{__name__}.texts" for one in growth.grown(limit=50))
    assert all(one["length"] >= growth.GROWN_BY for one in growth.grown(limit=50) if "length" in one)
