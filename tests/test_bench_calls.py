"""What a callback costs in calls of functions, which no other work on the machine changes."""

import json

from bench import calls

MOST = 420
"""In Python, in both threads; it takes some 320 where only 400 come together."""


async def test_a_callback_takes_no_more_calls_than_it_should(capsys):
    await calls.main(tasks=400, most=2)
    line, *named = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert 100 < told["loop"]["python"] + told["writer"]["python"] < MOST
    assert told["loop"]["built_in"] > 0 and told["writer"]["built_in"] > 0
    assert [one.split()[1] for one in named] == ["MainThread"] * 2 + ["store-writer"] * 2
