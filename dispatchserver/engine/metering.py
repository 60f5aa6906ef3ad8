"""What is measured where nobody listens: nothing."""

from datetime import timedelta

from dispatchserver.domain.figures import Stuck
from dispatchserver.domain.fire import Attempt
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.retention import Stage


class Unmetered:
    """A ports.Meter for engines that nobody watches."""

    def attempted(self, attempt: Attempt, recall: Recall, late: timedelta) -> None:
        pass

    def passed(self, loop: str, ok: bool) -> None:
        pass

    def lagged(self, late: timedelta) -> None:
        pass

    def audited(self, stuck: Stuck) -> None:
        pass

    def pruned(self, stage: Stage, rows: int) -> None:
        pass
