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
WHERE serial = 1 AND state IN ('pending', 'running', 'waiting') AND turn <> 1 AND task_id IN ({unfold("task_id TEXT")})
"""
KEY_HOLDERS = f"""
SELECT f.id, f.namespace, f.ckey FROM ({unfold("namespace TEXT, ckey TEXT")}) s
JOIN fires f ON f.namespace = s.namespace AND f.ckey = s.ckey
WHERE f.ckey IS NOT NULL AND f.state IN ('pending', 'running', 'waiting') AND f.turn = 0
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
# What a pause holds back, or a delete cancels, gives its turn and its key to others; also a key that was but offered to it.
LANES_OF = f"""
SELECT DISTINCT namespace, ckey, count(*) OVER (PARTITION BY namespace, ckey) AS freed FROM fires
WHERE state = 'pending' AND turn IN (0, 1, 4) AND ckey IS NOT NULL AND task_id IN ({unfold("task_id TEXT")})
"""
ASK_ANEW = f"""
UPDATE fires SET turn = CASE WHEN serial = 1 THEN 1 ELSE 4 END
WHERE state = 'pending' AND (serial = 1 OR ckey IS NOT NULL) AND task_id IN ({unfold("task_id TEXT")})
"""
