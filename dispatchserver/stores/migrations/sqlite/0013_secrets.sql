-- What callbacks authenticate with. Values are secret, and kept as they are: nothing can be sent of a hash.
CREATE TABLE secrets (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
-- The secret that a version's recall names: beside the document, so that no claim has to look into that.
ALTER TABLE task_versions ADD COLUMN secret TEXT;
CREATE INDEX secret_users ON task_versions (secret) WHERE secret IS NOT NULL;
