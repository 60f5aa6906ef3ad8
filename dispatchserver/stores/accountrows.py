"""Tokens and sessions as rows keep them."""

from dispatchserver.domain.access import Session, Token
from dispatchserver.domain.moments import from_ms
from dispatchserver.stores.driver import Row
from dispatchserver.stores.triggerspecs import moment


def read_token(row: Row) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        created_at=from_ms(row["created_at"]),
        expires_at=moment(row["expires_at"]),
        revoked_at=moment(row["revoked_at"]),
    )


def read_session(row: Row) -> Session:
    return Session(
        secret_hash=row["secret_hash"],
        user=row["user_name"],
        csrf=row["csrf"],
        created_at=from_ms(row["created_at"]),
        seen_at=from_ms(row["seen_at"]),
    )
