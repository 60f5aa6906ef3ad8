"""The skeleton beside which a server is measured sends and writes down every fire, and says what it took."""

import json

from bench import skeleton


async def test_the_skeleton_the_server_and_the_raw_client_take_turns(capsys):
    await skeleton.main(tasks=300, rounds=1, size=20, connections=8)  # raises where a fire lacks
    told = json.loads(capsys.readouterr().out)
    for figure in ("cpu_us", "server_cpu_us", "raw_cpu_us", "ratio_to_raw", "server_ratio_to_raw"):
        assert told[figure] > 0, figure
