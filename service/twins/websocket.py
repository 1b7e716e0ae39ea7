"""A reused error in a websocket session. One request is one session: a connection, a message, a reply."""

from __future__ import annotations

from functools import partial

from starlette.exceptions import WebSocketException
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket, WebSocketDisconnect

from service.context import ContextKb, request_context
from service.twins.catalogue import Expected, Range, Twin, Variant, exactly
from service.twins.log_limits import logged_at_most


class UnknownCommand(Exception):
    """The session does not know the command."""


unknown_command = UnknownCommand("unknown command")
policy_violation = WebSocketException(WS_1008_POLICY_VIOLATION, "unknown command")


async def receive_command(session: WebSocket) -> str:
    """Receive one command. Bytes are none that is known; a client that left raises, as in `receive_text`."""
    message = await session.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"], message.get("reason"))
    return message.get("text") or ""


def run_reused(context_kb: int) -> str:
    """Run no command, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real handler's data would be
    raise unknown_command  # leaks, and retains the whole session


def run_factory(context_kb: int) -> str:
    """Run no command, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise UnknownCommand("unknown command")


async def reused(session: WebSocket, context_kb: ContextKb) -> None:
    """Reply to one command."""
    await session.accept()
    await receive_command(session)
    try:
        await session.send_text(run_reused(context_kb))
    except UnknownCommand:
        await session.send_text("unknown command")
    await session.close()


async def factory(session: WebSocket, context_kb: ContextKb) -> None:
    """Reply to one command."""
    await session.accept()
    await receive_command(session)
    try:
        await session.send_text(run_factory(context_kb))
    except UnknownCommand:
        await session.send_text("unknown command")
    await session.close()


async def websocket_exception(session: WebSocket, context_kb: ContextKb) -> None:
    """End the session on the first command with a reused exception, which the framework handles."""
    context = request_context(context_kb)  # noqa: F841
    await session.accept()
    await receive_command(session)
    raise policy_violation  # leaks where no handler clears the traceback


SESSION = Range(0, 40)
"""Objects in reference cycles that the server leaves after each session, with or without an error."""

TWIN = Twin(
    slug="websocket",
    title="A reused error in a websocket session",
    origin="the first article's reused error; specific to the web: a session outlives many errors",
    reused={"websocket.unknown_command": unknown_command, "websocket.policy_violation": policy_violation},
    protocol="websocket",
    running=partial(logged_at_most, 0, WebSocketDisconnect),  # a client that leaves early is no error of ours
    variants=(
        Variant(
            "reused",
            reused,
            Expected(exactly(2), Range(21_000, 52_000), SESSION),
            "Each raise adds two entries, for the frame that raises and the frame of the session that catches. A local "
            "of the second holds the connection.",
            status=101,
        ),
        Variant(
            "factory",
            factory,
            Expected(cyclic_objects_per_request=SESSION),
            "The object is freed at the end of the `except` clause. The server itself leaves some reference cycles.",
            status=101,
        ),
        Variant(
            "websocket-exception",
            websocket_exception,
            Expected(cyclic_objects_per_request=SESSION),
            "The framework's handler closes the session. Starlette 1.10.0 and later clear the traceback too.",
            status=101,
            before_starlette_1_10=Expected(exactly(4), Range(28_000, 52_000), SESSION),
        ),
    ),
)
