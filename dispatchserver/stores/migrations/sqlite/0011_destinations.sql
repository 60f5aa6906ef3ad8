-- A due fire whose receivers have no room now is set aside behind them, so that claims need not read past it.
ALTER TABLE fires ADD COLUMN behind TEXT;
-- Whom an attempt called: the address of a recall that has one, or that of several which was chosen.
ALTER TABLE attempts ADD COLUMN address TEXT;

-- The order of claims is that of domain/fire.py, rank: a larger priority counts like five minutes of waiting.
DROP INDEX fires_ready;
DROP INDEX fires_run;
DROP INDEX fires_asking;
DROP INDEX fires_key;
CREATE INDEX fires_ready ON fires (run_at - priority * 300000, id)
    WHERE state = 'pending' AND held = 0 AND turn = 0 AND behind IS NULL;
CREATE INDEX fires_run ON fires (run_at) WHERE state = 'pending' AND held = 0 AND turn = 0 AND behind IS NULL;
CREATE INDEX fires_behind ON fires (behind, run_at - priority * 300000, id) WHERE state = 'pending' AND behind IS NOT NULL;
CREATE INDEX fires_asking ON fires (run_at - priority * 300000, id) WHERE state = 'pending' AND held = 0 AND turn IN (1, 4);
CREATE INDEX fires_key ON fires (namespace, ckey, turn, run_at - priority * 300000, id)
    WHERE ckey IS NOT NULL AND state IN ('pending', 'running', 'waiting');

-- What an admin says of one destination; what stands nowhere takes the server's limits.
CREATE TABLE destinations (
    name TEXT PRIMARY KEY,
    spec TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
