"""Ids of tasks: each of its own chance, in the order of time."""

from secrets import token_bytes

from dispatchserver.engine.ids import AT_ONCE, RANDOM_BYTES, ids
from tests.clocks import ManualClock


def test_ids_are_all_of_their_own_and_grow_with_time():
    clock = ManualClock()
    new_id = ids(clock.now, token_bytes)
    made = []
    for _ in range(3 * AT_ONCE):
        made.append(new_id())
        clock.advance(0.001)
    assert made == sorted(made)
    chances = {each[12:] for each in made}
    assert len(chances) == len(made) and {len(each) for each in made} == {32}


def test_every_drawn_byte_is_used_once_and_chance_is_asked_seldom():
    drawn = bytearray()

    def draw(count):
        many = token_bytes(count)
        drawn.extend(many)
        return many

    new_id = ids(ManualClock().now, draw)
    made = b"".join(bytes.fromhex(new_id()[12:]) for _ in range(AT_ONCE))
    assert made == drawn and len(drawn) == AT_ONCE * RANDOM_BYTES
