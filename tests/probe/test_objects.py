"""What the probe reads of objects: plain texts of bounded length, and containers that may change meanwhile."""

import json
import sys
import threading
from collections import OrderedDict, deque
from types import FunctionType
from typing import Any, Callable, Dict, List

import pytest

from sadpath.probe import agent, objects
from sadpath.probe.explain import LONGEST_MESSAGE, described
from sadpath.probe.holders import LONGEST_WORDS, in_words
from sadpath.probe.objects import (
    LONGEST_NAME,
    elements_of,
    items_of,
    literal,
    local_name,
    look_up,
    newest_of,
    referents,
    text,
    type_name,
)
from sadpath.probe.raise_sites import raise_sites
from tests.tracing import untraced

MANY = 1_000_000


class Text(str):
    """Is none of Python's own."""

    __slots__ = ()


def test_a_text_is_plain_and_cut() -> None:
    """Whatever its class and its length; what is no text is empty."""
    assert type(text(Text("name"))) is str
    assert text(Text("x" * MANY)) == "x" * (LONGEST_NAME - 1) + "…"
    assert text(7) == ""


@pytest.mark.parametrize(
    ("value", "typed"),
    [
        ("key", "'key'"),
        (b"key", "b'key'"),
        (7, "7"),
        (None, "None"),
        (True, "True"),
        (("a", 1), "('a', 1)"),
        (("a",), "('a',)"),
        (Text("key"), ""),
        ([1], ""),
    ],
)
def test_a_plain_value_is_written_as_it_is_typed(value: object, typed: str) -> None:
    """And any other is not."""
    assert literal(value, 30) == typed


@pytest.mark.parametrize("kind", [str, bytes, tuple, int], ids=str)
def test_a_long_value_is_not_written_as_a_whole(kind: type) -> None:
    """A text is cut; to write a number of a million digits takes minutes, or raises."""
    values: Dict[type, Any] = {str: "x" * MANY, bytes: b"x" * MANY, tuple: ("x" * MANY, 1 << MANY), int: 1 << MANY}
    assert len(literal(values[kind], 30)) == (0 if kind is int else 30)


def test_names_of_a_class_are_plain_and_cut() -> None:
    """Of ten megabytes, with a lone surrogate, or of a module that is no text."""
    kind = type(Text("x" * MANY), (Exception,), {"__module__": Text("shop"), "__qualname__": Text("\ud800" * MANY)})
    assert type_name(kind) == "shop." + "\ud800" * (LONGEST_NAME - 1) + "…"
    assert type_name(type("Odd", (), {"__module__": 7})) == "Odd"


@pytest.mark.parametrize(
    "said",
    ["lone \ud800 surrogate", Text("of another class"), "a\x00b", "x" * MANY],
    ids=["lone", "class", "nul", "long"],
)
def test_a_message_arrives_whatever_is_in_it(said: str) -> None:
    """As JSON, cut to a length that is stated."""
    found = json.loads(json.dumps(described(ValueError(said))))
    assert found["message"] == (said if len(said) <= LONGEST_MESSAGE else "x" * (LONGEST_MESSAGE - 1) + "…")


def test_a_message_that_is_a_huge_number_is_left_out() -> None:
    """As above."""
    assert described(ValueError(1 << MANY))["message"] == ""


def raising(**odd: Any) -> Any:
    """Return a function that raises, and whose code says odd things of itself."""

    def raises(error: BaseException) -> None:
        raise error

    code = raises.__code__.replace(**odd)
    return FunctionType(code, globals())


@pytest.mark.parametrize(
    "file",
    ["/srv/a\0b.py", "/srv/\ud800.py", Text("/srv/text.py"), "/srv/" + "x" * MANY],
    ids=["nul", "lone", "class", "long"],
)
def test_the_file_of_a_code_may_be_any_text(file: str) -> None:
    """It is plain, and cut."""
    error = ValueError("odd")
    with pytest.raises(ValueError, match="odd"), untraced():  # the tracer opens the file
        raising(co_filename=file, co_name=Text("odd"))(error)
    files = [site["file"] for site in raise_sites(error.__traceback__)]
    assert file[: objects.LONGEST_FILE - 1] in [one[: objects.LONGEST_FILE - 1] for one in files]
    assert {type(one) for one in files} == {str}
    assert max(map(len, files)) <= objects.LONGEST_FILE


def test_words_for_a_chain_through_a_long_list_are_cut() -> None:
    """A list whose first element is a list, and so on."""
    chain: List[Any] = [[]]
    for _ in range(10_000):
        chain.append([chain[-1]])
    words = in_words(chain[::-1], {id(chain[-1]): "shop"})
    assert words.startswith("shop[0][0]")
    assert len(words) == LONGEST_WORDS


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_a_look_up_asks_no_key(kind: Any) -> None:
    """One may have the hash of the name, and an equality of its own."""

    class Key(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            raise AssertionError("this is the user's code")

    assert look_up(kind({"name": 1}), "name") == 1
    assert look_up(kind({"name": 1, Key("other"): 2}), "name") == 1
    assert look_up({Key("name"): 2}, "name") is None


@pytest.mark.parametrize("kind", [dict.fromkeys, list, tuple, set, frozenset, deque])
def test_of_a_large_container_the_newest_elements_are_followed(
    kind: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as are followed; a list of all would be as large as the container."""
    monkeypatch.setattr(objects, "MAX_ITEMS", 10)
    held = [object() for _ in range(100)]
    container = kind({one: one for one in held} if kind is dict.fromkeys else held)
    assert len([one for one in referents(container) if type(one) is object or one is None]) == 10
    if not issubclass(type(container), (dict, set, frozenset)):
        assert newest_of(container, 2) == held[:-3:-1]


WAYS: Dict[Any, Any] = {
    dict: dict.setdefault,
    OrderedDict: OrderedDict.setdefault,
    list: list.append,
    set: set.add,
    deque: deque.append,
}


def changing(container: Any, done: threading.Event) -> None:
    """Add and remove all the time."""
    while not done.is_set():
        for number in range(300):
            WAYS[type(container)](container, (number,))
        container.clear()


@pytest.mark.parametrize("kind", WAYS)
def test_a_container_that_another_thread_changes_can_be_read(kind: Callable[[], Any]) -> None:
    """What is read may be any of its states; nothing is raised."""
    container, done = kind(), threading.Event()
    thread = threading.Thread(target=changing, args=(container, done))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        for _ in range(2000):
            items_of(container) if isinstance(container, dict) else elements_of(container)
            newest_of(container, 1000)
            referents(container)
    finally:
        sys.setswitchinterval(before)
        done.set()
        thread.join()


def test_locals_that_a_function_has_asked_for_stay_as_they_are() -> None:
    """Up to Python 3.12 there is one snapshot of them, which is emptied only where it was made for the probe."""

    def asks() -> Dict[str, Any]:
        held = object()
        own = locals()
        assert local_name(sys._getframe(), held) == "held"  # noqa: SLF001
        return own

    assert "held" in asks()


def test_a_search_in_locals_leaves_no_snapshot() -> None:
    """It would keep alive what the function lets go of."""

    def lets_go() -> int:
        held = object()
        frame = sys._getframe()  # noqa: SLF001
        before = sys.getrefcount(held)
        assert local_name(frame, held) == "held"
        return sys.getrefcount(held) - before

    assert lets_go() == 0


class Ended(BaseException):
    """How a service ends its threads."""

    def __str__(self) -> str:
        raise AssertionError("this is the user's code")


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (MemoryError(), "MemoryError: "),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (SystemExit(1), "SystemExit: 1"),
        (Ended("all threads end"), "Ended: all threads end"),
    ],
)
def test_whatever_a_question_raises_is_its_answer(
    raised: BaseException, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread goes on, and the traceback is not kept."""

    def fails(_: str) -> None:
        raise raised

    monkeypatch.setattr(agent, "_function", fails)
    assert json.loads(agent.answer(b'{"op": "looks.hello"}\n')) == {"error": said}
    assert raised.__traceback__ is None
