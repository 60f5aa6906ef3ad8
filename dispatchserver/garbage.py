"""How seldom a process that stays looks for garbage."""

import gc

EVERY = 20_000
"""How many objects more than before make Python look for it."""


def look_seldom() -> None:
    """Has Python look for garbage only among what is made from now on, and less often than it would.

    What is there once a process is ready stays: to look through it again and again took a quarter of a server's time.
    """
    gc.freeze()
    gc.set_threshold(EVERY)
