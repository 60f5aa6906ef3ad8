"""The measurement of triggers tells what it promises; how fast it finds them is for people to judge."""

import json

from bench import planning, triggers


def test_the_trigger_bench_tells_its_ratios_in_one_line(capsys, monkeypatch):
    every = list(triggers._cases())
    monkeypatch.setattr(triggers, "_cases", lambda: iter(every[::40]))
    triggers.main(steps=2, repeats=1)
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["settings"] == {"steps": 2, "repeats": 1, "croniter": told["settings"]["croniter"]}
    assert told["expressions"] > 10
    ratios = [told["parse_and_first_times_faster"], told["each_further_times_faster"]]
    assert [sorted(ratio) for ratio in ratios] == [["least", "median", "p05"]] * 2
    assert told["bytes_per_trigger"] > 0


async def test_the_planning_bench_plans_every_task_and_tells_a_line_a_case(capsys):
    await planning.main(tasks=220)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(told) == 3 and len({one["settings"]["case"] for one in told}) == 3
    for one in told:
        assert one["tasks_per_s"] > 0 and one["passes"] >= 1 and one["longest_stall_ms"] >= 0
