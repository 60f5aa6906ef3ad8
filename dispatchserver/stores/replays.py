"""Ended fires sent once more, as batched writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.changing import Action
from dispatchserver.domain.errors import DispatchError, FireNotFound
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.replaying import DecideReplay
from dispatchserver.ports import Actor
from dispatchserver.stores import deadsql, rows, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Tx


@dataclass(frozen=True, slots=True)
class Replayed:
    """Somebody wants a fire once more."""

    fire_id: str
    decide: DecideReplay
    actor: Actor
    now: datetime


async def replay(tx: Tx, asked: Sequence[Replayed]) -> Sequence[Fire | Exception]:
    """Writes a new fire for each one asked for, with its audit row."""
    ids = dumps([[each.fire_id] for each in asked])
    standing = {row["id"]: rows.read_fire(row) for row in await tx.fetch(sql.FIND_FIRES, ids)}
    done = {row["replay_of"] for row in await tx.fetch(deadsql.REPLAYS_OF, ids)}
    results: list[Fire | Exception] = []
    for each in asked:
        results.append(_decide(each, standing.get(each.fire_id), each.fire_id in done))
        if isinstance(results[-1], Fire):
            done.add(each.fire_id)
    made = [
        (each, fire) for each, fire in zip(asked, results, strict=True) if isinstance(fire, Fire)
    ]
    await put(tx, sql.PUT_FIRES, [rows.fire_row(fire) for _, fire in made])
    await put(tx, sql.PUT_AUDIT, [_audit_row(each, fire) for each, fire in made])
    return results


def _decide(asked: Replayed, fire: Fire | None, replayed: bool) -> Fire | Exception:
    if fire is None:
        return FireNotFound(asked.fire_id)
    try:
        return asked.decide(fire, replayed)
    except DispatchError as refusal:
        return refusal


def _audit_row(asked: Replayed, fire: Fire) -> list[object]:
    key, actor = fire.key, asked.actor
    who = [to_ms(asked.now), actor.who, actor.door, Action.REPLAYED]
    return [*who, key.namespace, key.group, key.name, fire.version, fire.id, asked.fire_id]
