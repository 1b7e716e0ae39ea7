"""Where an exception was raised, and how often, from the newest entries of its traceback.

The newest raise comes first, and in each raise the callers come first. A raise ends at an entry whose instruction
raises, or whose successor is no callee of it: there an older raise begins.
"""

import os
from opcode import opmap
from types import CodeType, FrameType, TracebackType
from typing import Dict, Iterator, List, Optional, Tuple

from .objects import CAN_SUSPEND, LONGEST_FILE, text
from .wire import RaisedAt

MAX_ENTRIES = 2000
MAX_SITES = 5

_RAISE = opmap["RAISE_VARARGS"]
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep


def raise_sites(front: Optional[TracebackType]) -> List[RaisedAt]:
    """Return the places that raised, the user's own code first, then by how often.

    Of each raise they are its last entry in the user's own code, and its last entry of all, where a library raises.
    Where some are `raise` statements of the user's, what only passed the exception on is left out, such as a pool that
    raises it again in another thread.
    """
    counts: Dict[Tuple[str, int, str], int] = {}
    statements = set()
    for site, is_statement in _sites(front):
        counts[site] = counts.get(site, 0) + 1
        if is_statement and is_own(site[0]):
            statements.add(site)
    ordered = sorted(counts.items(), key=lambda item: (not is_own(item[0][0]), -item[1], item[0]))
    sites: List[RaisedAt] = [
        {"file": site[0], "line": site[1], "function": site[2], "raises": raises, "own": is_own(site[0])}
        for site, raises in ordered
        if not statements or site in statements
    ]
    return sites[:MAX_SITES]


def is_own(file: str) -> bool:
    """Whether code is the user's own: not of the standard library, of an installed package, or made at run time."""
    if file.startswith((_STANDARD_LIBRARY, "<")):
        return False
    return f"{os.sep}site-packages{os.sep}" not in file and f"{os.sep}dist-packages{os.sep}" not in file


def _sites(front: Optional[TracebackType]) -> Iterator[Tuple[Tuple[str, int, str], bool]]:
    """Yield the sites of each raise among the newest entries, and whether they are `raise` statements."""
    own: Optional[TracebackType] = None
    raises = _Instructions()
    entry, walked = front, 0
    while entry is not None and walked < MAX_ENTRIES:
        walked += 1
        if is_own(file_of(entry.tb_frame.f_code)):
            own = entry
        if not _goes_on(entry, raises):
            for last in dict.fromkeys(filter(None, (own, entry))):
                yield _site(last), raises.raise_at(last)
            own = None
        entry = entry.tb_next


class _Instructions(Dict[int, Tuple[CodeType, bytes]]):
    """The instructions of each code, by its id: the hash of a code is that of its constants, which may be anything."""

    def raise_at(self, entry: TracebackType) -> bool:
        """Whether the instruction of an entry raises."""
        code, at = entry.tb_frame.f_code, entry.tb_lasti
        if id(code) not in self:
            self[id(code)] = code, code.co_code
        _, instructions = self[id(code)]
        return 0 <= at < len(instructions) and instructions[at] == _RAISE


def _goes_on(entry: TracebackType, raises: _Instructions) -> bool:
    """Whether the next entry belongs to the same raise.

    It does if its frame was called by this one; and if it is this very frame at a call, which caught the exception that
    it now raises again.
    """
    if entry.tb_next is None:
        return False
    frame, callee = entry.tb_frame, entry.tb_next.tb_frame
    if raises.raise_at(entry):
        return callee is frame and not raises.raise_at(entry.tb_next)
    return callee is frame or callee.f_back is frame or _may_have_been_called(callee)


def _may_have_been_called(callee: FrameType) -> bool:
    """Whether it is of a coroutine or a generator: once that has ended, its frame has lost its caller."""
    return callee.f_back is None and bool(callee.f_code.co_flags & CAN_SUSPEND)


def _site(entry: TracebackType) -> Tuple[str, int, str]:
    code = entry.tb_frame.f_code
    return file_of(code), entry.tb_lineno, function_of(code)


def file_of(code: CodeType) -> str:
    """Return the name of the file that a code says it is from."""
    return text(code.co_filename, LONGEST_FILE)


def function_of(code: CodeType) -> str:
    """Return the name of the function of a code, qualified since Python 3.11."""
    return text(getattr(code, "co_qualname", code.co_name))
