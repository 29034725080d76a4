"""HTTP as clients speak it: framing, order, limits, refusals."""
import os
import signal
import socket
import time
import zlib

import pytest

from weirlib import Daemon, run, section, wait_for

DEMO = section("demo")
PROBE = section("probe")
GATE = section("gate")
INLINE = "GET /inline HTTP/1.1\r\nHost: test\r\n\r\n"


def test_a_request_is_answered_with_date_length_and_id(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        r = c.get("/inline").response()
        assert r.status == 200 and r.version == "HTTP/1.1" and r.reason == "OK"
        assert r.header("Date").endswith(" GMT") and len(r.header("Date")) == 29
        assert int(r.header("Content-Length")) == len(r.body) == len("hello, inline\n")
        assert r.header("Content-Type").startswith("text/plain")
        assert len(r.header("X-Request-Id")) >= 8
        assert r.header("Connection") is None


def test_a_connection_serves_one_request_after_the_other(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        ids = set()
        for i in range(200):
            r = c.get("/noop" if i % 2 else "/inline").response()
            assert r.text == ("hello, worker\n" if i % 2 else "hello, inline\n")
            ids.add(r.header("X-Request-Id"))
        assert len(ids) == 200


def test_an_id_that_the_client_gives_is_adopted_when_it_is_sane(daemon):
    d = daemon(PROBE)
    with d.connect() as c:
        r = c.get("/request", "X-Request-Id: abc-1_2.Z").response()
        assert r.header("X-Request-Id") == "abc-1_2.Z" == r.json["id"]
        for bad in ("two words", "x" * 1000, "a\"b", "a;b"):
            r = c.get("/request", f"X-Request-Id: {bad}").response()
            assert r.header("X-Request-Id") not in (bad, "") and r.header("X-Request-Id") == r.json["id"]


def test_pipelined_requests_are_answered_in_order(daemon):
    d = daemon(DEMO + PROBE)
    with d.connect() as c:
        # Slow, inline, quick, unknown: the answers must not overtake.
        text = ""
        for i, path in enumerate(["/sleep?ms=100", "/inline", "/noop", "/none", "/sleep?ms=1"] * 3):
            text += f"GET {path} HTTP/1.1\r\nHost: test\r\nX-Request-Id: n{i}\r\n\r\n"
        c.send(text)
        got = [c.response() for _ in range(15)]
        assert [r.header("X-Request-Id") for r in got] == [f"n{i}" for i in range(15)]
        assert [r.status for r in got] == [200, 200, 200, 404, 200] * 3


def test_a_thousand_requests_in_one_write_are_answered_in_order(daemon):
    d = daemon(PROBE + DEMO)
    with d.connect() as c:
        c.send("".join(f"GET /{'inline' if i % 3 else 'noop'} HTTP/1.1\r\nHost: test\r\n"
                       f"X-Request-Id: n{i}\r\n\r\n" for i in range(1000)))
        for i in range(1000):
            r = c.response()
            assert r.status == 200 and r.header("X-Request-Id") == f"n{i}"
        assert c.get("/inline").response().status == 200


def test_bodies_can_be_pipelined(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        text = b""
        for i in range(50):
            body = b"%d" % i * (i + 1)
            text += b"POST /echo HTTP/1.1\r\nHost: test\r\n"
            if i % 2:
                text += b"Content-Length: %d\r\n\r\n" % len(body) + body
            else:
                text += b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        c.send(text)
        for i in range(50):
            assert c.response().body == b"%d" % i * (i + 1)


def test_head_is_answered_like_get_without_a_body(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        for path in ("/inline", "/noop", "/compute/5", "/none"):
            get = c.get(path).response()
            c.send(f"HEAD {path} HTTP/1.1\r\nHost: test\r\n\r\n")
            head = c.response("HEAD")
            assert head.status == get.status
            for name in ("Content-Type", "Content-Length"):
                assert head.header(name) == get.header(name), path
        # Framing held: the next answer is where it should be.
        assert c.get("/inline").response().text == "hello, inline\n"


def test_http_1_0_closes_unless_it_is_asked_to_keep_the_connection(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        c.send("GET /inline HTTP/1.0\r\n\r\n")
        r = c.response()
        assert r.status == 200 and r.header("Connection").lower() == "close"
        assert c.is_closed()
    with d.connect() as c:
        for _ in range(3):
            c.send("GET /noop HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            r = c.response()
            assert r.status == 200 and r.header("Connection").lower() == "keep-alive"


def test_connection_close_ends_it_after_the_answer(daemon):
    d = daemon(DEMO)
    for path in ("/inline", "/noop"):
        with d.connect() as c:
            r = c.get(path, "Connection: close").response()
            assert r.status == 200 and r.header("Connection") == "close"
            assert c.is_closed()


def test_bodies_come_with_a_length_or_in_chunks(daemon):
    d = daemon(PROBE)
    body = bytes(range(256)) * 40
    wanted = {"len": len(body), "adler": zlib.adler32(body), "nul": True}
    with d.connect() as c:
        c.send(b"POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert c.response().json == wanted
        for size in (1, 7, 4096, len(body)):
            c.send("POST /body HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
            pieces = [body[at:at + size] for at in range(0, len(body), size)]
            # All extensions together have a limit.
            ext = b";ext=\"v\\\"\"" if len(pieces) < 100 else b""
            c.send(b"".join(b"%x" % len(p) + ext + b"\r\n" + p + b"\r\n" for p in pieces))
            c.send("0\r\nX-Trailer: ignored\r\n\r\n")
            assert c.response().json == wanted, size
        c.send("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
        assert c.response().json == {"len": 0, "adler": 1, "nul": True}


def test_a_client_that_asks_first_is_told_to_go_on(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        for framing, body in (("Content-Length: 5", "hello"),
                              ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")):
            c.send(f"POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n{framing}\r\n\r\n")
            assert c.head()[1] == 100
            r = c.send(body).response()
            assert r.status == 200 and r.body == b"hello" and r.interim == []
        # What is sent along needs no permission.
        c.send("POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n"
               "Content-Length: 5\r\n\r\nhello")
        assert c.response().body == b"hello"


@pytest.mark.parametrize("head, status", [
    ("POST /none HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n", 404),
    ("DELETE /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n", 405),
    ("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n", 413),
])
def test_a_client_that_asks_first_is_refused_without_go_on(daemon, head, status):
    d = daemon(DEMO, server="body_max = 1K")
    with d.connect() as c:
        r = c.send(head + "Expect: 100-continue\r\n\r\n").response()
        assert r.status == status and r.interim == []


def test_a_client_that_asks_first_is_refused_when_the_line_is_full(daemon, tmp_path):
    log = tmp_path / "access.log"
    d = daemon(DEMO + GATE + "[pool default]\nthread_tokens = 1\nqueue_max = 0\n",
               server=f"access_log = {log}\naccess_log_format = logfmt")
    ask = "POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n" \
          "Content-Length: 5\r\n\r\n"
    with d.connect() as first:
        first.get("/hold")
        wait_for(lambda: d.get("/gate").json["holding"] == 1)
        with d.connect() as c:
            r = c.send(ask).response()
            assert r.status == 503 and r.interim == [] and "are waiting" in r.text
            assert int(r.header("Retry-After")) >= 1 and c.is_closed()
        d.post("/release?n=1")
        assert first.response().status == 200
    wait_for(lambda: "outcome=rejected reason=full" in log.read_text())
    with d.connect() as c:
        assert c.send(ask).head()[1] == 100
        assert c.send("hello").response().body == b"hello"


def test_an_unknown_expectation_is_refused(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        assert c.get("/inline", "Expect: a-miracle").response().status == 417


LONG = "x" * 20000
BAD = {
    "400 no host": (400, "GET /inline HTTP/1.1\r\n\r\n"),
    "400 two hosts": (400, "GET /inline HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    "400 no version": (400, "GET /inline\r\n\r\n"),
    "400 space before the colon": (400, "GET /inline HTTP/1.1\r\nHost : a\r\n\r\n"),
    "400 folded header": (400, "GET /inline HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    "400 NUL in a header": (400, "GET /inline HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    "400 bare CR": (400, "GET /inline HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    "400 two lengths": (400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                             "Content-Length: 2\r\n\r\nab"),
    "400 length and chunks": (400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "400 negative length": (400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
    "400 plus length": (400, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na"),
    "400 chunk size": (400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "xyz\r\n"),
    "400 chunk end": (400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "2\r\nabcd\r\n0\r\n\r\n"),
    "400 chunk of 2^64": (400, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "10000000000000000\r\n"),
    "414 target": (414, f"GET /{'x' * 9000} HTTP/1.1\r\nHost: a\r\n\r\n"),
    "431 header": (431, f"GET /inline HTTP/1.1\r\nHost: a\r\nX: {LONG}\r\n\r\n"),
    "431 head without an end": (431, f"GET /inline HTTP/1.1\r\nHost: a\r\nX: {LONG}"),
    "431 many headers": (431, "GET /inline HTTP/1.1\r\nHost: a\r\n" + "X: a\r\n" * 101 + "\r\n"),
    "501 coding": (501, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    "505 version": (505, "GET /inline HTTP/2.0\r\nHost: a\r\n\r\n"),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One daemon for all that cannot harm it."""
    d = Daemon(str(tmp_path_factory.mktemp("served")), "[server]\nlisten = 127.0.0.1:0\n" + DEMO)
    yield d
    d.stop()


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_refused_and_the_connection_closed(served, name):
    status, text = BAD[name]
    with served.connect() as c:
        # What follows must not be taken for a request.
        r = c.send(text + INLINE).response()
        assert r.status == status, r
        assert r.header("Connection") == "close"
        assert int(r.header("Content-Length")) == len(r.body) > 0
        assert r.header("X-Request-Id")
        assert c.is_closed()
    assert served.get("/inline").status == 200


@pytest.mark.parametrize("path", ["/%zz", "/%2", "/a%00b"])
def test_a_path_that_cannot_be_decoded_is_refused(served, path):
    with served.connect() as c:
        # The request's end is known, so the connection may live on.
        assert c.get(path).response().status == 400
        assert c.get("/inline").response().status == 200


def test_an_unknown_method_is_not_implemented(served):
    with served.connect() as c:
        assert c.send("BREW /inline HTTP/1.1\r\nHost: a\r\n\r\n").response().status == 501


def test_a_refused_small_body_leaves_the_connection_open(served):
    with served.connect() as c:
        for _ in range(3):
            c.send("POST /none HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n" + "x" * 1000)
            r = c.response()
            assert r.status == 404 and r.header("Connection") is None
        assert c.get("/inline").response().status == 200


@pytest.mark.parametrize("framing", ["Content-Length: 50000000", "Transfer-Encoding: chunked"])
def test_a_413_reaches_a_client_that_is_still_sending(daemon, framing):
    d = daemon(DEMO, server="body_max = 100K")
    for _ in range(5):
        with d.connect() as c:
            c.send(f"POST /echo HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n")
            if "chunked" in framing:
                c.send("100000\r\n")
            # More than all buffers between: without reading on, a reset would destroy the answer.
            sent = 0
            try:
                while sent < 300_000:
                    sent += c.sock.send(b"x" * 20_000)
            except (BrokenPipeError, ConnectionResetError):
                pass
            r = c.response()
            assert r.status == 413 and r.header("Connection") == "close"


@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_a_413_reaches_a_client_that_sends_all_before_it_reads(daemon, framing):
    d = daemon(DEMO, server="body_max = 100K")
    body = b"x" * 8_000_000
    for _ in range(5):
        assert d.post("/echo", body if framing == "sized" else iter([body])).status == 413


def test_a_client_that_half_closes_is_still_answered(daemon):
    d = daemon(DEMO + PROBE)
    for path in ("/inline", "/noop", "/sleep?ms=100", "/take?size=3000000"):
        with d.connect() as c:
            r = c.get(path).half_close().response()
            assert r.status == 200, path
            assert c.is_closed()


def test_a_client_that_half_closes_and_waits_in_line_is_still_answered(daemon):
    d = daemon(GATE + "[pool default]\nthread_tokens = 1\n")
    with d.connect() as first, d.connect() as second:
        first.get("/hold")
        wait_for(lambda: d.get("/gate").json["holding"] == 1)
        second.get("/hold").half_close()
        d.post("/release?n=2")
        assert first.response().status == 200
        assert second.response().status == 200
        assert second.is_closed()


def test_a_client_that_half_closes_a_pipeline_gets_every_answer(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        c.send("GET /noop HTTP/1.1\r\nHost: a\r\n\r\n" * 100 + INLINE * 100).half_close()
        assert [c.response().status for _ in range(200)] == [200] * 200
        assert c.is_closed()


def test_a_request_cut_short_by_a_half_close_is_not_run(daemon):
    d = daemon(DEMO)
    for text in ("GET /inl", "GET /inline HTTP/1.1\r\nHost: a\r\n",
                 "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"):
        with d.connect() as c:
            data = c.send(text).half_close().rest()
            assert data == b"" or data.startswith(b"HTTP/1.1 4")


def test_a_body_cut_short_is_in_the_access_log(daemon, tmp_path):
    log = tmp_path / "access.log"
    d = daemon(DEMO, server=f"access_log = {log}")
    for end in ("half_close", "close", "reset"):
        getattr(d.connect().send(f"POST /echo?{end} HTTP/1.1\r\nHost: a\r\n"
                                 "Content-Length: 10\r\n\r\nabc"), end)()
    for end in ("half_close", "close", "reset"):
        wait_for(lambda: f'"POST /echo?{end} HTTP/1.1" 499 - ' in log.read_text(), what=end)
    assert log.read_text().count("\n") == 3


def test_it_listens_on_several_addresses(daemon, tmp_path):
    path = str(tmp_path / "s")
    d = daemon(PROBE, server=f"listen = 127.0.0.1:0\nlisten = [::1]:0\nlisten = unix:{path}")
    assert d.get("/request").json["client"] == "127.0.0.1"
    with d.connect(socket.AF_INET6) as c:
        assert c.get("/request").response().json["client"] == "::1"
    with d.connect(socket.AF_UNIX) as c:
        for _ in range(3):
            assert c.get("/request").response().json["client"] == "unix"
    d.stop()
    assert not os.path.exists(path)


def test_a_stale_socket_file_is_replaced_and_a_live_one_is_not(daemon, tmp_path):
    path = str(tmp_path / "s")
    one = daemon(DEMO, server=f"listen = unix:{path}")
    ini = os.path.join(one.folder, "weir.ini")
    second = run("-c", ini)
    assert second.returncode == 71 and "cannot listen" in second.err
    with one.connect(socket.AF_UNIX) as c:
        assert c.get("/inline").response().status == 200
    one.kill()
    one.lines.clear()
    one.process.returncode = 0
    assert os.path.exists(path)
    two = daemon(DEMO, server=f"listen = unix:{path}")
    with two.connect(socket.AF_UNIX) as c:
        assert c.get("/inline").response().status == 200


def test_a_large_body_goes_to_the_spool_and_comes_back(daemon, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    d = daemon(DEMO + PROBE, server=f"spool_dir = {spool}\nbody_memory = 64K")
    body = os.urandom(1 << 20) * 5
    before = d.descriptors()
    r = d.post("/echo", body, Content_Type="image/png")
    assert r.body == body and r.header("Content-Type") == "image/png"
    r = d.post("/body-read?size=10000", body)
    assert r.json["adler"] == zlib.adler32(body) and r.json["len"] == len(body)
    with d.connect() as c:
        c.send("POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 500_000):
            piece = body[at:at + 500_000]
            c.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        assert c.send("0\r\n\r\n").response().json["adler"] == zlib.adler32(body)
    assert os.listdir(spool) == []
    wait_for(lambda: d.descriptors() <= before)


def test_a_spool_that_cannot_be_written_is_a_500_in_the_log(daemon, tmp_path):
    d = daemon(DEMO, server=f"spool_dir = {tmp_path}/none\nbody_memory = 1K")
    with d.connect() as c:
        c.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000)
        assert c.response().status in (500, 507)
    d.logged(r"(?i)spool|cannot.*none")
    assert d.post("/echo", b"small").body == b"small"


def test_requests_can_come_byte_by_byte(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        text = ("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
                "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: t\r\n\r\n" + INLINE)
        for byte in text.encode():
            c.send(bytes([byte]))
        assert c.response().body == b"hello"
        assert c.response().body == b"hello"
        assert c.response().text == "hello, inline\n"


def test_a_request_may_be_cut_anywhere(served):
    text = ("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" + INLINE)
    with served.connect() as c:
        for cut in range(1, len(text)):
            c.send(text[:cut])
            c.send(text[cut:])
            assert c.response().body == b"hello", cut
            assert c.response().text == "hello, inline\n", cut


def test_empty_lines_before_a_request_are_skipped(served):
    with served.connect() as c:
        c.send("\r\n\r\n" + INLINE + "\r\n" + INLINE)
        assert c.response().status == 200
        assert c.response().status == 200


def test_an_absolute_target_is_taken_apart(served):
    with served.connect() as c:
        c.send("GET http://test/inline HTTP/1.1\r\nHost: test\r\n\r\n")
        assert c.response().text == "hello, inline\n"


def test_a_204_and_a_304_have_no_body(daemon):
    d = daemon(PROBE)
    with d.connect() as c:
        for status in (204, 304):
            r = c.get(f"/status-body?n={status}").response()
            assert r.status == status
            if status == 204:
                assert r.header("Content-Length") is None
        assert c.get("/text").response().text == "text é"


@pytest.mark.parametrize("path", ["/status-body?n=205", "/status?n=205",
                                  "/stream/send?size=3000000&status=205"])
def test_a_205_says_that_its_body_is_empty(daemon, path):
    d = daemon(DEMO + PROBE + section("stream", mount="/stream"))
    with d.connect() as c:
        r = c.get(path).response()
        assert r.status == 205 and r.header("Content-Length") == "0"
        assert r.header("Content-Type") is None and r.header("Transfer-Encoding") is None
        assert c.get("/inline").response().status == 200


def test_an_echo_without_a_type_has_the_default_one(served):
    with served.connect() as c:
        for line in ("", "Content-Type:\r\n", "Content-Type: \r\n"):
            c.send(f"POST /echo HTTP/1.1\r\nHost: a\r\n{line}Content-Length: 2\r\n\r\nab")
            r = c.response()
            assert r.status == 200 and r.body == b"ab"
            assert r.header("Content-Type") == "application/octet-stream"


def test_a_large_answer_and_the_next_one_arrive_whole(daemon):
    d = daemon(PROBE)
    size = 8_000_000
    with d.connect() as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.get(f"/take?size={size}").get("/text")
        r = c.response()
        assert r.body == b"x" * size
        assert c.response().text == "text é"
    wait_for(lambda: d.get("/frees").json["frees"] == 1)


def test_an_idle_connection_is_closed_after_keepalive_timeout(daemon):
    d = daemon(DEMO, server="keepalive_timeout = 200ms")
    with d.connect(timeout=5) as c:
        assert c.get("/inline").response().status == 200
        assert c.is_closed()


def test_a_request_that_came_in_time_is_answered_however_late_it_is_seen(daemon):
    """More of them than one turn of the loop is told of."""
    d = daemon(DEMO, server="keepalive_timeout = 2s\nio_threads = 1")
    clients = [d.connect() for _ in range(48)]
    for c in clients:
        assert c.get("/inline").response().status == 200
    os.kill(d.pid, signal.SIGSTOP)
    for c in clients:
        c.get("/inline")
    time.sleep(2.5)  # so that the time of all is over
    os.kill(d.pid, signal.SIGCONT)
    for c in clients:
        assert c.response().status == 200
        c.close()


def test_the_access_log_has_a_line_for_each_request(daemon, tmp_path):
    path = tmp_path / "access.log"
    # One I/O thread: several write their lines in any order.
    d = daemon(DEMO, server=f"access_log = {path}\naccess_log_format = logfmt\nio_threads = 1")
    d.get("/inline?a=\"b", User_Agent="tester")
    d.get("/noop")
    d.get("/none")
    lines = wait_for(lambda: (lambda t: t if len(t) == 3 else None)(
        path.read_text().splitlines() if path.exists() else []))
    assert "/inline?a=" in lines[0] and " status=200 " in lines[0] and "tester" in lines[0]
    assert "target=/noop" in lines[1] and "queue_ms=" in lines[1] and "run_ms=" in lines[1]
    assert " status=404 " in lines[2]


def test_a_bare_lf_is_refused_unless_it_is_taken(daemon):
    request = "GET /inline HTTP/1.1\nHost: a\n\n"
    d = daemon(DEMO)
    with d.connect() as c:
        assert c.send(request).response().status == 400 and c.is_closed()
    d = daemon(DEMO, server="takes_bare_lf = yes")
    with d.connect() as c:
        assert c.send(request * 2).response().status == 200 and c.response().status == 200
        # Chunks are as strict as ever.
        c.send("POST /echo HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\na\n0\n\n")
        assert c.response().status == 400 and c.is_closed()


def test_headers_are_added_to_answers_that_have_none_of_the_name(daemon, tmp_path):
    (tmp_path / "a.txt").write_text("text")
    d = daemon(DEMO + PROBE
               + "[route GET /inline]\nadd_header = X-A: of the route\nadd_header = X-B: b\n"
               + f"[static /files/]\nroot = {tmp_path}\nadd_header = X-C: c; d\n",
               server="add_header = X-A: of the server\nadd_header = X-Frame-Options: DENY\n"
               "add_header = X-Set: of the server")
    r = d.get("/inline")
    assert (r.header("X-A"), r.header("X-B"), r.header("X-Frame-Options")) == \
        ("of the route", "b", "DENY")
    r = d.get("/files/a.txt")
    assert (r.header("X-A"), r.header("X-C")) == ("of the server", "c; d")
    for path in ("/noop", "/nowhere", "/files/none"):
        assert d.get(path).header("X-Frame-Options") == "DENY", path
    with d.connect() as c:
        c.send("nonsense\r\n\r\n")
        assert c.response().header("X-A") == "of the server"
    assert d.get("/set-headers").all("X-Set") == ["two"]
    for bad in ("X-A", "X A: b", "Content-Length: 5", "Content-Type: a", ": b", "Date: now"):
        done = run("--check", "-c", write(tmp_path, DEMO + f"[server]\nadd_header = {bad}\n"))
        assert done.returncode == 78 and "add_header" in done.err, bad


def write(folder, text):
    path = folder / "bad.ini"
    path.write_text(text, encoding="utf-8")
    return str(path)
