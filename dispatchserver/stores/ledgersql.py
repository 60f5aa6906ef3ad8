"""The statements that gather what is on record of a task around a moment: see ledger.py."""

from dispatchserver.stores.sql import FIRES

OF_TASK = "namespace = $1 AND grp = $2 AND name = $3"

# Of a fire every few milliseconds the first ones tell enough.
FIRES_OF_MINUTE = (
    f"{FIRES} WHERE {OF_TASK} AND due_at >= $4 AND due_at < $5 ORDER BY due_at, id LIMIT $6"
)
FIRES_OF_RANGES = f"""
{FIRES} WHERE {OF_TASK} AND missed_last >= $4 AND missed_first < $5 ORDER BY missed_last LIMIT $6
"""
# By hand, fires of an earlier task of this name can be sent once more.
FIRE_OF_LIFE = f"""
SELECT task_id FROM fires WHERE {OF_TASK} AND due_at >= $4 AND due_at < $5 AND kind = 'scheduled' LIMIT 1
"""

CHANGES = f"SELECT at, who, door, action, version, fire_id, detail FROM audit WHERE {OF_TASK}"
LASTING = "action IN ('added', 'replaced', 'paused', 'resumed', 'deleted')"
# Who ran it by hand matters in the minute asked for alone.
CHANGES_BEFORE = (
    f"{CHANGES} AND at < $5 AND ({LASTING} OR at >= $4) ORDER BY at DESC, id DESC LIMIT $6"
)
CHANGES_SINCE = f"{CHANGES} AND at >= $4 AND {LASTING} ORDER BY at, id LIMIT $5"

# As TASK_COLUMNS, so far as a version alone can tell: its state and place in the schedule are not known any more.
VERSION_AT = """
SELECT task_id AS id, $2 AS namespace, $3 AS grp, $4 AS name, version, 'active' AS state, NULL AS next_fire_at,
    created_at, created_at AS updated_at, 0 AS succeeded, 0 AS failed, 0 AS waiting,
    NULL AS last_fire_id, NULL AS last_state, NULL AS last_finished_at, policies_json ->> 'calendar' AS calendar,
    NULL AS restarted_at, NULL AS restarted_count, created_at AS spec_since,
    trigger_json, recall_json, policies_json, priority, note, labels_json
FROM task_versions WHERE task_id = $1 AND created_at < $5 ORDER BY version DESC LIMIT 1
"""
