"""A file of no use, beside the database: on a full disk it is given up, so that what frees room can be written."""

import logging
import os
from pathlib import Path

LEAST = 64 * 1024
PART_OF_ROOM = 10

log = logging.getLogger(__name__)


class Ballast:
    """Takes `size` bytes of the disk, but at most a tenth of what is free; with size 0 none at all."""

    def __init__(self, database: Path, size: int) -> None:
        self._path = database.with_name(database.name + ".ballast")
        self._size = size
        self._given_up = 0

    def make(self) -> bool:
        """Whether it is there, or there is room for it; and makes it. After it was given up that takes twice the room."""
        try:
            if self._is_there():
                return True
            room = _room(self._path.parent)
            if room < max(LEAST * PART_OF_ROOM, 2 * self._given_up):
                return False
            self._make(min(self._size, room // PART_OF_ROOM))
        except OSError as error:
            log.warning("ballast.not_made", extra={"why": str(error)})
            return False
        return True

    def _is_there(self) -> bool:
        """One that is larger than it should be goes."""
        if not self._path.exists():
            return False
        if 0 < self._path.stat().st_size <= self._size:
            return True
        self._path.unlink()
        return False

    def _make(self, size: int) -> None:
        if not self._size:
            return
        made = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.posix_fallocate(made, 0, size)
        except OSError:
            self._path.unlink()
            raise
        finally:
            os.close(made)

    def make_way(self) -> None:
        """Before a start: on a disk without any room it would fail."""
        if self._path.exists() and _room(self._path.parent) < LEAST * PART_OF_ROOM:
            self.give_up()

    def give_up(self) -> bool:
        """Frees its room; whether there was any."""
        try:
            size = self._path.stat().st_size
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            log.warning("ballast.not_given_up", extra={"why": str(error)})
            return False
        self._given_up = size
        log.info("ballast.given_up", extra={"bytes": size})
        return True


def _room(folder: Path) -> int:
    """Bytes that may be written there."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
