"""Ways to hold an exception: the name that the probe has to find for each is beside it. Runs on Python 3.9.

What the probe finds is asked for in a process of its own, by `tests.probe.test_holders`.
"""

import contextvars
import enum
import functools
import gc
import queue
import sys
import threading
import types
import weakref
from collections import ChainMap, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

import __main__
from sadpath.probe.heap import live_exceptions
from sadpath.probe.holders import names_of
from tests.probe import raising

HERE = __name__


class Held(Exception):  # noqa: N818 - it is held
    """What is held."""


NAMES: Dict[str, Tuple[int, str]] = {}
"""For each way of holding an exception: its id, which does not hold it, and the name that it has to get."""


def made(way: str, name: str) -> Held:
    """Make the exception of one way."""
    error = Held(way)
    NAMES[way] = id(error), name.replace("HERE", HERE)
    return error


module_level = made("a module's attribute", "HERE.module_level")


class Errors:
    """A class that holds its errors."""

    attribute = made("a class's attribute", "HERE.Errors.attribute")

    class Inner:
        """A class in a class."""

        attribute = made("a nested class's attribute", "HERE.Errors.Inner.attribute")


in_dict = {"key": made("a dictionary", "HERE.in_dict['key']")}
in_nested = {"outer": {7: made("a nested dictionary", "HERE.in_nested['outer'][7]")}}
in_list = [None, made("a list", "HERE.in_list[1]")]
in_tuple = (made("a tuple", "HERE.in_tuple[0]"),)
in_set = {made("a set", "HERE.in_set (a member)")}
in_frozenset = frozenset([made("a frozen set", "HERE.in_frozenset (a member)")])
in_deque = deque([made("a deque", "HERE.in_deque[0]")])
in_ordered = OrderedDict(key=made("an ordered dictionary", "HERE.in_ordered['key']"))
in_default = defaultdict(list, {"key": [made("a list in a default dictionary", "HERE.in_default['key'][0]")]})
in_chain_map = ChainMap({"key": made("a chain map", "HERE.in_chain_map.maps[0]['key']")})
as_key = {made("a key", "HERE.as_key (a key)"): 1}


class Pair(NamedTuple):
    """A named tuple."""

    left: int
    right: Held


in_pair = Pair(1, made("a named tuple", "HERE.in_pair[1]"))
in_namespace = types.SimpleNamespace(error=made("a simple namespace", "HERE.in_namespace.error"))
proxied = types.MappingProxyType({"key": made("a mapping proxy", "HERE.proxied['key']")})


class Repository:
    """An instance that holds an error."""

    def __init__(self, error: Held) -> None:
        self.error = error

    def method(self) -> None:
        """Do nothing."""


class Service:
    """An instance that holds one."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository


in_instance = Repository(made("an instance", "HERE.in_instance.error"))
in_service = Service(Repository(made("an instance of an instance", "HERE.in_service.repository.error")))
bound = Repository(made("a bound method", "HERE.bound.__self__.error")).method


class Slotted:
    """An instance with slots."""

    __slots__ = ("error",)

    def __init__(self, error: Held) -> None:
        self.error = error


in_slots = Slotted(made("a slot", "HERE.in_slots.error"))


@dataclass
class Data:
    """A data class."""

    errors: List[Held] = field(default_factory=list)


in_data = Data([made("a list in a data class", "HERE.in_data.errors[0]")])


def guarded() -> Callable[[], Held]:
    """Return a function that closes over an error."""
    denied = made("a closure", "closure variable 'denied' of HERE.guarded.<locals>.guard")

    def guard() -> Held:
        return denied

    return guard


guard = guarded()


DEFAULT = "default of argument 'error' of HERE.with_default"


def with_default(error: Held = made("a default", DEFAULT)) -> Held:  # noqa: B008
    """Have a default."""
    return error


KEYWORD = "default of argument 'error' of HERE.with_keyword"


def with_keyword(*, error: Held = made("a keyword's default", KEYWORD)) -> Held:  # noqa: B008
    """Have a default of a keyword."""
    return error


@functools.lru_cache(maxsize=8)
def cached(_: str) -> Held:
    """Return the same error each time."""
    return made("an lru_cache", "lru_cache of HERE.cached")


cached("key")
partial = functools.partial(print, made("a partial", "HERE.partial.args[0]"))


PROPERTY = "default of argument '_error' of HERE.WithProperty.error"


class WithProperty:
    """A property whose function has a default."""

    @property
    def error(self, _error: Held = made("a property's default", PROPERTY)) -> Held:  # noqa: B008, PLR0206
        """Return it."""
        return _error


class Colour(enum.Enum):
    """An enumeration with errors as values."""

    RED = made("an enumeration", "HERE.Colour._value2member_map_ (a key)")


class Meta(type):
    """A metaclass whose classes cannot be hashed, and compare as they like."""

    def __eq__(cls, other: object) -> bool:
        """Compare by name."""
        raise AssertionError("this is the user's code")

    __hash__ = None  # type: ignore[assignment]


class Registry(dict, metaclass=Meta):  # type: ignore[type-arg]
    """A dictionary with an opinion."""

    def __iter__(self) -> Iterator[Any]:
        """Be no dictionary."""
        raise AssertionError("this is the user's code")

    items = keys = values = __len__ = __iter__  # type: ignore[assignment]


registry = Registry()
dict.__setitem__(registry, "key", made("a dictionary with an opinion", "HERE.registry['key']"))
context: "contextvars.ContextVar[Held]" = contextvars.ContextVar("context")
context.set(made("a context variable", "context variable 'context'"))
local = threading.local()
local.error = made("a thread's own value", "HERE.local.error")
waiting: "queue.Queue[Held]" = queue.Queue()
waiting.put(made("a queue", "HERE.waiting.queue[0]"))


def generated() -> Iterator[int]:
    """Hold an error while suspended."""
    error = made("a suspended generator", "local 'error' of suspended generator generated")
    yield 1
    raise error


suspended = generated()
next(suspended)


class Cause(Exception):  # noqa: N818
    """An error that holds another."""


chained = Cause()
chained.__cause__ = made("the cause of another exception", "HERE.chained.__cause__")
weak = weakref.WeakValueDictionary({"key": in_instance})


def found() -> Dict[str, List[str]]:
    """Return the names that the probe finds, for each way of holding an exception."""
    numbers = {number: way for way, (number, _) in NAMES.items()}
    errors = [one for one in live_exceptions() if id(one) in numbers]
    return {numbers[number]: names for number, names in names_of(errors).items()}


def names_in_two_modules() -> List[str]:
    """Return the names of an exception that another module has as well."""
    error = globals()["in_two_modules"] = vars(raising)["in_two_modules_too"] = Held()
    return names_of([error])[id(error)]


def names_in_main_too() -> List[str]:
    """Return the names of an exception that has two in `__main__`, which is where Python begins, and one here."""
    main = vars(__main__)
    sys.modules["__mp_main__"] = __main__  # as `import multiprocessing` does
    error = main["ours"] = main["twice"] = globals()["in_main_too"] = Held()
    return names_of([error])[id(error)]


def names_in_a_running_function() -> List[str]:
    """Return the names of an exception that only a local of another thread's function refers to."""
    ready, done = threading.Event(), threading.Event()
    numbers = []

    def work() -> None:
        error = Held("running")
        numbers.append(id(error))
        ready.set()
        done.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(60)
    try:
        return names_of([one for one in live_exceptions() if id(one) in numbers])[numbers[0]]
    finally:
        done.set()
        thread.join()


def names_of_nothing() -> List[str]:
    """Return the names of an exception that nothing holds but this function."""
    error = Held("nowhere")
    return names_of([error]).get(id(error), [])


def objects_added_by_searches() -> int:
    """Return by how many objects the heap is larger after some searches, beside many retained entries."""
    raising.raise_many(module_level, 100)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(3):
        names_of([module_level])
    gc.collect()
    return len(gc.get_objects()) - before
