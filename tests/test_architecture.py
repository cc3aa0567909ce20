"""How the parts may depend on each other, and what processes must keep their hands off."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import HERE
from domain.base import Value
from domain.kinds import Kind
from domain.policy import (
    CancellationPolicy,
    CarrierClaimPolicy,
    ComplaintPolicy,
    DisputePolicy,
    InquiryPolicy,
    NonDeliveryPolicy,
    ReturnPolicy,
    UncollectedParcelPolicy,
    Window,
    WithdrawalPolicy,
)
from workflows.kernel.case import Case
from workflows.processes import PROCESSES

OURS = {
    "activities", "bench", "cli", "config", "demo", "domain", "gate", "health", "pages", "policies",
    "service", "standin", "starter", "store", "tests", "worker", "workflows",
}  # fmt: skip

MAY_IMPORT = {
    "domain": {"domain"},
    "policies": {"domain", "policies"},
    "activities": {"activities", "domain", "policies"},
    "workflows": {"activities", "domain", "workflows"},
    "store": {"domain", "store"},
    "standin": {"domain", "standin"},
    "gate": {"domain"},
    "health": {"domain"},
    "config": {"activities", "config", "domain", "workflows"},
}
"""Imports point inward: what each package may import of the project when it runs."""

PURE = ("domain", "workflows")

WORLDLY = {
    "os", "subprocess", "socket", "requests", "aiohttp", "pathlib", "random", "time", "secrets",
    "holidays", "sqlmodel", "sqlalchemy",
}  # fmt: skip
"""Modules through which a process would read clock, chance, environment, disk or network."""

WORLDLY_CALLS = {"now", "utcnow", "today", "open", "input", "uuid4", "uuid1"}

POLICIES: dict[str, type[Value]] = {
    "dispute": DisputePolicy,
    "inquiry": InquiryPolicy,
    "cancellation": CancellationPolicy,
    "withdrawal": WithdrawalPolicy,
    "goods_return": ReturnPolicy,
    "uncollected_parcel": UncollectedParcelPolicy,
    "non_delivery": NonDeliveryPolicy,
    "carrier_claim": CarrierClaimPolicy,
    "complaint": ComplaintPolicy,
}
"""The rules of each process, by its section of the policy files, which is its folder's name too."""

UNDELIVERED = "test_letters_that_do_not_arrive_are_seen_to_by_agents_then_the_lead"

AGENTS = "test_silent_agents_lose_the_task_and_a_forgotten_hold_ends"

CLAIMED_ONCE_LOST = "test_a_lost_parcel_is_claimed_once_it_counts_as_lost_and_the_money_is_booked"
CHASED = "test_another_silent_carrier_is_chased_once_and_then_the_claim_ends_here"

SILENCE_TESTED_BY = {
    "dispute": {
        "seller_reply": "test_silent_seller_is_warned_then_escalated",
        "buyer_reply": "test_silent_buyer_is_reminded_and_the_case_closed_as_such",
        "help_opens": "test_one_side_alone_gets_help_only_once_the_window_allows_it",
        "decision": "test_task_is_claimed_released_and_times_out_to_the_queue_and_the_lead",
        "lead_decision": "test_task_is_claimed_released_and_times_out_to_the_queue_and_the_lead",
        "claim": "test_task_is_claimed_released_and_times_out_to_the_queue_and_the_lead",
        "appeal": "test_decision_stands_after_the_appeal_window",
        "reopening": "test_reopened_case_goes_on_and_silence_closes_it_again",
        "fulfilment": "test_goods_not_fulfilled_are_a_breach_and_an_agent_decides_again",
        "refund_confirmation": (
            "test_unconfirmed_refund_blocks_retry_and_close_and_goes_to_an_agent"
        ),
        "agent_question": "test_agents_question_unanswered_is_decided_without",
        "hold": "test_forgotten_hold_ends_by_itself",
        "undelivered": UNDELIVERED,
    },
    "inquiry": {
        "seller_reply": "test_silent_seller_is_warned_then_breached_and_the_question_stays_open",
        "inactivity": "test_seller_who_never_answers_is_not_awaited_for_ever",
        "hold": "test_held_clock_outlasts_a_new_message_which_has_its_own",
        "undelivered": UNDELIVERED,
    },
    "cancellation": {
        "cancel": "test_after_its_window_it_is_refused_and_the_reckoning_shown",
        "refund": "test_silent_seller_is_a_breach_and_an_agent_orders_the_refund",
        "sent_anyway": "test_without_a_parcel_it_ends_when_none_is_looked_out_for_any_more",
        "refund_confirmation": (
            "test_a_refund_that_nobody_confirms_is_an_agents_task_and_paid_once"
        ),
        "decision": AGENTS,
        "lead_decision": AGENTS,
        "claim": AGENTS,
        "hold": AGENTS,
        "undelivered": UNDELIVERED,
    },
    "withdrawal": {
        "statement": "test_a_late_statement_is_refused_with_its_reckoning",
        "send_goods": "test_goods_never_sent_stay_withheld_and_the_case_does_not_stay_open",
        "refund": "test_a_seller_who_collects_withholds_nothing_and_silence_is_a_breach",
        "refund_after_goods": (
            "test_a_late_scan_ends_the_withholding_and_the_silent_seller_is_in_breach"
        ),
        "exception_answer": ("test_an_exception_that_is_contested_or_not_answered_is_for_an_agent"),
        "deduction_answer": "test_a_deduction_that_is_contested_or_not_answered_is_for_an_agent",
        "unsent": "test_goods_never_sent_stay_withheld_and_the_case_does_not_stay_open",
        "refund_confirmation": (
            "test_a_refund_that_nobody_confirms_is_chased_by_an_agent_and_not_paid_twice"
        ),
        "decision": AGENTS,
        "lead_decision": AGENTS,
        "claim": AGENTS,
        "hold": "test_forgotten_hold_ends_by_itself_and_rules_are_taken_up_anew",
        "undelivered": UNDELIVERED,
    },
    "goods_return": {
        "label": ("test_seller_without_a_label_is_breached_and_the_platforms_label_costs_nobody"),
        "send_goods": "test_goods_not_sent_end_a_disputes_return",
        "transit": "test_nothing_arrives_and_an_agent_rules_that_it_counts",
        "inspection": "test_silent_inspection_accepts_the_goods_in_poland",
        "finding_answer": "test_buyer_silent_about_a_finding_brings_an_agent",
        "explanation": "test_goods_that_nobody_explains_go_back_or_an_agent_rules",
        "work": "test_overdue_work_is_a_breach_and_an_agent_decides_the_dispute_anew",
        "ship_back": "test_goods_that_nobody_explains_go_back_or_an_agent_rules",
        "decision": "test_task_of_a_return_goes_back_to_the_queue_and_to_the_lead",
        "lead_decision": "test_task_of_a_return_goes_back_to_the_queue_and_to_the_lead",
        "claim": "test_task_of_a_return_goes_back_to_the_queue_and_to_the_lead",
        "hold": "test_hold_of_a_returns_clock_ends_by_itself",
        "undelivered": UNDELIVERED,
    },
    "non_delivery": {
        "further_period": "test_a_silent_seller_is_in_breach_and_the_buyer_is_paid_back",
        "choice": "test_a_buyer_who_does_not_choose_leaves_the_contract_as_it_is",
        "dispatch": "test_sent_again_late_or_lost_again_it_is_the_buyers_choice_anew",
        "transit": "test_sent_again_late_or_lost_again_it_is_the_buyers_choice_anew",
        "objection": "test_goods_that_are_said_to_be_delivered_are_so_unless_contested",
        "refund": "test_a_seller_who_does_not_refund_in_time_is_in_breach_and_an_agent_decides",
        "refund_confirmation": "test_a_refund_that_fails_or_is_not_confirmed_is_an_agents_task",
        "decision": AGENTS,
        "lead_decision": AGENTS,
        "claim": AGENTS,
        "hold": AGENTS,
        "undelivered": UNDELIVERED,
    },
    "complaint": {
        "liability": "test_what_was_not_delivered_or_long_ago_opens_no_complaint",
        "answer": "test_the_seller_is_told_warned_and_silence_is_what_the_countrys_law_says",
        "information": (
            "test_missing_information_is_asked_for_once_and_holds_the_clock_as_policy_says"
        ),
        "objection": ("test_a_refusal_is_given_with_reasons_and_stands_if_the_buyer_is_silent"),
        "choice": "test_a_seller_who_does_not_repair_offers_money_and_the_buyer_chooses",
        "amount": ("test_a_deemed_accepted_price_is_the_sellers_to_name_and_else_an_agents"),
        "amount_answer": "test_an_amount_that_is_not_accepted_is_set_by_an_agent",
        "trial": "test_goods_that_hold_after_the_trial_end_the_case",
        "clarification": ("test_an_unclear_statement_is_asked_about_while_both_clocks_run"),
        "refund_if_withdrawal": (
            "test_meant_as_a_withdrawal_it_becomes_one_whose_clock_has_run_from_the_statement"
        ),
        "refund_confirmation": (
            "test_a_refund_that_nobody_confirms_bars_a_second_one_and_is_an_agents"
        ),
        "decision": AGENTS,
        "lead_decision": AGENTS,
        "claim": AGENTS,
        "hold": AGENTS,
        "undelivered": UNDELIVERED,
    },
    "carrier_claim": {
        "damage": (
            "test_who_does_not_claim_a_damage_in_time_is_warned_and_told_that_it_may_be_lost"
        ),
        "loss_from_postal": CLAIMED_ONCE_LOST,
        "loss_from_transport": CLAIMED_ONCE_LOST,
        "loss_from_contract": CLAIMED_ONCE_LOST,
        "loss": (
            "test_who_does_not_claim_a_loss_within_the_year_is_warned_and_told_that_it_may_be_lost"
        ),
        "answer_postal": (
            "test_a_silent_post_has_accepted_by_law_and_its_late_answer_changes_nothing"
        ),
        "answer_transport": CHASED,
        "answer_contract": CHASED,
        "appeal": "test_an_answer_that_the_seller_leaves_stands",
        "payment": ("test_a_carrier_that_does_not_pay_is_an_agents_task_and_waited_for_again"),
        "decision": AGENTS,
        "lead_decision": AGENTS,
        "claim": AGENTS,
        "hold": AGENTS,
        "undelivered": UNDELIVERED,
    },
    "uncollected_parcel": {
        "notice": "test_silence_then_a_last_period_then_the_sellers_own_act",
        "further_period": "test_silence_then_a_last_period_then_the_sellers_own_act",
        "payment": "test_who_does_not_pay_is_asked_again_and_not_for_ever",
        "dispatch": "test_a_seller_who_does_not_send_it_is_in_breach_and_an_agent_rules",
        "transit": "test_a_parcel_that_does_not_arrive_is_a_non_delivery",
        "seller_withdraws": "test_a_seller_who_does_nothing_is_asked_again_then_an_agent_is",
        "refund_confirmation": (
            "test_a_refund_that_nobody_confirms_is_an_agents_task_and_paid_once"
        ),
        "decision": AGENTS,
        "lead_decision": AGENTS,
        "claim": AGENTS,
        "hold": "test_a_hold_stops_the_buyers_time_and_ends_by_itself",
        "undelivered": UNDELIVERED,
    },
}
"""What happens if nobody answers: a row of the policy, an arm of the process, and this test."""


def files(package: str) -> list[Path]:
    """The package's modules, or the module of this name."""
    alone = HERE / f"{package}.py"
    return [alone] if alone.is_file() else sorted((HERE / package).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported when the code runs, not those for the type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module or ""
        yield from imports(node)


def worldly(source: str) -> list[str]:
    """Where the code reaches for the clock, chance, the environment, the disk or the network."""
    tree = ast.parse(source)
    found = [name for name in imports(tree) if name.partition(".")[0] in WORLDLY]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.rpartition(".")[2] in WORLDLY_CALLS and called != "workflow.now":
                found.append(called)
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_inward(package: str) -> None:
    assert files(package)
    for file in files(package):
        ours = {name.partition(".")[0] for name in imports(ast.parse(file.read_text()))} & OURS
        assert ours <= MAY_IMPORT[package], f"{file.relative_to(HERE)} imports {ours}"


def test_processes_load_no_database() -> None:
    program = (
        "import sys, workflows.processes\n"
        "print(*sorted({'store', 'sqlmodel', 'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=HERE, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize("package", PURE)
def test_processes_read_neither_clock_nor_environment_nor_disk(package: str) -> None:
    for file in files(package):
        assert not worldly(file.read_text()), file.relative_to(HERE)


def test_the_watch_for_worldly_code_sees_it() -> None:
    for source in ("import os", "x = datetime.now(UTC)", "open('f')", "from time import sleep"):
        assert worldly(source), source
    assert not worldly("x = workflow.now()")


def windows(process: str) -> set[str]:
    """The windows of a process's policy."""
    fields = POLICIES[process].model_fields.items()
    return {name for name, field in fields if field.annotation is Window}


def started(kind: Kind) -> set[str]:
    """The windows that a process starts; where it chooses one, those that it chooses from."""
    return {
        name
        for part in PROCESSES[kind].__mro__
        if issubclass(part, Case)
        for function in ast.walk(ast.parse(Path(inspect.getfile(part)).read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "self.start"
        for name in strings(call.args[0]) or strings(function)
    }


def strings(tree: ast.AST) -> set[str]:
    """The string constants in it."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def read_of_terms(file: Path) -> set[str]:
    """The attributes that are read of `terms`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "terms"
    }


@pytest.mark.parametrize("kind", Kind)
def test_every_window_of_the_policy_is_started_by_its_process(kind: Kind) -> None:
    # They end before a case begins.
    rights = read_of_terms(HERE / "domain" / "withdrawing.py")
    rights |= read_of_terms(HERE / "domain" / "complaining.py")
    left = windows(kind.section) - started(kind) - rights
    assert not left, f"no `self.start(…)` of {left} in the classes of workflows/{kind.section}/"


@pytest.mark.parametrize("process", POLICIES)
def test_every_window_has_a_test_of_its_silence(process: str) -> None:
    tested = SILENCE_TESTED_BY[process]
    assert set(tested) == windows(process)
    lives = f"test_{process.removeprefix('goods_')}_lives.py"
    there = "".join((HERE / "tests" / name).read_text() for name in (lives, "test_agents.py"))
    for test in tested.values():
        assert f"async def {test}(" in there, f"{test} is not in {lives}"


def test_only_cases_from_before_run_local_activities() -> None:
    """What they write stands though their workflow task is lost, and a replay shows another time;
    see Case.own_database.
    """
    calls = {
        file.name: found
        for file in (HERE / "workflows").rglob("*.py")
        if (found := re.findall(r"\b\w+_local_activity\w*", file.read_text()))
    }
    assert calls == {"case.py": ["execute_local_activity_method"]}
