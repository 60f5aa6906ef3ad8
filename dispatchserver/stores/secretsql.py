"""The statements of secrets."""

# The secret that a version v of a task names, for its fire f. It is read as part of a claim, so that every attempt is
# sent with the value that stands when it begins.
SECRET = """(SELECT s.value FROM secrets s WHERE s.namespace = f.namespace AND s.name = v.secret)"""
USERS = "tasks t JOIN task_versions v ON v.task_id = t.id AND v.version = t.version"
LIST_SECRETS = f"""
SELECT s.namespace, s.name, s.version, s.updated_at, s.updated_by,
    (SELECT count(*) FROM {USERS} WHERE v.secret = s.name AND t.namespace = s.namespace) AS tasks
FROM secrets s WHERE s.namespace = $1 ORDER BY s.name
"""
NAMES = "SELECT name FROM secrets WHERE namespace = $1"
FIND_VERSION = "SELECT version FROM secrets WHERE namespace = $1 AND name = $2"
PUT_SECRET = """
INSERT INTO secrets (namespace, name, value, version, updated_at, updated_by) VALUES ($1, $2, $3, 1, $4, $5)
ON CONFLICT (namespace, name) DO UPDATE SET value = excluded.value, version = version + 1,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""
DELETE_SECRET = "DELETE FROM secrets WHERE namespace = $1 AND name = $2"
SECRET_USES = f"""
SELECT DISTINCT v.recall_json ->> '$.auth' AS auth FROM {USERS} WHERE v.secret = $2 AND t.namespace = $1
"""
SECRET_USERS = f"""
SELECT t.grp, t.name, count(*) OVER () AS tasks FROM {USERS}
WHERE v.secret = $2 AND t.namespace = $1 ORDER BY t.grp, t.name LIMIT 1
"""
