"""Read objects by the slots of Python's own types, so that no code of a user's class runs.

A class may define `__class__`, `__dict__`, `__traceback__`, `__eq__`, `__hash__` or a property of any name, and its
metaclass `__module__` or `__mro__`. What is asked for here is what the interpreter itself would see.
"""

import functools
import gc
from itertools import compress, repeat
from operator import not_
from types import (
    AsyncGeneratorType,
    CoroutineType,
    FrameType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
    TracebackType,
)
from typing import Any, Dict, Iterator, List, Optional, Sequence, cast

LruCache: Any = type(functools.lru_cache(maxsize=1)(lambda: None))

CAN_SUSPEND = 0x20 | 0x80 | 0x200
"""`CO_GENERATOR`, `CO_COROUTINE` and `CO_ASYNC_GENERATOR` of `inspect`, which imports too much for a guest."""

_SUSPENDABLE = {GeneratorType: "gi_frame", CoroutineType: "cr_frame", AsyncGeneratorType: "ag_frame"}
_FRAME_OF = {id(kind): frame for kind, frame in _SUSPENDABLE.items()}

mro_of = type.__dict__["__mro__"].__get__
dict_of_class = type.__dict__["__dict__"].__get__
_module_of, _qualname_of = (type.__dict__[name].__get__ for name in ("__module__", "__qualname__"))
_namespace_of = cast("Any", ModuleType).__dict__["__dict__"].__get__
_traceback_of = cast("Any", BaseException).__dict__["__traceback__"].__get__


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


def type_name(kind: type) -> str:
    """Return the dotted name of a class, without asking its metaclass."""
    return f"{_module_of(kind)}.{_qualname_of(kind)}"


def is_class(holder: Any) -> bool:
    """Whether it is a class, whatever its metaclass says."""
    return issubclass(type(holder), type)


def is_one_of(value: Any, kinds: Sequence[type]) -> bool:
    """Whether a value is of one of these very types. `in` would ask a metaclass whether they are equal."""
    return any(type(value) is kind for kind in kinds)


def referents(*holders: Any) -> List[Any]:
    """Return what objects refer to, as `gc.get_referents` does; of a module its namespace alone.

    Asked for the referents of `_asyncio`, Python 3.12 hands out freed objects of its own free list; to let go of them
    frees them once more, and the next collection never ends.
    """
    are_modules = list(map(issubclass, map(type, holders), repeat(ModuleType)))
    if True not in are_modules:
        return gc.get_referents(*holders)
    others = compress(holders, map(not_, are_modules))
    return [*gc.get_referents(*others), *map(_namespace_of, compress(holders, are_modules))]


def instance_dict(holder: Any) -> Optional[Dict[Any, Any]]:
    """Return the dictionary of an instance, never by a `__dict__` that its class defines."""
    try:
        attributes = object.__getattribute__(holder, "__dict__")
    except Exception:  # noqa: BLE001 - what has none
        return None
    return attributes if type(attributes) is dict and not is_class(holder) else None


def attributes_of(holder: Any) -> Iterator[Any]:
    """Yield the names and values of an instance's attributes: of its dictionary, its slots, and C members."""
    attributes = instance_dict(holder)
    if attributes is not None:
        yield from list(dict.items(attributes))
    for base in mro_of(type(holder)):
        for name, descriptor in list(dict_of_class(base).items()):
            if is_one_of(descriptor, _C_DESCRIPTORS) and name not in ("__dict__", "__weakref__", "__class__"):
                try:
                    yield name, descriptor.__get__(holder)
                except Exception:  # noqa: BLE001, S112 - a slot that is empty, a getter that refuses
                    continue


_C_DESCRIPTORS = (MemberDescriptorType, GetSetDescriptorType)


def can_be_suspended(kind: type) -> bool:
    """Whether objects of this very type have a frame of their own: generators and coroutines."""
    return id(kind) in _FRAME_OF


def suspended_frame(holder: Any) -> Optional[FrameType]:
    """Return the frame of a generator or a coroutine; None of one that has ended, and of anything else."""
    attribute = _FRAME_OF.get(id(type(holder)))
    return getattr(holder, attribute) if attribute else None


def local_name(frame: Optional[FrameType], value: Any) -> str:
    """Return the local of a frame that is `value`, or an empty string; leaves no snapshot of the locals behind."""
    if frame is None:
        return ""
    values = frame.f_locals
    names = [name for name, one in values.items() if one is value]
    if type(values) is dict and values is not frame.f_globals and frame.f_code.co_flags & _IS_FUNCTION:
        values.clear()
    return str(names[0]) if names else ""


_IS_FUNCTION = 0x2
"""`CO_NEWLOCALS`: the locals are no namespace of a module or a class."""
