"""What an owner says of a group, and a group's settings as they are stored under its name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dispatchserver.domain.defaults import NO_DEFAULTS, PolicyDefaults


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
class StoredGroup:
    """A group's settings under its name, as they stand."""

    key: GroupKey
    version: int
    spec: GroupSpec
    updated_at: datetime


DecideGroup = Callable[[StoredGroup | None], GroupSpec]
"""Given the settings as they stand (None: there are none), what they are to say; or raises a DispatchError."""
