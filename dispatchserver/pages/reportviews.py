"""What receivers reported, as a fire's page and the log show it. Pure."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dispatchserver.domain.fire import Fire
from dispatchserver.domain.progress import Progress
from dispatchserver.domain.reporting import Note
from dispatchserver.pages.words import Badge, Moment, Viewer, one_line, visible

TEXT_CUT = 200
TAKEN, REFUSED = ("ok", "check"), ("bad", "cross")
KEPT_AS_A_NOTE = ("wait", "hourglass")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """One report: when, from whom, what it said, and what was made of it."""

    at: Moment
    who: str
    said: str
    text: str
    standing: Badge


def progress_words(fire: Fire, viewer: Viewer) -> str:
    """How far the receiver of an open fire, or of one that it never ended, has come; empty where it did not say."""
    progress = fire.current_progress
    if progress is None:
        return ""
    percent = _percent(progress, viewer)
    text = one_line(progress.text, TEXT_CUT)
    return viewer.say("page.report.standing", percent=percent, text=text) if text else percent


def _percent(progress: Progress | Note, viewer: Viewer) -> str:
    if progress.percent is None:
        return viewer.say("page.report.working")
    return viewer.say("page.report.percent", percent=progress.percent)


def note_view(note: Note, zone: ZoneInfo, viewer: Viewer) -> NoteView:
    """One report as it is kept."""
    if note.success is None:
        said = _percent(note, viewer)
    else:
        said = viewer.say("page.report.done" if note.success else "page.report.failed")
    return NoteView(
        at=viewer.moment(note.at, zone),
        who=note.who,
        said=said,
        text=visible(note.text, TEXT_CUT),
        standing=_standing(note, viewer),
    )


def _standing(note: Note, viewer: Viewer) -> Badge:
    if note.taken:
        tone, icon = TAKEN
        return Badge(tone=tone, icon=icon, word=viewer.say("page.report.taken"))
    tone, icon = KEPT_AS_A_NOTE if note.mark else REFUSED
    word = viewer.say(f"page.report.{note.mark or 'refused'}")
    return Badge(tone=tone, icon=icon, word=word)
