"""Why a server does not start: what its settings say."""

from dispatchserver.domain.errors import DispatchError, Refused


class UnsafeBind(DispatchError):
    """The server would be reachable from other machines, and nobody would have to show who they are."""

    code = "serve.unsafe_bind"


class Misconfigured(Refused):
    """The settings are refused as a whole; every fault in them is listed."""
