"""Some lines of an import at a time, read in a process aside; where all of them are new tasks, made ready to be stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.dialects.rest.lines import Bad, LineReader, Lines, Manner, Said, Terms, renewed
from dispatchserver.domain import changing
from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.group import Usuals
from dispatchserver.domain.recall import auth_of
from dispatchserver.domain.task import Task, TaskSpec, TaskState
from dispatchserver.engine.ids import ids
from dispatchserver.ports import Actor, NewTasks, Spell

Found = list[Said | Bad] | NewTasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Some lines to be read elsewhere, and on which terms; `usuals` are told where they changed.

    `adding` is who adds tasks of them, where they are taken for new ones.
    """

    lines: Lines
    manner: Manner
    now: datetime
    usuals: Usuals | None
    adding: Actor | None = None


class PortionReader:
    """Reads one portion after the other."""

    def __init__(self, spell: Spell, random: Callable[[int], bytes]) -> None:
        self._spell = spell
        self._random = random
        self._usuals: Usuals | None = None
        self._reader: LineReader | None = None

    def __call__(self, portion: Portion) -> Found:
        """What each of its lines says, or the new tasks that they are."""
        self._usuals = portion.usuals or self._usuals
        assert self._usuals is not None, "they are told with the first portion"
        terms = Terms(manner=portion.manner, now=portion.now, usuals=self._usuals)
        self._reader = renewed(self._reader, terms)
        found = self._reader.read(portion.lines)
        tasks = [] if portion.adding is None else self._decided(found, terms)
        return self._ready(tasks, portion.adding) if portion.adding and tasks else found

    def _decided(self, found: Sequence[Said | Bad], terms: Terms) -> list[Task]:
        """The tasks that these lines become where none of them is there; none where not all can be told without asking
        the server, or are in order."""
        tasks, new_id = [], ids(lambda: terms.now, self._random)
        for said in found:
            if isinstance(said, Bad) or _hangs_on_more(said.pattern.spec):
                return []
            try:
                change = changing.add(said.addition(terms), new_id=new_id())(None)
            except DispatchError:
                return []
            assert change.after is not None, "it is added"
            tasks.append(change.after)
        return tasks if len({task.key for task in tasks}) == len(tasks) else []

    def _ready(self, tasks: Sequence[Task], actor: Actor) -> NewTasks:
        due = [
            task.next_fire_at
            for task in tasks
            if task.next_fire_at is not None and task.state is TaskState.ACTIVE
        ]
        return NewTasks(
            count=len(tasks),
            calls=frozenset((task.spec.recall.kind, task.spec.recall.addresses) for task in tasks),
            soonest=min(due, default=None),
            written=self._spell(tasks, actor),
        )


def _hangs_on_more(spec: TaskSpec) -> bool:
    """Whether a task can only be added while something else stands: its calendar, or its secret."""
    return spec.policies.calendar is not None or auth_of(spec.recall) is not None
