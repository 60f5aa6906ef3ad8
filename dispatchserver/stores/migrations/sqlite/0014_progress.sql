-- How far a receiver says it has come with an attempt, as JSON; and what it reported, to be shown beside its fire.
ALTER TABLE fires ADD COLUMN progress_json TEXT;
CREATE INDEX audit_of_reports ON audit (fire_id, id) WHERE action IN ('reported', 'report_refused', 'progress');
-- A task without a next occasion waits for a fire of its own to end; the self-audit looks for those that wait in vain.
CREATE INDEX tasks_unplanned ON tasks (id) WHERE state = 'active' AND next_fire_at IS NULL;
