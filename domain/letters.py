"""A notice as it was written out for one person: what was really said, word for word."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from domain.base import Value
from domain.notices import NoticeName
from domain.parties import Party


class Letter(Value):
    """What one step of a case says to one person: a notice, or several that belong together.

    `id` is its mail Message-ID; `key` are the notices' keys, in order, and `name` the notice that
    its subject is of.

    `sent_at` is empty until the mail server has taken it.
    """

    id: Annotated[str, Field(min_length=1, max_length=250)]
    case_id: str
    key: str
    to: Party
    name: NoticeName
    locale: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    subject: str
    text: str
    html: str
    created_at: AwareDatetime
    sent_at: AwareDatetime | None = None


class Trouble(StrEnum):
    """Why a letter has not arrived, as far as is known when it leaves."""

    NO_ADDRESS = "no-address"
    """What the marketplace has as the address is none."""
    RECIPIENT_REFUSED = "recipient-refused"
    """The mail server knows nobody under it, or takes nothing for them."""
    ADDRESS_NOT_SUPPORTED = "address-not-supported"
    """It has letters before the @ that the mail server cannot read (RFC 6531)."""
    NOT_TAKEN = "not-taken"
    """The mail server was away, or put it off, for as long as mail is tried."""
    CONTENT_REFUSED = "content-refused"
    """The mail server does not want this letter, to whomever it goes."""
    NOT_WRITTEN = "not-written"
    """It cannot be written out: a defect of ours."""

    @property
    def of_address(self) -> bool:
        """Whether another letter that arrives says that this one would now, too."""
        return self not in (Trouble.CONTENT_REFUSED, Trouble.NOT_WRITTEN)


class Undelivered(Value):
    """A letter that has not arrived and will not be tried again by itself. Names no address.

    `key` and `name` as the letter has them; `code` is the mail server's answer.
    """

    key: str
    to: Party
    name: NoticeName
    trouble: Trouble
    code: int | None = None

    @property
    def why(self) -> str:
        """The trouble, with the server's answer."""
        return f"{self.trouble} {self.code}" if self.code else str(self.trouble)


class Posted(Value):
    """What became of a mailing, where not every letter was sent."""

    undelivered: tuple[Undelivered, ...] = ()


class Outgoing(Value):
    """How mail leaves, over all cases: since when the oldest letter waits that is still tried, and
    how many letters of open cases have not arrived.
    """

    waiting_since: AwareDatetime | None
    undelivered: int
