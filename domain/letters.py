"""A notice as it was written out for one person: what was really said, word for word."""

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
