"""What there is to say of an exception object: what it is, who holds it, where it was raised, and what it retains."""

from types import TracebackType
from typing import Any, List, Optional, Sequence, Set

from .heap import live_exceptions
from .holders import names_of
from .objects import is_one_of, literal, named_attributes, text, traceback_length, traceback_of, type_name
from .raise_sites import raise_sites
from .retained import size_front
from .walk import chains_to
from .wire import DescribedException, ExplainedException

OPS = ("explain",)

SAMPLED_ENTRIES = 200
FOLLOWED_ENTRIES = 2000
LONGEST_MESSAGE = 200
_TEXTS = ("detail", "message", "msg", "title", "description", "reason", "error")
"""The attributes in which an exception may have its message, where its arguments have none."""


def explain(ids: Sequence[int]) -> List[ExplainedException]:
    """Op: return what is known of the live exceptions with these ids; one that has gone is left out.

    What a module leads to is found on the way to it. The whole heap is looked through for the others only.
    """
    wanted = set(ids)
    chains = {
        key: chain for key, chain in chains_to(wanted).items() if issubclass(type(chain[-1]), BaseException)
    }  # another object may have the id of one that has gone
    exceptions = [chain[-1] for chain in chains.values()]
    if len(exceptions) < len(wanted):
        exceptions = [one for one in live_exceptions() if id(one) in wanted]
    names = names_of(exceptions, chains)
    return [{"held_by": names.get(id(one), []), **described(one)} for one in exceptions]


def described(exception: BaseException) -> DescribedException:
    """Return what an exception is, where it was raised, and an estimate of the frames and bytes that it retains."""
    front = traceback_of(exception)
    entries = traceback_length(front)
    retained = size_front(front, SAMPLED_ENTRIES) if front is not None else None
    return {
        "id": id(exception),
        "type": type_name(type(exception)),
        "message": message(exception),
        "entries": entries,
        "frames": _frames(front, entries),
        "bytes": retained.bytes * entries // retained.entries if retained and retained.entries else 0,
        "raised_at": raise_sites(front),
    }


def message(exception: BaseException) -> str:
    """Return the message of an exception without asking its class for it; empty where there is none."""
    arguments = _args_of(exception) or ()
    attributes = named_attributes(exception)
    candidates = [*arguments[:3], *(attributes[name] for name in _TEXTS if name in attributes)]
    return max(map(_in_words, candidates), key=len, default="")


def _in_words(value: Any) -> str:
    """Return a text, a number or bytes as a text of bounded length; of anything else an empty one."""
    is_typed = is_one_of(value, (int, float, bytes))
    return literal(value, LONGEST_MESSAGE) if is_typed else text(value, LONGEST_MESSAGE)


_args_of: Any = BaseException.__dict__["args"].__get__


def _frames(front: Optional[TracebackType], entries: int) -> int:
    """Count the frames that the newest entries keep, with their callers, and take the others to keep as many."""
    frames: Set[int] = set()
    entry, walked = front, 0
    while entry is not None and walked < FOLLOWED_ENTRIES:
        frame: Any = entry.tb_frame
        while frame is not None and id(frame) not in frames:
            frames.add(id(frame))
            frame = frame.f_back
        entry, walked = entry.tb_next, walked + 1
    return len(frames) * entries // walked if walked else 0
