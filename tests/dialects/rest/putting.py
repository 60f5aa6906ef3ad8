"""Tasks as they are put, changed where a test says so, and how they are put."""

import json
from urllib.parse import quote

NOWHERE = "http://127.0.0.1:9/receive"
EN = {"Accept-Language": "en"}
NOON_LINE = {"kind": "cron", "expression": "0 0 12 * * ?", "zone": "UTC"}
WINDOW_LINE = {"kind": "window", "opens": "08:00", "closes": "10:00", "every_s": "1h"}
UNION = {"kind": "union", "zone": "Asia/Shanghai", "lines": [NOON_LINE, WINDOW_LINE]}
CN = {"weekdays": [6, 7], "excluded": [{"first": "2999-10-01", "last": "2999-10-07"}]}


def a_put(trigger=NOON_LINE, **changed):
    return {"trigger": trigger, "recall": {"kind": "HTTP", "url": NOWHERE}} | changed


def path(name="task", group="group"):
    return f"/api/v1/tasks/{quote(group, safe='')}/{quote(name, safe='')}"


async def put(server, doc, name="task", group="group", **headers):
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    body = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
    return await server.ask("PUT", path(name, group), body, EN | headers)


async def put_calendar(server, name="CN", doc=CN):
    body = json.dumps(doc).encode()
    reply = await server.ask("PUT", f"/api/v1/calendars/{name}", body)
    assert reply.status == 200, reply.body


def faults(reply):
    """The fields at fault of a refused request, with the codes of their faults."""
    assert reply.status == 400, reply.body
    return {error["field"]: error["code"] for error in reply.doc["errors"]}
