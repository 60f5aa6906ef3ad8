"""The measurement of starts tells what it promises; how fast a start is, is for people to judge."""

import json

from bench import start


async def test_the_start_bench_tells_a_line_for_each_number_of_stored_tasks(capsys):
    await start.main(tasks=[0, 20], starts=1)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["settings"]["tasks"] for one in told] == [0, 20]
    for one in told:
        assert one["first_fire_s"] > 0 and one["ready_s"] > 0 and one["cpu_ms"] > 0
        assert one["bare_s"] > 0 and one["ratio_to_bare"] > 0
