-- Fires that are sent one at a time (serial), or share a named key (ckey), come through turns: see domain/fire.py, Turn.
ALTER TABLE fires ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fires ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fires ADD COLUMN ckey TEXT;

DROP INDEX fires_ready;
DROP INDEX fires_run;
CREATE INDEX fires_ready ON fires (priority DESC, run_at, id) WHERE state = 'pending' AND held = 0 AND turn = 0;
CREATE INDEX fires_run ON fires (run_at) WHERE state = 'pending' AND held = 0 AND turn = 0;
CREATE INDEX fires_asking ON fires (priority DESC, run_at, id) WHERE state = 'pending' AND held = 0 AND turn IN (1, 4);
CREATE INDEX fires_ask ON fires (run_at) WHERE state = 'pending' AND held = 0 AND turn IN (1, 4);
CREATE INDEX fires_serial ON fires (task_id, turn) WHERE serial = 1 AND state IN ('pending', 'running', 'waiting');
CREATE INDEX fires_key ON fires (namespace, ckey, turn, priority DESC, run_at, id)
    WHERE ckey IS NOT NULL AND state IN ('pending', 'running', 'waiting');
