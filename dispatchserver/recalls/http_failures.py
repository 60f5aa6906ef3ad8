"""What the errors of a send mean for its attempt: which Outcome, which reason, in which words."""

import ssl

from dispatchserver.domain.fire import Outcome, Reason
from dispatchserver.recalls import egress
from dispatchserver.recalls.connection import Broken, NoHttp
from dispatchserver.recalls.seen import (
    Seen,
    Step,
    no_reply,
    not_connected_in_time,
    not_resolved,
    why,
)


class NotCallable(Exception):
    """No connection can be made to what the recall says."""

    def __init__(self, peer: str, words: str) -> None:
        super().__init__(f"{peer} cannot be called: {words}")


FAILURES = (Broken, NoHttp, NotCallable, OSError, ValueError, RuntimeError)
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
    if isinstance(error, NotCallable):
        return seen.not_sent(Reason.EGRESS, str(error))
    if isinstance(error, TimeoutError) and error.errno is None:
        return not_connected_in_time(seen)
    if isinstance(error, OSError) and egress.is_shortage(error):
        return egress.nothing_left(error, seen)
    if seen.step is Step.RESOLVE:
        return not_resolved(error, seen)
    return _not_connected(error, seen)


def _not_connected(error: Exception, seen: Seen) -> Outcome:
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"certificate verify failed: {error.verify_message}"
        return seen.not_sent(Reason.TLS, f"TLS with {seen.peer} failed: {words}")
    if isinstance(error, ssl.SSLError):
        return seen.not_sent(Reason.TLS, f"TLS with {seen.peer} failed: {error.reason or error}")
    if isinstance(error, OSError) and egress.is_refusal(error):
        return seen.not_sent(Reason.EGRESS, str(error.strerror))
    return seen.not_sent(Reason.CONNECT, f"cannot connect to {seen.peer}: {_words(error)}")


def _after_connected(error: Exception, seen: Seen) -> tuple[Reason, str]:
    if isinstance(error, TimeoutError) and error.errno is None:
        return Reason.TIMEOUT, no_reply(seen)
    if isinstance(error, NoHttp):
        return Reason.PROTOCOL, f"{seen.peer} sent no valid HTTP reply: {error}"
    if isinstance(error, Broken):
        return _broken(error, seen)
    return Reason.PROTOCOL, f"the exchange with {seen.peer} failed: {_words(error)}"


def _words(error: Exception) -> str:
    """The system's words; of other errors only their kind, since some tell the whole URL, which may hold secrets."""
    return why(error) if isinstance(error, OSError) else type(error).__name__


def _broken(error: Broken, seen: Seen) -> tuple[Reason, str]:
    if error.reset:
        where = "" if seen.status is None else " in the middle of the reply"
        return Reason.RESET, f"{seen.peer} reset the connection{where}: {error}"
    if seen.status is not None:
        return Reason.CLOSED, f"{seen.peer} ended the reply early: {error}"
    return Reason.CLOSED, f"{seen.peer} closed the connection without a reply {error}".strip()
