"""Does every shipped policy load, and does a wrong one say what is wrong with it?"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
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
    LARGEST_FILE,
    PolicyError,
    countries,
    known_years,
    read_calendar,
    read_policy,
    ways_outside,
)

COUNTRIES = ["CZ", "HU", "PL", "SI", "SK"]
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
    (copy / "pl.toml").write_bytes((HERE / "pl.toml").read_bytes())
    return copy


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "pl.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_five_countries_are_shipped_and_each_can_be_watched() -> None:
    assert countries() == countries(DEMO) == COUNTRIES


@pytest.mark.parametrize(("folder", "country"), SHIPPED)
def test_every_shipped_policy_loads(folder: Path, country: str) -> None:
    policy = read_policy(country, folder)
    calendar = read_calendar(country, 2026, 2027, folder)
    assert policy.country == calendar.country == country
    assert policy.zone == calendar.zone
    assert policy.version in calendar.version


@pytest.mark.parametrize(("folder", "country"), SHIPPED)
def test_every_process_runs_in_every_country(folder: Path, country: str) -> None:
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


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_country_says_where_else_a_consumer_can_go(country: str) -> None:
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


@pytest.mark.parametrize("country", COUNTRIES)
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


@pytest.mark.parametrize("country", COUNTRIES)
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


@pytest.mark.parametrize("country", COUNTRIES)
def test_an_order_may_be_cancelled_for_three_days(country: str) -> None:
    terms = cancelling(read_policy(country))
    assert table(terms) == REFUNDING | {
        "cancel": (3, "calendar-days", None, False),
        "refund": (14, "seller-days", 9, False),
        "sent_anyway": (7, "calendar-days", None, True),
    }
    assert terms.cancel.source == "seed W2"


@pytest.mark.parametrize("country", COUNTRIES)
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


@pytest.mark.parametrize("country", COUNTRIES)
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


@pytest.mark.parametrize("country", COUNTRIES)
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


@pytest.mark.parametrize("country", COUNTRIES)
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


@pytest.mark.parametrize("country", COUNTRIES)
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
        ("[dispute.appeal]", "[dispute.apeal]", "dispute.appeal is missing"),
        ("length = 24", "lenght = 24", "inquiry.seller_reply.length is missing"),
        ("per_day = 20", "per_day = 20\nper_week = 9", "every_process.messages.per_week is not"),
        ('source = "seed H4"\n', "", "inquiry.seller_reply.source is missing"),
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
        (
            "[complaint.refund_if_withdrawal]\nlength = 14",
            "[complaint.refund_if_withdrawal]\nlength = 15",
            "complaint.refund_if_withdrawal must have the length and counting of withdrawal.refund",
        ),
        ("sole_traders = true", 'sole_traders = "yes"', "withdrawal.sole_traders must be true or"),
        ('share = "proportional"', 'share = "half"', "cancellation.delivery_share must be one of"),
        ('"platform-label"', '"post"', "goods_return.way must be one of platform-label"),
        ("[goods_return.label]", "[goods_return.lable]", "goods_return.label is missing"),
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
    edit(folder, old, new)
    with pytest.raises(PolicyError, match=sentence) as caught:
        read_policy("PL", folder)
    assert "policies/pl.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


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
    with pytest.raises(PolicyError, match=r"There is no policy for .* CZ, HU, PL, SI, SK"):
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
