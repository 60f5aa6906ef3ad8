"""The skeleton beside which a server is measured sends and writes down every fire, and says what it took."""

import json

from bench import skeleton


async def test_the_skeleton_the_server_and_the_raw_client_take_turns(capsys):
    await skeleton.main(tasks=300, rounds=1, size=20, connections=8)  # raises where a fire lacks
    told = json.loads(capsys.readouterr().out)
    for who in (*skeleton.STORED, "server"):
        assert told[f"{who}_cpu_us"] > 0, who
        assert told[f"{who}_ratio_to_raw"] > 0, who
    assert told["raw_cpu_us"] > 0
