"""The Accounts of registries.py over any driver."""

from collections.abc import Sequence
from datetime import datetime

from dispatchserver.domain.access import Session, Token
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import to_ms
from dispatchserver.stores import accountrows, accountsql
from dispatchserver.stores.driver import Driver, Row, Tx
from dispatchserver.stores.triggerspecs import ms


class SqlAccounts:
    """Tokens, users and sessions in the same database; see ports.Accounts."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def add_token(self, token: Token) -> None:
        row = [
            token.id,
            token.name,
            token.secret_hash,
            to_ms(token.created_at),
            ms(token.expires_at),
        ]
        if not await self._write(accountsql.PUT_TOKENS, dumps([row])):
            raise Invalid("token.name_taken")

    async def find_token(self, token_id: str) -> Token | None:
        found = await self._driver.page_reader.fetch(accountsql.FIND_TOKEN, token_id)
        return accountrows.read_token(found[0]) if found else None

    async def list_tokens(self) -> Sequence[Token]:
        return [
            accountrows.read_token(row)
            for row in await self._driver.page_reader.fetch(accountsql.LIST_TOKENS)
        ]

    async def revoke_token(self, token_id: str, now: datetime) -> bool:
        return bool(await self._write(accountsql.REVOKE_TOKEN, token_id, to_ms(now)))

    async def add_user(self, name: str, password_hash: str, now: datetime) -> bool:
        return bool(await self._write(accountsql.ADD_USER, name, password_hash, to_ms(now)))

    async def find_password(self, name: str) -> str | None:
        found = await self._driver.page_reader.fetch(accountsql.FIND_PASSWORD, name)
        return found[0]["password_hash"] if found else None

    async def count_users(self) -> int:
        (row,) = await self._driver.page_reader.fetch(accountsql.COUNT_USERS)
        users: int = row["users"]
        return users

    async def add_session(self, session: Session) -> None:
        created, seen = to_ms(session.created_at), to_ms(session.seen_at)
        await self._write(
            accountsql.ADD_SESSION, session.secret_hash, session.user, session.csrf, created, seen
        )

    async def find_session(self, secret_hash: str) -> Session | None:
        found = await self._driver.page_reader.fetch(accountsql.FIND_SESSION, secret_hash)
        return accountrows.read_session(found[0]) if found else None

    async def touch_session(self, secret_hash: str, now: datetime) -> None:
        await self._write(accountsql.TOUCH_SESSION, secret_hash, to_ms(now))

    async def end_session(self, secret_hash: str) -> None:
        await self._write(accountsql.END_SESSION, secret_hash)

    async def end_old_sessions(self, created_before: datetime, seen_before: datetime) -> None:
        await self._write(accountsql.END_OLD_SESSIONS, to_ms(created_before), to_ms(seen_before))

    async def _write(self, statement: str, *args: object) -> Sequence[Row]:
        return await self._driver.submit(_run_statements, (statement, args))


async def _run_statements(
    tx: Tx, asked: Sequence[tuple[str, tuple[object, ...]]]
) -> Sequence[Sequence[Row]]:
    return [await tx.fetch(statement, *args) for statement, args in asked]
