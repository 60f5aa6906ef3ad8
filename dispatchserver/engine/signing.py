"""The use cases of signing keys: made, rotated and retired; shown whole once, and only by their beginnings after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dispatchserver.domain.group import GroupKey
from dispatchserver.domain.signing import (
    NEW_KEY_BYTES,
    Rotation,
    SigningKey,
    key_text,
    masked,
    retired,
    rotated,
)
from dispatchserver.domain.task import check_name
from dispatchserver.ports import Actor, Clock
from dispatchserver.registries import SigningKeys

ID_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """A live key as it may be shown at any time: how it begins, and until when it signs (None: no end is set)."""

    id: str
    masked: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made, shown whole this once; `keys` are all that live now, it the first."""

    key: str = field(repr=False)
    keys: Sequence[KeyStatus]


class SigningCases:
    """Every change is durable when its method returns, and holds for every attempt that is claimed from then on."""

    def __init__(self, keys: SigningKeys, clock: Clock, random: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._clock = clock
        self._random = random

    async def rotate(self, group: GroupKey, asked: Rotation, actor: Actor) -> NewKey:
        """Gives the group a new key; raises SigningKeysFull, SigningKeysChanged, and Invalid for the key it has."""
        check_name(group.name)
        now = self._clock.now()
        key = asked.key or key_text(self._random(NEW_KEY_BYTES))
        fresh = SigningKey(id=self._random(ID_BYTES).hex(), key=key, since=now)
        decide = rotated(group.name, fresh, asked)
        keys = await self._keys.change(group, decide, actor, now)
        return NewKey(key=key, keys=[_status(each) for each in keys])

    async def retire(self, group: GroupKey, key_id: str, actor: Actor) -> None:
        """Ends one key; raises SigningKeyNotFound."""
        await self._keys.change(group, retired(group.name, key_id), actor, self._clock.now())

    async def retire_all(self, group: GroupKey, actor: Actor) -> None:
        """Ends all keys of the group: its callbacks are not signed any more."""
        await self._keys.change(group, lambda standing: (), actor, self._clock.now())

    async def list(self, group: GroupKey) -> Sequence[KeyStatus]:
        """The live keys, the newest first."""
        return [_status(key) for key in await self._keys.of(group, self._clock.now())]


def _status(key: SigningKey) -> KeyStatus:
    return KeyStatus(id=key.id, masked=masked(key.key), since=key.since, until=key.until)
