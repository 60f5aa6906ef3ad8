"""The statements by which old records are found and deleted: see retention.py. They are found by a reader, a slice at a
time along an index, so that the writer only deletes."""

from dispatchserver.stores.reportsql import OF_REPORT
from dispatchserver.stores.sql import unfold

# A task shows its last fire. A replay tells that the fire it repeats was sent again, as long as there is that fire. As a
# CASE, of which SQLite looks no further than it must: it would take both sides of an AND.
NEEDED = """CASE WHEN EXISTS (SELECT 1 FROM tasks t WHERE t.id = f.task_id AND t.last_fire_id = f.id) THEN 1
        WHEN f.replay_of IS NULL THEN 0 ELSE EXISTS (SELECT 1 FROM fires o WHERE o.id = f.replay_of) END"""


def ripe(condition: str) -> str:
    """Whether a fire is to go: the condition holds, and nothing needs it."""
    return f"CASE WHEN {condition} THEN NOT {NEEDED} ELSE 0 END AS ripe"


GONE_BY = "f.finished_at < $4 AND coalesce(f.missed_last, 0) < $4"

NEXT_NAMESPACE = "SELECT min(namespace) AS namespace FROM fires WHERE namespace > $1"
OLD_FIRES = f"""
SELECT f.due_at, f.id, {ripe(f"f.state IN ('succeeded', 'skipped', 'cancelled') AND {GONE_BY}")} FROM fires f
WHERE f.namespace = $1 AND (f.due_at, f.id) > ($2, $3) AND f.due_at < $4 ORDER BY f.due_at, f.id LIMIT $5
"""
OLD_FAILED = f"""
SELECT f.due_at, f.id, {ripe(GONE_BY)} FROM fires f
WHERE f.namespace = $1 AND f.state = 'failed' AND (f.due_at, f.id) > ($2, $3) AND f.due_at < $4
ORDER BY f.due_at, f.id LIMIT $5
"""
# Tasks that have fires, from the key $1, $2, $3 on: up to $4 of them, or up to the first that has more than $5.
MORE_THAN = """EXISTS (
        SELECT 1 FROM fires c WHERE c.namespace = f.namespace AND c.grp = f.grp AND c.name = f.name LIMIT 1 OFFSET $5
    )"""
# Step by step, since SQLite compares with a row of columns by its first column alone.
NEXT = "(SELECT n.rowid FROM fires n INDEXED BY fires_log_of_task WHERE n.namespace"
CROWDED = f"""
WITH RECURSIVE known (namespace, grp, name, crowded, n) AS (
    SELECT * FROM (SELECT f.namespace, f.grp, f.name, {MORE_THAN}, 1 FROM fires f
        WHERE (f.namespace, f.grp, f.name) > ($1, $2, $3) ORDER BY f.namespace, f.grp, f.name LIMIT 1)
    UNION ALL
    SELECT f.namespace, f.grp, f.name, {MORE_THAN}, known.n + 1 FROM known JOIN fires f ON f.rowid = coalesce(
        {NEXT} = known.namespace AND n.grp = known.grp AND n.name > known.name ORDER BY n.name LIMIT 1),
        {NEXT} = known.namespace AND n.grp > known.grp ORDER BY n.grp, n.name LIMIT 1),
        {NEXT} > known.namespace ORDER BY n.namespace, n.grp, n.name LIMIT 1)
    ) WHERE known.n < $4 AND NOT known.crowded
)
SELECT namespace, grp, name, crowded FROM known
"""
ENDED = "SELECT coalesce(sum(n), 0) AS ended FROM counts WHERE what = 'fires'"
# The newest of those that are more than $4: it, and what is older.
SURPLUS = """
SELECT due_at, id FROM fires WHERE namespace = $1 AND grp = $2 AND name = $3
ORDER BY due_at DESC, id DESC LIMIT 1 OFFSET $4
"""
SURPLUS_FIRES = f"""
SELECT f.due_at, f.id,
    {ripe("f.finished_at < $8 AND coalesce(f.missed_last, 0) < $8 AND (f.state = 'failed') = $9")} FROM fires f
WHERE f.namespace = $1 AND f.grp = $2 AND f.name = $3 AND (f.due_at, f.id) > ($4, $5) AND (f.due_at, f.id) <= ($6, $7)
ORDER BY f.due_at, f.id LIMIT $10
"""

IDS = f"({unfold('id TEXT')})"
# See migration 0018 and planwrites.py: these occasions are not planned again.
REMEMBER = f"""
UPDATE tasks SET pruned_until = max(coalesce(tasks.pruned_until, s.until), s.until)
FROM (SELECT task_id, max(due_at) AS until FROM fires WHERE id IN {IDS} AND kind = 'scheduled' GROUP BY task_id) s
WHERE tasks.id = s.task_id
"""
FORGET_ATTEMPTS = f"DELETE FROM attempts WHERE fire_id IN {IDS}"
FORGET_NOTES = f"DELETE FROM audit WHERE fire_id IN {IDS} AND {OF_REPORT}"
FORGET_FIRES = f"DELETE FROM fires WHERE id IN {IDS} AND finished_at IS NOT NULL"

AUDIT = "SELECT id, at < $1 AS ripe FROM audit ORDER BY id LIMIT $2"
FORGET_AUDIT = f"DELETE FROM audit WHERE id IN ({unfold('id BIGINT')}) RETURNING id"


def _refers(called: str) -> str:
    """Whether a fire refers to the version `v` of the task that is called as this says."""
    return f"""EXISTS (SELECT 1 FROM fires f INDEXED BY fires_log_of_task WHERE f.namespace = {called}.namespace
        AND f.grp = {called}.grp AND f.name = {called}.name AND f.task_id = v.task_id AND f.version = v.version)"""


# The versions of a task that is gone tell themselves what it was called: see NAME_VERSIONS.
REFERRED = f"""CASE WHEN EXISTS (SELECT 1 FROM tasks t WHERE t.id = v.task_id AND t.version = v.version) THEN 1
    WHEN v.name IS NOT NULL THEN {_refers("v")}
    ELSE EXISTS (SELECT 1 FROM tasks t WHERE t.id = v.task_id AND {_refers("t")}) END"""
VERSIONS = f"""
SELECT v.task_id, v.version, CASE WHEN v.created_at < $3 THEN NOT {REFERRED} ELSE 0 END AS ripe FROM task_versions v
WHERE (v.task_id, v.version) > ($1, $2) ORDER BY v.task_id, v.version LIMIT $4
"""
FORGET_VERSIONS = f"""
DELETE FROM task_versions AS v WHERE (v.task_id, v.version) IN ({unfold("task_id TEXT, version BIGINT")}) AND NOT {REFERRED}
RETURNING version
"""
