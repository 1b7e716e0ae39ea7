"""Read objects by the slots of Python's own types, so that no code of a user's class runs.

A class may define `__class__`, `__dict__`, `__traceback__`, `__eq__`, `__hash__` or a property of any name, its
metaclass `__module__` or `__mro__`; a container or a text may be of a class that extends Python's own, and so may the
keys of a dictionary, which a look-up compares. What is asked for here is what the interpreter itself would see. Texts
come out as Python's own, and cut.
"""

import ctypes
import functools
import gc
import sys
from collections import deque
from itertools import compress, islice, repeat
from operator import is_
from types import (
    AsyncGeneratorType,
    CoroutineType,
    FrameType,
    GeneratorType,
    MemberDescriptorType,
    ModuleType,
    TracebackType,
)
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, cast

LruCache: Any = type(functools.lru_cache(maxsize=1)(lambda: None))

CAN_SUSPEND = 0x20 | 0x80 | 0x200
"""`CO_GENERATOR`, `CO_COROUTINE` and `CO_ASYNC_GENERATOR` of `inspect`, which imports too much for a guest."""

MAX_ITEMS = 1_000_000
"""Items of one container that are listed."""

LONGEST_NAME = 200
"""Characters of a name."""

LONGEST_FILE = 4096
"""Characters of the name of a file."""

_TRIES = 3
_AT_A_TIME = 1000
_LONGEST_NUMBER = 256
"""Bits of a number that is written out."""

_SUSPENDABLE = {GeneratorType: "gi_frame", CoroutineType: "cr_frame", AsyncGeneratorType: "ag_frame"}
_FRAME_OF = {id(kind): frame for kind, frame in _SUSPENDABLE.items()}

mro_of = type.__dict__["__mro__"].__get__
flags_of = type.__dict__["__flags__"].__get__
_proxy_of_class = type.__dict__["__dict__"].__get__
_module_of, _qualname_of = (type.__dict__[name].__get__ for name in ("__module__", "__qualname__"))
namespace_of = cast("Any", ModuleType).__dict__["__dict__"].__get__
_traceback_of = cast("Any", BaseException).__dict__["__traceback__"].__get__
_dict_of_instance = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(
    ("PyObject_GenericGetDict", ctypes.pythonapi)
)
"""The dictionary that an object has, also where its class says otherwise. A prototype of our own changes no other's."""

_IS_HEAP_TYPE = 1 << 9
"""Flag of a type, in CPython's `Include/object.h`: it was made at run time, and its dictionary has its module."""


def text(value: Any, longest: int = LONGEST_NAME) -> str:
    """Return a text, also one of a class that extends `str`, as a plain one and cut; of anything else an empty one."""
    if not issubclass(type(value), str):
        return ""
    plain = str.__getitem__(value, slice(longest + 1))
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def literal(value: Any, longest: int) -> str:
    """Return a plain value of Python's own as it is typed, and cut; empty for anything else, and for a huge number."""
    kind = type(value)
    if kind is str or kind is bytes:
        typed = repr(value[:longest])
    elif (kind is int and int.bit_length(value) <= _LONGEST_NUMBER) or is_one_of(value, (bool, type(None), float)):
        typed = repr(value)
    elif kind is tuple and len(value) <= longest and all(is_one_of(one, (str, int, bytes)) for one in value):
        parts = [literal(one, longest) or type_name(type(one)) for one in value]
        typed = f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    else:
        typed = ""
    return text(typed, longest)


def items_of(dictionary: Any) -> List[Tuple[Any, Any]]:
    """Return the keys and values of a dictionary of any class; none of one that other threads keep changing."""
    for _ in range(_TRIES):
        try:
            return list(islice(dict.items(dictionary), MAX_ITEMS))
        except RuntimeError:  # a collection ran a finalizer, which let another thread change it
            continue
    return []


def elements_of(container: Any) -> List[Any]:
    """Return the elements of a list, tuple, set or deque of any class; none of anything else, and where they change."""
    kind = container_kind(type(container))
    try:
        return list(islice(kind.__iter__(container), MAX_ITEMS)) if kind and kind is not dict else []
    except RuntimeError:
        return []


def newest_of(container: Any, number: int) -> List[Any]:
    """Return as many elements of a container of any class, newest first; of a dictionary its values."""
    try:
        return list(islice(_NEWEST_FIRST[container_kind(type(container))](container), number))
    except RuntimeError:
        return []


_NEWEST_FIRST: Dict[Any, Any] = {
    dict: lambda one: reversed(dict.values(one)),
    list: list.__reversed__,
    tuple: lambda one: iter(tuple.__getitem__(one, slice(None, None, -1))),
    set: set.__iter__,
    frozenset: frozenset.__iter__,
    deque: deque.__reversed__,
}
_CONTAINERS: Dict[int, Any] = {id(kind): kind for kind in _NEWEST_FIRST}
"""By `id`, since a user's metaclass may define the hash and the equality of classes; these never die."""


def container_kind(kind: type) -> Any:
    """Return the container of Python's own that a class is or extends, or None."""
    known = _CONTAINERS.get(id(kind))
    return known or next((_CONTAINERS[id(base)] for base in mro_of(kind) if id(base) in _CONTAINERS), None)


def look_up(dictionary: Any, name: str) -> Any:
    """Return the value of a name in a dictionary of any class, None without one; no key is asked if it is the same."""
    if all(map(is_, map(type, dict.keys(dictionary)), repeat(str))):
        return dict.get(dictionary, name)
    return next((value for key, value in items_of(dictionary) if type(key) is str and key == name), None)


def key_of(dictionary: Any, value: Any, default: Any = None) -> Any:
    """Return a key that has this very value in a dictionary of any class."""
    are_it = map(is_, dict.values(dictionary), repeat(value))
    return next(compress(dict.keys(dictionary), are_it), default)


def traceback_of(exception: BaseException) -> Optional[TracebackType]:
    """Return the traceback of an exception: the newest of its entries."""
    front: Optional[TracebackType] = _traceback_of(exception)
    return front


def traceback_length(front: Optional[TracebackType]) -> int:
    """Count the entries of a traceback."""
    count = 0
    while front is not None:
        front, count = front.tb_next, count + 1
    return count


def dict_of_class(kind: type) -> Dict[Any, Any]:
    """Return the dictionary of a class itself, which is behind a proxy."""
    (attributes,) = gc.get_referents(_proxy_of_class(kind))
    return cast("Dict[Any, Any]", attributes)


def module_of(kind: type) -> str:
    """Return the name of the module of a class; empty where that is no text."""
    made_at_run_time = flags_of(kind) & _IS_HEAP_TYPE
    return text(look_up(dict_of_class(kind), "__module__") if made_at_run_time else _module_of(kind))


def type_name(kind: type) -> str:
    """Return the dotted name of a class, without asking its metaclass."""
    module, name = module_of(kind), text(_qualname_of(kind))
    return f"{module}.{name}" if module else name


def is_class(holder: Any) -> bool:
    """Whether it is a class, whatever its metaclass says."""
    return issubclass(type(holder), type)


def is_one_of(value: Any, kinds: Sequence[type]) -> bool:
    """Whether a value is of one of these very types. `in` would ask a metaclass whether they are equal."""
    return any(type(value) is kind for kind in kinds)


def referents(*holders: Any) -> List[Any]:
    """Return what objects refer to, as `gc.get_referents` does; of a module its namespace alone.

    Asked for the referents of `_asyncio`, Python 3.12 hands out freed objects of its own free list; to let go of them
    frees them once more, and the next collection never ends. Of a container with more elements than `MAX_ITEMS` these
    are its newest, since a list of all would be as large as the container.
    """
    special = [*_of_kind(holders, ModuleType), *_large(holders)]
    if not special:
        return gc.get_referents(*holders)
    ids = set(map(id, special))
    held = gc.get_referents(*(one for one in holders if id(one) not in ids))
    for one in special:
        held += newest_of(one, MAX_ITEMS) if _is_large(one) else [namespace_of(one)]
    return held


def in_parts(holders: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield objects in parts whose referents are listed at a time."""
    return (holders[begin : begin + _AT_A_TIME] for begin in range(0, len(holders), _AT_A_TIME))


def _of_kind(holders: Sequence[Any], kinds: Any) -> Iterator[Any]:
    return compress(holders, map(issubclass, map(type, holders), repeat(kinds)))


def _large(holders: Sequence[Any]) -> Iterator[Any]:
    """Yield the containers that have too many elements; in C, since there may be millions of small ones."""
    for kind in _NEWEST_FIRST:
        ones = list(_of_kind(holders, kind))
        yield from compress(ones, map(MAX_ITEMS.__lt__, map(kind.__len__, ones)))


def _is_large(holder: Any) -> bool:
    kind = container_kind(type(holder))
    return bool(kind) and kind.__len__(holder) > MAX_ITEMS


def instance_dict(holder: Any) -> Optional[Dict[Any, Any]]:
    """Return the dictionary of an instance, never by a `__dict__` that its class defines."""
    if is_class(holder):
        return None
    try:
        attributes = _dict_of_instance(ctypes.py_object(holder), None)  # what is no `py_object` is asked for its class
    except Exception:  # noqa: BLE001 - what has none
        return None
    return attributes if issubclass(type(attributes), dict) else None


def named_attributes(holder: Any) -> Dict[str, Any]:
    """Return what an instance's dictionary has under plain names; the copy can be looked up without asking a key."""
    return {name: value for name, value in items_of(instance_dict(holder) or {}) if type(name) is str}


def attributes_of(holder: Any) -> Iterator[Tuple[str, Any]]:
    """Yield the names and values of an instance's attributes: of its dictionary, its slots, and C members.

    Of what C code computes only the causes of an exception: such code may call Python's, or be compiled from it.
    """
    yield from named_attributes(holder).items()
    for base in mro_of(type(holder)):
        for name, descriptor in items_of(dict_of_class(base)):
            is_cause = base is BaseException and name in ("__cause__", "__context__")
            if type(name) is str and (type(descriptor) is MemberDescriptorType or is_cause):
                try:
                    yield name, descriptor.__get__(holder)
                except Exception:  # noqa: BLE001, S112 - a slot that is empty
                    continue


def can_be_suspended(kind: type) -> bool:
    """Whether objects of this very type have a frame of their own: generators and coroutines."""
    return id(kind) in _FRAME_OF


def suspended_frame(holder: Any) -> Optional[FrameType]:
    """Return the frame of a generator or a coroutine; None of one that has ended, and of anything else."""
    attribute = _FRAME_OF.get(id(type(holder)))
    return getattr(holder, attribute) if attribute else None


def local_name(frame: Optional[FrameType], value: Any) -> str:
    """Return the local of a frame that is `value`, or an empty string; leaves no snapshot of the locals behind.

    The body of a class may have locals of a class of the user's, which Python up to 3.12 would bring up to date.
    """
    if frame is None or not (_is_function(frame) or _has_no_cells(frame)):
        return ""
    values = frame.f_locals
    if not _is_function(frame) and type(values) is not dict:
        return ""
    names = [text(name) for name, one in list(values.items()) if one is value]
    if type(values) is dict and _is_function(frame) and sys.getrefcount(values) <= _REFERENCES_OF_A_SNAPSHOT:
        values.clear()
    return names[0] if names else ""


_IS_FUNCTION = 0x1 | 0x2
"""`CO_OPTIMIZED` and `CO_NEWLOCALS`: the locals are no namespace of a module or a class."""

_REFERENCES_OF_A_SNAPSHOT = 3
"""The frame's, ours, and that of the one who counts. Of one more, the function itself has called `locals()`."""


def _is_function(frame: FrameType) -> bool:
    return frame.f_code.co_flags & _IS_FUNCTION == _IS_FUNCTION


def _has_no_cells(frame: FrameType) -> bool:
    return not (frame.f_code.co_cellvars or frame.f_code.co_freevars)
