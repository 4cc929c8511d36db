"""Messages and their payloads."""

import array
import mmap
import sys

import pytest

import libipc
from libipc import EventType, Message

from conftest import expect


def test_reply_has_the_user_type_of_the_request(echo):
    with libipc.Client(echo) as client:
        reply = client.request(b"hello\0there", 42)
    assert reply == Message(b"hello\0there", user_type=42)
    assert (reply.type, reply.fd, bytes(reply)) == (libipc.MessageType.DATA, client.fd, b"hello\0there")


def test_empty_message(echo):
    with libipc.Client(echo) as client:
        assert client.request() == Message()


KINDS = [
    bytearray(b"bytearray"),
    memoryview(b"a view of bytes")[2:6],
    memoryview(bytearray(b"a view of a bytearray"))[2:6],
    array.array("I", [1, 2, 3]),
    memoryview(b"every second")[::2],
    memoryview(array.array("d", [1.5, 2.5])),
    type("Derived", (bytes,), {})(b"derived"),
    b"",
    bytearray(),
    memoryview(b""),
]


@pytest.mark.parametrize("payload", KINDS, ids=range(len(KINDS)))
def test_bytes_like_payload(echo, payload):
    with libipc.Client(echo) as client:
        assert client.request(payload, 1).payload == memoryview(payload).tobytes()


def test_mapped_file_as_payload(echo):
    with mmap.mmap(-1, 4096) as mapped, libipc.Client(echo) as client:
        mapped[:4] = b"mmap"
        assert client.request(mapped).payload == mapped[:]


def test_payload_is_free_after_sending(echo):
    payload = bytearray(b"grows")
    with libipc.Client(echo) as client:
        client.send(client.fd, payload)
        payload.extend(b" later")  # BufferError while somebody has its memory
        assert expect(client, EventType.MESSAGE).message.payload == b"grows"
    whole = b"x" * 100_000
    with libipc.Client(echo) as client:
        references = sys.getrefcount(whole)
        client.request(whole)
        assert sys.getrefcount(whole) == references


@pytest.mark.parametrize("payload", ["text", 5, None, [1]])
def test_other_payloads_are_type_errors(echo, payload):
    with libipc.Client(echo) as client, pytest.raises(TypeError):
        client.tell(payload)


@pytest.mark.parametrize(("user_type", "error"), [(-1, ValueError), (256, ValueError), ("a", TypeError), (None, TypeError)])
def test_user_type_out_of_range(echo, user_type, error):
    with libipc.Client(echo) as client:
        with pytest.raises(error):
            client.tell(b"x", user_type)
        assert client.request(b"still works").payload == b"still works"


def test_longest_payload_and_one_byte_more(echo):
    payload = bytes(range(256)) * 8000
    with libipc.Client(echo) as client:
        assert client.request(payload[: libipc.MAX_MESSAGE_SIZE]).payload == payload[: libipc.MAX_MESSAGE_SIZE]
        for kind in bytes, bytearray, memoryview:
            with pytest.raises(libipc.MessageTooLongError) as raised:
                client.tell(kind(payload[: libipc.MAX_MESSAGE_SIZE + 1]))
            assert raised.value.code == 67


def test_forwarded_message_keeps_its_types():
    with libipc.Service("hub") as hub, libipc.Client("hub") as first, libipc.Client("hub") as second:
        first.tell(b"x", 9, type=77)
        ends = [expect(hub, EventType.CONNECTION).fd for _ in range(2)]
        message = expect(hub, EventType.MESSAGE).message
        hub.forward(message, next(end for end in ends if end != message.fd))
        hub.flush()
        assert expect(second, EventType.MESSAGE).message == Message(b"x", 9, 77)


def test_message_of_the_program_has_no_sender():
    with pytest.raises(ValueError, match="connection"):
        Message(b"x").reply()


def test_representation():
    assert repr(Message(b"x", 1)) == "Message(b'x', user_type=1, type=2, fd=-1)"
    assert "(100 bytes)" in repr(Message(b"x" * 100))
