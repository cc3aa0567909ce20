"""Can cases be played with a client that was generated from the OpenAPI document alone?"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_spec_validator import validate

from api.app import application
from tests.calling import Caller, Door

CLIENT = "recourse_client"
DOCUMENT = application().openapi()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The generated package can be imported."""
    folder = tmp_path_factory.mktemp("client")
    document = folder / "openapi.json"
    document.write_text(json.dumps(DOCUMENT), "utf-8")
    config = Config.from_sources(
        ConfigFile(post_hooks=[]),
        MetaType.NONE,
        document_source=document,
        file_encoding="utf-8",
        overwrite=False,
        output_path=folder / CLIENT,
    )
    found = [(each.header, each.detail) for each in generate(config=config)]
    assert found == [], "what is there is left out of the client"
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == CLIENT]:
        del sys.modules[name]


def model(name: str, **fields: Any) -> Any:
    """A value of the client's own types."""
    return getattr(import_module(f"{CLIENT}.models"), name)(**fields)


class Person:
    """Somebody who has the client and a token, and nothing else of ours."""

    def __init__(self, caller: Caller) -> None:
        made = import_module(f"{CLIENT}.client").AuthenticatedClient
        self.client = made(base_url=caller.base, token=caller.token, timeout=60)

    async def ask(self, operation: str, *args: Any, **more: Any) -> Any:
        """What an operation answers, as the type that the document says."""
        answer = await self.answered(operation, *args, **more)
        assert answer.status_code < 300, answer.parsed
        return answer.parsed

    async def answered(self, operation: str, *args: Any, **more: Any) -> Any:
        """The same with its status, also of a problem."""
        module = import_module(f"{CLIENT}.api.{operation}")
        return await module.asyncio_detailed(*args, client=self.client, **more)

    async def send(self, case_id: str, command: str, verb: str, **fields: Any) -> Any:
        """Send a command once `actions` has it; the case afterwards."""
        await self.sees(case_id, lambda case: verb in {one.verb for one in case.actions})
        body = model(command, verb=verb, **fields)
        key = uuid4().hex
        done = await self.ask("cases.cases_send", case_id, body=body, idempotency_key=key)
        assert done.receipt.command_id == key
        return done.case

    async def sees(self, case_id: str, expected: Callable[[Any], Any]) -> Any:
        """A case, once something holds of it."""
        for _ in range(150):
            answer = await self.answered("cases.cases_look_at", case_id)
            if answer.status_code == 200 and expected(answer.parsed):
                return answer.parsed
            await asyncio.sleep(0.1)  # a return that was just opened may not be there yet
        raise AssertionError(f"not within fifteen seconds: {answer.parsed}")


@pytest.fixture
async def person(client: None) -> AsyncIterator[Callable[[Caller], Person]]:
    """Makes somebody of a caller; what they have open is closed at the end."""
    made: list[Person] = []

    def make(caller: Caller) -> Person:
        made.append(Person(caller))
        return made[-1]

    yield make
    for each in made:
        await each.client.get_async_httpx_client().aclose()


def is_closed(case: Any) -> bool:
    """Whether it is over."""
    return bool(case.stage.value == "closed")


def test_the_document_is_one_of_openapi() -> None:
    validate(DOCUMENT)


async def test_a_dispute_is_settled_with_the_client(
    door: Door, person: Callable[[Caller], Person]
) -> None:
    buyer, seller, shop = person(door.buyer), person(door.seller), person(door.platform)
    models = import_module(f"{CLIENT}.models")
    opening = model(
        "OpenDisputeForm",
        kind="dispute",
        country="PL",
        order_id=door.world.order(),
        reason="defect",
        wanted=models.Remedy.FULL_REFUND,
        text="The lamp does not light.",
    )
    opened = await buyer.ask("cases.cases_open_case", body=opening)
    assert isinstance(opened, models.DisputeView)
    await seller.send(opened.id, "AskCommand", "ask", text="Have you changed the bulb?")
    await buyer.send(opened.id, "SayCommand", "say", text="Yes, twice.")
    amount = model("Money", amount_minor=5000, currency="PLN")
    remedy = models.Remedy.PARTIAL_REFUND
    await seller.send(opened.id, "OfferCommand", "offer", remedy=remedy, amount=amount)
    case = await buyer.sees(opened.id, lambda case: case.offers)
    assert case.offers[0].amount == amount
    await buyer.send(opened.id, "AcceptCommand", "accept", offer_id=case.offers[0].id)
    over = await buyer.sees(opened.id, is_closed)
    assert (over.ending.value, over.refund_amount) == ("settled", amount)
    said = await buyer.ask("cases.cases_messages", opened.id)
    assert "Yes, twice." in [one.text for one in said.items]
    happened = await shop.ask("events.events_events_of_case", opened.id)
    types = [type(one) for one in happened.items]
    assert (types[0], types.count(models.EndedEvent)) == (models.OpenedEvent, 1)


async def test_a_withdrawal_brings_goods_and_money_back_with_the_client(
    door: Door, person: Callable[[Caller], Person]
) -> None:
    buyer, seller, shop = person(door.buyer), person(door.seller), person(door.platform)
    models = import_module(f"{CLIENT}.models")
    unit = model("Line", sku="A", quantity=1)
    opening = model(
        "OpenWithdrawalForm",
        kind="withdrawal",
        country="PL",
        order_id=await door.world.in_hand(),
        lines=[unit],
        text="It is too large.",
    )
    opened = await buyer.ask("cases.cases_open_case", body=opening)
    assert isinstance(opened, models.WithdrawalView)
    (back,) = (await buyer.sees(opened.id, lambda case: case.returns)).returns
    await buyer.send(back, "HandOverCommand", "hand-over", carrier="InPost", tracking="T1")
    scan = model(
        "ParcelReport",
        event_id="s-1",
        scan=models.Scan.ARRIVED,
        at=datetime.now(UTC),
        case_id=opened.id,
    )
    told = await shop.ask("machines.machines_parcels", body=model("ParcelReports", events=[scan]))
    assert told.results[0].told == [back]
    await seller.send(back, "ReceiveCommand", "receive", units=[unit])
    await seller.send(back, "InspectCommand", "inspect")
    case = await seller.sees(
        opened.id, lambda case: is_closed(case) or "refund" in {one.verb for one in case.actions}
    )
    if not is_closed(case):
        await seller.send(opened.id, "RefundCommand", "refund")
    over = await buyer.sees(opened.id, is_closed)
    assert over.refund.state.value == "confirmed"
    preview = await buyer.ask("cases.cases_refund_preview", opened.id)
    assert over.refund_amount == preview.refund_amount


async def test_a_complaint_is_accepted_with_the_client(
    door: Door, person: Callable[[Caller], Person]
) -> None:
    buyer, seller = person(door.buyer), person(door.seller)
    models = import_module(f"{CLIENT}.models")
    amount = model("Money", amount_minor=3000, currency="PLN")
    remedy = models.Remedy.PARTIAL_REFUND
    opening = model(
        "OpenComplaintForm",
        kind="complaint",
        country="PL",
        order_id=await door.world.in_hand(),
        reason=models.ReturnReason.DEFECTIVE,
        wanted=remedy,
        amount=amount,
        text="The lamp flickers.",
    )
    opened = await buyer.ask("cases.cases_open_case", body=opening)
    assert isinstance(opened, models.ComplaintView)
    accepted = {"remedy": remedy, "amount": amount}
    await seller.send(opened.id, "AcceptComplaintCommand", "accept-complaint", **accepted)
    over = await buyer.sees(opened.id, is_closed)
    assert (over.ending.value, over.refund_reduces) == ("price-reduced", True)
    assert over.refund_amount == amount
