"""All pages together, as the composition root mounts them."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Route
from dispatchserver.auth.people import People
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.limits import DestinationCases
from dispatchserver.engine.replays import ReplayCases
from dispatchserver.engine.secrets import SecretCases
from dispatchserver.engine.signing import SigningCases
from dispatchserver.engine.tasks import Tasks
from dispatchserver.engine.whys import Whys
from dispatchserver.pages.calendaredit import CalendarEditPages
from dispatchserver.pages.calendarpages import CalendarPages
from dispatchserver.pages.deadpages import DeadPages
from dispatchserver.pages.destinationpages import DestinationPages
from dispatchserver.pages.editpages import EditPages, Offer
from dispatchserver.pages.firepages import FirePages
from dispatchserver.pages.frame import Frame
from dispatchserver.pages.grouppages import GroupPages
from dispatchserver.pages.secretpages import SecretPages
from dispatchserver.pages.signin import SignIn
from dispatchserver.pages.taskpages import TaskPages
from dispatchserver.ports import Clock


@dataclass
class Pages:
    """The web UI. `limits` are the server's time limits, which the form shows where a task names none."""

    tasks: Tasks
    groups: GroupCases
    people: People
    clock: Clock
    zone: ZoneInfo
    lang: str
    version: str
    calendars: CalendarCases
    signing: SigningCases
    secrets: SecretCases
    replays: ReplayCases
    whys: Whys
    destinations: DestinationCases
    limits: Limits = field(default_factory=Limits)
    _frame: Frame = field(init=False)

    def __post_init__(self) -> None:
        self._frame = Frame(self.clock, self.lang, self.version)

    def routes(self) -> list[Route]:
        """Every address of the web UI."""
        offer = Offer(calendars=self.calendars, secrets=self.secrets)
        return [
            *SignIn(self._frame, self.people).routes(),
            *TaskPages(self._frame, self.tasks, self.whys).routes(),
            *GroupPages(self._frame, self.groups, self.signing, self.zone).routes(),
            *EditPages(self._frame, self.tasks, offer, self.groups, self.limits).routes(),
            *FirePages(
                self._frame, self.tasks, self.replays, self.zone, self.destinations
            ).routes(),
            *DestinationPages(self._frame, self.destinations, self.zone).routes(),
            *DeadPages(self._frame, self.tasks, self.replays, self.zone).routes(),
            *CalendarPages(self._frame, self.calendars, self.tasks).routes(),
            *CalendarEditPages(self._frame, self.calendars).routes(),
            *SecretPages(self._frame, self.secrets, self.tasks, self.zone).routes(),
        ]

    def setup(self, app: web.Application) -> None:
        """Prepares the app for rendering; to be called once, before it starts."""
        self._frame.setup(app)
