"""Bearer tokens: signed by a key of the platform's, for us, in time, and for one person."""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact
from joserfc.jwt import JWTClaimsRegistry
from pydantic import ValidationError

from activities.links import TYPE, Linked, LinkRefusedError, Links
from api.deeds import doing
from api.keys import Keys
from api.problems import Problem, not_allowed
from api.rates import Rates
from api.roles import Person, Role

ALGORITHMS = ["ES256", "RS256"]
"""Nothing by a shared secret, and never none."""

LEEWAY = 30
"""Seconds by which clocks may differ."""

LONGEST = 8_000
"""Characters of a token."""

OWN_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}")
"""The ids (`jti`) by which tokens are known on record."""

BEARER = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description="A token of the platform's, or a signed link. `sub` is who one is, "
    "`role` one of platform, agent, lead, seller, buyer and ops, "
    "`name` what an agent signs with, `queues` what an agent or lead may see to.",
)


class Tokens:
    """Tells who a token is for."""

    def __init__(self, keys: Keys, issuer: str, audience: str, links: Links | None = None) -> None:
        self._keys = keys
        self._links = links
        self._claims = JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def person(self, token: str) -> Person:
        """Who it is; Problem 401 for a token that does not hold."""
        if len(token) > LONGEST:
            raise refused("It is too long.")
        try:
            header = extract_compact(token.encode()).headers()
            if header.get("typ") == TYPE and self._links:
                return _linked(self._links.read(token), token)
            kid = header.get("kid")
            key = await self._keys.find(kid) if isinstance(kid, str) else None
            if key is None:
                raise refused("It is signed with a key that is not known here.")
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        except (JoseError, LinkRefusedError, ValueError, TypeError, OverflowError):
            raise refused(
                "It is not signed as it should be, not for this service, or over."
            ) from None
        return _person(claims, _which(claims, token))


def _which(claims: dict[str, object], token: str) -> str:
    """What tells a token from others on record: its own id, or a digest of it."""
    own = claims.get("jti")
    if isinstance(own, str) and OWN_ID.fullmatch(own):
        return own
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()[:32]}"


def _linked(linked: Linked, token: str) -> Person:
    return Person(
        role=Role(linked.party),
        id=linked.person_id,
        token=_which({}, token),
        only=linked.case_id,
    )


def _person(claims: dict[str, object], which: str) -> Person:
    told = {
        "role": claims.get("role"),
        "id": claims.get("sub"),
        "name": claims.get("name", ""),
        "queues": claims.get("queues", []),
        "token": which,
    }
    try:
        return Person.model_validate(told)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]["loc"][0]
        claim = {"id": "sub"}.get(str(wrong), str(wrong))
        raise refused(f"Its claim `{claim}` cannot be used.") from None


def refused(why: str) -> Problem:
    """A token that does not hold."""
    return Problem(
        401,
        "token-refused",
        f"The token is not taken. {why}",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


async def whoever_asks(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> Person:
    """The person whose token came with a request; Problem 401 without one."""
    if bearer is None:
        raise Problem(
            401,
            "token-missing",
            "Send a token: Authorization: Bearer …",
            headers={"WWW-Authenticate": "Bearer"},
        )
    tokens: Tokens = request.app.state.parts.tokens
    person = await tokens.person(bearer.credentials)
    rates: Rates = request.app.state.parts.rates
    rates.take(person)  # before anything is on record of it, which would have no bound
    doing(request).person = person
    if person.only and "case_id" not in request.path_params:
        raise not_allowed("A link is for its case alone; ask for that.")
    return person


Asking = Annotated[Person, Depends(whoever_asks)]
