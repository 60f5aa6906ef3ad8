"""The call by which the original's own pages save a task: `saveTask.do`. Pure.

Its time rule becomes a window trigger. Of its calling rule only what the call carries is known here, so
the address must be in it: `taskway.url`; parameters become the recall's data. Whom to notify (`taskmsg`)
is overlooked.
"""

from datetime import datetime, time, timedelta

from dispatchserver.dialects.iuap.setting import Habits
from dispatchserver.dialects.iuap.simplecron import scaled
from dispatchserver.dialects.iuap.wire import Fields
from dispatchserver.documents.days import DayUnit, as_clock, as_numbers, choose_days
from dispatchserver.documents.policies import read_policies
from dispatchserver.documents.reading import checked, read_zone
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.daychoice import DayChoice
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import (
    FieldReader,
    as_boolean,
    as_integer,
    as_moment,
    as_text,
)
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import HttpRecall, check_data, check_url
from dispatchserver.domain.task import TaskKey, TaskSpec, check_name, check_note
from dispatchserver.domain.triggers import first_fire
from dispatchserver.domain.windowtrigger import WindowTrigger, check_window

UNGROUPED = "default"
PARAMS_LIMIT = 100
MODES = tuple(DayUnit)
PERIODS = (timedelta(hours=1), timedelta(minutes=1))
ONCE, PERIODIC = 0, 1


def read_save(fields: Fields, now: datetime, habits: Habits) -> Addition:
    """What saveTask.do asks for; raises Refused with every fault. A task with an id is one that is edited."""
    faults = Faults()
    top = FieldReader(fields, faults)
    overwrite = top.take("replace", as_boolean, False)
    task = top.inside("task")
    addition = _read_task(task, now, habits, overwrite) if task else None
    faults.raise_if_any()
    if addition is None:  # unreachable: what is missing was booked
        raise Invalid("fault.required")
    return addition


def group_of_save(fields: Fields) -> str | None:
    """The group of saveTask.do, whose zone and policies hold where it says none; None where there is no task."""
    task = FieldReader(fields, Faults()).inside("task")  # read_save books what is faulty in it
    return None if task is None else _read_group(task)


def _read_task(
    task: FieldReader, now: datetime, habits: Habits, overwrite: bool
) -> Addition | None:
    key = _read_key(task)
    note = task.take("taskdesc", lambda value: check_note(as_text(value)), "")
    title = task.take("taskname", _name, None)
    runs = task.take("flag", lambda value: _one_of(value, 2) == 1, True)
    trigger, recall = _read_window(task, now, habits), _read_recall(task)
    policies = read_policies(task, trigger, habits.policies)
    if trigger is None or recall is None:
        return None
    labels = {"taskname": title} if title and title != key.name else {}
    spec = TaskSpec(trigger=trigger, recall=recall, policies=policies, note=note, labels=labels)
    edits = overwrite or task.has("id")
    return Addition(key=key, spec=spec, at=now, overwrite=edits, paused=not runs)


def _read_key(task: FieldReader) -> TaskKey:
    name = task.need(("taskcode", "taskname"), _name)
    return TaskKey(group=_read_group(task), name=name or "")


def _read_group(task: FieldReader) -> str:
    return task.take("gid", _name, UNGROUPED)


def _name(value: JsonValue) -> str:
    return check_name(as_text(value))


def _one_of(value: JsonValue, count: int) -> int:
    """A number that chooses one of so many, from 0 on; raises Invalid."""
    number = as_integer(value)
    if not 0 <= number < count:
        raise Invalid("field.choice", allowed=", ".join(map(str, range(count))))
    return number


def _read_recall(task: FieldReader) -> HttpRecall | None:
    way = task.inside("taskway")
    if way is None:
        return None
    data: dict[str, JsonValue] = {}
    rows = way.each("taskParams", PARAMS_LIMIT) if way.filled("taskParams") else []
    for row in rows:
        code = row.need(("code",), as_text)
        if code in data:
            row.refuse("code", "iuap.param_twice")
        if code is not None:
            data[code] = row.take("paramvalue", check_data, "")
    if not way.has("url"):
        way.refuse("url", "iuap.taskway_url")
    url = way.take("url", lambda value: check_url(as_text(value).strip()), None)
    return None if url is None else HttpRecall(url=url, data=data)


def _read_window(task: FieldReader, now: datetime, habits: Habits) -> WindowTrigger | None:
    zone = task.take("timeZone", read_zone, habits.zone)
    known = task.fault_count
    way = task.inside("timeway")
    if way is None:
        return None
    start = way.take("starttime", lambda value: as_moment(value, zone), None) or now
    end = way.take("endtime", lambda value: as_moment(value, zone), None)
    days, grid = _read_days(way), _read_grid(way)
    if days is None or grid is None or task.fault_count > known:
        return None
    opens, closes, every = grid
    trigger = WindowTrigger(
        days=days, opens=opens, closes=closes, every=every, start=start, end=end, zone=zone
    )
    return checked(way, "endtime", lambda: _firing(trigger, now), FIELD_OF)


FIELD_OF = {
    "trigger.window_step": "dura.duravalue",
    "trigger.window_closed": "dura.period.periodend",
    "trigger.window_empty": "modetime",
}


def _firing(trigger: WindowTrigger, now: datetime) -> WindowTrigger:
    """The trigger, when it still has a fire; raises Invalid."""
    first_fire(check_window(trigger), now)
    return trigger


def _read_days(way: FieldReader) -> DayChoice | None:
    """modetype 0, 1, 2: days, weeks, months; the numbers are called `modevaule`, as the original has it."""
    mode = way.inside("modetime")
    if mode is None:
        return None
    known = way.fault_count
    kind = mode.take("modetype", lambda value: MODES[_one_of(value, len(MODES))], DayUnit.DAY)
    every = mode.take("modefrequency", as_integer, 1)
    name = "modevalue" if mode.has("modevalue") else "modevaule"
    values = mode.take(name, as_numbers, ())
    if way.fault_count > known:
        return None
    fields = {"trigger.window_frequency": "modefrequency"}
    return checked(mode, name, lambda: choose_days(kind, every, values), fields)


Grid = tuple[time, time | None, timedelta | None]


def _read_grid(way: FieldReader) -> Grid | None:
    """duramode 0: once a day, at `duravalue` or the period's start; 1: every `duravalue` inside the period."""
    dura = way.inside("dura")
    if dura is None:
        return None
    if dura.take("duramode", lambda value: _one_of(value, 2), PERIODIC) == ONCE:
        return _read_once(dura)
    period = dura.inside("period")
    if period is None:
        return None
    unit = period.take("periodmode", lambda value: PERIODS[_one_of(value, 2)], PERIODS[1])
    every = dura.need(("duravalue",), lambda value: scaled(as_integer(value), unit))
    opens = period.need(("periodstart",), as_clock)
    closes = period.need(("periodend",), as_clock)
    return None if opens is None else (opens, closes, every)


def _read_once(dura: FieldReader) -> Grid | None:
    period = dura.inside_if_any("period")
    if period is not None and not dura.has("duravalue"):
        opens = period.need(("periodstart",), as_clock)
    else:
        opens = dura.need(("duravalue",), as_clock)
    return None if opens is None else (opens, None, None)
