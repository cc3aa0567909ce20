"""A job of many commands: stretch by stretch, each carried out by the API, until all have a result.

Rights are judged where all rights are judged, in the API, whose processes take the activities; this
only sees to it that they go on.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.command_jobs import CARRY_OUT, STRETCH, CommandJob, Stretch

DEAD_AFTER = timedelta(seconds=6)
"""After so long without a sign of life a process of the API is dead, and another one goes on."""

LONGEST = timedelta(minutes=30)
"""A stretch takes seconds; while Temporal or the database are away, it is tried again."""

TRIED_AGAIN = RetryPolicy(maximum_interval=timedelta(seconds=20))


@workflow.defn(name="CommandJob")
class CommandJobRun:
    """Carries out a job. What became of each command stands in the store."""

    @workflow.run
    async def run(self, job: CommandJob) -> None:
        """Every stretch, one after the other."""
        for first in range(0, job.items, STRETCH):
            await workflow.execute_activity(
                CARRY_OUT,
                Stretch(job_id=job.id, first=first, end=min(first + STRETCH, job.items)),
                task_queue=job.queue,
                start_to_close_timeout=LONGEST,
                heartbeat_timeout=DEAD_AFTER,
                retry_policy=TRIED_AGAIN,
            )
