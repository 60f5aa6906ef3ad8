"""What a callback costs at the least is measured with its real statements and requests."""

import json
import sqlite3

from bench import floor
from bench.recording import replay


async def test_the_statements_the_requests_and_the_whole_are_each_told(capsys):
    await floor.main(tasks=300, rounds=1, size=20, connections=8)
    told = json.loads(capsys.readouterr().out)
    for figure in ("statements_us", "request_us", "cpu_us_per_fire", "floor_share"):
        assert told[figure] > 0, figure


def test_what_was_said_leads_to_the_same_contents(tmp_path):
    recorded = [
        ("CREATE TABLE t (a, b); CREATE INDEX i ON t (a);", None),
        ("BEGIN", ()),
        ("INSERT INTO t VALUES (?1, ?2), (?3, ?2)", (1, "x", 2)),
        ("COMMIT", ()),
    ]
    replay(tmp_path / "again.db", recorded).close()
    found = sqlite3.connect(tmp_path / "again.db").execute("SELECT a, b FROM t").fetchall()
    assert found == [(1, "x"), (2, "x")]
