-- How many fires have ended, and how many tasks there are, counted as it happens: who asks reads a few rows,
-- however long the log is. `fires` only ever grows, also when old rows of the log are deleted.
CREATE TABLE counts (
    what TEXT NOT NULL CHECK (what IN ('fires', 'tasks')),
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (what, state, reason)
) WITHOUT ROWID;
INSERT INTO counts SELECT 'fires', state, coalesce(reason, ''), count(*) FROM fires
    WHERE state NOT IN ('pending', 'running', 'waiting') GROUP BY state, coalesce(reason, '');
INSERT INTO counts SELECT 'tasks', state, '', count(*) FROM tasks GROUP BY state;

CREATE TRIGGER fires_ended AFTER UPDATE OF state ON fires
WHEN new.state IN ('succeeded', 'failed', 'skipped', 'cancelled') AND old.state IN ('pending', 'running', 'waiting')
BEGIN
    INSERT INTO counts VALUES ('fires', new.state, coalesce(new.reason, ''), 1)
    ON CONFLICT (what, state, reason) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER fires_made_ended AFTER INSERT ON fires
WHEN new.state IN ('succeeded', 'failed', 'skipped', 'cancelled')
BEGIN
    INSERT INTO counts VALUES ('fires', new.state, coalesce(new.reason, ''), 1)
    ON CONFLICT (what, state, reason) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER tasks_made AFTER INSERT ON tasks
BEGIN
    INSERT INTO counts VALUES ('tasks', new.state, '', 1)
    ON CONFLICT (what, state, reason) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER tasks_turned AFTER UPDATE OF state ON tasks
WHEN new.state <> old.state
BEGIN
    UPDATE counts SET n = n - 1 WHERE what = 'tasks' AND state = old.state AND reason = '';
    INSERT INTO counts VALUES ('tasks', new.state, '', 1)
    ON CONFLICT (what, state, reason) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER tasks_gone AFTER DELETE ON tasks
BEGIN
    UPDATE counts SET n = n - 1 WHERE what = 'tasks' AND state = old.state AND reason = '';
END;
