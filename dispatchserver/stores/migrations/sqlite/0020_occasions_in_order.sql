-- Whose task is gone: what that was called, by which its fires are found.
ALTER TABLE task_versions ADD COLUMN namespace TEXT;
ALTER TABLE task_versions ADD COLUMN grp TEXT;
ALTER TABLE task_versions ADD COLUMN name TEXT;
UPDATE task_versions SET namespace = found.namespace, grp = found.grp, name = found.name
FROM (
    SELECT task_id, min(namespace) AS namespace, min(grp) AS grp, min(name) AS name FROM fires
    WHERE NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = fires.task_id) GROUP BY task_id
) found
WHERE task_versions.task_id = found.task_id;

-- Its place was by task: every fire of a stream was written to a page of its own. In the order of time, those of a
-- moment lie together. What is asked of one task's fires is found by its name.
DROP INDEX fires_occasion;
CREATE UNIQUE INDEX fires_occasion ON fires (due_at, task_id, shard) WHERE kind = 'scheduled';
DROP INDEX fires_manual;
