"""Fields of a `.do` request to domain values, every fault of the request at once. Pure."""

from datetime import datetime

from dispatchserver.dialects.iuap.recalls import read_recall
from dispatchserver.dialects.iuap.setting import Habits
from dispatchserver.dialects.iuap.triggers import read_trigger
from dispatchserver.dialects.iuap.wire import Fields
from dispatchserver.documents.policies import read_policies
from dispatchserver.documents.reports import read_progress, said_text
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import (
    FieldReader,
    as_boolean,
    as_integer,
    as_text,
)
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.reporting import ProgressReport, Report
from dispatchserver.domain.task import (
    Policies,
    TaskKey,
    TaskSpec,
    check_name,
    check_note,
    check_priority,
)
from dispatchserver.domain.triggers import Trigger


def read_add(fields: Fields, now: datetime, habits: Habits) -> Addition:
    """What add.do asks for; raises Refused with every fault."""
    faults = Faults()
    top = FieldReader(fields, faults)
    overwrite = top.take("replace", as_boolean, False)
    note = top.take("note", lambda value: check_note(as_text(value)), "")
    recall_reader, task_reader = top.inside("recallConfig"), top.inside("taskConfig")
    recall = read_recall(recall_reader) if recall_reader else None
    task = _read_task(task_reader, now, habits) if task_reader else None
    faults.raise_if_any()
    if recall is None or task is None:  # unreachable: what is missing was booked
        raise Invalid("fault.required")
    key, trigger, priority, policies = task
    spec = TaskSpec(trigger=trigger, recall=recall, priority=priority, policies=policies, note=note)
    return Addition(key=key, spec=spec, at=now, overwrite=overwrite)


def group_of_add(fields: Fields) -> str | None:
    """The group of add.do, whose zone and policies hold where it says none; None where it names none that can be one."""
    task = FieldReader(fields, Faults()).inside("taskConfig")  # read_add books what is faulty in it
    return None if task is None else task.need(("groupCode", "groupName"), _name)


def read_key(fields: Fields) -> TaskKey:
    """The task that pause.do and its like name; raises Refused."""
    faults = Faults()
    reader = FieldReader(fields, faults)
    name = reader.need(("jobName", "jobCode"), _name)
    group = reader.need(("groupName", "groupCode"), _name)
    faults.raise_if_any()
    return TaskKey(group=group or "", name=name or "")


def read_report(fields: Fields) -> Report | ProgressReport:
    """What updateTaskLog reports: with `progress` and without `success`, that work goes on; else a result, of which
    "true" is success and anything else failure. Raises Refused."""
    faults = Faults()
    reader = FieldReader(fields, faults)
    fire_id = (reader.need(("id", "tasklogid"), as_text) or "").strip()
    if "progress" in fields and "success" not in fields:
        told = read_progress(fire_id, reader, "progress", "resultValue")
        faults.raise_if_any()
        return told
    faults.raise_if_any()
    success = fields.get("success")
    return Report(
        fire_id=fire_id,
        success=success is True or str(success).strip().lower() == "true",
        result=said_text(fields.get("resultValue")),
    )


def _name(value: JsonValue) -> str:
    return check_name(as_text(value))


def _read_task(
    reader: FieldReader, now: datetime, habits: Habits
) -> tuple[TaskKey, Trigger, int, Policies] | None:
    name = reader.need(("jobCode", "jobName"), _name)
    group = reader.need(("groupCode", "groupName"), _name)
    priority = reader.take("priority", lambda value: check_priority(as_integer(value)), 0)
    trigger = read_trigger(reader, now, habits)
    policies = read_policies(reader, trigger, habits.policies)
    if trigger is None:
        return None
    return TaskKey(group=group or "", name=name or ""), trigger, priority, policies
