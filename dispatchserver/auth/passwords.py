"""Passwords of people: argon2id, out of the event loop, and at most two at a time."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type

from dispatchserver.domain.errors import Invalid

SHORTEST, LONGEST = 12, 128
AT_ONCE = 2


def check_password(password: str) -> str:
    """The password when it is long enough to keep; raises Invalid. Any characters will do."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid("auth.password_length", shortest=SHORTEST, longest=LONGEST)
    return password


class Passwords:
    """Takes as long for an unknown user as for a known one, and never more than two cores or 38 MiB."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(
            time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID
        )
        self._seats = asyncio.Semaphore(AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The text to keep of this password."""
        async with self._seats:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether this is the password that was kept; None (no such user) costs the same time."""
        async with self._seats:
            return await asyncio.to_thread(self._verify, kept, password[:LONGEST]) and (
                len(password) <= LONGEST
            )

    def _verify(self, kept: str | None, password: str) -> bool:
        if self._nobody is None:
            self._nobody = self._hasher.hash("nobody's password")
        try:
            self._hasher.verify(kept or self._nobody, password)
        except (Argon2Error, InvalidHashError):
            return False
        return kept is not None
