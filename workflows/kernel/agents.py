"""Cases that agents can be called to: a task is queued, claimed, decided, or left to the lead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Unpack

from temporalio import workflow

from domain.ahead import stages_led_from, stages_with_agents
from domain.commands import (
    Ask,
    Claim,
    Close,
    Command,
    CommandBase,
    Decide,
    Hold,
    LeaveLetters,
    Release,
    ResendLetters,
    Resume,
    Say,
)
from domain.notices import NoticeName, Told
from domain.openings import Opening
from domain.parties import Party
from domain.ports import LEADS, TaskState
from domain.questions import Question
from domain.refusals import Code, Refusal
from domain.view import DecisionView, Outcome, Standing
from workflows.kernel.case import Case, Silence
from workflows.kernel.deadline import Clock
from workflows.kernel.judging import Permitted

BESIDE_THE_TASK = (Say, Ask, Hold, Resume, ResendLetters, LeaveLetters)
"""What any agent may send; all else is the agent's who has claimed the task, if one has."""


@dataclass
class AgentsTime:
    """The agents' time to decide a task, and, while one has claimed it, that agent's."""

    deciding: Clock
    claimed: Clock | None = None

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """What runs."""
        return (self.deciding, self.claimed) if self.claimed else (self.deciding,)


class WithAgents(Case):
    """A case with a task for agents, now and then."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.ruling: DecisionView | None = None

    @classmethod
    def takes(cls) -> Permitted:
        """Agents claim a task wherever there can be one, and rule where that leads on."""
        task = (Party.AGENT,), stages_with_agents(cls.AHEAD)
        ruling = (Party.AGENT,), stages_led_from(cls.AHEAD, Decide)
        return super().takes() | {Claim: task, Release: task, Decide: ruling}

    def call_agents(self, question: Question) -> Clock:
        """Open a task in the country's queue, due when an agent's decision is."""
        self.escalated = True
        clock = self.start("decision", Party.AGENT)
        queue = f"{self.opening.kind.plural}-{self.opening.country.lower()}"
        self.agents_task.begin(question, queue, 5, clock, self.now)
        return clock

    def call_lead(self) -> Clock:
        """The agents were silent: the task goes to the lead, first in line."""
        clock = self.start("lead_decision", Party.AGENT)
        self.agents_task.goes_to(LEADS, 1, clock)
        return clock

    async def hear_agent(
        self,
        deciding: Clock,
        until: Callable[[], bool] | None = None,
        verbs: tuple[type[CommandBase], ...] = (),
    ) -> Command | None:
        """Wait for what an agent does about the open task, or what ends the need for it.

        Of these `verbs`, if they are named, or the closing by the platform; others are let by.
        """
        time = AgentsTime(deciding)
        while True:
            move = await self.hear(Party.AGENT, *time.clocks, until=until)
            if self.passes_task_on(move, time) or isinstance(move, Silence):
                continue
            if move is None or not verbs or isinstance(move, (*verbs, Close)):
                return move

    def passes_task_on(self, move: Command | Silence | None, time: AgentsTime) -> bool:
        """Whether no more has happened than that another has the task now, or nobody.

        Silence gives a claimed task back to the queue, and a task that nobody decides to the lead.
        """
        match move:
            case Silence(clock) if clock is time.claimed:
                time.claimed = None
                self.agents_task.change(owner=None, state=TaskState.OPEN)
            case Silence(clock) if clock is time.deciding:
                time.deciding, time.claimed = self.call_lead(), None
            case Claim():
                time.claimed = self.start("claim", Party.AGENT)
            case Release():
                time.claimed = None
            case _:
                return False
        return True

    async def have_ruled(
        self,
        question: Question,
        notice: NoticeName = NoticeName.AGENT_JOINS,
        until: Callable[[], bool] | None = None,
        /,
        **facts: Unpack[Told],
    ) -> Command | None:
        """Call agents about a question, tell both, and wait for the ruling or what replaces it."""
        self.ruling = None
        deciding = self.call_agents(question)
        told: Told = {"due": deciding.due, **facts}
        if notice is NoticeName.AGENT_JOINS:
            told["reason"] = question
        self.tell_both(notice, **told)
        move = await self.hear_agent(deciding, until)
        self.agents_task.finish()
        if isinstance(move, Decide):
            self.tell_both(
                NoticeName.RULING,
                verdict=move.verdict,
                amount=move.amount,
                text=move.reasoning,
                writer=move.by,
            )
        return move

    @workflow.signal
    async def decide(self, decision: Decide) -> None:
        """An agent's decision from the Temporal UI or command line."""
        await self.take_quietly(decision)

    def unfit_for_kernel(self, command: Command) -> Refusal | None:
        """Whose the task is comes before what an agent does about it."""
        about_task = not isinstance(command, BESIDE_THE_TASK)
        if command.by.party is Party.AGENT and about_task and (refusal := self.task_bars(command)):
            return refusal
        return super().unfit_for_kernel(command)

    def task_bars(self, command: Command) -> Refusal | None:
        """Why an agent cannot act on the task: another has claimed it."""
        agent, owner = command.by.id, self.agents_task.now and self.agents_task.now.owner
        if isinstance(command, Release):
            if owner == agent:
                return None
            return Refusal(code=Code.TASK_NOT_CLAIMED, sentence="The task is not yours; claim it.")
        if owner and owner != agent:
            return Refusal(code=Code.TASK_TAKEN, sentence="Another agent has claimed the task.")
        if isinstance(command, Claim) and owner == agent:
            return Refusal(code=Code.ALREADY_DONE, sentence="You have claimed the task already.")
        return None

    def barred_for_kernel(self, verb: type[CommandBase], by: Party) -> Refusal | None:
        """Without a task there is nothing to claim, and a question is ruled once."""
        if verb is Decide and self.ruling:
            return Refusal(code=Code.ALREADY_DONE, sentence="An agent has ruled already.")
        if verb in (Claim, Release) and self.agents_task.now is None:
            return Refusal(code=Code.WRONG_STAGE, sentence="The case has no task for agents now.")
        return super().barred_for_kernel(verb, by)

    def record(self, command: Command) -> Outcome:
        """Who has the task."""
        match command:
            case Claim():
                self.agents_task.change(owner=command.by.id, state=TaskState.CLAIMED)
            case Release():
                self.agents_task.change(owner=None, state=TaskState.OPEN)
            case Decide():
                self.ruling = DecisionView(
                    at=self.now,
                    by=command.by,
                    verdict=command.verdict,
                    remedy=command.remedy,
                    amount=command.amount,
                    reasoning=command.reasoning,
                    final=True,
                    standing=Standing.FINAL,
                )
                self.decisions.append(self.ruling)
        return super().record(command)
