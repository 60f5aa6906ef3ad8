"""Signing keys as batched writes, and the SigningKeys of ports.py over any driver."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.group import GroupKey
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.signing import DecideKeys, SigningKey
from dispatchserver.ports import Actor
from dispatchserver.stores import signingsql, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Driver, Reader, Row, Tx
from dispatchserver.stores.triggerspecs import moment, ms


@dataclass(frozen=True, slots=True)
class Rekey:
    """A group is to have other keys."""

    group: GroupKey
    decide: DecideKeys
    actor: Actor
    now: datetime


class SqlSigningKeys:
    """Signing keys in the tasks' database; see registries.SigningKeys for every method's promise."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def change(
        self, group: GroupKey, decide: DecideKeys, actor: Actor, now: datetime
    ) -> Sequence[SigningKey]:
        return await self._driver.submit(change_keys, Rekey(group, decide, actor, now))

    async def of(self, group: GroupKey, now: datetime) -> Sequence[SigningKey]:
        return await _live(self._driver.page_reader, group, now)


async def change_keys(tx: Tx, asked: Sequence[Rekey]) -> Sequence[Sequence[SigningKey] | Exception]:
    """Changes keys one group after the other: two changes of one group must see each other."""
    return [await _change_one(tx, each) for each in asked]


async def _change_one(tx: Tx, asked: Rekey) -> Sequence[SigningKey] | Exception:
    group = asked.group
    standing = await _live(tx, group, asked.now)
    try:
        keys = asked.decide(standing)
    except DispatchError as refusal:
        return refusal
    await tx.execute(signingsql.DELETE_KEYS, group.namespace, group.name)
    for key in keys:
        await tx.execute(signingsql.PUT_KEY, group.namespace, group.name, *_columns(key))
    await put(tx, sql.PUT_AUDIT, list(_audit_rows(asked, standing, keys)))
    return keys


async def _live(reader: Reader | Tx, group: GroupKey, now: datetime) -> Sequence[SigningKey]:
    found = await reader.fetch(signingsql.KEYS, group.namespace, group.name)
    return [key for key in map(_read_key, found) if key.lives(now)]


def _audit_rows(
    asked: Rekey, before: Sequence[SigningKey], after: Sequence[SigningKey]
) -> Iterator[Sequence[object]]:
    """Who made or ended which key, by its id: the key itself is told to nobody."""
    had, has = {key.id for key in before}, {key.id for key in after}
    for action, ids in (("signing_key_made", has - had), ("signing_key_retired", had - has)):
        for key_id in sorted(ids):
            head = [to_ms(asked.now), asked.actor.who, asked.actor.door, action]
            yield [*head, asked.group.namespace, asked.group.name, "", None, None, key_id]


def _columns(key: SigningKey) -> Sequence[object]:
    return [key.id, key.key, to_ms(key.since), ms(key.until)]


def _read_key(row: Row) -> SigningKey:
    return SigningKey(
        id=row["id"], key=row["key"], since=from_ms(row["since"]), until=moment(row["until"])
    )
