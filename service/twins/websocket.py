"""A reused error in a websocket session. One request is one session: a connection, a message, an answer."""

from __future__ import annotations

from starlette.exceptions import WebSocketException
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket

from service.context import ContextKb, request_context
from service.twins.catalogue import Expected, Range, Twin, Variant, exactly


class UnknownCommand(Exception):
    """The session knows no such command."""


unknown_command = UnknownCommand("no such command")
policy_violation = WebSocketException(WS_1008_POLICY_VIOLATION, "no such command")


def run_reused(context_kb: int) -> str:
    """Run no command, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise unknown_command  # leaks, with the whole session behind it


def run_factory(context_kb: int) -> str:
    """Run no command, and raise a fresh object."""
    context = request_context(context_kb)  # noqa: F841
    raise UnknownCommand("no such command")


async def reused(session: WebSocket, context_kb: ContextKb) -> None:
    """Answer one command."""
    await session.accept()
    await session.receive_text()
    try:
        await session.send_text(run_reused(context_kb))
    except UnknownCommand:
        await session.send_text("no such command")
    await session.close()


async def factory(session: WebSocket, context_kb: ContextKb) -> None:
    """Answer one command."""
    await session.accept()
    await session.receive_text()
    try:
        await session.send_text(run_factory(context_kb))
    except UnknownCommand:
        await session.send_text("no such command")
    await session.close()


async def websocket_exception(session: WebSocket, context_kb: ContextKb) -> None:
    """End the session on the first command with a reused exception, which the framework handles."""
    context = request_context(context_kb)  # noqa: F841
    await session.accept()
    await session.receive_text()
    raise policy_violation  # leaks where no handler clears the traceback


SESSION_CYCLES = Range(14, 36)
"""Objects that each session of the server's own leaves to the collector, with an error or without."""

FLAT_BUT_CYCLES = Expected(cyclic_objects_per_request=SESSION_CYCLES)

TWIN = Twin(
    slug="websocket",
    title="A reused error in a websocket session",
    origin="the first article's singleton; the web's own: a session outlives many errors",
    reused={"websocket.unknown_command": unknown_command, "websocket.policy_violation": policy_violation},
    protocol="websocket",
    variants=(
        Variant(
            "reused",
            reused,
            Expected(exactly(2), Range(27_000, 62_000), SESSION_CYCLES),
            "The session catches it, so two frames pass it; through their callers they pin the connection.",
            status=101,
        ),
        Variant("factory", factory, FLAT_BUT_CYCLES, "The object dies at the end of the `except` clause.", status=101),
        Variant(
            "websocket-exception",
            websocket_exception,
            FLAT_BUT_CYCLES,
            "The framework's handler closes the session and, since Starlette 1.10.0, clears the traceback.",
            status=101,
            on_old_starlette=Expected(Range(3, 6), Range(29_000, 62_000), SESSION_CYCLES),
        ),
    ),
)
