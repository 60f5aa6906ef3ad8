"""The statements of groups' settings: see groups.py."""

GROUP_COLUMNS = "namespace, name, spec, version, updated_at"
FIND_GROUP = f"SELECT {GROUP_COLUMNS} FROM groups WHERE namespace = $1 AND name = $2"
CALENDAR_USUAL = """
SELECT name FROM groups WHERE namespace = $1 AND (spec ->> 'policies') ->> 'calendar' = $2 ORDER BY name
"""
LIST_GROUPS = f"SELECT {GROUP_COLUMNS} FROM groups WHERE namespace = $1 ORDER BY name"
PUT_GROUP = """
INSERT INTO groups (namespace, name, spec, version, updated_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (namespace, name) DO UPDATE SET spec = excluded.spec, version = excluded.version,
    updated_at = excluded.updated_at
"""
