"""A key set, and tokens signed by it, where no platform issues any: for the demo and the tests."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER = "https://platform.example"
AUDIENCE = "recourse"

PEOPLE: dict[str, dict[str, Any]] = {
    "BUYER": {"role": "buyer", "id": "10000008", "name": "Alicja Zmyślona"},
    "SELLER": {"role": "seller", "id": "50000008"},
    "AGENT": {"role": "agent", "id": "a-7", "name": "Anna Nowak", "queues": ["*"]},
    "LEAD": {"role": "lead", "id": "l-1", "name": "Maja Novak", "queues": ["*"]},
    "PLATFORM": {"role": "platform", "id": "shop"},
    "OPS": {"role": "ops", "id": "o-1", "name": "Jan Kowalski"},
}
"""Whom the demo makes tokens for: the buyer and the seller are those of the order PL-2001."""


class Issuer:
    """Signs tokens with a key of its own, whose public half it keeps in a file."""

    def __init__(self, file: Path, kid: str = "demo") -> None:
        self.file = file
        self._key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})
        file.write_text(json.dumps(KeySet([self._key]).as_dict(private=False)))

    def token(
        self,
        role: str,
        id: str,
        name: str = "",
        queues: Sequence[str] = (),
        *,
        seconds: int = 12 * 3600,
        **claims: object,
    ) -> str:
        """A token for a person, which holds for so many seconds; `claims` stand for ours."""
        now = int(time.time())
        told: dict[str, object] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + seconds,
            "sub": id,
            "role": role,
            **({"name": name} if name else {}),
            **({"queues": [*queues]} if queues else {}),
            **claims,
        }
        told = {claim: value for claim, value in told.items() if value is not None}
        header = {"alg": "ES256", "kid": self._key.kid}
        return jwt.encode(header, told, self._key, algorithms=["ES256"])
