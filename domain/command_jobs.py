"""Many commands sent at once, as a job that goes on whoever is killed meanwhile."""

from domain.base import Value

CARRY_OUT = "carry_out_commands"
"""The activity by which the API sends a stretch of a job's commands, with the rights of whoever
sent them."""

STRETCH = 20
"""Commands that are sent by one activity."""


class CommandJob(Value):
    """A job: which it is, how many commands it has, and the task queue of the API."""

    id: str
    items: int
    queue: str


class Stretch(Value):
    """Some of a job's commands: from the `first` place on, up to the one before `end`."""

    job_id: str
    first: int
    end: int


def workflow_id(job_id: str) -> str:
    """The id of a job's workflow."""
    return f"command-job:{job_id}"


def api_queue(task_queue: str) -> str:
    """The task queue on which the API's processes take what only they may do."""
    return f"{task_queue}-api"
