"""Ended fires sent once more, as batched writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.changing import Action
from dispatchserver.domain.errors import DispatchError, FireNotFound
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import to_ms
from dispatchserver.ports import Actor
from dispatchserver.stores import rows, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Tx


@dataclass(frozen=True, slots=True)
class Replayed:
    """Somebody wants a fire once more."""

    fire_id: str
    decide: Callable[[Fire], Fire]
    actor: Actor
    now: datetime


async def replay(tx: Tx, asked: Sequence[Replayed]) -> Sequence[Fire | Exception]:
    """Writes a new fire for each one asked for, with its audit row."""
    found = await tx.fetch(sql.FIND_FIRES, dumps([[each.fire_id] for each in asked]))
    standing = {row["id"]: rows.read_fire(row) for row in found}
    results = [_decide(each, standing.get(each.fire_id)) for each in asked]
    made = [
        (each, fire) for each, fire in zip(asked, results, strict=True) if isinstance(fire, Fire)
    ]
    await put(tx, sql.PUT_FIRES, [rows.fire_row(fire) for _, fire in made])
    await put(tx, sql.PUT_AUDIT, [_audit_row(each, fire) for each, fire in made])
    return results


def _decide(asked: Replayed, fire: Fire | None) -> Fire | Exception:
    if fire is None:
        return FireNotFound(asked.fire_id)
    try:
        return asked.decide(fire)
    except DispatchError as refusal:
        return refusal


def _audit_row(asked: Replayed, fire: Fire) -> list[object]:
    key, actor = fire.key, asked.actor
    who = [to_ms(asked.now), actor.who, actor.door, Action.REPLAYED]
    return [*who, key.namespace, key.group, key.name, fire.version, fire.id, asked.fire_id]
