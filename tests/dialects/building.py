"""Requests in the making: what a well-behaved client sends, changed where a test says so."""

import json

NOWHERE = "http://127.0.0.1:9/receive"


def a_cron(**changed):
    task = {"triggerType": "CronTrigger", "jobCode": "task", "groupCode": "group", "priority": 0}
    return task | {"cronExpress": "0 0 12 * * ?", "timeZone": "UTC"} | changed


def a_simple(times=None, **changed):
    task = {"triggerType": "SimpleTrigger", "jobCode": "task", "groupCode": "group", "priority": 0}
    return task | {"timeConfig": times, "timeZone": "UTC"} | changed


def times(interval=2, unit="SECOND", *, forever=False, repeat=1, **changed):
    config = {"interval": interval, "intervalType": unit}
    return config | {"isForever": forever, "repeatCount": repeat} | changed


def a_recall(url=NOWHERE, **changed):
    return {"recallType": "HTTP", "option": {"url": url}, "data": {}} | changed


def a_socket(option):
    return {"recallType": "SOCKET", "option": option, "data": {}}


def a_form(task=None, recall=None, **fields):
    """The three fields of add.do, the two configurations as JSON text."""
    return {
        "taskConfig": text(task or a_cron()),
        "recallConfig": text(recall or a_recall()),
        "replace": "false",
    } | fields


def a_key(name="task", group="group"):
    return {"jobName": name, "groupName": group}


def text(doc):
    return json.dumps(doc, ensure_ascii=False)
