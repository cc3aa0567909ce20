"""Does each process declare, in its AHEAD, the ways that it really has?"""

import ast
import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.ahead import Branch, Silent, silence_of
from domain.commands import Claim, Close, CommandBase, Decide, Release, RetryRefund
from domain.kinds import Kind
from domain.parties import Actor, Party
from domain.stages import Stage
from domain.view import CaseView, Entry
from tests.ahead import TALK, undeclared_clocks, undeclared_steps
from tests.test_architecture import POLICIES, started, windows
from workflows.carrier_claim.terms import CARRIERS_TIME
from workflows.kernel.case import Case
from workflows.processes import PROCESSES

KERNEL = {"hold", "undelivered"}
"""Windows that Case itself starts, at any stage, and that lead nowhere."""

CARRIERS = {*CARRIERS_TIME, "payment"}
"""The windows in which a carrier is waited for."""

TOLD_WHY_NOT = {
    ("file-claim", Stage.TOO_EARLY),
    ("deduct", Stage.AWAITING_GOODS),
    ("deduct", Stage.WITHHELD),
}
"""What may be sent at a stage only so that its refusal says when it can be."""


def branches(process: type[Case]) -> Iterator[tuple[Stage, Branch]]:
    for stage, ways in process.AHEAD.items():
        for way in ways:
            yield stage, way


def silences(process: type[Case]) -> Iterator[tuple[Stage, Silent]]:
    for stage, way in branches(process):
        if isinstance(way.on, Silent):
            yield stage, way.on


def awaited(process: type[Case]) -> dict[str, set[str]]:
    """Whom each window is started for, by its name, where the code names both."""
    found: dict[str, set[str]] = {}
    for kind in process.__mro__:
        if issubclass(kind, Case):
            for call in ast.walk(ast.parse(Path(inspect.getfile(kind)).read_text())):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "self.start":
                    window, party = call.args[:2]
                    if isinstance(window, ast.Constant):
                        found.setdefault(str(window.value), set()).add(ast.unparse(party))
    return found


def test_every_process_that_runs_declares_what_is_ahead_of_it() -> None:
    assert list(PROCESSES) == list(Kind)
    assert {kind.section for kind in Kind} == set(POLICIES)
    assert all(process.AHEAD for process in PROCESSES.values())


@pytest.mark.parametrize("kind", Kind)
def test_every_window_that_a_process_starts_is_a_silence_ahead_and_no_other(kind: Kind) -> None:
    declared = {on.window for _, on in silences(PROCESSES[kind])}
    assert declared - KERNEL == (started(kind) & windows(kind.section)) - KERNEL


@pytest.mark.parametrize("kind", Kind)
def test_silences_are_of_whom_the_windows_are_started_for(kind: Kind) -> None:
    process = PROCESSES[kind]
    said = awaited(process)
    for stage, on in silences(process):
        parties = said.get(on.window, set())
        if parties and all(party.startswith("Party.") for party in parties):
            assert f"Party.{on.party.name}" in parties, (stage, on)


@pytest.mark.parametrize("kind", Kind)
def test_a_window_begins_in_one_way_at_a_stage(kind: Kind) -> None:
    begins: dict[tuple[Stage, str], set[object]] = {}
    for stage, on in silences(PROCESSES[kind]):
        begins.setdefault((stage, on.key), set()).add((on.after, on.runs_on))
    assert [key for key, ways in begins.items() if len(ways) > 1] == []
    for stage, on in silences(PROCESSES[kind]):
        if isinstance(on.after, str):
            assert (stage, on.after) in begins, f"{on.window} begins after what {stage} has not"


@pytest.mark.parametrize("kind", Kind)
def test_what_may_be_sent_and_what_leads_on_agree(kind: Kind) -> None:
    process = PROCESSES[kind]
    leads: dict[type[CommandBase], set[Stage]] = {}
    for stage, way in branches(process):
        if isinstance(way.on, type):
            assert way.by is None or way.by in process.PERMITTED[way.on][0], (stage, way)
            leads.setdefault(way.on, set()).add(stage)
    assert {verb.word() for verb in process.PERMITTED if verb not in leads} <= TALK | {
        verb.word() for verb in process.FACTS
    }
    for verb, stages in leads.items():
        when = set(process.PERMITTED[verb][1])
        told_why_not = {stage for word, stage in TOLD_WHY_NOT if word == verb.word()}
        assert stages | told_why_not == when or (verb.word() in TALK and stages < when), verb


@pytest.mark.parametrize("kind", Kind)
def test_what_the_steps_of_the_kernel_take_no_process_says_again(kind: Kind) -> None:
    process = PROCESSES[kind]
    assert not {Close, Claim, Release, Decide, RetryRefund} & process.VERBS.keys()
    for stage, on in silences(process):
        if on.window == "decision":
            assert all(stage in process.PERMITTED[verb][1] for verb in (Claim, Release)), stage


@pytest.mark.parametrize("kind", Kind)
def test_every_stage_can_be_reached_and_left(kind: Kind) -> None:
    process = PROCESSES[kind]
    reached = {Stage.OPENING} | {way.to for _, way in branches(process)}
    assert reached - {Stage.CLOSED} == set(process.AHEAD)
    assert all(any(to is not stage for to in process.FLOW[stage]) for stage in process.AHEAD)


def entry(what: str, by: Party | None = None, detail: str = "") -> Entry:
    return Entry(at=datetime(2026, 4, 3, tzinfo=UTC), what=what, by=by, detail=detail)


OPENED = (entry("opened", Party.BUYER), entry("stage awaiting-seller"))


@pytest.mark.parametrize(
    ("noted", "declared"),
    [
        ((entry("silence", Party.BUYER, "inactivity"), entry("stage closed")), True),
        ((entry("silence", Party.SELLER, "inactivity"), entry("stage closed")), False),
        ((entry("silence", Party.SELLER, "seller_reply"), entry("stage closed")), False),
        ((entry("say", Party.SELLER), entry("stage awaiting-buyer")), True),
        ((entry("say", Party.BUYER), entry("stage awaiting-buyer")), False),
        ((entry("stage closed"),), False),
        ((entry("close", Party.PLATFORM), entry("stage with-agent")), False),
    ],
)
def test_a_way_that_is_not_declared_is_seen(noted: tuple[Entry, ...], declared: bool) -> None:
    view = CaseView(
        id="inquiry:PL:1:1",
        kind=Kind.INQUIRY,
        country="PL",
        order_id="1",
        opened_at=OPENED[0].at,
        opened_by=Actor(party=Party.BUYER, id="buyer"),
        stage=Stage.CLOSED,
        timeline=(*OPENED, *noted),
    )
    assert (undeclared_steps(view) + undeclared_clocks(view) == []) is declared


@pytest.mark.parametrize("kind", Kind)
def test_what_the_platform_waits_for_is_nobody_of_the_case_being_silent(kind: Kind) -> None:
    for _, on in silences(PROCESSES[kind]):
        said = silence_of(on.window, on.party)
        assert ("stays silent" in said) is (on.party is not Party.PLATFORM)
        assert said.startswith("the carrier") is (
            kind is Kind.CARRIER_CLAIM and on.window in CARRIERS
        )
