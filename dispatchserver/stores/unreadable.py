"""Tasks that are due and cannot be read: told once, left out for a while, and then tried again."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from dispatchserver.domain.errors import TaskUnreadable
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.task import Task
from dispatchserver.stores import rows
from dispatchserver.stores.driver import Row

REST = timedelta(minutes=5)

log = logging.getLogger(__name__)


class Unreadable:
    """Keeps them from standing in the way of all others, since they stay the first that are due."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}
        self._told: dict[str, TaskUnreadable] = {}

    def resting(self, now: datetime | None = None) -> str:
        """The ids to leave out, as a JSON array; with `now`, those whose rest is over are tried again."""
        if now is not None:
            self._until = {key: until for key, until in self._until.items() if until > now}
        return dumps(list(self._until))

    def next_try(self) -> datetime | None:
        """When the first of them is to be tried again."""
        return min(self._until.values(), default=None)

    def read(self, found: Sequence[Row], editions: rows.Editions, now: datetime) -> list[Task]:
        """The tasks of these rows, but for those that cannot be read."""
        tasks = []
        for row in found:
            try:
                tasks.append(rows.read_task(row, editions))
            except TaskUnreadable as error:
                self._leave_out(row["id"], error, now)
        return tasks

    def _leave_out(self, task_id: str, error: TaskUnreadable, now: datetime) -> None:
        self._until[task_id] = now + REST
        told = self._told.get(task_id)
        if told is None or told.params != error.params:
            self._told[task_id] = error
            log.error("store.task_unreadable", extra=_said(error))


def _said(error: TaskUnreadable) -> dict[str, object]:
    params = error.params
    return {"group": params["group"], "task": params["name"], "why": params["why"]}
