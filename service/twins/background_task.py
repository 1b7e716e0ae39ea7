"""A reused error in a background task, which runs after the response was sent."""

from __future__ import annotations

from fastapi import BackgroundTasks

from service.context import ContextKb, request_context
from service.twins.catalogue import FLAT, TWO_ENTRIES, TWO_ENTRIES_WITH_CALLERS, Twin, Variant


class MailboxFull(Exception):
    """The receiver takes no more mail."""


mailbox_full = MailboxFull("The receiver takes no more mail.")


def deliver_reused(context_kb: int) -> None:
    """Deliver nothing, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real job's data would be
    raise mailbox_full  # leaks: nobody sees it, since the client has its answer


def deliver_factory(context_kb: int) -> None:
    """Deliver nothing, and raise a fresh object."""
    context = request_context(context_kb)  # noqa: F841
    raise MailboxFull("The receiver takes no more mail.")


async def notify_reused(context_kb: int) -> None:
    """Give up where mail cannot be delivered."""
    try:
        deliver_reused(context_kb)
    except MailboxFull:
        pass


async def notify_factory(context_kb: int) -> None:
    """Give up where mail cannot be delivered."""
    try:
        deliver_factory(context_kb)
    except MailboxFull:
        pass


async def reused(tasks: BackgroundTasks, context_kb: ContextKb) -> dict[str, str]:
    """Answer at once, and notify afterwards."""
    tasks.add_task(notify_reused, context_kb)
    return {"status": "accepted"}


async def factory(tasks: BackgroundTasks, context_kb: ContextKb) -> dict[str, str]:
    """Answer at once, and notify afterwards."""
    tasks.add_task(notify_factory, context_kb)
    return {"status": "accepted"}


TWIN = Twin(
    slug="background-task",
    title="A reused error in a background task",
    origin="the first article's singleton; celery#9799 keeps a task's exception likewise",
    reused={"background_task.mailbox_full": mailbox_full},
    variants=(
        Variant(
            "reused",
            reused,
            TWO_ENTRIES,
            "The task catches it, so two frames pass it; where a coroutine's frame keeps its callers, they pin the "
            "request that began it too.",
            with_callers=TWO_ENTRIES_WITH_CALLERS,
        ),
        Variant("factory", factory, FLAT, "The object dies at the end of the `except` clause."),
    ),
)
