"""What the process is made of that reads the lines of long imports. Of the server itself, app.py tells that."""

from secrets import token_bytes

from dispatchserver.dialects.rest.portions import PortionReader
from dispatchserver.stores.newtasks import spell


def portion_reader() -> PortionReader:
    """One that makes new tasks ready for the server's store."""
    return PortionReader(spell, token_bytes)
