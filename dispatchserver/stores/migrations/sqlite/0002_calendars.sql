-- A task names its calendar by `tasks.calendar` (its policies say the same), so that users are found by index.
CREATE TABLE calendars (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
);
ALTER TABLE tasks ADD COLUMN calendar TEXT;
CREATE INDEX fires_excluded ON fires (task_id, missed_last) WHERE reason = 'calendar';
CREATE INDEX tasks_calendar ON tasks (namespace, calendar) WHERE calendar IS NOT NULL;
