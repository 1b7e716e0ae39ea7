"""The lab behind the live page: the speaker's script, the load with its rate and context, the fix, the cause."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.request import Request

import gevent
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from loadtest import ARMS, HEADLINE
from loadtest.catalogue import catalogue_at, read_twin
from sadpath.errors import CommandError
from sadpath.hosts import direct_opener
from sadpath.watch.live.stage import Act, Action, Choice, Done, Field, Refused
from sadpath.watch.options import options_of

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.runners import Runner

PATIENCE_S = 20.0
"""How long an arm may take: to release some hundred megabytes takes seconds."""

CHANGED = "sadpath_load_changed"
"""The message to workers that has what was changed: the options of a load are sent to them at its start only."""

SCRIPT = (
    Act(
        "Two copies of one service",
        "The same code, the same requests, the same errors, all of them answered as expected.",
        "Two lines, one on the other: for the first seconds both take the path that does not leak. Wait until "
        "everybody has seen that nothing happens.",
    ),
    Act(
        "They part",
        "One of them raises an exception object that was constructed once, at import.",
        "Point at the growth per request, and at the entries: they only rise. Nothing is slow yet, and no error is "
        "logged.",
    ),
    Act(
        "The code",
        "One line differs.",
        "Both are good style, says every guide: define your errors once. Let them read it. Then the question: what "
        "does raise do to the object?",
        "code",
    ),
    Act(
        "The cause",
        "Each raise links new entries in front of the traceback of the same object.",
        "Every box is a frame, with its locals: the request's data. f_back leads to its callers, and holds them too. "
        "The squares are raises that are still retained. Watch them come.",
        "cause",
    ),
    Act(
        "Nothing can free it",
        "It is not garbage: a module holds the object, the object holds all of it.",
        "The garbage collector visits all of it, again and again, and frees nothing: that is what p99 shows. At the "
        "limit the process is killed, and starts again. Count down with the audience if it is near.",
    ),
    Act(
        "The fix, live",
        "Raise a new object each time: the line turns flat, under the same load.",
        "One call to the running service; no deployment, no restart. What was retained stays, until somebody lets go.",
        "fix",
    ),
    Act(
        "Release",
        "The traceback of the object is dropped, and the memory comes back.",
        "This is the proof: one assignment, error.__traceback__ = None, and all of it is gone.",
        "release",
    ),
    Act(
        "And back",
        "With the old line it grows again, from the next request on.",
        "So it was this line, and nothing else. In your service it is one of your constants.",
        "unfix",
    ),
    Act(
        "In your service",
        "sadpath check finds the paths that leak, and names the object to blame.",
        "Show the README's first screen, or a terminal. It needs no change in your code.",
    ),
    Act(
        "The verdict",
        "In figures, with the report and a picture to take home.",
        "Stops the load. The interval says how sure the measurement is. The report is one file.",
        "ending",
    ),
)
"""What a speaker shows and says: ten acts, which the right arrow steps through."""


class LabStage:
    """What can be done to the two arms. The fix of the headline is made in the service itself, at `/lab/strategy`.

    The fix of another twin is made in the load, which then takes the path that is fixed.
    """

    actions: Sequence[Action] = (
        Action("load", "s", "stop the load"),
        Action("fix", "f", "apply the fix"),
        Action("unfix", "b", "go back"),
        Action("release", "r", "release"),
    )
    fields: Sequence[Field] = (
        Field("rate", "rate", "requests/s", 0.1, 2000),
        Field("context_kb", "context", "KiB", 0, 4096, whole=True),
    )
    acts: Sequence[Act] = SCRIPT

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._options = options_of(environment)
        self._options.takes_fixed_path = False
        self._fixed = False
        self._twins = {str(one["slug"]): one for one in _catalogue(self._options.reused_host)}
        self.choices: Sequence[Choice] = [
            Choice("twin", "twin", [(slug, str(one["title"]).replace("`", "")) for slug, one in self._twins.items()])
        ]

    def state(self) -> Mapping[str, Any]:
        """Return the load as it is."""
        running = self._is_running
        return {
            "rate": f"{self._options.rate:g}",
            "context_kb": self._options.context_kb,
            "twin": self._options.twin,
            "about": self._options.sadpath_about,
            "labels": {"load": "stop the load" if running else "start the load"},
            "possible": {"fix": not self._fixed, "unfix": self._fixed},
        }

    def do(self, name: str, value: str) -> Done:
        """Do it. Raises `Refused`."""
        field = next((one for one in self.fields if one.name == name), None)
        if field:
            return self._set(field, value)
        done: Mapping[str, Callable[[], Done]] = {
            "twin": lambda: self._choose(value),
            "load": self._stop if self._is_running else self._start,
            "stop": self._stop,
            "fix": lambda: self._fix(fixed=True),
            "unfix": lambda: self._fix(fixed=False),
            "release": self._release,
        }
        if name not in done:
            raise Refused(f"There is no action {name!r}; there are {', '.join(done)}.")
        return done[name]()

    def code(self) -> Sequence[Mapping[str, Any]]:
        """Return the code of the twin, with its colours."""
        variants = self._ask(0, "GET", f"/lab/code/{self._options.twin}")
        return [{**one, "html": coloured(one["code"], one["marked"])} for one in variants]

    def cause(self) -> Mapping[str, Any] | None:
        """Return what retains most in the arm that leaks."""
        cause: Mapping[str, Any] | None = self._ask(0, "GET", "/lab/cause")
        return cause

    @property
    def _is_running(self) -> bool:
        runner = self._environment.runner
        return runner is not None and runner.state not in {"ready", "stopping", "stopped", "cleanup"}

    @property
    def _arms(self) -> Sequence[str]:
        """The names by which the arms are watched, the leaky one first."""
        return [name for name, _ in self._options.sadpath_watch] or ARMS

    def _start(self) -> Done:
        if self._environment.runner is None:
            raise Refused("There is no load here.")
        gevent.spawn(self._environment.runner.start_shape)
        return Done("load started", self._arms)

    def _stop(self) -> Done:
        if self._environment.runner is not None and self._is_running:
            gevent.spawn(self._environment.runner.stop)  # it waits for the users
        return Done("load stopped", self._arms)

    def _fix(self, *, fixed: bool) -> Done:
        words = "fix applied" if fixed else "fix taken back"
        if self._options.twin == HEADLINE:
            self._ask(0, "PUT", "/lab/strategy", {"strategy": "factory" if fixed else "reused"})
        else:
            self._change(takes_fixed_path=fixed)
        self._fixed = fixed
        return Done(words, self._arms[:1])

    def _release(self) -> Done:
        freed = 0
        for arm in range(len(ARMS)):
            answer = self._ask(arm, "POST", "/lab/release")
            freed += max(answer["before"] - answer["after"], 0)
        return Done(f"released {freed / 2**20:,.0f} MiB", self._arms)

    def _choose(self, slug: str) -> Done:
        """Load another twin: a new run, of arms that retain nothing of the one before."""
        if slug not in self._twins:
            raise Refused(f"There is no twin {slug!r}.", "twin")
        if getattr(self._options, "autoquit", -1) != -1:
            raise Refused("This demo ends with its load; for another twin start it with DEMO_SECONDS=0.", "twin")
        runner = self._environment.runner
        if runner is not None and self._is_running:
            runner.stop()
        if self._fixed:
            self._fix(fixed=False)
        self._release()
        twin = read_twin(self._twins[slug])
        self._options.twin = slug
        self._options.twin_description = None if twin.is_headline else self._twins[slug]
        self._options.sadpath_about = "" if twin.is_headline else twin.about
        if runner is not None:
            gevent.spawn(runner.start_shape)
        return Done(f"twin {slug}", self._arms)

    def _set(self, field: Field, value: str) -> Done:
        number = field.read(value)
        self._change(**{field.name: int(number) if field.whole else number})
        return Done(f"{field.label} {number:g} {field.unit}", self._arms)

    def _change(self, **options: Any) -> None:
        """Change options of the load here and in all workers, for the requests that come."""
        vars(self._options).update(options)
        if self._environment.runner:
            self._environment.runner.send_message(CHANGED, options)

    def _ask(self, arm: int, method: str, path: str, content: Any = None) -> Any:
        """Ask one arm. Raises `Refused`."""
        hosts = [self._options.reused_host, self._options.factory_host]
        url = hosts[arm].rstrip("/") + path
        data = None if content is None else json.dumps(content).encode()
        asked = Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - an arm's
        try:
            with direct_opener().open(asked, timeout=PATIENCE_S) as answer:
                return json.load(answer)
        except (OSError, HTTPException, ValueError) as error:
            raise Refused(f"{ARMS[arm]} does not answer ({getattr(error, 'reason', error)}): try again.") from error


def _catalogue(url: str) -> list[dict[str, Any]]:
    """Return the twins of an arm; none where it lists none, and then none can be chosen."""
    try:
        return catalogue_at(url)
    except CommandError:
        return []


def follow_changes(environment: Environment, runner: Runner) -> None:
    """Take over what is changed on the page; a worker gets it from its master."""

    def change(msg: Any, **_: Any) -> None:
        vars(options_of(environment)).update(msg.data)

    runner.register_message(CHANGED, change)


def coloured(code: str, marked: Collection[int]) -> str:
    """Return Python source as HTML: a span for each line, of the class `marked` for those lines, counted from 1."""
    lines = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).splitlines()
    return "".join(
        f'<span class="line{" marked" * (number in marked)}">{line}</span>'
        for number, line in enumerate(lines, start=1)
    )
