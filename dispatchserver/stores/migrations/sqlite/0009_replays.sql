-- A fire that repeats another one, and data that it sends in place of the recall's own.
ALTER TABLE fires ADD COLUMN replay_of TEXT;
ALTER TABLE fires ADD COLUMN data_json TEXT;
CREATE INDEX fires_replays ON fires (replay_of) WHERE replay_of IS NOT NULL;
