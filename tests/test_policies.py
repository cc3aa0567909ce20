"""Does every shipped policy load, and does a wrong one say what is wrong with it?"""

import re
import shutil
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.deadlines import Counting, Due, reckon
from domain.goods import Way
from domain.kinds import Kind
from domain.policy import (
    CancellationPolicy,
    OnSilence,
    Policy,
    ReturnPolicy,
    Terms,
    Window,
    WithdrawalPolicy,
)
from domain.refunds import DeliveryShare
from policies import (
    DEMO,
    HERE,
    PROCESSES,
    PolicyError,
    check,
    countries,
    known_years,
    read_calendar,
    read_policy,
    ways_outside,
)
from policies.layers import LARGEST_FILE
from tests.policies import (
    COMMON,
    COUNTRIES,
    EVERY_COUNTRY,
    FIVE,
    OF_THE_FIVE,
    laid_over,
    write_layer,
)

SHIPPED = [(folder, country) for folder in (HERE, DEMO) for country in countries(folder)]

RIGHTS = {"cancel", "statement", "damage", "loss", "liability"}
"""They run from the order's own dates, which lie before a case."""
AGENTS = {"decision", "lead_decision", "claim", "hold", "agent_question"}


def windows(process: Terms | None) -> dict[str, Window]:
    assert process is not None
    return {name: value for name, value in process if isinstance(value, Window)}


def every_window(policy: Policy) -> dict[tuple[Kind, str], Window]:
    return {
        (kind, name): window
        for kind in Kind
        for name, window in windows(policy.terms(kind)).items()
    }


def table(process: Terms | None) -> dict[str, tuple[int, str, int | None, bool]]:
    return {
        name: (window.length, window.counting.value, window.remind_after, window.soft)
        for name, window in windows(process).items()
    }


def cancelling(policy: Policy) -> CancellationPolicy:
    assert policy.cancellation is not None
    return policy.cancellation


def withdrawing(policy: Policy) -> WithdrawalPolicy:
    assert policy.withdrawal is not None
    return policy.withdrawal


def returning(policy: Policy) -> ReturnPolicy:
    assert policy.goods_return is not None
    return policy.goods_return


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "policies"
    copy.mkdir()
    for name in ("common.toml", "pl.toml"):
        (copy / name).write_bytes((HERE / name).read_bytes())
    return copy


def edit(folder: Path, old: str, new: str) -> str:
    """Change what is for all countries, or else what is Poland's; which file it was."""
    for path in (folder / "common.toml", folder / "pl.toml"):
        if old in (text := path.read_text()):
            path.write_text(text.replace(old, new, 1))
            return f"{folder.name}/{path.name}"
    raise AssertionError(old)


def test_every_country_that_is_shipped_can_be_watched() -> None:
    assert countries() == countries(DEMO)
    assert set(FIVE) <= set(countries())


@pytest.mark.parametrize(("folder", "country"), SHIPPED)
def test_every_shipped_policy_loads(folder: Path, country: str) -> None:
    policy = read_policy(country, folder)
    calendar = read_calendar(country, 2026, 2027, folder)
    assert policy.country == calendar.country == country
    assert policy.zone == calendar.zone
    assert policy.version in calendar.version


@pytest.mark.parametrize("folder", [HERE, DEMO])
@OF_THE_FIVE
def test_every_process_runs_in_each_of_the_five(folder: Path, country: str) -> None:
    policy = read_policy(country, folder)
    for kind in Kind:
        terms = policy.terms(kind)
        assert terms is not None
        assert terms.process is kind


@pytest.mark.parametrize(("folder", "country"), SHIPPED)
def test_what_is_weakly_sourced_says_so(folder: Path, country: str) -> None:
    for name, window in every_window(read_policy(country, folder)).items():
        assert window.soft == ("soft" in window.source), name
        assert window.soft or window.source.startswith(("law: ", "seed ")), name


@OF_THE_FIVE
def test_each_of_the_five_says_where_else_a_consumer_can_go(country: str) -> None:
    way = read_policy(country).redress
    assert way is not None
    assert way.source.startswith("law: ")
    assert ("soft: " in way.source) is way.soft
    assert read_policy(country, DEMO).redress == way
    assert (ways_outside()[country], ways_outside(DEMO)[country]) == (way, way)


def test_a_country_need_not_say_where_else_a_consumer_can_go(folder: Path) -> None:
    path = folder / "pl.toml"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace("[redress]", "[redres]"), "utf-8")
    with pytest.raises(PolicyError, match="redres"):
        read_policy("PL", folder)
    path.write_text(whole.partition("[redress]")[0], "utf-8")
    assert "PL" not in ways_outside(folder)
    path.write_text(whole.replace('site = "https:', 'site = "javascript:'), "utf-8")
    with pytest.raises(PolicyError, match=r"redress\.site"):
        read_policy("PL", folder)


@OF_THE_FIVE
def test_the_defaults_are_those_of_the_table(country: str) -> None:
    policy = read_policy(country)
    assert policy.dispute is not None
    assert policy.inquiry is not None
    assert table(policy.dispute) == {
        "seller_reply": (24, "working-hours", 16, False),
        "buyer_reply": (7, "calendar-days", 3, True),
        "help_opens": (24, "working-hours", None, True),
        "decision": (2, "working-days", None, True),
        "lead_decision": (2, "working-days", None, True),
        "claim": (8, "working-hours", None, True),
        "appeal": (14, "calendar-days", None, True),
        "reopening": (14, "calendar-days", None, True),
        "fulfilment": (14, "calendar-days", None, True),
        "refund_confirmation": (1, "working-days", None, True),
        "agent_question": (3, "working-days", 2, True),
        "hold": (14, "calendar-days", None, True),
        "undelivered": (2, "working-days", None, True),
    }
    assert windows(policy.inquiry)["seller_reply"].source == "seed H4"
    assert policy.dispute.messages == policy.inquiry.messages


AGENTS_TIME = {
    "decision": (2, "working-days", None, True),
    "lead_decision": (2, "working-days", None, True),
    "claim": (8, "working-hours", None, True),
    "hold": (14, "calendar-days", None, True),
    "undelivered": (2, "working-days", None, True),
}
REFUNDING = AGENTS_TIME | {"refund_confirmation": (1, "working-days", None, True)}


@OF_THE_FIVE
def test_a_buyer_is_asked_twice_about_an_uncollected_parcel(country: str) -> None:
    terms = read_policy(country).uncollected_parcel
    assert terms is not None
    assert table(terms) == REFUNDING | {
        "notice": (7, "calendar-days", 4, True),
        "further_period": (7, "calendar-days", 4, True),
        "payment": (3, "working-days", 2, True),
        "dispatch": (3, "working-days", 2, True),
        "transit": (14, "calendar-days", None, True),
        "seller_withdraws": (7, "calendar-days", 4, True),
    }
    assert (terms.rounds, terms.times_asked) == (2, 2)
    assert terms.resend_cost_minor > 0


@OF_THE_FIVE
def test_an_order_may_be_cancelled_for_three_days(country: str) -> None:
    terms = cancelling(read_policy(country))
    assert table(terms) == REFUNDING | {
        "cancel": (3, "calendar-days", None, False),
        "refund": (14, "seller-days", 9, False),
        "sent_anyway": (7, "calendar-days", None, True),
    }
    assert terms.cancel.source == "seed W2"


@OF_THE_FIVE
def test_a_withdrawal_has_the_times_of_the_directive(country: str) -> None:
    policy = read_policy(country)
    terms = withdrawing(policy)
    assert table(terms) == REFUNDING | {
        "statement": (14, "calendar-days", None, False),
        "send_goods": (14, "calendar-days", 10, False),
        "refund": (14, "seller-days", 9, False),
        "refund_after_goods": (3, "working-days", None, True),
        "exception_answer": (7, "calendar-days", 4, True),
        "deduction_answer": (7, "calendar-days", 4, True),
        "unsent": (90, "calendar-days", None, True),
    }
    assert terms.uninformed_months == 12
    assert terms.sole_traders is (country == "PL")
    assert terms.delivery_share is cancelling(policy).delivery_share
    assert (terms.delivery_share is DeliveryShare.NONE) is (country == "SI")


@OF_THE_FIVE
def test_a_return_has_the_times_of_the_table(country: str) -> None:
    terms = returning(read_policy(country))
    assert table(terms) == AGENTS_TIME | {
        "label": (2, "working-days", 1, True),
        "send_goods": (14, "calendar-days", 10, True),
        "transit": (14, "calendar-days", None, True),
        "inspection": (3, "working-days", 2, True),
        "finding_answer": (7, "calendar-days", 4, True),
        "explanation": (14, "calendar-days", 7, True),
        "work": (15 if country == "HU" else 14, "calendar-days", 10, True),
        "ship_back": (3, "working-days", 2, True),
    }
    assert terms.way is (Way.PLATFORM_LABEL if country in ("PL", "SI") else Way.BUYERS_OWN)
    silence = OnSilence.AGENT if country == "HU" else OnSilence.ACCEPTED
    assert terms.inspection.on_silence is silence


@pytest.mark.parametrize(
    ("country", "answer", "silence", "free"),
    [
        ("PL", (14, "seller-days", 9, False), OnSilence.DEEMED_ACCEPTED, 0),
        ("SI", (8, "seller-days", 4, False), OnSilence.BREACH_AND_ESCALATE, 30),
        ("CZ", (30, "seller-days", 20, False), OnSilence.SECOND_TIER, 0),
        ("SK", (30, "seller-days", 20, False), OnSilence.SECOND_TIER, 0),
        ("HU", (5, "working-days", 3, False), OnSilence.BREACH_AND_ESCALATE, 0),
    ],
)
def test_a_complaint_has_the_times_of_the_table(
    country: str, answer: tuple[int, str, int, bool], silence: OnSilence, free: int
) -> None:
    terms = read_policy(country).complaint
    assert terms is not None
    short = country in ("SI", "HU")
    assert table(terms) == REFUNDING | {
        "liability": (2, "calendar-years", None, False),
        "answer": answer,
        "information": (
            (2, "working-days", 1, True) if country == "HU" else (7, "calendar-days", 4, True)
        ),
        "objection": (14, "calendar-days", 10, True),
        "choice": (14, "calendar-days", 10, True),
        "amount": (7, "seller-days", 4, True),
        "amount_answer": (7, "calendar-days", 4, True),
        "trial": (14, "calendar-days", None, True),
        "clarification": (2 if short else 3, "working-days", 1 if short else 2, True),
        "refund_if_withdrawal": (14, "seller-days", None, False),
    }
    assert terms.answer.on_silence is silence
    assert terms.free_choice_days == free
    assert terms.failed_remedies == 2
    assert terms.sole_traders is (country == "PL")
    assert terms.information_holds is (country not in ("PL", "HU"))


@EVERY_COUNTRY
def test_a_seller_is_warned_of_a_complaint_before_the_safe_end_and_the_buyer_asked_before_it(
    country: str,
) -> None:
    terms, calendar = read_policy(country).complaint, read_calendar(country, 2026, 2028)
    assert terms is not None
    answer, clarification = terms.answer, terms.clarification
    assert answer.remind_after
    for day in range(365):
        at = datetime(2026, 3, 1, 10, tzinfo=UTC) + timedelta(days=day)
        due = reckon(answer.counting, answer.length, at, calendar)
        assert reckon(answer.counting, answer.remind_after, at, calendar).due < (
            due.safe or due.due
        )
        asked = reckon(clarification.counting, clarification.length, at, calendar)
        assert asked.due < due.due


@pytest.mark.parametrize(
    ("country", "currency", "alone", "returnless"),
    [
        ("PL", "PLN", 2_000_00, 20_00),
        ("SI", "EUR", 500_00, 5_00),
        ("CZ", "CZK", 12_000_00, 120_00),
        ("SK", "EUR", 500_00, 5_00),
        ("HU", "HUF", 200_000_00, 2_000_00),
    ],
)
def test_money_limits_are_in_the_countrys_own_money(
    country: str, currency: str, alone: int, returnless: int
) -> None:
    for folder in (HERE, DEMO):
        policy = read_policy(country, folder)
        assert policy.currency == currency
        assert policy.dispute is not None
        assert policy.dispute.agent_limit_minor == alone
        assert cancelling(policy).automatic_limit_minor == alone
        assert returning(policy).returnless_limit_minor == returnless


@EVERY_COUNTRY
def test_a_watched_case_counts_what_the_parties_owe_in_seconds(country: str) -> None:
    policy, real = read_policy(country, DEMO), read_policy(country)
    as_in_the_real_file = {(kind, name) for kind in Kind for name in RIGHTS | AGENTS}
    if country == "SI":
        as_in_the_real_file.add((Kind.DISPUTE, "buyer_reply"))
    real_windows = every_window(real)
    for name, window in every_window(policy).items():
        if name in as_in_the_real_file:
            assert window == real_windows[name], name
        else:
            assert window.counting is Counting.SECONDS, name
            assert window.length <= 20, name
            assert window.on_silence is real_windows[name].on_silence, name
            assert window.starts == real_windows[name].starts, name


@EVERY_COUNTRY
def test_a_silent_withdrawal_is_watched_in_twenty_seconds(country: str) -> None:
    policy = read_policy(country, DEMO)
    withdrawal, coming_back = withdrawing(policy), returning(policy)
    nothing_sent = withdrawal.send_goods.length + withdrawal.unsent.length
    assert nothing_sent <= 20
    # Sent at the last moment: received by silence, and refunded by an agent.
    assert withdrawal.send_goods.length + coming_back.inspection.length <= 20
    assert withdrawal.send_goods.length + withdrawal.refund_after_goods.length <= 20
    # As in the real files, the refund is not due before the time to send has passed.
    assert withdrawal.send_goods.length <= withdrawal.refund.length <= 20


def ends_of_days(country: str, last: str, safe: str | None = None) -> Due:
    """The ends of these local days, as exclusive instants."""
    zone = ZoneInfo(read_policy(country).zone)
    due, early = (
        datetime.combine(date.fromisoformat(day) + timedelta(days=1), datetime.min.time(), zone)
        for day in (last, safe or last)
    )
    return Due(due=due.astimezone(UTC), safe=early.astimezone(UTC) if safe else None)


@pytest.mark.parametrize(
    ("country", "delivered", "last"),
    [
        pytest.param("PL", "2026-12-11T15:00+01:00", "2026-12-28", id="6"),
        pytest.param("SI", "2026-12-10T15:00+01:00", "2026-12-24", id="7"),
    ],
)
def test_a_buyer_states_and_sends_until_the_day_of_the_worked_example(
    country: str, delivered: str, last: str
) -> None:
    terms, calendar = withdrawing(read_policy(country)), read_calendar(country, 2026, 2027)
    for window in (terms.statement, terms.send_goods):
        found = reckon(window.counting, window.length, datetime.fromisoformat(delivered), calendar)
        assert found == ends_of_days(country, last)


@pytest.mark.parametrize(
    ("received", "last", "safe"),
    [
        pytest.param("2026-04-17T12:00+02:00", "2026-05-04", "2026-04-30", id="8"),
        pytest.param("2026-11-18T23:30Z", "2026-12-03", "2026-12-03", id="10"),
    ],
)
def test_a_seller_refunds_by_the_days_of_the_worked_example(
    received: str, last: str, safe: str
) -> None:
    policy, calendar = read_policy("PL"), read_calendar("PL", 2026, 2027)
    for window in (withdrawing(policy).refund, cancelling(policy).refund):
        found = reckon(window.counting, window.length, datetime.fromisoformat(received), calendar)
        assert found == ends_of_days("PL", last, safe)


def test_holidays_are_as_policy_says() -> None:
    poland, slovenia = read_calendar("PL", 2024, 2026), read_calendar("SI", 2026, 2026)
    slovakia, hungary = read_calendar("SK", 2024, 2026), read_calendar("HU", 2026, 2026)
    assert poland.is_working(date(2024, 12, 24))
    assert poland.why_not(date(2025, 12, 24)) == "Christmas Eve"
    assert slovenia.is_working(date(2026, 4, 3))
    assert slovenia.why_not(date(2026, 4, 6)) == "Easter Monday"
    assert read_calendar("CZ", 2026, 2026).why_not(date(2026, 4, 3)) == "Good Friday"
    assert slovakia.why_not(date(2024, 11, 17)) == "Struggle for Freedom and Democracy Day"
    assert slovakia.is_working(date(2025, 11, 17))
    assert slovakia.is_working(date(2026, 11, 17))
    # Friday 21 August is free in exchange for Saturday 8 August.
    assert hungary.is_working(date(2026, 8, 8))
    assert not hungary.is_working(date(2026, 8, 21))
    assert hungary.why_not(date(2026, 8, 15)) == "Saturday"


def test_a_file_adds_and_removes_holidays(folder: Path) -> None:
    before = read_calendar("PL", 2026, 2026, folder)
    edit(folder, "add = {}", 'add = { "2026-05-15" = "national mourning" }')
    edit(folder, "remove = {}", 'remove = { "2026-06-04" = "worked this year" }')
    edit(folder, "working = {}", 'working = { "2026-05-16" = "instead of the day before" }')
    after = read_calendar("PL", 2026, 2026, folder)
    assert after.why_not(date(2026, 5, 15)) == "national mourning"
    assert after.is_working(date(2026, 6, 4))
    assert after.is_working(date(2026, 5, 16))
    assert before.is_working(date(2026, 5, 15))
    assert before.version != after.version


def test_an_edited_file_is_another_version(folder: Path) -> None:
    before = read_policy("PL", folder).version
    assert before == read_policy("PL").version
    edit(folder, "length = 7", "length = 8")
    after = read_policy("PL", folder).version
    assert before != after
    assert before.split("+")[0] == after.split("+")[0] == "2026.1"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "[every_process.claim]",
            "[every_process.klaim]",
            "every_process.klaim is not a known",
        ),
        ("[dispute.appeal]", "[dispute.apeal]", "dispute.apeal is not a known key"),
        ("length = 24", "lenght = 24", "inquiry.seller_reply.lenght is not a known key"),
        ("per_day = 20", "per_day = 20\nper_week = 9", "every_process.messages.per_week is not"),
        ('source = "seed H4"\n', "", "inquiry.seller_reply.source is missing here and"),
        ('source = "seed H4"', 'source = ""', "inquiry.seller_reply.source must not be empty"),
        (
            "length = 24",
            'length = "24"',
            "inquiry.seller_reply.length must be a whole number, not ",
        ),
        (
            "length = 24",
            "length = true",
            "inquiry.seller_reply.length must be a whole number, not ",
        ),
        (
            "length = 24",
            "length = 24.0",
            "inquiry.seller_reply.length must be a whole number, not ",
        ),
        ("length = 24", "length = nan", "inquiry.seller_reply.length"),
        ("length = 24", "length = 0", "inquiry.seller_reply.length must be "),
        ("length = 24", "length = 900000", "length is above three years"),
        ("remind_after = 16", "remind_after = 24", "remind_after must be shorter than length"),
        ("length = 14", "length = 14\nremind_after = 3", "every_process.hold: remind_after is not"),
        ("soft = true", 'soft = "yes"', "every_process.decision.soft must be true or "),
        ('"working-hours"', '"work-hours"', "every_process.claim.counting must be one of"),
        ('"2026.1"', "2026-01-01", "version must be text"),
        ('"PLN"', '"zloty"', "currency must be three capital letters, like PLN, not"),
        ('"Europe/Warsaw"', '"Europe/Nowhere"', "zone: there is no time zone 'Europe/Nowhere'"),
        ('"Europe/Warsaw"', '"../etc/passwd"', "zone: there is no time zone"),
        ('country = "PL"', 'country = "SI"', "country is SI, and the file's name says PL"),
        ("add = {}", 'add = { "2026-13-01" = "x" }', "calendar.add.2026-13-01"),
        ("add = {}", 'add = { "2026-05-15" = "" }', "calendar.add.2026-05-15"),
        ("200_000", "2000.00", "dispute.agent_limit_minor must be a whole number"),
        ('"close-reopenable"', '"close"', 'dispute.buyer_reply: on_silence must be "close-reop'),
        ('"close-reopenable"', '"forget"', "dispute.buyer_reply.on_silence must be one of"),
        (
            '"stays-withheld"',
            '"close"',
            'withdrawal.send_goods: on_silence must be "stays-withheld"',
        ),
        ('"ends-unsent"', '"agent"', 'goods_return.send_goods: on_silence must be "ends-unsent"'),
        ('"accepted"', '"lapses"', 'inspection: on_silence must be "accepted" or "agent": the'),
        ('"goes-back"', '"accepted"', 'goods_return.explanation: on_silence must be "goes-back"'),
        (
            "[withdrawal.unsent]",
            "[withdrawal.unsent]\nremind_after = 30",
            "withdrawal.unsent: remind_after is not known here",
        ),
        ("sole_traders = true", 'sole_traders = "yes"', "withdrawal.sole_traders must be true or"),
        ('share = "proportional"', 'share = "half"', "cancellation.delivery_share must be one of"),
        ('"platform-label"', '"post"', "goods_return.way must be one of platform-label"),
        ("[goods_return.label]", "[goods_return.lable]", "goods_return.lable is not a known key"),
        (
            "[withdrawal]",
            '[withdrawal]\nprocess = "dispute"',
            "withdrawal.process must be with",
        ),
        ("[dispute]", "[dispute", r"is not TOML: .*line \d+"),
        ("length = 24", "length = 24\nlength = 25", r"is not TOML: .*line \d+"),
    ],
)
def test_a_wrong_file_is_refused_by_key_in_one_sentence(
    folder: Path, old: str, new: str, sentence: str
) -> None:
    file = edit(folder, old, new)
    with pytest.raises(PolicyError, match=sentence) as caught:
        read_policy("PL", folder)
    assert file in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("below", "changes", "here"),
    [
        (HERE, {COMMON: {"dispute.appeal.length": 21}}, 21),
        (HERE, {"pl": {"dispute.appeal.length": 21}}, 21),
        (HERE, {COMMON: {"dispute.appeal.length": 3}, "pl": {"dispute.appeal.length": 21}}, 21),
        (HERE, {"si": {"dispute.appeal.length": 21}}, 14),
        (DEMO, {}, 5),
        (DEMO, {"pl": {"dispute.appeal.length": 9}}, 9),
    ],
)
def test_a_file_has_its_way_over_those_below_it_key_by_key(
    tmp_path: Path, below: Path, changes: dict[str, dict[str, object]], here: int
) -> None:
    folder = laid_over(below, tmp_path / "own", changes)
    own, theirs = (read_policy("PL", one).dispute for one in (folder, below))
    assert own is not None
    assert theirs is not None
    assert own.appeal == theirs.appeal.model_copy(update={"length": here})
    assert own.model_copy(update={"appeal": theirs.appeal}) == theirs
    assert countries(folder) == countries(below)
    check(folder)


def test_a_process_may_have_its_own_of_what_all_have_alike(tmp_path: Path) -> None:
    folder = laid_over(HERE, tmp_path / "own", {"pl": {"dispute.decision.length": 5}})
    policy, below = read_policy("PL", folder), read_policy("PL")
    theirs = windows(below.dispute)["decision"]
    assert windows(policy.dispute)["decision"] == theirs.model_copy(update={"length": 5})
    assert policy.complaint == below.complaint


def test_what_a_country_is_without_no_file_for_all_countries_brings_back(tmp_path: Path) -> None:
    gone = ["inquiry", "dispute.seller_reply.remind_after", "redress"]
    folder = laid_over(HERE, tmp_path / "own", {"pl": {"without": gone}})
    watched = tmp_path / "watched"
    shutil.copytree(DEMO, watched)
    common = watched / "common.toml"
    common.write_text(common.read_text().replace('over = ".."', 'over = "../own"'))
    for one, length in ((folder, 24), (watched, 6)):
        policy = read_policy("PL", one)
        assert (policy.inquiry, policy.redress) == (None, None)
        reply = windows(policy.dispute)["seller_reply"]
        assert (reply.length, reply.remind_after) == (length, None)
        assert read_policy("SI", one).inquiry is not None
        assert "PL" not in ways_outside(one)


@pytest.mark.parametrize("file", [COMMON, "pl"])
def test_a_file_replaces_a_section_that_it_is_without(tmp_path: Path, file: str) -> None:
    own: dict[str, object] = {
        "without": ["dispute.seller_reply"],
        "dispute.seller_reply.length": 2,
        "dispute.seller_reply.counting": "working-days",
        "dispute.seller_reply.starts": "the dispute is opened",
        "dispute.seller_reply.on_silence": "breach-and-escalate",
        "dispute.seller_reply.source": "law: our own",
    }
    folder = laid_over(HERE, tmp_path / "own", {file: own})
    assert table(read_policy("PL", folder).dispute)["seller_reply"] == (
        *(2, "working-days", None),
        False,
    )


@pytest.mark.parametrize(
    ("file", "keys", "sentence"),
    [
        ("pl", {"dispute.apeal.length": 3}, "dispute.apeal is not a known key"),
        (COMMON, {"dispute.appeal.lenght": 3}, "dispute.appeal.lenght is not a known key"),
        (COMMON, {"every_process.holt.length": 3}, "every_process.holt is not a known key"),
        (COMMON, {"rules": 3}, "rules is not a known key"),
        ("pl", {"dispute.appeal.length": "3"}, "dispute.appeal.length must be a whole number, not"),
        (COMMON, {"every_process.hold.soft": 1}, "every_process.hold.soft must be true or"),
        ("pl", {"complaint.answer.remind_after": 14}, "complaint.answer: remind_after must be sh"),
        ("pl", {"dispute.appeal": 3}, "dispute.appeal must be a section, as in policies/common"),
        ("pl", {"currency.code": "EUR"}, "currency must be no section, as in policies/pl.toml"),
        ("pl", {"every_process": 3}, "every_process must be a section, as in policies/common.toml"),
        ("pl", {"without": ["dispute.apeal"]}, "without names 'dispute.apeal', which no file be"),
        ("pl", {"without": "dispute.appeal"}, "without must be a list of keys, not 'dispute.app"),
        ("pl", {"without": [3]}, "without must be a list of keys, not"),
        ("pl", {"over": ".."}, "over is not a known key"),
        ("pl", {"country": "SI"}, "country is SI, and the file's name says PL"),
        (COMMON, {"over": "elsewhere"}, "over must be the path of a folder, not 'elsewhere'"),
        (COMMON, {"over": "\0"}, "over must be the path of a folder, not "),
        (COMMON, {"over": "x" * 5000}, "over must be the path of a folder, not 'xxx"),
        (COMMON, {"over": 3}, "over must be the path of a folder, not 3"),
        (COMMON, {"over": "."}, "over leads back to '.', which lies over it"),
    ],
)
def test_a_wrong_layer_is_refused_by_key_in_one_sentence(
    tmp_path: Path, file: str, keys: dict[str, object], sentence: str
) -> None:
    folder = laid_over(HERE, tmp_path / "own", {file: keys})
    with pytest.raises(PolicyError) as caught:
        read_policy("PL", folder)
    assert str(caught.value).startswith(f"own/{file}.toml: {sentence}")
    assert str(caught.value).count("\n") == 0


def test_folders_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    laid_over(tmp_path / "b", tmp_path / "a", {})
    laid_over(tmp_path / "a", tmp_path / "b", {})
    with pytest.raises(PolicyError, match=r"b/common\.toml: over leads back to '.*/a', which"):
        countries(tmp_path / "a")


def test_what_lost_the_key_below_it_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    # A window of all countries was given another name, which a file above does not know.
    edit(folder, "[complaint.choice]", "[complaint.chosen]")
    own = laid_over(folder, tmp_path / "own", {COMMON: {"complaint.choice.length": 3}})
    with pytest.raises(PolicyError, match=r"^policies/common\.toml: complaint\.chosen is not a kn"):
        read_policy("PL", own)
    text = (folder / "common.toml").read_text()
    start = text.index("[complaint.chosen]")
    end = text.index("[", start + 1)
    (folder / "common.toml").write_text(text[:start] + text[end:])
    with pytest.raises(PolicyError) as caught:
        read_policy("PL", own)
    assert str(caught.value) == (
        "own/common.toml: complaint.choice.counting is missing here and in policies/common.toml "
        "and policies/pl.toml."
    )


def test_a_country_says_what_its_own_file_has_to(folder: Path) -> None:
    path = folder / "pl.toml"
    path.write_text(path.read_text().replace("information_holds = false", ""))
    with pytest.raises(PolicyError) as caught:
        read_policy("PL", folder)
    assert str(caught.value) == (
        "policies/pl.toml: complaint.information_holds is missing here and in policies/common.toml."
    )


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="none is no folder, so it has no policies"):
        countries(tmp_path / "none")


def test_a_file_that_no_country_reads_is_refused(tmp_path: Path) -> None:
    folder = laid_over(HERE, tmp_path / "own", {"PL": {"dispute.appeal.length": 3}})
    with pytest.raises(PolicyError, match=r"own/PL\.toml is read by no country: a file is named"):
        check(folder)


def test_two_files_of_one_name_are_told_apart(folder: Path) -> None:
    own = laid_over(HERE, folder / "policies", {"pl": {"dispute.apeal.length": 3}})
    with pytest.raises(PolicyError, match=rf"{re.escape(str(own))}/pl\.toml: dispute\.apeal is n"):
        read_policy("PL", own)


def test_a_change_of_any_layer_is_another_version_of_the_countries_that_it_is_of(
    tmp_path: Path,
) -> None:
    shipped = tmp_path / "policies"
    shutil.copytree(HERE, shipped, ignore=shutil.ignore_patterns("*.py", "__*"))
    own = laid_over(shipped / "demo", tmp_path / "own", {"pl": {}, "si": {}})
    met = {read_policy("PL", own).version}
    slovenia = read_policy("SI", own).version
    files = [shipped / "pl.toml", own / "pl.toml"]
    for file in files:
        file.write_text(file.read_text() + "# Read again by a lawyer.\n")
        met.add(read_policy("PL", own).version)
        assert read_policy("SI", own).version == slovenia
    for file in (shipped / "common.toml", shipped / "demo" / "common.toml", own / "common.toml"):
        file.write_text(file.read_text() + "# Read again by a lawyer.\n")
        met.add(read_policy("PL", own).version)
        assert read_policy("SI", own).version != slovenia
        slovenia = read_policy("SI", own).version
    assert len(met) == 6
    assert {version.split("+")[0] for version in met} == {"demo-1"}


def test_a_country_in_one_whole_file_has_the_version_of_that_file(tmp_path: Path) -> None:
    whole = read_policy("PL").model_dump(mode="json", exclude_none=True)
    for section in PROCESSES:
        del whole[section]["process"]
    keys = {key: value for key, value in flat(whole).items() if value != {}}
    folder = tmp_path / "own"
    folder.mkdir()
    write_layer(folder / "pl.toml", keys)
    policy = read_policy("PL", folder)
    mark = sha256((folder / "pl.toml").read_bytes()).hexdigest()[:8]
    assert policy.version == f"{keys['version']}+{mark}"
    assert policy.model_copy(update={"version": ""}) == read_policy("PL").model_copy(
        update={"version": ""}
    )
    assert countries(folder) == ["PL"]


def flat(table: dict[str, Any], above: str = "") -> dict[str, object]:
    """What sections say, by such keys as `dispute.appeal.length`."""
    return {
        key: value
        for name, said in table.items()
        for key, value in (
            flat(said, f"{above}{name}.") if isinstance(said, dict) else {f"{above}{name}": said}
        ).items()
    }


def test_a_clock_that_may_be_a_withdrawals_is_as_long_as_one(folder: Path) -> None:
    clock = "[complaint.refund_if_withdrawal]\nlength = "
    edit(folder, f"{clock}14", f"{clock}15")
    with pytest.raises(PolicyError) as caught:
        read_policy("PL", folder)
    assert str(caught.value) == (
        "policies/pl.toml: complaint.refund_if_withdrawal must have the length and counting of "
        "withdrawal.refund."
    )  # the last file that says something of it


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"" = 3', "own/pl.toml: '' is not a known key."),
        ('"a\\nb" = 3', "own/pl.toml: 'a\\nb' is not a known key."),
        ('dispute."ap\\u2028peal" = 3', "own/pl.toml: dispute.'ap\\u2028peal' is not a known key."),
        (".".join("d" * 5000) + " = 3", "own/pl.toml: d.d has sections too deep in it."),
        (f"dispute = {'[' * 5000}{']' * 5000}", "own/pl.toml has lists too deep in each other."),
    ],
)
def test_whatever_a_file_says_is_refused_in_one_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    folder = laid_over(HERE, tmp_path / "own", {})
    (folder / "pl.toml").write_text(text)
    with pytest.raises(PolicyError) as caught:
        read_policy("PL", folder)
    assert str(caught.value) == sentence


def test_a_holiday_cannot_be_worked(folder: Path) -> None:
    edit(folder, "add = {}", 'add = { "2026-05-16" = "mourning" }')
    edit(folder, "working = {}", 'working = { "2026-05-16" = "worked" }')
    with pytest.raises(PolicyError, match="2026-05-16 cannot be both"):
        read_policy("PL", folder)


def test_a_file_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "pl.toml").write_bytes(b'country = "\xff"')
    with pytest.raises(PolicyError, match=r"pl.toml is not UTF-8 at byte 11"):
        read_policy("PL", folder)


@pytest.mark.parametrize("country", ["DE", "pl", "", "../pl", "P", "PL\n"])
def test_an_unknown_country_is_refused_and_the_known_are_named(country: str) -> None:
    with pytest.raises(PolicyError, match=rf"There is no policy for .* {', '.join(countries())}"):
        read_policy(country)


def test_is_a_policy_file_of_any_size_not_read(tmp_path: Path) -> None:
    (tmp_path / "pl.toml").write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(PolicyError, match=r"pl.toml has more than 1,000,000 bytes"):
        read_policy("PL", tmp_path)


def test_years_without_known_holidays_are_refused() -> None:
    first, last = known_years("SI")
    assert read_calendar("SI", first, last).last_year == last
    for years in ((first - 1, first), (last, last + 1), (2027, 2026)):
        with pytest.raises(PolicyError, match=f"known from {first} to {last}, not from"):
            read_calendar("SI", *years)


def test_a_country_without_known_holidays_is_refused(folder: Path) -> None:
    edit(folder, 'country = "PL"', 'country = "QQ"')
    (folder / "pl.toml").rename(folder / "qq.toml")
    with pytest.raises(PolicyError, match="holidays of 'QQ' are not known"):
        read_calendar("QQ", 2026, 2026, folder)


def test_every_silence_is_promised_by_some_window() -> None:
    every = [
        window for country in COUNTRIES for window in every_window(read_policy(country)).values()
    ]
    assert {window.on_silence for window in every} == set(OnSilence)
