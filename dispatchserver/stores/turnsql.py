"""The statements by which fires that ask have their turn: see admissions.py."""

from dispatchserver.stores.sql import FIRE_COLUMNS, FIRES_COLUMNS, RANK, these, unfold

# Fires whose task wants them one at a time, or that need a key, ask before they can be claimed: see admissions.py.
ASKING = f"""
SELECT {FIRES_COLUMNS}, v.policies_json
FROM fires f JOIN task_versions v ON v.task_id = f.task_id AND v.version = f.version
WHERE f.state = 'pending' AND f.held = 0 AND f.turn IN (1, 4) AND +f.run_at <= $1
ORDER BY f.run_at - f.priority * 300000, f.id LIMIT $2
"""
UNDER_WAY = f"""
SELECT {FIRE_COLUMNS} FROM fires
WHERE serial = 1 AND finished_at IS NULL AND turn <> 1 AND task_id IN ({unfold("task_id TEXT")})
"""
KEY_HOLDERS = f"""
SELECT f.id, f.namespace, f.ckey FROM ({unfold("namespace TEXT, ckey TEXT")}) s
JOIN fires f ON f.namespace = s.namespace AND f.ckey = s.ckey
WHERE f.ckey IS NOT NULL AND f.finished_at IS NULL AND f.turn = 0
"""
SET_TURNS = f"""
UPDATE fires SET turn = s.turn FROM ({these("id TEXT, turn BIGINT")}) s
WHERE fires.id = s.id AND fires.state = 'pending'
"""
# The first of those that wait asks again; $1 is the task, or $1 and $2 the key.
ASK_FOR_TASK = f"""
UPDATE fires SET turn = 1 WHERE id IN (
    SELECT id FROM fires WHERE serial = 1 AND state = 'pending' AND turn = 2 AND task_id = $1
    ORDER BY {RANK}, id LIMIT 1
)
"""
ASK_FOR_KEY = f"""
UPDATE fires SET turn = 4 WHERE id IN (
    SELECT id FROM fires WHERE ckey IS NOT NULL AND state = 'pending' AND turn = 3 AND namespace = $1 AND ckey = $2
    ORDER BY {RANK}, id LIMIT $3
)
"""
# What a pause holds back, a delete cancels or a changed calendar takes back, of what is due after a moment, gives its turn
# and its key to others; also a key that was but offered to it.
STOPPED = f"({unfold('task_id TEXT, after BIGINT')}) s JOIN fires f ON f.task_id = s.task_id AND f.due_at > s.after"
LANES_OF = f"""
SELECT f.namespace, f.ckey, count(*) AS freed FROM {STOPPED}
WHERE f.state = 'pending' AND f.turn IN (0, 1, 4) AND f.ckey IS NOT NULL GROUP BY f.namespace, f.ckey
"""
ASK_ANEW = f"""
UPDATE fires SET turn = CASE WHEN serial = 1 THEN 1 ELSE 4 END
WHERE id IN (SELECT f.id FROM {STOPPED} WHERE f.state = 'pending' AND (f.serial = 1 OR f.ckey IS NOT NULL))
"""
