"""A second, small composition root: what is done to a database by hand, beside a running server or without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dispatchserver.clock import SystemClock
from dispatchserver.domain.condition import Condition
from dispatchserver.registries import Accounts
from dispatchserver.settings import Settings
from dispatchserver.stores.accounts import SqlAccounts
from dispatchserver.stores.backup import Copied, back_up
from dispatchserver.stores.condition import look_over
from dispatchserver.stores.migrate import migrate
from dispatchserver.stores.sqlite import SqliteDriver


def backup(settings: Settings, target: Path) -> Copied:
    """Copies the database into a new file; raises DatabaseMissing, BackupExists, StoreCorrupt, StoreUnavailable."""
    return back_up(settings.database_path, target)


def look(settings: Settings) -> Condition:
    """Looks the database over; raises DatabaseMissing, StoreCorrupt, StoreUnavailable."""
    return look_over(settings.database_path, SystemClock().now())


@asynccontextmanager
async def accounts_of(settings: Settings) -> AsyncIterator[Accounts]:
    """The accounts alone, for one-off commands beside a running server."""
    driver = await SqliteDriver.open(settings.database_path, exclusive=False)
    try:
        await migrate(driver.writer)
        yield SqlAccounts(driver)
    finally:
        await driver.close()
