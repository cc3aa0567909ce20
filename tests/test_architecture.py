"""How the parts may depend on each other, and what processes must keep their hands off."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
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

SERVED = {"activities", "config", "domain", "gate", "policies", "service", "store", "workflows"}
"""The service, and what lies below it."""

MAY_IMPORT = {
    "domain": {"domain"},
    "policies": {"domain", "policies"},
    "activities": {"activities", "domain", "policies"},
    "workflows": {"activities", "domain", "workflows"},
    "store": {"domain", "store"},
    "standin": {"domain", "standin"},
    "gate": {"domain"},
    "health": {"domain"},
    "config": {"activities", "config", "domain", "policies", "store", "workflows"},
    "service": SERVED,
    "pages": SERVED | {"pages"},
    "api": SERVED | {"api"},
    "cli": SERVED | {"cli", "pages"},
    "demo": SERVED | {"demo", "pages", "standin"},
    "starter": SERVED | {"api", "cli", "demo", "pages"},
    "worker": SERVED - {"service"} | {"health"},
}
"""Arrows point down: what each room may import of the project, to run or only to name a type."""

ELSEWHERE = {"bench", "tests"}
"""What may import everything, and nothing imports it."""

NAMED_ONLY = {
    ("workflows.kernel.publishing", "workflows.kernel.case"),
    ("workflows.kernel.undelivered", "workflows.kernel.case"),
}
"""What imports a module that imports it, to name a type."""

SHELLY = {"argparse", "click", "rich", "sys", "typer"}
"""Modules of a command line."""

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
    """The modules that are imported anywhere in it: in functions too, and to name a type."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module or ""


def modules() -> dict[str, Path]:
    """Every module of the project by its name."""
    found = {}
    for room in (*MAY_IMPORT, *ELSEWHERE):
        for file in files(room):
            name = ".".join(file.relative_to(HERE).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = file
    return found


def imported(file: Path, known: Iterable[str]) -> set[str]:
    """The modules of the project that a module imports: `from room import module` as well."""
    tree = ast.parse(file.read_text())
    names = set(imports(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names & set(known)


def calls(tree: ast.AST) -> set[str]:
    """What is called in it, as it is written."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


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


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_down(room: str) -> None:
    assert files(room)
    ours = {*MAY_IMPORT, *ELSEWHERE}
    for file in files(room):
        rooms = {name.partition(".")[0] for name in imports(ast.parse(file.read_text()))} & ours
        assert rooms <= MAY_IMPORT[room], f"{file.relative_to(HERE)} imports {rooms}"


def test_every_room_has_its_arrows() -> None:
    rooms = {file.stem for file in HERE.glob("*.py")}
    rooms |= {file.parent.name for file in HERE.glob("*/__init__.py")}
    assert rooms == {*MAY_IMPORT, *ELSEWHERE}


def test_no_imports_go_in_a_circle() -> None:
    known = modules()
    leads_to = {name: imported(file, known) - {name} for name, file in known.items()}
    for name, other in NAMED_ONLY:
        leads_to[name].remove(other)
    while ends := {name for name, others in leads_to.items() if not others}:
        leads_to = {name: others - ends for name, others in leads_to.items() if name not in ends}
    assert not leads_to, f"in a circle, or leading into one: {sorted(leads_to)}"


@pytest.mark.parametrize("room", ["service", "pages"])
def test_whoever_serves_or_tells_prints_nothing_and_knows_no_shell(room: str) -> None:
    for file in files(room):
        tree, name = ast.parse(file.read_text()), file.relative_to(HERE)
        assert not {one.partition(".")[0] for one in imports(tree)} & SHELLY, name
        assert not calls(tree) & {"print", "input", "exit"}, name


def test_the_service_waits_for_nothing_by_itself_and_reads_no_file_of_others() -> None:
    for file in files("service"):
        called = calls(ast.parse(file.read_text()))
        assert not called & {"asyncio.run", "open", "time.sleep"}, file.relative_to(HERE)


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


def test_no_edition_is_compared_with_a_number_that_does_not_say_what_it_means() -> None:
    for file in (HERE / "workflows").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Compare) and "edition" in ast.unparse(node):
                bare = [each for each in ast.walk(node) if isinstance(each, ast.Constant)]
                assert not bare, f"{file.name}: {ast.unparse(node)}"
