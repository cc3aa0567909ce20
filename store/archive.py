"""The archive of everything said in a case: append only, whole and searchable (H1, H3)."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, bindparam, func, or_, tuple_, update
from sqlmodel import Session, col, select

from domain.base import Value
from domain.commands import Attachment, Nature
from domain.letters import Letter, Outgoing, Trouble, Undelivered
from domain.notices import Message
from domain.parties import Actor, Party
from store.engine import insert, insert_new, transaction
from store.errors import ContradictionError, StoreError
from store.tables import CaseRow, LetterRow, MessageRow, UndeliveredRow, storable

LONGEST_SEARCH = 500
MOST_FOUND = 1_000_000
"""Messages that one search answers, whatever is asked for: the database counts no further than it
can.
"""
TRIED_FOR = timedelta(days=5)


class Found(Value):
    """A message that a search found, and its case."""

    case_id: str
    message: Message


SENT = (
    update(LetterRow)
    .where(col(LetterRow.id) == bindparam("letter"), col(LetterRow.sent_at).is_(None))
    .values(sent_at=bindparam("instant"))
)
"""A letter was sent: the first time counts."""

REACHED = (
    update(UndeliveredRow)
    .where(
        col(UndeliveredRow.case_id) == bindparam("of_case"),
        col(UndeliveredRow.to) == bindparam("party"),
        col(UndeliveredRow.over_at).is_(None),
        or_(
            col(UndeliveredRow.key).in_(bindparam("keys", expanding=True)),
            col(UndeliveredRow.trouble).in_([t for t in Trouble if t.of_address]),
        ),
    )
    .values(over_at=bindparam("instant"))
)
"""Letters have reached a party: what did not arrive for want of an address is over.

Both are made once: what SQLAlchemy has to make anew for every mailing costs more than the database.
"""


class Archive:
    """Keeps messages and letters. Nothing here changes or deletes a text, nor can the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_messages(self, case_id: str, messages: Sequence[Message]) -> None:
        """Archive messages, each once by its id within the case.

        Another message under an id that is taken raises ContradictionError, and none is kept. The
        first time counts: a case that ops have reset takes the same message again, and later.
        """
        with transaction(self._engine) as session:
            for taken in keep_messages(session, case_id, messages):
                raise ContradictionError(
                    f"Another message of case {case_id} has the id {taken}; "
                    "give this one an id of its own."
                )

    def prepare(self, letters: Sequence[Letter]) -> list[Letter]:
        """Keep each letter unless its id is taken, and answer those that are kept.

        So a step that runs again sends the very same texts, and sees which were sent.
        """
        if not letters:
            return []
        with transaction(self._engine) as session:
            insert_new(session, [LetterRow(**letter.model_dump()) for letter in letters])
            return [_letter(session.get_one(LetterRow, letter.id)) for letter in letters]

    def settle(
        self,
        case_id: str,
        sent: Sequence[tuple[Letter, datetime]],
        undelivered: Sequence[Undelivered],
        at: datetime,
    ) -> None:
        """Note in one transaction what became of a mailing: which letters were sent, and which did
        not arrive. Whoever one letter has reached can be reached: what did not arrive for want of
        an address is over, and whoever wrote it sends it again.
        """
        if not (sent or undelivered):
            return
        with transaction(self._engine) as session:
            connection = session.connection()
            if sent:
                connection.execute(SENT, [{"letter": one.id, "instant": at} for one, at in sent])
            for party in {letter.to for letter, _ in sent}:
                keys = [letter.key for letter, _ in sent if letter.to is party]
                connection.execute(
                    REACHED, {"of_case": case_id, "party": party, "keys": keys, "instant": at}
                )
            for one in undelivered:
                facts = {"name": one.name, "trouble": one.trouble, "code": one.code, "at": at}
                kept = insert(session, UndeliveredRow).values(
                    case_id=case_id, key=one.key, to=one.to, **facts
                )
                session.exec(
                    kept.on_conflict_do_update(
                        index_elements=["case_id", "key", "to"], set_={**facts, "over_at": None}
                    )
                )

    def undelivered(self, case_id: str) -> list[Undelivered]:
        """The letters of a case that did not arrive, the oldest first."""
        statement = (
            select(UndeliveredRow)
            .where(UndeliveredRow.case_id == case_id, col(UndeliveredRow.over_at).is_(None))
            .order_by(col(UndeliveredRow.at), col(UndeliveredRow.key))
        )
        with transaction(self._engine) as session:
            return [
                Undelivered.model_validate(row.model_dump(include=set(Undelivered.model_fields)))
                for row in session.exec(statement)
            ]

    def outgoing(self, now: datetime) -> Outgoing:
        """How mail leaves, over all cases.

        Mail is tried for four days (LETTERS): what is unsent since longer is of cases
        that ops ended by force.
        """
        given_up = (
            select(UndeliveredRow.key)
            .where(
                col(UndeliveredRow.case_id) == col(LetterRow.case_id),
                col(UndeliveredRow.key) == col(LetterRow.key),
                col(UndeliveredRow.to) == col(LetterRow.to),
            )
            .exists()
        )
        waiting = select(func.min(LetterRow.created_at)).where(
            col(LetterRow.sent_at).is_(None), col(LetterRow.created_at) > now - TRIED_FOR, ~given_up
        )
        undelivered = (
            select(func.count())
            .select_from(UndeliveredRow)
            .join(CaseRow, col(CaseRow.case_id) == col(UndeliveredRow.case_id))
            .where(col(UndeliveredRow.over_at).is_(None), col(CaseRow.closed_at).is_(None))
        )
        with transaction(self._engine) as session:
            return Outgoing(
                waiting_since=session.exec(waiting).one(),
                undelivered=session.exec(undelivered).one(),
            )

    def messages(self, case_id: str) -> list[Message]:
        """What people wrote in a case, in the order of time."""
        return [message for page in self.pages(case_id) for message in page]

    def pages(self, case_id: str, size: int = 100) -> Iterator[list[Message]]:
        """The same, at most `size` messages at a time; each page is read when it is asked for."""
        last = None
        while True:
            statement = (
                select(MessageRow)
                .where(MessageRow.case_id == case_id)
                .order_by(col(MessageRow.at), col(MessageRow.number))
                .limit(size)
            )
            if last is not None:
                place = tuple_(col(MessageRow.at), col(MessageRow.number))
                statement = statement.where(place > tuple_(last.at, last.number))
            with transaction(self._engine) as session:
                rows = session.exec(statement).all()
            if rows:
                yield [message_in(row) for row in rows]
            if len(rows) < size:
                return
            last = rows[-1]

    def letters(self, case_id: str) -> list[Letter]:
        """What the case wrote to the parties, in the order of time."""
        statement = (
            select(LetterRow)
            .where(LetterRow.case_id == case_id)
            .order_by(col(LetterRow.created_at), col(LetterRow.id))
        )
        with transaction(self._engine) as session:
            return [_letter(row) for row in session.exec(statement)]

    def search(
        self,
        words: str,
        seller_id: str | None = None,
        case_id: str | None = None,
        limit: int = 200,
    ) -> list[Found]:
        """The messages that contain every word, newest first, in whatever case and with whatever
        accents it is written; of one case, all messages if no word is given.

        A word is found inside longer ones too, for the languages here inflect their words. Words
        in quotation marks are found as they stand there, one after the other.
        """
        wanted = asked_for(words)
        if not (wanted or case_id) or len(words) > LONGEST_SEARCH:
            raise StoreError(
                f"Search for at least one word and at most {LONGEST_SEARCH} characters."
            )
        statement = select(MessageRow).where(*holding(words))
        if case_id is not None:
            statement = statement.where(MessageRow.case_id == case_id)
        if seller_id is not None:
            cases = select(CaseRow.case_id).where(CaseRow.seller_id == seller_id)
            statement = statement.where(col(MessageRow.case_id).in_(cases))
        newest = statement.order_by(col(MessageRow.at).desc(), col(MessageRow.number).desc())
        with transaction(self._engine) as session:
            return [
                Found(case_id=row.case_id, message=message_in(row))
                for row in session.exec(newest.limit(min(limit, MOST_FOUND)))
            ]


QUOTED = re.compile(r"""(?<!\S)["„“”«»](?=\S)([^"„“”«»]+)["„“”«»](?!\S)""")
"""A phrase in the quotation marks of any of the languages; a mark that stands alone, as in 15", is
a character like others.
"""


def asked_for(words: str) -> list[str]:
    """What a message must hold to be found: each word, and each phrase in quotation marks."""
    folded = fold(storable(words))
    phrases = (" ".join(phrase.split()) for phrase in QUOTED.findall(folded))
    return [*phrases, *QUOTED.sub(" ", folded).split()]


def holding(words: str) -> list[ColumnElement[bool]]:
    """What a search asks of a message: that it holds all that is asked for."""
    folded = _in_one_line(MessageRow.folded)
    return [folded.contains(each, autoescape=True) for each in asked_for(words)]


def _in_one_line(folded: str) -> ColumnElement[str]:
    """A text as phrases are looked for in it: the end of a line parts words like a blank."""
    return func.replace(folded, "\n", " ")


BARE = str.maketrans(
    {"ł": "l", "đ": "d", "ø": "o", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"}
)
"""Letters whose stroke or bow is no accent to Unicode, as people without them type them."""


def fold(text: str) -> str:
    """The text as searching sees it, without case or accents: "Pęknięte" is found as "pekniete".

    Neither database folds every alphabet by itself. The archive keeps texts folded: another way of
    folding needs a migration (0007 is one).
    """
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return unicodedata.normalize("NFKC", bare.casefold()).translate(BARE)


def keep_messages(session: Session, case_id: str, messages: Sequence[Message]) -> list[str]:
    """Archive messages, each once by its id within the case, in somebody else's transaction.

    Answers the ids under which there is another message. The first time counts: a case that ops
    have reset takes the same message again, and later.
    """
    rows = [message_row(case_id, message) for message in messages]
    if not rows or insert_new(session, rows) == len(rows):
        return []
    ids = col(MessageRow.id).in_([row.id for row in rows])
    found = session.exec(select(MessageRow).where(MessageRow.case_id == case_id, ids))
    stored = {row.id: message_in(row) for row in found}
    return [
        row.id
        for row in rows
        if stored[row.id] != message_in(row).model_copy(update={"at": stored[row.id].at})
    ]


def message_row(case_id: str, message: Message) -> MessageRow:
    """The message as its table has it."""
    return MessageRow(
        case_id=case_id,
        id=message.id,
        at=message.at,
        party=message.by.party,
        author_id=storable(message.by.id),
        author_name=storable(message.by.name),
        text=storable(message.text),
        folded=fold(message.text),
        nature=message.nature,
        attachments=[attachment.model_dump(mode="json") for attachment in message.attachments],
    )


def message_in(row: MessageRow) -> Message:
    """The message that a row has."""
    return Message(
        id=row.id,
        at=row.at,
        by=Actor(party=Party(row.party), id=row.author_id, name=row.author_name),
        text=row.text,
        attachments=tuple(Attachment.model_validate(one) for one in row.attachments),
        nature=Nature(row.nature),
    )


def _letter(row: LetterRow) -> Letter:
    return Letter.model_validate(row.model_dump())
