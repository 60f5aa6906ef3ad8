"""/metrics for Prometheus, and what the self-audit tells at /readyz: without a token, and only under our own name."""

import sqlite3

from prometheus_client.parser import text_string_to_metric_families


async def test_metrics_need_no_token_and_are_what_prometheus_reads(start):
    server = await start(auth="token")
    reply = await server.ask("GET", "/metrics")
    assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    families = {one.name for one in text_string_to_metric_families(reply.body.decode())}
    assert all(name.startswith("dispatch_") for name in families)
    assert reply.headers["Cache-Control"] == "no-store"


async def test_openmetrics_is_there_for_those_who_prefer_it(server):
    accept = {"Accept": "application/openmetrics-text; version=1.0.0, text/plain; q=0.5"}
    reply = await server.ask("GET", "/metrics", headers=accept)
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    assert reply.body.endswith(b"# EOF\n")


async def test_metrics_are_refused_under_a_strange_name_as_everything_is(server):
    reply = await server.ask("GET", "/metrics", headers={"Host": "evil.example"})
    assert reply.status == 421


async def spoil(server):
    """Lets a task be long due behind the planner's back, and the audit look; again, where the planner was looking."""
    reply = None
    while reply is None or reply.doc["status"] == "ready":
        connection = sqlite3.connect(server.settings.database_path)
        with connection:
            connection.execute("UPDATE tasks SET next_fire_at = 1000 WHERE state = 'active'")
        connection.close()
        await server.server.engine.auditor.look()
        reply = await server.ask("GET", "/readyz")


async def test_a_spoilt_row_shows_in_readyz_and_in_the_metrics(task_server):
    await spoil(task_server)
    reply = await task_server.ask("GET", "/readyz")
    assert reply.status == 200
    assert reply.doc == {"status": "degraded", "reasons": ["stuck: overdue_task 1"]}
    page = (await task_server.ask("GET", "/metrics")).body.decode()
    assert 'dispatch_stuck{kind="overdue_task"} 1.0' in page


async def test_a_draining_server_is_not_ready_whatever_is_stuck(task_server):
    await spoil(task_server)
    task_server.server.engine.draining = True
    reply = await task_server.ask("GET", "/readyz")
    assert (reply.status, reply.doc) == (503, {"status": "not ready", "reasons": ["draining"]})
