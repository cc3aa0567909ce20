"""All that the database knows of one case, read in one go."""

from pydantic import AwareDatetime
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from domain.base import Value
from domain.kinds import Kind
from domain.letters import Letter
from domain.money import Money
from domain.notices import Ending, Message
from domain.orders import Line, Person
from domain.parties import Party
from domain.ports import BreachReport, PayoutKind, Registration, Task
from store.archive import Archive
from store.cases import CaseRegister
from store.engine import transaction
from store.refunds import Refund, RefundLedger
from store.tables import (
    AccountRow,
    BreachRow,
    CaseRow,
    PayoutRow,
    ReducedUnitRow,
    RefundedUnitRow,
    TaskRow,
)


class Filing(Value):
    """How a case stands in the register."""

    case_id: str
    kind: Kind
    country: str
    order_id: str
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None
    ending: Ending | None


class PaidOut(Value):
    """Money that reached the buyer without us."""

    key: str
    kind: PayoutKind
    amount: Money
    units: tuple[Line, ...]
    reported_at: AwareDatetime


class RefundedUnit(Value):
    """The `number`th of all `of` units that were sold of a line, and what refunded it."""

    sku: str
    number: int
    of: int
    refund_key: str


class ReducedUnit(RefundedUnit):
    """A unit whose price is reduced by so much."""

    amount: Money


class Filed(Value):
    """A case as the database has it, and the account of its order.

    `order_paid` is unknown until the order's first refund; `others` are its other cases.
    """

    filing: Filing
    registration: Registration
    people: dict[Party, Person]
    messages: tuple[Message, ...]
    letters: tuple[Letter, ...]
    tasks: tuple[Task, ...]
    breaches: tuple[BreachReport, ...]
    refunds: tuple[Refund, ...]
    payouts: tuple[PaidOut, ...]
    order_paid: Money | None
    order_refunded: Money | None
    refunded_units: tuple[RefundedUnit, ...]
    reduced_units: tuple[ReducedUnit, ...]
    others: tuple[Filing, ...]


def read_filed(engine: Engine, case_id: str) -> Filed | None:
    """What the database has of the case; None for one that was never registered."""
    with transaction(engine) as session:
        row = session.get(CaseRow, case_id)
        if row is None:
            return None
        account = session.get(AccountRow, row.order_id)
        kept = {
            "filing": _filing(row),
            "registration": Registration.model_validate(row.registration),
            "tasks": _tasks(session, case_id),
            "breaches": _breaches(session, case_id),
            "payouts": _payouts(session, row.order_id),
            "order_paid": _paid(account),
            "order_refunded": account
            and Money(amount_minor=account.refunded_minor, currency=account.currency),
            "refunded_units": _refunded_units(session, row.order_id),
            "reduced_units": _reduced_units(session, account) if account else (),
            "others": _others(session, row),
        }
    archive = Archive(engine)
    return Filed(
        **kept,
        people=CaseRegister(engine).people(case_id),
        messages=tuple(archive.messages(case_id)),
        letters=tuple(archive.letters(case_id)),
        refunds=tuple(RefundLedger(engine).of_case(case_id)),
    )


def _filing(row: CaseRow) -> Filing:
    return Filing(
        case_id=row.case_id,
        kind=Kind(row.kind),
        country=row.country,
        order_id=row.order_id,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        ending=Ending(row.ending) if row.ending else None,
    )


def _others(session: Session, row: CaseRow) -> tuple[Filing, ...]:
    statement = (
        select(CaseRow)
        .where(
            CaseRow.order_id == row.order_id,
            CaseRow.country == row.country,
            CaseRow.case_id != row.case_id,
        )
        .order_by(col(CaseRow.opened_at), col(CaseRow.case_id))
    )
    return tuple(_filing(other) for other in session.exec(statement))


def _tasks(session: Session, case_id: str) -> tuple[Task, ...]:
    statement = (
        select(TaskRow)
        .where(TaskRow.case_id == case_id)
        .order_by(col(TaskRow.opened_at), col(TaskRow.id))
    )
    return tuple(Task.model_validate(row.model_dump()) for row in session.exec(statement))


def _breaches(session: Session, case_id: str) -> tuple[BreachReport, ...]:
    statement = (
        select(BreachRow)
        .where(BreachRow.case_id == case_id)
        .order_by(col(BreachRow.at), col(BreachRow.key))
    )
    return tuple(BreachReport.model_validate(row.model_dump()) for row in session.exec(statement))


def _payouts(session: Session, order_id: str) -> tuple[PaidOut, ...]:
    statement = (
        select(PayoutRow)
        .where(PayoutRow.order_id == order_id)
        .order_by(col(PayoutRow.reported_at), col(PayoutRow.key))
    )
    return tuple(
        PaidOut(
            key=row.key,
            kind=PayoutKind(row.kind),
            amount=Money(amount_minor=row.amount_minor, currency=row.currency),
            units=tuple(Line.model_validate(unit) for unit in row.units),
            reported_at=row.reported_at,
        )
        for row in session.exec(statement)
    )


def _paid(account: AccountRow | None) -> Money | None:
    if account is None or account.paid_minor is None:
        return None
    return Money(amount_minor=account.paid_minor, currency=account.currency)


def _refunded_units(session: Session, order_id: str) -> tuple[RefundedUnit, ...]:
    statement = (
        select(RefundedUnitRow)
        .where(RefundedUnitRow.order_id == order_id)
        .order_by(col(RefundedUnitRow.sku), col(RefundedUnitRow.number))
    )
    return tuple(
        RefundedUnit(sku=row.sku, number=row.number, of=row.of, refund_key=row.refund_key)
        for row in session.exec(statement)
    )


def _reduced_units(session: Session, account: AccountRow) -> tuple[ReducedUnit, ...]:
    statement = (
        select(ReducedUnitRow)
        .where(ReducedUnitRow.order_id == account.order_id)
        .order_by(
            col(ReducedUnitRow.sku), col(ReducedUnitRow.number), col(ReducedUnitRow.refund_key)
        )
    )
    return tuple(
        ReducedUnit(
            sku=row.sku,
            number=row.number,
            of=row.of,
            refund_key=row.refund_key,
            amount=Money(amount_minor=row.amount_minor, currency=account.currency),
        )
        for row in session.exec(statement)
    )
