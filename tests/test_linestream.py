"""The lines of a body as they come: numbered, and never more of them held than fits."""

from asyncio import get_running_loop

from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from dispatchserver.auth.linestream import MOST_HELD, LineStream


def a_body(*blocks):
    content = StreamReader(BaseProtocol(get_running_loop()), 2**30, loop=get_running_loop())
    for block in blocks:
        content.feed_data(block)
    content.feed_eof()
    return LineStream(content)


async def every(lines, most=1_000):
    found = []
    while portion := await lines.take(most):
        found.append(portion)
    return found


async def test_lines_are_numbered_as_in_the_file_and_blank_ones_left_out():
    lines = a_body(b"a\n\n  \r\nb\r\n", b"c", b"d\ne")
    assert await every(lines) == [[(1, b"a"), (4, b"b\r"), (5, b"cd"), (6, b"e")]]
    assert lines.failure is None


async def test_no_more_lines_are_handed_out_than_asked_for():
    lines = a_body(b"x\n" * 25)
    assert [len(portion) for portion in await every(lines, 10)] == [10, 10, 5]


async def test_long_lines_are_handed_out_a_few_at_a_time():
    line = b"x" * 300_000
    portions = await every(a_body(*[line + b"\n"] * 30))
    assert sum(map(len, portions)) == 30
    assert max(len(portion) for portion in portions) * len(line) < MOST_HELD + len(line)
