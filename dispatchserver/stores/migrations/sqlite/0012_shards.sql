-- Of a broadcast, one occasion makes a fire for each address: which one this is, from 0 on, and of how many.
ALTER TABLE fires ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fires ADD COLUMN shards INTEGER NOT NULL DEFAULT 1;
DROP INDEX fires_occasion;
CREATE UNIQUE INDEX fires_occasion ON fires (task_id, due_at, shard) WHERE kind = 'scheduled';
-- A bit for each of its recall's addresses that a fire has tried in this round, and how often it went on to another.
ALTER TABLE fires ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fires ADD COLUMN failovers INTEGER NOT NULL DEFAULT 0;
