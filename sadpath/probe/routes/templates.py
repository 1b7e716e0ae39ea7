"""Templates such as `/users/{id}`, made of the ways in which frameworks write theirs."""

import re
from typing import Any, List

from ..objects import is_one_of, text
from .found import LONGEST_PATH

UNNAMED = "{arg}"
"""A parameter without a name."""


def of_braces(rule: Any) -> str:
    """Return a template without the converters of its parameters: `{path:path}` is `{path}`."""
    return re.sub(r"\{([^{}:]+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", text(rule, LONGEST_PATH))


def of_angles(rule: Any) -> str:
    """Return the template of a rule with `<converter:name>`."""
    return re.sub(r"<(?:[^<>]*:)?([^<>:]+)>", r"{\1}", text(rule, LONGEST_PATH))


def of_angles_name_first(rule: Any) -> str:
    """Return the template of a rule with `<name:converter>`, or `<:converter>`."""
    found = re.sub(r"<([^<>:]*)(?::(?:[^<>]|<[^<>]*>)*)?>", r"{\1}", text(rule, LONGEST_PATH))
    return found.replace("{}", UNNAMED)


def written(expression: Any) -> str:
    """Return the text of a regular expression that was compiled; empty of anything else."""
    return text(expression.pattern, LONGEST_PATH) if is_one_of(expression, (re.Pattern,)) else ""


_TOKEN = re.compile(
    r"""(?P<aside>\(\?(?:[aiLmsux]+|P=\w+)\))
    |(?P<begin>\((?:\?(?:P?<(?P<name>\w+)>|[aiLmsux-]*:|>|(?P<look><?[=!]|\#)))?)
    |(?P<end>\)) | (?P<or>\|) | (?P<times>(?:[*+?]|\{\d*,?\d*\})[?+]?)
    |(?P<nothing>[\^$]|\\[AZzbB]) | (?P<some>\.|\\[dDwWsS]|\[\^?\]?(?:\\.|[^\]\\])*\]) | (?P<literal>\\?.)""",
    re.VERBOSE | re.DOTALL,
)


class _Group:
    """A group of a regular expression that is being read: its first alternative, as a template."""

    def __init__(self, parameter: str = "", *, counts: bool = True) -> None:
        self.parts: List[str] = []
        self.parameter, self.counts, self.is_first = parameter, counts, True

    def add(self, part: str) -> None:
        """Add to the first alternative; what matches several characters may do so in several parts."""
        if self.is_first and not (part == UNNAMED and self.parts[-1:] == [UNNAMED]):
            self.parts.append(part)

    def template(self) -> str:
        """Return its parameter, unless it matches one text only."""
        inner = "".join(self.parts)
        if not self.counts:
            return ""
        return f"{{{self.parameter}}}" if self.parameter and "{" in inner else inner


def of_regular_expression(pattern: Any) -> str:
    r"""Return a template whose paths an expression matches, most likely: `^users/(?P<id>\d+)/$` is `users/{id}/`.

    A group with a name is a parameter, and of alternatives the first is taken. What may be left out is, unless it has a
    parameter.
    """
    groups = [_Group()]
    for token in _TOKEN.finditer(text(pattern, LONGEST_PATH)):
        _read(token, groups)
    return groups[0].template()


def _read(token: Any, groups: List[_Group]) -> None:
    part, group = token.group(), groups[-1]
    if token["begin"]:
        groups.append(_Group(token["name"] or "", counts=not token["look"]))
    elif token["end"] and len(groups) > 1:
        groups.pop()
        groups[-1].add(group.template())
    elif token["or"]:
        group.is_first = False
    elif token["times"] and part[0] in "*?" and group.is_first and group.parts and "{" not in group.parts[-1]:
        group.parts.pop()
    elif token["some"]:
        group.add(UNNAMED)
    elif token["literal"]:
        group.add(part[-1])
