"""Making the document of a case: what is known of it, cut to what its reader may read
(service/shown.py). The authority reads everything.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.calendars import Calendar
from domain.deadlines import Held
from domain.export import (
    SCHEMA_VERSION,
    BreachRecord,
    CaseExport,
    CaseRecord,
    DeadlineRecord,
    DecisionRecord,
    EntryRecord,
    HeldRecord,
    LetterRecord,
    MessageRecord,
    OfferRecord,
    PersonRecord,
    ProposalRecord,
    RefusalRecord,
    RulesRecord,
    Someone,
    Source,
    TaskRecord,
    WindowRecord,
)
from domain.letters import Letter
from domain.notices import Message
from domain.orders import Person
from domain.parties import Actor, Audience, Party
from domain.policy import Window
from domain.ports import Registration
from domain.stages import Stage
from domain.view import (
    CaseView,
    ClockView,
    ComplaintView,
    DecisionView,
    DisputeView,
    Standing,
    UncollectedParcelView,
    WholeCase,
    WithdrawalView,
)
from service.countries import zone_of
from service.export_linked import linked_records
from service.export_money import carrier_claim_record, goods_record, money_record
from service.export_records import as_record, as_records, file_records
from service.masking import NO_EMAIL, NO_NAME, masked
from service.shown import entries_shown, messages_shown
from store.exporting import Filed

GONE = (
    "The steps of the case are not recorded, as of cases from before they were; `starter.py "
    "rebuild` records it as long as Temporal keeps it. So these are missing: its "
    "timeline, the reckonings of its deadlines, offers and proposals, decisions (but for the "
    "letters that announced them), the refund part by part, where the goods are, and rules that "
    "it took up after it was opened."
)
UNREGISTERED = (
    "The case is not in the register: it could not be opened, or is just being opened. "
    "So nothing was archived, and nobody was written to."
)


class Known(NamedTuple):
    """What is known of a case; one of the two at least. `returns` are those of its goods."""

    filed: Filed | None
    whole: WholeCase | None
    returns: Sequence[CaseView] = ()


def make_document(known: Known, audience: Audience, at: datetime) -> CaseExport:
    """The case as `audience` may read it, written at this instant."""
    return _Making(known, audience).document(at)


class _Making:
    """One document in the making: what all its parts depend on."""

    def __init__(self, known: Known, audience: Audience) -> None:
        self.filed, self.whole, self.returns = known
        self.audience = audience
        self.reader = audience.party
        self.view = self.whole.view if self.whole else None
        self.people: dict[Party, Person] = self.filed.people if self.filed else {}
        self.registration = _registration(known)
        self.letters = [
            letter
            for letter in (self.filed.letters if self.filed else ())
            if self.reader in (None, letter.to)
        ]

    def document(self, at: datetime) -> CaseExport:
        """The whole document."""
        view, filed = self.view, self.filed
        made = CaseExport(
            schema_version=SCHEMA_VERSION,
            written_at=at,
            written_for=self.audience,
            source=self.source,
            left_out=tuple(self.left_out()),
            missing=tuple(self.missing()),
            case=self.case(),
            rules=_rules(self.registration),
            recalculated=self.recalculated(),
            deadlines=tuple(self.deadlines()),
            breaches=tuple(self.breaches()),
            messages=tuple(self.messages()),
            letters=tuple(_letter(letter) for letter in self.letters),
            offers=as_records(OfferRecord, view.offers if isinstance(view, DisputeView) else ()),
            proposals=as_records(
                ProposalRecord, view.proposals if isinstance(view, WithdrawalView) else ()
            ),
            decisions=tuple(self.decisions()),
            tasks=tuple(self.tasks()),
            money=money_record(self.registration, view, filed, self.reader),
            goods=goods_record(self.registration, view, self.returns),
            carrier_claim=carrier_claim_record(view, self.reader),
            linked=tuple(linked_records(filed, view, self.reader)),
            timeline=tuple(self.timeline()),
        )
        other = self.people.get(self.reader.opposite) if self.reader else None
        return masked(made, other) if other else made

    @property
    def source(self) -> Source:
        """Where the document comes from."""
        if self.filed is None:
            return Source.WORKFLOW
        return Source.DATABASE_AND_WORKFLOW if self.whole else Source.DATABASE

    def left_out(self) -> Iterable[str]:
        """What this reader does not read."""
        if self.reader is None:
            return
        other = self.reader.opposite
        yield (
            f"The letters to the {other}, and the {other}'s name, e-mail address and id. Where "
            f"name or address stood in a text, it says {NO_NAME} or {NO_EMAIL}."
        )
        yield (
            "Messages, steps and proposed decisions of others that were not passed on to the "
            f"{self.reader}."
        )
        yield "The agents' ids and queues. Agents appear with the name that they sign with."
        if self.reader is Party.BUYER:
            yield "The seller's claims against carriers, and costs that make no refund less."

    def missing(self) -> Iterable[str]:
        """What could not be read."""
        if self.filed is None:
            yield UNREGISTERED
        if self.whole is None:
            yield GONE

    def someone(self, actor: Actor) -> Someone:
        """Who did something, as far as the reader may know them."""
        person = self.people.get(actor.party)
        name = actor.name or (person.name if person else "") or None
        if self.reader in (None, actor.party):
            return Someone(party=actor.party, name=name, id=actor.id)
        return Someone(
            party=actor.party, name=name if actor.party is Party.AGENT else None, id=None
        )

    def case(self) -> CaseRecord:
        """What the case is about, and where it stands."""
        return self.case_as_it_is(self.view) if self.view else self.case_as_filed()

    def case_as_it_is(self, view: CaseView) -> CaseRecord:
        """As the case itself says."""
        filing = self.filed.filing if self.filed else None
        refusal = self.registration.refusal
        asks = view if isinstance(view, DisputeView | ComplaintView) else None
        reason = (
            view.reason if isinstance(view, DisputeView | ComplaintView | WithdrawalView) else ""
        )
        return CaseRecord(
            id=view.id,
            kind=view.kind,
            country=view.country,
            zone=_zone(view.country, self.registration.calendar),
            order_id=view.order_id,
            people=tuple(self.person(party) for party in (Party.BUYER, Party.SELLER)),
            opened_at=filing.opened_at if filing else view.opened_at,
            opened_by=self.someone(view.opened_by),
            happened_at=asks.happened_at if asks else None,
            ended_at=(filing.closed_at if filing else None) or _ended_at(view),
            ending=view.ending or (filing.ending if filing else None),
            stage=view.stage,
            awaited=view.awaited,
            due=view.due,
            refusal=as_record(RefusalRecord, refusal) if refusal else None,
            reason=reason or None,
            wanted=asks.wanted if asks else None,
            claimed=asks.claimed if asks else None,
            tracking=view.tracking if isinstance(view, UncollectedParcelView) else None,
            right_until=self.registration.right_until,
        )

    def case_as_filed(self) -> CaseRecord:
        """As the database has a case whose own record is gone."""
        assert self.filed is not None
        filing, refusal = self.filed.filing, self.registration.refusal
        return CaseRecord(
            id=filing.case_id,
            kind=filing.kind,
            country=filing.country,
            zone=_zone(filing.country, self.registration.calendar),
            order_id=filing.order_id,
            people=tuple(self.person(party) for party in (Party.BUYER, Party.SELLER)),
            opened_at=filing.opened_at,
            opened_by=None,
            happened_at=None,
            ended_at=filing.closed_at,
            ending=filing.ending,
            stage=Stage.CLOSED if filing.closed_at else None,
            awaited=None,
            due=None,
            refusal=as_record(RefusalRecord, refusal) if refusal else None,
            reason=None,
            wanted=None,
            claimed=None,
            tracking=None,
            right_until=self.registration.right_until,
        )

    def person(self, party: Party) -> PersonRecord:
        """Buyer or seller, as far as the reader may know them."""
        person = self.people.get(party)
        if person is None or self.reader not in (None, party):
            return PersonRecord(party=party, id=None, name=None, email=None, language=None)
        return PersonRecord(
            party=party,
            id=person.id,
            name=person.name,
            email=person.email,
            language=person.locale,
        )

    def recalculated(self) -> RulesRecord | None:
        """The rules that an open case took up later."""
        if self.filed is None or self.whole is None:
            return None
        now = _rules(self.whole.registration)
        return now if now != _rules(self.filed.registration) else None

    def deadlines(self) -> Iterable[DeadlineRecord]:
        """Every clock that was started."""
        if self.whole:
            running = self.whole.view.clocks
            for clock in self.whole.deadlines:
                yield _deadline(clock, clock in running)

    def breaches(self) -> Iterable[BreachRecord]:
        """The windows that the seller missed."""
        known = [*(self.filed.breaches if self.filed else ())]
        found = {(each.window, each.due): each.at for each in known}
        for breach in self.view.breaches if self.view else ():
            found[breach.window, breach.due] = breach.at
        for (window, due), at in sorted(found.items(), key=lambda item: item[1]):
            yield BreachRecord(window=window, due=due, at=at)

    def messages(self) -> Iterable[MessageRecord]:
        """What was written, as far as the reader was shown it."""
        for message in messages_shown(self.written().values(), self.letters, self.reader):
            yield self.message(message)

    def written(self) -> dict[str, Message]:
        """What was written; a case that was never registered has it of its opening alone."""
        written = {message.id: message for message in (self.filed.messages if self.filed else ())}
        for message in self.view.messages if self.view else ():
            written.setdefault(message.id, message)
        return written

    def message(self, message: Message) -> MessageRecord:
        """One message."""
        return MessageRecord(
            id=message.id,
            at=message.at,
            by=self.someone(message.by),
            nature=message.nature,
            text=message.text,
            attachments=file_records(message.attachments),
        )

    def decisions(self) -> Iterable[DecisionRecord]:
        """The decisions; to a party those that were announced."""
        for decision in self.whole.decisions if self.whole else ():
            internal = decision.standing in (Standing.PROPOSED, Standing.SENT_BACK)
            if self.reader is None or not internal:
                yield self.decision(decision)

    def decision(self, decision: DecisionView) -> DecisionRecord:
        """One decision."""
        return DecisionRecord(
            at=decision.at,
            by=self.someone(decision.by),
            verdict=decision.verdict,
            remedy=decision.remedy,
            amount=decision.amount,
            reasoning=decision.reasoning,
            standing=decision.standing,
            confirmed_by=self.someone(decision.confirmed_by) if decision.confirmed_by else None,
        )

    def tasks(self) -> Iterable[TaskRecord]:
        """The agents' tasks; a party is not told who had them, and where they were queued."""
        whole = self.reader is None
        for task in self.filed.tasks if self.filed else ():
            yield TaskRecord(
                id=task.id,
                purpose=task.purpose,
                state=task.state,
                opened_at=task.opened_at,
                due=task.due,
                queue=task.queue if whole else None,
                priority=task.priority if whole else None,
                owner=task.owner if whole else None,
            )

    def timeline(self) -> Iterable[EntryRecord]:
        """The steps; to a party its own, and the stages that the case went through."""
        for entry in entries_shown(self.view.timeline if self.view else (), self.reader):
            yield as_record(EntryRecord, entry)


def _registration(known: Known) -> Registration:
    """What the case was opened under."""
    if known.filed:
        return known.filed.registration
    assert known.whole is not None
    return known.whole.registration


def _zone(country: str, calendar: Calendar | None) -> str:
    return calendar.zone if calendar else zone_of(country)


def _rules(registration: Registration) -> RulesRecord | None:
    if registration.terms is None or registration.calendar is None:
        return None
    return RulesRecord(
        policy_version=registration.policy_version,
        calendar_version=registration.calendar.version,
        windows=tuple(
            as_record(WindowRecord, window, window=name)
            for name, window in registration.terms
            if isinstance(window, Window)
        ),
    )


def _ended_at(view: CaseView) -> datetime | None:
    closed = f"stage {Stage.CLOSED}"
    return next((entry.at for entry in view.timeline if entry.what == closed), None)


def _deadline(clock: ClockView, running: bool) -> DeadlineRecord:
    held: list[Held | HeldRecord] = [*clock.held]
    if clock.held_since:
        held.append(HeldRecord(since=clock.held_since, until=None))
    return DeadlineRecord(
        window=clock.window,
        awaited=clock.awaited,
        started_at=clock.started_at,
        due=clock.due,
        safe=clock.safe,
        running=running,
        length=clock.length,
        counting=clock.counting,
        source=clock.source,
        held=tuple(HeldRecord(since=span.since, until=span.until) for span in held),
        reckoning=clock.explanation,
    )


def _letter(letter: Letter) -> LetterRecord:
    return LetterRecord(
        message_id=letter.id,
        notice=letter.name,
        to=letter.to,
        language=letter.locale,
        subject=letter.subject,
        text=letter.text,
        made_at=letter.created_at,
        sent_at=letter.sent_at,
    )
