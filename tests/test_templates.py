"""The letters: is every one there in every language, complete, well formed and tamper-proof?"""

import re
import shutil
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from babel import UnknownLocaleError
from jinja2 import Environment, UndefinedError, meta

from activities.rendering import (
    FILTERS,
    JOINING,
    TABLES,
    CaseNamed,
    Letters,
    Rendered,
    Setting,
    UnknownWordError,
    read,
)
from domain.commands import CarrierSays, RefuseReason, Remedy, Verdict
from domain.goods import Condition, ExceptionReason, Goods, Purpose, ReturnReason, Undelivered, Way
from domain.money import Money
from domain.notices import Ending, Facts, Notice, NoticeName
from domain.openings import CarrierTrouble
from domain.orders import Person
from domain.parties import Actor, Party
from domain.policy import OnSilence
from policies import ways_outside

TEMPLATES = Path(__file__).parent.parent / "templates"
LOCALES = sorted(path.name for path in (TEMPLATES / "notices").iterdir() if path.is_dir())
"""The languages that letters are written in: whoever adds one adds a folder."""
AT = datetime(2026, 12, 21, 9, 0, tzinfo=UTC)
DUE = datetime(2026, 12, 28, 23, 0, tzinfo=UTC)
"""Midnight in Warsaw: the end of Monday 28 December (policy.md, worked example 6)."""

TEXT = "Kettle leaks at the bottom. Please replace it."
BUYER = Actor(party=Party.BUYER, id="b-1", name="Joanna Lis")
SELLER = Actor(party=Party.SELLER, id="s-1")
AGENT = Actor(party=Party.AGENT, id="a-1", name="Ana Kranjc")
AMOUNT = Money(amount_minor=123_450, currency="PLN")
PART = Money(amount_minor=1_500, currency="PLN")
SAFE = datetime(2026, 12, 23, 23, 0, tzinfo=UTC)
SENT = datetime(2026, 12, 18, 8, 30, tzinfo=UTC)
GOODS = (
    Goods(title="Lamp", quantity=2),
    Goods(title="Shade", quantity=1, condition=Condition.DAMAGED),
)

FULL: dict[NoticeName, dict[str, Any]] = {
    NoticeName.INQUIRY_OPENED: {"text": TEXT, "writer": BUYER, "due": DUE},
    NoticeName.INQUIRY_RECEIVED: {"due": DUE},
    NoticeName.INQUIRY_BECAME_DISPUTE: {},
    NoticeName.DISPUTE_OPENED: {
        "reason": "DETECT_FOUND_DURING_USE",
        "remedy": Remedy.REPLACEMENT,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": BUYER,
        "due": DUE,
    },
    NoticeName.DISPUTE_RECEIVED: {"remedy": Remedy.REPAIR, "amount": AMOUNT, "due": DUE},
    NoticeName.MESSAGE: {"text": TEXT, "writer": SELLER, "due": DUE},
    NoticeName.QUESTION: {"text": TEXT, "writer": AGENT, "due": DUE},
    NoticeName.OFFER_MADE: {
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": SELLER,
        "due": DUE,
    },
    NoticeName.OFFER_ACCEPTED: {"remedy": Remedy.PARTIAL_REFUND, "amount": AMOUNT},
    NoticeName.OFFER_REJECTED: {"text": TEXT, "writer": BUYER, "due": DUE},
    NoticeName.CLAIM_REFUSED: {
        "refused": RefuseReason.AS_DESCRIBED,
        "text": TEXT,
        "writer": SELLER,
        "due": DUE,
    },
    NoticeName.REPLY_REMINDER: {"due": DUE},
    NoticeName.REPLY_BREACH: {"due": DUE},
    NoticeName.HELP_WANTED: {"writer": BUYER},
    NoticeName.AGENT_JOINS: {"reason": "seller-silent", "due": DUE},
    NoticeName.BUYER_SILENT: {"due": DUE},
    NoticeName.REOPENED: {"text": TEXT, "due": DUE},
    NoticeName.DECISION: {
        "verdict": Verdict.SHARED,
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": AGENT,
        "due": DUE,
    },
    NoticeName.APPEALED: {"text": TEXT, "due": DUE},
    NoticeName.DECISION_FINAL: {
        "verdict": Verdict.FOR_BUYER,
        "remedy": Remedy.RETURN_FOR_REFUND,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": AGENT,
    },
    NoticeName.FULFILMENT_ASKED: {"remedy": Remedy.REPAIR, "due": DUE},
    NoticeName.FULFILMENT_EXPECTED: {"remedy": Remedy.RETURN_FOR_REFUND, "due": DUE},
    NoticeName.FULFILLED: {"remedy": Remedy.RETURN_FOR_REFUND, "text": TEXT},
    NoticeName.REFUND_CONFIRMED: {"amount": AMOUNT, "agreed": AMOUNT},
    NoticeName.REFUND_DELAYED: {"amount": AMOUNT},
    NoticeName.PAID_BACK_BEFORE: {"agreed": AMOUNT, "amount": AMOUNT, "unpaid": True},
    NoticeName.DELIVERY_CONTESTED: {"text": TEXT, "writer": SELLER},
    NoticeName.CLOCK_HELD: {"text": TEXT},
    NoticeName.CLOCK_RESUMED: {"awaited": Party.SELLER, "due": DUE},
    NoticeName.DEADLINE_MOVED: {"awaited": Party.SELLER, "due": DUE},
    NoticeName.NOT_REACHED: {"awaited": Party.SELLER},
    NoticeName.CLOSED: {"ending": Ending.SETTLED, "text": TEXT},
    NoticeName.CANCELLED: {
        "goods": GOODS,
        "text": TEXT,
        "at": SENT,
        "amount": AMOUNT,
        "price": Money(amount_minor=121_950, currency="PLN"),
        "reduced": PART,
        "delivery": PART,
        "due": DUE,
    },
    NoticeName.STOP_DISPATCH: {
        "goods": GOODS,
        "at": SENT,
        "amount": AMOUNT,
        "due": DUE,
        "safe": SAFE,
    },
    NoticeName.SENT_BEFORE: {"goods": GOODS, "at": SENT},
    NoticeName.SENT_ALL_THE_SAME: {"goods": GOODS},
    NoticeName.WITHDRAWAL_ACKNOWLEDGED: {
        "goods": GOODS,
        "text": TEXT,
        "at": SENT,
        "amount": AMOUNT,
        "price": AMOUNT,
        "reduced": PART,
        "delivery": PART,
        "deducted": PART,
        "unpaid": True,
        "due": DUE,
        "refund_due": SAFE,
    },
    NoticeName.WITHDRAWAL_STATED: {
        "goods": GOODS,
        "text": TEXT,
        "at": SENT,
        "amount": AMOUNT,
        "unpaid": True,
        "due": DUE,
        "safe": SAFE,
    },
    NoticeName.REFUND_DUE: {
        "amount": AMOUNT,
        "price": AMOUNT,
        "reduced": PART,
        "delivery": PART,
        "deducted": PART,
        "due": DUE,
        "safe": SAFE,
    },
    NoticeName.REFUND_WITHHELD: {"goods": GOODS},
    NoticeName.REFUND_OVERDUE: {"due": DUE, "amount": AMOUNT},
    NoticeName.EXCEPTION_CLAIMED: {
        "exception": ExceptionReason.SEAL_BROKEN_HYGIENE,
        "goods": GOODS,
        "text": TEXT,
        "writer": SELLER,
        "due": DUE,
    },
    NoticeName.DEDUCTION_PROPOSED: {
        "amount": AMOUNT,
        "text": TEXT,
        "writer": SELLER,
        "due": DUE,
    },
    NoticeName.PROPOSAL_ACCEPTED: {},
    NoticeName.PROPOSAL_CONTESTED: {"due": DUE},
    NoticeName.RULING: {
        "verdict": Verdict.SHARED,
        "text": TEXT,
        "writer": AGENT,
        "amount": AMOUNT,
    },
    NoticeName.REVOCATION_WANTED: {"writer": BUYER},
    NoticeName.RETURN_OPENED: {
        "goods": GOODS,
        "way": Way.PLATFORM_LABEL,
        "due": DUE,
        "purpose": Purpose.REFUND,
        "withheld": True,
    },
    NoticeName.RETURN_EXPECTED: {
        "goods": GOODS,
        "way": Way.BUYERS_OWN,
        "purpose": Purpose.REPAIR,
        "due": DUE,
    },
    NoticeName.RETURN_UNEXPLAINED: {"goods": GOODS, "due": DUE},
    NoticeName.RETURNLESS: {"goods": GOODS},
    NoticeName.LABEL_WANTED: {"due": DUE, "goods": GOODS},
    NoticeName.LABEL_READY: {"label": "LBL-77/A", "amount": AMOUNT, "due": DUE},
    NoticeName.LABEL_OVERDUE: {"due": DUE},
    NoticeName.GOODS_HANDED_OVER: {
        "goods": GOODS,
        "tracking": "PX 900/1",
        "carrier": "Poczta",
        "at": SENT,
    },
    NoticeName.GOODS_NOT_SENT: {"goods": GOODS},
    NoticeName.GOODS_ARRIVED: {"goods": GOODS, "due": DUE},
    NoticeName.GOODS_RECEIVED: {"goods": GOODS, "due": DUE},
    NoticeName.GOODS_MISSING: {"goods": GOODS, "due": DUE},
    NoticeName.GOODS_ACCEPTED: {"goods": GOODS},
    NoticeName.FINDING: {"goods": GOODS, "text": TEXT, "writer": SELLER, "due": DUE},
    NoticeName.DUTY_OVERDUE: {"due": DUE},
    NoticeName.WORK_WANTED: {"purpose": Purpose.REPAIR, "goods": GOODS, "due": DUE},
    NoticeName.WORK_BEGUN: {"purpose": Purpose.REPAIR, "text": TEXT},
    NoticeName.WORK_DONE: {"purpose": Purpose.REPAIR, "text": TEXT},
    NoticeName.SHIP_BACK_WANTED: {"goods": GOODS, "due": DUE},
    NoticeName.SHIPPED_BACK: {
        "goods": GOODS,
        "carrier": "Poczta",
        "tracking": "PX 900/1",
        "expected_on": date(2026, 12, 28),
    },
    NoticeName.CALLED_OFF: {"goods": GOODS},
    NoticeName.CARRIER_CLAIM_NOT_YET: {
        "goods": GOODS,
        "tracking": "PX 900/1",
        "carrier": "Poczta",
        "at": SENT,
    },
    NoticeName.CARRIER_CLAIM_WANTED: {
        "goods": GOODS,
        "tracking": "PX 900/1",
        "carrier": "Poczta",
        "trouble": CarrierTrouble.DAMAGE,
        "amount": AMOUNT,
        "due": DUE,
        "safe": SAFE,
    },
    NoticeName.CARRIER_CLAIM_LAPSED: {"tracking": "PX 900/1", "due": DUE},
    NoticeName.CARRIER_CLAIM_FILED: {
        "tracking": "PX 900/1",
        "amount": AMOUNT,
        "reference": "RKL/1",
        "due": DUE,
        "deemed": True,
        "appealed": True,
    },
    NoticeName.CARRIER_SILENT: {
        "tracking": "PX 900/1",
        "amount": AMOUNT,
        "due": DUE,
        "appealed": True,
    },
    NoticeName.CARRIER_ANSWERED: {
        "tracking": "PX 900/1",
        "answer": CarrierSays.PARTLY,
        "amount": AMOUNT,
        "due": DUE,
    },
    NoticeName.CARRIER_OWES: {
        "tracking": "PX 900/1",
        "amount": AMOUNT,
        "due": DUE,
        "deemed": True,
    },
    NoticeName.CARRIER_CLAIM_LOST: {
        "tracking": "PX 900/1",
        "amount": AMOUNT,
        "answer": CarrierSays.REFUSED,
        "text": TEXT,
        "writer": AGENT,
    },
    NoticeName.CARRIER_PAID: {"tracking": "PX 900/1", "amount": AMOUNT},
    NoticeName.PARCEL_FOUND: {"tracking": "PX 900/1"},
    NoticeName.PARCEL_FOUND_LATE: {"tracking": "PX 900/1", "reason": "returned", "at": SENT},
    NoticeName.CARRIER_CLAIM_WITHDRAWN: {
        "tracking": "PX 900/1",
        "amount": AMOUNT,
        "reference": "CLM000000001",
    },
    NoticeName.DELIVERY_DEMANDED: {"goods": GOODS, "text": TEXT, "due": DUE, "safe": SAFE},
    NoticeName.DELIVERY_AWAITED: {"goods": GOODS, "due": DUE},
    NoticeName.DELIVERY_FAILED: {
        "goods": GOODS,
        "reason": Undelivered.REFUSED.value,
        "text": TEXT,
        "amount": AMOUNT,
        "due": DUE,
    },
    NoticeName.DISPATCH_DEMANDED: {"goods": GOODS, "due": DUE},
    NoticeName.DELIVERY_UNDER_WAY: {
        "goods": GOODS,
        "carrier": "Poczta",
        "tracking": "PX 900/1",
        "expected_on": date(2026, 12, 28),
        "due": DUE,
    },
    NoticeName.DELIVERY_REPORTED: {"goods": GOODS, "text": TEXT, "writer": SELLER, "due": DUE},
    NoticeName.CONTRACT_GOES_ON: {"goods": GOODS},
    NoticeName.CONTRACT_ENDED: {
        "goods": GOODS,
        "at": SENT,
        "amount": AMOUNT,
        "price": AMOUNT,
        "reduced": PART,
        "delivery": PART,
        "due": DUE,
    },
    NoticeName.DELIVERY_CAME_BACK: {"goods": GOODS, "tracking": "PX 900/1", "due": DUE},
    NoticeName.CAME_ALL_THE_SAME: {"goods": GOODS, "unpaid": True},
    NoticeName.BUYER_ENDED_CONTRACT: {
        "goods": GOODS,
        "at": SENT,
        "amount": AMOUNT,
        "due": DUE,
        "safe": SAFE,
    },
    NoticeName.PARCEL_CAME_BACK: {
        "goods": GOODS,
        "tracking": "PX 900/1",
        "cost": PART,
        "way_back": PART,
        "amount": AMOUNT,
        "announced": True,
        "unpaid": True,
        "due": DUE,
    },
    NoticeName.CHOICE_REFUSED: {
        "goods": GOODS,
        "at": SENT,
        "ending": Ending.BECAME_WITHDRAWAL,
        "reason": "no-right",
    },
    NoticeName.PARCEL_LAST_PERIOD: {
        "goods": GOODS,
        "tracking": "PX 900/1",
        "cost": PART,
        "way_back": PART,
        "amount": AMOUNT,
        "announced": True,
        "due": DUE,
    },
    NoticeName.SELLER_MAY_WITHDRAW: {
        "goods": GOODS,
        "price": AMOUNT,
        "reduced": PART,
        "delivery": PART,
        "deducted": PART,
        "amount": AMOUNT,
        "due": DUE,
    },
    NoticeName.SELLER_WITHDREW: {
        "goods": GOODS,
        "text": TEXT,
        "writer": SELLER,
        "at": SENT,
        "price": AMOUNT,
        "reduced": PART,
        "delivery": PART,
        "deducted": PART,
        "amount": AMOUNT,
    },
    NoticeName.REDELIVERY_CHARGED: {"goods": GOODS, "cost": PART, "due": DUE},
    NoticeName.REDELIVERY_WANTED: {"goods": GOODS, "due": DUE},
    NoticeName.NON_COLLECTION_REPORTED: {"goods": GOODS},
    NoticeName.UNCOLLECTED_CANCELLED: {
        "goods": GOODS,
        "at": SENT,
        "price": AMOUNT,
        "reduced": PART,
        "delivery": PART,
        "deducted": PART,
        "amount": AMOUNT,
        "due": DUE,
    },
    NoticeName.UNCOLLECTED_GIVEN_UP: {
        "goods": GOODS,
        "at": SENT,
        "amount": AMOUNT,
        "due": DUE,
        "safe": SAFE,
    },
    NoticeName.COMPLAINT_RECEIVED: {
        "goods": GOODS,
        "text": TEXT,
        "at": SENT,
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "due": DUE,
        "silence": OnSilence.DEEMED_ACCEPTED,
        "repairable": True,
    },
    NoticeName.COMPLAINT_TAKEN: {
        "goods": GOODS,
        "text": TEXT,
        "at": SENT,
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "due": DUE,
        "silence": OnSilence.SECOND_TIER,
        "repairable": True,
        "reason": "silence",
    },
    NoticeName.COMPLAINT_OPENED: {
        "goods": GOODS,
        "text": TEXT,
        "at": SENT,
        "fault": ReturnReason.NOT_AS_DESCRIBED,
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "said_on": date(2026, 12, 18),
        "due": DUE,
        "safe": SAFE,
        "silence": OnSilence.BREACH_AND_ESCALATE,
        "repairable": True,
        "decision_due": SAFE,
    },
    NoticeName.MEANING_ASKED: {"goods": GOODS, "text": TEXT, "at": SENT, "due": DUE},
    NoticeName.MEANING_UNCLEAR: {
        "goods": GOODS,
        "text": TEXT,
        "at": SENT,
        "due": DUE,
        "safe": SAFE,
        "refund_due": SAFE,
    },
    NoticeName.INFORMATION_WANTED: {"text": TEXT, "writer": SELLER, "due": DUE},
    NoticeName.INFORMATION_SUPPLIED: {"text": TEXT, "due": DUE, "safe": SAFE},
    NoticeName.COMPLAINT_ACCEPTED: {
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": SELLER,
    },
    NoticeName.COMPLAINT_DEEMED_ACCEPTED: {
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "due": DUE,
    },
    NoticeName.COMPLAINT_REFUSED: {
        "refused": RefuseReason.AS_DESCRIBED,
        "text": TEXT,
        "writer": SELLER,
        "due": DUE,
    },
    NoticeName.SECOND_TIER_OPEN: {
        "reason": "not-granted",
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": SELLER,
        "due": DUE,
    },
    NoticeName.REMEDY_CHOSEN: {"remedy": Remedy.PARTIAL_REFUND, "amount": AMOUNT},
    NoticeName.AMOUNT_WANTED: {"amount": AMOUNT, "due": DUE, "safe": SAFE},
    NoticeName.AMOUNT_NAMED: {"amount": AMOUNT, "text": TEXT, "writer": SELLER, "due": DUE},
    NoticeName.REMEDY_TRIAL: {"purpose": Purpose.REPAIR, "due": DUE},
    NoticeName.REMEDY_FAILED: {"text": TEXT, "writer": BUYER},
}
"""Every fact that each notice can be given."""

OPTIONAL: dict[NoticeName, set[str]] = {
    NoticeName.PAID_BACK_BEFORE: {"agreed", "unpaid"},
    NoticeName.DELIVERY_CONTESTED: {"writer"},
    NoticeName.DISPUTE_OPENED: {"writer"},
    NoticeName.MESSAGE: {"due"},
    NoticeName.QUESTION: {"due"},
    NoticeName.OFFER_MADE: {"amount", "text", "due"},
    NoticeName.OFFER_ACCEPTED: {"amount"},
    NoticeName.OFFER_REJECTED: {"text", "writer", "due"},
    NoticeName.CLAIM_REFUSED: {"due", "writer"},
    NoticeName.INQUIRY_OPENED: {"writer"},
    NoticeName.REOPENED: {"text"},
    NoticeName.DECISION: {"remedy", "amount", "writer"},
    NoticeName.APPEALED: {"text"},
    NoticeName.DECISION_FINAL: {"remedy", "amount", "text", "writer"},
    NoticeName.FULFILLED: {"text"},
    NoticeName.DEADLINE_MOVED: {"awaited"},
    NoticeName.REFUND_CONFIRMED: {"agreed"},
    NoticeName.CLOSED: {"text"},
    NoticeName.CANCELLED: {"reduced", "delivery", "due"},
    NoticeName.STOP_DISPATCH: {"due", "safe"},
    NoticeName.WITHDRAWAL_ACKNOWLEDGED: {
        "unpaid",
        "reduced",
        "delivery",
        "deducted",
        "due",
        "refund_due",
    },
    NoticeName.WITHDRAWAL_STATED: {"unpaid", "safe"},
    NoticeName.REFUND_DUE: {"safe", "reduced", "delivery", "deducted"},
    NoticeName.EXCEPTION_CLAIMED: {"writer"},
    NoticeName.DEDUCTION_PROPOSED: {"writer"},
    NoticeName.RULING: {"amount"},
    NoticeName.RETURN_OPENED: {"due", "withheld"},
    NoticeName.RETURN_EXPECTED: {"due"},
    NoticeName.LABEL_READY: {"amount", "due"},
    NoticeName.GOODS_HANDED_OVER: {"tracking", "carrier"},
    NoticeName.GOODS_RECEIVED: {"due"},
    NoticeName.FINDING: {"text", "writer"},
    NoticeName.WORK_BEGUN: {"text"},
    NoticeName.WORK_DONE: {"text"},
    NoticeName.CARRIER_CLAIM_NOT_YET: {"carrier"},
    NoticeName.CARRIER_CLAIM_WANTED: {"carrier", "safe"},
    NoticeName.CARRIER_CLAIM_FILED: {"reference", "deemed", "appealed"},
    NoticeName.CARRIER_SILENT: {"appealed"},
    NoticeName.CARRIER_ANSWERED: {"amount", "due"},
    NoticeName.CARRIER_OWES: {"deemed"},
    NoticeName.CARRIER_CLAIM_LOST: {"answer", "text", "writer"},
    NoticeName.CARRIER_CLAIM_WITHDRAWN: {"amount", "reference"},
    NoticeName.DELIVERY_DEMANDED: {"text", "safe"},
    NoticeName.CAME_ALL_THE_SAME: {"unpaid"},
    NoticeName.DELIVERY_FAILED: {"text", "amount"},
    NoticeName.DELIVERY_REPORTED: {"text", "writer"},
    NoticeName.CONTRACT_ENDED: {"reduced", "delivery", "due"},
    NoticeName.BUYER_ENDED_CONTRACT: {"due", "safe"},
    NoticeName.PARCEL_CAME_BACK: {"way_back", "announced", "unpaid"},
    NoticeName.PARCEL_LAST_PERIOD: {"way_back", "announced", "cost"},
    NoticeName.SELLER_MAY_WITHDRAW: {"reduced", "delivery", "deducted"},
    NoticeName.SELLER_WITHDREW: {"text", "reduced", "delivery", "deducted"},
    NoticeName.UNCOLLECTED_CANCELLED: {"reduced", "delivery", "deducted", "due"},
    NoticeName.UNCOLLECTED_GIVEN_UP: {"due", "safe"},
    NoticeName.COMPLAINT_RECEIVED: {"amount", "repairable"},
    NoticeName.COMPLAINT_TAKEN: {"amount", "repairable"},
    NoticeName.COMPLAINT_OPENED: {
        "said_on",
        "amount",
        "repairable",
        "fault",
        "safe",
        "decision_due",
    },
    NoticeName.MEANING_UNCLEAR: {"safe"},
    NoticeName.INFORMATION_WANTED: {"writer"},
    NoticeName.INFORMATION_SUPPLIED: {"text", "safe"},
    NoticeName.COMPLAINT_REFUSED: {"writer"},
    NoticeName.REMEDY_FAILED: {"writer"},
    NoticeName.COMPLAINT_ACCEPTED: {"amount", "text"},
    NoticeName.COMPLAINT_DEEMED_ACCEPTED: {"amount"},
    NoticeName.SECOND_TIER_OPEN: {"amount", "text"},
    NoticeName.REMEDY_CHOSEN: {"amount"},
    NoticeName.AMOUNT_WANTED: {"amount", "safe"},
    NoticeName.AMOUNT_NAMED: {"text"},
}
"""The facts that a notice can do without."""

ONE_READER = {
    NoticeName.INQUIRY_OPENED: Party.SELLER,
    NoticeName.INQUIRY_RECEIVED: Party.BUYER,
    NoticeName.INQUIRY_BECAME_DISPUTE: Party.SELLER,
    NoticeName.DISPUTE_OPENED: Party.SELLER,
    NoticeName.DISPUTE_RECEIVED: Party.BUYER,
    NoticeName.CLAIM_REFUSED: Party.BUYER,
    NoticeName.REOPENED: Party.SELLER,
    NoticeName.FULFILMENT_ASKED: Party.SELLER,
    NoticeName.FULFILMENT_EXPECTED: Party.BUYER,
    NoticeName.FULFILLED: Party.BUYER,
    NoticeName.REFUND_DELAYED: Party.BUYER,
    NoticeName.CHOICE_REFUSED: Party.BUYER,
    NoticeName.CANCELLED: Party.BUYER,
    NoticeName.STOP_DISPATCH: Party.SELLER,
    NoticeName.WITHDRAWAL_ACKNOWLEDGED: Party.BUYER,
    NoticeName.WITHDRAWAL_STATED: Party.SELLER,
    NoticeName.REFUND_DUE: Party.SELLER,
    NoticeName.EXCEPTION_CLAIMED: Party.BUYER,
    NoticeName.DEDUCTION_PROPOSED: Party.BUYER,
    NoticeName.RETURN_OPENED: Party.BUYER,
    NoticeName.RETURN_EXPECTED: Party.SELLER,
    NoticeName.RETURN_UNEXPLAINED: Party.BUYER,
    NoticeName.LABEL_WANTED: Party.SELLER,
    NoticeName.LABEL_READY: Party.BUYER,
    NoticeName.GOODS_RECEIVED: Party.BUYER,
    NoticeName.GOODS_ACCEPTED: Party.BUYER,
    NoticeName.FINDING: Party.BUYER,
    NoticeName.WORK_WANTED: Party.SELLER,
    NoticeName.WORK_BEGUN: Party.BUYER,
    NoticeName.WORK_DONE: Party.BUYER,
    NoticeName.SHIP_BACK_WANTED: Party.SELLER,
    NoticeName.SHIPPED_BACK: Party.BUYER,
    NoticeName.NON_COLLECTION_REPORTED: Party.BUYER,
    NoticeName.UNCOLLECTED_CANCELLED: Party.BUYER,
    NoticeName.UNCOLLECTED_GIVEN_UP: Party.SELLER,
    NoticeName.CARRIER_CLAIM_NOT_YET: Party.SELLER,
    NoticeName.CARRIER_CLAIM_WANTED: Party.SELLER,
    NoticeName.CARRIER_CLAIM_LAPSED: Party.SELLER,
    NoticeName.CARRIER_CLAIM_FILED: Party.SELLER,
    NoticeName.CARRIER_SILENT: Party.SELLER,
    NoticeName.CARRIER_ANSWERED: Party.SELLER,
    NoticeName.CARRIER_OWES: Party.SELLER,
    NoticeName.CARRIER_CLAIM_LOST: Party.SELLER,
    NoticeName.CARRIER_PAID: Party.SELLER,
    NoticeName.PARCEL_FOUND: Party.SELLER,
    NoticeName.PARCEL_FOUND_LATE: Party.SELLER,
    NoticeName.CARRIER_CLAIM_WITHDRAWN: Party.SELLER,
    NoticeName.DELIVERY_DEMANDED: Party.SELLER,
    NoticeName.DELIVERY_AWAITED: Party.BUYER,
    NoticeName.DELIVERY_UNDER_WAY: Party.BUYER,
    NoticeName.CONTRACT_ENDED: Party.BUYER,
    NoticeName.BUYER_ENDED_CONTRACT: Party.SELLER,
    NoticeName.COMPLAINT_RECEIVED: Party.BUYER,
    NoticeName.COMPLAINT_TAKEN: Party.BUYER,
    NoticeName.COMPLAINT_OPENED: Party.SELLER,
    NoticeName.MEANING_ASKED: Party.BUYER,
    NoticeName.MEANING_UNCLEAR: Party.SELLER,
    NoticeName.INFORMATION_WANTED: Party.BUYER,
    NoticeName.INFORMATION_SUPPLIED: Party.SELLER,
    NoticeName.COMPLAINT_REFUSED: Party.BUYER,
    NoticeName.REMEDY_CHOSEN: Party.SELLER,
    NoticeName.AMOUNT_WANTED: Party.SELLER,
    NoticeName.AMOUNT_NAMED: Party.BUYER,
    NoticeName.REMEDY_TRIAL: Party.BUYER,
    NoticeName.REMEDY_FAILED: Party.SELLER,
}

READERS = [
    (name, to)
    for name in NoticeName
    for to in (Party.BUYER, Party.SELLER)
    if ONE_READER.get(name, to) is to
]


@pytest.fixture(scope="module")
def letters() -> Letters:
    return Letters(TEMPLATES, "Bazar")


def people(locale: str, name: str = "Joanna Lis") -> dict[Party, Person]:
    return {
        Party.BUYER: Person(id="b-1", name=name, email="buyer@example.test", locale=locale),
        Party.SELLER: Person(
            id="s-1", name="Sklep Kuchenny", email="seller@example.test", locale=locale
        ),
    }


def setting(
    locale: str, name: str = "Joanna Lis", zone: str = "Europe/Warsaw", order: str = "ORD-1001"
) -> Setting:
    case = CaseNamed(f"dispute:PL:{order}:1", order)
    return Setting(case=case, zone=zone, people=people(locale, name), at=AT)


def render(
    letters: Letters, locale: str, name: NoticeName, to: Party, facts: dict[str, Any]
) -> Rendered:
    notice = Notice(key=f"1:{name}", to=to, name=name, facts=Facts(**facts))
    return letters.render(notice, setting(locale))


class Reading(HTMLParser):
    """What a mail program makes of the HTML part: its tags in order, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def on_day(day: int) -> str:
    """What finds that day of December 2026 in any language."""
    return rf"\b{day}[. ].*2026|2026\. december {day}\b"


def words_of(locale: str) -> dict[str, Any]:
    return tomllib.loads((TEMPLATES / "notices" / locale / "words.toml").read_text("utf-8"))


def variables(locale: str, name: NoticeName) -> set[str]:
    source = (TEMPLATES / "notices" / locale / f"{name}.md").read_text("utf-8")
    environment = Environment(autoescape=True)
    environment.filters |= FILTERS
    return meta.find_undeclared_variables(environment.parse(source))


def assert_well_set(letter: Rendered) -> None:
    """No gap is left by what was not said, and no list runs into another."""
    for text in (letter.subject, letter.text):
        assert not re.search(
            r"[^ >-] {2}|\n{3}|(?<!--) \n| [,.;:!?](?!\w)|\(\s|\s\)|[,;]\.", text
        ), text
    assert not re.search(r"^- .*\n\n- ", letter.text, re.MULTILINE), letter.text
    assert not re.search(r"</ul>\s*<ul", letter.html)
    assert not re.search(r"<(p|li|ul|strong)[^>]*>\s*</\1>", letter.html)


# Completeness.


def test_does_the_table_of_facts_name_every_notice() -> None:
    assert set(FULL) == set(NoticeName)


@pytest.mark.parametrize("locale", LOCALES)
def test_is_every_notice_there_and_no_other(locale: str) -> None:
    files = {file.stem for file in (TEMPLATES / "notices" / locale).glob("*.md")}
    assert files == set(NoticeName) | {"layout", "footer"}


@pytest.mark.parametrize("name", NoticeName)
def test_do_all_languages_tell_the_same_facts(name: NoticeName) -> None:
    told = {locale: variables(locale, name) for locale in LOCALES}
    assert dict.fromkeys(LOCALES, told["en"]) == told
    shared = {"case", "reader", "writer", "alone", "outcome", "seller", "redress"}
    assert told["en"] <= set(FULL[name]) | shared


@pytest.mark.parametrize("locale", LOCALES)
def test_is_every_word_of_the_domain_translated(locale: str) -> None:
    words = words_of(locale)
    for kind, table in TABLES.items():
        assert set(words[table]) == {member.value for member in kind}
    assert set(words["joining"]) == set(JOINING)
    assert len(words["until"]["weekdays"]) == 7
    assert len(words["until"]["months"]) == 12
    assert len(words["at"]["weekdays"]) == 7
    assert "{subject}" in words["again"]["subject"]
    assert "{matter}" in words["subject"]["whole"].partition("{order}")[0]
    beside = {"joining", "until", "at", "subject", "again", "frame", "buyer", "seller", "region"}
    assert set(words) == {*TABLES.values()} | beside


def test_does_a_reminder_say_that_it_is_one(letters: Letters) -> None:
    facts = FULL[NoticeName.REFUND_DUE]
    first, again = (
        render(letters, "en", NoticeName.REFUND_DUE, Party.SELLER, {**facts, "again": again})
        for again in (None, True)
    )
    assert again.subject == f"Reminder: {first.subject}"
    assert again.text == first.text


@pytest.mark.parametrize(("name", "to"), READERS)
def test_does_no_order_number_hide_the_matter(
    letters: Letters, name: NoticeName, to: Party
) -> None:
    order = "29738e61-7f6a-11e8-ac45-09db60ede9d6"
    for locale in LOCALES:
        notice = Notice(key="1", to=to, name=name, facts=Facts(**FULL[name]))
        subject = letters.render(notice, setting(locale, order=order)).subject
        matter, _, rest = subject.partition(order)
        # A lock screen shows some thirty characters: none of them is spent on the number.
        assert len(re.findall(r"\w", matter)) >= 8
        assert re.match("[A-ZÀ-Ž]", matter)
        assert len(rest) <= len(" számú rendelés)")


@pytest.mark.parametrize(("name", "to"), READERS)
def test_is_every_letter_whole(letters: Letters, name: NoticeName, to: Party) -> None:
    for locale in LOCALES:
        letter = render(letters, locale, name, to, FULL[name])
        page = Reading(letter.html)
        assert letter.locale == locale
        assert "ORD-1001" in letter.subject
        assert "\n" not in letter.subject
        assert len(letter.subject) <= 78
        assert f'<html lang="{locale}">' in letter.html
        assert "<strong" in letter.html
        for text in (letter.subject, letter.text, letter.html, page.text):
            assert not re.search(r"\{\{|\}\}|\{%|%\}|\bNone\b|Undefined", text)
        assert_well_set(letter)
        assert "**" not in page.text
        assert "\\" not in page.text
        assert letter.text.rstrip().endswith("(Europe/Warsaw)")
        # The buyer need not know which instant the seller missed.
        if "due" in FULL[name] and (name, to) != (NoticeName.REPLY_BREACH, Party.BUYER):
            assert re.search(on_day(28), letter.text)
        if "amount" in FULL[name]:
            assert re.search(r"1[.,\u00a0 ]?234[,.]50", letter.text)
        parts = {"delivery", "reduced", "deducted", "cost", "way_back"} & set(FULL[name])
        assert len(re.findall(r"\b15[,.]00", letter.text)) == len(parts)
        if "text" in FULL[name]:
            assert f"> {TEXT}" in letter.text
        if name is NoticeName.CANCELLED:
            assert re.search(r"1[.,\u00a0 ]?219[,.]50", letter.text)
        if "goods" in FULL[name]:
            assert re.search(r"(?<=\n\n)• 2 × Lamp\n• 1 × Shade \(\w.*\)(?=\n\n)", letter.text)
        if "at" in FULL[name]:
            assert re.search(rf"({on_day(18)}).*\b0?9[:.]30", letter.text)
        if "safe" in FULL[name]:
            assert re.search(on_day(23), letter.text)
        if "expected_on" in FULL[name]:
            assert re.search(on_day(28), letter.text)
        for fact in ("label", "tracking", "carrier"):
            assert FULL[name].get(fact, "") in page.text


@pytest.mark.parametrize("name", OPTIONAL)
def test_can_a_letter_do_without_what_is_optional(letters: Letters, name: NoticeName) -> None:
    readers = [to for each, to in READERS if each is name]
    for locale, to in product(LOCALES, readers):
        full = render(letters, locale, name, to, FULL[name]).text
        for missing in ({*OPTIONAL[name]}, *({fact} for fact in OPTIONAL[name])):
            facts = {fact: value for fact, value in FULL[name].items() if fact not in missing}
            letter = render(letters, locale, name, to, facts)
            assert len(letter.text) < len(full) + 120
            assert_well_set(letter)
            if name is NoticeName.OFFER_MADE:
                assert "Sklep Kuchenny" in letter.text


@pytest.mark.parametrize("name", [each for each in NoticeName if FULL[each]])
def test_does_a_fact_that_is_missing_stop_the_letter(letters: Letters, name: NoticeName) -> None:
    for locale in LOCALES:
        needed = set(FULL[name]) - OPTIONAL.get(name, set())
        to = ONE_READER.get(name, Party.SELLER)
        for fact in needed:
            facts = {each: value for each, value in FULL[name].items() if each != fact}
            with pytest.raises(UndefinedError, match=fact):
                render(letters, locale, name, to, facts)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("remedy", Remedy)
def test_does_every_remedy_read_well_in_the_letters_about_it(
    letters: Letters, remedy: Remedy, locale: str
) -> None:
    words = words_of(locale)
    for name in (
        NoticeName.OFFER_ACCEPTED,
        NoticeName.DECISION_FINAL,
        NoticeName.FULFILMENT_ASKED,
        NoticeName.FULFILMENT_EXPECTED,
        NoticeName.FULFILLED,
    ):
        for to in (Party.BUYER, Party.SELLER):
            letter = render(letters, locale, name, to, FULL[name] | {"remedy": remedy})
            assert words["remedy"][remedy] in letter.text


@pytest.mark.parametrize("locale", LOCALES)
def test_is_every_way_back_told_with_what_it_asks_for(letters: Letters, locale: str) -> None:
    for name, to, asked in (
        (NoticeName.RETURN_OPENED, Party.BUYER, 3),
        (NoticeName.RETURN_EXPECTED, Party.SELLER, 3),
    ):
        words = words_of(locale)["way"] | words_of(locale)[to].get("way", {})
        told = {
            render(letters, locale, name, to, FULL[name] | {"way": way}).text.replace(
                words[way], "…"
            )
            for way in Way
        }
        assert all("…" in text for text in told)
        assert len(told) == asked


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "name", [NoticeName.WORK_WANTED, NoticeName.WORK_BEGUN, NoticeName.WORK_DONE]
)
def test_is_a_replacement_never_called_a_repair(
    letters: Letters, name: NoticeName, locale: str
) -> None:
    repair, replacement = (
        render(letters, locale, name, ONE_READER[name], FULL[name] | {"purpose": purpose})
        for purpose in (Purpose.REPAIR, Purpose.REPLACEMENT)
    )
    assert repair.subject != replacement.subject
    assert repair.text.split("\n\n")[1] != replacement.text.split("\n\n")[1]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "name",
    [
        NoticeName.CANCELLED,
        NoticeName.STOP_DISPATCH,
        NoticeName.CONTRACT_ENDED,
        NoticeName.BUYER_ENDED_CONTRACT,
    ],
)
def test_is_no_refund_promised_where_nothing_was_paid(
    letters: Letters, name: NoticeName, locale: str
) -> None:
    nothing = Money(amount_minor=0, currency="PLN")
    facts = FULL[name] | {"amount": nothing}
    text = render(letters, locale, name, ONE_READER[name], facts).text
    assert not re.search(rf"{on_day(28)}|0[.,]00|PLN|zł", text)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("to", [Party.BUYER, Party.SELLER])
def test_is_it_told_why_goods_were_not_delivered(letters: Letters, to: Party, locale: str) -> None:
    facts = FULL[NoticeName.DELIVERY_FAILED]
    told = {
        render(letters, locale, NoticeName.DELIVERY_FAILED, to, facts | {"reason": why.value}).text
        for why in Undelivered
    }
    assert len(told) == len(Undelivered)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", [name for name in NoticeName if "safe" in FULL[name]])
def test_is_a_safe_time_told_only_if_it_is_another(
    letters: Letters, name: NoticeName, locale: str
) -> None:
    same = render(letters, locale, name, Party.SELLER, FULL[name] | {"safe": DUE}).text
    without = render(letters, locale, name, Party.SELLER, FULL[name] | {"safe": None}).text
    assert same == without


@pytest.mark.parametrize("locale", LOCALES)
def test_is_the_condition_of_goods_told_in_words(letters: Letters, locale: str) -> None:
    goods = tuple(Goods(title="Lamp", quantity=1, condition=each) for each in Condition)
    facts = FULL[NoticeName.FINDING] | {"goods": goods}
    letter = render(letters, locale, NoticeName.FINDING, Party.BUYER, facts)
    for said in words_of(locale)["condition"].values():
        assert f"\n• 1 × Lamp ({said})\n" in letter.text
        assert f"1 × Lamp ({said})" in Reading(letter.html).text


def test_are_goods_a_list_of_their_own_beside_another(letters: Letters) -> None:
    facts = FULL[NoticeName.RETURN_OPENED]
    letter = render(letters, "en", NoticeName.RETURN_OPENED, Party.BUYER, facts)
    assert Reading(letter.html).tags.count("ul") == 2
    assert not re.search(r"<li[^>]*>\s*<p", letter.html)


def test_is_an_unknown_reason_for_an_agent_told_to_the_programmer(letters: Letters) -> None:
    facts = FULL[NoticeName.AGENT_JOINS] | {"reason": "bored"}
    with pytest.raises(UnknownWordError, match=r"'bored'.*\[joining\].*pl/words\.toml"):
        render(letters, "pl", NoticeName.AGENT_JOINS, Party.BUYER, facts)


def test_does_a_reader_of_another_language_get_english(letters: Letters) -> None:
    letter = render(letters, "de", NoticeName.CLOSED, Party.BUYER, FULL[NoticeName.CLOSED])
    assert letter.locale == "en"
    assert letter.text.startswith("Hello Joanna Lis,")


def test_does_a_folder_add_a_language(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    notices = tmp_path / "templates/notices"
    shutil.copytree(notices / "pl", notices / "de")
    words = notices / "de" / "words.toml"
    words.write_text(words.read_text("utf-8").replace('"pl_PL"', '"de_DE"', 1), "utf-8")
    letters = Letters(tmp_path / "templates", "Bazar")
    facts = {"amount": Money(amount_minor=123456, currency="PLN")}
    letter = render(letters, "de", NoticeName.REFUND_CONFIRMED, Party.BUYER, facts)
    assert letter.locale == "de"
    assert "1.234,56\u00a0PLN" in letter.text
    words.write_text(words.read_text("utf-8").replace('"de_DE"', '"de_XX"', 1), "utf-8")
    read.cache_clear()
    with pytest.raises(UnknownLocaleError, match="de_XX"):
        Letters(tmp_path / "templates", "Bazar")


def test_is_the_language_of_those_who_have_none_there(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    shutil.rmtree(tmp_path / "templates/notices/en")
    with pytest.raises(FileNotFoundError, match="notices/en"):
        Letters(tmp_path / "templates", "Bazar")


def test_does_a_missing_template_stop_the_worker(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates/notices/sl/closed.md").unlink()
    with pytest.raises(FileNotFoundError, match="closed"):
        Letters(tmp_path / "templates", "Bazar")


def test_does_a_template_without_a_subject_say_how_to_begin(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates/notices/pl/closed.md").write_text("Sprawa zamknięta.\n", "utf-8")
    with pytest.raises(ValueError, match=r"Begin .*closed\.md with three lines"):
        Letters(tmp_path / "templates", "Bazar")


# Dates and money.


TUESDAY = datetime(2026, 4, 7, 14, 30, tzinfo=UTC)
SOON = AT + timedelta(seconds=42)
NEW_YEAR = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
FAR = datetime(2026, 12, 22, 15, 30, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "due", "says"),
    [
        ("pl", DUE, "do końca poniedziałku, 28 grudnia 2026 roku"),
        ("sl", DUE, "do konca ponedeljka, 28. decembra 2026"),
        ("en", DUE, "by the end of Monday 28 December 2026"),
        ("cs", DUE, "do konce pondělí 28. prosince 2026"),
        ("sk", DUE, "do konca pondelka 28. decembra 2026"),
        ("hu", DUE, "2026. december 28. (hétfő) 24 óráig"),
        ("pl", TUESDAY, "do wtorku, 7 kwietnia 2026 roku, do godziny 16:30"),
        ("sl", TUESDAY, "do torka, 7. aprila 2026, do 16:30"),
        ("cs", TUESDAY, "do úterý 7. dubna 2026 do 16:30"),
        ("sk", TUESDAY, "do utorka 7. apríla 2026, do 16:30"),
        ("hu", TUESDAY, "2026. április 7. (kedd) 16:30-ig"),
        ("en", TUESDAY, "by 16:30 on Tuesday 7 April 2026"),
        # Far away, seconds are noise, and leaving them out errs on the safe side.
        ("en", FAR, "by 16:30 on Tuesday 22 December 2026"),
        ("en", SOON, "by 10:00:42 on Monday 21 December 2026"),
        ("pl", SOON, "do poniedziałku, 21 grudnia 2026 roku, do godziny 10:00:42"),
        # A second past midnight is no longer the end of the day before.
        ("en", DUE + timedelta(seconds=1), "by 00:00 on Tuesday 29 December 2026"),
        # The end of the day on which the clocks go forward, and back.
        ("en", datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "by the end of Sunday 29 March 2026"),
        ("en", datetime(2026, 10, 25, 23, 0, tzinfo=UTC), "by the end of Sunday 25 October 2026"),
        ("pl", NEW_YEAR, "do końca czwartku, 31 grudnia 2026 roku"),
    ],
)  # fmt: skip
def test_is_a_deadline_told_as_a_person_says_it(
    letters: Letters, locale: str, due: datetime, says: str
) -> None:
    letter = render(letters, locale, NoticeName.REPLY_REMINDER, Party.SELLER, {"due": due})
    assert f" {says}." in letter.text
    assert f" {says}." in Reading(letter.html).text


def test_is_a_deadline_told_in_the_time_of_the_case(letters: Letters) -> None:
    notice = Notice(key="1", to=Party.BUYER, name=NoticeName.REPLY_REMINDER, facts=Facts(due=DUE))
    letter = letters.render(notice, setting("en", zone="Europe/Budapest"))
    assert "by the end of Monday 28 December 2026" in letter.text
    letter = letters.render(notice, setting("en", zone="UTC"))
    assert "by 23:00 on Monday 28 December 2026" in letter.text


@pytest.mark.parametrize(
    ("locale", "at", "says"),
    [
        ("pl", SENT, "piątek, 18 grudnia 2026 roku, godz. 09:30"),
        ("sl", SENT, "v petek, 18. decembra 2026, ob 09:30"),
        ("cs", SENT, "pátek 18. prosince 2026, 9:30"),
        ("sk", SENT, "piatok 18. decembra 2026, 9:30"),
        ("hu", SENT, "2026. december 18. (péntek) 9:30"),
        ("en", SENT, "Friday 18 December 2026, 09:30"),
        # Midnight is the beginning of its day here, not the end of the one before.
        ("en", DUE, "Tuesday 29 December 2026, 00:00"),
        ("en", SOON, "Monday 21 December 2026, 10:00"),
    ],
)
def test_is_an_instant_told_in_the_time_of_the_case(
    letters: Letters, locale: str, at: datetime, says: str
) -> None:
    facts = {"goods": GOODS, "at": at}
    letter = render(letters, locale, NoticeName.SENT_BEFORE, Party.BUYER, facts)
    assert f": {says}\n" in letter.text


@pytest.mark.parametrize(
    ("locale", "says"),
    [
        ("pl", "poniedziałek, 28 grudnia 2026 roku"),
        ("sl", "v ponedeljek, 28. decembra 2026"),
        ("cs", "pondělí 28. prosince 2026"),
        ("sk", "pondelok 28. decembra 2026"),
        ("hu", "2026. december 28. (hétfő)"),
        ("en", "Monday 28 December 2026"),
    ],
)
def test_is_a_day_told_as_a_person_says_it(letters: Letters, locale: str, says: str) -> None:
    facts = FULL[NoticeName.SHIPPED_BACK]
    letter = render(letters, locale, NoticeName.SHIPPED_BACK, Party.BUYER, facts)
    assert f": {says}\n" in letter.text


@pytest.mark.parametrize(
    ("locale", "amount", "says"),
    [
        ("pl", AMOUNT, "1\u00a0234,50\u00a0zł"),
        ("sl", AMOUNT, "1.234,50\u00a0PLN"),
        ("en", AMOUNT, "PLN\u00a01,234.50"),
        ("pl", Money(amount_minor=5, currency="EUR"), "0,05\u00a0€"),
        ("sl", Money(amount_minor=120_000, currency="EUR"), "1.200,00\u00a0€"),
        ("cs", Money(amount_minor=1_234_500, currency="CZK"), "12\u00a0345,00\u00a0Kč"),
        ("sk", Money(amount_minor=120_000, currency="EUR"), "1\u00a0200,00\u00a0€"),
        ("hu", Money(amount_minor=1_234_500, currency="HUF"), "12\u00a0345\u00a0Ft"),
        ("hu", Money(amount_minor=16_563, currency="HUF"), "165,63\u00a0Ft"),
        ("en", Money(amount_minor=10**12, currency="HUF"), "HUF\u00a010,000,000,000\n"),
        ("cs", Money(amount_minor=500, currency="JPY"), "500\u00a0JP¥"),
    ],
)
def test_is_money_written_as_the_reader_writes_it(
    letters: Letters, locale: str, amount: Money, says: str
) -> None:
    letter = render(letters, locale, NoticeName.REFUND_CONFIRMED, Party.BUYER, {"amount": amount})
    assert says in letter.text
    assert says in Reading(letter.html).text


# Whose letter it is.


@pytest.mark.parametrize("locale", LOCALES)
def test_is_a_letter_of_an_agent_signed_with_first_and_last_name(
    letters: Letters, locale: str
) -> None:
    facts = FULL[NoticeName.DECISION]
    signed = render(letters, locale, NoticeName.DECISION, Party.BUYER, facts).text
    assert "\nAna Kranjc\n" in signed.partition("\n-- \n")[0]
    service = render(letters, locale, NoticeName.CLOSED, Party.BUYER, FULL[NoticeName.CLOSED]).text
    assert "Ana Kranjc" not in service
    assert service.partition("\n\n-- \n")[0].endswith(", Bazar")


def test_is_a_trader_named_under_what_they_wrote(letters: Letters) -> None:
    facts = FULL[NoticeName.INQUIRY_OPENED]
    text = render(letters, "pl", NoticeName.INQUIRY_OPENED, Party.SELLER, facts).text
    assert f"> {TEXT}\n>\n> — Joanna Lis, kupujący\n" in text


def test_is_a_trader_without_a_name_named_as_the_marketplace_knows_them(letters: Letters) -> None:
    facts = FULL[NoticeName.CLAIM_REFUSED]
    text = render(letters, "sl", NoticeName.CLAIM_REFUSED, Party.BUYER, facts).text
    assert "> — Sklep Kuchenny, prodajalec\n" in text


# Injection.

HOSTILE = """# Wygrana!
[Zapłać tutaj](https://evil.example) ![x](https://evil.example/p.png) <https://evil.example>
<script>alert(1)</script> <img src=x onerror=alert(1)> &lt;b&gt; &amp;
Setext
======
- item
1. item
    indented code
> nested
```
fence
```
***
[ref]: https://evil.example "x"
| a | b |
*bold* _it_ `code` ~~x~~ {{ 7 * 7 }} {% raw %} C:\\temp\\
-- \r
Subject: forged\x00\x1b[31m\u202egnp.exe\u2028next\x85line"""


@pytest.mark.parametrize("name", [each for each in NoticeName if "text" in FULL[each]])
def test_does_a_text_stay_a_text(letters: Letters, name: NoticeName) -> None:
    for locale in LOCALES:
        to = ONE_READER.get(name, Party.BUYER)
        harmless = render(letters, locale, name, to, FULL[name])
        hostile = render(letters, locale, name, to, FULL[name] | {"text": HOSTILE})
        assert hostile.subject == harmless.subject
        seen, wanted = Reading(hostile.html), Reading(harmless.html)
        # Only line breaks come to the letter's own markup.
        assert [tag for tag in seen.tags if tag != "br"] == [
            tag for tag in wanted.tags if tag != "br"
        ]
        shown = re.sub(r"\s+", " ", seen.text)
        assert "[Zapłać tutaj](https://evil.example)" in shown
        assert "<script>alert(1)</script> <img src=x onerror=alert(1)> &lt;b&gt; &amp;" in shown
        assert "*bold* _it_ `code` ~~x~~ {{ 7 * 7 }} {% raw %} C:\\temp\\" in shown
        # In the plain part each line of the text is marked as quoted, and nothing else changes.
        own = [line for line in hostile.text.splitlines() if not line.startswith(">")]
        assert own == [line for line in harmless.text.splitlines() if not line.startswith(">")]
        assert not re.search("[\x00\x1b\u202e\u2028\x85]", hostile.text + hostile.html)


@pytest.mark.parametrize(
    "name",
    [
        "Ana\r\nBcc: all@evil.example",
        "<b>Ana</b> [x](https://evil.example)",
        "# Ana\n\n* * *\n",
        "\u202eanA {{ 7*7 }}",
        "> Ana",
    ],
)
@pytest.mark.parametrize("locale", LOCALES)
def test_does_a_name_stay_a_name(letters: Letters, locale: str, name: str) -> None:
    writer = Actor(party=Party.BUYER, id="b-1", name=name)
    facts = Facts(**(FULL[NoticeName.INQUIRY_OPENED] | {"writer": writer}))
    notice = Notice(key="1", to=Party.BUYER, name=NoticeName.INQUIRY_OPENED, facts=facts)
    hostile = letters.render(notice, setting(locale, name))
    harmless = render(letters, locale, NoticeName.INQUIRY_OPENED, Party.BUYER, dict(facts))
    plain = FULL[NoticeName.INQUIRY_OPENED]
    usual = render(letters, locale, NoticeName.INQUIRY_OPENED, Party.BUYER, plain)
    assert hostile.subject == harmless.subject == usual.subject
    assert Reading(hostile.html).tags == Reading(usual.html).tags
    assert len(hostile.text.splitlines()) == len(usual.text.splitlines())
    assert not re.search(r"^(Bcc|#|\* \*)", hostile.text, re.MULTILINE)


def test_does_a_code_of_the_marketplace_stay_a_code(letters: Letters) -> None:
    facts = FULL[NoticeName.LABEL_READY] | {"label": "`<b>*x*\n# `[a](b)"}
    letter = render(letters, "en", NoticeName.LABEL_READY, Party.BUYER, facts)
    usual = render(letters, "en", NoticeName.LABEL_READY, Party.BUYER, FULL[NoticeName.LABEL_READY])
    assert Reading(letter.html).tags == Reading(usual.html).tags
    assert "'<b>*x* # '[a](b)" in Reading(letter.html).text


def test_does_a_title_stay_a_title(letters: Letters) -> None:
    facts = FULL[NoticeName.RETURNLESS]
    title = HOSTILE.replace("`", "'")
    goods = (Goods(title=title, quantity=2), *facts["goods"][1:])
    hostile = render(letters, "en", NoticeName.RETURNLESS, Party.BUYER, {"goods": goods})
    usual = render(letters, "en", NoticeName.RETURNLESS, Party.BUYER, facts)
    assert hostile.subject == usual.subject
    assert Reading(hostile.html).tags == Reading(usual.html).tags
    assert len(hostile.text.splitlines()) == len(usual.text.splitlines())
    assert "2 × # Wygrana! [Zapłać tutaj](https://evil.example)" in Reading(hostile.html).text


def test_can_no_subject_hold_what_a_person_wrote(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    file = tmp_path / "templates/notices/en/closed.md"
    source = file.read_text("utf-8")
    file.write_text(source.replace("the case is closed\n", "{{ text }}\n", 1), "utf-8")
    letters = Letters(tmp_path / "templates", "Bazar")
    with pytest.raises(UndefinedError, match="text"):
        render(letters, "en", NoticeName.CLOSED, Party.BUYER, FULL[NoticeName.CLOSED])


@pytest.mark.parametrize("locale", LOCALES)
def test_does_no_letter_point_away_from_the_platform(locale: str) -> None:
    for file in (TEMPLATES / "notices" / locale).iterdir():
        source = file.read_text("utf-8").lower()
        assert not re.search(r"https?://|mailto|whatsapp|telefon|phone|sms|messenger", source)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "name", [NoticeName.COMPLAINT_RECEIVED, NoticeName.COMPLAINT_TAKEN, NoticeName.COMPLAINT_OPENED]
)
def test_is_told_what_the_sellers_silence_would_mean(
    letters: Letters, name: NoticeName, locale: str
) -> None:
    meanings = (OnSilence.DEEMED_ACCEPTED, OnSilence.SECOND_TIER, OnSilence.BREACH_AND_ESCALATE)
    told = {
        render(letters, locale, name, ONE_READER[name], FULL[name] | {"silence": silence}).text
        for silence in meanings
    }
    assert len(told) == 3


@pytest.mark.parametrize("locale", LOCALES)
def test_is_each_way_to_the_second_tier_told(letters: Letters, locale: str) -> None:
    for to in (Party.BUYER, Party.SELLER):
        told = {
            render(
                letters, locale, NoticeName.SECOND_TIER_OPEN, to, {"reason": why, "due": DUE}
            ).text
            for why in ("seller-silent", "failed")
        }
        assert len(told) == 2


# Several notices in one letter.


@pytest.mark.parametrize("locale", LOCALES)
def test_is_what_a_step_says_one_letter_with_one_greeting(letters: Letters, locale: str) -> None:
    told = (NoticeName.DECISION_FINAL, NoticeName.REFUND_CONFIRMED, NoticeName.CLOSED)
    notices = tuple(
        Notice(key=f"1:{name}", to=Party.BUYER, name=name, facts=Facts(**FULL[name]))
        for name in told
    )
    letter = letters.render_together(notices, setting(locale))
    final, confirmed, closed = (render(letters, locale, n, Party.BUYER, FULL[n]) for n in told)
    assert (letter.name, letter.subject) == (NoticeName.REFUND_CONFIRMED, confirmed.subject)
    whole, first, second, last = (
        each.text.partition("\n\n-- ")[0].split("\n\n")
        for each in (letter, final, confirmed, closed)
    )
    assert whole[0] == first[0]
    assert whole[-1] == first[-1]  # signed by the agent
    assert {part[:1].upper() + part[1:] for part in second[1:-1]} <= set(whole)
    # What holds of a letter by itself alone is left out: that more is to come, or nothing to do.
    assert first[-2] not in whole
    assert last[-2] not in whole


# Where else a consumer can go.

OUTSIDE = ways_outside()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("country", OUTSIDE)
def test_does_a_buyer_learn_where_else_to_go(letters: Letters, country: str, locale: str) -> None:
    way = OUTSIDE[country]
    for name in (NoticeName.COMPLAINT_REFUSED, NoticeName.DECISION_FINAL):
        notice = Notice(key="1", to=Party.BUYER, name=name, facts=Facts(**FULL[name]))
        told = letters.render(notice, replace(setting(locale), redress=way))
        for said in (way.body, way.site, way.court):
            assert said in told.text
        assert f'href="{way.site}"' in told.html
        assert_well_set(told)
        without = letters.render(notice, setting(locale))  # a country that does not say it
        assert way.body not in without.text
        assert_well_set(without)


@pytest.mark.parametrize("locale", LOCALES)
def test_is_a_seller_told_of_the_courts_alone(letters: Letters, locale: str) -> None:
    name = NoticeName.DECISION_FINAL
    notice = Notice(key="1", to=Party.SELLER, name=name, facts=Facts(**FULL[name]))
    told, without = (
        letters.render(notice, replace(setting(locale), redress=way)).text
        for way in (OUTSIDE["PL"], None)
    )
    assert told == without
    assert OUTSIDE["PL"].body not in told


@pytest.mark.parametrize("locale", LOCALES)
def test_is_the_latest_day_of_the_refund_acknowledged(letters: Letters, locale: str) -> None:
    name = NoticeName.WITHDRAWAL_ACKNOWLEDGED
    known = FULL[name]
    told = render(letters, locale, name, Party.BUYER, known)
    assert re.search(on_day(23), told.text)
    assert "Sklep Kuchenny" in told.text
    nothing = known | {"amount": Money(amount_minor=0, currency="PLN")}
    assert not re.search(on_day(23), render(letters, locale, name, Party.BUYER, nothing).text)
