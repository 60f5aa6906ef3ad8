"""The queue of writes is bounded: what finds it full is refused at once, and what is in it is stored."""

import asyncio

from dispatchserver.domain.errors import StoreUnavailable
from dispatchserver.stores.groupcommit import QUEUE_LIMIT


async def echo(_, arguments):
    return arguments


async def test_what_finds_the_queue_full_is_refused_at_once(house):
    asked = range(QUEUE_LIMIT + 50)
    submit = house.driver.submit
    answers = await asyncio.gather(*(submit(echo, n) for n in asked), return_exceptions=True)
    assert answers[:QUEUE_LIMIT] == list(range(QUEUE_LIMIT))
    assert {type(answer) for answer in answers[QUEUE_LIMIT:]} == {StoreUnavailable}
    assert await submit(echo, 1) == 1
