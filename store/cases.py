"""The register of cases: who is in them, the rules they are pinned to, and how they ended."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import Engine, func, update
from sqlmodel import Session, col, select

from domain.base import Value
from domain.kinds import Kind
from domain.money import Money
from domain.notices import Ending, opening_message
from domain.openings import Opening
from domain.orders import Line, Order, Person
from domain.parties import Party
from domain.ports import CloseCase, OpenCase, Past, Registration
from store.accounts import as_lines, counted, delivery_back, money_back
from store.archive import message_row
from store.engine import hold_order, insert_new, transaction
from store.errors import ContradictionError
from store.tables import CaseRow, PersonRow, RefundedUnitRow, RefundRow

SOLUTIONS = (
    Ending.SETTLED,
    Ending.DECIDED,
    Ending.SOLVED,
    Ending.WITHDRAWN,
    Ending.CANCELLED,
    Ending.REFUNDED,
    Ending.REVOKED,
    Ending.EXCEPTED,
    Ending.NOTHING_OWED,
    Ending.RETURNED,
    Ending.RETURNLESS,
    Ending.REPAIRED,
    Ending.REPLACED,
    Ending.EXPLAINED,
    Ending.RECOVERED,
    Ending.PRICE_REDUCED,
    Ending.DELIVERED,
    Ending.CONTRACT_STANDS,
)
"""The endings that count as a solution (D2): the parties agreed, an agent decided, who claimed took
the claim back, or goods and money came to where they belong. Silence, inactivity and a closing by
the platform solved nothing."""

NOT_ENDED = (
    Ending.NOT_OPENED,
    Ending.BECAME_DISPUTE,
    Ending.BECAME_CANCELLATION,
    Ending.BECAME_WITHDRAWAL,
    Ending.BECAME_NON_DELIVERY,
    Ending.BECAME_UNCOLLECTED_PARCEL,
)
"""Endings that the headline leaves out: the case never began, or goes on as another one."""


Judge = Callable[[Past], Registration]
"""Makes a registration, given what of the order has come back and its open cases."""

NEVER_CAME = (Kind.CANCELLATION, Kind.UNCOLLECTED_PARCEL, Kind.NON_DELIVERY)
"""The kinds that refund what the buyer never had."""


class Headline(Value):
    """The product's headline figures (D2), as counts of cases."""

    closed: int
    solved: int
    without_agent: int

    @property
    def solved_share(self) -> float | None:
        """The share that ended in a solution, 0 to 1; unknown while nothing has closed."""
        return self.solved / self.closed if self.closed else None

    @property
    def without_agent_share(self) -> float | None:
        """The share that needed no agent, 0 to 1; unknown while nothing has closed."""
        return self.without_agent / self.closed if self.closed else None


class CaseSummary(Value):
    """A case in a list."""

    case_id: str
    kind: Kind
    country: str
    order_id: str
    at_stake: Money | None
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    ending: Ending | None


class CaseRegister:
    """Registers cases, once each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def register(
        self,
        case_id: str,
        opening: Opening,
        order: Order,
        judge: Judge,
        at: datetime,
    ) -> Registration:
        """Register the case and answer what is registered: the first registration wins.

        What it was opened with is archived in the same transaction. The cases of one order are
        registered one after the other. A refusal is answered but not kept, so that a mended opening
        can be sent again.
        """
        with transaction(self._engine) as session:
            hold_order(session, order.id)
            if stored := session.get(CaseRow, case_id):
                return Registration.model_validate(stored.registration)
            registration = judge(_order(session, order.id))
            if registration.refusal:
                return registration
            stake = registration.at_stake
            case = CaseRow(
                case_id=case_id,
                kind=opening.kind,
                country=opening.country,
                order_id=registration.order_id,
                buyer_id=registration.buyer_id,
                seller_id=registration.seller_id,
                stake_minor=stake.amount_minor if stake else None,
                stake_currency=stake.currency if stake else None,
                registration=registration.model_dump(mode="json"),
                opened_at=at,
            )
            people = [
                PersonRow(case_id=case_id, party=party, **person.model_dump(mode="json"))
                for party, person in ((Party.BUYER, order.buyer), (Party.SELLER, order.seller))
            ]
            if insert_new(session, [case]):
                insert_new(session, people)
                if opening.text and registration.edition:
                    insert_new(session, [message_row(case_id, opening_message(opening, at))])
            stored = session.get_one(CaseRow, case_id)
            return Registration.model_validate(stored.registration)

    def find(self, case_id: str) -> Registration | None:
        """The registration of a case, if there is one."""
        with transaction(self._engine) as session:
            case = session.get(CaseRow, case_id)
            return Registration.model_validate(case.registration) if case else None

    def of_order(self, order_id: str) -> Past:
        """What of an order has come back, or is about to, and its open cases."""
        with transaction(self._engine) as session:
            return _order(session, order_id)

    def countries_of(self, order_id: str) -> set[str]:
        """Where the order was placed, as the cases say that were ever registered for it."""
        statement = select(CaseRow.country).where(CaseRow.order_id == order_id).distinct()
        with transaction(self._engine) as session:
            return set(session.exec(statement))

    def is_closed(self, case_id: str) -> bool:
        """Whether the case has been closed."""
        with transaction(self._engine) as session:
            row = session.get(CaseRow, case_id)
            return row is not None and row.closed_at is not None

    def people(self, case_id: str) -> dict[Party, Person]:
        """The buyer and the seller of a case; nobody for a case that is not registered."""
        with transaction(self._engine) as session:
            rows = session.exec(select(PersonRow).where(PersonRow.case_id == case_id))
            return {Party(row.party): _person(row) for row in rows}

    def readdress(self, case_id: str, party: Party, email: str) -> None:
        """Keep another mail address of somebody in a case, as the marketplace has it now."""
        statement = (
            update(PersonRow)
            .where(col(PersonRow.case_id) == case_id, col(PersonRow.party) == party)
            .values(email=email)
        )
        with transaction(self._engine) as session:
            session.exec(statement)

    def close(self, closing: CloseCase) -> None:
        """File how a case ended: the first time counts.

        A refused case was never registered and leaves nothing to file; any other unknown case
        raises ContradictionError.
        """
        with transaction(self._engine) as session:
            file_ending(session, closing)
            known = session.get(CaseRow, closing.case_id) is not None
        if not known and closing.ending is not Ending.NOT_OPENED:
            raise ContradictionError(
                f"Case {closing.case_id} is not registered; register it before closing it."
            )

    def headline(
        self,
        country: str | None = None,
        since: datetime | None = None,
        kind: Kind | None = Kind.DISPUTE,
    ) -> Headline:
        """The headline figures of the cases closed in `country` from `since` on.

        They are about disputes (D2); `kind=None` counts every kind of case.
        """
        statement = select(
            func.count(),
            func.count().filter(col(CaseRow.ending).in_(SOLUTIONS)),
            func.count().filter(col(CaseRow.escalated).is_(False)),
        ).where(col(CaseRow.closed_at).is_not(None), col(CaseRow.ending).not_in(NOT_ENDED))
        if country is not None:
            statement = statement.where(CaseRow.country == country)
        if since is not None:
            statement = statement.where(col(CaseRow.closed_at) >= since)
        if kind is not None:
            statement = statement.where(CaseRow.kind == kind)
        with transaction(self._engine) as session:
            closed, solved, without_agent = session.exec(statement).one()
        return Headline(closed=closed, solved=solved, without_agent=without_agent)

    def of_seller(self, seller_id: str, limit: int = 500) -> list[CaseSummary]:
        """A seller's cases, newest first (H1)."""
        statement = (
            select(CaseRow)
            .where(CaseRow.seller_id == seller_id)
            .order_by(col(CaseRow.opened_at).desc(), col(CaseRow.case_id))
            .limit(limit)
        )
        with transaction(self._engine) as session:
            return [_summary(row) for row in session.exec(statement)]


def file_ending(session: Session, closing: CloseCase) -> None:
    """File how a registered case ended, in somebody else's transaction: the first time counts."""
    session.exec(
        update(CaseRow)
        .where(col(CaseRow.case_id) == closing.case_id, col(CaseRow.closed_at).is_(None))
        .values(
            closed_at=closing.at,
            ending=closing.ending,
            escalated=closing.escalated,
            breaches=closing.breaches,
        )
    )


def _order(session: Session, order_id: str) -> Past:
    """The order's units that are refunded or being refunded, or whose price is reduced, and its
    open cases, each with the units that it has not had refunded itself.
    """
    units = (
        select(RefundedUnitRow.sku, RefundRow.case_id, CaseRow.kind)
        .join(RefundRow, col(RefundRow.key) == col(RefundedUnitRow.refund_key), isouter=True)
        .join(CaseRow, col(CaseRow.case_id) == col(RefundRow.case_id), isouter=True)
        .where(RefundedUnitRow.order_id == order_id)
    )
    refunded = session.exec(units).all()
    cases = (
        select(CaseRow.case_id, CaseRow.kind, CaseRow.registration)
        .where(CaseRow.order_id == order_id, col(CaseRow.closed_at).is_(None))
        .order_by(col(CaseRow.opened_at), col(CaseRow.case_id))
    )
    open_cases = (
        OpenCase(
            case_id=case_id,
            kind=Kind(kind),
            units=as_lines(
                counted(Line.model_validate(line) for line in registration["lines"])
                - Counter(sku for sku, by, _kind in refunded if by == case_id)
            ),
        )
        for case_id, kind, registration in session.exec(cases).all()
    )
    return Past(
        money_back=money_back(session, order_id),
        open_cases=tuple(open_cases),
        delivery_back_minor=delivery_back(session, order_id),
        never_came=as_lines(Counter(sku for sku, _by, kind in refunded if kind in NEVER_CAME)),
    )


def _person(row: PersonRow) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        locale=row.locale,
        return_address=tuple(row.return_address or ()),
    )


def _summary(row: CaseRow) -> CaseSummary:
    stake = None
    if row.stake_minor is not None and row.stake_currency is not None:
        stake = Money(amount_minor=row.stake_minor, currency=row.stake_currency)
    return CaseSummary(
        case_id=row.case_id,
        kind=Kind(row.kind),
        country=row.country,
        order_id=row.order_id,
        at_stake=stake,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        ending=Ending(row.ending) if row.ending else None,
    )
