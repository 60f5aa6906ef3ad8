"""What receivers report: their result, or how far they have come."""

from datetime import timedelta

import pytest

from dispatchserver.domain.errors import FireEnded, FireUnsent, Invalid
from dispatchserver.domain.fire import Decision, FireState, Reason, Verdict
from dispatchserver.domain.judging import Standing
from dispatchserver.domain.progress import Progress
from dispatchserver.domain.reporting import (
    Mark,
    ProgressReport,
    Report,
    accept_progress,
    accept_report,
    check_percent,
    mark_of,
    unquoted,
)
from tests.builders import NOON, a_fire, at

ENDED = [state for state in FireState if not state.open]
HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)


def a_report(success=True, result=None):
    return Report(fire_id="f" * 32, success=success, result=result)


@pytest.mark.parametrize("state", [FireState.RUNNING, FireState.WAITING, FireState.PENDING])
@pytest.mark.parametrize(
    ("success", "decision"), [(True, Decision.SUCCESS), (False, Decision.FAILURE)]
)
def test_a_report_ends_an_attempted_fire_before_or_after_the_reply(state, success, decision):
    verdict = accept_report(
        a_fire(state=state, attempts=1), Standing(), a_report(success, "r"), NOON
    )
    assert verdict == Verdict(decision=decision, reason=Reason.REPORTED, result="r")


@pytest.mark.parametrize("state", ENDED)
def test_a_report_on_an_ended_fire_is_refused(state):
    with pytest.raises(FireEnded):
        accept_report(a_fire(state=state, attempts=1), Standing(), a_report(), NOON)


def test_a_report_on_a_fire_that_was_never_sent_is_refused():
    with pytest.raises(FireUnsent):
        accept_report(a_fire(), Standing(), a_report(), NOON)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ("%E5%AE%8C%E6%88%90", "完成"),
        ("a%20b", "a b"),
        ("100%", "100%"),
        ("%zz", "%zz"),
        ("%ff%fe", "%ff%fe"),
        ("50%25", "50%"),
        ("a+b", "a+b"),
        ("完成", "完成"),
        ("%00", "\ufffd"),
    ],
)
def test_a_percent_encoded_result_is_decoded_only_when_it_is_clean(text, kept):
    assert accept_report(a_fire(attempts=1), Standing(), a_report(result=text), NOON).result == kept


def test_decoding_leaves_what_is_not_utf_8_alone():
    assert unquoted("%C4%E3") == "%C4%E3"


@pytest.mark.parametrize(
    ("state", "reason", "mark"),
    [
        (FireState.SUCCEEDED, Reason.REPORTED, Mark.AGAIN),
        (FireState.SUCCEEDED, None, Mark.AGAIN),
        (FireState.FAILED, Reason.REPORTED, Mark.AGAIN),
        (FireState.FAILED, Reason.CONTRACT, Mark.AGAIN),
        (FireState.FAILED, Reason.REPORT_TIMEOUT, Mark.LATE),
        (FireState.FAILED, Reason.TIMEOUT, Mark.LATE),
        (FireState.FAILED, Reason.OVERLAP, Mark.LATE),
        (FireState.CANCELLED, Reason.DELETED, Mark.LATE),
        (FireState.SKIPPED, Reason.EXPIRED, Mark.LATE),
    ],
)
def test_a_refused_report_came_too_late_or_once_more(state, reason, mark):
    assert mark_of(a_fire(state=state, reason=reason, attempts=1)) is mark


def awaited(**more):
    facts = {"state": FireState.WAITING, "attempts": 1, "claimed_at": NOON, "deadline_at": at(60)}
    return a_fire(**facts | more)


def told(percent=40, text=None):
    return ProgressReport(fire_id="f" * 32, percent=percent, text=text)


def test_progress_extends_the_wait_from_now_on():
    fire = accept_progress(awaited(), told(), HOUR, at(30))
    assert fire.deadline_at == at(30) + HOUR
    assert fire.progress == Progress(percent=40, text="", at=at(30), attempt=1)


def test_progress_never_shortens_the_wait():
    assert accept_progress(awaited(), told(), timedelta(seconds=1), at(30)).deadline_at == at(60)


@pytest.mark.parametrize(
    ("now", "deadline"),
    [(at() + MONTH - HOUR / 2, at() + MONTH), (at() + MONTH + HOUR, at() + MONTH + 2 * HOUR)],
)
def test_no_number_of_reports_makes_the_wait_longer_than_a_month(now, deadline):
    standing = awaited(deadline_at=now + HOUR) if now > at() + MONTH else awaited()
    assert accept_progress(standing, told(), HOUR, now).deadline_at == deadline


@pytest.mark.parametrize("state", [FireState.RUNNING, FireState.PENDING])
def test_before_the_reply_progress_is_kept_and_no_deadline_moves(state):
    fire = accept_progress(awaited(state=state), told(), HOUR, at(30))
    assert (fire.state, fire.deadline_at, fire.progress.percent) == (state, at(60), 40)


def test_what_is_left_unsaid_stays_as_it_was_said():
    fire = accept_progress(awaited(), told(40, "copying"), HOUR, at(1))
    fire = accept_progress(fire, told(None), HOUR, at(2))
    assert fire.progress == Progress(percent=40, text="copying", at=at(2), attempt=1)


def test_what_was_said_of_an_earlier_attempt_counts_no_longer():
    fire = accept_progress(awaited(), told(90, "copying"), HOUR, at(1))
    again = accept_progress(awaited(attempts=2, progress=fire.progress), told(None), HOUR, at(2))
    assert again.progress == Progress(percent=None, text="", at=at(2), attempt=2)


def test_the_text_is_one_short_line():
    text = accept_progress(awaited(), told(1, " a\n\tb\0%20" + "x" * 500), HOUR, NOON).progress.text
    assert text.startswith("a b\ufffd xxx") and len(text) == 200


@pytest.mark.parametrize("state", ENDED)
def test_progress_on_an_ended_fire_is_refused(state):
    with pytest.raises(FireEnded):
        accept_progress(awaited(state=state), told(), HOUR, NOON)


def test_progress_on_a_fire_that_was_never_sent_is_refused():
    with pytest.raises(FireUnsent):
        accept_progress(a_fire(), told(), HOUR, NOON)


@pytest.mark.parametrize("percent", [-1, -0.01, 100.01, 101, 1e300, float("nan"), float("inf")])
def test_a_percentage_is_from_0_to_100(percent):
    with pytest.raises(Invalid):
        check_percent(percent)


@pytest.mark.parametrize(("percent", "kept"), [(0, 0), (0.9, 0), (99.99, 99), (100, 100)])
def test_a_percentage_is_cut_to_a_whole_number(percent, kept):
    assert check_percent(percent) == kept
