-- The newest due time among a task's occasions that are not kept any more: none up to it is planned again, though the
-- clock be set back (see planwrites.py). What its owner says anew goes by the clock of then, and a restart by a new grid: both clear it.
ALTER TABLE tasks ADD COLUMN pruned_until INTEGER;
-- Fires by hand are few: beside fires_occasion this finds all that refer to a version.
CREATE INDEX fires_manual ON fires (task_id) WHERE kind = 'manual';

-- The log of a group, and of the states that are few among many; those are narrowed without reading their rows.
CREATE INDEX fires_log_of_group ON fires (namespace, grp, due_at, id);
CREATE INDEX fires_skipped ON fires (namespace, due_at, id, grp, name, reason) WHERE state = 'skipped';
CREATE INDEX fires_cancelled ON fires (namespace, due_at, id, grp, name, reason) WHERE state = 'cancelled';
CREATE INDEX fires_awaited ON fires (namespace, due_at, id, grp, name, reason) WHERE state = 'waiting';
DROP INDEX fires_dead;
CREATE INDEX fires_dead ON fires (namespace, due_at, id, reason) WHERE state = 'failed';
CREATE INDEX fires_dead_of_group ON fires (namespace, grp, due_at, id, name, reason) WHERE state = 'failed';
-- Tasks that rest are few among many, or end only once.
CREATE INDEX tasks_paused ON tasks (namespace, grp, name) WHERE state = 'paused';
CREATE INDEX tasks_finished ON tasks (namespace, grp, name) WHERE state = 'finished';

-- How many tasks a group has, counted as they come and go, like counts.
CREATE TABLE group_sizes (
    namespace TEXT NOT NULL,
    grp TEXT NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (namespace, grp)
) WITHOUT ROWID;
INSERT INTO group_sizes SELECT namespace, grp, count(*) FROM tasks GROUP BY namespace, grp;
CREATE TRIGGER groups_grown AFTER INSERT ON tasks
BEGIN
    INSERT INTO group_sizes VALUES (new.namespace, new.grp, 1)
    ON CONFLICT (namespace, grp) DO UPDATE SET tasks = tasks + 1;
END;
CREATE TRIGGER groups_shrunk AFTER DELETE ON tasks
BEGIN
    UPDATE group_sizes SET tasks = tasks - 1 WHERE namespace = old.namespace AND grp = old.grp;
    DELETE FROM group_sizes WHERE namespace = old.namespace AND grp = old.grp AND tasks <= 0;
END;
