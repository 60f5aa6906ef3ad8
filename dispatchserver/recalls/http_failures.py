"""What aiohttp's errors mean for an attempt: which Outcome, which reason, in which words."""

import aiohttp

from dispatchserver.domain.fire import Outcome, Reason
from dispatchserver.recalls import egress
from dispatchserver.recalls.seen import (
    Seen,
    Step,
    no_reply,
    not_connected_in_time,
    not_resolved,
    why,
)

FAILURES = (aiohttp.ClientError, OSError, ValueError, RuntimeError)
"""All that a send can raise; TimeoutError is an OSError."""


def explain(error: Exception, seen: Seen) -> Outcome:
    """The Outcome of a send that ended in an error."""
    if seen.connected_at is None:
        return _before_connected(error, seen)
    reason, detail = _after_connected(error, seen)
    if seen.status is not None and not 200 <= seen.status < 300:
        # The status alone says no; the body was only to say why.
        seen.truncated = True
        return seen.answered(detail=f"the reply's body broke off: {detail}")
    return seen.unanswered(reason, detail)


def _before_connected(error: Exception, seen: Seen) -> Outcome:
    if isinstance(error, TimeoutError):
        return not_connected_in_time(seen)
    if seen.step is Step.RESOLVE:
        cause = error.os_error if isinstance(error, aiohttp.ClientConnectorDNSError) else error
        return not_resolved(cause, seen)
    if isinstance(error, aiohttp.ClientSSLError):
        return seen.not_sent(Reason.TLS, f"TLS with {seen.peer} failed: {_tls_words(error)}")
    return _not_connected(error, seen)


def _not_connected(error: Exception, seen: Seen) -> Outcome:
    if isinstance(error, aiohttp.InvalidURL):
        words = error.description or "not a valid URL"
        return seen.not_sent(Reason.EGRESS, f"{seen.peer} cannot be called: {words}")
    if isinstance(error, aiohttp.ClientConnectorError):
        if egress.is_refusal(error.os_error):
            return seen.not_sent(Reason.EGRESS, str(error.os_error.strerror))
        detail = f"cannot connect to {seen.peer}: {why(error.os_error)}"
        return seen.not_sent(Reason.CONNECT, detail)
    return seen.not_sent(Reason.CONNECT, f"cannot connect to {seen.peer}: {why(error)}")


def _tls_words(error: aiohttp.ClientSSLError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    return str(error)


def _after_connected(error: Exception, seen: Seen) -> tuple[Reason, str]:
    if isinstance(error, TimeoutError) and error.errno is None:
        return Reason.TIMEOUT, no_reply(seen)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        partial = "" if isinstance(error.message, str) else " in the middle of the reply's head"
        return Reason.CLOSED, f"{seen.peer} closed the connection without a reply{partial}"
    if isinstance(error, aiohttp.ClientResponseError):
        return Reason.PROTOCOL, f"{seen.peer} sent no valid HTTP reply: {error.message}"
    return _broken(error, seen)


def _broken(error: Exception, seen: Seen) -> tuple[Reason, str]:
    """An established connection that broke: reset by the peer, or ended before the reply was whole.

    The cause speaks, where there is one: some of aiohttp's own texts hold the whole URL.
    """
    words = why(error.__cause__ or error)
    if isinstance(error, aiohttp.ClientPayloadError):
        return _broken_body(error, seen)
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return Reason.RESET, f"{seen.peer} reset the connection: {words}"
    return Reason.PROTOCOL, f"the exchange with {seen.peer} failed: {words}"


def _broken_body(error: aiohttp.ClientPayloadError, seen: Seen) -> tuple[Reason, str]:
    # aiohttp keeps the socket's own error only in the text
    if "ConnectionResetError" in str(error):
        return Reason.RESET, f"{seen.peer} reset the connection in the middle of the reply"
    missing = getattr(error.__cause__, "message", "the reply is not complete")
    return Reason.CLOSED, f"{seen.peer} ended the reply early: {missing}"
