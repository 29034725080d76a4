"""Handlers that stream: answers that are sent, and bodies that are read, while they run."""
import errno
import hashlib
import socket
import time

import pytest

from weirlib import SLOW, Closed, section, wait_for

STREAM = section("stream")


def pool(**options):
    return "[pool default]\n" + "".join(f"{k} = {v}\n" for k, v in options.items())


def pattern(size):
    """What the fixture sends."""
    period = bytes((i * 31 + (i >> 8)) & 255 for i in range(65536))
    return (period * (size // 65536 + 1))[:size]


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Stats:
    """The fixture's counters, asked over one connection."""

    def __init__(self, d):
        self.c = d.connect()

    def now(self):
        return self.c.get("/stats").response().json

    def wait(self, **wanted):
        return wait_for(lambda: all(self.now()[k] == v for k, v in wanted.items()) and self.now(),
                        what=f"{wanted}, is {self.now()}")


def small_window(d):
    """A client whose system takes little."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(15 * SLOW)
    sock.connect(("127.0.0.1", d.port))
    c = d.connect()
    c.sock.close()
    c.sock = sock
    return c


def go(d):
    assert d.post("/go").status == 200


# ---- answers ----

@pytest.mark.parametrize("size, piece", [(0, 1), (1, 1), (1000, 10), (65536, 65536), (65537, 65537),
                                         (300_000, 7), (5_000_000, 1000), (20_000_000, 300_000)])
def test_a_streamed_answer_comes_whole(daemon, size, piece):
    d = daemon(STREAM)
    with d.connect() as c:
        r = c.get(f"/send?size={size}&piece={piece}").response()
        assert r.status == 200 and r.header("Content-Type") == "application/x-probe"
        assert r.header("Transfer-Encoding") == "chunked" and r.header("Content-Length") is None
        assert r.header("Connection") is None and r.header("X-Request-Id")
        assert len(r.body) == size and digest(r.body) == digest(pattern(size))
        # The connection lives on.
        assert c.get("/stats").response().json["running"] == 0


def test_a_stream_of_flushes_comes_in_as_many_chunks(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        c.get("/send?size=50&piece=10&flush=1")
        c.head()
        got = b""
        for _ in range(5):
            assert c.until(b"\r\n") == b"a"
            got += c.take(10)
            assert c.take(2) == b"\r\n"
        assert got == pattern(50) and c.until(b"\r\n") == b"0" and c.until(b"\r\n") == b""


def test_small_writes_without_a_flush_are_one_chunk(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        c.get("/send?size=2000&piece=10")
        c.head()
        assert int(c.until(b"\r\n"), 16) == 2000


def test_http_1_0_gets_a_stream_up_to_the_end_of_the_connection(daemon):
    d = daemon(STREAM)
    for keep in ("", "Connection: keep-alive\r\n"):
        with d.connect() as c:
            r = c.send(f"GET /send?size=300000 HTTP/1.0\r\n{keep}\r\n").response()
            assert r.header("Transfer-Encoding") is None and r.header("Connection") == "close"
            assert r.body == pattern(300_000)


@pytest.mark.parametrize("request_line", ["HEAD /send?size=3000000&flush=1 HTTP/1.1",
                                          "GET /send?size=3000000&status=204 HTTP/1.1",
                                          "GET /send?size=3000000&status=304&flush=1 HTTP/1.1"])
def test_an_answer_without_a_body_drops_what_is_streamed(daemon, request_line):
    d = daemon(STREAM)
    with d.connect() as c:
        r = c.send(request_line + "\r\nHost: a\r\n\r\n").response(request_line.split()[0])
        assert r.header("Content-Length") is None
        assert (r.header("Transfer-Encoding") == "chunked") == request_line.startswith("HEAD")
        # What comes next is the next answer.
        assert c.get("/stats").response().json["written"] == 3_000_000


def test_a_stream_of_nothing_is_an_empty_answer(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        for _ in range(3):
            r = c.get("/none").response()
            assert r.status == 200 and r.body == b""
            assert r.header("Content-Type") == "application/octet-stream"


def test_headers_set_before_go_out_and_a_body_set_before_does_not(daemon):
    r = daemon(STREAM).get("/headers")
    assert r.status == 201 and r.body == b"streamed"
    assert r.header("X-Early") == "one" and r.header("Set-Cookie") == "early=two; Path=/"
    assert r.header("Content-Type") == "text/x-probe" and r.header("Content-Length") is None


def test_behind_weir_stream_nothing_else_can_be_set(daemon):
    r = daemon(STREAM).get("/rules")
    already = -errno.EALREADY
    assert r.status == 202 and r.header("X-Late") is None
    assert r.json == {"begun": 202, "again": already, "set": already, "add": already,
                      "cookie": already, "text": already, "textf": already, "take": already,
                      "file": already, "redirect": already, "error": already,
                      "errorf": already, "freed": 1}


def test_what_weir_stream_refuses(daemon):
    d = daemon(STREAM)
    wrong = -errno.EINVAL
    assert d.get("/outside").json == {"write": wrong, "flush": wrong, "low": wrong, "high": wrong,
                                      "type": wrong}
    assert d.get("/inline").json == {"rc": -errno.EDEADLK}


def test_a_flush_arrives_while_the_handler_runs(daemon):
    d = daemon(STREAM)
    stats = Stats(d)
    with d.connect() as c:
        c.get("/held")
        assert c.head()[1] == 200
        assert c.until(b"\r\n") == b"6" and c.take(8) == b"first\n\r\n"
        assert stats.now()["running"] == 1
        go(d)
        assert c.until(b"\r\n") == b"5" and c.take(12) == b"last\n\r\n0\r\n\r\n"


def test_requests_behind_a_streamed_one_wait_for_its_end(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        c.get("/held").get("/send?size=100000").get("/none").get("/stats")
        c.head()
        c.until(b"first\n\r\n")
        go(d)
        c.until(b"0\r\n\r\n")
        assert c.response().body == pattern(100_000)
        assert c.response().body == b""
        assert c.response().json["running"] == 0


def test_a_task_runs_behind_a_streamed_answer(daemon):
    d = daemon(STREAM)
    assert d.get("/task").body == b"promised\n"
    d.logged("task ran")


def test_a_client_that_reads_nothing_holds_a_bounded_part(daemon):
    d = daemon(STREAM)
    stats = Stats(d)
    with small_window(d) as c:
        c.get("/send?size=1000000000")
        c.head()
        written = -1

        def stands_still():
            nonlocal written
            before, written = written, stats.now()["written"]
            time.sleep(0.1)  # long enough for a worker that is not held up to write a lot
            return written == before
        wait_for(stands_still)
        # What its system and ours keep in the socket is not ours to bound.
        assert written < 8 << 20, written
        # It goes on as the client takes something.
        c.take(4 << 20)
        wait_for(lambda: stats.now()["written"] > written)
    stats.wait(running=0, rc=-errno.EPIPE, cancelled=1)


def test_a_slow_reader_gets_everything(daemon):
    d = daemon(STREAM, server="write_timeout = 300ms")
    size = 3_000_000
    with small_window(d) as c:
        c.get(f"/send?size={size}&piece=20000")
        c.head()
        want = pattern(size)
        got = b""
        while len(got) < size:
            got += c.take(int(c.until(b"\r\n"), 16))
            assert c.take(2) == b"\r\n"
            time.sleep(0.005)  # the slow client is what is tested
        assert got == want and c.until(b"\r\n") == b"0"


def test_a_client_that_reads_nothing_frees_the_token_within_write_timeout(daemon):
    d = daemon(STREAM + pool(thread_tokens=1), server="write_timeout = 300ms")
    stats = Stats(d)
    stats.now()
    before = d.descriptors()
    for flush in (0, 1):
        with small_window(d) as c:
            start = time.monotonic()
            c.get(f"/send?size=1000000000&piece=30000&flush={flush}")
            stats.wait(ended=flush + 1, running=0, rc=-errno.ETIMEDOUT, cancelled=1)
            assert time.monotonic() - start < 3 * SLOW
            assert d.get("/none").status == 200
            with pytest.raises((Closed, ConnectionResetError)):
                c.response()
    wait_for(lambda: d.descriptors() <= before)


def test_a_client_that_resets_frees_the_token_at_once(daemon):
    d = daemon(STREAM + pool(thread_tokens=1))
    stats = Stats(d)
    for i in range(10):
        c = small_window(d)
        c.get(f"/send?size=1000000000&flush={i % 2}&piece=5000")
        c.head()
        if i % 3 == 0:
            c.close()
        else:
            c.reset()
        stats.wait(ended=i + 1, running=0, rc=-errno.EPIPE, cancelled=1)
    assert d.get("/none").status == 200
    d.logged(r"notice: .* abandoned handler stream.send_bytes .* returned -32 ")


def test_a_client_that_resets_while_nothing_is_sent_is_seen(daemon):
    d = daemon(STREAM)
    stats = Stats(d)
    c = d.connect()
    c.get("/held")
    c.until(b"first\n\r\n")
    c.reset()
    stats.wait(ended=1, rc=-errno.ECANCELED, cancelled=1)


def test_a_failure_in_the_middle_is_seen_by_the_client(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        c.get("/send?size=200000&fail=5", "X-Request-Id: in-the-middle")
        assert c.head()[1] == 200
        with pytest.raises(Closed):
            c.chunks()
    d.logged(r"error: .*in-the-middle.*stream\.send_bytes.*Input/output error \(-5\).*cut")
    with d.connect() as c:
        c.send("GET /send?size=200000&fail=5 HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            c.response()


def test_a_failure_before_anything_was_sent_is_answered_500(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        r = c.get("/send?size=100&fail=5", "X-Request-Id: at-first").response()
        assert r.status == 500 and "first" not in r.text
        assert c.get("/none").response().status == 200
    d.logged(r"error: .*at-first.*stream\.send_bytes.*Input/output error \(-5\)")


def test_the_time_limit_cuts_an_answer_that_has_begun(daemon):
    d = daemon(STREAM + pool(timeout="300ms", thread_tokens=1))
    stats = Stats(d)
    with d.connect() as c:
        start = time.monotonic()
        c.get("/held", "X-Request-Id: too-long")
        assert c.head()[1] == 200
        with pytest.raises(Closed):
            c.chunks()
        assert 0.29 < time.monotonic() - start < 2 * SLOW
    stats.wait(running=0, rc=-errno.ECANCELED, cancelled=1)
    d.logged(r"warning: .*too-long.*stream\.held.*time limit.*cut")
    d.logged(r"notice: .*too-long.*abandoned")
    # A worker that waits for a slow client is told, too.
    with small_window(d) as c:
        c.get("/send?size=1000000000")
        stats.wait(ended=2, running=0, rc=-errno.ETIMEDOUT, cancelled=1)
    assert d.get("/none").status == 200


def test_the_time_limit_before_anything_was_sent_is_answered_504(daemon):
    d = daemon(STREAM + pool(timeout="300ms", thread_tokens=1))
    stats = Stats(d)
    with d.connect() as c:
        r = c.get("/late").response()
        assert r.status == 504 and r.header("Transfer-Encoding") is None
        stats.wait(running=0, rc=-errno.ETIMEDOUT, cancelled=1)
        assert c.get("/none").response().status == 200


def test_stopping_waits_for_a_streamed_answer(daemon):
    d = daemon(STREAM)
    stats = Stats(d)
    with d.connect() as begun, d.connect() as late:
        begun.get("/send?size=10000000")
        begun.head()
        late.get("/late")
        stats.wait(running=2)
        d.signal()
        d.logged("stopping")
        assert begun.chunks() == pattern(10_000_000) and begun.is_closed()
        assert d.is_running()
        late.reset()
    assert d.wait() == 0


def test_a_stream_that_begins_while_stopping_closes_the_connection(daemon):
    d = daemon(STREAM + pool(thread_tokens=1), server="io_threads = 1")
    with d.connect() as first, d.connect() as second:
        first.get("/send?size=10000000")
        first.head()
        second.get("/send?size=1000")
        assert d.get("/stats").json["running"] == 1
        d.signal()
        d.logged("stopping")
        assert first.chunks() == pattern(10_000_000) and first.is_closed()
        r = second.response()
        assert r.body == pattern(1000) and r.header("Connection") == "close"
        assert second.is_closed()
    assert d.wait() == 0


def test_a_stop_names_a_handler_that_streams_on(daemon):
    d = daemon(STREAM, server="drain_timeout = 300ms")
    with small_window(d) as c:
        c.get("/send?size=10000000000", "X-Request-Id: endless")
        c.head()
        d.signal()
        assert d.wait() == 0
    d.logged(r"warning: .*endless.*still runs")


def test_the_access_log_has_status_and_bytes_of_streams(daemon, tmp_path):
    path = tmp_path / "access.log"
    d = daemon(STREAM + pool(timeout="1s"), server=f"access_log = {path}")
    assert len(d.get("/send?size=123456&status=203").body) == 123456
    assert d.request("HEAD", "/send?size=77").status == 200
    with d.connect() as c:
        c.get("/send?size=65536&fail=5&flush=1")
        assert len(c.rest()) > 65536
    c = d.connect()
    c.get("/held?gone")
    c.until(b"first\n\r\n")
    c.reset()
    with d.connect() as c:
        c.get("/held?cut")
        c.rest()
    wait_for(lambda: len(path.read_text().splitlines()) >= 5)
    lines = path.read_text()
    assert '"GET /send?size=123456&status=203 HTTP/1.1" 203 123456 ' in lines
    assert '"HEAD /send?size=77 HTTP/1.1" 200 0 ' in lines
    assert '"GET /send?size=65536&fail=5&flush=1 HTTP/1.1" 200 65536 ' in lines
    assert '"GET /held?gone HTTP/1.1" 499 6 ' in lines
    assert '"GET /held?cut HTTP/1.1" 200 6 ' in lines


def test_many_streams_at_once(daemon):
    d = daemon(STREAM + pool(thread_tokens=20))
    want = digest(pattern(400_000))

    def one(i):
        for n in range(4):
            c = d.connect()
            c.get(f"/send?size=400000&piece={997 * (i + 1)}&flush={(i + n) % 2}")
            if (i + n) % 5 == 0:
                c.head()
                c.reset()
                continue
            assert digest(c.response().body) == want
            c.close()
        return True
    assert all(d.many(30, one))
    Stats(d).wait(running=0)
