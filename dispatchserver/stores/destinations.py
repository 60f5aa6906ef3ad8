"""Limits of destinations as batched writes, and the DestinationLimits of registries.py over any driver."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.destinationspec import (
    DecideDestination,
    DestinationSpec,
    StoredDestination,
)
from dispatchserver.domain.errors import DestinationNotFound, DispatchError
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.rate import rate_text, read_rate
from dispatchserver.ports import Actor
from dispatchserver.stores import destinationsql, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Driver, Row, Tx

WAITING_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Said:
    """Limits to be made or changed; without `decide` they are taken back."""

    name: str
    decide: DecideDestination | None
    actor: Actor
    now: datetime


class SqlDestinations:
    """Limits of destinations in the tasks' database; see registries.DestinationLimits for every method's promise."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def put(
        self, name: str, decide: DecideDestination, actor: Actor, now: datetime
    ) -> StoredDestination:
        return await self._driver.submit(put_destinations, Said(name, decide, actor, now))

    async def list(self) -> Sequence[StoredDestination]:
        found = await self._driver.page_reader.fetch(destinationsql.LIST)
        return [_read(row) for row in found]

    async def delete(self, name: str, actor: Actor, now: datetime) -> None:
        await self._driver.submit(delete_destinations, Said(name, None, actor, now))

    async def note_reset(self, name: str, actor: Actor, now: datetime) -> None:
        await self._driver.submit(note_resets, Said(name, None, actor, now))

    async def waiting(self) -> Mapping[str, int]:
        found = await self._driver.page_reader.fetch(destinationsql.WAITING, WAITING_LIMIT)
        counts: Counter[str] = Counter()
        for row in found:
            for name in row["behind"].split():
                counts[name] += row["fires"]
        return counts


async def put_destinations(
    tx: Tx, asked: Sequence[Said]
) -> Sequence[StoredDestination | Exception]:
    """Makes or changes limits one after the other: each must see what the one before it did."""
    return [await _put_one(tx, each) for each in asked]


async def _put_one(tx: Tx, asked: Said) -> StoredDestination | Exception:
    assert asked.decide is not None
    standing = await _find(tx, asked.name)
    try:
        spec = asked.decide(standing)
    except DispatchError as refusal:
        return refusal
    if standing is not None and standing.spec == spec:
        return standing
    version = 1 if standing is None else standing.version + 1
    stored = StoredDestination(name=asked.name, version=version, spec=spec, updated_at=asked.now)
    text = _spec_json(spec)
    await tx.execute(destinationsql.PUT, asked.name, text, version, to_ms(asked.now))
    action = "destination_added" if standing is None else "destination_changed"
    await _note(tx, asked, action, version, text)
    return stored


async def delete_destinations(tx: Tx, asked: Sequence[Said]) -> Sequence[Exception | None]:
    """Takes limits back, one after the other."""
    return [await _delete_one(tx, each) for each in asked]


async def _delete_one(tx: Tx, asked: Said) -> Exception | None:
    standing = await _find(tx, asked.name)
    if standing is None:
        return DestinationNotFound(asked.name)
    await tx.execute(destinationsql.DELETE, asked.name)
    await _note(tx, asked, "destination_deleted", standing.version, "")
    return None


async def note_resets(tx: Tx, asked: Sequence[Said]) -> Sequence[None]:
    """Notes who closed a circuit by hand."""
    for each in asked:
        await _note(tx, each, "destination_reset", None, "")
    return [None] * len(asked)


async def _note(tx: Tx, asked: Said, action: str, version: int | None, detail: str) -> None:
    actor = asked.actor
    head = [to_ms(asked.now), actor.who, actor.door, action]
    await put(tx, sql.PUT_AUDIT, [[*head, "", "", asked.name, version, None, detail]])


async def _find(tx: Tx, name: str) -> StoredDestination | None:
    found = await tx.fetch(destinationsql.FIND, name)
    return _read(found[0]) if found else None


def _spec_json(spec: DestinationSpec) -> str:
    rate = spec.rate
    pace = None if rate is None else [rate_text(rate), rate.burst]
    return dumps({"slots": spec.slots, "rate": pace, "paused": spec.paused})


def _read(row: Row) -> StoredDestination:
    doc = json.loads(row["spec"])
    spec = DestinationSpec(
        slots=doc["slots"],
        rate=None if doc["rate"] is None else read_rate(*doc["rate"]),
        paused=doc["paused"],
    )
    at = from_ms(row["updated_at"])
    return StoredDestination(name=row["name"], version=row["version"], spec=spec, updated_at=at)
