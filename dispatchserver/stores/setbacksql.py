"""What is asked where the clock may have been set back."""

from dispatchserver.stores.sql import TASKS

# Every fire is made at most a second before it is due.
NEWEST_DUE = "SELECT due_at AS at FROM fires ORDER BY rowid DESC LIMIT 1"
TASKS_AHEAD = f"""
{TASKS} WHERE t.state = 'active' AND t.next_fire_at > $1 AND t.id > $2 AND t.id IN (
    SELECT task_id FROM fires WHERE namespace IN (SELECT DISTINCT namespace FROM tasks)
        AND due_at > $1 AND kind = 'scheduled'
)
ORDER BY t.id LIMIT $3
"""
