"""Socket recalls: framing out and in, and what counts as a yes."""

import asyncio
import os
import socket
import struct
import sys

import pytest

from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.domain.recall import Ack, Framing
from dispatchserver.recalls import socket as socket_recall

BODY = b'{"data":{"a":1},"tasklogid":"0123456789abcdef0123456789abcdef"}'


def frame(body):
    return struct.pack(">I", len(body)) + body


async def read_line(reader):
    return await reader.readuntil(b"\n")


async def read_frame(reader):
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    return await reader.readexactly(length)


async def read_to_the_end(reader):
    return await reader.read()


async def read_known(reader):
    return await reader.readexactly(len(BODY))


READERS = {
    Framing.LINE: read_line,
    Framing.EOF: read_to_the_end,
    Framing.LEN4: read_frame,
    Framing.RAW: read_known,
}


def answering(data=b"", *, framing=Framing.LINE, then=None, seen=None):
    async def talk(reader, writer):
        message = await READERS[framing](reader)
        if seen is not None:
            seen.append(message)
        writer.write(data)
        await writer.drain()
        if then is not None:
            await then(writer)

    return talk


async def stay(_):
    await asyncio.sleep(5)


def is_no_yes(outcome, reason):
    return (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, reason)


@pytest.mark.parametrize(
    ("framing", "sent", "reply"),
    [
        (Framing.LINE, BODY + b"\n", b"yes\r\n"),
        (Framing.EOF, BODY, b"yes"),
        (Framing.LEN4, BODY, frame(b"yes")),
        (Framing.RAW, BODY, b"yes"),
    ],
)
async def test_a_message_and_its_reply_are_framed_alike(peer, call, framing, sent, reply):
    seen = []
    port = await peer(answering(reply, framing=framing, seen=seen))
    outcome = await call(port, framing=framing)
    assert seen == [sent]
    assert (outcome.delivery, outcome.body) == (Delivery.ANSWERED, b"yes")
    assert 0 <= outcome.connect_ms <= outcome.first_byte_ms


async def test_a_line_is_enough_where_the_receiver_keeps_the_connection(peer, call):
    outcome = await call(await peer(answering(b"yes\nno\n", then=stay)))
    assert (outcome.delivery, outcome.body) == (Delivery.ANSWERED, b"yes")


async def test_a_line_may_end_with_the_stream(peer, call):
    outcome = await call(await peer(answering(b"yes")))
    assert (outcome.delivery, outcome.body) == (Delivery.ANSWERED, b"yes")


async def test_a_reply_may_come_in_pieces(peer, call):
    async def talk(reader, writer):
        await read_line(reader)
        for byte in b"yes\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.005)

    assert (await call(await peer(talk))).body == b"yes"


async def test_an_empty_line_is_a_reply(peer, call):
    outcome = await call(await peer(answering(b"\n", then=stay)), ack=Ack.REPLY)
    assert (outcome.delivery, outcome.body) == (Delivery.ANSWERED, b"")


@pytest.mark.parametrize("framing", list(Framing))
async def test_an_orderly_end_is_a_yes(peer, call, framing):
    outcome = await call(await peer(answering(framing=framing)), framing=framing)
    assert (outcome.delivery, outcome.reason, outcome.body) == (Delivery.ANSWERED, None, b"")


async def test_an_orderly_end_is_no_yes_where_a_reply_is_required(peer, call):
    assert is_no_yes(await call(await peer(answering()), ack=Ack.REPLY), Reason.CLOSED)


@pytest.mark.parametrize("ack", [Ack.AUTO, Ack.REPLY])
async def test_a_reset_on_accept_is_no_yes(peer, call, reset, ack):
    async def talk(reader, writer):
        reset(writer)

    assert is_no_yes(await call(await peer(talk), ack=ack), Reason.RESET)


async def test_a_reset_after_reading_is_no_yes(peer, call, reset):
    async def then(writer):
        reset(writer)

    assert is_no_yes(await call(await peer(answering(then=then))), Reason.RESET)


async def test_hanging_up_without_reading_is_no_yes(peer, call):
    async def talk(reader, writer):
        writer.transport.pause_reading()
        await asyncio.sleep(0.02)

    assert is_no_yes(await call(await peer(talk)), Reason.RESET)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked in its own way")
@pytest.mark.parametrize("framing", [Framing.LINE, Framing.EOF])
async def test_hanging_up_before_the_message_is_there_is_no_yes(peer, call, monkeypatch, framing):
    write = socket_recall._write

    async def write_late(*args):
        await asyncio.sleep(0.05)
        await write(*args)

    async def talk(reader, writer):
        pass

    monkeypatch.setattr(socket_recall, "_write", write_late)
    outcome = await call(await peer(talk), framing=framing)
    assert outcome.delivery is Delivery.UNANSWERED
    assert outcome.reason in (Reason.CLOSED, Reason.RESET)


@pytest.mark.parametrize("ack", [Ack.AUTO, Ack.REPLY])
@pytest.mark.parametrize("part", [b"", b"half a li"])
async def test_silence_is_no_yes(peer, call, ack, part):
    assert is_no_yes(await call(await peer(answering(part, then=stay)), ack=ack), Reason.TIMEOUT)


@pytest.mark.parametrize("framing", [Framing.EOF, Framing.RAW])
async def test_a_reply_that_never_ends_is_no_yes(peer, call, flood, framing):
    async def drip(writer):
        await flood(writer, b"a", pause=0.03)

    port = await peer(answering(framing=framing, then=drip))
    assert is_no_yes(await call(port, framing=framing), Reason.TIMEOUT)


@pytest.mark.parametrize("ack", list(Ack))
async def test_a_receiver_that_never_reads_is_a_timeout(peer, call, ack):
    async def talk(reader, writer):
        writer.transport.pause_reading()
        await stay(writer)

    port = await peer(talk)
    assert is_no_yes(await call(port, body=b" " * 16_000_000, ack=ack), Reason.TIMEOUT)


@pytest.mark.parametrize("framing", [Framing.LINE, Framing.EOF, Framing.RAW])
async def test_an_endless_reply_is_cut(peer, call, flood, framing):
    async def endless(writer):
        await flood(writer, b"a" * 10_000)

    outcome = await call(
        await peer(answering(framing=framing, then=endless)), framing=framing, total=5
    )
    assert (outcome.delivery, len(outcome.body)) == (Delivery.ANSWERED, 65_536)
    assert outcome.truncated


async def test_a_frame_that_claims_too_much_is_cut(peer, call):
    reply = struct.pack(">I", 0xFFFF_FFFF) + b"a" * 100_000
    outcome = await call(
        await peer(answering(reply, framing=Framing.LEN4, then=stay)), framing=Framing.LEN4
    )
    assert (outcome.delivery, len(outcome.body)) == (Delivery.ANSWERED, 65_536)
    assert outcome.truncated


async def test_an_empty_frame_is_a_reply(peer, call):
    port = await peer(answering(frame(b""), framing=Framing.LEN4, then=stay))
    outcome = await call(port, framing=Framing.LEN4, ack=Ack.REPLY)
    assert (outcome.delivery, outcome.body) == (Delivery.ANSWERED, b"")


@pytest.mark.parametrize("part", [b"\0\0", frame(b"half a frame")[:9]])
async def test_half_a_frame_is_no_yes(peer, call, part):
    port = await peer(answering(part, framing=Framing.LEN4))
    assert is_no_yes(await call(port, framing=Framing.LEN4), Reason.CLOSED)


async def test_half_a_reply_and_a_reset_is_no_yes(peer, call, reset):
    async def then(writer):
        await asyncio.sleep(0.02)
        reset(writer)

    outcome = await call(await peer(answering(b"half", then=then)))
    assert is_no_yes(outcome, Reason.RESET)
    assert outcome.body == b"half"


@pytest.mark.parametrize("framing", list(Framing))
async def test_without_an_ack_the_message_is_flushed_and_unconfirmed(peer, call, framing):
    seen, whole = [], asyncio.Event()

    async def talk(reader, writer):
        seen.append(await READERS[framing](reader))
        whole.set()
        await stay(writer)

    outcome = await call(await peer(talk), framing=framing, ack=Ack.NONE)
    assert (outcome.delivery, outcome.reason) == (Delivery.ANSWERED, Reason.UNCONFIRMED)
    await asyncio.wait_for(whole.wait(), 2)
    assert seen[0].startswith(BODY)


async def test_a_large_message_without_an_ack_arrives_whole(peer, call):
    seen, whole = [], asyncio.Event()

    async def talk(reader, writer):
        seen.append(len(await reader.read()))
        whole.set()

    await call(await peer(talk), body=b" " * 8_000_000, ack=Ack.NONE, total=5)
    await asyncio.wait_for(whole.wait(), 5)
    assert seen == [8_000_001]


async def test_newlines_and_nul_in_the_data_do_not_break_a_length_frame(peer, call):
    seen = []
    port = await peer(answering(frame(b"a\n\0b"), framing=Framing.LEN4, seen=seen))
    outcome = await call(port, body=b"x\n\0y", framing=Framing.LEN4)
    assert (seen, outcome.body) == ([b"x\n\0y"], b"a\n\0b")


async def test_a_refused_connection_was_not_sent(call):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    outcome = await call(port)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.CONNECT)
    assert outcome.detail == f"cannot connect to 127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize(("connect", "total"), [(0.2, 5), (5, 0.2)])
async def test_a_connection_that_never_comes_about_was_not_sent(black_hole, call, connect, total):
    outcome = await call(black_hole, connect=connect, total=total)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.CONNECT)
    assert outcome.detail == f"connect timeout to 127.0.0.1:{black_hole} (0.2 s)"


@pytest.mark.parametrize("host", ["receiver.test", "a" * 70 + ".test"])
async def test_an_unknown_name_was_not_sent(call, monkeypatch, host):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    outcome = await call(9, host=host)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.DNS)


async def test_the_second_address_is_tried_when_the_first_is_dead(peer, call, resolve):
    port = await peer(answering(b"yes\n"))
    resolve("127.0.0.2", "127.0.0.1")
    assert (await call(port, host="receiver.test")).body == b"yes"


async def test_a_cancelled_send_is_cancelled(peer, call):
    sending = asyncio.create_task(call(await peer(answering(then=stay)), total=5))
    await asyncio.sleep(0.05)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files by /proc")
async def test_no_way_out_leaves_a_connection_open(peer, call, reset, black_hole):
    async def resetting(writer):
        reset(writer)

    ports = [
        black_hole,
        await peer(answering(b"yes\n", then=stay)),
        await peer(answering(then=resetting)),
        await peer(answering(then=stay)),
    ]
    before = len(os.listdir("/proc/self/fd"))
    for port in ports:
        await call(port, connect=0.1, total=0.15)
    await asyncio.sleep(0.05)
    held_by_peers = 2  # the two that stay
    assert len(os.listdir("/proc/self/fd")) <= before + held_by_peers
