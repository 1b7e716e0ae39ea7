"""What `gc.freeze` hides from the collector is found all the same: reused exceptions, containers, applications."""

from typing import Iterator

import pytest

from tests.probe.other_process import Call, other_process

HERE = "tests.probe.freezing"


@pytest.fixture
def there() -> Iterator[Call]:
    """A process of its own, since a freeze is for all."""
    with other_process() as call:
        yield call


def test_a_frozen_exception_is_counted_and_named(there: Call) -> None:
    """Five entries for each raise, whoever holds it."""
    counts, names = there(f"{HERE}.reused")
    assert counts == [{"refused": 10 * times, "by code": 5 * times} for times in (1, 2, 3)]
    assert names == {"refused": f"{HERE}.REFUSED", "by code": f"{HERE}.ERRORS.by_code[403]"}


def test_an_exception_is_counted_once_whether_frozen_or_not(there: Call) -> None:
    """Also after `gc.unfreeze`."""
    assert there(f"{HERE}.each_once") == [1, 1]


def test_a_frozen_container_that_grows_is_named(there: Call) -> None:
    """What it got is not frozen."""
    assert there(f"{HERE}.grown") == {"kept": f"{HERE}.KEPT", "grown": f"{HERE}.SEEN"}


def test_the_routes_of_a_frozen_application_are_found(there: Call) -> None:
    """As of any other."""
    assert "/users/{user_id}" in there(f"{HERE}.paths")


def test_a_frozen_exception_is_not_kept_alive(there: Call) -> None:
    """The way to it is numbers."""
    assert there(f"{HERE}.is_kept_alive") is False


def test_the_heap_is_looked_through_once_for_each_freeze(there: Call) -> None:
    """A look at a large heap takes seconds, and there is one after each round."""
    assert there(f"{HERE}.looks_through_the_heap") == 2
