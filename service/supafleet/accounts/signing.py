"""Access tokens of sign-ins: short-lived JWTs that name an account and its session."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from supafleet.errors import Unauthorized

LIFETIME = timedelta(minutes=15)
_ALGORITHM = "HS256"
_AUDIENCE = "supafleet-api"


@dataclass(frozen=True)
class Claims:
    """What a valid access token says."""

    gotrue_id: str
    session_id: str


class TokenSigner:
    """Makes and reads access tokens with the installation's key."""

    def __init__(self, key: str, installation: str) -> None:
        self._key = key
        self._issuer = f"supafleet/{installation}"

    def sign(self, claims: Claims, now: datetime) -> str:
        """A token that is valid for a quarter of an hour from now."""
        payload = {
            "iss": self._issuer,
            "aud": _AUDIENCE,
            "sub": claims.gotrue_id,
            "session_id": claims.session_id,
            "iat": now,
            "exp": now + LIFETIME,
        }
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM)

    def read(self, token: str) -> Claims:
        """What the token says.

        Raises:
            Unauthorized: it is not one of ours, or no longer valid.
        """
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=self._issuer,
                options={"require": ["iss", "aud", "sub", "exp", "session_id"]},
            )
        except jwt.InvalidTokenError:
            raise Unauthorized from None
        return Claims(str(payload["sub"]), str(payload["session_id"]))
