-- Moments are milliseconds since the epoch. `tasks` is the slim row that changes with every fire;
-- what the owner said lies in `task_versions`, immutable, and a fire refers to it by (task_id, version).
CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    grp TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'finished')),
    next_fire_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    last_fire_id TEXT,
    last_state TEXT,
    last_finished_at INTEGER,
    UNIQUE (namespace, grp, name)
);
CREATE INDEX tasks_due ON tasks (next_fire_at) WHERE state = 'active' AND next_fire_at IS NOT NULL;

CREATE TABLE task_versions (
    task_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    trigger_json TEXT NOT NULL,
    recall_json TEXT NOT NULL,
    policies_json TEXT NOT NULL,
    priority INTEGER NOT NULL,
    note TEXT NOT NULL,
    labels_json TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (task_id, version)
);

-- One row is the truth of one due occasion.
CREATE TABLE fires (
    id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    task_id TEXT NOT NULL,
    grp TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('scheduled', 'manual')),
    priority INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN
        ('pending', 'running', 'waiting', 'succeeded', 'failed', 'skipped', 'cancelled')),
    reason TEXT,
    held INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    claimed_by TEXT,
    claimed_at INTEGER,
    deadline_at INTEGER,
    finished_at INTEGER,
    result TEXT,
    missed_first INTEGER,
    missed_last INTEGER,
    missed_count INTEGER,
    CHECK (deadline_at IS NOT NULL OR state NOT IN ('pending', 'running', 'waiting'))
);
CREATE UNIQUE INDEX fires_occasion ON fires (task_id, due_at) WHERE kind = 'scheduled';
CREATE INDEX fires_ready ON fires (priority DESC, run_at, id) WHERE state = 'pending' AND held = 0;
CREATE INDEX fires_run ON fires (run_at) WHERE state = 'pending' AND held = 0;
CREATE INDEX fires_pending ON fires (task_id) WHERE state = 'pending';
CREATE INDEX fires_running ON fires (claimed_by) WHERE state = 'running';
CREATE INDEX fires_deadline ON fires (deadline_at) WHERE state IN ('pending', 'running', 'waiting');
CREATE INDEX fires_log ON fires (namespace, due_at, id);
CREATE INDEX fires_log_of_task ON fires (namespace, grp, name, due_at, id);

-- What the transport saw (delivery … excerpt) and what was made of it (verdict …) are different columns.
CREATE TABLE attempts (
    fire_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    node TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    delivery TEXT NOT NULL,
    reason TEXT,
    detail TEXT NOT NULL,
    status INTEGER,
    excerpt TEXT NOT NULL,
    truncated INTEGER NOT NULL,
    connect_ms INTEGER,
    first_byte_ms INTEGER,
    verdict TEXT NOT NULL,
    verdict_reason TEXT,
    result TEXT,
    verdict_at INTEGER,
    PRIMARY KEY (fire_id, number)
);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    door TEXT NOT NULL,
    action TEXT NOT NULL,
    namespace TEXT NOT NULL,
    grp TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER,
    fire_id TEXT,
    detail TEXT NOT NULL DEFAULT ''
);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
);
CREATE UNIQUE INDEX tokens_live ON tokens (name) WHERE revoked_at IS NULL;

CREATE TABLE users (
    name TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE sessions (
    secret_hash TEXT PRIMARY KEY,
    user_name TEXT NOT NULL,
    csrf TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);
