"""The loop that a server runs on: uvloop's where there is one, else asyncio's own, which does the same more slowly."""

import asyncio
import sys
from importlib import import_module
from importlib.util import find_spec

SWITCH_S = 0.0001


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop that nobody uses yet, in an interpreter whose other threads wait for it only shortly.

    Python lets a busy thread go on for 5 ms while others want to; the store's would wait that long at every statement.
    """
    sys.setswitchinterval(SWITCH_S)
    if find_spec("uvloop") is None:  # not made for this system
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = import_module("uvloop").new_event_loop()
    return loop
