-- What is open is what has not finished: the indexes of it say so, and that nobody may be both.
-- Of a list of more than two that a CHECK, an index or a trigger compares with, SQLite makes a table of its own for every
-- row that it writes. Those lists took a quarter of what the statements of a fire cost.
UPDATE fires SET finished_at = run_at
WHERE finished_at IS NULL AND state IN ('succeeded', 'failed', 'skipped', 'cancelled');
UPDATE fires SET finished_at = NULL WHERE finished_at IS NOT NULL AND state IN ('pending', 'running', 'waiting');

PRAGMA writable_schema = ON;
UPDATE sqlite_master SET sql = replace(replace(sql,
    'CHECK (state IN
        (''pending'', ''running'', ''waiting'', ''succeeded'', ''failed'', ''skipped'', ''cancelled''))',
    'CHECK (state = ''pending'' OR state = ''running'' OR state = ''succeeded'' OR state = ''failed''
        OR state = ''waiting'' OR state = ''skipped'' OR state = ''cancelled'')'),
    'CHECK (deadline_at IS NOT NULL OR state NOT IN (''pending'', ''running'', ''waiting''))',
    'CHECK (deadline_at IS NOT NULL OR finished_at IS NOT NULL),
    CHECK ((finished_at IS NULL) = (state = ''pending'' OR state = ''running'' OR state = ''waiting''))')
WHERE type = 'table' AND name = 'fires';
UPDATE sqlite_master SET sql = replace(sql,
    'CHECK (state IN (''active'', ''paused'', ''finished''))',
    'CHECK (state = ''active'' OR state = ''finished'' OR state = ''paused'')')
WHERE type = 'table' AND name = 'tasks';
PRAGMA writable_schema = RESET;

DROP INDEX fires_deadline;
DROP INDEX fires_serial;
DROP INDEX fires_key;
CREATE INDEX fires_deadline ON fires (deadline_at) WHERE finished_at IS NULL;
CREATE INDEX fires_serial ON fires (task_id, turn) WHERE serial = 1 AND finished_at IS NULL;
CREATE INDEX fires_key ON fires (namespace, ckey, turn, run_at - priority * 300000, id)
    WHERE ckey IS NOT NULL AND finished_at IS NULL;

-- By that column, claims need not ask whether they end anything.
DROP TRIGGER fires_ended;
DROP TRIGGER fires_made_ended;
CREATE TRIGGER fires_ended AFTER UPDATE OF finished_at ON fires
WHEN new.finished_at IS NOT NULL AND old.finished_at IS NULL
BEGIN
    INSERT INTO counts VALUES ('fires', new.state, coalesce(new.reason, ''), 1)
    ON CONFLICT (what, state, reason) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER fires_made_ended AFTER INSERT ON fires
WHEN new.finished_at IS NOT NULL
BEGIN
    INSERT INTO counts VALUES ('fires', new.state, coalesce(new.reason, ''), 1)
    ON CONFLICT (what, state, reason) DO UPDATE SET n = n + 1;
END;
