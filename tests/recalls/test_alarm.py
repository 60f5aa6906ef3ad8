"""One alarm serves block after block, whose limits have nothing to do with one another."""

import asyncio

import pytest
import uvloop

from dispatchserver.recalls.alarm import Alarm

FOR_EVER = 3600


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a story of an alarm on either loop, as a server does."""

    async def tell(story):
        alarm = Alarm(asyncio.get_running_loop())
        try:
            await story(alarm)
        finally:
            alarm.close()

    with asyncio.Runner(loop_factory=request.param) as runner:
        yield lambda story: runner.run(tell(story))


def within(alarm, seconds):
    return alarm.until(asyncio.get_running_loop().time() + seconds)


def test_a_short_limit_after_a_long_one_holds(run):
    async def story(alarm):
        with within(alarm, FOR_EVER):
            pass
        with pytest.raises(TimeoutError), within(alarm, 0.02):
            await asyncio.sleep(FOR_EVER)

    run(story)


def test_the_limit_of_a_block_that_ended_rings_in_no_later_one(run):
    async def story(alarm):
        with within(alarm, 0.02):
            pass
        with within(alarm, FOR_EVER):
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)

    run(story)


def test_a_longer_limit_holds_though_the_timer_was_wound_for_a_shorter_one(run):
    async def story(alarm):
        with within(alarm, 0.02):
            pass
        with pytest.raises(TimeoutError), within(alarm, 0.1):
            await asyncio.sleep(FOR_EVER)

    run(story)


def test_after_it_rang_it_serves_the_next_block(run):
    async def story(alarm):
        for _ in range(2):
            with pytest.raises(TimeoutError), within(alarm, 0.02):
                await asyncio.sleep(FOR_EVER)
        with within(alarm, FOR_EVER):
            await asyncio.sleep(0)

    run(story)


def test_who_else_called_the_work_off_has_precedence(run):
    async def story(alarm):
        async def work():
            with within(alarm, FOR_EVER):
                await asyncio.sleep(FOR_EVER)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(story)
