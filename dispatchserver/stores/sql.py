"""Every statement of the hot path and the commands. Only constants are spliced; values are parameters.

A batch is one statement for all its rows, since a thread that runs rows one by one beside a busy event loop
would wait for the interpreter lock at every row. What is written comes as `these` rows, what is looked up as
one JSON parameter to `unfold`: unfolding wide rows costs more than writing them.
"""

import re

ROWS = re.compile(r"/\*rows of their own (\d+)\*/")


def these(columns: str, alike: str = "") -> str:
    """SELECT of the rows that batches.put writes, with typed columns: "id TEXT, at BIGINT". The first is never NULL: what
    begins so only fills a batch up. What is `alike` in most batches, for all their rows, stands behind the others.
    """
    own = columns.count(",") + 1
    names = [column.split()[0] for column in f"{columns},{alike}".rstrip(",").split(",")]
    items = ", ".join(f"column{place} AS {name}" for place, name in enumerate(names, 1))
    return f"SELECT {items} FROM (/*rows of their own {own}*/) WHERE column1 IS NOT NULL"


def unfold(columns: str) -> str:
    """SELECT that unfolds $1 into typed columns: "id TEXT, at BIGINT"."""
    parts = [column.split() for column in columns.split(",")]
    items = ", ".join(
        f"CAST(value ->> {i} AS {kind}) AS {name}" for i, (name, kind) in enumerate(parts)
    )
    return f"SELECT {items} FROM json_each($1) WHERE true"


TASK_COLUMNS = """
    t.id, t.namespace, t.grp, t.name, t.version, t.state, t.next_fire_at, t.created_at, t.updated_at,
    t.succeeded, t.failed, t.waiting, t.last_fire_id, t.last_state, t.last_finished_at,
    t.calendar, t.restarted_at, t.restarted_count, v.created_at AS spec_since, v.trigger_json, v.recall_json, v.policies_json, v.priority, v.note, v.labels_json
"""
TASKS = f"SELECT {TASK_COLUMNS} FROM tasks t JOIN task_versions v ON v.task_id = t.id AND v.version = t.version"

FIND_TASK = f"{TASKS} WHERE t.namespace = $1 AND t.grp = $2 AND t.name = $3"
FIND_TASKS = f"""
{TASKS} JOIN ({unfold("namespace TEXT, grp TEXT, name TEXT")}) k
ON t.namespace = k.namespace AND t.grp = k.grp AND t.name = k.name
"""
ANY_TASK = f"""
SELECT 1 FROM ({unfold("namespace TEXT, grp TEXT, name TEXT")}) k
JOIN tasks t ON t.namespace = k.namespace AND t.grp = k.grp AND t.name = k.name LIMIT 1
"""
DUE_TASKS = f"""
{TASKS} WHERE t.state = 'active' AND t.next_fire_at <= $1 AND t.id NOT IN (SELECT value FROM json_each($3))
ORDER BY t.next_fire_at LIMIT $2
"""
GROUPS = "SELECT grp, tasks FROM group_sizes WHERE namespace = $1 ORDER BY grp"

PUT_TASKS = f"""
INSERT INTO tasks (id, grp, name, version, next_fire_at, created_at, updated_at,
    namespace, state, calendar, restarted_at, restarted_count, ckey, ckey_limit)
{
    these(
        "id TEXT, grp TEXT, name TEXT, version BIGINT, next_fire_at BIGINT, created_at BIGINT, updated_at BIGINT",
        alike="namespace TEXT, state TEXT, calendar TEXT, restarted_at BIGINT, restarted_count BIGINT, ckey TEXT,"
        " ckey_limit BIGINT",
    )
}
ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state,
    next_fire_at = excluded.next_fire_at, updated_at = excluded.updated_at, calendar = excluded.calendar,
    restarted_at = excluded.restarted_at, restarted_count = excluded.restarted_count, ckey = excluded.ckey,
    ckey_limit = excluded.ckey_limit,
    pruned_until = CASE WHEN excluded.version = tasks.version THEN tasks.pruned_until END
"""
PUT_VERSIONS = f"""
INSERT INTO task_versions (task_id, version, trigger_json, recall_json, policies_json, priority, note,
    labels_json, created_at, created_by, secret)
{
    these(
        "task_id TEXT, version BIGINT, trigger_json TEXT, recall_json TEXT, policies_json TEXT,"
        " priority BIGINT, note TEXT, labels_json TEXT",
        alike="created_at BIGINT, created_by TEXT, secret TEXT",
    )
}
"""
# By its name a task's fires are found, also when it is gone: see retentionsql.py.
NAME_VERSIONS = f"""
UPDATE task_versions SET namespace = t.namespace, grp = t.grp, name = t.name
FROM ({these("task_id TEXT")}) s CROSS JOIN tasks t ON t.id = s.task_id
WHERE task_versions.task_id = s.task_id
"""
DELETE_TASKS = f"DELETE FROM tasks WHERE id IN ({these('id TEXT')})"
PUT_AUDIT = f"""
INSERT INTO audit (at, who, door, action, namespace, grp, name, version, fire_id, detail)
{
    these(
        "at BIGINT, who TEXT, door TEXT, action TEXT, namespace TEXT, grp TEXT, name TEXT,"
        " version BIGINT, fire_id TEXT, detail TEXT"
    )
}
"""

# An occasion planned ahead that is not due yet has not happened: a pause, delete or replace takes it back.
TAKE_BACK = f"""
DELETE FROM fires WHERE id IN (
    SELECT f.id FROM ({these("task_id TEXT, done_until BIGINT")}) s
    JOIN fires f ON f.task_id = s.task_id AND f.due_at > s.done_until
    WHERE f.state = 'pending' AND f.kind = 'scheduled' AND f.attempts = 0
)
"""
# The same of what was claimed a moment early, and stands at the door: see engine/door.py. What was claimed later than
# it is now was so before the clock was set back, and may have been sent.
TAKE_BACK_CLAIMED = f"""
DELETE FROM fires WHERE id IN (
    SELECT f.id FROM ({these("task_id TEXT, done_until BIGINT, now BIGINT")}) s
    CROSS JOIN tasks t ON t.id = s.task_id
    CROSS JOIN fires f ON f.namespace = t.namespace AND f.grp = t.grp AND f.name = t.name AND f.due_at > s.done_until
    WHERE f.task_id = s.task_id AND f.state = 'running' AND f.kind = 'scheduled' AND f.attempts = 1 AND f.claimed_at < f.due_at
        AND f.claimed_at <= s.now
) RETURNING task_id, id
"""
# A row of excluded occasions reaches into the future, which now will be planned anew or not at all. The unary
# plus keeps SQLite on the small index of such rows.
TAKE_BACK_EXCLUDED = f"""
DELETE FROM fires WHERE id IN (
    SELECT f.id FROM ({these("task_id TEXT, done_until BIGINT")}) s
    JOIN fires f ON f.task_id = s.task_id AND f.reason = 'calendar' AND f.missed_last > s.done_until
    WHERE +f.due_at > s.done_until
)
"""
TRIM_EXCLUDED = f"""
UPDATE fires SET missed_last = s.done_until, missed_count = NULL
FROM ({these("task_id TEXT, done_until BIGINT")}) s
WHERE fires.task_id = s.task_id AND fires.reason = 'calendar' AND fires.missed_last > s.done_until
"""
HOLD = f"UPDATE fires SET held = 1, behind = NULL WHERE state = 'pending' AND task_id IN ({these('task_id TEXT')})"
RELEASE = (
    f"UPDATE fires SET held = 0 WHERE state = 'pending' AND task_id IN ({these('task_id TEXT')})"
)
CANCEL = f"""
UPDATE fires SET state = 'cancelled', reason = s.reason, finished_at = s.at, held = 0
FROM ({these("task_id TEXT, reason TEXT, at BIGINT")}) s
WHERE fires.task_id = s.task_id AND fires.state = 'pending'
"""

FIRE_COLUMNS = """
    id, namespace, task_id, grp, name, version, kind, priority, due_at, run_at, state, reason, held, attempts,
    claimed_by, claimed_at, deadline_at, finished_at, result, missed_first, missed_last, missed_count,
    losses, give_up_at, turn, serial, ckey, replay_of, data_json, behind, shard, shards, tried, failovers,
    progress_json
"""
FIRES_COLUMNS = ", ".join("f." + column.strip() for column in FIRE_COLUMNS.split(","))
# What a fire is said to be behind that a node holds in its memory until it is sent, see engine/hand.py.
IN_HAND = "@"
# See domain/fire.py, rank; as text the same as in the indexes, which would not be used otherwise.
RANK = "run_at - priority * 300000"
# Not those that were sent once, as the clock was set back, and of which no row is left that would tell.
PUT_FIRES = f"""
INSERT INTO fires (id, task_id, grp, name, version, priority, due_at, run_at, deadline_at,
    namespace, kind, state, reason, finished_at, missed_first, missed_last, missed_count, turn, serial, ckey,
    replay_of, data_json, shard, shards, behind)
SELECT s.* FROM ({
    these(
        "id TEXT, task_id TEXT, grp TEXT, name TEXT, version BIGINT, priority BIGINT, due_at BIGINT, run_at BIGINT,"
        " deadline_at BIGINT",
        alike="namespace TEXT, kind TEXT, state TEXT, reason TEXT, finished_at BIGINT, missed_first BIGINT,"
        " missed_last BIGINT, missed_count BIGINT, turn BIGINT, serial BIGINT, ckey TEXT, replay_of TEXT,"
        " data_json TEXT, shard BIGINT, shards BIGINT, behind TEXT",
    )
}) s
WHERE s.kind <> 'scheduled' OR NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = s.task_id AND t.pruned_until >= s.due_at)
ON CONFLICT DO NOTHING
"""
# Written only where the task and its calendar still are as it was planned from: both the fires and the step, or neither.
MOVE_TASKS = f"""
UPDATE tasks SET next_fire_at = s.next_fire_at,
    state = s.state
FROM ({
    these(
        "id TEXT, version BIGINT, expected BIGINT, next_fire_at BIGINT",
        alike="state TEXT, edition BIGINT",
    )
}) s
WHERE tasks.id = s.id AND tasks.version = s.version AND tasks.next_fire_at = s.expected AND tasks.state = 'active'
    AND (tasks.calendar IS NULL OR s.edition = (SELECT c.version FROM calendars c
        WHERE c.namespace = tasks.namespace AND c.name = tasks.calendar))
RETURNING tasks.id
"""
RESTART_TASKS = f"""
UPDATE tasks SET restarted_at = s.at, restarted_count = s.count, pruned_until = NULL
FROM ({these("id TEXT, at BIGINT, count BIGINT")}) s WHERE tasks.id = s.id
"""

FIRES = f"SELECT {FIRE_COLUMNS} FROM fires"
FIND_FIRE = f"{FIRES} WHERE id = $1"
FIND_FIRES = f"SELECT {FIRE_COLUMNS} FROM fires WHERE id IN ({unfold('id TEXT')})"
STANDING = f"""
SELECT f.id, t.version = f.version AS current, t.state = 'paused' AND f.kind = 'scheduled' AS held, v.policies_json
FROM fires f JOIN task_versions v ON v.task_id = f.task_id AND v.version = f.version
LEFT JOIN tasks t ON t.id = f.task_id WHERE f.id IN ({unfold("id TEXT")})
"""
# The fence: a fire moves on only from the state, the attempt and the claimer that the move was decided on.
MOVE_FIRES = f"""
UPDATE fires SET state = s.state, reason = s.reason, run_at = coalesce(s.run_at, fires.run_at), held = s.held,
    deadline_at = s.deadline_at, finished_at = s.finished_at, result = s.result, claimed_by = NULL,
    losses = fires.losses + s.lost, failovers = fires.failovers + s.onward, give_up_at = coalesce(fires.give_up_at, s.give_up_at)
FROM ({
    these(
        "id TEXT, attempts BIGINT, finished_at BIGINT, result TEXT",
        alike="left_state TEXT, claimed_by TEXT, state TEXT, reason TEXT, run_at BIGINT, held BIGINT,"
        " deadline_at BIGINT, lost BIGINT, onward BIGINT, give_up_at BIGINT",
    )
}) s
WHERE fires.id = s.id AND fires.state = s.left_state AND fires.attempts = s.attempts
    AND coalesce(fires.claimed_by, '') = coalesce(s.claimed_by, '')
RETURNING fires.id, fires.attempts
"""
PUT_ATTEMPTS = f"""
INSERT INTO attempts (fire_id, number, started_at, ended_at, excerpt, connect_ms, first_byte_ms, result, address,
    node, delivery, reason, detail, status, truncated, verdict, verdict_reason, verdict_at)
{
    these(
        "fire_id TEXT, number BIGINT, started_at BIGINT, ended_at BIGINT, excerpt TEXT, connect_ms BIGINT,"
        " first_byte_ms BIGINT, result TEXT, address TEXT",
        alike="node TEXT, delivery TEXT, reason TEXT, detail TEXT, status BIGINT, truncated BIGINT, verdict TEXT,"
        " verdict_reason TEXT, verdict_at BIGINT",
    )
}
ON CONFLICT DO NOTHING
"""
COUNT_ENDED = f"""
UPDATE tasks SET succeeded = succeeded + s.ok, failed = failed + s.bad, waiting = waiting + s.parked,
    last_fire_id = coalesce(s.fire_id, last_fire_id), last_state = coalesce(s.state, last_state),
    last_finished_at = coalesce(s.at, last_finished_at)
FROM ({
    these(
        "task_id TEXT, fire_id TEXT, at BIGINT",
        alike="ok BIGINT, bad BIGINT, parked BIGINT, state TEXT",
    )
}) s
WHERE tasks.id = s.task_id
"""
WAITING_TASKS = f"""
{TASKS} JOIN ({unfold("id TEXT, version BIGINT")}) k ON t.id = k.id AND t.version = k.version
WHERE t.next_fire_at IS NULL AND t.state IN ('active', 'paused')
"""
# A fire of a fixed delay has ended for good: only now its task's next occasion is known, or that there is none. Then it is
# finished though it be paused: no resume could tell that from a fire that is still awaited.
GO_ON = f"""
UPDATE tasks SET next_fire_at = s.next_fire_at,
    state = CASE WHEN s.next_fire_at IS NULL THEN 'finished' ELSE tasks.state END
FROM ({these("id TEXT, version BIGINT, next_fire_at BIGINT")}) s
WHERE tasks.id = s.id AND tasks.version = s.version AND tasks.next_fire_at IS NULL
"""
LOST_FIRES = f"SELECT {FIRE_COLUMNS} FROM fires WHERE state = 'running' AND claimed_by <> $1"
EXPIRED_FIRES = f"""
SELECT {FIRE_COLUMNS} FROM fires
WHERE finished_at IS NULL AND deadline_at <= $1 ORDER BY deadline_at LIMIT $2
"""
LIST_ATTEMPTS = """
SELECT fire_id, number, node, started_at, ended_at, delivery, reason, detail, status, excerpt, truncated,
    connect_ms, first_byte_ms, verdict, verdict_reason, result, verdict_at, address
FROM attempts WHERE fire_id = $1 ORDER BY number
"""
FIND_RECALLS = f"""
SELECT v.task_id, v.version, v.recall_json FROM ({unfold("task_id TEXT, version BIGINT")}) s
CROSS JOIN task_versions v ON v.task_id = s.task_id AND v.version = s.version
"""
NEXT_OCCASION = """
SELECT min(next_fire_at) AS at FROM tasks WHERE state = 'active' AND next_fire_at IS NOT NULL
    AND id NOT IN (SELECT value FROM json_each($1))
"""
NEXT_RUN = """
SELECT min(at) AS at FROM (
    SELECT min(run_at) AS at FROM fires WHERE state = 'pending' AND held = 0 AND turn = 0 AND behind IS NULL
    UNION ALL SELECT min(run_at) FROM fires WHERE state = 'pending' AND held = 0 AND turn IN (1, 4)
)
"""
NEXT_ASK = (
    "SELECT min(run_at) AS at FROM fires WHERE state = 'pending' AND held = 0 AND turn IN (1, 4)"
)
NEXT_DEADLINE = "SELECT min(deadline_at) AS at FROM fires WHERE finished_at IS NULL"

CALENDAR_COLUMNS = "c.namespace, c.name, c.document, c.version, c.updated_at, c.updated_by"
FIND_CALENDARS = f"""
SELECT {CALENDAR_COLUMNS} FROM calendars c JOIN ({unfold("namespace TEXT, name TEXT")}) k
ON c.namespace = k.namespace AND c.name = k.name
"""
LIST_CALENDARS = f"""
SELECT {CALENDAR_COLUMNS},
    (SELECT count(*) FROM tasks t WHERE t.namespace = c.namespace AND t.calendar = c.name) AS tasks
FROM calendars c WHERE c.namespace = $1 ORDER BY c.name
"""
PUT_CALENDAR = """
INSERT INTO calendars (namespace, name, document, version, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (namespace, name) DO UPDATE SET document = excluded.document, version = excluded.version,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""
DELETE_CALENDAR = "DELETE FROM calendars WHERE namespace = $1 AND name = $2"
CALENDAR_TASKS = f"{TASKS} WHERE t.namespace = $1 AND t.calendar = $2"
CALENDAR_USE = """
SELECT grp, name, (SELECT count(*) FROM tasks WHERE namespace = $1 AND calendar = $2) AS tasks
FROM tasks WHERE namespace = $1 AND calendar = $2 ORDER BY grp, name LIMIT 1
"""
