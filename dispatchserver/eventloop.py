"""The loop that a server runs on: uvloop's where there is one, else asyncio's own, which does the same more slowly."""

import asyncio
from importlib import import_module
from importlib.util import find_spec


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop that nobody uses yet."""
    if find_spec("uvloop") is None:  # not made for this system
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = import_module("uvloop").new_event_loop()
    return loop
