"""Whether and when a failed attempt is repeated."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.fire import Decision, Delivery, FireState, Reason
from dispatchserver.domain.judging import (
    Standing,
    Terms,
    after_deadline,
    judge,
)
from dispatchserver.domain.reporting import Report, accept_report
from dispatchserver.domain.retrying import again, asked_pause, failure_of, share_of
from dispatchserver.domain.retrypolicy import UNASKED, Backoff, Delays, Failure, Retry
from tests.builders import NOON, RECALL, a_fire, an_outcome, at

DNS = an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.DNS)
TIMEOUT = an_outcome(status=None, delivery=Delivery.UNANSWERED, reason=Reason.TIMEOUT)
NO = an_outcome(b'{"success": "false", "resultValue": "busy"}')


def seconds(*spans):
    return Delays(spans=tuple(timedelta(seconds=span) for span in spans))


def status(code, body=b"", **more):
    return an_outcome(body, status=code, **more)


def verdict_on(outcome, retry, *, now=NOON, **fire):
    fire = a_fire(**{"attempts": 1, "state": FireState.RUNNING, "claimed_at": NOON} | fire)
    return judge(
        fire, outcome, Terms(recall=RECALL, retry=retry, report_within=timedelta(hours=1)), now
    )


@pytest.mark.parametrize(
    ("outcome", "failure"),
    [
        (DNS, Failure.NOT_SENT),
        (TIMEOUT, Failure.UNANSWERED),
        (status(500), Failure.BUSY),
        (status(503), Failure.BUSY),
        (status(429), Failure.BUSY),
        (status(408), Failure.BUSY),
        (status(425), Failure.BUSY),
        (status(404), Failure.REFUSED),
        (status(302), Failure.REFUSED),
        (NO, Failure.CONTRACT),
    ],
)
def test_failures_are_told_apart_by_what_the_receiver_may_have_done(outcome, failure):
    assert failure_of(outcome) is failure


@pytest.mark.parametrize("outcome", [TIMEOUT, status(500), status(429), status(404), NO])
def test_a_task_that_says_nothing_is_never_called_twice_once_it_may_have_worked(outcome):
    assert verdict_on(outcome, UNASKED).decision is Decision.FAILURE


def test_a_task_that_says_nothing_is_called_again_three_times_where_nothing_was_sent():
    decisions = [verdict_on(DNS, UNASKED, attempts=n).decision for n in (1, 2, 3, 4)]
    assert decisions == [Decision.RETRY] * 3 + [Decision.FAILURE]


@pytest.mark.parametrize("outcome", [DNS, TIMEOUT, status(500), status(429), NO])
def test_a_task_that_asks_for_it_is_called_again_after_all_that_may_pass(outcome):
    verdict = verdict_on(outcome, Retry(pauses=seconds(7)))
    assert (verdict.decision, verdict.at) == (Decision.RETRY, at(7))


def test_what_a_receiver_refuses_is_repeated_only_when_the_task_names_it():
    assert verdict_on(status(404), Retry()).decision is Decision.FAILURE
    for word in ("refused", "404", "4xx"):
        asked = Retry(on=frozenset({word}))
        assert verdict_on(status(404), asked).decision is Decision.RETRY
    assert verdict_on(status(404), Retry(on=frozenset({"5xx"}))).decision is Decision.FAILURE


def test_a_receiver_that_is_gone_is_never_called_again():
    everything = Retry(on=frozenset(set(Failure) | {"4xx"}))
    assert verdict_on(status(410), everything).decision is Decision.FAILURE


@pytest.mark.parametrize(
    "outcome",
    [
        an_outcome(b'{"success": false, "retry": "false"}'),
        an_outcome(b'{"success": false, "retry": false}'),
        status(503, b'{"retry": "false"}'),
    ],
)
def test_a_receiver_that_wants_no_repetition_gets_none(outcome):
    assert verdict_on(outcome, Retry()).decision is Decision.FAILURE


def test_what_our_own_rules_forbid_is_not_tried_again():
    forbidden = an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.EGRESS)
    assert verdict_on(forbidden, Retry()).decision is Decision.FAILURE


def test_a_list_of_pauses_is_kept_to_the_letter_and_then_it_is_over():
    listed = Retry(pauses=seconds(0.3, 5, 60))
    at_times = [verdict_on(TIMEOUT, listed, attempts=n).at for n in (1, 2, 3)]
    assert at_times == [at(0.3), at(5), at(60)]
    assert verdict_on(TIMEOUT, listed, attempts=4).decision is Decision.FAILURE


def test_pauses_grow_by_the_factor_up_to_the_cap():
    grown = Backoff(most=9, base=timedelta(seconds=2), factor=3, cap=timedelta(minutes=1), jitter=0)
    assert [grown.wait(n, 0.7).total_seconds() for n in range(1, 6)] == [2, 6, 18, 54, 60]


@given(st.integers(1, 20), st.floats(0, 1), st.floats(0, 1))
def test_chance_only_ever_shortens_a_pause_and_by_no_more_than_its_part(number, jitter, share):
    still = Backoff(jitter=0).wait(number, share)
    waited = Backoff(jitter=jitter).wait(number, share)
    assert still * (1 - jitter) - timedelta(microseconds=1) <= waited <= still


def test_chance_is_the_same_for_one_attempt_and_another_for_the_next():
    fire = a_fire(attempts=1)
    assert share_of(fire) == share_of(fire)
    assert 0 <= share_of(fire) < 1
    assert share_of(fire) != share_of(a_fire(attempts=2))


def test_attempts_that_were_lost_do_not_use_up_the_repetitions():
    verdict = verdict_on(DNS, UNASKED, attempts=6, losses=3)
    assert verdict.decision is Decision.RETRY


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("120", 120),
        (" 5 ", 5),
        (format_datetime(at(90)), 90),
        (format_datetime(at(-90)), 0),
        ("999999999", 3600),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
        ("Fri, 99 Zzz 2026 00:00:00 GMT", 0),
        ("9" * 400, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most(header, pause):
    assert asked_pause(header, NOON) == timedelta(seconds=pause)


def test_the_receiver_s_pause_counts_where_it_is_the_longer():
    listed = Retry(pauses=seconds(5, 5))
    assert verdict_on(status(503, retry_after="60"), listed).at == at(60)
    assert verdict_on(status(503, retry_after="1"), listed).at == at(5)


def test_a_fire_is_given_up_at_its_age_though_repetitions_be_left():
    listed = Retry(pauses=seconds(5, 5, 5), max_age=timedelta(seconds=12))
    first = verdict_on(TIMEOUT, listed)
    assert (first.at, first.until) == (at(5), at(12))
    second = verdict_on(TIMEOUT, listed, attempts=2, now=at(6), give_up_at=first.until)
    assert second.at == at(11)
    third = verdict_on(TIMEOUT, listed, attempts=3, now=at(11), give_up_at=first.until)
    assert (third.decision, third.reason) == (Decision.FAILURE, Reason.TIMEOUT)


def test_age_counts_from_the_first_attempt_and_not_from_a_time_long_missed():
    late = Retry(pauses=seconds(5), max_age=timedelta(minutes=1))
    missed = {"due_at": at(-86_400), "claimed_at": NOON}
    assert verdict_on(TIMEOUT, late, **missed).decision is Decision.RETRY


def test_a_report_of_failure_is_repeated_where_the_task_wants_it():
    said_no = Report(fire_id="f" * 32, success=False, result="disk full")
    fire = a_fire(attempts=1, state=FireState.WAITING)
    assert accept_report(fire, Standing(), said_no, NOON).decision is Decision.FAILURE
    verdict = accept_report(fire, Standing(retry=Retry(pauses=seconds(9))), said_no, NOON)
    assert (verdict.decision, verdict.at, verdict.result) == (Decision.RETRY, at(9), "disk full")


def test_a_report_that_never_comes_is_repeated_where_the_task_wants_it():
    fire = a_fire(attempts=1, state=FireState.WAITING)
    wants = Standing(retry=Retry(pauses=seconds(9)))
    to = after_deadline(fire, wants, NOON)
    assert (to.state, to.reason, to.run_at) == (FireState.PENDING, Reason.REPORT_TIMEOUT, at(9))
    replaced = Standing(current=False, retry=wants.retry)
    assert after_deadline(fire, replaced, NOON).state is FireState.FAILED
    assert after_deadline(fire, Standing(), NOON).state is FireState.FAILED


@given(
    st.builds(
        Retry,
        pauses=st.builds(Backoff, most=st.integers(0, 20)),
        on=st.frozensets(st.sampled_from(sorted(Failure))),
    ),
    st.sampled_from(list(Failure)),
    st.integers(1, 40),
)
def test_no_fire_is_ever_repeated_more_often_than_its_policy_says(retry, failure, attempts):
    found = again(a_fire(attempts=attempts, claimed_at=NOON), retry, failure, NOON)
    assert found is None or (attempts <= retry.pauses.most and failure in retry.on)
