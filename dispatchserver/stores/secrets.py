"""Secrets as batched writes, and the Secrets of registries.py over any driver."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dispatchserver.domain.authorization import Auth
from dispatchserver.domain.errors import Invalid, SecretInUse, SecretNotFound
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.secrets import SecretKey, SecretStatus
from dispatchserver.ports import Actor
from dispatchserver.stores import secretsql, sql
from dispatchserver.stores.authspecs import read_auth
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Driver, Row, Tx


@dataclass(frozen=True, slots=True)
class Setting:
    """A secret is to have this value, perhaps only where there is none yet; None: it is to be forgotten."""

    key: SecretKey
    value: str | None = field(repr=False)
    actor: Actor
    now: datetime
    only_new: bool = False


class SqlSecrets:
    """Secrets in the tasks' database; see registries.Secrets for every method's promise."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def put(
        self, key: SecretKey, value: str, actor: Actor, now: datetime, *, only_new: bool = False
    ) -> bool:
        return await self._driver.submit(put_secrets, Setting(key, value, actor, now, only_new))

    async def list(self, namespace: str) -> Sequence[SecretStatus]:
        found = await self._driver.page_reader.fetch(secretsql.LIST_SECRETS, namespace)
        return [_read_status(row) for row in found]

    async def uses(self, key: SecretKey) -> Sequence[Auth]:
        found = await self._driver.page_reader.fetch(secretsql.SECRET_USES, key.namespace, key.name)
        return [auth for row in found if (auth := read_auth(json.loads(row["auth"])))]

    async def delete(self, key: SecretKey, actor: Actor, now: datetime) -> None:
        await self._driver.submit(delete_secrets, Setting(key, None, actor, now))


async def put_secrets(tx: Tx, asked: Sequence[Setting]) -> Sequence[bool | Exception]:
    """Sets secrets one after the other: each must see what the one before it did."""
    return [await _put_one(tx, each) for each in asked]


async def _put_one(tx: Tx, asked: Setting) -> bool | Exception:
    key = asked.key
    former = await _version(tx, key)
    if former and asked.only_new:
        return Invalid("secret.exists")
    at, who = to_ms(asked.now), asked.actor.who
    await tx.execute(secretsql.PUT_SECRET, key.namespace, key.name, asked.value, at, who)
    await _note(tx, asked, "secret_changed" if former else "secret_made", former + 1)
    return former == 0


async def delete_secrets(tx: Tx, asked: Sequence[Setting]) -> Sequence[Exception | None]:
    """Forgets secrets that no task uses."""
    return [await _delete_one(tx, each) for each in asked]


async def _delete_one(tx: Tx, asked: Setting) -> Exception | None:
    key = asked.key
    version = await _version(tx, key)
    if not version:
        return await not_found(tx, key)
    if used := await tx.fetch(secretsql.SECRET_USERS, key.namespace, key.name):
        row = used[0]
        return SecretInUse(key.name, row["tasks"], row["grp"], row["name"])
    await tx.execute(secretsql.DELETE_SECRET, key.namespace, key.name)
    await _note(tx, asked, "secret_deleted", version)
    return None


async def _version(tx: Tx, key: SecretKey) -> int:
    """How often the secret was set; 0 where there is none."""
    found = await tx.fetch(secretsql.FIND_VERSION, key.namespace, key.name)
    return int(found[0]["version"]) if found else 0


async def missing(tx: Tx, key: SecretKey) -> SecretNotFound | None:
    """The refusal of a task that names a secret which is not there; None where it is."""
    return None if await _version(tx, key) else await not_found(tx, key)


async def not_found(tx: Tx, key: SecretKey) -> SecretNotFound:
    """That there is no such secret, with the nearest names."""
    names = await tx.fetch(secretsql.NAMES, key.namespace)
    return SecretNotFound(key.name, [row["name"] for row in names])


async def _note(tx: Tx, asked: Setting, action: str, version: int) -> None:
    """Who did what to which secret: its value is told to nobody."""
    actor, key = asked.actor, asked.key
    head = [to_ms(asked.now), actor.who, actor.door, action]
    await put(tx, sql.PUT_AUDIT, [[*head, key.namespace, "", key.name, version, None, ""]])


def _read_status(row: Row) -> SecretStatus:
    return SecretStatus(
        key=SecretKey(namespace=row["namespace"], name=row["name"]),
        version=row["version"],
        updated_at=from_ms(row["updated_at"]),
        updated_by=row["updated_by"],
        tasks=row["tasks"],
    )
