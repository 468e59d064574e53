"""Entry point: what RQ calls, and the work by name. Builds the parts of its process once, and calls the workflow.

RQ runs `work`; the other functions are pieces of work, found by their names (adapters/workqueue).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from .adapters.workqueue import TIMEOUT_S, Item
from .periodic import PERIODIC, run_periodic
from .services import services
from .workflow import manual, outbox_sender, runner, webhook
from .workflow.ports import Ports


def ports() -> Ports:
    return services().ports


def work(queue: str) -> None:
    """An RQ job: a wake-up for a queue. Runs what is ready there and in the other queues of this worker."""
    services().work_queue.drain(queue, _run)


def _run(item: Item) -> None:
    with UnixSignalDeathPenalty(TIMEOUT_S[item.queue], JobTimeoutException):
        WORK[item.name](*item.args)


def stage(stage: str, job_id: str, attempt: int) -> None:
    runner.run_stage(ports(), stage, job_id, attempt)


def watch_many(jobs: list[tuple[str, int]]) -> None:
    runner.run_watch(ports(), [(job_id, attempt) for job_id, attempt in jobs])


def flush(lane: str) -> None:
    outbox_sender.run(ports(), lane)


def _periodic(task: str) -> None:
    run_periodic(ports(), task)


def process_upscale_request(job_id: str) -> str:
    """Start a paid job, or give an unfinished one a push; safe to call twice. See workflow/manual.py."""
    return manual.process_upscale_request(ports(), job_id)


def handle_processing_failure(job_id: str, error_reason: str) -> str:
    """Fail a job by hand; safe to call twice. See workflow/manual.py."""
    return manual.handle_processing_failure(ports(), job_id, error_reason)


def send_failure_notification(job_id: str, customer_message: str) -> None:
    """Write to the customer of a job; the same words go out once. See workflow/manual.py."""
    manual.send_failure_notification(ports(), job_id, customer_message)


def retry_webhook(job_id: str, attempt: int, submission: int, upsampler_id: str) -> None:
    """A webhook for a job that working memory had lost: bring the job back, then take the webhook again."""
    webhook.retry_webhook(ports(), job_id, attempt, submission, upsampler_id or None)


WORK: dict[str, Callable[..., None]] = {
    **{task.__name__: task for task in (stage, watch_many, flush, retry_webhook)},
    **{task: partial(_periodic, task) for task in PERIODIC},  # reconcile: a clock of version 1.0 queues it
}
