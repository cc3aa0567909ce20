"""Signed links: for one case, as one person, until they end."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.links import Linked, LinkRefusedError, Links
from config import ConfigurationError, Settings
from domain.parties import Party
from tests.calling import SECRET, Door

NOW = datetime.now(UTC)
FOR_BUYER = Linked(case_id="dispute:PL:PL-1:1", party=Party.BUYER, person_id="b-1")


def test_a_link_is_read_with_either_secret_and_by_nobody_elses() -> None:
    old, new, both = Links(["o" * 32], 30), Links(["n" * 32], 30), Links(["n" * 32, "o" * 32], 30)
    for made_by in (old, both):
        link, _ = made_by.make(FOR_BUYER, NOW)
        assert both.read(link) == FOR_BUYER
    with pytest.raises(LinkRefusedError):
        new.read(old.make(FOR_BUYER, NOW)[0])


def test_a_link_ends_and_cannot_be_changed() -> None:
    links = Links(["s" * 32], 30)
    over, _ = links.make(FOR_BUYER, NOW - timedelta(days=31))
    link, until = links.make(FOR_BUYER, NOW)
    assert until == NOW + timedelta(days=30)
    other, _ = links.make(FOR_BUYER.model_copy(update={"person_id": "b-2"}), NOW)
    head, _, signature = link.split(".")
    for bad in (over, f"{head}.{other.split('.')[1]}.{signature}", "", "x", link[:-2]):
        with pytest.raises(LinkRefusedError):
            links.read(bad)


@pytest.mark.parametrize("secrets", ["short", f"{'s' * 32},short"])
def test_a_short_secret_is_refused_in_a_sentence(secrets: str) -> None:
    with pytest.raises(ConfigurationError, match=r"RECOURSE_LINK_SECRETS rightly: it .*32"):
        Settings.read(link_secrets=secrets)


async def test_whoever_has_a_link_sees_its_case_and_acts_in_it_and_nothing_else(door: Door) -> None:
    case_id, other = await door.opened(), await door.opened()
    made = await door.platform.post(f"/v1/cases/{case_id}/links", {"party": "buyer"})
    assert made.status == 201
    by_link = door.nobody(made.body["link"])
    assert (await by_link.get(f"/v1/cases/{case_id}")).body["id"] == case_id
    said = await by_link.say(case_id, "say", text="I came by the link.")
    assert said.status == 200
    [*_, last] = (await by_link.get(f"/v1/cases/{case_id}/messages")).body["items"]
    assert last["by"] == {"party": "buyer", "id": "buyer", "name": ""}
    assert (await by_link.get(f"/v1/cases/{other}")).status == 404
    assert (await by_link.say(other, "say", text="May I?")).status == 404
    for path in ("/v1/cases", "/v1/me", "/v1/headline"):
        assert (await by_link.get(path)).code == "not-allowed"
    assert (await by_link.post("/v1/cases", door.dispute())).code == "not-allowed"
    again = await by_link.post(f"/v1/cases/{case_id}/links", {"party": "seller"})
    assert again.code == "not-allowed"
    forged, _ = Links(["f" * 32], 30).make(FOR_BUYER.model_copy(update={"case_id": case_id}), NOW)
    assert (await door.nobody(forged).get(f"/v1/cases/{case_id}")).code == "token-refused"
    ours, _ = Links([SECRET], 30).make(
        Linked(case_id=case_id, party=Party.BUYER, person_id="somebody-else"), NOW
    )
    assert (await door.nobody(ours).get(f"/v1/cases/{case_id}")).status == 404
