"""The checker against histories that were broken by hand: it names what is wrong, and finds nothing where nothing is."""

import ast
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults import checker
from tests.faults.checker import Callback, Closure, History, Limits, Operation, Span, violations

BEGUN = 1_777_622_400_000.0
SKIPPED = {"state": "skipped", "attempts": 0}
OVERLAP = {"reason": "overlap"}
CONCURRENCY = {"reason": "concurrency"}


def iso(at: float) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


def an_operation(kind: str, task: str, at: float, **more: Any) -> Operation:
    return Operation(kind, task, BEGUN + at, BEGUN + at + 5, **{"ok": True, **more})


def an_add(task: str, at: float, due: float, times: int, **more: Any) -> Operation:
    first = BEGUN + due
    told = {"data": {"of": task}, "start": first, "first": first, "times": times}
    return an_operation(more.pop("kind", "add"), task, at, **{**told, **more})


def a_callback(task: str, due: float, fire: str, **more: Any) -> Callback:
    at = BEGUN + more.pop("at", due + 4)
    kept = {"ended": at + 10, "outcome": "ok", "attempt": 1, "kind": "scheduled"}
    kept |= {"task": task, "due": BEGUN + due, "data": {"of": task}}
    return Callback(at=at, fire=fire, **{**kept, **more})


def a_row(task: str, due: float, fire: str, **more: Any) -> dict[str, Any]:
    kept = {"id": fire, "name": task, "kind": "scheduled", "state": "succeeded", "reason": None}
    over = iso(BEGUN + more.pop("over", due + 20))
    kept |= {"due_at": iso(BEGUN + due), "finished_at": over, "missed": None}
    return {**kept, "version": 1, "attempts": 1, "losses": 0, "key": None, **more}


def a_task(name: str, version: int = 1, state: str = "finished", **more: Any) -> dict[str, Any]:
    data = more.pop("data", {"of": name})
    return {"name": name, "version": version, "state": state, "recall": {"data": data}}


def a_right_history() -> History:
    """Tasks of which one just fires twice; others are paused, retried, deleted, replaced, hit by a crash, urgent or
    humble, want their fires one at a time, share a key, call receivers that may be called only so often, or rest
    between their fires."""
    return History(
        operations=[
            an_add("plain", 0, 1_000, 2),
            an_add("paused", 0, 1_000, 3),
            an_operation("pause", "paused", 1_500),
            an_add("retried", 0, 1_000, 1, retries=(150.0, 150.0)),
            an_operation("trigger", "plain", 2_500, fire="t1"),
            an_add("deleted", 0, 1_000, 2),
            an_operation("delete", "deleted", 1_500),
            an_add("replaced", 0, 1_000, 2),
            an_add("replaced", 1_500, 3_000, 1, kind="replace", data={"of": "new"}),
            an_add("hit", 4_000, 5_000, 1),
            an_add("urgent", 4_000, 6_000, 1, priority=1),
            an_add("humble", 4_000, 6_000, 1),
            an_add("single", 4_000, 7_000, 2, every=300, overlap="queue_all"),
            an_add("sharing", 4_000, 8_000, 1, key="narrow", holders=1),
            an_add("giving way", 4_000, 8_005, 1, key="narrow", holders=1),
            an_add("skipping", 4_000, 8_000, 2, every=5, overlap="skip"),
            an_add("breaking off", 4_000, 8_000, 2, every=5, overlap="cancel_previous"),
            an_add("small", 4_000, 8_000, 2, every=300, places=("narrow",)),
            an_add("steady", 4_000, 8_000, 2, every=300, places=("paced",)),
            an_add("serviced", 0, 1_000, 2, every=2_000, places=("shut",)),
            an_add("resting", 4_000, 8_000, 3, every=100, rests=True),
            an_add("unknown", 4_000, 9_000, 1, ok=None, first=None),
        ],
        callbacks=[
            a_callback("plain", 1_000, "p1"),
            a_callback("plain", 2_000, "p2"),
            a_callback("plain", 2_502, "t1", kind="manual"),
            a_callback("paused", 1_000, "q1"),
            a_callback("retried", 1_000, "r1", outcome="refused"),
            a_callback("retried", 1_000, "r1", at=1_170, attempt=2),
            a_callback("deleted", 1_000, "d1"),
            a_callback("replaced", 1_000, "v1"),
            a_callback("replaced", 3_000, "v2", data={"of": "new"}),
            a_callback("hit", 5_000, "h1"),
            a_callback("hit", 5_000, "h1", at=6_000, attempt=2),
            a_callback("urgent", 6_000, "u1"),
            a_callback("humble", 6_000, "b1", at=6_700),
            a_callback("single", 7_000, "s1"),
            a_callback("single", 7_300, "s2"),
            a_callback("sharing", 8_000, "k1"),
            a_callback("skipping", 8_000, "o1"),
            a_callback("breaking off", 8_000, "c1", at=8_001),
            a_callback("breaking off", 8_005, "c2"),
            a_callback("small", 8_000, "n1", place="narrow"),
            a_callback("small", 8_300, "n2", place="narrow"),
            a_callback("steady", 8_000, "e1", place="paced"),
            a_callback("steady", 8_300, "e2", place="paced"),
            a_callback("serviced", 1_000, "m1", place="shut"),
            a_callback("serviced", 3_000, "m2", place="shut"),
            a_callback("resting", 8_000, "w1"),
            a_callback("resting", 8_120, "w2"),
        ],
        tasks=[
            a_task("plain"),
            a_task("paused", state="paused"),
            a_task("retried"),
            a_task("replaced", 2, data={"of": "new"}),
            *(a_task(name) for name in ("hit", "urgent", "humble", "single")),
            *(a_task(name) for name in ("sharing", "giving way", "skipping", "breaking off")),
            *(a_task(name) for name in ("small", "steady", "serviced", "resting")),
        ],
        fires=[
            a_row("plain", 1_000, "p1"),
            a_row("plain", 2_000, "p2"),
            a_row("plain", 2_502, "t1", kind="manual"),
            a_row("paused", 1_000, "q1"),
            a_row("retried", 1_000, "r1", attempts=2, over=1_190),
            a_row("deleted", 1_000, "d1"),
            a_row("replaced", 1_000, "v1"),
            a_row("replaced", 3_000, "v2"),
            a_row("hit", 5_000, "h1", attempts=2, over=6_020),
            a_row("urgent", 6_000, "u1"),
            a_row("humble", 6_000, "b1", over=6_720),
            a_row("single", 7_000, "s1"),
            a_row("single", 7_300, "s2"),
            a_row("sharing", 8_000, "k1", key="narrow"),
            a_row("giving way", 8_005, "k2", over=8_007, key="narrow", **SKIPPED | CONCURRENCY),
            a_row("skipping", 8_000, "o1"),
            a_row("skipping", 8_005, "o2", over=8_007, **SKIPPED | OVERLAP),
            a_row("breaking off", 8_000, "c1", over=8_007, state="cancelled", **OVERLAP),
            a_row("breaking off", 8_005, "c2"),
            a_row("small", 8_000, "n1"),
            a_row("small", 8_300, "n2"),
            a_row("steady", 8_000, "e1"),
            a_row("steady", 8_300, "e2"),
            a_row("serviced", 1_000, "m1"),
            a_row("serviced", 3_000, "m2"),
            a_row("resting", 8_000, "w1"),
            a_row("resting", 8_120, "w2"),
        ],
        spans=[Span("kill", BEGUN + 5_010, BEGUN + 5_015)],
        limits={"narrow": Limits(slots=1), "paced": Limits(a_second=10)},
        closures=[Closure("shut", BEGUN + 1_500, BEGUN + 2_500)],
    )


Break = Callable[[History], History]


def without(what: str, **wanted: Any) -> Break:
    """The history without those callbacks, tasks or fires."""

    def cut(history: History) -> History:
        kept = [each for each in getattr(history, what) if not _is(each, wanted)]
        return replace(history, **{what: kept})

    return cut


def also(callback: Callback) -> Break:
    return lambda history: replace(history, callbacks=[*history.callbacks, callback])


def turned(what: str, wanted: dict[str, Any], **changes: Any) -> Break:
    """The history with those callbacks, tasks or fires changed."""

    def turn(each: Any) -> Any:
        if not _is(each, wanted):
            return each
        return {**each, **changes} if isinstance(each, dict) else replace(each, **changes)

    return lambda history: replace(
        history, **{what: [turn(each) for each in getattr(history, what)]}
    )


def _is(each: Any, wanted: dict[str, Any]) -> bool:
    shown = each if isinstance(each, dict) else vars(each)
    return all(shown[name] == value for name, value in wanted.items())


def both(*breaks: Break) -> Break:
    def one_by_one(history: History) -> History:
        for each in breaks:
            history = each(history)
        return history

    return one_by_one


P2 = {"fire": "p2"}
SEEDED: dict[str, tuple[str, Break]] = {
    "an acknowledged task is gone": ("I1", without("tasks", name="plain")),
    "a deleted task is back": (
        "I1",
        lambda h: replace(h, tasks=[*h.tasks, a_task("deleted")]),
    ),
    "an acknowledged replacement is gone": (
        "I1",
        turned("tasks", {"name": "replaced"}, version=1, recall={"data": {"of": "replaced"}}),
    ),
    "an acknowledged pause is gone": ("I1", turned("tasks", {"name": "paused"}, state="active")),
    "the fire of a trigger is gone": (
        "I1",
        both(without("callbacks", fire="t1"), without("fires", id="t1")),
    ),
    "a fire left no trace": ("I2", both(without("callbacks", **P2), without("fires", id="p2"))),
    "a fire was skipped as paused, and nobody paused": (
        "I2",
        both(without("callbacks", **P2), turned("fires", {"id": "p2"}, **SKIPPED, reason="paused")),
    ),
    "a fire was given up as missed after a moment": (
        "I2",
        both(
            without("callbacks", **P2), turned("fires", {"id": "p2"}, **SKIPPED, reason="misfire")
        ),
    ),
    "a fire failed, and no receiver refused it": (
        "I2",
        both(
            without("callbacks", **P2), turned("fires", {"id": "p2"}, state="failed", reason="lost")
        ),
    ),
    "a fire gave way to a key that was free": (
        "I2",
        turned("fires", {"id": "k1"}, finished_at=iso(BEGUN + 7_000)),
    ),
    "a fire was skipped for an overlap, and none was under way": (
        "I2",
        turned("fires", {"id": "o1"}, finished_at=iso(BEGUN + 7_000)),
    ),
    "a fire was broken off for no other": (
        "I2",
        both(
            turned("callbacks", {"fire": "c1"}, outcome="cut"),
            turned("fires", {"id": "c2"}, due_at=iso(BEGUN + 7_000)),
        ),
    ),
    "a callback came early": ("I3", turned("callbacks", P2, at=BEGUN + 1_997)),
    "a callback is off the schedule": ("I3", turned("callbacks", P2, due=BEGUN + 1_995)),
    "an occasion of a pause was sent": ("I3", also(a_callback("paused", 2_000, "q2"))),
    "nobody triggered it": ("I3", also(a_callback("paused", 1_200, "t2", kind="manual"))),
    "it fired before it had rested": (
        "I3",
        turned("fires", {"id": "w1"}, finished_at=iso(BEGUN + 8_050)),
    ),
    "one occasion has two ids": ("I4", also(a_callback("plain", 2_000, "p3"))),
    "the data are another version's": ("I4", turned("callbacks", P2, data={"of": "other"})),
    "it came to another receiver": ("I4", turned("callbacks", P2, place="narrow")),
    "header and body differ in the id": ("I4", turned("callbacks", P2, body_id="p1")),
    "a repeat without a cause": ("I5", also(a_callback("plain", 2_000, "p2", at=4_000, attempt=2))),
    "a repeat under the same number": ("I5", also(a_callback("hit", 5_000, "h1", at=7_000))),
    "more repeats than slots": ("I5", lambda h: replace(h, slots=0)),
    "two attempts at once": ("I6", turned("callbacks", {"fire": "r1"}, ended=BEGUN + 1_300)),
    "two fires at once of a task that wants them one by one": (
        "I6",
        turned("callbacks", {"fire": "s1"}, ended=BEGUN + 7_600),
    ),
    "one fire between two attempts of another, of a task that wants them one by one": (
        "I6",
        also(a_callback("single", 7_000, "s1", at=7_500, attempt=2)),
    ),
    "two fires at once that share a key for one": (
        "I6",
        both(
            turned("callbacks", {"fire": "k1"}, ended=BEGUN + 8_100),
            also(a_callback("giving way", 8_005, "k2", at=8_050)),
        ),
    ),
    "more at once than a receiver has room for": (
        "I6",
        turned("callbacks", {"fire": "n1"}, ended=BEGUN + 8_400),
    ),
    "faster than a receiver is to be called": (
        "I6",
        both(*(also(a_callback("steady", 8_300, f"e{n}", place="paced")) for n in range(3, 6))),
    ),
    "to a receiver that was shut": ("I8", turned("callbacks", {"fire": "m1"}, at=BEGUN + 2_000)),
    "the urgent waits for the humble": (
        "I9",
        turned("callbacks", {"fire": "u1"}, at=BEGUN + 8_000),
    ),
    "a fire after a pause": ("I8", turned("callbacks", {"fire": "q1"}, at=BEGUN + 1_800)),
    "a fire after a delete": ("I8", turned("callbacks", {"fire": "d1"}, at=BEGUN + 1_800)),
    "a fire after a replacement": ("I8", turned("callbacks", {"fire": "v1"}, at=BEGUN + 1_800)),
    "success without a callback": ("I10", without("callbacks", **P2)),
    "a callback without a row": ("I10", without("fires", id="p2")),
    "a failure that was received": ("I10", turned("fires", {"id": "p2"}, state="failed")),
    "a fire was sent when it was over": (
        "I10",
        turned("fires", {"id": "p2"}, finished_at=iso(BEGUN + 1_500)),
    ),
    "the log has fewer attempts": ("I10", turned("fires", {"id": "r1"}, attempts=1)),
    "repeated too early": (
        "I12",
        turned("callbacks", {"attempt": 2, "fire": "r1"}, at=BEGUN + 1_050),
    ),
    "repeated unasked": ("I12", turned("operations", {"task": "retried"}, retries=())),
    "given up too early": (
        "I12",
        both(
            turned("callbacks", {"attempt": 2, "fire": "r1"}, outcome="refused"),
            turned("fires", {"id": "r1"}, state="failed", reason="status"),
        ),
    ),
    "a fire that never ends": ("I13", turned("fires", {"id": "p2"}, state="running")),
    "what rests between its fires does not wake again": (
        "I13",
        turned("tasks", {"name": "resting"}, state="active"),
    ),
    "one fire too many": ("I14", also(a_callback("plain", 3_000, "p3"))),
}


@pytest.mark.parametrize(("rule", "break_it"), SEEDED.values(), ids=list(SEEDED))
def test_what_is_wrong_is_found_by_its_name(rule: str, break_it: Break) -> None:
    found = violations(break_it(a_right_history()))
    assert any(told.startswith(f"{rule} ") for told in found), found


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert violations(a_right_history()) == []


def test_every_rule_has_caught_something() -> None:
    assert {rule for rule, _ in SEEDED.values()} == {name.split()[0] for name in checker.RULES}


@pytest.mark.parametrize("there", [True, False], ids=["it_happened", "it_did_not"])
def test_of_what_was_not_answered_both_outcomes_are_right(there: bool) -> None:
    history = a_right_history()
    if there:
        history = replace(
            history,
            tasks=[*history.tasks, a_task("unknown")],
            fires=[*history.fires, a_row("unknown", 9_000, "x1")],
            callbacks=[*history.callbacks, a_callback("unknown", 9_000, "x1")],
        )
    assert violations(history) == []


def test_an_attempt_may_fail_whose_time_ran_out_while_the_server_stood_still() -> None:
    late = turned("callbacks", P2, at=BEGUN + 2_990, ended=BEGUN + 3_000)
    history = both(late, turned("fires", {"id": "p2"}, state="failed"))(a_right_history())
    assert violations(history) != []
    stood_still = Span("freeze", BEGUN + 2_000, BEGUN + 2_985)
    assert violations(replace(history, spans=[*history.spans, stood_still])) == []


def test_an_attempt_may_fail_whose_time_ran_out_though_it_was_soon_answered_on_its_second_connection() -> (
    None
):
    late = turned("callbacks", P2, at=BEGUN + 2_985, ended=BEGUN + 2_995)
    stale = a_callback("plain", 2_000, "p2", outcome="cut")
    failed = turned("fires", {"id": "p2"}, state="failed", finished_at=iso(BEGUN + 3_010))
    history = both(late, failed)(a_right_history())
    assert violations(history) != []
    assert violations(also(stale)(history)) == []


@pytest.mark.parametrize(("late_ms", "found"), [(5, []), (40, ["I6"])])
def test_one_that_is_broken_off_may_be_called_in_the_moment_in_which_its_successor_is(
    late_ms: int, found: list[str]
) -> None:
    successor = turned("callbacks", {"fire": "c2"}, ended=BEGUN + 8_160)
    broken_off = turned("callbacks", {"fire": "c1"}, at=BEGUN + 8_009 + late_ms)
    told = violations(both(successor, broken_off)(a_right_history()))
    assert [each.split()[0] for each in told] == found


def test_the_checker_knows_nothing_of_the_servers_making() -> None:
    tree = ast.parse(Path(checker.__file__).read_text("utf-8"))
    found = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found += [n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names]
    assert {name.split(".")[0] for name in found} == {
        "collections", "dataclasses", "datetime", "functools", "itertools", "typing",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("killed", "deleted", "found"),
    [(True, True, []), (False, True, ["I2"]), (True, False, ["I2"])],
    ids=["killed and gone", "never killed", "still there"],
)
def test_what_was_never_sent_is_lost_only_where_a_server_ended_and_its_task_is_gone(
    killed: bool, deleted: bool, found: list[str]
) -> None:
    lost = a_row("lost", 1_000, "l1", state="failed", reason="lost", finished_at=iso(BEGUN + 2_400))
    history = History(
        operations=[
            an_add("lost", 0, 1_000, 1),
            *([an_operation("delete", "lost", 1_002)] if deleted else []),
        ],
        callbacks=[],
        tasks=[] if deleted else [a_task("lost")],
        fires=[lost],
        spans=[Span("kill", BEGUN + 1_010, BEGUN + 1_015)] if killed else [],
    )
    assert [told.split()[0] for told in violations(history)] == found


@pytest.mark.parametrize(("replaced_at", "found"), [(8_004, []), (8_200, ["c1", "c2"])])
def test_a_fire_may_be_broken_off_for_one_that_is_taken_back_in_that_very_moment(
    replaced_at: int, found: list[str]
) -> None:
    history = a_right_history()
    new = an_add("breaking off", replaced_at, 9_000, 1, kind="replace", data={"of": "new"})
    cut = turned("callbacks", {"fire": "c1"}, outcome="cut")
    gone = both(cut, without("callbacks", fire="c2"), without("fires", id="c2"))(history)
    kept = [task for task in gone.tasks if task["name"] != "breaking off"]
    history = replace(
        gone,
        operations=[*gone.operations, new],
        tasks=[*kept, a_task("breaking off", 2, data={"of": "new"})],
        fires=[*gone.fires, a_row("breaking off", 9_000, "c3", version=2)],
        callbacks=[*gone.callbacks, a_callback("breaking off", 9_000, "c3", data={"of": "new"})],
    )
    due = {"c1": BEGUN + 8_000, "c2": BEGUN + 8_005}
    assert violations(history) == [
        f"I2 no lost fire: breaking off due at {due[fire]:.0f}: {told}"
        for fire, told in (("c1", "['cancelled: overlap']"), ("c2", "no trace"))
        if fire in found
    ]


@pytest.mark.parametrize(("deleted", "found"), [(True, []), (False, ["I1"])])
def test_versions_may_begin_anew_after_a_delete_that_was_not_answered(
    deleted: bool, found: list[str]
) -> None:
    history = History(
        operations=[
            an_add("again", 0, 1_000, 1),
            *([an_operation("delete", "again", 1_500, ok=None)] if deleted else []),
            an_add("again", 2_000, 3_000, 1, kind="replace", data={"of": "new"}),
        ],
        callbacks=[
            a_callback("again", 1_000, "a1"),
            a_callback("again", 3_000, "a2", data={"of": "new"}),
        ],
        tasks=[a_task("again", 1, data={"of": "new"})],
        fires=[a_row("again", 1_000, "a1"), a_row("again", 3_000, "a2")],
    )
    assert [told.split()[0] for told in violations(history)] == found
