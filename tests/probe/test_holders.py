"""Who holds an exception: the names that the probe finds, for each way of holding one."""

from typing import Dict, Iterator, List

import pytest

from tests.probe.held import NAMES
from tests.probe.other_process import Call, other_process

HERE = "tests.probe.held"


@pytest.fixture(scope="module")
def there() -> Iterator[Call]:
    with other_process() as call:
        yield call


@pytest.fixture(scope="module")
def found(there: Call) -> Dict[str, List[str]]:
    """The names of the exceptions that are held in each way, all asked for at once."""
    names: Dict[str, List[str]] = there(f"{HERE}.found")
    return names


@pytest.mark.parametrize("way", NAMES)
def test_a_holder_has_the_name_that_one_searches_for(found: Dict[str, List[str]], way: str) -> None:
    """Its first name; the others are other modules'."""
    assert found[way][:1] == [NAMES[way][1]]


def test_each_way_is_a_way_of_its_own() -> None:
    """More than thirty."""
    assert len(NAMES) >= 34


def test_an_exception_with_names_in_two_modules_has_both(there: Call) -> None:
    """Either may be the one that a reader knows."""
    names = {f"{HERE}.in_two_modules", "tests.probe.raising.in_two_modules_too"}
    assert set(there(f"{HERE}.names_in_two_modules")) == names


def test_a_name_in_another_module_comes_before_those_in_main(there: Call) -> None:
    """One imports it from there; `__main__` is whatever was started."""
    assert there(f"{HERE}.names_in_main_too") == [f"{HERE}.in_main_too", "__main__.twice", "__main__.ours"]


def test_a_local_of_a_running_function_is_found(there: Call) -> None:
    """Of another thread, that nothing else refers to."""
    (name,) = there(f"{HERE}.names_in_a_running_function")
    assert name.startswith(f"local 'error' of running {HERE}.work (")


def test_what_nothing_holds_has_no_name(there: Call) -> None:
    """But for the function that asks."""
    (name,) = there(f"{HERE}.names_of_nothing")
    assert name.startswith(f"local 'error' of running {HERE}.names_of_nothing (")


def test_a_search_keeps_nothing_alive(there: Call) -> None:
    """The heap is as large as before."""
    assert there(f"{HERE}.objects_added_by_searches") <= 0
