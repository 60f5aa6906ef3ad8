-- A task names its concurrency key here too (its policies say the same), so that those who share one are found by index.
ALTER TABLE tasks ADD COLUMN ckey TEXT;
ALTER TABLE tasks ADD COLUMN ckey_limit INTEGER;
UPDATE tasks SET ckey = v.policies_json ->> '$.key.name', ckey_limit = v.policies_json ->> '$.key.limit'
FROM task_versions v WHERE v.task_id = tasks.id AND v.version = tasks.version AND v.policies_json LIKE '%"key"%';
CREATE INDEX tasks_key ON tasks (namespace, ckey, ckey_limit) WHERE ckey IS NOT NULL;

-- What failed for good is few among many: found without reading what went well.
CREATE INDEX fires_dead ON fires (namespace, due_at, id) WHERE state = 'failed';
