"""The statements of failed fires and of those that repeat them: see search.py and replays.py."""

from dispatchserver.stores.sql import FIRES, unfold

REPLAYS_OF = f"{FIRES} WHERE replay_of IN ({unfold('id TEXT')})"
REPLAYED = "EXISTS (SELECT 1 FROM fires r WHERE r.replay_of = fires.id)"
ADDRESSED = """
EXISTS (SELECT 1 FROM task_versions v WHERE v.task_id = fires.task_id AND v.version = fires.version
    AND coalesce(v.recall_json ->> 'url', (v.recall_json ->> 'host') || ':' || (v.recall_json ->> 'port'))
        || coalesce(' ' || (v.recall_json ->> 'also'), '') LIKE ? ESCAPE '\\')
"""
ONE = "SELECT 1 FROM fires"
AMONG = "id IN (SELECT value FROM json_each(?))"


def counted(select: str) -> str:
    """How many rows a statement finds, which says itself how many it looks for."""
    return f"SELECT count(*) AS n FROM ({select})"
