-- Among fires of equal rank, those that were made first are claimed first (an index ends with the rowid by itself). An
-- id is a hash: in its order, the rows of one claim lay on as many pages as there were rows, and each was written.
DROP INDEX fires_ready;
DROP INDEX fires_behind;
CREATE INDEX fires_ready ON fires (run_at - priority * 300000)
    WHERE state = 'pending' AND held = 0 AND turn = 0 AND behind IS NULL;
CREATE INDEX fires_behind ON fires (behind, run_at - priority * 300000) WHERE state = 'pending' AND behind IS NOT NULL;
