"""Find the names by which objects are held, in words that one can search for: `shop.errors.Errors.user_not_found`.

Forwards from the namespaces of all modules, level by level, and never into frames or tracebacks, which is where the
millions of entries of a leak are. What is not found so is searched backwards, over what refers to it; and then in the
locals of the functions that run.

What is found is a chain that begins with the namespace of a module and ends with the object; each refers to the next.
Classes, functions and caches have names of their own, so the words begin at the last of them.
"""

import gc
import sys
import time
from collections import deque
from contextvars import Context, ContextVar
from types import CellType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple
from weakref import ref

from .objects import (
    LruCache,
    attributes_of,
    can_be_suspended,
    dict_of_class,
    elements_of,
    instance_dict,
    is_class,
    is_one_of,
    items_of,
    key_of,
    literal,
    local_name,
    look_up,
    module_of,
    referents,
    suspended_frame,
    text,
    type_name,
)
from .raise_sites import file_of
from .walk import MAX_SECONDS, OURS, chains_to, namespaces

MAX_REFERRERS = 2000
MAX_PASSES = 5
MAX_NAMES = 3
LONGEST_WORDS = 1000
"""Characters of the words for a chain: one that leads through a linked list is as long as the list."""

_LONGEST_KEY = 60
_INTERNAL = ("builtins", "_contextvars", "_thread")
"""Where the types are from that a name says nothing of, such as the nodes of a context."""

_NODES = ("builtins.hamt_bitmap_node", "builtins.hamt_array_node", "builtins.hamt_collision_node")
"""The types of which a context consists."""

_MISSING = object()


def names_of(targets: Sequence[Any], chains: Optional[Dict[int, List[Any]]] = None) -> Dict[int, List[str]]:
    """Return the names of each target, by its id, the likeliest first; what has none is not in it.

    `chains` are those that lead to them, where they are known.
    """
    modules = modules_by_id()
    chains = chains_to(map(id, targets)) if chains is None else chains
    names = {key: [in_words(chain, modules)] for key, chain in chains.items()}
    for target in targets:
        if id(target) in names:
            names[id(target)] = _with_other_names(target, names[id(target)])
    for target in targets:
        if id(target) not in names:
            others = backwards(target, modules) or _running(target)
            if others:
                names[id(target)] = others
    return names


def module_names(target: Any) -> List[str]:
    """Return the names that modules give to an object directly, those of modules that were started last."""
    names = [
        f"{name}.{text(key)}"
        for name, namespace in namespaces().items()
        for key, value in items_of(namespace)
        if value is target and type(key) is str
    ]
    return sorted(names, key=lambda name: (name.startswith("__main__."), len(name), name))


def backwards(target: Any, modules: Dict[int, str]) -> List[str]:
    """Return names found over what refers to an object: contexts, suspended coroutines, threads' own values."""
    parents: Dict[int, Any] = {id(target): None}
    level, ours = [target], {id(parents)}
    until = time.monotonic() + MAX_SECONDS
    for _ in range(MAX_PASSES):
        ours |= {id(level), id(ours)}
        nearer: List[Any] = []
        for holder, child in _referrers(level, parents, ours | {id(nearer)}):
            parents[id(holder)] = child
            if id(holder) in modules or _has_own_name(holder) or _ends_a_search(holder):
                return [in_words(_way_down(holder, parents), modules)]
            nearer.append(holder)
        level = nearer[:MAX_REFERRERS]
        if not level or time.monotonic() > until:
            return []
    return []


def _way_down(holder: Any, parents: Dict[int, Any]) -> List[Any]:
    chain = [holder]
    while (child := parents[id(chain[-1])]) is not None:
        chain.append(child)
    return chain


def _ends_a_search(holder: Any) -> bool:
    """Whether words may begin with a value of a context or of a thread, which no module refers to."""
    return type(holder) is Context or type(holder) is ContextVar


def _referrers(level: Sequence[Any], parents: Dict[int, Any], ours: Set[int]) -> List[Tuple[Any, Any]]:
    """Return what refers to one of a level, each with the one that it refers to; no frames, no tracebacks, not us."""
    by_id = {id(one): one for one in level}
    referrers = []
    for holder in gc.get_referrers(*level):
        if id(holder) in parents or id(holder) in ours or issubclass(type(holder), (FrameType, TracebackType)):
            continue
        if holder is by_id or holder is level:
            continue
        child = next((by_id[id(one)] for one in referents(holder) if id(one) in by_id), None)
        if child is not None:
            referrers.append((holder, child))
    return referrers


def _running(target: Any) -> List[str]:
    """Return the locals of running functions that are the target."""
    for frame in list(sys._current_frames().values()):  # noqa: SLF001 - the documented way to see other threads
        one: Optional[FrameType] = frame
        while one is not None:
            module = text(look_up(one.f_globals, "__name__"))
            if not module.startswith(OURS) and (name := local_name(one, target)):
                code = one.f_code
                return [f"local {name!r} of running {module}.{text(code.co_name)} ({file_of(code)}:{one.f_lineno})"]
            one = one.f_back
    return []


def _with_other_names(target: Any, names: List[str]) -> List[str]:
    """Return the names, and those that other modules give to the same object, each once."""
    others = [name for name in module_names(target) if name not in names]
    if names[0].startswith("__main__."):
        names, others = [], [*others, *names]
    return [*names, *others][:MAX_NAMES]


def modules_by_id() -> Dict[int, str]:
    """Return the name of each module by the id of its namespace."""
    return {id(namespace): name for name, namespace in reversed(list(namespaces().items()))}


def _has_own_name(holder: Any) -> bool:
    """Whether words may begin with this object: one finds it without knowing who refers to it."""
    kind = type(holder)
    return is_class(holder) or kind is FunctionType or issubclass(kind, LruCache) or can_be_suspended(kind)


def in_words(chain: Sequence[Any], modules: Dict[int, str]) -> str:
    """Return a chain in words; `modules` has the name of each module by the id of its namespace."""
    first = max((i for i, holder in enumerate(chain[:-1]) if _has_own_name(holder)), default=0)
    words, i = own_name(chain[first], modules), first
    while i < len(chain) - 1 and len(words) <= LONGEST_WORDS:
        owner = chain[i - 1] if i > first else None
        after = chain[i + 2] if i + 2 < len(chain) else None
        words = _step(words, owner, chain[i], chain[i + 1], after, is_module=id(chain[i]) in modules)
        i += 2 if is_one_of(chain[i], (FunctionType, LruCache)) else 1  # their tuple or dictionary is no part of a name
    return text(words, LONGEST_WORDS)


def own_name(holder: Any, modules: Dict[int, str]) -> str:
    """Return the name of what words begin with."""
    kind = type(holder)
    if id(holder) in modules:
        return modules[id(holder)]
    if is_class(holder):
        return type_name(holder)
    if can_be_suspended(kind):
        return f"suspended {kind.__name__} {text(holder.__qualname__)}"
    if issubclass(kind, LruCache):
        return f"lru_cache of {_function_name(holder)}"
    return _function_name(holder) if kind is FunctionType else type_name(kind)


def _function_name(function: Any) -> str:
    """Return the dotted name of a function, or of the function that a cache wraps."""
    if type(function) is FunctionType:
        module, name = text(function.__module__), text(function.__qualname__)
    else:
        attributes = instance_dict(function) or {}
        module, name = text(look_up(attributes, "__module__")), text(look_up(attributes, "__qualname__"))
    return f"{module}.{name}" if module else name


def _step(words: str, owner: Any, holder: Any, child: Any, after: Any, *, is_module: bool) -> str:  # noqa: PLR0911, PLR0913
    """Return the words for `child`, to which `holder` refers; `words` are those for `holder`, which `owner` holds."""
    kind = type(holder)
    if issubclass(kind, dict):
        return _step_of_dict(words, holder, child, is_namespace=is_module or _is_namespace_of(owner, holder))
    if issubclass(kind, (list, tuple, deque)):
        return words + _index(holder, child)
    if kind is FunctionType:
        return _step_of_function(words, holder, child, after)
    if can_be_suspended(kind):
        name = local_name(suspended_frame(holder), child)
        return f"local {name!r} of {words}" if name else words
    if is_one_of(holder, (CellType, ModuleType)) or issubclass(kind, LruCache) or is_class(holder):
        return _step_of_class(words, holder, child) if is_class(holder) else words
    if issubclass(kind, (set, frozenset)):
        return f"{words} (a member)"
    if type_name(kind) in _NODES:
        return _step_of_context(words, holder, child)
    return words if child is instance_dict(holder) else words + _attribute(holder, child)


def _step_of_dict(words: str, holder: Any, child: Any, *, is_namespace: bool) -> str:
    key = key_of(holder, child, _MISSING)
    if key is _MISSING:
        return f"{words} (a key)"
    if _is_of_a_thread(key):
        return words
    if is_namespace and type(key) is str:
        return f"{words}.{text(key)}"
    return f"{words}[{literal(key, _LONGEST_KEY) or type_name(type(key))}]"


def _step_of_context(words: str, node: Any, child: Any) -> str:
    """Return the words for the value of a context variable: a node of a context has it in front of its variable."""
    held = gc.get_referents(node)
    variables = [after for one, after in zip(held, held[1:]) if one is child and type(after) is ContextVar]
    return f"context variable {text(variables[0].name)!r}" if variables else words


def _step_of_class(words: str, holder: Any, child: Any) -> str:
    """Return the words for an attribute of a class, where that does not refer to it by way of its dictionary."""
    name = text(key_of(dict_of_class(holder), child))
    return f"{words}.{name}" if name else words


def _step_of_function(words: str, function: Any, child: Any, after: Any) -> str:
    """Return the words for a closure variable or a default of a function: `child` is the tuple that holds it."""
    code = function.__code__
    names: Sequence[str] = ()
    what = "default of argument"
    if child is function.__closure__:
        what = "closure variable"
        names = [name for name, cell in zip(code.co_freevars, function.__closure__) if cell is after]
    elif child is function.__defaults__:
        defaults = elements_of(function.__defaults__)
        first = code.co_argcount - len(defaults)
        names = [code.co_varnames[first + i] for i, one in enumerate(defaults) if one is after]
    elif child is function.__kwdefaults__:
        names = [text(name) for name, one in items_of(function.__kwdefaults__) if one is after]
    return f"{what} {names[0]!r} of {words}" if names else words


def _is_namespace_of(owner: Any, attributes: Any) -> bool:
    """Whether a dictionary has the attributes of `owner`, which refers to it."""
    if owner is None or type(attributes) is not dict:
        return False
    of_a_thread = type(owner) is dict and _is_of_a_thread(key_of(owner, attributes))
    return of_a_thread or is_class(owner) or attributes is instance_dict(owner)


def _is_of_a_thread(key: Any) -> bool:
    """Whether it is a key under which a `threading.local` has the values of one thread."""
    return type(key) is ref or type_name(type(key)) == "_thread._localdummy"


def _index(holder: Any, child: Any) -> str:
    return next((f"[{i}]" for i, one in enumerate(elements_of(holder)) if one is child), "")


def _attribute(holder: Any, child: Any) -> str:
    """Return `.name` of the attribute that is `child`; the holder's type in brackets where none is found."""
    for name, value in attributes_of(holder):
        if value is child:
            return f".{name}"
    return "" if module_of(type(holder)) in _INTERNAL else f" (by way of {type_name(type(holder))})"
