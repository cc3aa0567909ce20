"""Whole lives of disputes, both countries: what happens if …?"""

from domain.commands import Accept, Offer, Remedy
from domain.parties import Party
from tests.life import World


async def test_offer_accepted_is_refunded_and_closed(world: World) -> None:
    life = await world.dispute()
    await life.seller(Offer, remedy=Remedy.PARTIAL_REFUND, amount=life.money(5000))
    receipt = await life.buyer(Accept)
    assert receipt.outcome == "accepted"
    assert (await life.ends()).ending == "settled"
    assert life.paid == [5000]
    assert life.letters(Party.BUYER) == [
        "dispute_received",
        "offer_made",
        "offer_accepted",
        "refund_confirmed",
        "closed",
    ]
