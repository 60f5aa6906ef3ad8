-- What a misfire made of a simple trigger under one of Quartz's instructions; empty while it goes as its owner said.
ALTER TABLE tasks ADD COLUMN restarted_at INTEGER;
ALTER TABLE tasks ADD COLUMN restarted_count INTEGER;
