"""A second, small composition root: what is done to a database by hand, beside a running server or without one."""

from pathlib import Path

from dispatchserver.clock import SystemClock
from dispatchserver.domain.condition import Condition
from dispatchserver.settings import Settings
from dispatchserver.stores.backup import Copied, back_up
from dispatchserver.stores.condition import look_over


def backup(settings: Settings, target: Path) -> Copied:
    """Copies the database into a new file; raises DatabaseMissing, BackupExists, StoreCorrupt, StoreUnavailable."""
    return back_up(settings.database_path, target)


def look(settings: Settings) -> Condition:
    """Looks the database over; raises DatabaseMissing, StoreCorrupt, StoreUnavailable."""
    return look_over(settings.database_path, SystemClock().now())
