"""Put a chain of references into words that one can search for: `shop.errors.Errors.user_not_found`.

A chain begins with the namespace of a module and ends with the object; each refers to the next. Classes, functions and
caches have names of their own, so the words begin at the last of them.

No code of a user's class runs: attributes are read from the instance's dictionary and its slots, by Python's own types.
"""

import functools
import gc
from collections import deque
from contextvars import ContextVar
from types import (
    AsyncGeneratorType,
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any, Dict, Iterator, Optional, Sequence
from weakref import ref

from .heap import type_name

LruCache: Any = type(functools.lru_cache(maxsize=1)(lambda: None))
_SUSPENDABLE = {GeneratorType: "gi_frame", CoroutineType: "cr_frame", AsyncGeneratorType: "ag_frame"}
_SUSPENDABLE_IDS = {id(kind): frame for kind, frame in _SUSPENDABLE.items()}
_LONGEST_KEY = 60
_INTERNAL = ("builtins", "_contextvars", "_thread")
"""Where the types are from that a name says nothing of, such as the nodes of a context."""

_NODES = ("hamt_bitmap_node", "hamt_array_node", "hamt_collision_node")
"""The types of which a context consists."""

_MISSING = object()

_dict_of_class = type.__dict__["__dict__"].__get__
_mro_of = type.__dict__["__mro__"].__get__


def has_own_name(holder: Any) -> bool:
    """Whether words may begin with this object: one finds it without knowing who refers to it."""
    kind = type(holder)
    return is_class(holder) or kind is FunctionType or kind is LruCache or id(kind) in _SUSPENDABLE_IDS


def is_one_of(value: Any, kinds: Sequence[type]) -> bool:
    """Whether a value is of one of these very types. `in` would ask a metaclass whether they are equal."""
    return any(type(value) is kind for kind in kinds)


def is_class(holder: Any) -> bool:
    """Whether it is a class, whatever its metaclass says."""
    return issubclass(type(holder), type)


def in_words(chain: Sequence[Any], modules: Dict[int, str]) -> str:
    """Return a chain in words; `modules` has the name of each module by the id of its namespace."""
    first = max((i for i, holder in enumerate(chain[:-1]) if has_own_name(holder)), default=0)
    words, i = own_name(chain[first], modules), first
    while i < len(chain) - 1:
        owner = chain[i - 1] if i > first else None
        after = chain[i + 2] if i + 2 < len(chain) else None
        words = _step(words, owner, chain[i], chain[i + 1], after, is_module=id(chain[i]) in modules)
        i += 2 if is_one_of(chain[i], (FunctionType, LruCache)) else 1  # their tuple or dictionary is no part of a name
    return words


def own_name(holder: Any, modules: Dict[int, str]) -> str:
    """Return the name of what words begin with."""
    kind = type(holder)
    if id(holder) in modules:
        return modules[id(holder)]
    if is_class(holder):
        return type_name(holder)
    if id(kind) in _SUSPENDABLE_IDS:
        return f"suspended {kind.__name__} {holder.__qualname__}"
    if kind is LruCache:
        return f"lru_cache of {function_name(holder)}"
    return function_name(holder) if kind is FunctionType else type_name(kind)


def function_name(function: Any) -> str:
    """Return the dotted name of a function, or of the function that a cache wraps."""
    if type(function) is LruCache:
        attributes = object.__getattribute__(function, "__dict__")
        module, name = attributes.get("__module__"), attributes.get("__qualname__")
    else:
        module, name = function.__module__, function.__qualname__
    return f"{module}.{name}" if type(module) is str else str(name)


def _step(words: str, owner: Any, holder: Any, child: Any, after: Any, *, is_module: bool) -> str:  # noqa: PLR0911, PLR0913
    """Return the words for `child`, to which `holder` refers; `words` are those for `holder`, which `owner` holds."""
    kind = type(holder)
    if issubclass(kind, dict):
        return _step_of_dict(words, holder, child, is_namespace=is_module or _is_namespace_of(owner, holder))
    if issubclass(kind, (list, tuple, deque)):
        return words + _index(holder, child)
    if kind is FunctionType:
        return _step_of_function(words, holder, child, after)
    if id(kind) in _SUSPENDABLE_IDS:
        name = local_name(suspended_frame(holder), child)
        return f"local {name!r} of {words}" if name else words
    if kind is CellType or kind is LruCache or kind is ModuleType or is_class(holder):
        return _step_of_class(words, holder, child) if is_class(holder) else words
    if issubclass(kind, (set, frozenset)):
        return f"{words} (a member)"
    if kind.__name__ in _NODES and kind.__module__ == "builtins":
        return _step_of_context(words, holder, child)
    return words if child is instance_dict(holder) else words + _attribute(holder, child)


def _step_of_dict(words: str, holder: Any, child: Any, *, is_namespace: bool) -> str:
    key = next((key for key, value in list(dict.items(holder)) if value is child), _MISSING)
    if key is _MISSING:
        return f"{words} (a key)"
    if _is_of_a_thread(key):
        return words
    return f"{words}.{key}" if is_namespace and type(key) is str else f"{words}[{_short(key)}]"


def _step_of_context(words: str, node: Any, child: Any) -> str:
    """Return the words for the value of a context variable: a node of a context has it in front of its variable."""
    held = gc.get_referents(node)
    variables = [after for one, after in zip(held, held[1:]) if one is child and type(after) is ContextVar]
    return f"context variable {variables[0].name!r}" if variables else words


def _step_of_class(words: str, holder: Any, child: Any) -> str:
    """Return the words for an attribute of a class, where that does not refer to it by way of its dictionary."""
    attributes = _dict_of_class(holder)
    name = next((name for name, value in attributes.items() if value is child), None)
    return words if name is None else f"{words}.{name}"


def _step_of_function(words: str, function: Any, child: Any, after: Any) -> str:
    """Return the words for a closure variable or a default of a function: `child` is the tuple that holds it."""
    code = function.__code__
    names: Sequence[str] = ()
    what = "default of argument"
    if child is function.__closure__:
        what = "closure variable"
        names = [name for name, cell in zip(code.co_freevars, function.__closure__) if cell is after]
    elif child is function.__defaults__:
        first = code.co_argcount - len(function.__defaults__)
        names = [code.co_varnames[first + i] for i, one in enumerate(function.__defaults__) if one is after]
    elif child is function.__kwdefaults__:
        names = [name for name, one in function.__kwdefaults__.items() if one is after]
    return f"{what} {names[0]!r} of {words}" if names else words


def _is_namespace_of(owner: Any, attributes: Any) -> bool:
    """Whether a dictionary has the attributes of `owner`, which refers to it."""
    if owner is None or type(attributes) is not dict:
        return False
    of_a_thread = type(owner) is dict and any(
        value is attributes and _is_of_a_thread(key) for key, value in list(owner.items())
    )
    return of_a_thread or is_class(owner) or attributes is instance_dict(owner)


def _is_of_a_thread(key: Any) -> bool:
    """Whether it is a key under which a `threading.local` has the values of one thread."""
    return type(key) is ref or type_name(type(key)) == "_thread._localdummy"


def _index(holder: Any, child: Any) -> str:
    kind: Any = next(kind for kind in (list, tuple, deque) if issubclass(type(holder), kind))
    return next((f"[{i}]" for i, one in enumerate(list(kind.__iter__(holder))) if one is child), "")


def _attribute(holder: Any, child: Any) -> str:
    """Return `.name` of the attribute that is `child`; the holder's type in brackets where none is found."""
    for name, value in attributes_of(holder):
        if value is child:
            return f".{name}"
    return "" if type(holder).__module__ in _INTERNAL else f" (by way of {type_name(type(holder))})"


def attributes_of(holder: Any) -> Iterator[Any]:
    """Yield the names and values of an instance's attributes: of its dictionary, its slots, and C members."""
    attributes = instance_dict(holder)
    if attributes is not None:
        yield from list(dict.items(attributes))
    for base in _mro_of(type(holder)):
        for name, descriptor in list(_dict_of_class(base).items()):
            if is_one_of(descriptor, _C_DESCRIPTORS) and name not in ("__dict__", "__weakref__", "__class__"):
                try:
                    yield name, descriptor.__get__(holder)
                except Exception:  # noqa: BLE001, S112 - a slot that is empty, a getter that refuses
                    continue


_C_DESCRIPTORS = (MemberDescriptorType, GetSetDescriptorType)


def instance_dict(holder: Any) -> Optional[Dict[Any, Any]]:
    """Return the dictionary of an instance, never by a `__dict__` that its class defines."""
    try:
        attributes = object.__getattribute__(holder, "__dict__")
    except Exception:  # noqa: BLE001 - what has none
        return None
    return attributes if type(attributes) is dict and not is_class(holder) else None


def suspended_frame(holder: Any) -> Optional[FrameType]:
    """Return the frame of a generator or a coroutine; None of one that has ended, and of anything else."""
    attribute = _SUSPENDABLE_IDS.get(id(type(holder)))
    return getattr(holder, attribute) if attribute else None


def local_name(frame: Optional[FrameType], value: Any) -> str:
    """Return the local of a frame that is `value`, or an empty string; leaves no snapshot of the locals behind."""
    if frame is None:
        return ""
    found = frame.f_locals
    names = [name for name, one in found.items() if one is value]
    if type(found) is dict and found is not frame.f_globals and frame.f_code.co_flags & _IS_FUNCTION:
        found.clear()
    return str(names[0]) if names else ""


_IS_FUNCTION = 0x2
"""`CO_NEWLOCALS`: the locals are no namespace of a module or a class."""


def _short(key: Any) -> str:
    """Return a key as it is typed, of Python's own plain types; of another, the name of its type."""
    plain = is_one_of(key, (str, int, bytes, bool, type(None), float))
    of_plain = type(key) is tuple and all(is_one_of(one, (str, int, bytes)) for one in key)
    text = repr(key) if plain or of_plain else type_name(type(key))
    return text if len(text) <= _LONGEST_KEY else text[: _LONGEST_KEY - 1] + "…"
