"""`task why`: one sentence on the terminal, its evidence for programs."""

import json

from tests.cli.test_task import task as task


def test_it_is_told_in_one_sentence(task):
    result = task("why", "夜 间", "a", "2099-11-22 12:00")
    assert result.output == "That time has not come yet: it fires at 2099-11-22 12:00:00+00:00.\n"


def test_a_run_by_hand_is_told_with_its_fire(task):
    made = json.loads(task("trigger", "夜 间", "b/c").output)
    said, fire = task("why", "夜 间", "b/c", made["due_at"]).output.splitlines()
    assert said.startswith("Somebody had it run by hand at") and fire == f"fire {made['id']}"
    doc = json.loads(task("why", "夜 间", "b/c", made["due_at"], "--json").output)
    assert doc["evidence"]["fire"]["id"] == made["id"]


def test_a_faulty_moment_is_told_with_what_is_allowed(task):
    result = task("why", "夜 间", "a", "yesterday")
    assert result.exit_code == 1
    assert "at" in result.output and "ISO 8601" in result.output
