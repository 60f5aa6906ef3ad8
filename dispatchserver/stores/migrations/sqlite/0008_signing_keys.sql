-- The keys that callbacks of a group are signed with. They are secret, and kept as they are: nothing can be signed with
-- a hash. A key without an end (until) lives until it is retired; that of a group which is newest never has one.
CREATE TABLE signing_keys (
    namespace TEXT NOT NULL,
    grp TEXT NOT NULL,
    since INTEGER NOT NULL,
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    until INTEGER,
    PRIMARY KEY (namespace, grp, since)
) WITHOUT ROWID;
