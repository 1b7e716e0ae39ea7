"""The probe in a target: one thread that answers questions about this process on a Unix socket.

Imports C modules only: what is imported before gevent patches it stays unpatched. The modules that answer are imported
when they are first asked. While the process forks there is no thread of ours, and a child listens on a socket of its
own. The probe ends by itself when nobody can ask any more.

One connection is one question: a line of JSON `{"op": "looks.settle", …}`, answered by `{"ok": …}` or `{"error": …}`.
"""

import _thread
import os
import sys
import time
from select import POLLIN
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from . import forks
from .own_socket import NotOurs, OwnSocket, listen_at, remove

if TYPE_CHECKING:
    from .wire import EmptyAnswer

sleep = time.sleep
start_thread, _new_lock = _thread.start_new_thread, _thread.allocate_lock
"""As they are now: gevent replaces them later."""

MAX_QUESTION = 1 << 20
FORK_WAITS_S = 5
QUESTION_WITHIN_S = 5
ANSWER_WITHIN_S = 60
LOOKS_AROUND_EVERY_S = 1.0
"""How often it wakes to see whether it is needed any more."""

OPENS_ANEW_AFTER_S = 1.0
NO_DESCRIPTOR_WAITS_S = 0.05

SPARE = 3
"""Descriptors that it keeps, to give them up while it answers: two for the connection, and one for files to read."""


class Listener:
    """A thread that answers on a socket in `folder`, named after the process, until it is ended."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._process = os.getpid()
        self._spare: List[OwnSocket] = []
        self._asking: List[OwnSocket] = []
        self._is_on = True
        self._task = 0
        self._done = _new_lock()
        self._done.acquire()
        self._open()

    def serve(self, is_needed: Callable[[], bool]) -> None:
        """Answer until it is ended or not needed any more. The process may close the socket: then on a new one."""
        self._task = _thread.get_native_id()
        try:
            while self._is_on and is_needed():
                try:
                    if self._socket.wait(POLLIN, LOOKS_AROUND_EVERY_S) and self._is_on:
                        self._answer_one()
                except NotOurs:
                    self._open_anew()
        except OSError:
            pass
        finally:
            self.close()

    def ended(self) -> None:
        """Say that the thread has nothing more to do."""
        self._done.release()

    def end(self) -> None:
        """Let the thread finish its answer and end: at once, or within a second where its socket is not ours."""
        self._is_on = False
        self._socket.shut_down()

    def wait(self) -> bool:
        """Wait until the thread has ended, for some seconds: Python warns of a fork as long as it is not quite gone.

        Returns whether it has.
        """
        has_ended = self._done.acquire(timeout=FORK_WAITS_S)
        for _ in range(1000 if has_ended else 0):
            if not os.path.exists(f"/proc/self/task/{self._task}"):
                break
            sleep(0)
        return has_ended

    def is_inherited(self) -> bool:
        """Whether it is a copy of our parent's, whose thread is not in this process."""
        return os.getpid() != self._process

    def close(self) -> None:
        """Give all descriptors back."""
        for one in (self._socket, *self._spare, *self._asking):
            one.close()
        self._spare.clear()
        self._asking.clear()

    def _open(self) -> None:
        self._socket = listen_at(self._folder, f"{os.getpid()}.s")
        self._keep_spare()

    def _open_anew(self) -> None:
        """Listen on another socket, a moment later: who closes all descriptors then opens what the numbers are for."""
        self.close()
        sleep(OPENS_ANEW_AFTER_S)
        if self._is_on:
            self._open()

    def _answer_one(self) -> None:
        """Answer the one who waits. What goes wrong with him is no concern of the target's."""
        self._give_up_spare()
        try:
            self._asking.append(self._socket.accept())
            _answer(self._asking[-1])
        except NotOurs:
            raise
        except OSError:  # he went away, or there is no free descriptor
            sleep(NO_DESCRIPTOR_WAITS_S)
        finally:
            self._asking.clear()
            self._keep_spare()

    def _keep_spare(self) -> None:
        try:
            while len(self._spare) < SPARE:
                self._spare.append(self._socket.copy())
        except OSError:  # the process has no more
            pass

    def _give_up_spare(self) -> None:
        for one in self._spare:
            one.close()
        self._spare.clear()


def _answer(connection: OwnSocket) -> None:
    """Read one question and answer it, as far as the one who asks is still there."""
    try:
        question = connection.read_line(MAX_QUESTION, QUESTION_WITHIN_S)
        if question:
            connection.write(answer(question), ANSWER_WITHIN_S)
    except BaseException:  # noqa: BLE001, S110 - the target must not see any
        pass
    finally:
        connection.close()


class Agent:
    """Answers in `folder` until it is stopped, the folder is gone, or the process `asker`, if any, has ended."""

    def __init__(self, folder: str, asker: int = 0) -> None:
        self.folder = folder
        self.asker = asker
        self.is_on = True
        self._listener: Optional[Listener] = None

    def listen(self) -> None:
        """Begin to answer. Raises `OSError`, and `RuntimeError` where no thread can be started."""
        if self.is_on:
            self._listener = Listener(self.folder)
            start_thread(self._serve, (self._listener,))

    def pause(self) -> None:
        """Let the thread finish its answer and end: before a fork. One that takes too long goes on in this process."""
        if self._listener is not None:
            self._listener.end()
            if self._listener.wait():
                self._listener = None

    def resume(self) -> None:
        """Listen again, after a fork; the process goes on without us if that cannot be done."""
        if self._listener is not None and self._listener.is_inherited():  # by a fork in C too, which does not pause
            self._listener.close()
        try:
            self.listen()
        except (OSError, RuntimeError):
            self._listener = None

    def stop(self) -> None:
        """Answer no more, and leave nothing behind but a hook at forks that does nothing."""
        self.is_on = False
        remove(os.path.join(self.folder, f"{os.getpid()}.s"))
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.end()
        forget()

    def _serve(self, listener: Listener) -> None:
        try:
            listener.serve(self._is_needed)
            if self.is_on and not self._is_needed():
                self.stop()
        finally:
            listener.ended()

    def _is_needed(self) -> bool:
        return is_there(self.folder) and (not self.asker or runs(self.asker))


def is_there(folder: str) -> bool:
    """Whether a folder is there, as far as this process may know: it may be another user by now."""
    try:
        os.stat(folder)
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def runs(pid: int) -> bool:
    """Whether a process runs, which may be another user's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


_agent: Optional[Agent] = None


def start(folder: str, asker: int = 0) -> None:
    """Start the agent of this process: answer in `folder` as long as the process `asker` runs, if one is named.

    Raises `OSError`, and `RuntimeError` without a thread; then nothing is left.
    """
    global _agent  # noqa: PLW0603 - a process has one
    _agent = Agent(folder, asker)
    try:
        _agent.listen()
    except (OSError, RuntimeError):
        forget()
        raise
    forks.agents.append(_agent)
    forks.register()


def stop() -> "EmptyAnswer":
    """Op: answer this, and then no more."""
    if _agent is not None and _agent.is_on:
        _agent.stop()
    return {}


def forget() -> None:
    """Undo what the probe has changed in the process: its collector, the hooks at forks, the modules."""
    forks.forget()
    looks = sys.modules.get(f"{__package__}.looks")
    if looks is not None:
        looks.switch_on()
    ours = sys.modules.get(__name__)
    if ours is not None and vars(ours) is globals():  # and not another probe's that has taken our place
        for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
            del sys.modules[name]


OPS = ("stop",)


def answer(question: bytes) -> bytes:
    """Return the answer to one question. Whatever fails is an answer too, and its traceback is not kept.

    Also what is no `Exception`: memory that ran out, or what a service raises in all of its threads to end them.
    """
    import json  # noqa: PLC0415 - Python code, so not before we are asked

    try:
        arguments = json.loads(question)
        page = {"ok": _function(arguments.pop("op"))(**arguments)}
        return json.dumps(page).encode() + b"\n"
    except BaseException as reason:  # noqa: BLE001 - the target must not see any
        BaseException.with_traceback(reason, None)
        return json.dumps({"error": _in_words(reason)}).encode() + b"\n"


def _in_words(reason: BaseException) -> str:
    """Return what failed, without asking its class for a text."""
    try:
        from .explain import message  # noqa: PLC0415 - as above
        from .objects import type_name  # noqa: PLC0415
    except (OSError, ImportError):  # no descriptor is free, or the files have gone
        return "a module of the probe cannot be imported"
    return f"{type_name(type(reason)).rpartition('.')[2]}: {message(reason)}"


def _function(op: str) -> Any:
    """Return the function of `module.function`, if the module of this package says that it may be asked."""
    name, _, function = op.partition(".")
    if not name.isidentifier():
        raise ValueError(f"unknown question {op!r}")
    module = __import__(f"{__package__}.{name}", fromlist=["OPS"])
    if function not in module.OPS:
        raise ValueError(f"unknown question {op!r}")
    return getattr(module, function)
