"""Handlers that stream: answers that are sent, and bodies that are read, while they run."""
import errno
import hashlib
import os
import re
import socket
import subprocess
import threading
import time
import zlib

import pytest

from weirlib import SLOW, Closed, run, section, wait_for

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

def test_the_demo_counts_line_by_line(daemon):
    d = daemon(section("demo"))
    with d.connect() as c:
        assert c.get("/count?n=1000&ms=0").response().text.split() == [str(i + 1)
                                                                       for i in range(1000)]
        c.get("/count?n=3&ms=1")
        c.head()
        c.until(b"2\r\n1\n\r\n2\r\n2\n\r\n2\r\n3\n\r\n0\r\n\r\n")
        assert c.get("/count?n=-1").response().status == 422


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
    # It may not have left weir_flush yet.
    assert stats.wait(ended=1, cancelled=1)["rc"] in (-errno.ECANCELED, -errno.EPIPE)


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


def test_behind_an_answer_that_streams_over_a_stop_one_more_request_is_answered(daemon):
    """Its head was out before the stop, without `Connection: close`."""
    d = daemon(STREAM)
    with d.connect() as c:
        c.get("/send?size=10000000")
        c.head()
        d.signal()
        d.logged("stopping")
        c.get("/none")
        assert c.chunks() == pattern(10_000_000)
        r = c.response()
        assert r.status == 200 and r.header("Connection") == "close" and c.is_closed()
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
    assert '"HEAD /send?size=77 HTTP/1.1" 200 - ' in lines
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


# ---- live bodies ----

def post(c, path, *headers):
    return c.send("\r\n".join([f"POST {path} HTTP/1.1", "Host: test", *headers]) + "\r\n\r\n")


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def background(act):
    """Runs act() beside the test; returns what waits for its end."""
    errors = []

    def run():
        try:
            act()
        except BaseException as err:
            errors.append(err)
    t = threading.Thread(target=run, daemon=True)
    t.start()

    def join():
        t.join(60 * SLOW)
        assert not t.is_alive() and not errors, errors
    return join


def resident(d, name="VmHWM"):
    with open(f"/proc/{d.pid}/status", encoding="ascii") as f:
        return int(re.search(name + r":\s+(\d+) kB", f.read())[1]) * 1024


@pytest.mark.parametrize("size, piece", [(0, 10), (1, 10), (1000, 7), (200_000, 65536),
                                         (3_000_000, 1000), (3_000_000, 1_000_000)])
def test_a_live_body_is_read_whole(daemon, size, piece):
    d = daemon(STREAM)
    data = pattern(size)
    with d.connect() as c:
        post(c, f"/take?size={piece}", f"Content-Length: {size}").send(data)
        r = c.response()
        assert r.json["len"] == r.json["length"] == size
        assert r.json["adler"] == zlib.adler32(data) and r.json["rc"] == 0
        post(c, f"/take?size={piece}", "Transfer-Encoding: chunked")
        for at in range(0, size, 100_000):
            c.send(chunk(data[at:at + 100_000]))
        r = c.send(b"0\r\nX-Trailer: dropped\r\n\r\n").response()
        assert r.json["len"] == size and r.json["length"] == 0
        assert r.json["adler"] == zlib.adler32(data)
        # The connection lives on.
        assert c.get("/stats").response().json["running"] == 0


def test_the_handler_sees_a_body_before_its_end(daemon):
    d = daemon(STREAM)
    stats = Stats(d)
    with d.connect() as c:
        post(c, "/take", "Transfer-Encoding: chunked")
        stats.wait(running=1, received=0)
        c.send(chunk(b"12345"))
        stats.wait(running=1, received=5)
        # In the middle of a chunk, too.
        c.send(b"a\r\n123")
        stats.wait(running=1, received=8)
        c.send(b"4567890\r\n0\r\n\r\n")
        assert c.response().json["len"] == 15


def test_bodies_and_requests_in_one_piece_keep_their_order(daemon):
    d = daemon(STREAM)
    text = (b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
            b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"4\r\ndefg\r\n0\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n")
    with d.connect() as c:
        c.send(text * 50)
        for _ in range(50):
            assert c.response().json["len"] == 3
            assert c.response().body == b"defg"
            assert c.response().body == b""


def test_a_body_sent_byte_by_byte(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        post(c, "/take", "Transfer-Encoding: chunked")
        for byte in chunk(b"hello") + chunk(b"world") + b"0\r\n\r\n":
            c.send(bytes([byte]))
        assert c.response().json["adler"] == zlib.adler32(b"helloworld")


def test_a_large_upload_takes_little_memory(daemon):
    d = daemon(STREAM, server="body_memory = 256K")
    data = pattern(1_000_000)
    with d.connect() as c:
        post(c, "/take?size=1000", "Content-Length: 1000000").send(data)
        c.response()
        before = resident(d)
        post(c, "/take", "Content-Length: 20000000")
        adler = 1
        for _ in range(20):
            c.send(data)
            adler = zlib.adler32(data, adler)
        r = c.response()
        assert r.json["len"] == 20_000_000 and r.json["adler"] == adler
        assert resident(d) - before < (3 << 20) * SLOW * SLOW


def test_a_slow_handler_lets_the_client_wait(daemon):
    d = daemon(STREAM, server="body_memory = 64K\nbody_timeout = 300ms")
    stats = Stats(d)
    size = 30_000_000
    data = pattern(size)
    before = resident(d)
    with small_window(d) as c:
        sent = 0
        post(c, f"/slow?size={1 << 20}", f"Content-Length: {size}")
        go(d)
        c.sock.settimeout(0.5)
        try:
            while True:
                sent += c.sock.send(data[sent:sent + 65536])
        except TimeoutError:
            pass
        assert stats.now()["running"] == 1 and sent < size // 2, sent
        assert resident(d) - before < (3 << 20) * SLOW * SLOW
        # Its own pauses are no reason to end it, nor is body_timeout then.
        c.sock.settimeout(30 * SLOW)

        def let_go():
            while stats.now()["running"]:
                go(d)
        join = background(let_go)
        c.send(data[sent:])
        r = c.response()
        assert r.json == {"len": size, "adler": zlib.adler32(data)}
        join()


@pytest.mark.parametrize("framing, start", [("Content-Length: 10", b"abc"),
                                            ("Content-Length: 10", b""),
                                            ("Transfer-Encoding: chunked", b"3\r\nabc\r\n")])
def test_a_body_that_stops_is_a_timeout(daemon, framing, start):
    d = daemon(STREAM, server="body_timeout = 200ms")
    stats = Stats(d)
    with d.connect() as c:
        begin = time.monotonic()
        r = post(c, "/take", framing).send(start).response()
        assert r.status == 408 and r.header("Connection") == "close" and c.is_closed()
        assert 0.19 < time.monotonic() - begin < 2 * SLOW
    stats.wait(rc=-errno.ETIMEDOUT, received=len(start) and 3, cancelled=0)
    assert "failed" not in d.log
    # A handler that does not look gets no good answer through.
    with d.connect() as c:
        assert post(c, "/take?keep=1", framing).send(start).response().status == 408


def test_a_slow_but_steady_body_is_taken(daemon):
    d = daemon(STREAM, server="body_timeout = 400ms\nbody_rate_min = off")
    with d.connect() as c:
        post(c, "/take", "Content-Length: 8")
        for i in range(8):
            time.sleep(0.1)  # the slow client is what is tested
            c.send(str(i))
        assert c.response().json["adler"] == zlib.adler32(b"01234567")


def test_a_body_above_body_max_is_refused(daemon):
    d = daemon(STREAM, server="body_max = 100K")
    stats = Stats(d)
    with d.connect() as c:
        # Known from the head: no token is spent.
        assert post(c, "/take", "Content-Length: 102401").response().status == 413
        assert c.is_closed()
    assert stats.now()["ended"] == 0
    with d.connect() as c:
        post(c, "/take", "Transfer-Encoding: chunked").send(chunk(b"x" * 102400))
        stats.wait(received=102400)
        r = c.send(chunk(b"y")).response()
        assert r.status == 413 and r.header("Connection") == "close" and c.is_closed()
    stats.wait(rc=-errno.EMSGSIZE)
    with d.connect() as c:
        post(c, "/take", "Transfer-Encoding: chunked").send(chunk(b"x" * 102400) + b"0\r\n\r\n")
        assert c.response().json["len"] == 102400


def test_bad_chunks_are_refused(daemon):
    d = daemon(STREAM)
    stats = Stats(d)
    for ended, bad in enumerate((b"3\r\nabcX", b"xyz\r\n", b"3\nabc\r\n"), 1):
        with d.connect() as c:
            post(c, "/take", "Transfer-Encoding: chunked").send(chunk(b"good"))
            stats.wait(running=1)
            r = c.send(bad).response()
            assert r.status == 400 and r.header("Connection") == "close" and c.is_closed()
        stats.wait(ended=ended, rc=-errno.EBADMSG)
    with d.connect() as c:
        post(c, "/whole", "Transfer-Encoding: chunked").send(b"5\r\nhellX")
        c.send(b"YZ\r\n")
        assert c.response().status == 400


def test_a_client_that_goes_ends_the_wait_for_its_body(daemon):
    d = daemon(STREAM + pool(thread_tokens=1))
    stats = Stats(d)
    leave = [lambda c: c.reset(), lambda c: c.close(), lambda c: c.half_close()]
    for ended, go_away in enumerate(leave * 2, 1):
        c = d.connect()
        post(c, "/take", "Content-Length: 10").send(b"abc")
        stats.wait(received=3 * ended)
        go_away(c)
        stats.wait(ended=ended, running=0, rc=-errno.EPIPE, cancelled=1)
        c.close()


def test_the_time_limit_ends_the_wait_for_a_body(daemon):
    d = daemon(STREAM + pool(timeout="300ms"))
    stats = Stats(d)
    with d.connect() as c:
        r = post(c, "/take", "Content-Length: 10").send(b"abc").response()
        assert r.status == 504 and r.header("Connection") == "close" and c.is_closed()
    stats.wait(running=0, rc=-errno.ETIMEDOUT, cancelled=1)


def test_the_whole_of_a_live_body_in_one_block(daemon):
    d = daemon(STREAM, server="body_memory = 10K")
    data = pattern(500_000)
    for first in (0, 1, 9_999):
        for framing in ("Content-Length: 500000", "Transfer-Encoding: chunked"):
            with d.connect() as c:
                post(c, f"/whole?size={first}", framing)
                c.send(data if "Length" in framing else chunk(data) + b"0\r\n\r\n")
                assert c.response().json == {
                    "first": first, "len": 500_000 - first, "adler": zlib.adler32(data[first:]),
                    "nul": True, "again": True}
    with d.connect() as c:
        r = post(c, "/whole", "Transfer-Encoding: chunked").send(b"0\r\n\r\n").response()
        assert r.json["len"] == 0 and r.json["again"]


def test_a_small_rest_that_was_not_read_is_dropped(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        for sends_late in (False, True):
            post(c, "/refuse", "Content-Length: 50000").send(b"x" * 100)
            if not sends_late:
                c.send(b"x" * 49_900)
            r = c.response()
            assert r.status == 422 and r.header("Connection") is None
            if sends_late:
                c.send(b"x" * 49_900)
        r = post(c, "/take?most=10", "Content-Length: 60000").send(b"y" * 60000).response()
        assert r.json["len"] == 10
        assert c.get("/stats").response().json["running"] == 0


@pytest.mark.parametrize("framing", ["Content-Length: 10000000", "Transfer-Encoding: chunked"])
def test_a_large_rest_that_was_not_read_closes_the_connection(daemon, framing):
    d = daemon(STREAM)
    with d.connect() as c:
        post(c, "/take?most=10", framing)
        c.send(b"y" * 100_000 if "Length" in framing else chunk(b"y" * 100_000))
        r = c.response()
        assert r.json["len"] == 10 and r.header("Connection") == "close"
        assert c.is_closed()


def test_a_client_that_half_closed_behind_an_unread_body_gets_its_answer(daemon):
    d = daemon(STREAM, server="body_memory = 10K")
    for path in ("/refuse", "/take?most=10", "/take?most=10&keep=1"):
        for _ in range(10):
            with d.connect() as c:
                post(c, path, "Content-Length: 200000").send(b"x" * 200_000).half_close()
                r = c.response()
                assert r.status in (200, 422) and r.header("Connection") == "close"
                assert c.is_closed()


def test_who_asks_before_sending_is_told_to_by_the_first_read(daemon):
    d = daemon(STREAM)
    expect = "Expect: 100-continue"
    with d.connect() as c:
        post(c, "/take", "Content-Length: 5", expect)
        assert c.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue"
        assert c.send(b"hello").response().json["len"] == 5
        # A handler that does not read has not asked for it.
        r = post(c, "/refuse", "Content-Length: 5", expect).response()
        assert r.status == 422 and r.interim == [] and r.header("Connection") == "close"
        assert c.is_closed()
    with d.connect() as c:
        r = post(c, "/take", "Content-Length: 5", expect).send(b"hello").response()
        assert r.json["len"] == 5


def test_a_live_route_takes_requests_without_a_body(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        assert c.get("/refuse?status=200").response().status == 200
        assert post(c, "/take").response().json["len"] == 0
        assert post(c, "/whole", "Content-Length: 0").response().json["len"] == 0
        assert post(c, "/echo").response().body == b""


def test_a_nested_handler_reads_the_live_body(daemon):
    assert daemon(STREAM).post("/nested", b"hello").json["len"] == 5


def test_who_waits_in_line_with_a_live_body_is_read_later(daemon):
    d = daemon(STREAM + pool(thread_tokens=1, queue_max=1, queue_timeout="300ms"),
               server="io_threads = 1")
    stats = Stats(d)
    with d.connect() as first, d.connect() as second, d.connect() as third:
        post(first, "/take", "Content-Length: 5").send(b"hel")
        stats.wait(running=1)
        post(second, "/take", "Content-Length: 50000").send(b"x" * 100)
        stats.now()
        post(third, "/take", "Content-Length: 100000").send(b"x" * 100)
        r = third.response()
        assert r.status == 503 and r.header("Connection") == "close" and third.is_closed()
        r = second.response()
        assert r.status == 503 and r.header("Connection") is None
        # Its rest is dropped, and it may try again.
        second.send(b"x" * 49_900)
        post(second, "/take", "Content-Length: 5").send(b"hello")
        assert first.send(b"lo").response().json["len"] == 5
        assert second.response().json["len"] == 5


def echo_both_ways(d, size, framing, piece):
    data = pattern(size)
    with d.connect() as c:
        post(c, f"/echo?size={piece}", framing)

        def send():
            if "Length" in framing:
                c.send(data)
            else:
                for at in range(0, size, 70_000):
                    c.send(chunk(data[at:at + 70_000]))
                c.send(b"0\r\n\r\n")
        join = background(send)
        r = c.response()
        join()
        assert len(r.body) == size and digest(r.body) == digest(data)
        return c.get("/stats").response().status == 200


@pytest.mark.parametrize("framing", ["Content-Length: 30000000", "Transfer-Encoding: chunked"])
def test_an_echo_larger_than_all_buffers(daemon, framing):
    d = daemon(STREAM)
    before = resident(d)
    assert echo_both_ways(d, 30_000_000, framing, 50_000)
    assert resident(d) - before < (4 << 20) * SLOW * SLOW


def test_an_echo_on_a_connection_that_ends_with_it(daemon):
    d = daemon(STREAM)
    data = pattern(3_000_000)
    for version, header in (("1.0", "X-Nothing: 1"), ("1.1", "Connection: close")):
        with d.connect() as c:
            c.send(f"POST /echo HTTP/{version}\r\nHost: a\r\n{header}\r\n"
                   "Content-Length: 3000000\r\n\r\n")
            join = background(lambda c=c: c.send(data))
            r = c.response()
            join()
            assert r.body == data and r.header("Connection") == "close"


def test_an_answer_may_begin_before_the_body_is_read(daemon):
    d = daemon(STREAM)
    with d.connect() as c:
        post(c, "/early", "Content-Length: 5")
        c.head()
        c.until(b"early\n\r\n")
        c.send(b"hello")
        assert c.until(b"0\r\n\r\n") == b"5\r\nhello\r\n"
        assert c.get("/none").response().status == 200


def test_a_bad_body_behind_the_head_of_the_answer_cuts_it(daemon):
    d = daemon(STREAM, server="body_timeout = 200ms")
    for bad in (b"zzz\r\n", b""):
        with d.connect() as c:
            post(c, "/early", "Transfer-Encoding: chunked")
            c.head()
            c.until(b"early\n\r\n")
            c.send(chunk(b"hello") + bad)
            with pytest.raises(Closed):
                c.chunks()
    d.logged(r"stream\.early.*cut")


def test_a_client_that_sends_and_never_reads_is_cut_at_write_timeout(daemon):
    d = daemon(STREAM + pool(thread_tokens=1), server="write_timeout = 300ms")
    stats = Stats(d)
    with small_window(d) as c:
        post(c, "/echo", "Content-Length: 60000000")
        try:
            c.send(pattern(60_000_000))
        except (ConnectionResetError, BrokenPipeError):
            pass
        stats.wait(running=0, rc=-errno.ETIMEDOUT, cancelled=1)
        assert stats.now()["received"] < 20_000_000


def test_stopping_waits_for_a_live_body(daemon):
    d = daemon(STREAM)
    stats = Stats(d)
    with d.connect() as c, d.connect() as both:
        post(c, "/take", "Content-Length: 10").send(b"hello")
        post(both, "/early", "Content-Length: 10").send(b"hello")
        both.head()
        stats.wait(running=2, received=10)
        d.signal()
        d.logged("stopping")
        r = c.send(b"world").response()
        assert r.json["len"] == 10 and r.header("Connection") == "close" and c.is_closed()
        both.send(b"world").until(b"0\r\n\r\n")
        assert both.is_closed()
    assert d.wait() == 0


def test_a_unix_socket_streams_both_ways(daemon, tmp_path):
    d = daemon(STREAM, server=f"listen = unix:{tmp_path}/sock\nlisten = 127.0.0.1:0")
    data = pattern(2_000_000)
    with d.connect(socket.AF_UNIX) as c:
        post(c, "/echo", "Content-Length: 2000000")
        join = background(lambda: c.send(data))
        assert c.response().body == data
        join()


def test_many_echoes_at_once(daemon):
    d = daemon(STREAM + pool(thread_tokens=8, queue_timeout="60s"))
    stats = Stats(d)

    def one(i):
        for n in range(3):
            if (i + n) % 4 == 0:
                c = d.connect()
                post(c, "/echo?size=100", "Content-Length: 1000000").send(pattern(200_000))
                (c.reset if i % 2 else c.close)()
                continue
            framing = ("Content-Length: 300000", "Transfer-Encoding: chunked")[n % 2]
            assert echo_both_ways(d, 300_000, framing, 1 + 3001 * i)
    d.many(16, one)
    stats.wait(running=0)


def test_an_inline_handler_with_a_live_body_is_refused(tmp_path):
    source = tmp_path / "both.c"
    source.write_text("""#include <weir/module.h>
        static int f(struct weir_request *req, struct weir_response *res)
        { (void)req; return weir_text(res, 200, ""); }
        WEIR_MODULE(.name = "both", .routes = WEIR_ROUTES(
            WEIR_ROUTE("POST", "/", f, WEIR_INLINE | WEIR_LIVE_BODY)))""")
    so = tmp_path / "both.so"
    include = os.path.join(os.environ["top_srcdir"], "src", "include")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", f"-I{include}", str(source),
                    "-o", str(so)], check=True)
    done = run("inspect", str(so))
    assert done.returncode != 0
    assert "handler 'f' is inline and has a live body" in done.err + done.out


def test_a_small_write_buffer_is_enough_for_any_stream(daemon):
    d = daemon(STREAM, server="write_buffer = 4K")
    r = d.get("/send?size=1000000&piece=9000")
    assert r.status == 200 and len(r.body) == 1000000
    with d.connect() as c:
        c.send(b"GET /inline HTTP/1.1\r\nHost: a\r\n\r\n" * 500)
        for _ in range(500):
            assert c.response().status == 200
