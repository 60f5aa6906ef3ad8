"""The statements of destinations: see destinations.py."""

from dispatchserver.stores.sql import IN_HAND

COLUMNS = "name, spec, version, updated_at"
FIND = f"SELECT {COLUMNS} FROM destinations WHERE name = $1"
LIST = f"SELECT {COLUMNS} FROM destinations ORDER BY name"
PUT = """
INSERT INTO destinations (name, spec, version, updated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, version = excluded.version, updated_at = excluded.updated_at
"""
DELETE = "DELETE FROM destinations WHERE name = $1"
# By the index of what waits behind destinations alone, up to a bound, so that looking costs little however much waits.
WAITING = f"""
SELECT behind, count(*) AS fires FROM (
    SELECT behind FROM fires WHERE state = 'pending' AND behind IS NOT NULL AND behind <> '{IN_HAND}' LIMIT $1
) GROUP BY behind
"""
