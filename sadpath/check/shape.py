"""What an answer is like, but for what differs from request to request: by it two errors of one status are told apart.

Numbers, ids, times and the request's own inputs are folded, since an answer may repeat them.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sadpath.fault import secrets
from sadpath.text import visible

MOST_LOOKED_AT = 1 << 16
"""Bytes of a body that are looked at."""

MARKUP, TEXT, LONGEST_TEXT, LONGEST_WORDS = 1 << 12, 1 << 10, 200, 48
"""Characters: of a page whose markup is taken off, of a text that counts, of one in a JSON, and of words for people."""

TOKEN = 16
"""Letters and digits from which on a word with a digit is a token."""

MOST_LEVELS, MOST_PARTS, MOST_INPUTS, SHORTEST_INPUT = 6, 50, 100, 3

TELLING = ("detail", "message", "msg", "error", "title", "reason", "description", "errors")
"""The keys under which an error says what it is, the most telling first."""

OF_A_PARSER = ("json_invalid", "value_error.jsondecode")
"""What pydantic calls a body that is no JSON, in its second and its first version."""

OF_A_SCHEMA = frozenset(
    """
    no_such_attribute json_type needs_python_object recursion_loop recursion_depth_exceeded missing frozen_field
    frozen_instance extra_forbidden invalid_key get_attribute_error model_type model_attributes_type dataclass_type
    dataclass_exact_type named_tuple_type default_factory_not_called none_required greater_than greater_than_equal
    less_than less_than_equal multiple_of finite_number too_short too_long iterable_type iteration_error string_type
    string_unicode string_too_short string_too_long string_pattern_mismatch string_not_ascii enum dict_type
    frozen_dict_type ordered_dict_type counter_type mapping_type list_type deque_type tuple_type set_type
    set_item_not_hashable bool_type bool_parsing int_type int_parsing int_parsing_size int_from_float float_type
    float_parsing bytes_type bytes_too_short bytes_too_long bytes_invalid_encoding literal_error
    missing_sentinel_error ellipsis_error date_type date_parsing date_from_datetime_parsing
    date_from_datetime_inexact date_past date_future time_type time_parsing datetime_type datetime_parsing
    datetime_object_invalid datetime_from_date_parsing datetime_past datetime_future timezone_naive timezone_aware
    timezone_offset time_delta_type time_delta_parsing frozen_set_type is_instance_of is_subclass_of callable_type
    union_tag_invalid union_tag_not_found arguments_type missing_argument unexpected_keyword_argument
    missing_keyword_only_argument unexpected_positional_argument missing_positional_only_argument
    multiple_argument_values url_type url_parsing url_syntax_violation url_too_long url_scheme uuid_type
    uuid_parsing uuid_version decimal_type decimal_parsing decimal_max_digits decimal_max_places
    decimal_whole_digits fraction_type fraction_parsing complex_type complex_str_parsing

    value_error.missing value_error.extra value_error.const type_error.none.not_allowed type_error.enum
    type_error.str type_error.bytes type_error.bool type_error.integer type_error.float type_error.decimal
    type_error.dict type_error.list type_error.set type_error.tuple type_error.sequence type_error.uuid
    value_error.date value_error.datetime value_error.time value_error.duration value_error.number.not_gt
    value_error.number.not_ge value_error.number.not_lt value_error.number.not_le value_error.number.not_multiple
    value_error.any_str.min_length value_error.any_str.max_length value_error.str.regex value_error.list.min_items
    value_error.list.max_items value_error.list.unique_items
    """.split()  # noqa: SIM905 - a list would have a line for each
)
"""What pydantic calls all else that it refuses by itself, in its second and its first version.

Any other name is that of what a validator of the service's own has raised, such as `value_error`.
"""

BY_A_SCHEMA, BY_A_VALIDATOR = "refused by a schema", "refused by a validator: "
"""What stands for these names in a skeleton."""

Fold = Callable[[str], str]


@dataclass(frozen=True)
class Shape:
    """`digest` is equal for answers with the same error, and `words` are what it says, for people.

    `is_of_a_parser` and `is_of_a_schema` are whether it says that the framework has refused the request, before its
    operation was called.
    """

    digest: str = ""
    words: str = ""
    is_of_a_parser: bool = False
    is_of_a_schema: bool = False


UNSEEN = Shape()
"""Of an answer that was not looked at."""


def shape(content_type: str, body: bytes, inputs: Iterable[str]) -> Shape:
    """Return the shape of an answer to a request with these inputs."""
    media_type = content_type.partition(";")[0].strip().lower()
    text = body[:MOST_LOOKED_AT].decode(errors="replace")
    unsaid = secrets()  # an answer may repeat a token
    told = {*inputs, *unsaid}
    fold, fold_for_people = _folds(told), _folds([one for one in told if one in unsaid or not one.isalpha()])
    content = _parsed(text)
    if content is None:
        plain = _without_markup(_any_of(unsaid).sub("…", text))
        skeleton, words = fold(plain), plain
    else:
        skeleton, words = json.dumps(_skeleton(content, fold), sort_keys=True), _words(content)
    digest = hashlib.blake2b(f"{media_type}\n{skeleton}".encode(errors="replace"), digest_size=8).hexdigest()
    is_of_a_parser = content is not None and any(name in skeleton for name in OF_A_PARSER)
    is_of_a_schema = BY_A_SCHEMA in skeleton and BY_A_VALIDATOR not in skeleton
    return Shape(digest, _shortened(fold_for_people(words)[:LONGEST_TEXT]), is_of_a_parser, is_of_a_schema)


def inputs(path: str, body: bytes) -> list[str]:
    """Return the values that a request has in its path, its query and its body."""
    parts = urlsplit(path)
    text = body[:MOST_LOOKED_AT].decode(errors="replace")
    content = _parsed(text)
    values = [
        *map(unquote, parts.path.split("/")),
        *(value for _, value in parse_qsl(parts.query)),
        *(_leaves(content) if content is not None else [value for _, value in _form(text)]),
    ]
    return [one for one in islice(values, MOST_INPUTS) if len(one) >= SHORTEST_INPUT]


_LONG_WORD = re.compile(r"[\w-]{8,}")
_NUMBER = re.compile(r"-?\d+(?:[.,:-]\d+)*")
_TIME_OR_ADDRESS = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\b0x[0-9a-fA-F]+"
)


def _folds(told: Iterable[str]) -> Fold:
    """Return what takes out of a text what a request has told, ids, times and numbers."""
    own = _any_of(told)

    def fold(text: str) -> str:
        text = _TIME_OR_ADDRESS.sub("…", own.sub("…", text)[:TEXT])  # a text cut before may end in a part of a secret
        return " ".join(_NUMBER.sub("…", _LONG_WORD.sub(_without_ids, text)).split())

    return fold


def _any_of(told: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(told, key=len, reverse=True))) or r"(?!)")


def _without_ids(found: re.Match[str]) -> str:
    """Return a word, unless it has a digit and is a token by its length, or a number in base 16 such as a UUID."""
    word = found[0]
    is_id = len(word) >= TOKEN or re.fullmatch(r"[0-9a-fA-F-]+", word)
    return "…" if is_id and any(map(str.isdigit, word)) else word


def _skeleton(value: Any, fold: Fold, levels: int = MOST_LEVELS) -> Any:
    """Return the keys and types of a JSON, with its short texts; how many parts a list has does not matter."""
    if isinstance(value, str):
        folded = fold(value)
        return folded if len(folded) <= LONGEST_TEXT else "text"
    if not levels or not isinstance(value, dict | list):
        return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    if isinstance(value, list):
        return sorted({json.dumps(_skeleton(one, fold, levels - 1), sort_keys=True) for one in value[:MOST_PARTS]})
    if isinstance(value.get("loc"), list) and isinstance(kind := value.get("type"), str):
        return [kind if kind in OF_A_PARSER else BY_A_SCHEMA if kind in OF_A_SCHEMA else BY_A_VALIDATOR + fold(kind)]
    return {fold(key): _skeleton(one, fold, levels - 1) for key, one in islice(value.items(), MOST_PARTS)}


def _words(value: Any, levels: int = MOST_LEVELS) -> str:
    """Return the text of a JSON that says what the error is; nothing where it has none."""
    if isinstance(value, str):
        return value
    if not levels or not isinstance(value, dict | list):
        return ""
    parts = value if isinstance(value, list) else _telling_first(value)
    return next(filter(None, (_words(one, levels - 1) for one in islice(parts, MOST_PARTS))), "")


def _telling_first(value: Mapping[str, Any]) -> Iterator[Any]:
    yield from (value[key] for key in TELLING if key in value)
    yield from (one for key, one in value.items() if key not in TELLING)


def _shortened(words: str) -> str:
    shown = visible(words.replace('"', "'"))
    return shown if len(shown) <= LONGEST_WORDS else shown[: LONGEST_WORDS - 1].rstrip() + "…"


def _without_markup(text: str) -> str:
    """Return what a reader of a page sees, roughly."""
    bare = re.sub(r"(?is)<(script|style|!--)\b.*?(</\1>|-->|\Z)|<[^<>]*>", " ", text[:MARKUP])
    return html.unescape(bare)


def _parsed(text: str) -> Any:
    """Return the content of a JSON that is an object, a list or a text; None for anything else."""
    with suppress(ValueError, RecursionError):
        content = json.loads(text)
        return content if isinstance(content, dict | list | str) else None
    return None


def _leaves(value: Any, levels: int = MOST_LEVELS) -> Iterator[str]:
    """Yield the texts in a JSON, but for its keys, which an error names as words of its own."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for one in value[:MOST_PARTS] if levels else []:
            yield from _leaves(one, levels - 1)
    elif isinstance(value, str):
        yield value


def _form(text: str) -> list[tuple[str, str]]:
    with suppress(ValueError):
        return parse_qsl(text, max_num_fields=MOST_INPUTS)
    return []
