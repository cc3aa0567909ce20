"""Is a page drawn whole, and harmless whatever people wrote in it?"""

from typing import get_args

import pytest

from cli.paper import print_list, print_page
from domain.parties import Party
from pages.parts import (
    Facts,
    Gap,
    Inset,
    Part,
    Quote,
    Run,
    Section,
    Sense,
    Subsection,
    Sum,
    Table,
    bad,
    dim,
    of,
    said,
    strong,
    table,
)

EVIL = "\x1b]0;yours\x07\u202egnp.exe"
HARMLESS = "\ufffd]0;yours\ufffd\ufffdgnp.exe"

PARTS: list[Part] = [
    said(EVIL, strong(EVIL), dim(EVIL), bad(EVIL)),
    Facts((("name", said(EVIL)),)),
    table("heading", rows=[[EVIL], [strong(EVIL)], [said(EVIL)]]),
    Sum(((EVIL, EVIL, EVIL),), (EVIL, EVIL)),
    Quote(EVIL),
    Inset((said(EVIL),)),
    Section(EVIL, (said(EVIL),)),
    Subsection(EVIL, (said(EVIL),)),
    Gap(),
]


def test_is_every_part_tried_here() -> None:
    assert {type(part) for part in PARTS} == set(get_args(Part))


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_is_whatever_people_wrote_harmless_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, part: Part, colours: bool
) -> None:
    if colours:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
    for print_it in (print_page, print_list):
        print_it([part])
        out = capsys.readouterr().out
        assert not {"\x07", "\u202e"} & set(out)
        assert "\x1b]" not in out
        assert (HARMLESS in out) is not isinstance(part, Gap)


def test_has_every_meaning_a_look_of_its_own_where_somebody_watches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    looks = set()
    for sense in (None, *Sense, *Party):
        print_page([said(Run("word", sense))])
        looks.add(capsys.readouterr().out)
    assert len(looks) == 1 + len(Sense) + len(Party)


def test_are_pages_values_that_can_be_kept_and_compared() -> None:
    page = (said("a ", of(Party.BUYER)), table("n", rows=[[1]]), Section("s", (Gap(),)))
    assert {page: 1}[said("a ", of(Party.BUYER)), table("n", rows=[[1]]), Section("s", (Gap(),))]
    assert isinstance(page[1], Table)
    assert page[1].rows == ((said("1"),),)
