"""Every address under which clients look for the calls."""

import pytest

from tests.dialects.building import a_form, a_key

CONTEXTS = ["", "/iuap-dispatch-service", "/iuap-saas-dispatch-service", "/iuap-dispatch-server"]
SERVICES = ["", "/dispatchserver", "/dispatchservice"]
BASES = [context + service for context in CONTEXTS for service in SERVICES]
CALLS = ["add.do", "pause.do", "resumeTask.do", "resume.do", "trigger.do", "%20trigger.do"]
CALLS += ["delete.do"]


@pytest.mark.parametrize("context", CONTEXTS)
async def test_every_call_answers_under_every_context(server, context):
    for base in (context + service for service in SERVICES):
        for call in CALLS:
            reply = await server.ask("POST", f"{base}/{call}", a_form() | a_key())
            assert (base, call, reply.doc["success"]) == (base, call, True)


async def test_reports_are_taken_under_every_context(server):
    for base in BASES:
        reply = await server.ask("POST", f"{base}/taskcallback/updateTaskLog", {"id": "0" * 32})
        assert (base, reply.status, reply.doc["success"]) == (base, 200, False)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
async def test_only_post_is_allowed(task_server, method):
    for call in CALLS:
        path = f"/dispatchserver/{call}?jobName=task&groupName=group"
        reply = await task_server.ask(method, path)
        assert (call, reply.status, reply.headers["Allow"]) == (call, 405, "POST")
    assert await task_server.fires() == []
    assert (await task_server.task())["state"] == "active"


@pytest.mark.parametrize("path", ["/dispatchserver/ADD.DO", "/dispatchserver//add.do", "/x/add.do"])
async def test_other_addresses_are_not_there(server, path):
    assert (await server.ask("POST", path, a_form())).status == 404
    assert await server.task() is None
