"""Where an exception was raised, from its newest entries alone."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List, Tuple

import pytest

from sadpath.probe.raise_sites import MAX_ENTRIES, is_own, raise_sites
from sadpath.probe.wire import RaisedAt


class Refused(Exception):  # noqa: N818 - it is refused
    """What is raised."""


def sites(error: BaseException) -> List[Tuple[str, int]]:
    """The functions that raised, and how often."""
    return [(short(one), one["raises"]) for one in raise_sites(error.__traceback__)]


def short(one: RaisedAt) -> str:
    """A function's own name: Python 3.9 and 3.10 know no qualified one."""
    return str(one["function"]).rpartition(".")[2]


def caught(raiser: Any, *arguments: Any) -> None:
    """Call what raises, and catch it here."""
    try:
        raiser(*arguments)
    except Refused:
        pass


def first(error: Refused) -> None:
    raise error


def second(error: Refused) -> None:
    raise error


def through(error: Refused, depth: int) -> None:
    if depth:
        through(error, depth - 1)
    first(error)


def test_each_raise_site_is_counted() -> None:
    """The most frequent first."""
    error = Refused()
    for raiser, times in ((first, 2), (second, 5)):
        for _ in range(times):
            caught(raiser, error)
    assert sites(error) == [("second", 5), ("first", 2)]


def test_a_site_has_its_file_and_line() -> None:
    """As an editor opens them."""
    error = Refused()
    caught(first, error)
    (site,) = raise_sites(error.__traceback__)
    assert site["file"] == __file__
    assert site["line"] == first.__code__.co_firstlineno + 1
    assert site["own"]


def test_callers_on_the_way_are_no_sites() -> None:
    """However many, and also where one function calls itself."""
    error = Refused()
    for depth in (0, 7, 3):
        caught(through, error, depth)
    assert sites(error) == [("first", 3)]


def loops(error: Refused) -> None:
    for number in range(5):
        try:
            if number % 2:
                raise error
            raise error
        except Refused:
            pass


def test_each_raise_within_one_frame_is_counted() -> None:
    """A worker's loop that raises, catches and goes on: each of its statements with its own line."""
    error = Refused()
    loops(error)
    first_line = loops.__code__.co_firstlineno
    lines = [(one["line"] - first_line, one["raises"]) for one in raise_sites(error.__traceback__)]
    assert lines == [(5, 3), (4, 2)]


def reraises(error: Refused) -> None:
    try:
        first(error)
    except Refused:
        raise


def raises_again(error: Refused) -> None:
    try:
        first(error)
    except Refused as same:
        raise same  # noqa: TRY201 - it is what is tested


def test_a_bare_raise_in_an_except_block_is_no_site_of_its_own() -> None:
    """It passes the exception on."""
    error = Refused()
    for _ in range(4):
        caught(reraises, error)
    assert sites(error) == [("first", 4)]


def test_a_raise_of_what_this_very_frame_has_caught_is_no_site_of_its_own() -> None:
    """`raise same` passes the exception on as a bare `raise` does; the site is where it came from."""
    error = Refused()
    for _ in range(3):
        caught(raises_again, error)
    assert sites(error) == [("first", 3)]


async def awaited(error: Refused) -> None:
    await asyncio.sleep(0)
    raise error


async def awaits(error: Refused) -> None:
    await awaited(error)


def test_a_coroutine_that_has_ended_is_followed() -> None:
    """Its frame has lost its caller."""
    error = Refused()

    async def main() -> None:
        for _ in range(3):
            try:
                await awaits(error)
            except Refused:
                pass

    asyncio.run(main())
    assert sites(error) == [("awaited", 3)]


def test_a_thread_pool_is_no_site() -> None:
    """The standard library raises it again, in another thread; the user's statement counts."""
    error = Refused()
    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            future = pool.submit(first, error)
            caught(future.result)
    assert [name for name, _ in sites(error)] == ["first"]


def test_a_generator_that_raises_is_a_site() -> None:
    """At its own line."""
    error = Refused()

    def generated() -> Any:
        yield 1
        raise error

    for _ in range(2):
        caught(list, generated())
    assert sites(error) == [("generated", 2)]


def test_an_exception_without_a_traceback_has_no_site() -> None:
    """It was never raised."""
    assert raise_sites(Refused().__traceback__) == []


def test_of_a_long_traceback_the_newest_entries_are_read() -> None:
    """A bounded walk."""
    error = Refused()
    for _ in range(MAX_ENTRIES):
        caught(first, error)
    assert sites(error) == [("first", MAX_ENTRIES // 2)]


@pytest.mark.parametrize(
    ("file", "own"),
    [
        (__file__, True),
        (asyncio.__file__, False),
        ("/srv/shop/.venv/lib/python3.13/site-packages/shop/errors.py", False),
        ("/usr/lib/python3/dist-packages/shop/errors.py", False),
        ("<string>", False),
        ("<frozen importlib._bootstrap>", False),
        ("/srv/shop/errors.py", True),
    ],
)
def test_installed_code_is_not_the_users_own(file: str, own: bool) -> None:
    """Nor is what was made at run time."""
    assert is_own(file) is own


@pytest.mark.skipif(sys.version_info < (3, 11), reason="qualified names came with 3.11")
def test_a_method_has_its_class_in_front() -> None:
    """As one searches for it."""
    error = Refused()

    class Guard:
        def refuse(self) -> None:
            raise error

    caught(Guard().refuse)
    assert raise_sites(error.__traceback__)[0]["function"].endswith("Guard.refuse")
