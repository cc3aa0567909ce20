"""The letters: is every one there in every language, complete, well formed and tamper-proof?"""

import re
import shutil
import tomllib
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, UndefinedError, meta

from activities.rendering import (
    JOINING,
    LOCALES,
    TABLES,
    CaseNamed,
    Letters,
    Rendered,
    Setting,
    UnknownWordError,
)
from domain.commands import RefuseReason, Remedy, Verdict
from domain.money import Money
from domain.notices import Ending, Facts, Notice, NoticeName
from domain.orders import Person
from domain.parties import Actor, Party

TEMPLATES = Path(__file__).parent.parent / "templates"
AT = datetime(2026, 12, 21, 9, 0, tzinfo=UTC)
DUE = datetime(2026, 12, 28, 23, 0, tzinfo=UTC)
"""Midnight in Warsaw: the end of Monday 28 December (policy.md, worked example 6)."""

TEXT = "Kettle leaks at the bottom. Please replace it."
BUYER = Actor(party=Party.BUYER, id="b-1", name="Joanna Lis")
SELLER = Actor(party=Party.SELLER, id="s-1")
AGENT = Actor(party=Party.AGENT, id="a-1", name="Ana Kranjc")
AMOUNT = Money(amount_minor=123_450, currency="PLN")

FULL: dict[NoticeName, dict[str, Any]] = {
    NoticeName.INQUIRY_OPENED: {"text": TEXT, "writer": BUYER, "due": DUE},
    NoticeName.INQUIRY_RECEIVED: {"due": DUE},
    NoticeName.INQUIRY_BECAME_DISPUTE: {},
    NoticeName.DISPUTE_OPENED: {
        "reason": "DETECT_FOUND_DURING_USE",
        "remedy": Remedy.REPLACEMENT,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": BUYER,
        "due": DUE,
    },
    NoticeName.DISPUTE_RECEIVED: {"remedy": Remedy.REPAIR, "amount": AMOUNT, "due": DUE},
    NoticeName.MESSAGE: {"text": TEXT, "writer": SELLER, "due": DUE},
    NoticeName.QUESTION: {"text": TEXT, "writer": AGENT, "due": DUE},
    NoticeName.OFFER_MADE: {
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": SELLER,
        "due": DUE,
    },
    NoticeName.OFFER_ACCEPTED: {"remedy": Remedy.PARTIAL_REFUND, "amount": AMOUNT},
    NoticeName.OFFER_REJECTED: {"text": TEXT, "writer": BUYER, "due": DUE},
    NoticeName.CLAIM_REFUSED: {
        "refused": RefuseReason.AS_DESCRIBED,
        "text": TEXT,
        "writer": SELLER,
        "due": DUE,
    },
    NoticeName.REPLY_REMINDER: {"due": DUE},
    NoticeName.REPLY_BREACH: {"due": DUE},
    NoticeName.HELP_WANTED: {"writer": BUYER},
    NoticeName.AGENT_JOINS: {"reason": "seller-silent", "due": DUE},
    NoticeName.BUYER_SILENT: {"due": DUE},
    NoticeName.REOPENED: {"text": TEXT, "due": DUE},
    NoticeName.DECISION: {
        "verdict": Verdict.SHARED,
        "remedy": Remedy.PARTIAL_REFUND,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": AGENT,
        "due": DUE,
    },
    NoticeName.APPEALED: {"text": TEXT, "due": DUE},
    NoticeName.DECISION_FINAL: {
        "verdict": Verdict.FOR_BUYER,
        "remedy": Remedy.RETURN_FOR_REFUND,
        "amount": AMOUNT,
        "text": TEXT,
        "writer": AGENT,
    },
    NoticeName.FULFILMENT_ASKED: {"remedy": Remedy.REPAIR, "due": DUE},
    NoticeName.FULFILMENT_EXPECTED: {"remedy": Remedy.RETURN_FOR_REFUND, "due": DUE},
    NoticeName.FULFILLED: {"remedy": Remedy.RETURN_FOR_REFUND, "text": TEXT},
    NoticeName.REFUND_CONFIRMED: {"amount": AMOUNT},
    NoticeName.REFUND_DELAYED: {"amount": AMOUNT},
    NoticeName.CLOCK_HELD: {"text": TEXT},
    NoticeName.CLOCK_RESUMED: {"awaited": Party.SELLER, "due": DUE},
    NoticeName.DEADLINE_MOVED: {"awaited": Party.SELLER, "due": DUE},
    NoticeName.CLOSED: {"ending": Ending.SETTLED, "text": TEXT},
}
"""Every fact that each notice can be given."""

OPTIONAL: dict[NoticeName, set[str]] = {
    NoticeName.DISPUTE_OPENED: {"writer"},
    NoticeName.MESSAGE: {"due"},
    NoticeName.QUESTION: {"due"},
    NoticeName.OFFER_MADE: {"amount", "text", "due"},
    NoticeName.OFFER_ACCEPTED: {"amount"},
    NoticeName.OFFER_REJECTED: {"text", "writer", "due"},
    NoticeName.CLAIM_REFUSED: {"due", "writer"},
    NoticeName.INQUIRY_OPENED: {"writer"},
    NoticeName.REOPENED: {"text"},
    NoticeName.DECISION: {"remedy", "amount", "writer"},
    NoticeName.APPEALED: {"text"},
    NoticeName.DECISION_FINAL: {"remedy", "amount", "text", "writer"},
    NoticeName.FULFILLED: {"text"},
    NoticeName.DEADLINE_MOVED: {"awaited"},
    NoticeName.CLOSED: {"text"},
}
"""The facts that a notice can do without."""

ONE_READER = {
    NoticeName.INQUIRY_OPENED: Party.SELLER,
    NoticeName.INQUIRY_RECEIVED: Party.BUYER,
    NoticeName.INQUIRY_BECAME_DISPUTE: Party.SELLER,
    NoticeName.DISPUTE_OPENED: Party.SELLER,
    NoticeName.DISPUTE_RECEIVED: Party.BUYER,
    NoticeName.CLAIM_REFUSED: Party.BUYER,
    NoticeName.REOPENED: Party.SELLER,
    NoticeName.FULFILMENT_ASKED: Party.SELLER,
    NoticeName.FULFILMENT_EXPECTED: Party.BUYER,
    NoticeName.FULFILLED: Party.BUYER,
    NoticeName.REFUND_DELAYED: Party.BUYER,
}


@pytest.fixture(scope="module")
def letters() -> Letters:
    return Letters(TEMPLATES, "Bazar")


def people(locale: str, name: str = "Joanna Lis") -> dict[Party, Person]:
    return {
        Party.BUYER: Person(id="b-1", name=name, email="buyer@example.test", locale=locale),
        Party.SELLER: Person(
            id="s-1", name="Sklep Kuchenny", email="seller@example.test", locale=locale
        ),
    }


def setting(locale: str, name: str = "Joanna Lis", zone: str = "Europe/Warsaw") -> Setting:
    case = CaseNamed("dispute:PL:ORD-1001:1", "ORD-1001")
    return Setting(case=case, zone=zone, people=people(locale, name), at=AT)


def render(
    letters: Letters, locale: str, name: NoticeName, to: Party, facts: dict[str, Any]
) -> Rendered:
    notice = Notice(key=f"1:{name}", to=to, name=name, facts=Facts(**facts))
    return letters.render(notice, setting(locale))


class Reading(HTMLParser):
    """What a mail program makes of the HTML part: its tags in order, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def variables(locale: str, name: NoticeName) -> set[str]:
    source = (TEMPLATES / "notices" / locale / f"{name}.md").read_text("utf-8")
    environment = Environment(autoescape=True)
    for each in ("quote", "who", "code", "word", "money", "deadline"):
        environment.filters[each] = str
    return meta.find_undeclared_variables(environment.parse(source))


# Completeness.


def test_does_the_table_of_facts_name_every_notice() -> None:
    assert set(FULL) == set(NoticeName)


@pytest.mark.parametrize("locale", LOCALES)
def test_is_every_notice_there_and_no_other(locale: str) -> None:
    files = {file.stem for file in (TEMPLATES / "notices" / locale).glob("*.md")}
    assert files == set(NoticeName) | {"layout", "footer"}


@pytest.mark.parametrize("name", NoticeName)
def test_do_all_languages_tell_the_same_facts(name: NoticeName) -> None:
    told = {locale: variables(locale, name) for locale in LOCALES}
    assert told["pl"] == told["en"]
    assert told["sl"] == told["en"]
    assert told["en"] <= set(FULL[name]) | {"case", "reader", "writer"}


@pytest.mark.parametrize("locale", LOCALES)
def test_is_every_word_of_the_domain_translated(locale: str) -> None:
    words = tomllib.loads((TEMPLATES / "notices" / locale / "words.toml").read_text("utf-8"))
    for kind, table in TABLES.items():
        assert set(words[table]) == {member.value for member in kind}
    assert set(words["joining"]) == set(JOINING)
    assert len(words["until"]["weekdays"]) == 7
    assert len(words["until"]["months"]) == 12
    assert set(words) == {*TABLES.values(), "joining", "until"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("to", [Party.BUYER, Party.SELLER])
@pytest.mark.parametrize("name", NoticeName)
def test_is_every_letter_whole(letters: Letters, name: NoticeName, to: Party, locale: str) -> None:
    letter = render(letters, locale, name, to, FULL[name])
    page = Reading(letter.html)
    assert letter.locale == locale
    assert "ORD-1001" in letter.subject
    assert "\n" not in letter.subject
    assert len(letter.subject) <= 78
    assert f'<html lang="{locale}">' in letter.html
    assert "<strong" in letter.html
    for text in (letter.subject, letter.text, letter.html, page.text):
        assert not re.search(r"\{\{|\}\}|\{%|%\}|\bNone\b|Undefined", text)
    assert not re.search(r"\n\n\n|(?<!--) \n", letter.text)
    assert "**" not in page.text
    assert "\\" not in page.text
    assert letter.text.rstrip().endswith("(Europe/Warsaw)")
    # The buyer need not know which instant the seller missed.
    if "due" in FULL[name] and (name, to) != (NoticeName.REPLY_BREACH, Party.BUYER):
        assert re.search("28[. ].*2026", letter.text)
    if "amount" in FULL[name]:
        assert re.search(r"1[.,\u00a0 ]?234[,.]50", letter.text)
    if "text" in FULL[name]:
        assert f"> {TEXT}" in letter.text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", OPTIONAL)
def test_can_a_letter_do_without_what_is_optional(
    letters: Letters, name: NoticeName, locale: str
) -> None:
    to = ONE_READER.get(name, Party.BUYER)
    for missing in ({fact} for fact in OPTIONAL[name]):
        facts = {fact: value for fact, value in FULL[name].items() if fact not in missing}
        letter = render(letters, locale, name, to, facts)
        assert len(letter.text) < len(render(letters, locale, name, to, FULL[name]).text) + 60
        assert "\n\n\n" not in letter.text
    bare = {fact: FULL[name][fact] for fact in FULL[name] if fact not in OPTIONAL[name]}
    if name is NoticeName.OFFER_MADE:
        assert "Sklep Kuchenny" in render(letters, locale, name, to, bare).text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", [each for each in NoticeName if FULL[each]])
def test_does_a_fact_that_is_missing_stop_the_letter(
    letters: Letters, name: NoticeName, locale: str
) -> None:
    needed = set(FULL[name]) - OPTIONAL.get(name, set())
    to = ONE_READER.get(name, Party.SELLER)
    for fact in needed:
        facts = {each: value for each, value in FULL[name].items() if each != fact}
        with pytest.raises(UndefinedError, match=fact):
            render(letters, locale, name, to, facts)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("remedy", Remedy)
def test_does_every_remedy_read_well_in_the_letters_about_it(
    letters: Letters, remedy: Remedy, locale: str
) -> None:
    words = tomllib.loads((TEMPLATES / "notices" / locale / "words.toml").read_text("utf-8"))
    for name in (
        NoticeName.OFFER_ACCEPTED,
        NoticeName.DECISION_FINAL,
        NoticeName.FULFILMENT_ASKED,
        NoticeName.FULFILMENT_EXPECTED,
        NoticeName.FULFILLED,
    ):
        for to in (Party.BUYER, Party.SELLER):
            letter = render(letters, locale, name, to, FULL[name] | {"remedy": remedy})
            assert words["remedy"][remedy] in letter.text


def test_is_an_unknown_reason_for_an_agent_told_to_the_programmer(letters: Letters) -> None:
    facts = FULL[NoticeName.AGENT_JOINS] | {"reason": "bored"}
    with pytest.raises(UnknownWordError, match=r"'bored'.*\[joining\].*pl/words\.toml"):
        render(letters, "pl", NoticeName.AGENT_JOINS, Party.BUYER, facts)


def test_does_a_reader_of_another_language_get_english(letters: Letters) -> None:
    letter = render(letters, "hu", NoticeName.CLOSED, Party.BUYER, FULL[NoticeName.CLOSED])
    assert letter.locale == "en"
    assert letter.text.startswith("Hello Joanna Lis,")


def test_does_a_missing_template_stop_the_worker(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates/notices/sl/closed.md").unlink()
    with pytest.raises(FileNotFoundError, match="closed"):
        Letters(tmp_path / "templates", "Bazar")


def test_does_a_template_without_a_subject_say_how_to_begin(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates/notices/pl/closed.md").write_text("Sprawa zamknięta.\n", "utf-8")
    with pytest.raises(ValueError, match=r"Begin .*closed\.md with three lines"):
        Letters(tmp_path / "templates", "Bazar")


# Dates and money.


TUESDAY = datetime(2026, 4, 7, 14, 30, tzinfo=UTC)
SOON = AT + timedelta(seconds=42)
NEW_YEAR = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
FAR = datetime(2026, 12, 22, 15, 30, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "due", "says"),
    [
        ("pl", DUE, "do końca poniedziałku, 28 grudnia 2026 roku"),
        ("sl", DUE, "do konca ponedeljka, 28. decembra 2026"),
        ("en", DUE, "by the end of Monday 28 December 2026"),
        ("pl", TUESDAY, "do wtorku, 7 kwietnia 2026 roku, do godziny 16:30"),
        ("sl", TUESDAY, "do torka, 7. aprila 2026, do 16:30"),
        ("en", TUESDAY, "by 16:30 on Tuesday 7 April 2026"),
        # Far away, seconds are noise, and leaving them out errs on the safe side.
        ("en", FAR, "by 16:30 on Tuesday 22 December 2026"),
        ("en", SOON, "by 10:00:42 on Monday 21 December 2026"),
        ("pl", SOON, "do poniedziałku, 21 grudnia 2026 roku, do godziny 10:00:42"),
        # A second past midnight is no longer the end of the day before.
        ("en", DUE + timedelta(seconds=1), "by 00:00 on Tuesday 29 December 2026"),
        # The end of the day on which the clocks go forward, and back.
        ("en", datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "by the end of Sunday 29 March 2026"),
        ("en", datetime(2026, 10, 25, 23, 0, tzinfo=UTC), "by the end of Sunday 25 October 2026"),
        ("pl", NEW_YEAR, "do końca czwartku, 31 grudnia 2026 roku"),
    ],
)  # fmt: skip
def test_is_a_deadline_told_as_a_person_says_it(
    letters: Letters, locale: str, due: datetime, says: str
) -> None:
    letter = render(letters, locale, NoticeName.REPLY_REMINDER, Party.SELLER, {"due": due})
    assert f" {says}.**" in letter.text
    assert f" {says}." in Reading(letter.html).text


def test_is_a_deadline_told_in_the_time_of_the_case(letters: Letters) -> None:
    notice = Notice(key="1", to=Party.BUYER, name=NoticeName.REPLY_REMINDER, facts=Facts(due=DUE))
    letter = letters.render(notice, setting("en", zone="Europe/Budapest"))
    assert "by the end of Monday 28 December 2026" in letter.text
    letter = letters.render(notice, setting("en", zone="UTC"))
    assert "by 23:00 on Monday 28 December 2026" in letter.text


@pytest.mark.parametrize(
    ("locale", "amount", "says"),
    [
        ("pl", AMOUNT, "1\u00a0234,50\u00a0zł"),
        ("sl", AMOUNT, "1.234,50\u00a0PLN"),
        ("en", AMOUNT, "PLN\u00a01,234.50"),
        ("pl", Money(amount_minor=5, currency="EUR"), "0,05\u00a0€"),
        ("sl", Money(amount_minor=120_000, currency="EUR"), "1.200,00\u00a0€"),
        ("en", Money(amount_minor=10**12, currency="HUF"), "HUF\u00a010,000,000,000.00"),
    ],
)
def test_is_money_written_as_the_reader_writes_it(
    letters: Letters, locale: str, amount: Money, says: str
) -> None:
    letter = render(letters, locale, NoticeName.REFUND_CONFIRMED, Party.BUYER, {"amount": amount})
    assert says in letter.text
    assert says in Reading(letter.html).text


# Whose letter it is.


@pytest.mark.parametrize("locale", LOCALES)
def test_is_a_letter_of_an_agent_signed_with_first_and_last_name(
    letters: Letters, locale: str
) -> None:
    facts = FULL[NoticeName.DECISION]
    signed = render(letters, locale, NoticeName.DECISION, Party.BUYER, facts).text
    assert "\nAna Kranjc\n" in signed.partition("\n-- \n")[0]
    service = render(letters, locale, NoticeName.CLOSED, Party.BUYER, FULL[NoticeName.CLOSED]).text
    assert "Ana Kranjc" not in service
    assert service.partition("\n\n-- \n")[0].endswith(", Bazar")


def test_is_a_trader_named_under_what_they_wrote(letters: Letters) -> None:
    facts = FULL[NoticeName.INQUIRY_OPENED]
    text = render(letters, "pl", NoticeName.INQUIRY_OPENED, Party.SELLER, facts).text
    assert f"> {TEXT}\n>\n> — Joanna Lis, kupujący\n" in text


def test_is_a_trader_without_a_name_named_as_the_marketplace_knows_them(letters: Letters) -> None:
    facts = FULL[NoticeName.CLAIM_REFUSED]
    text = render(letters, "sl", NoticeName.CLAIM_REFUSED, Party.BUYER, facts).text
    assert "> — Sklep Kuchenny, prodajalec\n" in text


# Injection.

HOSTILE = """# Wygrana!
[Zapłać tutaj](https://evil.example) ![x](https://evil.example/p.png) <https://evil.example>
<script>alert(1)</script> <img src=x onerror=alert(1)> &lt;b&gt; &amp;
Setext
======
- item
1. item
    indented code
> nested
```
fence
```
***
[ref]: https://evil.example "x"
| a | b |
*bold* _it_ `code` ~~x~~ {{ 7 * 7 }} {% raw %} C:\\temp\\
-- \r
Subject: forged\x00\x1b[31m\u202egnp.exe\u2028next\x85line"""


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", [each for each in NoticeName if "text" in FULL[each]])
def test_does_a_text_stay_a_text(letters: Letters, name: NoticeName, locale: str) -> None:
    to = ONE_READER.get(name, Party.BUYER)
    harmless = render(letters, locale, name, to, FULL[name])
    hostile = render(letters, locale, name, to, FULL[name] | {"text": HOSTILE})
    assert hostile.subject == harmless.subject
    seen, wanted = Reading(hostile.html), Reading(harmless.html)
    # Only line breaks come to the letter's own markup.
    assert [tag for tag in seen.tags if tag != "br"] == [tag for tag in wanted.tags if tag != "br"]
    shown = re.sub(r"\s+", " ", seen.text)
    assert "[Zapłać tutaj](https://evil.example)" in shown
    assert "<script>alert(1)</script> <img src=x onerror=alert(1)> &lt;b&gt; &amp;" in shown
    assert "*bold* _it_ `code` ~~x~~ {{ 7 * 7 }} {% raw %} C:\\temp\\" in shown
    # In the plain part each line of the text is marked as quoted, and nothing else changes.
    own = [line for line in hostile.text.splitlines() if not line.startswith(">")]
    assert own == [line for line in harmless.text.splitlines() if not line.startswith(">")]
    assert not re.search("[\x00\x1b\u202e\u2028\x85]", hostile.text + hostile.html)


@pytest.mark.parametrize(
    "name",
    [
        "Ana\r\nBcc: all@evil.example",
        "<b>Ana</b> [x](https://evil.example)",
        "# Ana\n\n* * *\n",
        "\u202eanA {{ 7*7 }}",
        "> Ana",
    ],
)
@pytest.mark.parametrize("locale", LOCALES)
def test_does_a_name_stay_a_name(letters: Letters, locale: str, name: str) -> None:
    writer = Actor(party=Party.BUYER, id="b-1", name=name)
    facts = Facts(**(FULL[NoticeName.INQUIRY_OPENED] | {"writer": writer}))
    notice = Notice(key="1", to=Party.BUYER, name=NoticeName.INQUIRY_OPENED, facts=facts)
    hostile = letters.render(notice, setting(locale, name))
    harmless = render(letters, locale, NoticeName.INQUIRY_OPENED, Party.BUYER, dict(facts))
    plain = FULL[NoticeName.INQUIRY_OPENED]
    usual = render(letters, locale, NoticeName.INQUIRY_OPENED, Party.BUYER, plain)
    assert hostile.subject == harmless.subject == usual.subject
    assert Reading(hostile.html).tags == Reading(usual.html).tags
    assert len(hostile.text.splitlines()) == len(usual.text.splitlines())
    assert not re.search(r"^(Bcc|#|\* \*)", hostile.text, re.MULTILINE)


def test_does_a_code_of_the_marketplace_stay_a_code(letters: Letters) -> None:
    facts = FULL[NoticeName.DISPUTE_OPENED] | {"reason": "`<b>*x*\n# `[a](b)"}
    letter = render(letters, "en", NoticeName.DISPUTE_OPENED, Party.SELLER, facts)
    usual = render(
        letters, "en", NoticeName.DISPUTE_OPENED, Party.SELLER, FULL[NoticeName.DISPUTE_OPENED]
    )
    assert Reading(letter.html).tags == Reading(usual.html).tags
    assert "'<b>*x* # '[a](b)" in Reading(letter.html).text


def test_can_no_subject_hold_what_a_person_wrote(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    file = tmp_path / "templates/notices/en/closed.md"
    source = file.read_text("utf-8")
    file.write_text(source.replace("the case is closed\n", "{{ text }}\n", 1), "utf-8")
    letters = Letters(tmp_path / "templates", "Bazar")
    with pytest.raises(UndefinedError, match="text"):
        render(letters, "en", NoticeName.CLOSED, Party.BUYER, FULL[NoticeName.CLOSED])


@pytest.mark.parametrize("locale", LOCALES)
def test_does_no_letter_point_away_from_the_platform(locale: str) -> None:
    for file in (TEMPLATES / "notices" / locale).iterdir():
        source = file.read_text("utf-8").lower()
        assert not re.search(r"https?://|mailto|whatsapp|telefon|phone|sms|messenger", source)
