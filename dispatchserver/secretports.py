"""The seams of what is told to nobody: signing keys, and secrets by name. No audit row, log or list tells a value."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from dispatchserver.domain.authorization import Auth
from dispatchserver.domain.group import GroupKey
from dispatchserver.domain.secrets import SecretKey, SecretStatus
from dispatchserver.domain.signing import DecideKeys, SigningKey
from dispatchserver.ports import Actor


class SigningKeys(Protocol):
    """Keeps the keys that callbacks of groups are signed with."""

    async def change(
        self, group: GroupKey, decide: DecideKeys, actor: Actor, now: datetime
    ) -> Sequence[SigningKey]:
        """Gives a group other keys, with an audit row for each that was made or ended, in one transaction;
        answers those it has now. Raises what `decide` raises, and then nothing was changed."""

    async def of(self, group: GroupKey, now: datetime) -> Sequence[SigningKey]:
        """The keys of a group that live now, the newest first."""


class Secrets(Protocol):
    """Keeps what callbacks authenticate with. A value is read by the claim of a fire (see ports.Store), never here."""

    async def put(self, key: SecretKey, value: str, actor: Actor, now: datetime) -> bool:
        """Makes a secret or changes its value, with an audit row, in one transaction; True where it is new."""

    async def list(self, namespace: str) -> Sequence[SecretStatus]:
        """All secrets, by name."""

    async def uses(self, key: SecretKey) -> Sequence[Auth]:
        """The ways in which tasks use this secret, each once; also where there is none of the name."""

    async def delete(self, key: SecretKey, actor: Actor, now: datetime) -> None:
        """Forgets a secret; raises SecretNotFound, and SecretInUse while a task uses it."""


CheckPair = Callable[[str], None]
"""Raises Invalid for a text that holds no certificate with its private key, both as PEM."""
