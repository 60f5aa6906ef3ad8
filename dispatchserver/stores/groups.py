"""Settings of groups as batched writes, and the Groups of ports.py over any driver."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from dispatchserver.domain.defaults import NO_DEFAULTS, PolicyDefaults
from dispatchserver.domain.errors import CalendarNotFound, DispatchError
from dispatchserver.domain.group import DecideGroup, GroupKey, GroupSpec, StoredGroup
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.ports import Actor
from dispatchserver.stores import groupsql, signingsql, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Driver, Row, Tx
from dispatchserver.stores.specs import policies_json, read_policies


@dataclass(frozen=True, slots=True)
class Put:
    """Settings to be made or changed."""

    key: GroupKey
    decide: DecideGroup
    actor: Actor
    now: datetime


class SqlGroups:
    """Settings of groups in the tasks' database; see ports.Groups for every method's promise."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def put(
        self, key: GroupKey, decide: DecideGroup, actor: Actor, now: datetime
    ) -> StoredGroup:
        return await self._driver.submit(put_groups, Put(key, decide, actor, now))

    async def list(self, namespace: str) -> Sequence[StoredGroup]:
        found = await self._driver.page_reader.fetch(groupsql.LIST_GROUPS, namespace)
        return [_read_group(row) for row in found]

    async def signed(self, namespace: str) -> Collection[str]:
        found = await self._driver.page_reader.fetch(signingsql.SIGNED_GROUPS, namespace)
        return {row["grp"] for row in found}


async def put_groups(tx: Tx, asked: Sequence[Put]) -> Sequence[StoredGroup | Exception]:
    """Makes or changes settings one after the other: each must see what the one before it did."""
    return [await _put_one(tx, each) for each in asked]


async def _put_one(tx: Tx, asked: Put) -> StoredGroup | Exception:
    found = await tx.fetch(groupsql.FIND_GROUP, asked.key.namespace, asked.key.name)
    standing = _read_group(found[0]) if found else None
    try:
        spec = asked.decide(standing)
    except DispatchError as refusal:
        return refusal
    if standing is not None and standing.spec == spec:
        return standing
    if (calendar := spec.policies.policies.calendar) is not None:
        names = [row["name"] for row in await tx.fetch(sql.LIST_CALENDARS, asked.key.namespace)]
        if calendar not in names:
            return CalendarNotFound(calendar, names)
    return await _write(tx, asked, standing, spec)


async def _write(tx: Tx, asked: Put, standing: StoredGroup | None, spec: GroupSpec) -> StoredGroup:
    version = 1 if standing is None else standing.version + 1
    stored = StoredGroup(key=asked.key, version=version, spec=spec, updated_at=asked.now)
    await tx.execute(
        groupsql.PUT_GROUP,
        stored.key.namespace,
        stored.key.name,
        _spec_json(spec),
        stored.version,
        to_ms(stored.updated_at),
    )
    action = "group_added" if standing is None else "group_changed"
    await put(tx, sql.PUT_AUDIT, [_audit_row(asked, action, stored)])
    return stored


def _audit_row(asked: Put, action: str, stored: StoredGroup) -> Sequence[object]:
    actor, key = asked.actor, asked.key
    said = [key.namespace, key.name, "", stored.version, None, ""]
    return [to_ms(asked.now), actor.who, actor.door, action, *said]


def _spec_json(spec: GroupSpec) -> str:
    doc: dict[str, object] = {"zone": spec.zone and spec.zone.key, "note": spec.note}
    if spec.policies.said:
        doc["said"] = sorted(spec.policies.said)
        doc["policies"] = policies_json(spec.policies.policies)
    return dumps(doc)


def _read_group(row: Row) -> StoredGroup:
    doc = json.loads(row["spec"])
    return StoredGroup(
        key=GroupKey(namespace=row["namespace"], name=row["name"]),
        version=row["version"],
        spec=GroupSpec(
            zone=None if doc["zone"] is None else ZoneInfo(doc["zone"]),
            note=doc["note"],
            policies=_read_defaults(doc),
        ),
        updated_at=from_ms(row["updated_at"]),
    )


def _read_defaults(doc: Mapping[str, Any]) -> PolicyDefaults:
    if "said" not in doc:
        return NO_DEFAULTS
    return PolicyDefaults(said=frozenset(doc["said"]), policies=read_policies(doc["policies"]))
