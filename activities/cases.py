"""Registering and closing cases: the order is asked for, the rules are pinned, the row is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity

from activities.keeping import Register
from domain.ports import (
    EDITION,
    CloseCase,
    Past,
    PinRules,
    RegisterCase,
    Registration,
    Rules,
)
from domain.refusals import Code, Refusal
from domain.registering import register
from policies import countries, read_calendar, read_policy

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from activities.marketplace import Marketplace
    from domain.kinds import Kind
    from domain.orders import Order

YEARS_AHEAD = 3
"""How far a case's calendar reaches: no window is longer than three years (domain/policy.py)."""


class Cases:
    """The register of cases."""

    def __init__(self, cases: Register, marketplace: Marketplace, policies: Path) -> None:
        self._cases = cases
        self._marketplace = marketplace
        self._policies = policies

    @activity.defn(name="register_case", no_thread_cancel_exception=True)
    def register(self, case: RegisterCase) -> Registration:
        """Pin the case to the order, the policy and the calendar as they are now.

        What cannot be opened is answered with a refusal; a marketplace that does not answer
        raises, and is asked again.
        """
        if case.case_id != case.opening.case_id:
            return refused(
                Code.ORDER_DIFFERS, f"Start this case under the id {case.opening.case_id}."
            )
        if self._cases.is_closed(case.case_id):
            return refused(
                Code.CASE_CLOSED, "This case is closed; open the next one by its number."
            )
        if registered := self._cases.find(case.case_id):
            return registered
        order = self._marketplace.order(case.opening.order_id)
        if order is None:
            return refused(
                Code.ORDER_UNKNOWN, "The marketplace knows no order of this id; check the id."
            )
        if order.country not in countries(self._policies):
            return refused(
                Code.POLICY_UNKNOWN,
                f"There is no policy for {order.country}; add its file to policies/.",
            )
        rules = rules_for(order, case.opening.kind, case.at, self._policies)

        def judge(past: Past) -> Registration:
            judged = register(case.opening, order, rules, case.at, past, now=case.now)
            return judged.model_copy(update={"edition": EDITION})

        return self._cases.register(case.case_id, case.opening, order, judge, case.at)

    @activity.defn(name="register_beside", no_thread_cancel_exception=True)
    def register_beside(self, case: RegisterCase) -> Refusal | None:
        """Register a case that another one is about to open; why it cannot be opened, if so."""
        return self.register(case).refusal

    @activity.defn(name="pin_rules", no_thread_cancel_exception=True)
    def pin(self, wanted: PinRules) -> Rules:
        """The policy and calendar of a country as they stand in the files now."""
        return read_rules(wanted, self._policies)

    @activity.defn(name="close_case", no_thread_cancel_exception=True)
    def close(self, case: CloseCase) -> None:
        """File how the case ended (D2)."""
        self._cases.close(case)


def rules_for(order: Order, kind: Kind, at: datetime, policies: Path) -> Rules:
    """The rules of a case that is opened for an order at an instant."""
    wanted = PinRules(
        country=order.country,
        kind=kind,
        # A right can have begun when the order was placed; older ones have lapsed anyway.
        first_year=max(min(order.placed_at.year, at.year), at.year - YEARS_AHEAD),
        last_year=at.year + YEARS_AHEAD,
    )
    return read_rules(wanted, policies)


def read_rules(wanted: PinRules, policies: Path) -> Rules:
    """The policy and calendar of a country as they stand in the files now."""
    policy = read_policy(wanted.country, policies)
    return Rules(
        policy_version=policy.version,
        currency=policy.currency,
        terms=policy.terms(wanted.kind),
        calendar=read_calendar(wanted.country, wanted.first_year, wanted.last_year, policies),
    )


def refused(code: Code, sentence: str) -> Registration:
    """A case that cannot be opened, and why."""
    return Registration(refusal=Refusal(code=code, sentence=sentence), edition=EDITION)
