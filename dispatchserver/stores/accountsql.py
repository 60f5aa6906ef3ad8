"""The statements on tokens, users and sessions."""

from dispatchserver.stores.sql import unfold

PUT_TOKENS = f"""
INSERT INTO tokens (id, name, secret_hash, created_at, expires_at)
{unfold("id TEXT, name TEXT, secret_hash TEXT, created_at BIGINT, expires_at BIGINT")}
ON CONFLICT DO NOTHING RETURNING id
"""
FIND_TOKEN = (
    "SELECT id, name, secret_hash, created_at, expires_at, revoked_at FROM tokens WHERE id = $1"
)
LIST_TOKENS = """
SELECT id, name, secret_hash, created_at, expires_at, revoked_at FROM tokens ORDER BY created_at DESC, id
"""
REVOKE_TOKEN = "UPDATE tokens SET revoked_at = $2 WHERE (id = $1 OR name = $1) AND revoked_at IS NULL RETURNING id"
ADD_USER = "INSERT INTO users VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING name"
FIND_PASSWORD = "SELECT password_hash FROM users WHERE name = $1"
COUNT_USERS = "SELECT count(*) AS users FROM users"
ADD_SESSION = "INSERT INTO sessions VALUES ($1, $2, $3, $4, $5)"
FIND_SESSION = (
    "SELECT secret_hash, user_name, csrf, created_at, seen_at FROM sessions WHERE secret_hash = $1"
)
TOUCH_SESSION = "UPDATE sessions SET seen_at = $2 WHERE secret_hash = $1"
END_SESSION = "DELETE FROM sessions WHERE secret_hash = $1"
END_OLD_SESSIONS = "DELETE FROM sessions WHERE created_at < $1 OR seen_at < $2"
