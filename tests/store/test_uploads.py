"""Files for cases, and those on their way."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from service.uploading import EVER
from store.uploads import Kept, Piece, Upload, Uploads

KEPT = Kept(
    case_id="c-1", sha256="a" * 64, size=9, media_type="image/png", role="buyer", person="b-1"
)
UPLOAD = Upload(
    id="u-1", case_id="c-1", role="buyer", person="b-1", size=9, media_type="image/png", sha256=None
)


def test_does_whoever_was_first_have_uploaded_a_file(engine: Engine, noon: datetime) -> None:
    books = Uploads(engine)
    books.keep(KEPT, noon)
    books.keep(KEPT.model_copy(update={"role": "seller"}), noon)
    assert books.of_case("c-1", ["a" * 64, "b" * 64]) == {KEPT.sha256: KEPT}
    assert books.of_case("c-2", ["a" * 64]) == {}


def test_is_an_upload_as_far_as_its_pieces_until_it_is_whole(
    engine: Engine, noon: datetime
) -> None:
    books = Uploads(engine)
    books.begin(UPLOAD, noon)
    assert books.count("c-1", "buyer", "b-1", EVER) == 1
    first, second = Piece(offset=0, size=5, digest="d"), Piece(offset=5, size=4, digest="e")
    assert books.add_piece("u-1", second)
    assert books.add_piece("u-1", first)
    assert books.add_piece("u-1", first)
    assert not books.add_piece("u-1", first.model_copy(update={"digest": "x"}))
    found = books.find("u-1")
    assert found
    assert found.received == 9
    assert books.pieces("u-1") == [first, second]
    books.complete("u-1", KEPT, noon)
    books.complete("u-1", KEPT, noon)
    whole = books.find("u-1")
    assert whole
    assert (whole.sha256, books.pieces("u-1")) == (KEPT.sha256, [])
    assert books.count("c-1", "buyer", "b-1", EVER) == 1


def test_is_what_was_left_found_and_forgotten(engine: Engine, noon: datetime) -> None:
    books = Uploads(engine)
    books.begin(UPLOAD, noon)
    books.add_piece("u-1", Piece(offset=0, size=5, digest="d"))
    assert books.old(noon) == []
    assert books.old(noon + timedelta(seconds=1)) == ["u-1"]
    books.forget("u-1")
    assert (books.find("u-1"), books.pieces("u-1")) == (None, [])


def test_does_one_of_twenty_at_once_have_the_place(
    engine: Engine, at_once: Callable[[Callable[[int], Any]], list[Any]]
) -> None:
    books = Uploads(engine)
    taken = at_once(lambda n: books.add_piece("u-1", Piece(offset=0, size=n + 1, digest=f"d{n}")))
    assert taken.count(True) == 1
