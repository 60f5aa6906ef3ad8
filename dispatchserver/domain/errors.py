"""What can go wrong, as one small tree; messages are written elsewhere, in each reader's language.

DispatchError            carries a code (a key of the message catalogs) and its parameters
├── Invalid              one value breaks a rule; raised by the value's own check
├── Refused              a whole request is refused; lists every Fault found in it
├── TaskNotFound         no task has this group and name
├── TaskExists           a task has it already, and the caller did not ask to replace it
├── TaskChanged          the task is not the one any more that the caller had seen
├── CalendarNotFound     no calendar has this name
├── CalendarInUse        tasks use the calendar, so it cannot be deleted
├── CalendarChanged      the calendar was changed while a task was being attached to it
├── SecretNotFound       no secret has this name
├── SecretInUse          tasks use the secret, so it cannot be deleted
├── GroupNotFound        no group has this name: neither tasks nor settings of it
├── DestinationNotFound  nothing is known of a destination of this name
├── SigningKeyNotFound   the group has no live signing key of this id
├── SigningKeysFull      the group has as many signing keys as it may
├── SigningKeysChanged   the group has other signing keys than the caller had seen
├── FireNotFound         no fire has this id
├── FireEnded            the fire's result is final, so a report cannot change it
├── FireUnsent           the fire was not sent yet, so there is nothing to report of it
├── FireReplayed         somebody has sent the fire once more already
├── StoreUnavailable     nothing was stored; the caller may try again
│   ├── StoreDegraded    the disk takes no writes for now; the server goes on by itself when it does again
│   ├── StoreFailed      the disk failed while something was made durable: nobody knows whether it was
│   └── StoreCorrupt     the database file is damaged: only a backup helps
└── StoreInUse           another server works on this database
"""

import copyreg
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from dispatchserver.domain.excerpts import excerpt


class DispatchError(Exception):
    """Base of all refusals: `code` is a message key, `params` fill its placeholders."""

    code = "error.unknown"

    def __init__(self, **params: object) -> None:
        self.params: Mapping[str, object] = params
        super().__init__(self.code, params)

    def __reduce__(self) -> tuple[object, ...]:
        """As it is, not as it was made: so another process can be handed it."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class Invalid(DispatchError):
    """One value breaks one rule. The edge that read the value adds the field's name."""

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        super().__init__(**params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with one field of a request; `sent` is what stood there, cut short."""

    field: str
    code: str
    params: Mapping[str, object] = dataclasses.field(default_factory=dict)
    sent: str | None = None


class Refused(DispatchError):
    """The request is refused as a whole and changed nothing; every fault in it is listed."""

    code = "error.refused"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(count=len(self.faults))


class TaskNotFound(DispatchError):
    """No task has this group and name."""

    code = "task.not_found"

    def __init__(self, group: str, name: str) -> None:
        super().__init__(group=group, name=name)


class TaskExists(DispatchError):
    """A task has this group and name already, and the caller did not ask to replace it."""

    code = "task.exists"

    def __init__(self, group: str, name: str) -> None:
        super().__init__(group=group, name=name)


class TaskChanged(DispatchError):
    """The task was replaced after the caller had looked at it; `now` is its version."""

    code = "task.changed"

    def __init__(self, group: str, name: str, version: int) -> None:
        super().__init__(group=group, name=name, now=version)


class TaskUnreadable(DispatchError):
    """What is stored of the task cannot be read: its zone is not known here, or a later version wrote it."""

    code = "task.unreadable"

    def __init__(self, group: str, name: str, why: str) -> None:
        super().__init__(group=group, name=name, why=why)


class _NothingLike(DispatchError):
    """Nothing has this name. The message tells which of `names` are like it, or else the first `others` of them."""

    others = 0

    def __init__(self, name: str, names: Sequence[str] = ()) -> None:
        nearest = get_close_matches(name, names, n=3) or sorted(names)[: self.others]
        if nearest:
            self.code = f"{self.code}_nearest"
        super().__init__(name=name, nearest=", ".join(nearest))


class CalendarNotFound(_NothingLike):
    """No calendar has this name. A `usual` one the server's defaults name."""

    code = "calendar.not_found"
    others = 3

    def __init__(self, name: str, names: Sequence[str] = (), *, usual: bool = False) -> None:
        if usual:
            self.code = "defaults.server.lost"
        super().__init__(name, names)


class CalendarInUse(DispatchError):
    """Tasks use the calendar, so it cannot be deleted; `group` and `task` name one of them.

    Without a task it is the group itself, whose defaults name the calendar.
    """

    code = "calendar.in_use"

    def __init__(self, name: str, count: int, group: str, task: str | None) -> None:
        if task is None:
            self.code = "calendar.in_use_by_group"
        super().__init__(name=name, count=count, group=group, task=task)


class CalendarChanged(DispatchError):
    """The calendar was changed, or deleted, while a task was being attached to it."""

    code = "calendar.changed"

    def __init__(self, name: str) -> None:
        super().__init__(name=name)


class SecretNotFound(_NothingLike):
    """No secret has this name."""

    code = "secret.not_found"
    others = 3


class SecretInUse(DispatchError):
    """Tasks use the secret, so it cannot be deleted; `group` and `task` name one of them."""

    code = "secret.in_use"

    def __init__(self, name: str, count: int, group: str, task: str) -> None:
        super().__init__(name=name, count=count, group=group, task=task)


class GroupNotFound(_NothingLike):
    """The group has neither tasks nor settings."""

    code = "group.not_found"


class DestinationNotFound(_NothingLike):
    """The destination has neither limits of its own, nor calls, nor fires that wait."""

    code = "destination.not_found"


class SigningKeyNotFound(DispatchError):
    """The group has no live signing key of this id; `live` are the ids it has."""

    code = "signing.not_found"

    def __init__(self, group: str, key_id: str, live: Sequence[str]) -> None:
        super().__init__(group=group, id=excerpt(key_id), live=", ".join(live) or "–")


class SigningKeysFull(DispatchError):
    """The group has as many signing keys as it may; `former` is the one to retire first."""

    code = "signing.full"

    def __init__(self, group: str, former: str) -> None:
        super().__init__(group=group, former=former)


class SigningKeysChanged(DispatchError):
    """Somebody else made or retired a key after the caller had looked at them; or the same form came twice."""

    code = "signing.changed"

    def __init__(self, group: str) -> None:
        super().__init__(group=group)


class FireNotFound(DispatchError):
    """No fire has this id."""

    code = "fire.not_found"

    def __init__(self, fire_id: str) -> None:
        super().__init__(id=fire_id)


class FireEnded(DispatchError):
    """The fire's result is final: a report is noted, and changes nothing; `mark` says whether it came "late" or "again"."""

    code = "fire.ended"

    def __init__(self, fire_id: str, state: str, mark: str | None = None) -> None:
        self.mark = mark
        if mark is not None:
            self.code = f"fire.{mark}"
        super().__init__(id=fire_id, state=state)


class FireUnsent(DispatchError):
    """The fire has not been sent to anybody yet, so that a report on it cannot be meant."""

    code = "fire.unsent"

    def __init__(self, fire_id: str) -> None:
        super().__init__(id=fire_id)


class FireOpen(DispatchError):
    """The fire is still under way, so that there is nothing to repeat."""

    code = "fire.open"

    def __init__(self, fire_id: str, state: str) -> None:
        super().__init__(id=fire_id, state=state)


class FireReplayed(DispatchError):
    """Somebody has sent the fire once more already, and the caller wanted it sent once more at most once."""

    code = "fire.replayed"

    def __init__(self, fire_id: str) -> None:
        super().__init__(id=fire_id)


class StoreUnavailable(DispatchError):
    """The store could not take the change; nothing was stored, and the caller may try again."""

    code = "store.unavailable"

    def __init__(self, why: str) -> None:
        super().__init__(why=why)


class StoreDegraded(StoreUnavailable):
    """The disk takes no writes: nothing was stored, and nothing will be until it takes them again; `why` is its error."""

    code = "store.degraded"


class StoreFailed(StoreUnavailable):
    """The disk failed while this was made durable; only the next start can tell whether it was."""

    code = "store.failed"


class StoreCorrupt(StoreUnavailable):
    """The database file is damaged; trying again does not help, a backup does."""

    code = "store.corrupt"


class StoreInUse(DispatchError):
    """Another server process works on this database; `pid` is its process."""

    code = "store.in_use"
