"""An ended fire sent once more: a fire of its own, linked to the old one, with the same data or other. Pure."""

from collections.abc import Callable
from datetime import datetime

from dispatchserver.domain.errors import FireOpen, FireReplayed
from dispatchserver.domain.fire import Fire, FireKind, Turn
from dispatchserver.domain.planning import PENDING_LIFETIME

DecideReplay = Callable[[Fire, bool], Fire]
"""Given an ended fire, and whether somebody has sent it once more already, the new fire; or raises a DispatchError."""


def replay_once(fire: Fire, replayed: bool, *, new_id: str, now: datetime) -> Fire:
    """As `replay`, but never twice, whoever asks at the same time; raises FireReplayed."""
    if replayed:
        raise FireReplayed(fire.id)
    return replay(fire, replayed, new_id=new_id, now=now)


def replay(
    fire: Fire, replayed: bool, *, new_id: str, now: datetime, data_json: str | None = None
) -> Fire:
    """A fire due now that calls whom the old one called; raises FireOpen while that is under way.

    It has its own id, so a receiver that knows the old one does not take it for a repetition. It counts as
    run by hand: it waits for its key, and for no other fire of its task. A shard of a broadcast stays that shard.
    """
    if fire.state.open:
        raise FireOpen(fire.id, fire.state)
    return Fire(
        id=new_id,
        task_id=fire.task_id,
        key=fire.key,
        version=fire.version,
        kind=FireKind.MANUAL,
        priority=fire.priority,
        due_at=now,
        run_at=now,
        deadline_at=now + PENDING_LIFETIME,
        turn=Turn.READY if fire.key_name is None else Turn.ASKS_KEY,
        key_name=fire.key_name,
        replay_of=fire.id,
        data_json=fire.data_json if data_json is None else data_json,
        shard=fire.shard,
        shards=fire.shards,
    )
