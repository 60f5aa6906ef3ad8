"""What is on record of a task tells who did what."""

from dispatchserver.domain.evidence import AuditEntry, Evidence
from tests.builders import a_fire, at


def test_who_ran_a_fire_by_hand_is_not_who_reported_on_it():
    fire = a_fire()
    by_hand = AuditEntry(at=at(0), who="alice", door="rest", action="triggered", fire_id=fire.id)
    reported = AuditEntry(at=at(9), who="receiver", door="do", action="reported", fire_id=fire.id)
    evidence = Evidence(task=None, then=None, fires=[fire], changes=[reported, by_hand])
    assert evidence.of_fire(fire) is by_hand
