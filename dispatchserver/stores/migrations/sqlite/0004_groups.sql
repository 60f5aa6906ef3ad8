-- What a group says for those of its tasks that say nothing themselves. A group without a row has tasks at most.
CREATE TABLE groups (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
);
