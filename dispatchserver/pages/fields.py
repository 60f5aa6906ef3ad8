"""Fills the task form: a task into the fields that would make it again. Pure."""

import json

from dispatchserver.domain.defaults import PRODUCTS
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import HttpRecall, Recall
from dispatchserver.domain.task import Policies, Task
from dispatchserver.pages.authfields import auth_fields
from dispatchserver.pages.choices import BLANK
from dispatchserver.pages.policyfields import policy_fields
from dispatchserver.pages.routefields import route_fields
from dispatchserver.pages.triggerfields import trigger_fields


def blank_fields(group: str = "", policies: Policies = PRODUCTS) -> dict[str, str]:
    """The fields of a new task's form, with the policies that are usual there; its zone is empty, which is the group's."""
    return BLANK | {"group": group, "began": group} | policy_fields(policies)


def task_fields(task: Task) -> dict[str, str]:
    """The fields of a form that would make this very task again."""
    spec = task.spec
    fields = BLANK | {
        "group": task.key.group,
        "name": task.key.name,
        "note": spec.note,
        "priority": str(spec.priority),
        "version": task.revision,
    }
    fields |= trigger_fields(spec.trigger)
    return fields | policy_fields(spec.policies) | _recall_fields(spec.recall)


def _recall_fields(recall: Recall) -> dict[str, str]:
    fields = {"recall": recall.kind.value, "body_shape": recall.body_shape.value}
    fields |= _data_fields(recall.data) | route_fields(recall)
    if isinstance(recall, HttpRecall):
        fields |= {"url": recall.url, "reply_rule": recall.reply_rule.value}
        return fields | auth_fields(recall)
    socket = {"framing": recall.framing.value, "ack": recall.ack.value}
    return fields | socket | {"host": recall.host, "port": str(recall.port)}


def _data_fields(data: JsonValue) -> dict[str, str]:
    if data is None:
        return {"data_kind": "json", "data": ""}
    if isinstance(data, str):
        return {"data_kind": "text", "data": data}
    return {"data_kind": "json", "data": pretty(data)}


def pretty(data: JsonValue) -> str:
    """JSON text on several lines, for reading."""
    return json.dumps(data, ensure_ascii=False, indent=2)
