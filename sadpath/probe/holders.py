"""Find the names by which objects are held.

Forwards from the namespaces of all modules, level by level, and never into frames or tracebacks, which is where the
millions of entries of a leak are. What is not found so is searched backwards, over what refers to it; and then in the
locals of the functions that run.
"""

import gc
import sys
import time
from contextvars import Context, ContextVar
from types import BuiltinFunctionType, CodeType, FrameType, ModuleType, TracebackType
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple
from weakref import ref

from .heap import referents
from .names import has_own_name, in_words, local_name, suspended_frame

MAX_OBJECTS = 2_000_000
MAX_SECONDS = 5.0
MAX_REFERRERS = 2000
MAX_PASSES = 5
MAX_NAMES = 3

_LEAVES = (
    *(str, bytes, bytearray, memoryview, int, float, bool, complex, range, type(None), type(...)),
    *(CodeType, FrameType, TracebackType, BuiltinFunctionType, ref),
)
_LEAF_IDS = frozenset(map(id, _LEAVES))
"""By id, since a metaclass may define the hash of classes. Nothing that we look for is reached through these alone."""

_OURS = __name__.rpartition(".")[0] + "."


def chains_to(ids: Iterable[int]) -> Dict[int, List[Any]]:
    """Return for each id of an object the shortest chain of references that leads to it from a module.

    The chain ends with the object. An id that has gone from the heap, or that no module leads to, is left out.
    """
    wanted = frozenset(ids)
    level: List[Any] = list(_namespaces().values())
    seen: Set[int] = set(map(id, level))
    levels: List[List[Any]] = []
    found: Dict[int, Tuple[Any, int]] = {}
    until = time.monotonic() + MAX_SECONDS
    while level and len(found) < len(wanted) and len(seen) < MAX_OBJECTS and time.monotonic() < until:
        levels.append(level)
        seen.update((id(level), id(levels), id(seen), id(found)))
        children = _children(level)
        seen.add(id(children))
        found.update((key, (children[key], len(levels))) for key in wanted & children.keys() if key not in found)
        level = [one for key, one in children.items() if key not in seen and id(type(one)) not in _LEAF_IDS]
        seen.update(map(id, level))
    return {key: _chain(one, levels[:depth]) for key, (one, depth) in found.items()}


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
            found = backwards(target, modules) or _running(target)
            if found:
                names[id(target)] = found
    return names


def module_names(target: Any) -> List[str]:
    """Return the names that modules give to an object directly, those of modules that were started last."""
    found = [
        f"{name}.{key}"
        for name, namespace in _namespaces().items()
        for key, value in list(namespace.items())
        if value is target and type(key) is str
    ]
    return sorted(found, key=lambda name: (name.startswith("__main__."), len(name), name))


def backwards(target: Any, modules: Dict[int, str]) -> List[str]:
    """Return names found over what refers to an object: contexts, suspended coroutines, threads' own values."""
    parents: Dict[int, Any] = {id(target): None}
    level, ours = [target], {id(parents)}
    for _ in range(MAX_PASSES):
        ours |= {id(level), id(ours)}
        nearer: List[Any] = []
        for holder, child in _referrers(level, parents, ours | {id(nearer)}):
            parents[id(holder)] = child
            if id(holder) in modules or has_own_name(holder) or _ends_a_search(holder):
                return [in_words(_way_down(holder, parents), modules)]
            nearer.append(holder)
        level = nearer[:MAX_REFERRERS]
        if not level:
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
    found = []
    for holder in gc.get_referrers(*level):
        if id(holder) in parents or id(holder) in ours or isinstance_of(holder, (FrameType, TracebackType)):
            continue
        if holder is by_id or holder is level:
            continue
        child = next((by_id[id(one)] for one in referents(holder) if id(one) in by_id), None)
        if child is not None:
            found.append((holder, child))
    return found


def isinstance_of(holder: Any, kinds: Tuple[type, ...]) -> bool:
    """Whether an object is of one of these types, by its type and not by a `__class__` that it may define."""
    return issubclass(type(holder), kinds)


def _running(target: Any) -> List[str]:
    """Return the locals of running functions that are the target."""
    for frame in list(sys._current_frames().values()):  # noqa: SLF001 - the documented way to see other threads
        one: Optional[FrameType] = frame
        while one is not None:
            module = one.f_globals.get("__name__")
            if not (type(module) is str and module.startswith(_OURS)) and (name := local_name(one, target)):
                code = one.f_code
                return [f"local {name!r} of running {module}.{code.co_name} ({code.co_filename}:{one.f_lineno})"]
            one = one.f_back
    return []


def _with_other_names(target: Any, names: List[str]) -> List[str]:
    """Return the names, and those that other modules give to the same object, each once."""
    others = [name for name in module_names(target) if name not in names]
    if names[0].startswith("__main__."):
        names, others = [], [*others, *names]
    return [*names, *others][:MAX_NAMES]


def _children(level: Sequence[Any]) -> Dict[int, Any]:
    """Return all that a level refers to, by id."""
    children = referents(*level)
    found = dict(zip(map(id, children), children))
    if _FRAMES_ARE_APART:
        for frame in filter(None, map(suspended_frame, level)):
            held = referents(frame)
            found.update(zip(map(id, held), held))
    return found


_FRAMES_ARE_APART = sys.version_info[:2] < (3, 11)
"""Whether a suspended frame is an object of its own, into which a walk that avoids frames would not look."""


def _chain(target: Any, levels: Sequence[Sequence[Any]]) -> List[Any]:
    """Return the chain that leads to a target, searched for along the way that was found only."""
    chain = [target]
    for level in reversed(levels):
        child = chain[-1]
        parent = next((one for one in level if _refers(one, child)), None)
        if parent is not None:
            chain.append(parent)
    return chain[::-1]


def _refers(holder: Any, child: Any) -> bool:
    held = referents(holder)
    if _FRAMES_ARE_APART and (frame := suspended_frame(holder)) is not None:
        held += referents(frame)
    return id(child) in map(id, held)


def _namespaces() -> Dict[str, Dict[str, Any]]:
    """Return the namespace of each module, by its name; not ours."""
    return {
        name: object.__getattribute__(module, "__dict__")
        for name, module in list(sys.modules.items())
        if type(name) is str and issubclass(type(module), ModuleType) and not name.startswith(_OURS)
    }


def modules_by_id() -> Dict[int, str]:
    """Return the name of each module by the id of its namespace."""
    return {id(namespace): name for name, namespace in reversed(list(_namespaces().items()))}
