"""The words of the letters: is each reader "you", and does no language say what its glossary bars?

Read from the templates themselves, so that no branch is left out because no example takes it.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

from activities.rendering import FILTERS, TABLES, Letters
from domain.notices import NoticeName
from domain.parties import Party
from tests.test_templates import BUYER, FULL, LOCALES, READERS, SELLER, TEMPLATES, render

NOTICES = TEMPLATES / "notices"

ONLY_TO = {("frame", "no_address"): Party.BUYER}
"""Words that stand in the letters of one party alone."""

ENVIRONMENT = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
ENVIRONMENT.filters |= FILTERS


def table(locale: str, name: str) -> dict[str, Any]:
    return tomllib.loads((NOTICES / locale / f"{name}.toml").read_text("utf-8"))


def whole_words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


def holds(test: nodes.Node, reader: Party) -> bool | None:
    """Whether a condition about who reads or wrote holds for that reader; None if it may.

    Nobody gets a letter about what they wrote themselves.
    """
    match test:
        case nodes.Compare(
            expr=nodes.Getattr(attr="party", node=nodes.Name(name=who)),
            ops=[nodes.Operand(op=op, expr=nodes.Const(value=party))],
        ):
            if who == "reader":
                return (party == reader) is (op == "eq")
            if op == "eq" and party == reader:
                return False
    return None


def told(node: nodes.Node, reader: Party) -> Iterator[str]:
    """All that a template can say to that reader, with a mark where a value stands."""
    match node:
        case nodes.TemplateData(data=data):
            yield data
        case nodes.If(test=test, body=body, elif_=others, else_=rest):
            for condition, branch in [(test, body), *((each.test, each.body) for each in others)]:
                if (holding := holds(condition, reader)) is not False:
                    for each in branch:
                        yield from told(each, reader)
                if holding:
                    return
            for each in rest:
                yield from told(each, reader)
        case nodes.Output() | nodes.Template():
            for each in node.iter_child_nodes():
                yield from told(each, reader)
        case _:
            yield "§"


def letter(path: Path, reader: Party) -> str:
    source = path.read_text("utf-8")
    return "".join(told(ENVIRONMENT.parse(source), reader)).replace("**", "")


def words_for(locale: str, reader: Party) -> Iterator[tuple[str, str]]:
    """Every word of words.toml as that reader gets it, by its place."""
    words = table(locale, "words")
    for name in {*TABLES.values(), "joining", "frame"}:
        for key, said in (words[name] | words[reader].get(name, {})).items():
            if ONLY_TO.get((name, key), reader) is reader:
                yield f"{name}.{key}", said


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reader", [Party.BUYER, Party.SELLER])
def test_is_every_reader_you(locale: str, reader: Party) -> None:
    called = whole_words(table(locale, "glossary")["readers"][reader])
    named = [
        f"{name}: {line}"
        for name, to in READERS
        if to is reader
        for line in letter(NOTICES / locale / f"{name}.md", reader).splitlines()
        if called.search(line)
    ]
    named += [f"{at}: {said}" for at, said in words_for(locale, reader) if called.search(said)]
    assert not named


@pytest.mark.parametrize("locale", LOCALES)
def test_is_every_reader_you_in_what_is_sent(locale: str) -> None:
    letters = Letters(TEMPLATES, "Bazar")
    readers = table(locale, "glossary")["readers"]
    for name, to in READERS:
        facts = FULL[name]
        if name in (NoticeName.MESSAGE, NoticeName.QUESTION):
            facts = facts | {"writer": SELLER if to is Party.BUYER else BUYER}
        sent = render(letters, locale, name, to, facts)
        called = whole_words(readers[to])
        assert not called.search(f"{sent.subject}\n{sent.text}"), (name, to)


@pytest.mark.parametrize("locale", LOCALES)
def test_does_no_letter_say_what_the_glossary_bars(locale: str) -> None:
    terms = table(locale, "glossary")["terms"]
    texts = {
        path.name: "\n".join(letter(path, reader) for reader in (Party.BUYER, Party.SELLER))
        for path in (NOTICES / locale).glob("*.md")
    }
    texts["words.toml"] = "\n".join(
        said for reader in (Party.BUYER, Party.SELLER) for _, said in words_for(locale, reader)
    )
    found = [
        f"{name}: {bad.group()!r}, say {term['say']!r}: {term['why']}"
        for name, text in texts.items()
        for term in terms
        for never in term["never"]
        for bad in whole_words(never).finditer(text)
    ]
    assert not found


@pytest.mark.parametrize("locale", LOCALES)
def test_is_a_glossary_whole(locale: str) -> None:
    glossary, words = table(locale, "glossary"), table(locale, "words")
    assert set(glossary) == {"readers", "terms"}
    for party in (Party.BUYER, Party.SELLER):
        # As words.toml calls them: a pattern that finds nobody would bar nothing.
        assert whole_words(glossary["readers"][party]).fullmatch(words["party"][party])
        for name, own in words[party].items():
            assert set(own) <= set(words[name])
    for term in glossary["terms"]:
        assert set(term) == {"say", "never", "why"}
        for never in term["never"]:
            assert not whole_words(never).search(term["say"])


def test_are_the_same_words_about_the_reader_in_every_language() -> None:
    about = {
        locale: {
            (party, name, key)
            for party in (Party.BUYER, Party.SELLER)
            for name, own in table(locale, "words")[party].items()
            for key in own
        }
        for locale in LOCALES
    }
    assert dict.fromkeys(LOCALES, about["en"]) == about
