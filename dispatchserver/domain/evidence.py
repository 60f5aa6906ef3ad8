"""What is on record of a task around a moment, and what it tells of who did what when. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.changing import Action
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to a task, through which door."""

    at: datetime
    who: str
    door: str
    action: str
    version: int | None = None
    fire_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is on record of a task around a moment.

    `task` is the task as it stands, `then` the version of it that was in force when the minute asked for ended
    (both None: there is none; its calendar is as it stands now), `fires` are the rows of that minute and those
    whose range of missed occasions covers it, `changes` what was done to the task before and after, the newest
    first.
    """

    task: Task | None
    then: Task | None
    fires: Sequence[Fire]
    changes: Sequence[AuditEntry]

    @property
    def heard_of(self) -> bool:
        """Whether there is, or ever was, such a task."""
        return bool(self.task or self.fires or self.changes)

    def newest(self, action: Action, before: datetime) -> AuditEntry | None:
        """The last change of this kind before a moment."""
        fits = (entry for entry in self.changes if entry.action == action and entry.at < before)
        return next(fits, None)

    def first(self, action: Action, since: datetime) -> AuditEntry | None:
        """The first change of this kind from a moment on."""
        fits = [entry for entry in self.changes if entry.action == action and entry.at >= since]
        return fits[-1] if fits else None

    def of_fire(self, fire: Fire) -> AuditEntry | None:
        """What asked for this fire: the first that is on record of it, before what its receiver reported."""
        fits = [entry for entry in self.changes if entry.fire_id == fire.id]
        return fits[-1] if fits else None

    def paused(self, by: datetime) -> AuditEntry | None:
        """What paused the task that was paused then: the first pause since it was active, or its being added so."""
        found: AuditEntry | None = None
        for entry in self.changes:
            if entry.at > by or entry.action not in SWITCHES:
                continue
            if entry.action == Action.PAUSED:
                found = entry
            elif found is not None or entry.action == Action.RESUMED:
                return found
            else:
                return entry
        return found


SWITCHES = (Action.ADDED, Action.REPLACED, Action.PAUSED, Action.RESUMED)
LIFE = (Action.ADDED, Action.DELETED)


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when a task of this name was there; None where it is there still."""

    since: datetime
    until: datetime | None


def life_at(changes: Sequence[AuditEntry], moment: datetime) -> Life | None:
    """The life of the task that was there just before a moment; None when there was none, by these changes."""
    earlier = [entry for entry in changes if entry.at < moment and entry.action in LIFE]
    if not earlier or earlier[0].action == Action.DELETED:
        return None
    later = [entry for entry in changes if entry.at >= moment and entry.action == Action.DELETED]
    return Life(earlier[0].at, later[-1].at if later else None)
