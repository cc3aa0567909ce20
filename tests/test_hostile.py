"""What if somebody sends rubbish? No case may stop, or be opened, or become unreadable by it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import WorkflowIdReusePolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)

from domain.commands import Claim, Close, Release, Say
from domain.goods import Scan
from domain.kinds import Kind
from domain.notices import Ending
from domain.parties import Party
from domain.refusals import Code
from domain.stages import Stage
from domain.view import Closed
from gate import MISFIT
from tests.life import PLATFORM, Life, RefusedCommand, World
from tests.test_two_workers import broken_tasks, replays
from workflows.kernel.case import MISFITS_TOLD
from workflows.kernel.inbox import COMMANDS
from workflows.processes import PROCESSES


def json(text: str | bytes) -> Payload:
    """A payload that says that it is JSON."""
    data = text.encode() if isinstance(text, str) else text
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


RUBBISH: dict[str, list[Payload]] = {
    "nothing": [],
    "two": [json("{}"), json("{}")],
    "null": [Payload(metadata={"encoding": b"binary/null"})],
    "json null": [json("null")],
    "bytes": [Payload(metadata={"encoding": b"binary/plain"}, data=b"\x00\xff")],
    "no encoding": [Payload(data=b"?")],
    "unknown encoding": [Payload(metadata={"encoding": b"martian"}, data=b"?")],
    "broken": [json('{"verb": ')],
    "not text": [json(b"\xff\xfe")],
    "deep": [json("[" * 50_000)],
    "rubbish": [json('{"rubbish": 1}')],
    "text": [json('"rubbish"')],
    "number": [json("1e400")],
    "list": [json("[]")],
    "large": [json('{"%s": 1}' % ("x" * 300_000))],
}


async def signal(life: Life, name: str, payloads: list[Payload]) -> None:
    """Send a signal as it never comes from our own clients."""
    await life.world.client.workflow_service.signal_workflow_execution(
        SignalWorkflowExecutionRequest(
            namespace=life.world.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=life.handle.id),
            signal_name=name,
            input=Payloads(payloads=payloads),
        )
    )


async def update(life: Life, name: str, payloads: list[Payload]) -> str:
    """Send an update as it never comes from our own clients: why it was rejected."""
    answer = await life.world.client.workflow_service.update_workflow_execution(
        UpdateWorkflowExecutionRequest(
            namespace=life.world.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=life.handle.id),
            wait_policy=WaitPolicy(lifecycle_stage=3),  # type: ignore[arg-type]
            request=Request(
                meta=Meta(identity="somebody"),
                input=Input(name=name, args=Payloads(payloads=payloads)),
            ),
        )
    )
    failure = answer.outcome.failure
    return failure.application_failure_info.type or failure.message


async def start(world: World, process: str, case_id: str, payloads: list[Payload]) -> Closed:
    """Start a workflow as it never comes from our own clients: how it ended."""
    await world.client.workflow_service.start_workflow_execution(
        StartWorkflowExecutionRequest(
            namespace=world.client.namespace,
            workflow_id=case_id,
            workflow_type=WorkflowType(name=process),
            task_queue=TaskQueue(name=world.settings.task_queue),
            input=Payloads(payloads=payloads),
            request_id=case_id,
            workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
        )
    )
    handle = world.client.get_workflow_handle(case_id, result_type=Closed)
    return await asyncio.wait_for(handle.result(), timeout=20)


async def a_return(world: World) -> Life:
    """Goods on their way back."""
    withdrawal = await world.withdrawal(order_id=await world.in_hand())
    return await withdrawal.goods_back()


async def a_claim(world: World) -> Life:
    """A claim against a carrier."""
    return await world.carrier_claim(order_id=await world.parcel(posted=40))


async def a_withdrawal(world: World) -> Life:
    """Goods to be sent back."""
    return await world.withdrawal(order_id=await world.in_hand())


async def a_cancellation(world: World) -> Life:
    """An order to be called off."""
    return await world.cancellation(order_id=await world.fresh(), country="PL")


OPENS: dict[Kind, Callable[[World], Awaitable[Life]]] = {
    Kind.INQUIRY: lambda world: world.inquiry(),
    Kind.DISPUTE: lambda world: world.dispute(),
    Kind.CANCELLATION: a_cancellation,
    Kind.WITHDRAWAL: a_withdrawal,
    Kind.RETURN: a_return,
    Kind.UNCOLLECTED_PARCEL: lambda world: world.uncollected_parcel(),
    Kind.NON_DELIVERY: lambda world: world.non_delivery(),
    Kind.CARRIER_CLAIM: a_claim,
    Kind.COMPLAINT: lambda world: world.complaint(),
}


def handlers(kind: Kind) -> tuple[list[str], list[str]]:
    """The signals and the updates that cases of a kind take, as Temporal knows them."""
    process = PROCESSES[kind]
    definition = workflow._Definition.must_from_class(process)
    return [str(name) for name in definition.signals], [str(name) for name in definition.updates]


async def stands(life: Life) -> None:
    """The case lives, can be looked at, and goes on after a restart."""
    assert not broken_tasks(await life.handle.fetch_history())
    view = await life.view()
    assert view.stage is Stage.CLOSED or view.awaited
    assert not await replays(life.handle)


def test_every_kind_of_case_is_tried() -> None:
    assert set(OPENS) == set(PROCESSES)


@pytest.mark.parametrize("kind", OPENS, ids=str)
async def test_rubbish_in_every_signal_is_a_line_of_the_timeline(world: World, kind: Kind) -> None:
    life = await OPENS[kind](world)
    signals, _ = handlers(kind)
    assert MISFIT in signals
    for name in [*signals, "no-such-signal"]:
        for payloads in RUBBISH.values():
            await signal(life, name, payloads)
    lines = [entry for entry in (await life.view()).timeline if "cannot be read" in entry.what]
    assert len(lines) == MISFITS_TOLD
    await stands(life)
    said = (await life.view()).model_dump_json()
    assert "xxxx" not in said


@pytest.mark.parametrize("kind", OPENS, ids=str)
async def test_rubbish_in_every_update_is_rejected_with_a_code(world: World, kind: Kind) -> None:
    life = await OPENS[kind](world)
    before = await life.view()
    _, updates = handlers(kind)
    assert {"submit", "recalculate"} <= set(updates)
    for name in updates:
        for what, payloads in RUBBISH.items():
            assert await update(life, name, payloads) == Code.UNREADABLE, (name, what)
    assert await update(life, "no-such-update", [json("{}")]) == Code.UNREADABLE
    after = await life.view()  # nothing came of it; what the case does by itself goes on
    assert after.timeline[: len(before.timeline)] == before.timeline
    assert not {entry.by for entry in after.timeline[len(before.timeline) :]} - {None}
    await stands(life)


@pytest.mark.parametrize("kind", OPENS, ids=str)
async def test_a_start_with_rubbish_opens_nothing_and_leaves_the_id_free(
    world: World, kind: Kind
) -> None:
    order = world.order()
    case_id = f"{kind}:PL:{order}:1"
    for payloads in RUBBISH.values():
        closed = await start(world, kind.process, case_id, payloads)
        assert closed.ending is Ending.NOT_OPENED
        assert closed.refusal
        assert closed.refusal.code == Code.UNREADABLE
        assert "xxxx" not in closed.refusal.sentence
    life = await OPENS[kind](world)
    assert (await life.view()).stage is not Stage.CLOSED


@pytest.mark.parametrize("year", [1, 1969, 2999, 9400, 9999])
@pytest.mark.parametrize("kind", OPENS, ids=str)
async def test_news_of_another_age_is_not_believed(world: World, kind: Kind, year: int) -> None:
    signals, _ = handlers(kind)
    if "parcel" not in signals:
        return
    life = await OPENS[kind](world)
    before = await life.sees(lambda view: view.clocks)
    for scan in Scan:
        told = {"event_id": f"{year}-{scan}", "scan": scan, "at": f"{year:04}-06-01T12:00:00Z"}
        for more in ({}, {"tracking": "PX 1"}):
            await life.handle.signal("parcel", {**told, **more})
    after = await life.view()
    assert (after.stage, after.due, after.ending) == (before.stage, before.due, before.ending)
    await stands(life)


async def test_what_machines_say_is_bounded(world: World) -> None:
    long = "x" * 100_000
    told: list[tuple[str, dict[str, Any]]] = [
        ("case_beside", {"case_id": long}),
        ("adopted", {"case_id": long}),
        ("redelivery_paid", {"key": long}),
        ("refund_reported", {"key": long, "state": "confirmed"}),
        ("goods", {"what": "came", "at": "2026-01-01T00:00:00Z", "charged_minor": 10**30}),
        ("goods", {"what": "came", "at": "2026-01-01T00:00:00Z", "charged_minor": -1}),
        ("misfit", {"signal": long, "why": long}),
    ]
    for opens in OPENS.values():
        life = await opens(world)
        for name, value in told:
            await life.handle.signal(name, value)
        assert "xxxx" not in (await life.view()).model_dump_json()
        await stands(life)


async def test_an_agent_who_claims_and_releases_for_ever_is_stopped_and_closing_still_works(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 12  # hundreds would only take longer
    monkeypatch.setitem(COMMANDS, Party.AGENT, most)
    life = await world.dispute()
    await life.passes(days=10)
    await life.sees(lambda view: view.task)
    for _ in range(most // 2):
        await life.agent(Claim)
        await life.agent(Release)
    with pytest.raises(RefusedCommand, match=Code.TOO_MANY_COMMANDS):
        await life.agent(Claim)
    await life.seller(Say, text="We others can still speak.")
    await life.send(PLATFORM, Close, reason="Somebody plays with it.")
    assert (await life.ends()).ending is Ending.CLOSED_BY_PLATFORM
