"""A background worker whose jobs raise one `RetryLater` object to be tried again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from service.context import request_context
from service.twins.catalogue import FLAT, Expected, Range, Twin, Variant, exactly
from service.twins.endpoints import calls_in_thread


class RetryLater(Exception):
    """The job failed for now; try it again later."""


retry_later = RetryLater("The payment provider does not respond.")
worker = ThreadPoolExecutor(1, "retry-worker")


def charge_reused(context_kb: int) -> None:
    """Charge nothing, and raise the reused object."""
    context = request_context(context_kb)  # noqa: F841 - held by this frame, as a real job's data would be
    raise retry_later  # leaks: a worker that runs for months raises it for every job that has to wait


def charge_factory(context_kb: int) -> None:
    """Charge nothing, and raise a new object."""
    context = request_context(context_kb)  # noqa: F841
    raise RetryLater("The payment provider does not respond.")


def attempt_reused(context_kb: int) -> None:
    """Run a job in the worker's thread; postpone it on `RetryLater`."""
    try:
        charge_reused(context_kb)
    except RetryLater:
        pass  # back to the end of the queue


def attempt_factory(context_kb: int) -> None:
    """Run a job in the worker's thread; postpone it on `RetryLater`."""
    try:
        charge_factory(context_kb)
    except RetryLater:
        pass


def reused(context_kb: int) -> None:
    """Give the worker one job, and wait for it."""
    worker.submit(attempt_reused, context_kb).result()


def factory(context_kb: int) -> None:
    """Give the worker one job, and wait for it."""
    worker.submit(attempt_factory, context_kb).result()


TWIN = Twin(
    slug="retry-worker",
    title="A worker that retries jobs, which raise one `RetryLater` object",
    origin="real software: aws-iot-device-sdk-python#283, eventlet#811 and stem#156 raise one object repeatedly",
    reused={"retry_worker.retry_later": retry_later},
    variants=(
        Variant(
            "reused",
            calls_in_thread(reused),
            Expected(exactly(2), Range(17_500, 21_500)),
            "It leaks without any request: each postponed job adds two entries, for two frames of the worker.",
        ),
        Variant("factory", calls_in_thread(factory), FLAT, "The object is freed at the end of the `except` clause."),
    ),
)
