"""What an owner says of a group, and a group's settings as they are stored under its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dispatchserver.domain.defaults import NO_DEFAULTS, Layers, PolicyDefaults


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKey:
    """What a group is known by; unique."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """What a group's tasks take where they say nothing themselves; None is what the server takes.

    A task takes it at the moment it is said and keeps it: a change here moves no task that stands already.
    """

    zone: ZoneInfo | None = None
    note: str = ""
    policies: PolicyDefaults = NO_DEFAULTS


NOTHING_SAID = GroupSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a task takes from its group, or else from the server, where it says nothing itself."""

    zone: ZoneInfo
    policies: Layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Usuals:
    """What is usual in a namespace: what each of its groups says, and the server for all."""

    by_group: Mapping[str, GroupSpec]
    zone: ZoneInfo
    policies: PolicyDefaults

    def of(self, group: str) -> Usual:
        """What tasks of this group take, which need not have been heard of."""
        spec = self.by_group.get(group, NOTHING_SAID)
        layers = Layers(group=group, of_group=spec.policies, of_server=self.policies)
        return Usual(zone=spec.zone or self.zone, policies=layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGroup:
    """A group's settings under its name, as they stand."""

    key: GroupKey
    version: int
    spec: GroupSpec
    updated_at: datetime


DecideGroup = Callable[[StoredGroup | None], GroupSpec]
"""Given the settings as they stand (None: there are none), what they are to say; or raises a DispatchError."""
