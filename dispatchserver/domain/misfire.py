"""What becomes of occasions that were missed, by our own three policies.

Every decision looks at the trigger, the first missed occasion and now, and answers a value. None of
them walks through what was missed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from dispatchserver.domain.fire import MissedRun
from dispatchserver.domain.misfirepolicy import FireAll, FireOnce, SkipMissed
from dispatchserver.domain.occasions import Fires, backwards, before, newest, run_between, run_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedFire:
    """A missed occasion that fires after all: when it was due, and when it may be sent."""

    due_at: datetime
    run_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of everything missed: some fires, one run that is only recorded, and the occasion after.

    Under `fire_once` the run is carried by the fire; otherwise it is a row `skipped(misfire)`.
    """

    fires: tuple[MissedFire, ...]
    unserved: MissedRun | None
    next_due: datetime | None


def settle(
    trigger: Fires, first: datetime, now: datetime, policy: FireOnce | SkipMissed | FireAll
) -> Settlement:
    """Decides over the occasions from `first` (the oldest missed one) up to `now`."""
    if isinstance(policy, SkipMissed):
        run = run_between(trigger, first, now)
        return Settlement(fires=(), unserved=run, next_due=trigger.next_after(run.last))
    last = newest(trigger, first, now)
    wanted = policy.limit if isinstance(policy, FireAll) else 1
    spacing = policy.spacing if isinstance(policy, FireAll) else timedelta(0)
    dues = list(islice(backwards(trigger, last, first), wanted))[::-1]
    fires = [MissedFire(due_at=due, run_at=now + n * spacing) for n, due in enumerate(dues)]
    older = before(trigger, dues[0], first)
    return Settlement(
        fires=tuple(fires),
        unserved=None if older is None else run_of(trigger, first, older),
        next_due=trigger.next_after(last),
    )
