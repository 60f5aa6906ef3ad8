"""Scripts that ran against Quartz's RAMJobStore, on our use cases, planning, SQLite store and dispatcher.

What differs on purpose, in how the two work:
- A finished trigger is gone from Quartz; our task stays, finished, until it is deleted. Here it is deleted
  before its name is used again.
- Quartz says nothing to the pause, resume or remove of a trigger that is not there. We refuse it.
- Quartz takes one fire at a time. Our planner writes rows for all that is due and for the next second, and what
  has its row is sent, however late. The first test plans one fire at a time, in Quartz's order. The second
  runs the planner as it is, on all scripts in which no fire is left unsent until it would be a misfire.

What differs on purpose, step by step, is DIFFERENT; the other steps of these scripts agree too.
"""

from tests.clocks import ManualClock
from tests.engine.works import Works
from tests.golden.stage import OneByOne, WholePlanner
from tests.golden.vectors import vectors
from tests.houses import sqlite_house

ONCE_AN_OCCASION = (
    "the task is replaced in the millisecond in which it fired; ours does not fire again"
)
NEVER_EARLIER = (
    "Quartz cuts a cron's start to the second, and fires for a moment before the task was there"
)
DIFFERENT = {
    "s01600": (ONCE_AN_OCCASION, {7}),
    "s02560": (NEVER_EARLIER, {5, 6}),
    "s03425": (NEVER_EARLIER, {6, 7}),
}
UNSENT_UNTIL_TOO_LATE = {
    "s00503",
    "s00926",
    "s01320",
    "s01436",
    "s02232",
    "s04082",
    "s05749",
}
MOST = 12


async def played(folder, stage, script):
    """The steps that differ, each with what differs."""
    async with sqlite_house(folder / script["id"]) as house:
        on_stage = stage(Works(house, ManualClock(), slots=1), script)
        found = [await on_stage.play(step) for step in script["steps"]]
    return {index: differs for index, differs in enumerate(found) if differs is not None}


async def all_played(folder, stage, scripts):
    """What differs of each script, where that is not just what should."""
    found = {}
    for script in scripts:
        (folder / script["id"]).mkdir()
        _, on_purpose = DIFFERENT.get(script["id"], ("", set()))
        differs = await played(folder, stage, script)
        if set(differs) != on_purpose:
            found[script["id"]] = str(differs)
    return found


async def test_every_script_goes_as_in_quartz(tmp_path, agree):
    found = await all_played(tmp_path, OneByOne, vectors("store"))
    apart = sum(len(steps) for _, steps in DIFFERENT.values())
    steps = sum(len(script["steps"]) for script in vectors("store"))
    what = f"store scripts go as in Quartz ({apart} of their {steps} steps differ by choice)"
    agree(what, vectors("store"), lambda script: found.get(script["id"]))


def is_cut_short(script):
    return any(len(step.get("fired", ())) == MOST for step in script["steps"])


async def test_the_planner_as_it_is_fires_the_same(tmp_path, agree):
    chosen = [
        script
        for script in vectors("store")
        if not is_cut_short(script) and script["id"] not in UNSENT_UNTIL_TOO_LATE
    ]
    found = await all_played(tmp_path, WholePlanner, chosen)
    what = "store scripts that leave no fire unsent go as in Quartz with the planner as it is"
    agree(what, chosen, lambda script: found.get(script["id"]))
