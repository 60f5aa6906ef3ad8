-- Of a fire's attempts, those that died with their node; and when it is given up, known from its first repetition on.
ALTER TABLE fires ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fires ADD COLUMN give_up_at INTEGER;
