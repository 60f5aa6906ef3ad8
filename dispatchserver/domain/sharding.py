"""A broadcast: one occasion makes a fire for each address, with an id, repetitions and a verdict of its own. Pure."""

from dataclasses import replace

from dispatchserver.domain.concurrency import OverlapRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Fire, FireState, first_turn
from dispatchserver.domain.fireids import shard_id
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.route import RouteRule
from dispatchserver.domain.task import Task, TaskSpec
from dispatchserver.domain.triggers import waits_for_completion


def shards_of(recall: Recall) -> int:
    """How many fires one occasion makes."""
    return len(recall.addresses) if recall.route.rule is RouteRule.BROADCAST else 1


def in_shards(task: Task, fire: Fire) -> tuple[Fire, ...]:
    """The fires that are sent for this one; a row that only records something stays one row.

    Each needs the task's key for itself, and none waits for another of its task. The first carries the range
    of missed occasions that they stand for.
    """
    count = shards_of(task.spec.recall)
    if count == 1 or fire.state is not FireState.PENDING:
        return (fire,)
    turn = first_turn(False, task.spec.policies.concurrency)
    shared = replace(fire, serial=False, turn=turn, shards=count)
    first, *others = (replace(shared, id=shard_id(fire.id, n), shard=n) for n in range(count))
    return (first, *(replace(other, missed=None) for other in others))


def check_broadcast(spec: TaskSpec) -> None:
    """Raises Invalid where a broadcast stands beside what asks for one fire at a time."""
    if shards_of(spec.recall) == 1:
        return
    if spec.policies.overlap.rule is not OverlapRule.ALLOW:
        raise Invalid("route.broadcast_overlap", rule=spec.policies.overlap.rule)
    if waits_for_completion(spec.trigger):
        raise Invalid("route.broadcast_delay")
