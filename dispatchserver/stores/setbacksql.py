"""What is asked where the clock may have been set back."""

from dispatchserver.stores.sql import TASKS, these

# Every fire is made at most a second before it is due.
NEWEST_DUE = "SELECT due_at AS at FROM fires ORDER BY rowid DESC LIMIT 1"
TASKS_AHEAD = f"""
{TASKS} WHERE t.state = 'active' AND t.next_fire_at > $1 AND t.id > $2 AND t.id IN (
    SELECT task_id FROM fires WHERE namespace IN (SELECT DISTINCT namespace FROM tasks)
        AND due_at > $1 AND kind = 'scheduled'
)
ORDER BY t.id LIMIT $3
"""
# A fire of a fixed delay is not made where, before the clock was set back, the task had one at that very moment. Nobody
# would ever tell then when the task goes on: so it is planned anew, a millisecond later.
PLAN_AGAIN = f"""
UPDATE tasks SET next_fire_at = s.due_at + 1 FROM ({these("id TEXT, due_at BIGINT")}) s
WHERE tasks.id = s.id AND tasks.next_fire_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM fires f WHERE f.task_id = s.id AND f.due_at = s.due_at AND f.kind = 'scheduled'
        AND f.finished_at IS NULL
)
"""
