"""The use cases of groups: what they say for their tasks, and how many tasks each has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.defaults import NO_DEFAULTS, PolicyDefaults
from dispatchserver.domain.errors import CalendarNotFound, Fault, GroupNotFound, Refused
from dispatchserver.domain.group import (
    NOTHING_SAID,
    DecideGroup,
    GroupKey,
    GroupSpec,
    StoredGroup,
    Usual,
    Usuals,
)
from dispatchserver.ports import Actor, Clock, Store
from dispatchserver.registries import Groups

FRESH = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatus:
    """A group with how many tasks it has; `version` is 0 where nothing was ever said of it."""

    key: GroupKey
    tasks: int
    spec: GroupSpec = NOTHING_SAID
    version: int = 0
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """What the groups of a namespace say, as it was read at a moment."""

    read_at: datetime
    usuals: Usuals


class GroupCases:
    """Every change is durable when its method returns, and holds for every task that is said from then on.

    `zone` and `policies` are the server's.
    """

    def __init__(
        self,
        groups: Groups,
        store: Store,
        clock: Clock,
        zone: ZoneInfo,
        policies: PolicyDefaults = NO_DEFAULTS,
    ) -> None:
        self._groups = groups
        self._store = store
        self._clock = clock
        self._zone = zone
        self.policies = policies
        self._said: dict[str, _Said] = {}
        self._changes = 0

    async def usual(self, namespace: str, group: str) -> Usual:
        """What tasks of this group take that say nothing: the group's, else the server's."""
        return (await self.usuals(namespace)).of(group)

    async def zone_of(self, namespace: str, group: str) -> ZoneInfo:
        """The zone of tasks in this group that name none."""
        return (await self.usual(namespace, group)).zone

    async def usuals(self, namespace: str) -> Usuals:
        """The same for every group.

        Kept between adds, which would each wait for a read otherwise. What was changed here is seen at once;
        what another server on the same database changed, at most FRESH later.
        """
        now, kept = self._clock.now(), self._said.get(namespace)
        if kept is not None and timedelta(0) <= now - kept.read_at < FRESH:
            return kept.usuals
        changes = self._changes
        by_group = {each.key.name: each.spec for each in await self._groups.list(namespace)}
        usuals = Usuals(by_group=by_group, zone=self._zone, policies=self.policies)
        if (
            changes == self._changes
        ):  # else this may have been read before a change, so it is not kept
            self._said[namespace] = _Said(now, usuals)
        return usuals

    async def put(self, key: GroupKey, decide: DecideGroup, actor: Actor) -> GroupStatus:
        """Makes or changes what the group says; no task that stands is changed by it. Raises Refused for a
        calendar that there is not."""
        try:
            stored = await self._groups.put(key, decide, actor, self._clock.now())
        except CalendarNotFound as error:
            fault = Fault(field="policies.calendar", code=error.code, params=error.params)
            raise Refused([fault]) from error
        self._changes += 1
        self._said.pop(key.namespace, None)
        counts = dict(await self._store.list_groups(key.namespace))
        return _status(key, stored, counts.get(key.name, 0))

    async def find(self, key: GroupKey) -> GroupStatus:
        """The group; raises GroupNotFound, with the nearest names, where it has no tasks, settings or keys."""
        standing = {group.key: group for group in await self.list(key.namespace)}
        if key not in standing:
            raise GroupNotFound(key.name, [each.name for each in standing])
        return standing[key]

    async def list(self, namespace: str) -> Sequence[GroupStatus]:
        """The groups that have tasks, settings or a signing key, by name; one with none any more is left out."""
        counts = dict(await self._store.list_groups(namespace))
        stored = {each.key.name: each for each in await self._groups.list(namespace)}
        said = {name for name, each in stored.items() if each.spec != NOTHING_SAID}
        signed = set(await self._groups.signed(namespace))
        return [
            _status(GroupKey(namespace=namespace, name=name), stored.get(name), counts.get(name, 0))
            for name in sorted(counts.keys() | said | signed)
        ]


def _status(key: GroupKey, stored: StoredGroup | None, tasks: int) -> GroupStatus:
    if stored is None:
        return GroupStatus(key=key, tasks=tasks)
    return GroupStatus(
        key=key,
        tasks=tasks,
        spec=stored.spec,
        version=stored.version,
        updated_at=stored.updated_at,
    )
