"""The measurement of triggers tells what it promises; how fast it finds them is for people to judge."""

import json

from bench import triggers


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
