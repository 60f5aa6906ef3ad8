"""The statements by which due fires are claimed: see claims.py."""

from dispatchserver.stores.secretsql import SECRET
from dispatchserver.stores.signingsql import LIVE_KEYS
from dispatchserver.stores.sql import FIRES_COLUMNS, IN_HAND, these, unfold

ASSIGNMENTS = f"""
SELECT {FIRES_COLUMNS}, v.trigger_json, v.recall_json, v.policies_json,
    {LIVE_KEYS} AS signing_keys, {SECRET} AS secret
FROM fires f CROSS JOIN task_versions v ON v.task_id = f.task_id AND v.version = f.version
"""
# The unary plus keeps SQLite on the index that is already in the order of claims. What has one rank comes as it was made:
# rows that lie side by side, so that a claim and its settlements write few pages.
CANDIDATES = f"""
{ASSIGNMENTS} WHERE f.state = 'pending' AND f.held = 0 AND f.turn = 0 AND f.behind IS NULL AND +f.run_at <= $2
ORDER BY f.run_at - f.priority * 300000 LIMIT $1
"""
CANDIDATES_BEHIND = f"""
{ASSIGNMENTS} WHERE f.state = 'pending' AND f.held = 0 AND f.turn = 0 AND f.behind = $3 AND +f.run_at <= $2
ORDER BY f.run_at - f.priority * 300000 LIMIT $1
"""
CLAIM = f"""
UPDATE fires SET state = 'running', attempts = fires.attempts + 1, claimed_by = s.node, claimed_at = s.at,
    deadline_at = s.deadline_at, behind = NULL, tried = s.tried
FROM ({
    these(
        "id TEXT, attempts BIGINT, tried BIGINT", alike="node TEXT, at BIGINT, deadline_at BIGINT"
    )
}) s
WHERE fires.id = s.id AND fires.state = 'pending' AND fires.held = 0 AND fires.attempts = s.attempts
RETURNING fires.id
"""
SET_ASIDE = f"""
UPDATE fires SET behind = s.behind FROM ({these("id TEXT", alike="behind TEXT")}) s
WHERE fires.id = s.id AND fires.state = 'pending' AND fires.held = 0
"""
LET_GO = f"""
UPDATE fires SET behind = NULL WHERE state = 'pending' AND behind = '{IN_HAND}' AND run_at < $1 RETURNING id
"""
KEYS_OF = f"""
SELECT f.namespace, f.grp, {LIVE_KEYS} AS signing_keys FROM ({unfold("namespace TEXT, grp TEXT")}) f
"""
WEIGH_ANEW = """
UPDATE fires SET behind = NULL WHERE id IN (
    SELECT id FROM fires WHERE state = 'pending' AND behind IS NOT NULL LIMIT $1
) RETURNING id
"""
