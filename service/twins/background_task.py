"""A reused error in a background task, which runs after the response is sent."""

from __future__ import annotations

from fastapi import BackgroundTasks

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Twin, Variant


class MailboxFull(Exception):
    """The mailbox is full."""


mailbox_full = MailboxFull("The mailbox is full.")


def deliver_reused(context_kb: int) -> None:
    """Deliver nothing, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real job's data would be
    raise mailbox_full  # leaks, unseen: the client already has its response


def deliver_factory(context_kb: int) -> None:
    """Deliver nothing, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise MailboxFull("The mailbox is full.")


async def notify_reused(context_kb: int) -> None:
    """Deliver a mail, and ignore a full mailbox."""
    try:
        deliver_reused(context_kb)
    except MailboxFull:
        pass


async def notify_factory(context_kb: int) -> None:
    """Deliver a mail, and ignore a full mailbox."""
    try:
        deliver_factory(context_kb)
    except MailboxFull:
        pass


async def reused(tasks: BackgroundTasks, context_kb: ContextKb) -> dict[str, str]:
    """Respond at once; notify afterwards."""
    tasks.add_task(notify_reused, context_kb)
    return {"status": "accepted"}


async def factory(tasks: BackgroundTasks, context_kb: ContextKb) -> dict[str, str]:
    """Respond at once; notify afterwards."""
    tasks.add_task(notify_factory, context_kb)
    return {"status": "accepted"}


TWIN = Twin(
    slug="background-task",
    title="A reused error in a background task",
    origin="the first article's reused error; celery#9799 retains a task's exception in the same way",
    reused={"background_task.mailbox_full": mailbox_full},
    variants=(
        Variant(
            "reused",
            reused,
            TWO_ENTRIES,
            "Each raise adds two entries, for the frame that raises and the frame of the task that catches. On a "
            "Python where a coroutine's frame keeps its callers, the request that started the task is retained too.",
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant("factory", factory, FLAT, "The object is freed at the end of the `except` clause."),
    ),
)
