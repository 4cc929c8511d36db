"""Kinds of connection of ipc-websocketd, each many times (../churn.py)."""

import random
import struct

import churn
from churn import reset, tcp
from client import BINARY, CLOSE, LARGEST, PING, TEXT, Client, close_frame, request, web_frame
from harness import frame, is_over
from test_deflate import Squeezed, bomb, need_zlib


def test_websocketd(world):
    world.pong()
    service = world.listen(world.here / "own")
    counted = churn.Counted(world, "websocketd")
    web = world.web("--max-connections", "4000", allow=("pong", "own", "absent"), environment=counted.environment)
    counted.of(web)

    def comes_and_goes(number):
        tcp(web.port, number).close()

    def half_a_head(number):
        with tcp(web.port, number) as sock:
            sock.sendall(request()[:60])

    def is_reset(number):
        sock = tcp(web.port, number)
        sock.sendall(request())
        reset(sock)

    def answered(number, text, status):
        with tcp(web.port, number) as sock:
            sock.sendall(text)
            assert is_over(sock).startswith(b"HTTP/1.1 " + status)

    def no_http(number):
        answered(number, b"nonsense\r\n\r\n", b"400")

    def no_such_service(number):
        answered(number, request("secret"), b"404")

    def service_does_not_run(number):
        answered(number, request("absent"), b"503")

    def foreign_origin(number):
        answered(number, request(fields=("Origin: http://example.org",)), b"403")

    def the_page(number):
        answered(number, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200")

    def closes(client):
        client.sock.sendall(close_frame(1000))
        client.is_closed(1000)

    def echo(number):
        client = Client(tcp(web.port, number))
        client.echoes()
        client.echoes(BINARY, bytes(20_000))
        closes(client)

    def leaves_without_a_word(number):
        client = Client(tcp(web.port, number))
        client.send(TEXT, b"hello")
        client.sock.close()

    def reset_with_data_on_the_way(number):
        client = Client(tcp(web.port, number))
        client.send(BINARY, bytes(50_000))
        reset(client.sock)

    def half_a_message(number):
        with Client(tcp(web.port, number)).sock as sock:
            sock.sendall(web_frame(BINARY, bytes(3000), final=False) + web_frame(PING, b"x") + web_frame(0, bytes(3000))[:99])

    def breaks_the_protocol(number):
        client = Client(tcp(web.port, number))
        client.sock.sendall(web_frame(TEXT, b"x", reserved=7))
        client.is_closed(1002)

    def no_text(number):
        client = Client(tcp(web.port, number))
        client.sock.sendall(web_frame(TEXT, b"\xff"))
        client.is_closed(1007)

    def too_long(number):
        client = Client(tcp(web.port, number))
        client.sock.sendall(b"\x82\xff" + struct.pack(">Q", LARGEST + 1))
        client.is_closed(1009)

    def frame_form(number):
        client = Client(tcp(web.port, number), fields=("Sec-WebSocket-Protocol: libipc.frame",))
        client.echoes(BINARY, frame(b"hello", 200, 7))
        closes(client)

    def service_leaves(number):
        client = Client(tcp(web.port, number), name="own")
        with service.accept()[0] as end:
            end.sendall(frame(b"bye", 2, 1))
        assert client.is_closed(1001) == [(TEXT, b"bye")]

    def service_breaks_its_protocol(number):
        client = Client(tcp(web.port, number), name="own")
        with service.accept()[0] as end:
            end.sendall(b"\xff" * 20)
            client.is_closed(1011)

    def leaves_what_is_on_the_way(number):
        """More than the sockets take: some of it is kept for the client, which goes."""
        client = Client(tcp(web.port, number), name="own")
        with service.accept()[0] as end:
            end.settimeout(0.002)
            try:
                for _ in range(5 if number % 20 == 0 else 0):
                    end.sendall(frame(bytes(LARGEST)))
            except TimeoutError:
                pass
            client.sock.close()

    kinds = [
        comes_and_goes,
        half_a_head,
        is_reset,
        no_http,
        no_such_service,
        service_does_not_run,
        foreign_origin,
        the_page,
        echo,
        leaves_without_a_word,
        reset_with_data_on_the_way,
        half_a_message,
        breaks_the_protocol,
        no_text,
        too_long,
        frame_form,
        service_leaves,
        service_breaks_its_protocol,
        leaves_what_is_on_the_way,
    ]
    churn.churn(counted, lambda number: Client(tcp(web.port, number)).sock, kinds)


def test_websocketd_compressed(world):
    world.pong()
    counted = churn.Counted(world, "deflate")
    web = world.web("--deflate-contexts", "4000", environment=counted.environment)
    counted.of(web)
    need_zlib(web)
    too_much = bomb(LARGEST + 1)
    anew = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    def squeezed(number, offer="permessage-deflate"):
        return Squeezed(tcp(web.port, number), offer)

    def echo(number, offer="permessage-deflate"):
        client = squeezed(number, offer)
        for _ in range(2):
            client.repeats(TEXT, b"hello " * 50, compressed=True)
        client.send(CLOSE, struct.pack(">H", 1000))
        assert client.hear()[0] == CLOSE
        client.sock.close()

    def echo_without_context(number):
        echo(number, anew)

    def never_speaks(number):
        squeezed(number).sock.close()

    def unfinished(number):
        client = squeezed(number)
        client.say(BINARY, bytes(100_000), final=False)
        client.sock.close()

    def reset_while_it_inflates(number):
        client = squeezed(number, "permessage-deflate" if number % 2 else anew)
        client.say(BINARY, random.Random(number).randbytes(50_000))
        reset(client.sock)

    def does_not_inflate(number):
        client = squeezed(number, "permessage-deflate" if number % 2 else anew)
        client.send(TEXT, b"\xff" * 10, reserved=4)
        client.is_closed(1007)

    def inflates_to_too_much(number):
        client = squeezed(number, "permessage-deflate" if number % 2 else anew)
        client.send(BINARY, too_much, reserved=4)
        client.is_closed(1009)

    churn.churn(
        counted,
        lambda number: squeezed(number).sock,
        (echo, echo_without_context, never_speaks, unfinished, reset_while_it_inflates, does_not_inflate, inflates_to_too_much),
    )
