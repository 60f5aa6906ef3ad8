"""What must not be in a database, counted. These read whole tables: for a look by hand, never for a server at work."""

SCHEMA = "SELECT coalesce(max(number), 0) FROM schema_migrations"

OPEN = "finished_at IS NULL"
STRAYS = {
    "versionless_tasks": """
SELECT count(*) FROM tasks t
WHERE NOT EXISTS (SELECT 1 FROM task_versions v WHERE v.task_id = t.id AND v.version = t.version)
""",
    "versionless_fires": """
SELECT count(*) FROM fires f
WHERE NOT EXISTS (SELECT 1 FROM task_versions v WHERE v.task_id = f.task_id AND v.version = f.version)
""",
    "endless_fires": f"SELECT count(*) FROM fires WHERE {OPEN} AND deadline_at IS NULL",
    "orphaned_attempts": """
SELECT count(*) FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM fires f WHERE f.id = a.fire_id)
""",
    "miscounted_tasks": """
SELECT abs((SELECT count(*) FROM tasks) - (SELECT coalesce(sum(n), 0) FROM counts WHERE what = 'tasks'))
""",
}
LATE = {
    "overdue_tasks": "SELECT count(*) FROM tasks WHERE state = 'active' AND next_fire_at < ?",
    "overdue_fires": f"SELECT count(*) FROM fires WHERE {OPEN} AND deadline_at < ?",
}
