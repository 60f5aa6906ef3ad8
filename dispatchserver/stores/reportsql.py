"""The statements of reports: see reportwrites.py."""

# Neither state, attempt nor claimer: whoever sends this fire finds it as it was claimed.
PROGRESS = "UPDATE fires SET progress_json = $2, deadline_at = $3 WHERE id = $1"
# These very words stand in the index too, which SQLite uses only then.
OF_REPORTS = "fire_id = $1 AND action IN ('reported', 'report_refused', 'progress')"
COUNT_NOTES = f"SELECT count(*) AS notes FROM audit WHERE {OF_REPORTS}"
LIST_NOTES = (
    f"SELECT at, who, door, action, detail FROM audit WHERE {OF_REPORTS} ORDER BY id LIMIT $2"
)
