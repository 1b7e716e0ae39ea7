"""The speaker's script: ten acts, which the right arrow steps through."""

from __future__ import annotations

from sadpath.watch.live.stage import Act

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
