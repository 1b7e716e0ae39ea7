"""The probe in a target: one thread that answers questions about this process on a Unix socket.

Imports C modules only: what is imported before gevent patches it stays unpatched. The modules that answer are imported
when they are first asked. While the process forks there is no thread of ours, and a child listens on a socket of its
own.

One connection is one question: a line of JSON `{"op": "looks.settle", …}`, answered by `{"ok": …}` or `{"error": …}`.
"""

import _socket
import _thread
import os
import time
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from .wire import EmptyAnswer

sleep = time.sleep
start_thread, _new_lock = _thread.start_new_thread, _thread.allocate_lock
"""As they are now: gevent replaces them later."""

MAX_QUESTION = 1 << 20
FORK_WAITS_S = 5
ANSWER_WITHIN_S = 60


class Agent:
    """Listens in `folder`, on a socket named after the process."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.is_on = True
        self._server: Any = None
        self._done: Any = None
        self._task = 0

    def listen(self) -> None:
        """Begin to answer. The path of a socket may have 107 bytes only, so it is bound below a file descriptor."""
        if not self.is_on:
            return
        name = f"{os.getpid()}.s"
        self._server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            remove(os.path.join(self.folder, name))
            self._server.bind(f"/proc/self/fd/{descriptor}/{name}")
        finally:
            os.close(descriptor)
        os.chmod(os.path.join(self.folder, name), 0o600)
        self._server.listen(8)
        self._done = _new_lock()
        self._done.acquire()
        start_thread(self._serve, (self._server, self._done))

    def pause(self) -> None:
        """Let the thread finish its answer and end: before a fork, and at the end."""
        server, self._server = self._server, None
        if server is None:
            return
        try:
            server.shutdown(_socket.SHUT_RDWR)
        except OSError:
            pass
        self._done.acquire(timeout=FORK_WAITS_S)
        for _ in range(1000):  # Python warns of a fork as long as the thread is not quite gone
            if not os.path.exists(f"/proc/self/task/{self._task}"):
                break
            sleep(0)
        server.close()

    def resume(self) -> None:
        """Listen again, after a fork; the process goes on without us if that cannot be done."""
        try:
            self.listen()
        except OSError:
            self._server = None

    def stop(self) -> None:
        """Answer no more, and leave nothing behind."""
        self.is_on = False
        remove(os.path.join(self.folder, f"{os.getpid()}.s"))
        server, self._server = self._server, None
        if server is not None:
            server.shutdown(_socket.SHUT_RDWR)

    def _serve(self, server: Any, done: Any) -> None:
        self._task = _thread.get_native_id()
        try:
            while True:
                descriptor, _ = server._accept()  # noqa: SLF001 - what socket.socket.accept calls
                self._answer(_socket.socket(fileno=descriptor))
        except OSError:
            pass
        finally:
            done.release()

    def _answer(self, connection: Any) -> None:
        """Read one question and answer it; a client that goes away is no concern of the target's."""
        try:
            connection.settimeout(ANSWER_WITHIN_S)
            question = b""
            while not question.endswith(b"\n") and len(question) < MAX_QUESTION:
                part = connection.recv(65536)
                if not part:
                    return
                question += part
            connection.sendall(answer(question))
        except OSError:
            pass
        finally:
            connection.close()


_agent: Optional[Agent] = None


def start(folder: str) -> None:
    """Start the agent of this process, unless there is one: a script may attach twice."""
    global _agent  # noqa: PLW0603 - a process has one
    if _agent is not None and _agent.is_on:
        return
    fresh = _agent is None
    _agent = Agent(folder)
    _agent.listen()
    if fresh and hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lambda: _the_agent().pause(),
            after_in_parent=lambda: _the_agent().resume(),
            after_in_child=lambda: _the_agent().resume(),
        )


def _the_agent() -> Agent:
    assert _agent is not None  # noqa: S101 - who calls this has been registered by it
    return _agent


def stop() -> "EmptyAnswer":
    """Op: answer this, and then no more."""
    if _agent is not None:
        _agent.stop()
    return {}


OPS = ("stop",)


def answer(question: bytes) -> bytes:
    """Return the answer to one question. Whatever fails is an answer too, and its traceback is not kept."""
    import json  # noqa: PLC0415 - Python code, so not before we are asked

    try:
        arguments = json.loads(question)
        page = {"ok": _function(arguments.pop("op"))(**arguments)}
        return json.dumps(page, default=repr).encode() + b"\n"
    except Exception as reason:  # noqa: BLE001 - the target must not see any
        text = f"{type(reason).__name__}: {reason}"
        reason.__traceback__ = None
        return json.dumps({"error": text}).encode() + b"\n"


def _function(op: str) -> Any:
    """Return the function of `module.function`, if the module of this package says that it may be asked."""
    name, _, function = op.partition(".")
    if not name.isidentifier():
        raise ValueError(f"unknown question {op!r}")
    module = __import__(f"{__package__}.{name}", fromlist=["OPS"])
    if function not in module.OPS:
        raise ValueError(f"unknown question {op!r}")
    return getattr(module, function)


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass
