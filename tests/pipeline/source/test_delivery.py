from __future__ import annotations

import socket
import threading

import pytest

from medpattern.pipeline.source.delivery import Sink
from medpattern.pipeline.source.policy import Answer, Silence
from medpattern.pipeline.source.settings import Target
from tests.pipeline.source.sink import Reply, always, in_turn, sink


def to(url: str, timeout: float = 20) -> Sink:
    return Sink(Target.read(url), timeout)


def test_what_is_sent_arrives_and_the_answer_comes_back() -> None:
    with sink(always(Reply(503, {"Medpattern-Unavailable": "database"}, b"why"))) as there:
        answer = to(there.url).post({"ce-id": "1"}, b"\x00body")
        assert answer == Answer(503, None, "database", b"why")
        assert (there.posts[0].body, there.posts[0].headers["ce-id"]) == (b"\x00body", "1")
        assert there.posts[0].path == "/events"


def test_no_redirect_is_followed() -> None:
    with sink(always(Reply(307, {"location": "http://127.0.0.1:1/"}))) as there:
        assert to(there.url).post({}, b"").status == 307


def test_a_connection_is_kept() -> None:
    ports: set[int] = set()
    with listening() as (port, server):
        threading.Thread(target=answer_all, args=(server, ports), daemon=True).start()
        one = to(f"http://127.0.0.1:{port}/")
        assert [one.post({}, b"x").status for _ in range(3)] == [200] * 3
    assert len(ports) == 1


def test_an_idle_connection_that_the_sink_has_closed_is_no_failure() -> None:
    with sink(in_turn(Reply(), Reply(breaks=True), Reply())) as there:
        one = to(there.url)
        assert [one.post({}, b"").status for _ in range(2)] == [200, 200]
        assert len(there.posts) == 3


def test_nobody_there_and_a_connection_that_breaks_are_told_apart() -> None:
    with sink(always(Reply(breaks=True))) as there:
        one = to(there.url)
        assert one.post({}, b"").silence is Silence.BROKEN
    assert one.post({}, b"").silence is Silence.REFUSED
    assert to("http://no-such-host.invalid/").post({}, b"").silence is Silence.REFUSED


@pytest.mark.parametrize("rest", [b"content-length: 10\r\n\r\nabc", b"transfer-encoding: chunked\r\n\r\nff\r\nabc"])
def test_of_an_answer_cut_short_the_status_counts(rest: bytes) -> None:
    assert reply_with(b"HTTP/1.1 200 OK\r\n" + rest).status == 200


def test_what_is_no_http_is_told() -> None:
    assert reply_with(b"SSH-2.0-OpenSSH\r\n\r\n").silence is Silence.NONSENSE


def test_no_answer_in_time_is_told() -> None:
    with listening() as (port, _server):
        assert to(f"http://127.0.0.1:{port}/", timeout=0.1).post({}, b"").silence is Silence.TIMEOUT


def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    with sink(always(Reply(422, body=b"x" * 5_000_000))) as there:
        one = to(there.url)
        answer = one.post({}, b"")
        assert answer.status == 422
        assert 1024 <= len(answer.body) <= 65536
        assert one.post({}, b"").status == 422


class listening:  # noqa: N801
    """A socket that takes connections into its queue, and no more."""

    def __enter__(self) -> tuple[int, socket.socket]:
        self._server = socket.create_server(("127.0.0.1", 0))
        return self._server.getsockname()[1], self._server

    def __exit__(self, *_: object) -> None:
        self._server.close()


def reply_with(raw: bytes) -> Answer:
    with listening() as (port, server):

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(raw)

        threading.Thread(target=serve, daemon=True).start()
        return to(f"http://127.0.0.1:{port}/").post({}, b"x")


def answer_all(server: socket.socket, ports: set[int]) -> None:
    while True:
        try:
            connection, peer = server.accept()
        except OSError:
            return
        ports.add(peer[1])
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("timeout", [0.1])
def test_a_sink_that_takes_the_request_and_says_nothing_times_out(timeout: float) -> None:
    with sink(always(Reply(seconds=1))) as there:
        assert to(there.url, timeout).post({}, b"").silence is Silence.TIMEOUT
