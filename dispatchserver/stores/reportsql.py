"""The statements of reports: see reportwrites.py."""

from dispatchserver.stores.secretsql import SECRET

# Neither state, attempt nor claimer: whoever sends this fire finds it as it was claimed.
PROGRESS = "UPDATE fires SET progress_json = $2, deadline_at = $3 WHERE id = $1"
SHOWN_SECRET = f"""
SELECT v.recall_json, {SECRET} AS secret
FROM fires f JOIN task_versions v ON v.task_id = f.task_id AND v.version = f.version
WHERE f.id = $1 AND v.secret IS NOT NULL
"""
# These very words stand in the index too, which SQLite uses only then.
OF_REPORT = "action IN ('reported', 'report_refused', 'progress')"
OF_REPORTS = f"fire_id = $1 AND {OF_REPORT}"
COUNT_NOTES = f"SELECT count(*) AS notes FROM audit WHERE {OF_REPORTS}"
LIST_NOTES = (
    f"SELECT at, who, door, action, detail FROM audit WHERE {OF_REPORTS} ORDER BY id LIMIT $2"
)
