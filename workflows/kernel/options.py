"""How long each kind of effect may take, and how stubbornly it is tried again."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy


class Patience(TypedDict):
    """How long one attempt may take, and how further attempts follow."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy


class BoundedPatience(Patience):
    """Patience that ends."""

    schedule_to_close_timeout: timedelta


class ForeignPatience(Patience):
    """Patience with a server that is not ours, by a worker that gives signs of life meanwhile."""

    heartbeat_timeout: timedelta


class BoundedForeignPatience(BoundedPatience):
    """The same, and it ends."""

    heartbeat_timeout: timedelta


ALIVE = timedelta(seconds=8)
"""For so long a worker may give no sign of life during an attempt (activities/foreign.py). Then it
is taken for dead, and the attempt is made again."""

NO_RETRY_MENDS = ["ContradictionError"]
"""Failures of the store that a person has to look at."""


def patient(at_most: timedelta) -> RetryPolicy:
    """Tried again after a second, and then at growing intervals up to this."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=at_most,
        non_retryable_error_types=NO_RETRY_MENDS,
    )


OWN_DATABASE = Patience(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30)
    ),
)
"""Quick, idempotent writes to our own database: tried until it is back."""

STEP_RECORDS = Patience(
    start_to_close_timeout=timedelta(seconds=6), retry_policy=OWN_DATABASE["retry_policy"]
)
"""The same, for which whoever has sent a command waits: what went to a worker that is frozen or
dead is given to another one soon."""

ARCHIVE = Patience(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        maximum_interval=timedelta(seconds=30),
        non_retryable_error_types=NO_RETRY_MENDS,
    ),
)
"""What was said is archived as soon as our own database is there, unless it is another text under
the same id: after a reset, say."""

MARKETPLACE = ForeignPatience(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=ALIVE,
    retry_policy=patient(timedelta(minutes=5)),
)
"""The marketplace answers slowly, or not today: tried until it does. No attempt takes longer than
the wait for a thread (activities/foreign.py) and two requests (config.py)."""

CARRIER_CLAIM = BoundedForeignPatience(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=ALIVE,
    schedule_to_close_timeout=timedelta(days=1),
    retry_policy=patient(timedelta(hours=1)),
)
"""The marketplace sends a claim to a carrier within a day, or an agent does: the law's time to
claim may be running out (P5)."""

BESIDE = BoundedForeignPatience(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=ALIVE,
    schedule_to_close_timeout=timedelta(minutes=10),
    retry_policy=patient(timedelta(minutes=1)),
)
"""Registering a case that is opened beside another one, which does not wait for it (P5)."""

REFUND_ANSWER = ForeignPatience(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=ALIVE,
    retry_policy=patient(timedelta(hours=1)),
)
"""Asking what became of a refund, at growing intervals, until it is known."""

REFUND_REPORTED = BoundedForeignPatience(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=ALIVE,
    schedule_to_close_timeout=timedelta(minutes=10),
    retry_policy=patient(timedelta(minutes=1)),
)
"""Asking at once, for the marketplace says that it knows: its answer may follow its report."""

LETTERS = BoundedForeignPatience(
    start_to_close_timeout=timedelta(seconds=40),
    heartbeat_timeout=ALIVE,
    schedule_to_close_timeout=timedelta(days=4),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=2),
        maximum_interval=timedelta(minutes=15),
        non_retryable_error_types=NO_RETRY_MENDS,
    ),
)
"""Mail is tried for four days, as mail servers do (RFC 5321 4.5.4.1). No attempt takes longer than
the wait for a thread, the question for the addresses (worker.py) and a mailing
(activities/mailing.py).
"""

LETTERS_AT_ONCE = ForeignPatience(
    start_to_close_timeout=timedelta(seconds=40),
    heartbeat_timeout=ALIVE,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=2),
        maximum_attempts=4,
        non_retryable_error_types=NO_RETRY_MENDS,
    ),
)
"""For so long the next letters of a case wait, so that they arrive in their order."""

LAST_LETTERS = ForeignPatience(
    start_to_close_timeout=timedelta(seconds=40),
    heartbeat_timeout=ALIVE,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=2),
        maximum_attempts=10,
        non_retryable_error_types=NO_RETRY_MENDS,
    ),
)
"""Asking what could not be sent in all that time."""

RULES = BoundedPatience(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=5)
    ),
)
"""Reading the policy files: somebody waits for the answer, so it comes soon or is a refusal."""
