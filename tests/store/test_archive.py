"""An archive that only grows, is whole, and can be searched (H1, H3)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from domain.commands import Attachment
from domain.letters import Letter, Outgoing, Trouble, Undelivered
from domain.notices import Ending, Message
from domain.parties import Party
from domain.ports import CloseCase
from store.archive import Archive, Found
from store.cases import CaseRegister
from store.errors import ContradictionError, StoreError

CASE = "dispute:SI:1001:1"

Write = Callable[..., Message]


def ids(found: list[Found]) -> list[str]:
    return [one.message.id for one in found]


def test_is_a_message_archived_once_however_often_it_is_sent(
    engine: Engine, message: Write, noon: datetime
) -> None:
    archive = Archive(engine)
    first, second = message("m1", "Hello", noon), message("m2", "Again", noon)
    archive.add_messages(CASE, [first])
    archive.add_messages(CASE, [first, second])
    archive.add_messages(CASE, [first, second])
    archive.add_messages(CASE, [])
    assert archive.messages(CASE) == [first, second]


def test_may_two_cases_use_the_same_message_id(engine: Engine, message: Write) -> None:
    archive = Archive(engine)
    archive.add_messages(CASE, [message("m1", "Hello")])
    archive.add_messages("dispute:SI:1001:2", [message("m1", "Other")])
    assert [one.text for one in archive.messages("dispute:SI:1001:2")] == ["Other"]


def test_is_another_message_under_a_taken_id_refused_whole(engine: Engine, message: Write) -> None:
    archive = Archive(engine)
    archive.add_messages(CASE, [message("m1", "Hello")])
    with pytest.raises(ContradictionError, match="id of its own"):
        archive.add_messages(CASE, [message("m2", "New"), message("m1", "Changed")])
    assert [one.text for one in archive.messages(CASE)] == ["Hello"]


def test_is_a_message_that_a_reset_case_takes_again_kept_as_it_was(
    engine: Engine, message: Write
) -> None:
    archive = Archive(engine)
    first = message("m1", "Hello")
    archive.add_messages(CASE, [first])
    archive.add_messages(CASE, [first.model_copy(update={"at": first.at + timedelta(days=1)})])
    assert [one.at for one in archive.messages(CASE)] == [first.at]


def test_do_twenty_threads_archive_a_message_once(
    engine: Engine, message: Write, at_once: Callable[[Callable[[int], None]], list[None]]
) -> None:
    archive = Archive(engine)
    batch = [message("m1", "Hello"), message("m2", "Again")]
    at_once(lambda _number: archive.add_messages(CASE, batch))
    assert archive.messages(CASE) == batch


def test_are_messages_whole_and_in_the_order_of_time(
    engine: Engine, message: Write, noon: datetime
) -> None:
    archive = Archive(engine)
    photo = Attachment(name="photo.png", size=9, media_type="image/png", sha256="a" * 64)
    late = message("m1", "Late", noon + timedelta(hours=1)).model_copy(
        update={"attachments": (photo,)}
    )
    early = message("m2", "Early 💡\n'; DROP TABLE messages", noon)
    archive.add_messages(CASE, [late, early])
    assert archive.messages(CASE) == [early, late]


def test_does_a_nul_character_lose_no_message(engine: Engine, message: Write) -> None:
    archive = Archive(engine)
    torn = message("m1", "before\0after")
    archive.add_messages(CASE, [torn])
    assert [one.text for one in archive.messages(CASE)] == ["before\ufffdafter"]


def test_may_a_message_with_a_nul_character_be_sent_again(engine: Engine, message: Write) -> None:
    archive = Archive(engine)
    torn = message("m1", "before\0after")
    archive.add_messages(CASE, [torn])
    archive.add_messages(CASE, [torn])
    assert len(archive.messages(CASE)) == 1


def test_does_a_search_find_every_word_in_any_case_of_any_alphabet(
    engine: Engine, message: Write
) -> None:
    archive = Archive(engine)
    archive.add_messages(CASE, [message("m1", "ŁÓDŹ: paczka Uszkodzona"), message("m2", "paczka")])
    assert ids(archive.search("łódź USZKODZ")) == ["m1"]
    assert ids(archive.search("paczka")) == ["m2", "m1"]
    assert ids(archive.search("paczka nothing")) == []


def test_is_a_search_for_what_no_database_takes_a_search(engine: Engine, message: Write) -> None:
    archive = Archive(engine)
    archive.add_messages(CASE, [message("m1", "paczka")])
    assert ids(archive.search("pacz\0ka")) == []
    assert ids(archive.search("paczka", limit=10**30)) == ["m1"]


@pytest.mark.parametrize("wildcard", ["%", "_", "\\", "/"])
def test_are_wildcards_searched_as_they_are_written(
    engine: Engine, message: Write, wildcard: str
) -> None:
    archive = Archive(engine)
    archive.add_messages(CASE, [message("m1", f"50{wildcard}off"), message("m2", "50 x off")])
    assert ids(archive.search(wildcard)) == ["m1"]
    assert ids(archive.search(f"0{wildcard}o")) == ["m1"]


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        ('"does not dim"', ["m1"]),
        ('"DOES  not" lamp', ["m1"]),
        ("„does not”", ["m1"]),
        ("»dim« «does»", ["m2", "m1"]),
        ('"dim not"', []),
        ("does not dim", ["m2", "m1"]),
        ('15"', ["m3"]),  # inches, and no phrase
        ('15" 16"', []),
        ('"', ["m3"]),
    ],
)
def test_is_a_phrase_in_quotation_marks_found_as_it_stands_there(
    engine: Engine, message: Write, searched: str, found: list[str]
) -> None:
    archive = Archive(engine)
    texts = ("The lamp does\nnot dim.", "It does dim, and should not.", 'A screen of 15"')
    archive.add_messages(CASE, [message(f"m{n}", text) for n, text in enumerate(texts, 1)])
    assert ids(archive.search(searched)) == found


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_are_messages_read_page_by_page_each_once(
    engine: Engine, message: Write, noon: datetime, size: int
) -> None:
    archive = Archive(engine)
    same = [message(f"m{n}", f"at noon {n}") for n in range(4)]
    archive.add_messages(CASE, [message("late", "late", noon + timedelta(hours=1)), *same])
    archive.add_messages("dispute:SI:1001:2", [message("other", "other")])
    pages = list(archive.pages(CASE, size))
    assert [len(page) for page in pages] == [min(size, 5 - n) for n in range(0, 5, size)]
    read = [one.id for page in pages for one in page]
    assert read == ["m0", "m1", "m2", "m3", "late"]
    assert list(archive.pages("nobody's", size)) == []


@pytest.mark.parametrize(
    ("written", "searched"),
    [
        ("Pęknięte lusterko, ŻÓŁĆ", "pekniete zolc"),
        ("Pekniete lusterko", "PĘKNIĘTE"),
        ("Razbita šipa, čaša, žlica, Đurđa", "sipa casa zlica durda"),
        ("Příliš žluťoučký kůň, ďáblova škoda", "prilis zlutoucky kun dablova skoda"),
        ("Ľavá päta, dĺžka vŕtania, kôš", "lava pata dlzka vrtania kos"),
        ("Törött űrmérték, hiányzó FŐ ÜVEG", "torott urmertek hianyzo fo uveg"),
        ("Pe\u0328knie\u0328te", "pęknięte"),  # as some systems write it, letter and accent apart
        ("Straße, Øre, Œuvre", "strasse ore oeuvre"),
    ],
)
def test_are_words_found_whatever_their_accents(
    engine: Engine, message: Write, written: str, searched: str
) -> None:
    archive = Archive(engine)
    archive.add_messages(CASE, [message("m1", written), message("m2", "Something else.")])
    assert ids(archive.search(searched)) == ["m1"]
    assert archive.search(searched)[0].message.text == written


def test_can_a_search_be_of_one_seller_or_case(
    engine: Engine, message: Write, open_case: Callable[..., str]
) -> None:
    archive = Archive(engine)
    mine, theirs = open_case(1, seller_id="s-1"), open_case(2, seller_id="s-2")
    archive.add_messages(mine, [message("m1", "lamp")])
    archive.add_messages(theirs, [message("m2", "lamp")])
    assert ids(archive.search("lamp", seller_id="s-1")) == ["m1"]
    assert ids(archive.search("lamp", case_id=theirs)) == ["m2"]
    assert ids(archive.search("lamp", seller_id="s-1", case_id=theirs)) == []
    assert [one.case_id for one in archive.search("lamp", seller_id="s-2")] == [theirs]


@pytest.mark.parametrize("words", ["", "  \n", "x" * 501])
def test_is_an_empty_or_endless_search_refused(engine: Engine, words: str) -> None:
    with pytest.raises(StoreError, match="Search for at least one word"):
        Archive(engine).search(words)


def test_does_a_step_that_runs_again_get_the_letter_it_wrote_first(
    engine: Engine, letter: Letter, noon: datetime
) -> None:
    archive = Archive(engine)
    assert archive.prepare([letter]) == [letter]
    rewritten = letter.model_copy(update={"text": "Another wording."})
    assert archive.prepare([rewritten]) == [letter]
    archive.settle(CASE, [(letter, noon)], (), noon)
    archive.settle(CASE, [(letter, noon + timedelta(hours=1))], (), noon)
    assert archive.prepare([rewritten]) == [letter.model_copy(update={"sent_at": noon})]
    assert archive.letters(CASE) == [letter.model_copy(update={"sent_at": noon})]


def failed(letter: Letter, trouble: Trouble = Trouble.RECIPIENT_REFUSED) -> Undelivered:
    return Undelivered(key=letter.key, to=letter.to, name=letter.name, trouble=trouble, code=550)


def test_is_a_letter_undelivered_until_it_or_another_reaches_its_reader(
    engine: Engine, letter: Letter, noon: datetime
) -> None:
    archive = Archive(engine)
    unwanted = letter.model_copy(update={"id": "<2@x>", "key": "2:closed"})
    other = letter.model_copy(update={"id": "<3@x>", "key": "3:closed", "to": Party.BUYER})
    later = letter.model_copy(update={"id": "<4@x>", "key": "4:closed"})
    archive.prepare([letter, unwanted, other, later])
    told = [failed(letter), failed(unwanted, Trouble.CONTENT_REFUSED), failed(other)]
    for _ in range(2):
        archive.settle(CASE, (), told, noon)
    assert archive.undelivered(CASE) == told[1:] + told[:1]  # by key
    archive.settle(CASE, [(later, noon)], (), noon)
    assert archive.undelivered(CASE) == told[1:]
    archive.settle(CASE, [(unwanted, noon)], [failed(letter)], noon)  # refused once more
    assert archive.undelivered(CASE) == [told[2], told[0]]
    assert archive.undelivered("dispute:SI:1001:2") == []


def test_is_it_known_how_long_mail_has_not_left_and_how_much_did_not_arrive(
    engine: Engine, letter: Letter, noon: datetime, open_case: Callable[..., str]
) -> None:
    archive, cases = Archive(engine), CaseRegister(engine)
    now = noon + timedelta(hours=3)
    assert archive.outgoing(now) == Outgoing(waiting_since=None, undelivered=0)
    assert open_case(1) == CASE
    hours = [
        letter.model_copy(
            update={"id": f"<{n}@x>", "key": str(n), "created_at": noon + timedelta(hours=n)}
        )
        for n in range(3)
    ]
    ended_by_force = letter.model_copy(update={"created_at": noon - timedelta(days=6)})
    archive.prepare([ended_by_force, *hours])
    assert archive.outgoing(now).waiting_since == noon
    archive.settle(CASE, [(hours[0], now)], (), now)
    assert archive.outgoing(now).waiting_since == noon + timedelta(hours=1)
    archive.settle(CASE, (), [failed(hours[1])], now)
    known = Outgoing(waiting_since=noon + timedelta(hours=2), undelivered=1)
    assert archive.outgoing(now) == known
    cases.close(CloseCase(case_id=CASE, ending=Ending.SETTLED, at=now, escalated=False, breaches=0))
    assert archive.outgoing(now).undelivered == 0  # nobody can do anything about it any more


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE messages SET text = 'changed'",
        "UPDATE messages SET at = '2000-01-01 00:00:00'",
        "DELETE FROM messages",
        "UPDATE letters SET text = 'changed'",
        "UPDATE letters SET html = 'changed', sent_at = '2000-01-01 00:00:00'",
        "UPDATE letters SET \"to\" = 'buyer'",
        "UPDATE letters SET sent_at = NULL",
        "DELETE FROM letters",
    ],
)
def test_does_the_database_itself_refuse_to_rewrite_the_archive(
    engine: Engine, message: Write, letter: Letter, noon: datetime, change: str
) -> None:
    archive = Archive(engine)
    archive.add_messages(CASE, [message("m1", "Hello")])
    archive.prepare([letter])
    archive.settle(CASE, [(letter, noon)], (), noon)
    before = (archive.messages(CASE), archive.letters(CASE))
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))
    assert (archive.messages(CASE), archive.letters(CASE)) == before


@pytest.mark.parametrize("kind", ["sqlite"])
def test_does_sqlite_refuse_to_replace_a_message(engine: Engine, message: Write) -> None:
    Archive(engine).add_messages(CASE, [message("m1", "Hello")])
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(
            text(
                "INSERT OR REPLACE INTO messages SELECT number, case_id, id, at, party, author_id, "
                "author_name, 'changed', folded, nature, attachments FROM messages"
            )
        )


@pytest.mark.parametrize("table", ["messages", "letters"])
@pytest.mark.parametrize("kind", ["postgresql"])
def test_does_postgresql_refuse_to_empty_the_archive(engine: Engine, table: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {table}"))


def test_does_every_text_column_of_a_letter_refuse_a_change(engine: Engine, letter: Letter) -> None:
    Archive(engine).prepare([letter])
    for column in set(Letter.model_fields) - {"sent_at"}:
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(f'UPDATE letters SET "{column}" = "{column}"'))
