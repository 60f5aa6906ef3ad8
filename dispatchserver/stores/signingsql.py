"""The statements of signing keys."""

KEYS = "SELECT id, key, since, until FROM signing_keys WHERE namespace = $1 AND grp = $2 ORDER BY since DESC"
SIGNED_GROUPS = "SELECT DISTINCT grp FROM signing_keys WHERE namespace = $1"
DELETE_KEYS = "DELETE FROM signing_keys WHERE namespace = $1 AND grp = $2"
PUT_KEY = "INSERT INTO signing_keys (namespace, grp, id, key, since, until) VALUES ($1, $2, $3, $4, $5, $6)"
# Of the group of a fire f, those that live at $2, with blanks between them. It is read as part of a claim, so no
# server signs with a key that was retired before it claimed, whichever server retired it.
LIVE_KEYS = """(SELECT group_concat(key, ' ') FROM (
    SELECT k.key FROM signing_keys k WHERE k.namespace = f.namespace AND k.grp = f.grp
        AND (k.until IS NULL OR k.until > $2) ORDER BY k.since DESC
))"""
