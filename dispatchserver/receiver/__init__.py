"""For receivers: `verify` tells whether a callback is the server's own. Needs nothing but Python.

The built-in receiver for trying things out is in server.py.
"""

from dispatchserver.receiver.signatures import WrongSignature, verify

__all__ = ["WrongSignature", "verify"]
