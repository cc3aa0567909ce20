"""Making the document of a case: what is known of it, cut to what its reader may read.

A party reads what it wrote, was sent or was shown: a message of somebody else was shown to it if
one of its letters quotes it. The authority reads everything.
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from activities.rendering import clean
from domain.base import Value
from domain.calendars import Calendar
from domain.commands import Attachment
from domain.deadlines import Held
from domain.export import (
    SCHEMA_VERSION,
    AttachmentRecord,
    BreachRecord,
    CarrierClaimRecord,
    CaseExport,
    CaseRecord,
    CostRecord,
    CustodyRecord,
    DeadlineRecord,
    DecisionRecord,
    EntryRecord,
    Exported,
    GoodsRecord,
    HeldRecord,
    LetterRecord,
    LineRecord,
    LinkedRecord,
    MessageRecord,
    MoneyRecord,
    OfferRecord,
    PartRecord,
    PayoutRecord,
    PersonRecord,
    PreviewRecord,
    ProposalRecord,
    RedeliveryRecord,
    ReducedUnitRecord,
    RefundedUnitRecord,
    RefundRecord,
    RefusalRecord,
    Relation,
    RulesRecord,
    SignedMoney,
    Someone,
    Source,
    TaskRecord,
    WindowRecord,
)
from domain.goods import count
from domain.kinds import Kind
from domain.letters import Letter
from domain.money import Money
from domain.notices import Message
from domain.orders import Person
from domain.parties import Actor, Audience, Party
from domain.policy import Window
from domain.ports import Registration
from domain.stages import Stage
from domain.view import CaseView, ClockView, DecisionView, Standing, WholeCase
from service.countries import zone_of
from store.exporting import Filed

E = TypeVar("E", bound=Exported)

NO_NAME = "[name left out]"
NO_EMAIL = "[e-mail left out]"

TEXTS = {"text", "subject", "reasoning", "reason", "detail", "file_name"}
"""The keys under which people's words stand: a name in them is masked."""

GONE = (
    "The case's own record is kept no longer, only the archive is. So these are missing: its "
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
            offers=tuple(_as(OfferRecord, offer) for offer in (view.offers if view else ())),
            proposals=tuple(
                _as(ProposalRecord, proposal) for proposal in (view.proposals if view else ())
            ),
            decisions=tuple(self.decisions()),
            tasks=tuple(self.tasks()),
            money=self.money(),
            goods=self.goods(),
            carrier_claim=self.carrier_claim(),
            linked=tuple(self.linked(filed, view)),
            timeline=tuple(self.timeline()),
        )
        return self.masked(made)

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
        if self.view and (number := self.view.in_all.get("messages", 0)) > len(self.written()):
            yield f"{number - len(self.written())} messages, which are not archived yet."

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
        view, registration = self.view, self.registration
        filing = self.filed.filing if self.filed else None
        about = filing or view
        assert about is not None
        refusal = registration.refusal
        closed = filing.closed_at if filing else None
        return CaseRecord(
            id=filing.case_id if filing else view.id if view else "",
            kind=about.kind,
            country=about.country,
            zone=_zone(about.country, registration.calendar),
            order_id=about.order_id,
            people=tuple(self.person(party) for party in (Party.BUYER, Party.SELLER)),
            opened_at=about.opened_at,
            opened_by=self.someone(view.opened_by) if view else None,
            happened_at=view.happened_at if view else None,
            ended_at=closed or (view and _ended_at(view)),
            ending=(view and view.ending) or (filing.ending if filing else None),
            stage=view.stage if view else Stage.CLOSED if closed else None,
            awaited=view.awaited if view else None,
            due=view.due if view else None,
            refusal=_as(RefusalRecord, refusal) if refusal else None,
            reason=(view.reason or None) if view else None,
            wanted=view.wanted if view else None,
            claimed=view.claimed if view else None,
            tracking=view.tracking if view else None,
            right_until=registration.right_until,
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
        quoted = [quote for letter in self.letters for quote in _quotes(letter.text)]
        for message in self.written().values():
            own = self.reader in (None, message.by.party)
            if own or _is_quoted(message.text, quoted):
                yield self.message(message)

    def written(self) -> dict[str, Message]:
        """What was written; a case that has just taken a message has it before the archive."""
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
            attachments=_files(message.attachments),
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

    def money(self) -> MoneyRecord:
        """The money of the case and of its order."""
        filed, sale = self.filed, self.registration.sale
        view = self.view
        preview = None if view is None or view.refund_reduces else view.preview
        return MoneyRecord(
            at_stake=self.registration.at_stake,
            preview=PreviewRecord(
                parts=tuple(
                    PartRecord(
                        what=part.what,
                        amount=SignedMoney(amount_minor=part.amount_minor, currency=sale.currency),
                        why=part.why,
                    )
                    for part in preview.parts
                ),
                refund=Money(amount_minor=preview.refund_minor, currency=sale.currency),
            )
            if preview and sale
            else None,
            refunds=tuple(_as(RefundRecord, refund) for refund in (filed.refunds if filed else ())),
            payouts=tuple(_as(PayoutRecord, payout) for payout in (filed.payouts if filed else ())),
            costs=tuple(self.costs()),
            redelivery=self.view
            and self.view.redelivery
            and _as(RedeliveryRecord, self.view.redelivery),
            order_paid=filed.order_paid if filed else None,
            order_refunded=filed.order_refunded if filed else None,
            refunded_units=tuple(
                _as(RefundedUnitRecord, unit) for unit in (filed.refunded_units if filed else ())
            ),
            reduced_units=tuple(
                _as(ReducedUnitRecord, unit) for unit in (filed.reduced_units if filed else ())
            ),
        )

    def costs(self) -> Iterable[CostRecord]:
        """The costs that the seller reported; to the buyer those that make the refund less."""
        for cost in self.view.costs if self.view else ():
            if cost.deducted or self.reader is not Party.BUYER:
                yield _as(CostRecord, cost, attachments=_files(cost.attachments))

    def carrier_claim(self) -> CarrierClaimRecord | None:
        """What the seller claims from a carrier: that is not for the buyer."""
        claim = self.view.carrier_claim if self.view else None
        if claim is None or self.reader is Party.BUYER:
            return None
        return _as(CarrierClaimRecord, claim, evidence=_files(claim.evidence))

    def goods(self) -> GoodsRecord:
        """The goods, and who has them."""
        sale, view = self.registration.sale, self.view
        mine = count(view.units if view else self.registration.lines)
        returned = count(view.accepted) if view else {}
        cases = [one for one in (view, *self.returns) if one]
        return GoodsRecord(
            lines=tuple(
                LineRecord(
                    sku=line.sku,
                    title=line.title,
                    ordered=line.quantity,
                    in_case=mine.get(line.sku, 0),
                    returned=returned.get(line.sku, 0) if returned else None,
                    unit_price=Money(amount_minor=line.unit_price_minor, currency=sale.currency),
                    discount=Money(amount_minor=line.discount_minor, currency=sale.currency),
                )
                for line in sale.lines
            )
            if sale
            else (),
            custody=tuple(
                _as(CustodyRecord, kept, case_id=case.id) for case in cases for kept in case.custody
            ),
        )

    def linked(self, filed: Filed | None, view: CaseView | None) -> Iterable[LinkedRecord]:
        """The other cases of the order; to a buyer not what the seller claims from carriers."""
        relations = _relations(view) if view else {}
        known = {other.case_id: other for other in (filed.others if filed else ())}
        for case_id in dict.fromkeys((*known, *relations)):
            other = known.get(case_id)
            kind = other.kind if other else _kind(case_id)
            if kind is Kind.CARRIER_CLAIM and self.reader is Party.BUYER:
                continue
            own_id = filed.filing.case_id if filed else ""
            yield LinkedRecord(
                case_id=case_id,
                relation=relations.get(case_id) or _relation(own_id, case_id, kind),
                kind=kind,
                opened_at=other.opened_at if other else None,
                ended_at=other.closed_at if other else None,
                ending=other.ending if other else None,
            )

    def timeline(self) -> Iterable[EntryRecord]:
        """The steps; to a party its own, and the stages that the case went through."""
        for entry in self.view.timeline if self.view else ():
            own = self.reader in (None, entry.by)
            if own or entry.what.startswith("stage "):
                yield _as(EntryRecord, entry)

    def masked(self, made: CaseExport) -> CaseExport:
        """The document without the other party's name in texts, and e-mail address anywhere."""
        other = self.people.get(self.reader.opposite) if self.reader else None
        if other is None:
            return made
        email = re.compile(re.escape(other.email), re.IGNORECASE) if other.email else None
        words = r"\s+".join(re.escape(word) for word in other.name.split())
        name = re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE) if words else None

        def without(value: Any, key: str = "") -> Any:
            match value:
                case dict():
                    return {each: without(within, each) for each, within in value.items()}
                case list():
                    return [without(within, key) for within in value]
                case str():
                    said = email.sub(NO_EMAIL, value) if email else value
                    return name.sub(NO_NAME, said) if name and key in TEXTS else said
            return value

        return CaseExport.model_validate_json(json.dumps(without(made.model_dump(mode="json"))))


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
            _as(WindowRecord, window, window=name)
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


def _quotes(letter: str) -> Iterable[list[str]]:
    """The quotations in a letter, line by line, each with its signature if it has one."""
    quote: list[str] = []
    for line in (*letter.splitlines(), ""):
        if line.startswith(">"):
            quote.append(line.removeprefix(">").removeprefix(" "))
        elif quote:
            yield quote
            quote = []


def _is_quoted(text: str, quotes: Iterable[list[str]]) -> bool:
    """Whether one of the quotations is this text, whole, signed or not (`rendering.quote`)."""
    lines = [line.rstrip() for line in clean(text)]
    return any(
        quote == lines or (quote[:-2] == lines and quote[-2] == "" and quote[-1].startswith("— "))
        for quote in quotes
        if len(quote) >= len(lines) > 0
    )


def _as(record: type[E], value: Value, **more: object) -> E:
    """A value as the document has it: what has the same name, and `more`."""
    same = set(record.model_fields) - set(more)
    return record(**value.model_dump(include=same), **more)


def _files(attachments: Iterable[Attachment]) -> tuple[AttachmentRecord, ...]:
    return tuple(_as(AttachmentRecord, file, file_name=file.name) for file in attachments)


def _kind(case_id: str) -> Kind | None:
    kind = case_id.partition(":")[0]
    return Kind(kind) if kind in tuple(Kind) else None


def _relations(view: CaseView) -> dict[str, Relation]:
    """How the cases that the case knows of belong to it; the closest relation counts."""
    relations = dict.fromkeys(view.beside, Relation.SAME_UNITS)
    relations |= dict.fromkeys(view.carrier_claims, Relation.CARRIER_CLAIM)
    relations |= dict.fromkeys(view.returns, Relation.BRINGS_GOODS)
    if view.preceding:
        relations[view.preceding] = Relation.GREW_OUT_OF
    if view.belongs_to:
        relations[view.belongs_to] = Relation.BELONGS_TO
    return relations


def _relation(own: str, other: str, kind: Kind | None) -> Relation:
    """How another case of the order belongs to this one, as far as their ids tell."""
    if kind is Kind.CARRIER_CLAIM:
        return Relation.CARRIER_CLAIM
    if _is_return_of(own, other):
        return Relation.BRINGS_GOODS
    if _is_return_of(other, own):
        return Relation.BELONGS_TO
    return Relation.SAME_ORDER


def _is_return_of(case_id: str, other: str) -> bool:
    """Whether the id is of a return that was opened for this case (`OpenReturn.case_id`)."""
    if case_id.count(":") < 2:
        return False
    kind, country, rest = case_id.split(":", 2)
    return other.startswith(f"{Kind.RETURN}:{country}:{kind}-{rest.replace(':', '-')}:")
