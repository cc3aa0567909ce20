"""Does every shipped policy load, and does a wrong one say what is wrong with it?"""

from datetime import date
from pathlib import Path

import pytest

from domain.deadlines import Counting
from domain.policy import DisputePolicy, InquiryPolicy, OnSilence, Window
from policies import DEMO, HERE, PolicyError, countries, known_years, read_calendar, read_policy

SHIPPED = [(folder, country) for folder in (HERE, DEMO) for country in countries(folder)]


def windows(process: DisputePolicy | InquiryPolicy) -> dict[str, Window]:
    return {name: value for name, value in process if isinstance(value, Window)}


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


def test_five_countries_are_shipped_and_two_can_be_watched() -> None:
    assert countries() == ["CZ", "HU", "PL", "SI", "SK"]
    assert countries(DEMO) == ["PL", "SI"]


@pytest.mark.parametrize(("folder", "country"), SHIPPED)
def test_every_shipped_policy_loads(folder: Path, country: str) -> None:
    policy = read_policy(country, folder)
    calendar = read_calendar(country, 2026, 2027, folder)
    assert policy.country == calendar.country == country
    assert policy.zone == calendar.zone
    assert policy.version in calendar.version


@pytest.mark.parametrize("country", ["PL", "SI"])
def test_the_defaults_are_those_of_the_table(country: str) -> None:
    policy = read_policy(country)
    assert policy.dispute is not None
    assert policy.inquiry is not None
    found = {
        name: (window.length, window.counting.value, window.remind_after, window.soft)
        for name, window in windows(policy.dispute).items()
    }
    assert found == {
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
    }
    assert windows(policy.inquiry)["seller_reply"].source == "seed H4"
    assert policy.dispute.agent_limit_minor == {"PL": 200_000, "SI": 50_000}[country]
    assert policy.dispute.messages == policy.inquiry.messages


@pytest.mark.parametrize("country", ["PL", "SI"])
def test_a_watched_case_counts_the_sellers_time_in_seconds(country: str) -> None:
    policy, real = read_policy(country, DEMO), read_policy(country)
    assert policy.dispute is not None
    assert policy.inquiry is not None
    assert real.dispute is not None
    for window in (policy.dispute.seller_reply, policy.inquiry.seller_reply, policy.dispute.appeal):
        assert window.counting is Counting.SECONDS
        assert window.length <= 15
    # What waits at the end of the demo waits as long as a real case.
    assert policy.dispute.decision == real.dispute.decision


@pytest.mark.parametrize("country", ["CZ", "SK", "HU"])
def test_countries_to_come_have_a_calendar_and_no_process(country: str) -> None:
    policy = read_policy(country)
    assert policy.dispute is None
    assert policy.inquiry is None


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
        ("[dispute.claim]", "[dispute.klaim]", "dispute.claim is missing"),
        ("length = 24", "lenght = 24", "inquiry.seller_reply.length is missing"),
        ("per_day = 20", "per_day = 20\nper_week = 9", "inquiry.messages.per_week is not a known"),
        ('source = "seed H4"\n', "", "inquiry.seller_reply.source is missing"),
        ('source = "seed H4"', 'source = ""', "inquiry.seller_reply.source: String should have"),
        (
            "length = 24",
            'length = "24"',
            "inquiry.seller_reply.length: Input should be a valid int",
        ),
        (
            "length = 24",
            "length = true",
            "inquiry.seller_reply.length: Input should be a valid int",
        ),
        (
            "length = 24",
            "length = 24.0",
            "inquiry.seller_reply.length: Input should be a valid int",
        ),
        ("length = 24", "length = nan", "inquiry.seller_reply.length"),
        ("length = 24", "length = 0", "inquiry.seller_reply.length: Input should be greater"),
        ("length = 24", "length = 900000", "length is above three years"),
        ("remind_after = 16", "remind_after = 24", "remind_after must be shorter than length"),
        ("length = 14", "length = 14\nremind_after = 3", "inquiry.inactivity: remind_after is not"),
        ("soft = true", 'soft = "yes"', "inquiry.inactivity.soft: Input should be a valid boolean"),
        ('"working-hours"', '"work-hours"', "inquiry.seller_reply.counting: Input should be"),
        ('"2026.1"', "2026-01-01", "version: Input should be a valid string"),
        ('"PLN"', '"zloty"', "currency: String should match pattern"),
        ('"Europe/Warsaw"', '"Europe/Nowhere"', "zone: there is no time zone 'Europe/Nowhere'"),
        ('"Europe/Warsaw"', '"../etc/passwd"', "zone: there is no time zone"),
        ('country = "PL"', 'country = "SI"', "country is SI, and the file's name says PL"),
        ("add = {}", 'add = { "2026-13-01" = "x" }', "calendar.add.2026-13-01"),
        ("add = {}", 'add = { "2026-05-15" = "" }', "calendar.add.2026-05-15"),
        ("200_000", "2000.00", "dispute.agent_limit_minor: Input should be a valid integer"),
        ('"close-reopenable"', '"close"', 'dispute.buyer_reply: on_silence must be "close-reop'),
        ('"close-reopenable"', '"forget"', "dispute.buyer_reply.on_silence: Input should be"),
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
    policy = read_policy("PL")
    assert policy.dispute is not None
    assert policy.inquiry is not None
    every = [*windows(policy.dispute).values(), *windows(policy.inquiry).values()]
    assert {window.on_silence for window in every} == set(OnSilence)
