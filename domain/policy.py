"""The rules that a case is opened under: windows, limits, and where each comes from."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from domain.base import Value
from domain.deadlines import Counting

Text = Annotated[str, Field(min_length=1)]
Minor = Annotated[int, Field(ge=0)]
Limit = Annotated[int, Field(ge=1)]


THREE_YEARS = timedelta(days=3 * 366)


class OnSilence(StrEnum):
    """What a process does when a window ends and nobody has answered."""

    BREACH_AND_ESCALATE = "breach-and-escalate"
    """A breach against the seller, and the case goes to an agent (H4, H7)."""
    BREACH_BUYER_MAY_ESCALATE = "breach-buyer-may-escalate"
    """A breach against the seller; the buyer may turn the inquiry into a dispute (H4)."""
    CLOSE_REOPENABLE = "close-reopenable"
    """The case closes as "buyer silent" and may be reopened for a while."""
    HELP_OPENS = "help-opens"
    """One party alone may call an agent (D1)."""
    TO_LEAD = "to-lead"
    """The task moves to the lead's queue."""
    TO_LEAD_AGAIN = "to-lead-again"
    """The task stays in the lead's queue and is reported late again."""
    BACK_TO_QUEUE = "back-to-queue"
    """A claimed task is given back, for another agent to take."""
    FINAL = "final"
    """The decision becomes final."""
    LAPSES = "lapses"
    """The right to do it ends."""
    AGENT = "agent"
    """It becomes an agent's task."""
    RESUMES = "resumes"
    """The held clock runs again."""
    DECIDES_WITHOUT = "decides-without"
    """The agent decides without the answer."""
    CLOSE = "close"
    """The case closes."""


class Window(Value):
    """How long something may take, how that is counted, and what happens on silence.

    `length` and `remind_after` are amounts of `counting`. `soft` marks a weakly sourced length.
    """

    length: Limit
    counting: Counting
    remind_after: Limit | None = None
    starts: Text
    on_silence: OnSilence
    source: Text
    soft: bool = False

    @model_validator(mode="after")
    def _can_be_reckoned(self) -> Self:
        # Found here and not in a running case, which could not go on.
        if self.counting.unit * self.length > THREE_YEARS:
            raise ValueError("length is above three years: a case's calendar reaches no further")
        if self.remind_after is not None and self.remind_after >= self.length:
            raise ValueError("remind_after must be shorter than length")
        return self


def _carries_out(silence: OnSilence, *, reminds: bool = False) -> AfterValidator:
    """Ties a window to what the process does on silence, so that no file promises another thing."""

    def check(window: Window) -> Window:
        if window.on_silence is not silence:
            raise ValueError(f'on_silence must be "{silence}": the process does nothing else')
        if window.remind_after is not None and not reminds:
            raise ValueError("remind_after is not known here: the process sends no reminder")
        return window

    return AfterValidator(check)


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None
    return name


class MessageLimits(Value):
    """What one party may write: characters a text, messages a local day and a case, files."""

    text_length: Limit
    per_day: Limit
    per_case: Limit
    attachments: Limit
    attachment_bytes: Limit
    media_types: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")], ...],
        Field(min_length=1),
    ]


class DisputePolicy(Value):
    """Every window and limit of a dispute. Money limits are minor units of the country's currency.

    `help_opens`: when one party alone may call an agent, unless the seller has answered before.
    `claim`: how long a claimed task may wait for its decision before it goes back to the queue.
    `fulfilment`: how long the seller has for what was agreed or ordered about the goods.
    `agent_question`: how long a trader has to answer a question of the agent.
    `hold`: the longest that an agent's hold stops a clock.
    `agent_limit_minor`: the most that one agent may award alone.
    """

    seller_reply: Annotated[Window, _carries_out(OnSilence.BREACH_AND_ESCALATE, reminds=True)]
    buyer_reply: Annotated[Window, _carries_out(OnSilence.CLOSE_REOPENABLE, reminds=True)]
    help_opens: Annotated[Window, _carries_out(OnSilence.HELP_OPENS)]
    decision: Annotated[Window, _carries_out(OnSilence.TO_LEAD)]
    lead_decision: Annotated[Window, _carries_out(OnSilence.TO_LEAD_AGAIN)]
    claim: Annotated[Window, _carries_out(OnSilence.BACK_TO_QUEUE)]
    appeal: Annotated[Window, _carries_out(OnSilence.FINAL)]
    reopening: Annotated[Window, _carries_out(OnSilence.LAPSES)]
    fulfilment: Annotated[Window, _carries_out(OnSilence.AGENT)]
    refund_confirmation: Annotated[Window, _carries_out(OnSilence.AGENT)]
    agent_question: Annotated[Window, _carries_out(OnSilence.DECIDES_WITHOUT, reminds=True)]
    hold: Annotated[Window, _carries_out(OnSilence.RESUMES)]
    agent_limit_minor: Minor
    offers_per_party: Limit
    questions_per_party: Limit
    messages: MessageLimits


class InquiryPolicy(Value):
    """Every window and limit of an inquiry."""

    seller_reply: Annotated[Window, _carries_out(OnSilence.BREACH_BUYER_MAY_ESCALATE, reminds=True)]
    inactivity: Annotated[Window, _carries_out(OnSilence.CLOSE)]
    hold: Annotated[Window, _carries_out(OnSilence.RESUMES)]
    messages: MessageLimits


class CalendarChanges(Value):
    """Where a country differs from what is generally known of its holidays; each date with its why.

    `add`: one-off holidays. `remove`: holidays that are working days like any other.
    `working`: dates that are worked though they fall on a weekend.
    """

    add: dict[date, Text] = Field(default_factory=dict)
    remove: dict[date, Text] = Field(default_factory=dict)
    working: dict[date, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for day in self.add:
            if day in self.remove or day in self.working:
                raise ValueError(f"{day} cannot be both a holiday and worked")
        return self


class Policy(Value):
    """One country's policy file. A process without a section does not run in that country.

    `version` is the file's own, and a mark of its content: an edited file is another policy.
    """

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    version: Text
    zone: Annotated[str, AfterValidator(_time_zone)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    calendar: CalendarChanges = CalendarChanges()
    inquiry: InquiryPolicy | None = None
    dispute: DisputePolicy | None = None
