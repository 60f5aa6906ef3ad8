"""What an attempt authenticates with, made of its recall and the secret that was claimed with it. Pure."""

from dispatchserver.domain.authorization import MtlsAuth, credentials
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Delivery, Outcome, Reason
from dispatchserver.domain.listing import Assignment
from dispatchserver.domain.recall import auth_of
from dispatchserver.domain.secrets import Proof, proof_of
from dispatchserver.messages import say

NOTHING = Proof()


def prove(assignment: Assignment) -> Proof | Outcome:
    """What goes along with the attempt; or, where its secret is missing or of no use, what became of it: nothing is sent."""
    auth, value = auth_of(assignment.recall), assignment.secret
    if auth is None:
        return NOTHING
    if value is None:
        return _not_sent(f"there is no secret {auth.secret}")
    if isinstance(auth, MtlsAuth):
        return Proof(client_pem=value)
    try:
        return proof_of(credentials(auth, value), value)
    except Invalid as invalid:
        return _not_sent(f"secret {auth.secret}: {say('en', invalid.code, **invalid.params)}")


def _not_sent(detail: str) -> Outcome:
    return Outcome(delivery=Delivery.NOT_SENT, reason=Reason.SECRET, detail=detail)
