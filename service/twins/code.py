"""The code of a twin for people: what its leaky and its fixed variant do not share, from the source itself."""

from __future__ import annotations

import difflib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from service.twins.catalogue import Twin, Variant

ROOT = Path(__file__).parents[2]
FOR_THE_LINTER = re.compile(r"  # (noqa|type): \S+( - |$)", re.MULTILINE)
NOT_CODE = ("def ", "async def ", '"')


@dataclass(frozen=True)
class Code:
    """Functions of one variant, in the order of the source: `marked` are the lines that the other one has not.

    Lines are counted from 1 in `code`, of which the first stands at `line` of `file`.
    """

    variant: str
    why: str
    file: str
    line: int
    code: str
    marked: list[int]


def code_of(twin: Twin) -> list[Code]:
    """Return the code of the two variants that a demonstration compares, the leaky one first."""
    variants = {one.slug: one for one in twin.variants}
    leaky, fixed = variants[twin.leaky], variants[twin.fixed]
    of_leaky, of_fixed = _functions(leaky), _functions(fixed)
    left = _source([one for one in of_leaky if one not in of_fixed])
    right = _source([one for one in of_fixed if one not in of_leaky])
    return [_code(leaky, *left, other=right[2]), _code(fixed, *right, other=left[2])]


def _code(variant: Variant, file: str, line: int, code: str, other: str) -> Code:
    return Code(variant.slug, variant.why, file, line, code, _marked(code.splitlines(), other.splitlines()))


def _source(found: list[FunctionType]) -> tuple[str, int, str]:
    """Return file, first line and text of functions that stand in one file."""
    by_line = sorted((inspect.getsourcelines(one)[1], inspect.getsource(one)) for one in found)
    file = Path(inspect.getsourcefile(found[0]) or "").relative_to(ROOT)
    code = "\n\n\n".join(textwrap.dedent(text).rstrip() for _, text in by_line)
    return str(file), by_line[0][0], FOR_THE_LINTER.sub(lambda comment: "  # " if comment[2] else "", code)


def _marked(lines: list[str], other: list[str]) -> list[int]:
    """Number the lines that are not in the other text, but for names of functions and what is only said."""
    codes = [_bare(line) for line in lines]
    blocks = difflib.SequenceMatcher(None, codes, [_bare(line) for line in other], autojunk=False).get_opcodes()
    new = {number for tag, begin, end, *_ in blocks if tag != "equal" for number in range(begin, end)}
    new |= {number for number, line in enumerate(lines) if "  # leaks" in line}
    return [number + 1 for number in sorted(new) if codes[number] and not codes[number].startswith(NOT_CODE)]


def _bare(line: str) -> str:
    """Return a line without its comment."""
    return line.partition("  # ")[0].strip()


def _functions(variant: Variant) -> list[FunctionType]:
    """Return what the endpoint of a variant calls in its twin's own module, or the function that it names."""
    start: Callable[..., Any] = variant.shown or variant.endpoint
    found: list[FunctionType] = []
    _follow(start, _home(start), found)
    return found


def _home(start: Callable[..., Any]) -> str:
    """Return the module of the twin: that of the endpoint, or of the work in it."""
    inner = [cell.cell_contents for cell in start.__closure__ or ()] if isinstance(start, FunctionType) else []
    own = [one.__module__ for one in inner if isinstance(one, FunctionType)]
    return (own or [start.__module__])[0]


def _follow(one: Any, module: str, found: list[FunctionType]) -> None:
    """Add a function of `module`, and what it calls there, to `found`."""
    if not isinstance(one, FunctionType) or one in found:
        return
    if one.__module__ == module and "<locals>" not in one.__qualname__:
        found.append(one)
    for called in _called(one):
        if getattr(called, "__module__", "") == module:
            _follow(called, module, found)


def _called(function: FunctionType) -> Iterator[Any]:
    """Yield what the names in a function stand for."""
    yield from (cell.cell_contents for cell in function.__closure__ or ())
    yield from (function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
