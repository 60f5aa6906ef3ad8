"""The measurement beside hanging callbacks tells what it promises; how much later the others are, is for people to judge."""

import json

from bench import hanging


async def test_the_hanging_bench_has_all_its_callbacks_hang_and_loses_none_of_the_others(capsys):
    await hanging.main(hanging=20, receivers=2, rate=10, seconds=2, rounds=1)
    told = json.loads(capsys.readouterr().out)
    assert told["alone"]["hanging_from_to"] == [[0, 0]]
    assert told["beside_hanging"]["hanging_from_to"] == [[20, 20]]
    for stream in ("alone", "beside_hanging"):
        assert told[stream]["lost_twice_early"] == [0, 0, 0]
    assert told["p99_ratio"] > 0
