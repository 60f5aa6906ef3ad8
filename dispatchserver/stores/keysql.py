"""The statement that finds who shares a concurrency key under another limit."""

# Two ranges of the index instead of one "other than", which would read all that agree.
OTHER_LIMIT = """
SELECT grp, name, ckey_limit FROM tasks
    WHERE namespace = $1 AND ckey = $2 AND ckey_limit < $3 AND state <> 'finished'
UNION ALL SELECT grp, name, ckey_limit FROM tasks
    WHERE namespace = $1 AND ckey = $2 AND ckey_limit > $3 AND state <> 'finished'
LIMIT 1
"""
