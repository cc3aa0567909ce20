"""Signed links to a case: whoever has one sees that case, and acts in it as whom it is for.

Letters are kept without them, for more people read the archive than the one a letter was for: a
link is put in when its letter leaves.
"""

import hmac
import html
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jwt import JWTClaimsRegistry

from activities.look import SIGNED, Look
from domain.base import Value
from domain.letters import Letter
from domain.parties import Party

TYPE = "recourse-link+jwt"
"""What tells a link from a platform's token, in its header."""

ALGORITHM = "HS256"
ISSUER = "recourse"
PURPOSE = "case"
"""What a link is good for: one case, and nothing else."""

SHORTEST_SECRET = 32
"""Characters of a secret."""


class Linked(Value):
    """What a link says: in which case, and as whom."""

    case_id: str
    party: Party
    person_id: str


class LinkRefusedError(Exception):
    """A link that does not hold: not of ours, over, or for something else."""


class Links:
    """Makes links with the first of its secrets, and reads those made with any."""

    def __init__(self, secrets: Sequence[str], days: int) -> None:
        self._keys = [OctKey.import_key(secret) for secret in secrets]
        self._lasts = timedelta(days=days)
        self._claims = JWTClaimsRegistry(
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": PURPOSE},
            exp={"essential": True},
        )

    def make(self, linked: Linked, now: datetime) -> tuple[str, datetime]:
        """A link, and until when it holds."""
        until = now + self._lasts
        claims = {
            "iss": ISSUER,
            "aud": PURPOSE,
            "sub": linked.person_id,
            "party": linked.party.value,
            "case": linked.case_id,
            "exp": int(until.timestamp()),
        }
        header = {"alg": ALGORITHM, "typ": TYPE}
        return jwt.encode(header, claims, self._keys[0], algorithms=[ALGORITHM]), until

    def read(self, link: str) -> Linked:
        """What a link says; LinkRefusedError for one that does not hold."""
        for key in self._keys:
            try:
                claims = jwt.decode(link, key, algorithms=[ALGORITHM]).claims
                self._claims.validate(claims)
                return Linked(
                    case_id=claims["case"], party=claims["party"], person_id=claims["sub"]
                )
            except (JoseError, ValueError, TypeError, KeyError, OverflowError):
                continue
        raise LinkRefusedError

    def mark(self, case_id: str, party: Party) -> str:
        """What stands in a reader's letters where their link goes. Nobody else can know it, and so
        have somebody's link put into words of their own that are quoted to them.
        """
        secret = self._keys[0].raw_value
        digest = hmac.new(secret, f"mark {case_id} {party}".encode(), "sha256").hexdigest()
        return f"{SIGNED}-{digest[:32]}"

    def into(self, letter: Letter, person_id: str, look: Look) -> Letter:
        """The letter as it leaves, with its reader's link where it leads to the case."""
        mark = self.mark(letter.case_id, letter.to)
        marked = look.page(letter.case_id, mark)
        if mark not in marked:
            return letter
        linked = Linked(case_id=letter.case_id, party=letter.to, person_id=person_id)
        link, _ = self.make(linked, datetime.now(UTC))
        page = marked.replace(mark, link)
        return letter.model_copy(
            update={
                "text": letter.text.replace(marked, page),
                "html": letter.html.replace(html.escape(marked), html.escape(page)),
            }
        )


def fit_secrets(text: str) -> list[str]:
    """Secrets with commas between them, the one that signs first; ValueError for short ones."""
    secrets = [each.strip() for each in text.split(",") if each.strip()]
    if any(len(secret) < SHORTEST_SECRET for secret in secrets):
        raise ValueError(f"must be secrets of {SHORTEST_SECRET} characters or more")
    return secrets
