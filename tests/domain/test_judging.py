"""What outcomes, reports, losses and deadlines mean for a fire."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from dispatchserver.domain.fire import Decision, Delivery, FireState, Reason, Verdict
from dispatchserver.domain.judging import (
    LOST_LIMIT,
    RESULT_LIMIT,
    Standing,
    Terms,
    after_deadline,
    after_loss,
    judge,
    settled,
    storable,
)
from dispatchserver.domain.planning import PENDING_LIFETIME
from dispatchserver.domain.recall import HttpRecall, ReplyRule, SocketRecall
from dispatchserver.domain.retrypolicy import UNASKED, Delays, Retry
from tests.builders import NOON, RECALL, a_fire, an_outcome, at

REPORT_BY = at(3600)
ID = "f" * 32
SUCCESS, FAILURE, WAIT, RETRY = (
    Decision.SUCCESS,
    Decision.FAILURE,
    Decision.WAIT,
    Decision.RETRY,
)
ENDED = [FireState.SUCCEEDED, FireState.FAILED, FireState.SKIPPED, FireState.CANCELLED]


def a_recall(rule):
    return HttpRecall(url=RECALL.url, reply_rule=rule)


def judged(outcome, recall=RECALL, *, attempts=1, retry=UNASKED):
    fire = a_fire(attempts=attempts, state=FireState.RUNNING, claimed_at=NOON)
    terms = Terms(recall=recall, retry=retry, report_within=timedelta(hours=1))
    return judge(fire, outcome, terms, NOON)


def judged_reply(reply, *, rule=ReplyRule.AUTO, **outcome):
    body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    return judged(an_outcome(body, **outcome), a_recall(rule))


@pytest.mark.parametrize(
    ("reply", "decision"),
    [
        ({"success": True}, SUCCESS),
        ({"success": "true"}, SUCCESS),
        ({"success": " TRUE "}, SUCCESS),
        ({"success": False}, FAILURE),
        ({"success": "false"}, FAILURE),
        ({"success": None}, FAILURE),
        ({"success": 1}, FAILURE),
        ({"success": "yes"}, FAILURE),
        ({"success": ["true"]}, FAILURE),
        ({"resultValue": "no success named"}, FAILURE),
        ({"asynchronized": True}, FAILURE),
        ({"sendMsgContent": "x"}, FAILURE),
        ({"success": True, "asynchronized": True}, WAIT),
        ({"success": "true", "asynchronized": "true"}, WAIT),
        ({"success": True, "asynchronized": "false"}, SUCCESS),
        ({"success": True, "asynchronized": None}, SUCCESS),
        ({"success": False, "asynchronized": True}, FAILURE),
    ],
)
@pytest.mark.parametrize("rule", [ReplyRule.AUTO, ReplyRule.CONTRACT])
def test_a_reply_in_the_contract_is_taken_at_its_word(reply, decision, rule):
    verdict = judged_reply(reply, rule=rule)
    assert verdict.decision is decision
    assert verdict.reason is (Reason.CONTRACT if decision is FAILURE else None)
    assert verdict.at == (REPORT_BY if decision is WAIT else None)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("done", "done"),
        ("", ""),
        (None, None),
        (7, "7"),
        (1.5, "1.5"),
        (False, "false"),
        ({"rows": [1, "二"]}, '{"rows":[1,"二"]}'),
        ("NUL\0", "NUL\ufffd"),
        ("half \ud83d", "half ?"),
        ("x" * 5000, "x" * RESULT_LIMIT),
    ],
)
def test_the_result_value_is_kept_as_text(value, result):
    assert judged_reply({"success": True, "resultValue": value}).result == result
    assert judged_reply({"success": False, "resultValue": value}).result == result


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"success": false}',
        '{"success": false, "resultValue": "失败"}'.encode("gbk"),
        b'{"success": false, "resultValue": NaN}',
        b'{"success": false, "resultValue": "\\ud83d"}',
        b'{"success": false, "resultValue": "\\u0000"}',
        b'{"success": true, "success": false}',
        b'{"success": false, "resultValue": "two\nlines"}',
        b'{"success": false, "resultValue": ' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)
def test_a_no_is_a_no_however_sloppily_it_is_written(body):
    assert judged_reply(body).decision is FAILURE


@pytest.mark.parametrize(
    "body",
    [b"", b"ok", b"<html/>", b"[]", b"true", b'{"code": 0}', b"\xff\xfe", b"[" * 9000, b"{" * 9],
)
def test_a_reply_outside_the_contract_is_judged_by_the_rule(body):
    assert judged_reply(body, rule=ReplyRule.AUTO).decision is SUCCESS
    assert judged_reply(body, rule=ReplyRule.STATUS).decision is SUCCESS
    refused = judged_reply(body, rule=ReplyRule.CONTRACT)
    assert (refused.decision, refused.reason) == (FAILURE, Reason.CONTRACT)


@pytest.mark.parametrize("depth", [60, 200, 900, 990, 1_000, 5_000, 30_000])
def test_no_depth_of_nesting_in_a_reply_can_break_the_judgement(depth):
    nest = b"[" * depth + b"]" * depth
    assert judged_reply(b'{"success": false, "resultValue": ' + nest + b"}").decision


def test_a_free_reply_is_kept_as_the_result():
    assert judged_reply(b"all \xff well\0").result == "all \ufffd well\ufffd"
    assert judged_reply(b"").result is None


def test_under_the_status_rule_the_body_decides_nothing():
    verdict = judged_reply({"success": False}, rule=ReplyRule.STATUS)
    assert (verdict.decision, verdict.result) == (SUCCESS, '{"success": false}')


@pytest.mark.parametrize("status", [100, 199, 300, 302, 304, 400, 404, 410, 429, 500, 503])
@pytest.mark.parametrize("rule", ReplyRule)
def test_any_status_but_2xx_fails_whatever_the_body_says(status, rule):
    verdict = judged_reply({"success": True}, rule=rule, status=status)
    assert (verdict.decision, verdict.reason) == (FAILURE, Reason.STATUS)
    assert verdict.result == '{"success": true}'


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_alone_is_a_success_and_202_promises_no_report(status):
    assert judged_reply(b"", status=status).decision is SUCCESS


@pytest.mark.parametrize(
    ("rule", "body", "decision"),
    [
        (ReplyRule.AUTO, b"", WAIT),
        (ReplyRule.STATUS, b"", WAIT),
        (ReplyRule.CONTRACT, b"", FAILURE),
        (ReplyRule.AUTO, b'{"success": true}', WAIT),
        (ReplyRule.CONTRACT, b'{"success": true}', WAIT),
        (ReplyRule.AUTO, b'{"success": false}', FAILURE),
    ],
)
def test_the_header_can_promise_a_report_too(rule, body, decision):
    assert judged_reply(body, rule=rule, asynchronous=True).decision is decision
    refused = judged_reply(body, rule=rule, asynchronous=True, status=500)
    assert refused.decision is FAILURE


def test_a_sockets_reply_is_judged_by_the_contract_and_its_silence_is_told():
    recall = SocketRecall(host="h", port=1)
    refused = judged(an_outcome(b'{"success":false}', status=None), recall)
    silent = judged(an_outcome(b"", status=None, reason=Reason.UNCONFIRMED), recall)
    assert refused.decision is FAILURE
    assert (silent.decision, silent.reason) == (SUCCESS, Reason.UNCONFIRMED)


def not_sent(reason):
    return an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=reason)


@pytest.mark.parametrize("reason", [Reason.DNS, Reason.CONNECT, Reason.TLS])
def test_only_what_was_never_sent_is_tried_again_and_three_times_at_most(reason):
    tries = [judged(not_sent(reason), attempts=n).decision for n in (1, 2, 3, 4)]
    assert tries == [RETRY, RETRY, RETRY, FAILURE]
    assert judged(not_sent(reason), attempts=4).reason is reason


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.RESET, Reason.CLOSED, Reason.PROTOCOL])
def test_what_may_have_arrived_is_not_sent_again(reason):
    outcome = an_outcome(status=None, delivery=Delivery.UNANSWERED, reason=reason)
    assert judged(outcome) == Verdict(decision=FAILURE, reason=reason)


def test_a_refusal_by_our_own_egress_rules_is_not_tried_again():
    assert judged(not_sent(Reason.EGRESS)) == Verdict(decision=FAILURE, reason=Reason.EGRESS)


def test_what_this_server_had_nothing_to_send_with_is_put_back_later_and_later_for_as_long_as_it_may_be_tried():
    outcome = not_sent(Reason.SHORTAGE)
    terms = Terms(
        recall=RECALL, retry=Retry(pauses=Delays(spans=())), report_within=timedelta(hours=1)
    )
    tries = [judge(a_fire(attempts=n + 1, failovers=n), outcome, terms, NOON) for n in range(8)]
    assert {(verdict.decision, verdict.onward) for verdict in tries} == {(RETRY, True)}
    assert [verdict.at for verdict in tries] == [at(n) for n in (1, 2, 4, 8, 16, 30, 30, 30)]
    over = judge(a_fire(failovers=8, give_up_at=at(20)), outcome, terms, NOON)
    assert over == Verdict(decision=FAILURE, reason=Reason.SHORTAGE)


def test_storable_text_is_cut_and_clean():
    assert storable("\0\ud800" + "x" * 5000) == "\ufffd?" + "x" * (RESULT_LIMIT - 2)


def test_a_lost_attempt_is_tried_again_ten_times_at_most_and_at_once_only_the_first_time():
    assert after_loss(a_fire(attempts=1), NOON) == Verdict(
        decision=RETRY, reason=Reason.LOST, at=NOON
    )
    for losses in range(1, LOST_LIMIT - 1):
        again = [after_loss(a_fire(id=f"{n}", losses=losses), NOON).at for n in range(50)]
        longest = min(2 ** (losses - 1), 10)
        assert NOON < min(again) < at(longest / 4) < at(longest * 3 / 4) < max(again) <= at(longest)
    assert after_loss(a_fire(attempts=30, losses=LOST_LIMIT - 1), NOON).decision is FAILURE


def test_a_retry_is_pending_again_with_a_new_deadline():
    to = settled(a_fire(), Verdict(decision=RETRY, reason=Reason.DNS, at=at(5)), NOON)
    assert (to.state, to.reason, to.run_at) == (FireState.PENDING, Reason.DNS, at(5))
    assert to.deadline_at == at(5) + PENDING_LIFETIME
    assert (to.finished_at, to.held) == (None, False)


def test_a_retry_of_a_gone_task_ends_as_failed_and_of_a_paused_one_is_held():
    verdict = Verdict(decision=RETRY, reason=Reason.DNS, at=at(5))
    gone = settled(a_fire(), verdict, NOON, Standing(current=False))
    held = settled(a_fire(), verdict, NOON, Standing(held=True))
    assert (gone.state, gone.reason, gone.finished_at) == (FireState.FAILED, Reason.DNS, NOON)
    assert (held.state, held.held) == (FireState.PENDING, True)


@pytest.mark.parametrize("reason", [Reason.POSTPONED, Reason.SHORTAGE, Reason.CONNECT])
@pytest.mark.parametrize(("deleted", "why"), [(True, Reason.DELETED), (False, Reason.REPLACED)])
def test_what_goes_on_since_nothing_was_sent_is_cancelled_with_its_task(reason, deleted, why):
    verdict = Verdict(decision=RETRY, reason=reason, at=at(5), onward=True)
    to = settled(a_fire(), verdict, NOON, Standing(current=False, deleted=deleted))
    assert (to.state, to.reason, to.finished_at) == (FireState.CANCELLED, why, NOON)


@pytest.mark.parametrize(
    ("decision", "state"), [(SUCCESS, FireState.SUCCEEDED), (FAILURE, FireState.FAILED)]
)
def test_a_final_verdict_ends_the_fire_though_its_task_be_gone(decision, state):
    to = settled(a_fire(), Verdict(decision=decision, result="r"), NOON, Standing(current=False))
    assert (to.state, to.result, to.finished_at) == (state, "r", NOON)
    assert to.deadline_at is None


def test_a_waiting_fire_has_the_reports_deadline():
    to = settled(a_fire(), Verdict(decision=WAIT, result="r", at=REPORT_BY), NOON)
    assert (to.state, to.deadline_at, to.finished_at) == (FireState.WAITING, REPORT_BY, None)


@pytest.mark.parametrize(
    ("fire", "state", "reason"),
    [
        (a_fire(state=FireState.WAITING, attempts=1), FireState.FAILED, Reason.REPORT_TIMEOUT),
        (a_fire(), FireState.SKIPPED, Reason.EXPIRED),
        (a_fire(held=True), FireState.SKIPPED, Reason.PAUSED),
        (a_fire(attempts=2), FireState.FAILED, Reason.EXPIRED),
        (a_fire(attempts=2, held=True), FireState.FAILED, Reason.EXPIRED),
    ],
)
def test_a_passed_deadline_ends_every_open_state(fire, state, reason):
    to = after_deadline(replace(fire, result="so far"), Standing(), NOON + timedelta(days=2))
    assert (to.state, to.reason, to.finished_at) == (state, reason, NOON + timedelta(days=2))
