"""What the probe is asked and what it answers: a type for each question and each answer, used on both ends.

A question is an `op`, which is `module.function` of this package, and that function's arguments. The function is
annotated with its answer, and `OPS` of its module says that it may be asked. Both travel as JSON, which makes a list of
a tuple.
"""

from typing import Any, Dict, List, Literal, Optional, Sequence, Tuple, TypedDict, Union, get_args, get_origin
from typing import get_type_hints as hints_of


class EmptyAnswer(TypedDict):
    """The answer of what has nothing to tell: it was done."""


class StopQuestion(TypedDict):
    """Answer this, and then no more: `EmptyAnswer`."""

    op: Literal["agent.stop"]


class HelloQuestion(TypedDict):
    """Which process is this? `HelloAnswer`."""

    op: Literal["looks.hello"]


class HelloAnswer(TypedDict):
    """A process: its ids, its Python, where it imports from, which web frameworks and servers it has imported.

    `census` is whether its exceptions can be counted, `gc_enabled` whether its collector is on, apart from us.
    `collections` is how often garbage was collected, of any generation, our own collections left out.
    """

    pid: int
    parent: int
    python: str
    implementation: str
    census: bool
    gc_enabled: bool
    collections: int
    path: List[str]
    packages: List[str]


class SettleQuestion(TypedDict):
    """What is left after a collection, at the least within some seconds? `SettleAnswer`.

    Where a round begins, the collector is off until the next.
    """

    op: Literal["looks.settle"]
    begins_round: bool
    watched_s: float


class SettleAnswer(TypedDict):
    """What a process has left, each None where it is unknown: bytes, and its live exceptions.

    `in_use` is exact, what the allocators have handed out; `anonymous` is in pages. `collected` is the number of
    objects that were in reference cycles, and `garbage` their bytes where the process has its collector off, else 0.
    `tracebacks` has id, type and traceback entries of the exceptions that have any, the longest first.
    """

    in_use: Optional[int]
    anonymous: Optional[int]
    collected: int
    garbage: Optional[int]
    live_exceptions: Optional[int]
    tracebacks: Optional[Sequence[Tuple[int, str, int]]]


class GlanceQuestion(TypedDict):
    """What of the newest objects is garbage? `GlanceAnswer`; with a census of the live exceptions or without."""

    op: Literal["glance.glance"]
    census: bool


class GlanceAnswer(TypedDict):
    """The objects in reference cycles since the last look, and what a `SettleAnswer` has without a full collection."""

    in_use: Optional[int]
    collected: int
    live_exceptions: Optional[int]
    tracebacks: Optional[Sequence[Tuple[int, str, int]]]


class RaisedAt(TypedDict):
    """A place that raised, and how often; `own` is whether it is the user's own code."""

    file: str
    line: int
    function: str
    raises: int
    own: bool


class ExplainQuestion(TypedDict):
    """What is known of the live exceptions with these ids? A list of `ExplainedException`; one that has gone is not."""

    op: Literal["explain.explain"]
    ids: Sequence[int]


class DescribedException(TypedDict):
    """An exception: its type, its message, its traceback entries, and the frames and bytes that these retain."""

    id: int
    type: str
    message: str
    entries: int
    frames: int
    bytes: int
    raised_at: List[RaisedAt]


class ExplainedException(DescribedException):
    """An exception, and the names by which it is held, the likeliest first."""

    held_by: List[str]


class GrowthBeginQuestion(TypedDict):
    """Look at the heap before a round: `EmptyAnswer`."""

    op: Literal["growth.begin"]


class GrowthKeptQuestion(TypedDict):
    """Of which exceptions are there more? A list of at most `limit` `KeptExceptions`, the most frequent first."""

    op: Literal["growth.kept"]
    limit: int


class GrowthGrownQuestion(TypedDict):
    """What else is there more of? A list of at most `limit` `GrownObjects`, the container that grew most first."""

    op: Literal["growth.grown"]
    limit: int


class GrowthEndQuestion(TypedDict):
    """Forget the look: `EmptyAnswer`."""

    op: Literal["growth.end"]


class ContainerLength(TypedDict, total=False):
    """The elements of the container that is named, where there is one, and how many it may have; None: any number."""

    length: int
    bounded: Optional[int]


class KeptExceptions(ContainerLength):
    """Exceptions of one type that are new, and what holds them; message and raise sites are those of the newest."""

    type: str
    count: int
    message: str
    raised_at: List[RaisedAt]
    held_by: str


class GrownObjects(ContainerLength):
    """By how many elements a container has grown; without a container, by how many objects the heap has.

    `types` has the types of which most objects came, each with their number.
    """

    type: str
    count: int
    types: Sequence[Tuple[str, int]]
    held_by: str


class CyclesBeginQuestion(TypedDict):
    """Collect what is in reference cycles, and leave what comes: `EmptyAnswer`."""

    op: Literal["cycles.begin"]


class CyclesEndQuestion(TypedDict):
    """What has come to be in reference cycles since the beginning? `CyclesAnswer`."""

    op: Literal["cycles.end"]


class ClosedCircle(TypedDict):
    """A local that closes a circle of references which exceptions of a type are part of, where its function stood."""

    type: str
    count: int
    own: bool
    local: str
    function: str
    file: str
    line: int


class CyclesAnswer(TypedDict):
    """How many objects and exceptions were in reference cycles, and what closed those, the most frequent first.

    `types` has the types of most objects, each with their number.
    """

    objects: int
    types: Sequence[Tuple[str, int]]
    exceptions: int
    circles: List[ClosedCircle]


class RoutesQuestion(TypedDict):
    """Which routes do the web applications have? `RoutesAnswer`."""

    op: Literal["routes.routes"]


class FoundRoute(TypedDict):
    """A method, a template such as `/users/{user_id}`, and the dotted name of what handles it, empty if unknown."""

    method: str
    path: str
    handler: str


class RoutesAnswer(TypedDict):
    """The routes in the order in which they were registered, and a line for what could not be read."""

    routes: List[FoundRoute]
    notes: List[str]


Question = Union[
    StopQuestion,
    HelloQuestion,
    SettleQuestion,
    GlanceQuestion,
    ExplainQuestion,
    GrowthBeginQuestion,
    GrowthKeptQuestion,
    GrowthGrownQuestion,
    GrowthEndQuestion,
    CyclesBeginQuestion,
    CyclesEndQuestion,
    RoutesQuestion,
]

ANSWERS: Dict[str, Any] = {
    "agent.stop": EmptyAnswer,
    "looks.hello": HelloAnswer,
    "looks.settle": SettleAnswer,
    "glance.glance": GlanceAnswer,
    "explain.explain": List[ExplainedException],
    "growth.begin": EmptyAnswer,
    "growth.kept": List[KeptExceptions],
    "growth.grown": List[GrownObjects],
    "growth.end": EmptyAnswer,
    "cycles.begin": EmptyAnswer,
    "cycles.end": CyclesAnswer,
    "routes.routes": RoutesAnswer,
}
"""The type of the answer to each question, by its op."""

LARGEST = 1 << 63


def is_as_typed(value: Any, kind: Any) -> bool:
    """Whether what came as JSON is what a type says: of a `TypedDict` exactly its keys; a sequence is a list.

    An integer is one of 64 bits.
    """
    inner = get_args(kind)
    if get_origin(kind) is Union:
        return any(is_as_typed(value, one) for one in inner)
    if get_origin(kind) is tuple:
        return isinstance(value, list) and len(value) == len(inner) and all(map(is_as_typed, value, inner))
    if inner:
        return isinstance(value, list) and all(is_as_typed(one, inner[0]) for one in value)
    if hasattr(kind, "__required_keys__"):
        return _has_its_keys(value, kind)
    return isinstance(value, kind) and (kind is not int or abs(value) < LARGEST)


def _has_its_keys(value: Any, kind: Any) -> bool:
    hints = hints_of(kind)
    is_complete = isinstance(value, dict) and kind.__required_keys__ <= value.keys() <= hints.keys()
    return is_complete and all(is_as_typed(one, hints[key]) for key, one in value.items())
