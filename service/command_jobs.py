"""Starting jobs of many commands."""

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.command_jobs import CommandJob, api_queue, workflow_id
from service.reaching import answer
from workflows.command_job.process import CommandJobRun


async def start_job(client: Client, job_id: str, items: int, task_queue: str) -> None:
    """Let a job run, unless it does, or has done."""
    started = client.start_workflow(
        CommandJobRun.run,
        CommandJob(id=job_id, items=items, queue=api_queue(task_queue)),
        id=workflow_id(job_id),
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=f"{items} commands",
    )
    try:
        await answer(started)
    except WorkflowAlreadyStartedError:
        return
