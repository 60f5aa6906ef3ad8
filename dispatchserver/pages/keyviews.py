"""A group's signing keys as its page shows them, and the form that makes one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from dispatchserver.documents.signing import FOREVER, read_rotation
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.signing import KEYS_LIMIT, Rotation
from dispatchserver.engine.signing import KeyStatus
from dispatchserver.pages.queries import link
from dispatchserver.pages.words import Moment, Viewer

KEEPS = ("24h", "7d", FOREVER, "0s")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One live key; `until` is None where no end is set."""

    id: str
    masked: str
    newest: bool
    since: Moment
    until: Moment | None
    retire_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySection:
    """The section of keys: the live ones, the one just made (this once), and why none was made."""

    rows: Sequence[KeyRow] = ()
    new: str = field(default="", repr=False)
    trouble: str = ""

    @property
    def seen(self) -> str:
        """The newest key as this page shows it, so that a form that comes twice makes one key."""
        return self.rows[0].id if self.rows else ""

    @property
    def full(self) -> bool:
        return len(self.rows) == KEYS_LIMIT


def key_rows(
    group: str, keys: Sequence[KeyStatus], zone: ZoneInfo, viewer: Viewer
) -> Sequence[KeyRow]:
    """The live keys, the newest first."""
    return [
        KeyRow(
            id=key.id,
            masked=key.masked,
            newest=key is keys[0],
            since=viewer.moment(key.since, zone),
            until=viewer.moment_if_any(key.until, zone),
            retire_url=link("/group/retire-key", group=group, id=key.id),
        )
        for key in keys
    ]


def read_rotation_form(form: Mapping[str, str]) -> Rotation:
    """What the form asks of a new key; raises Refused with every fault."""
    faults = Faults()
    asked = read_rotation(form, faults, seen=form.get("seen", ""))
    faults.raise_if_any()
    return asked
