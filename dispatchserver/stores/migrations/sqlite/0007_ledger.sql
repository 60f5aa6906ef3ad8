-- Why did it not run? What was done to a task, and the runs of missed occasions that cover a moment.
CREATE INDEX audit_of_task ON audit (namespace, grp, name, at);
CREATE INDEX fires_missed ON fires (namespace, grp, name, missed_last, missed_first) WHERE missed_last IS NOT NULL;
