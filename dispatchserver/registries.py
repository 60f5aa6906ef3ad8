"""What is kept beside tasks and fires, each method a contract in prose: calendars, groups, destinations, keys, secrets,
accounts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from dispatchserver.domain.access import Session, Token
from dispatchserver.domain.authorization import Auth
from dispatchserver.domain.calendarspec import CalendarKey, CalendarPut, DecideDays, StoredCalendar
from dispatchserver.domain.destinationspec import DecideDestination, StoredDestination
from dispatchserver.domain.group import DecideGroup, GroupKey, StoredGroup
from dispatchserver.domain.secrets import SecretKey, SecretStatus
from dispatchserver.domain.signing import DecideKeys, SigningKey
from dispatchserver.ports import Actor


class Calendars(Protocol):
    """Keeps named calendars; every change is durable, and its tasks are planned anew, before it returns."""

    async def put(
        self, key: CalendarKey, decide: DecideDays, actor: Actor, now: datetime
    ) -> CalendarPut:
        """Makes or changes a calendar, with its audit row and the tasks that use it, in one transaction;
        raises what `decide` raises, and then nothing was changed."""

    async def find(self, key: CalendarKey) -> StoredCalendar | None:
        """The calendar of this name, or None."""

    async def list(self, namespace: str) -> Sequence[tuple[StoredCalendar, int]]:
        """All calendars, by name, each with how many tasks use it."""

    async def delete(self, key: CalendarKey, actor: Actor, now: datetime) -> None:
        """Forgets a calendar; raises CalendarNotFound, and CalendarInUse while a task, or a group's defaults, name it."""


class Groups(Protocol):
    """Keeps what groups say for those of their tasks that say nothing themselves."""

    async def put(
        self, key: GroupKey, decide: DecideGroup, actor: Actor, now: datetime
    ) -> StoredGroup:
        """Makes or changes a group's settings, with the audit row, in one transaction; raises what `decide`
        raises, or CalendarNotFound, and then nothing was changed."""

    async def list(self, namespace: str) -> Sequence[StoredGroup]:
        """The settings of all groups that have any, by name."""

    async def signed(self, namespace: str) -> Collection[str]:
        """The names of the groups that have a signing key."""


class DestinationLimits(Protocol):
    """Keeps what admins say of destinations."""

    async def put(
        self, name: str, decide: DecideDestination, actor: Actor, now: datetime
    ) -> StoredDestination:
        """Makes or changes a destination's limits, with the audit row, in one transaction; raises what `decide`
        raises, and then nothing was changed."""

    async def list(self) -> Sequence[StoredDestination]:
        """The limits of all destinations that have any, by name."""

    async def delete(self, name: str, actor: Actor, now: datetime) -> None:
        """Takes a destination's limits back; raises DestinationNotFound where it has none."""

    async def note_reset(self, name: str, actor: Actor, now: datetime) -> None:
        """Writes the audit row of a circuit that somebody closed by hand."""

    async def waiting(self) -> Mapping[str, int]:
        """How many fires wait behind each destination: one that waits for any of several counts for each. Of very
        many the first 100,000 are counted."""


class SigningKeys(Protocol):
    """Keeps the keys that callbacks of groups are signed with. They are secret: no audit row or log tells one."""

    async def change(
        self, group: GroupKey, decide: DecideKeys, actor: Actor, now: datetime
    ) -> Sequence[SigningKey]:
        """Gives a group other keys, with an audit row for each that was made or ended, in one transaction;
        answers those it has now. Raises what `decide` raises, and then nothing was changed."""

    async def of(self, group: GroupKey, now: datetime) -> Sequence[SigningKey]:
        """The keys of a group that live now, the newest first."""


class Secrets(Protocol):
    """Keeps what callbacks authenticate with. A value is read by the claim of a fire (see ports.Store), and never
    here; no audit row, log or list tells one."""

    async def put(
        self, key: SecretKey, value: str, actor: Actor, now: datetime, *, only_new: bool = False
    ) -> bool:
        """Makes a secret or changes its value, with an audit row, in one transaction; True where it is new.
        Raises Invalid where it is not, and must be."""

    async def list(self, namespace: str) -> Sequence[SecretStatus]:
        """All secrets, by name."""

    async def uses(self, key: SecretKey) -> Sequence[Auth]:
        """The ways in which tasks use this secret, each once; also where there is none of the name."""

    async def delete(self, key: SecretKey, actor: Actor, now: datetime) -> None:
        """Forgets a secret; raises SecretNotFound, and SecretInUse while a task uses it."""


class Accounts(Protocol):
    """Keeps who may come in: tokens for machines, users and sessions for people."""

    async def add_token(self, token: Token) -> None:
        """Keeps a new token; raises Invalid when another live one has its name."""

    async def find_token(self, token_id: str) -> Token | None:
        """The token of this id, revoked or not."""

    async def list_tokens(self) -> Sequence[Token]:
        """All tokens, the newest first."""

    async def revoke_token(self, token_id: str, now: datetime) -> bool:
        """Ends a token for good; False when there is no live one of this id or name."""

    async def add_user(self, name: str, password_hash: str, now: datetime) -> bool:
        """Keeps a new user; False when the name is taken."""

    async def find_password(self, name: str) -> str | None:
        """The user's password hash, or None."""

    async def count_users(self) -> int:
        """How many users there are; 0 means that set-up is still to be done."""

    async def add_session(self, session: Session) -> None:
        """Keeps a new session."""

    async def find_session(self, secret_hash: str) -> Session | None:
        """The session of this secret's hash, or None."""

    async def touch_session(self, secret_hash: str, now: datetime) -> None:
        """Notes that the session was used now."""

    async def end_session(self, secret_hash: str) -> None:
        """Forgets a session."""

    async def end_old_sessions(self, created_before: datetime, seen_before: datetime) -> None:
        """Forgets all sessions that began, or were last used, before these moments."""


CheckPair = Callable[[str], None]
"""Raises Invalid for a text that holds no certificate with its private key, both as PEM."""
