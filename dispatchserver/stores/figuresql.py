"""The statements that watch over the others: what is stuck, and the figures for the metrics. Each reads a bounded
number of rows by an index, so that looking never costs more than what is looked at."""

from dispatchserver.stores.sql import RANK

COUNTS = "SELECT what, state, reason, n FROM counts ORDER BY what, state, reason"
# The indexes are read in the order of claims; what is not due yet is among it, and is left out only afterwards.
QUEUE = f"""
SELECT priority, count(*) AS fires FROM (
    SELECT * FROM (SELECT priority, run_at FROM fires WHERE state = 'pending' AND held = 0 AND turn = 0 AND behind IS NULL
        ORDER BY {RANK} LIMIT $2)
    UNION ALL
    SELECT * FROM (SELECT priority, run_at FROM fires WHERE state = 'pending' AND held = 0 AND behind IS NOT NULL LIMIT $2)
) WHERE run_at <= $1 GROUP BY priority
"""
OVERDUE_TASKS = """
SELECT t.id FROM tasks t
WHERE t.state = 'active' AND t.next_fire_at < $1 AND t.id NOT IN (SELECT value FROM json_each($3))
ORDER BY t.next_fire_at LIMIT $2
"""
# Whose next occasion is unknown, its last fire is open and will tell. A few of the last, since a clock may go back.
FORGOTTEN_TASKS = """
SELECT t.id FROM tasks t
WHERE t.state = 'active' AND t.next_fire_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM (
        SELECT f.state FROM fires f WHERE f.namespace = t.namespace AND f.grp = t.grp AND f.name = t.name
            AND f.task_id = t.id AND f.kind = 'scheduled' ORDER BY f.due_at DESC LIMIT 5
    ) last WHERE last.state IN ('pending', 'running', 'waiting')
) LIMIT $1
"""
OVERDUE_FIRES = """
SELECT id FROM fires WHERE finished_at IS NULL AND deadline_at < $1
ORDER BY deadline_at LIMIT $2
"""
ENDLESS_FIRES = """
SELECT id FROM fires WHERE finished_at IS NULL AND deadline_at IS NULL LIMIT $1
"""
