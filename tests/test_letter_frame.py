"""The letters as a whole: is there no code in them, one way to the case, and what matters first?"""

import re
from dataclasses import replace
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.look import Look
from activities.markup import as_html, as_text, escape, parsed
from activities.rendering import JOINING, Letters, Rendered, clean, read
from domain.causes import CODES, Cause
from domain.goods import Condition, Goods, Undelivered, Way
from domain.notices import Facts, Notice, NoticeName
from domain.orders import Person
from domain.parties import Party
from domain.refusals import Code
from tests.test_look import NO_LINKS
from tests.test_templates import (
    FULL,
    HOSTILE,
    LOCALES,
    ONE_READER,
    READERS,
    TEMPLATES,
    Reading,
    on_day,
    people,
    render,
    setting,
    words_of,
)

CASE_URL = "https://bazar.example/cases/{case_id}"
PAGE = "https://bazar.example/cases/dispute%3APL%3AORD-1001%3A1"
ADDRESS = ("Kuchnia, zwroty", "ul. Magazynowa 3", "30-001 Kraków")


@pytest.fixture(scope="module")
def letters() -> Letters:
    return Letters(TEMPLATES, "Bazar")


@pytest.fixture(scope="module")
def leading() -> Letters:
    """Letters that know where a case is read."""
    return Letters(TEMPLATES, "Bazar", Look(case_url=CASE_URL))


def sold_by(
    letters: Letters, locale: str, told: NoticeName, facts: dict[str, Any], **seller: Any
) -> Rendered:
    """A letter to the buyer of a seller with these members."""
    known = people(locale)
    known[Party.SELLER] = Person(**(known[Party.SELLER].model_dump() | seller))
    known_as = setting(locale)
    notice = Notice(key="1", to=Party.BUYER, name=told, facts=Facts(**facts))
    return letters.render(notice, replace(known_as, people=known))


# No code reaches a letter.

MARKETPLACES = [
    "DETECT_FOUND_DURING_USE",
    *(code.replace("-", "_").upper() for code in CODES),
    "Not as described",
    " item-not_received ",
]

REASONS: dict[NoticeName, list[str]] = {
    NoticeName.DISPUTE_OPENED: MARKETPLACES,
    NoticeName.AGENT_JOINS: list(JOINING),
    NoticeName.DELIVERY_FAILED: list(Undelivered),
    NoticeName.CHOICE_REFUSED: [*Code, "choice-not-turned"],
    NoticeName.PARCEL_FOUND_LATE: ["returned", "delivered"],
    NoticeName.COMPLAINT_TAKEN: ["no-right", "silence", "reason-differs"],
    NoticeName.SECOND_TIER_OPEN: ["seller-silent", "failed", "not-granted"],
}
"""What `reason` can be: it is of another kind in each letter."""

MODULES = sorted(path.stem for path in (Path(__file__).parent.parent / "domain").glob("[a-z]*.py"))

WORDS = {
    member.value
    for module in MODULES
    for kind in vars(import_module(f"domain.{module}")).values()
    if isinstance(kind, type) and issubclass(kind, StrEnum)
    for member in kind
} | {*JOINING, *CODES}
"""Every word that is ours or a marketplace's, and nobody else's."""

WORD = re.compile(r"[\w-]+")
CODED = re.compile(r"\b\w+(?:_\w+)+\b")


def told_in_every_way(name: NoticeName) -> list[dict[str, Any]]:
    """The facts of a notice: each of its words once in each of its meanings."""
    full = FULL[name]
    told = [full]
    for fact, value in full.items():
        if fact == "reason":
            told += [full | {fact: reason} for reason in REASONS[name]]
        elif isinstance(value, StrEnum):
            told += [full | {fact: member} for member in type(value)]
        elif fact == "goods":
            told += [
                full | {fact: (Goods(title="Lamp", quantity=1, condition=each),)}
                for each in Condition
            ]
    return told


def test_is_every_word_that_a_letter_can_be_told_tried() -> None:
    kinds = {
        (fact, kind)
        for fact, field in Facts.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))
        if isinstance(kind, type) and issubclass(kind, StrEnum)
    }
    tried = {(fact, type(value)) for facts in FULL.values() for fact, value in facts.items()}
    assert len(kinds) >= 12
    assert kinds <= tried
    assert set(REASONS) == {name for name in NoticeName if "reason" in FULL[name]}


@pytest.mark.parametrize("locale", LOCALES)
def test_does_no_letter_show_a_code(letters: Letters, locale: str) -> None:
    sources = [path.read_text("utf-8") for path in (TEMPLATES / "notices" / locale).glob("*.md")]
    said = re.sub(r"\{[{%#].*?[}%#]\}", " ", " ".join(sources)) + " ".join(
        str(each)
        for table in (words_of(locale) | {"region": {}}).values()
        for each in table.values()
    )
    ours = WORDS - {*WORD.findall(said)}
    assert len(ours) > 100
    for name, to in READERS:
        for facts in told_in_every_way(name):
            letter = render(letters, locale, name, to, facts)
            body, _, footer = letter.text.partition("\n-- \n")
            assert "dispute:PL:ORD-1001:1" in footer
            for line in (letter.subject, *body.splitlines()):
                if not line.startswith(">"):
                    assert not {*WORD.findall(line)} & ours | {*CODED.findall(line)}, (name, line)


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_is_a_known_reason_told_in_the_language_of_the_letter(
    letters: Letters, locale: str
) -> None:
    for code in ("DETECT_FOUND_DURING_USE", "WRONG_PRODUCT", "not-as-described", "defect"):
        facts = FULL[NoticeName.DISPUTE_OPENED] | {"reason": code}
        text = render(letters, locale, NoticeName.DISPUTE_OPENED, Party.SELLER, facts).text
        words = words_of(locale)
        table = words["claim"] if CODES[code.lower().replace("_", "-")] in set(Cause) else None
        meaning = CODES[code.lower().replace("_", "-")]
        assert (table or words["fault"])[meaning] in text
        assert code not in text


@pytest.mark.parametrize("reason", ["PACKAGING_TOO_BIG", "za głośny", "it (really) *hums* <b>"])
@pytest.mark.parametrize(
    ("locale", "opens", "closes"),
    [
        ("pl", "„", "”"),
        ("sl", "»", "«"),
        ("en", "“", "”"),
        ("cs", "„", "“"),
        ("sk", "„", "“"),
        ("hu", "„", "”"),
    ],
)
def test_is_a_reason_that_nobody_knows_quoted_word_for_word(
    letters: Letters, locale: str, opens: str, closes: str, reason: str
) -> None:
    facts = FULL[NoticeName.DISPUTE_OPENED] | {"reason": reason}
    letter = render(letters, locale, NoticeName.DISPUTE_OPENED, Party.SELLER, facts)
    assert f": {opens}{reason}{closes}\n" in letter.text
    assert f" {opens}{reason}{closes}" in Reading(letter.html).text


# The way to the case.


def links(html: str) -> list[str]:
    return re.findall(r'<a [^>]*href="([^"]*)"', html)


@pytest.mark.parametrize("locale", LOCALES)
def test_has_every_letter_one_button_to_its_case(leading: Letters, locale: str) -> None:
    label = words_of(locale)["frame"]["button"]
    for name, to in READERS:
        letter = render(leading, locale, name, to, FULL[name])
        assert links(letter.html) == [PAGE]
        assert letter.html.count(f">{label}</a>") == 1
        assert letter.text.count(PAGE) == 1
        assert re.search(rf"\n\n[^\n]+: {re.escape(PAGE)}\n\n", letter.text)
        assert letter.text.index(PAGE) < letter.text.index("\n-- \n")


@pytest.mark.parametrize("locale", LOCALES)
def test_is_it_said_where_the_case_is_if_it_has_no_address(
    letters: Letters, leading: Letters, locale: str
) -> None:
    for name, to in READERS:
        letter = render(letters, locale, name, to, FULL[name])
        assert links(letter.html) == []
        assert "***" not in letter.text
        footer = letter.text.partition("\n-- \n")[2].split("\n\n")[0]
        assert "Bazar" in footer
        assert "ORD-1001" in footer
        led = render(leading, locale, name, to, FULL[name]).text.partition("\n-- \n")[2]
        assert len(led.split("\n\n")[0]) < len(footer)


@pytest.mark.parametrize("locale", LOCALES)
def test_is_who_does_what_by_when_said_first(leading: Letters, locale: str) -> None:
    for name, to in READERS:
        letter = render(leading, locale, name, to, FULL[name])
        summary = re.search(r'<div class="lead".*?<p [^>]*>([^<]+)</p>', letter.html, re.DOTALL)
        # The buyer need not know which instant the seller missed.
        if "due" in FULL[name] and (name, to) != (NoticeName.REPLY_BREACH, Party.BUYER):
            assert summary, (name, to)
            assert re.search(f"{on_day(28)}|{on_day(23)}", summary[1]), (name, to, summary[1])
            assert not summary[1].endswith((":", ",", " "))
            assert letter.html.index(PAGE) < letter.html.index(f">{letter.text.splitlines()[0]}")


def test_is_a_deadline_no_end_of_a_sentence(leading: Letters) -> None:
    for locale, says in (
        ("sl", "Prosimo, odgovorite do konca ponedeljka, 28. decembra 2026."),
        ("cs", "Odpovězte prosím do konce pondělí 28. prosince 2026."),
    ):
        facts = FULL[NoticeName.DISPUTE_OPENED]
        letter = render(leading, locale, NoticeName.DISPUTE_OPENED, Party.SELLER, facts)
        assert f">{says}</p>" in letter.html


# Labels, addresses, names.


@pytest.mark.parametrize("locale", LOCALES)
def test_is_a_label_that_is_an_address_a_link(letters: Letters, locale: str) -> None:
    label = "https://labels.example/RET1.pdf?id=1&to=x"
    facts = FULL[NoticeName.LABEL_READY] | {"label": label}
    letter = render(letters, locale, NoticeName.LABEL_READY, Party.BUYER, facts)
    assert links(letter.html) == [label.replace("&", "&amp;")]
    assert f": {label}\n" in letter.text


@pytest.mark.parametrize("label", [*NO_LINKS, HOSTILE[:500]])
def test_is_any_other_label_a_code(letters: Letters, label: str) -> None:
    facts = FULL[NoticeName.LABEL_READY] | {"label": label or "-"}
    letter = render(letters, "en", NoticeName.LABEL_READY, Party.BUYER, facts)
    usual = render(letters, "en", NoticeName.LABEL_READY, Party.BUYER, FULL[NoticeName.LABEL_READY])
    assert links(letter.html) == []
    assert Reading(letter.html).tags == Reading(usual.html).tags
    assert len(letter.text.splitlines()) == len(usual.text.splitlines())


@pytest.mark.parametrize("locale", LOCALES)
def test_is_it_told_where_goods_go_that_the_buyer_sends(letters: Letters, locale: str) -> None:
    name, words = NoticeName.RETURN_OPENED, words_of(locale)["frame"]
    for way in Way:
        facts = FULL[name] | {"way": way}
        known = sold_by(letters, locale, name, facts, return_address=ADDRESS).text
        unknown = sold_by(letters, locale, name, facts).text
        told = f"\n\n{words['address']}\nSklep Kuchenny\n" + "\n".join(ADDRESS) + "\n\n"
        assert (told in known) == (way is Way.BUYERS_OWN)
        assert (f"\n\n{words['no_address']}\n\n" in unknown) == (way is Way.BUYERS_OWN)


def test_is_a_seller_named_once_in_an_address_that_begins_with_the_name(letters: Letters) -> None:
    address = ("Sklep Kuchenny, zwroty", *ADDRESS[1:])
    facts = FULL[NoticeName.RETURN_OPENED] | {"way": Way.BUYERS_OWN}
    letter = sold_by(letters, "en", NoticeName.RETURN_OPENED, facts, return_address=address)
    assert "Send the goods to:\nSklep Kuchenny, zwroty\nul. Magazynowa 3\n" in letter.text


def test_does_an_address_stay_an_address(letters: Letters) -> None:
    facts = FULL[NoticeName.RETURN_OPENED] | {"way": Way.BUYERS_OWN}
    usual = sold_by(letters, "en", NoticeName.RETURN_OPENED, facts, return_address=ADDRESS)
    hostile = ("<b>x</b> [a](https://evil.example)", "# *** `x` > **y**", "\u202e- 30-001 {{ 7 }}")
    letter = sold_by(letters, "en", NoticeName.RETURN_OPENED, facts, return_address=hostile)
    assert Reading(letter.html).tags == Reading(usual.html).tags
    assert (
        "\n<b>x</b> [a](https://evil.example)\n# *** `x` > **y**\n- 30-001 {{ 7 }}\n" in letter.text
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_does_every_buyer_read_who_the_seller_is(letters: Letters, locale: str) -> None:
    for name, to in READERS:
        footer = render(letters, locale, name, to, FULL[name]).text.partition("\n-- \n")[2]
        assert ("Sklep Kuchenny" in footer) == (to is Party.BUYER)
    nobody = sold_by(letters, locale, NoticeName.CLOSED, FULL[NoticeName.CLOSED], name="")
    assert ":  ·" not in nobody.text


# The two parts.


@pytest.mark.parametrize("locale", LOCALES)
def test_has_the_plain_part_no_marks(leading: Letters, locale: str) -> None:
    for name, to in READERS:
        text = render(leading, locale, name, to, FULL[name]).text
        assert not re.search(r"\*|`|\\|\]\(|^[-#+] |^\d+\. ", text.replace("\n-- \n", "\n"), re.M)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf"]), max_size=200))
@settings(deadline=None)
def test_is_every_line_the_same_in_both_parts(line: str) -> None:
    [*said] = clean(line)[:1]
    for words in (one for one in said if one):
        for source in (escape(words), f"> {escape(words)}", f"* {escape(words)}"):
            tokens = parsed(source)
            assert as_text(tokens).removeprefix("> ").removeprefix("• ") == words
            assert Reading(as_html(tokens)).text.strip() == words


@pytest.mark.parametrize(
    "steering",
    ["\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\U000e0041", "\x07", "\x9b", "\u2028"],
)
def test_does_nothing_invisible_reach_a_letter(letters: Letters, steering: str) -> None:
    told = f"pay{steering}ment"
    facts = FULL[NoticeName.FINDING] | {
        "text": told,
        "goods": (Goods(title=told, quantity=1, condition=Condition.WRONG),),
    }
    letter = render(letters, "en", NoticeName.FINDING, Party.BUYER, facts)
    assert steering not in letter.text + letter.html


def test_does_writing_from_right_to_left_turn_nothing_beside_it(letters: Letters) -> None:
    goods = (Goods(title="מנורה 5", quantity=2, condition=Condition.DAMAGED),)
    facts = FULL[NoticeName.FINDING] | {"goods": goods, "text": "שלום 7"}
    letter = render(letters, "en", NoticeName.FINDING, Party.BUYER, facts)
    assert "• 2 × \u2068מנורה 5\u2069 (" in letter.text
    assert '<blockquote dir="auto"' in letter.html


def test_can_the_longest_word_not_widen_a_letter(letters: Letters) -> None:
    facts = FULL[NoticeName.FINDING] | {"text": "x" * 5_000}
    letter = render(letters, "en", NoticeName.FINDING, Party.BUYER, facts)
    card = letter.html.rindex('class="card"', 0, letter.html.index("xxx"))
    assert "overflow-wrap:anywhere" in letter.html[card:].partition(">")[0]
    assert "table-layout:fixed" in letter.html


# The look.


@pytest.mark.parametrize(("name", "to"), READERS)
def test_does_a_letter_load_nothing_but_the_logo(name: NoticeName, to: Party) -> None:
    logo = "https://bazar.example/logo.png?a=1&b=2"
    letters = Letters(TEMPLATES, "Bazar", Look("#ffd166", logo, CASE_URL))
    html = render(letters, "pl", name, to, FULL[name]).html
    shown = logo.replace("&", "&amp;")
    assert {*re.findall(r'https?://[^"\s<]+', html)} == {shown, PAGE}
    assert re.findall(r"<img [^>]*>", html) == re.findall(
        rf'<img [^>]*src="{re.escape(shown)}" alt="Bazar"[^>]*>', html
    )
    assert not re.search(r"<(?:script|link|iframe|form|svg)|url\(|@import|\bon\w+=", html)


def test_is_a_letter_read_in_the_dark_as_well() -> None:
    letters = Letters(TEMPLATES, "Bazar", Look("#101010", case_url=CASE_URL))
    html = render(letters, "en", NoticeName.MESSAGE, Party.BUYER, FULL[NoticeName.MESSAGE]).html
    assert '<meta name="color-scheme" content="light dark">' in html
    dark = html.partition("prefers-color-scheme: dark")[2].partition("</style>")[0]
    for part in (".card", ".lead", "blockquote", ".edge", ".button"):
        assert part in dark
    # So dark a colour is not used on a dark card.
    assert Look("#101010").on_dark in dark


def test_is_the_name_there_where_there_is_no_logo(letters: Letters) -> None:
    letter = render(letters, "en", NoticeName.CLOSED, Party.BUYER, FULL[NoticeName.CLOSED])
    assert "<img" not in letter.html
    assert ">Bazar</td>" in letter.html


def test_is_a_platforms_name_harmless() -> None:
    letters = Letters(TEMPLATES, "<b>Bazar</b> & **Co** [x](y)")
    letter = render(letters, "en", NoticeName.CLOSED, Party.BUYER, FULL[NoticeName.CLOSED])
    assert "b" not in Reading(letter.html).tags
    assert "Customer Service, <b>Bazar</b> & **Co** [x](y)" in letter.text


def test_are_templates_read_once_for_a_process() -> None:
    Letters(TEMPLATES, "Bazar")
    before = read.cache_info().misses
    Letters(TEMPLATES, "Another", Look("#000000"))
    assert read.cache_info().misses == before


@pytest.mark.parametrize("name", [NoticeName.CLOSED, NoticeName.FINDING])
def test_is_the_beginning_shown_in_a_list_of_mails(leading: Letters, name: NoticeName) -> None:
    to = ONE_READER.get(name, Party.BUYER)
    html = render(leading, "en", name, to, FULL[name]).html
    preview = re.search(r'<div style="display:none[^>]*>([^<]+)</div>', html)
    assert preview
    assert preview[1] in (
        "The case about order ORD-1001 is closed.",
        *re.findall(r'<div class="lead".*?<p [^>]*>([^<]+)</p>', html, re.DOTALL),
    )
