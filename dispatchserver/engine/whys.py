"""The use case that answers why a task ran at a moment, or did not."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dispatchserver.domain.errors import TaskNotFound
from dispatchserver.domain.task import TaskKey
from dispatchserver.domain.why import WITHIN, Because, why
from dispatchserver.engine.groups import GroupCases
from dispatchserver.ports import Clock, Ledger, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer, and the moment that it is about."""

    at: datetime
    because: Because


class Whys:
    """Answers from what is on record alone; changes nothing, and waits for nothing that fires."""

    def __init__(self, ledger: Ledger, store: Store, groups: GroupCases, clock: Clock) -> None:
        self._ledger = ledger
        self._store = store
        self._groups = groups
        self._clock = clock

    async def zone_of(self, key: TaskKey) -> ZoneInfo:
        """The task's zone; where there is none any more, that of its group, else the server's."""
        status = await self._store.find_task(key)
        if status is not None:
            return status.task.spec.trigger.zone
        return await self._groups.zone_of(key.namespace, key.group)

    async def why(self, key: TaskKey, at: datetime | None) -> Told:
        """What became of the minute from `at` on (None: of this minute); raises TaskNotFound for a name never heard of."""
        now = self._clock.now()
        moment = at or now.replace(second=0, microsecond=0)
        evidence = await self._ledger.evidence(key, moment, moment + WITHIN)
        if not evidence.heard_of:
            raise TaskNotFound(key.group, key.name)
        # a schedule may be searched over centuries, and meanwhile others must be called back
        return Told(at=moment, because=await asyncio.to_thread(why, evidence, moment, now))
