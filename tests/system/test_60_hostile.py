"""Clients that are slow, rude, broken or many."""
import os
import random
import resource
import socket
import threading
import time

import pytest

from weirlib import SLOW, Closed, section, wait_for

DEMO, GATE, PROBE = section("demo"), section("gate"), section("probe")


def serves(d):
    """All is as it was: both kinds of handlers answer."""
    assert d.get("/inline").status == 200
    assert d.get("/noop").status == 200
    return True


def test_a_slow_head_is_answered_408_at_header_timeout(daemon):
    d = daemon(DEMO, server="header_timeout = 300ms")
    with d.connect() as c:
        start = time.monotonic()
        c.send("GET /inline HTTP/1.1\r\n")
        # Going on byte by byte gives no more time.
        c.sock.settimeout(0.05)
        while time.monotonic() - start < 5 * SLOW:
            try:
                c.more()
                break
            except TimeoutError:
                c.send("X")
        c.sock.settimeout(15 * SLOW)
        r = c.response()
        took = time.monotonic() - start
        assert r.status == 408 and r.header("Connection") == "close"
        assert 0.29 < took < 1.0 * SLOW, took
        assert c.is_closed()
    assert serves(d)


def test_a_connection_that_never_says_anything_is_closed(daemon):
    d = daemon(DEMO, server="header_timeout = 200ms")
    with d.connect() as c:
        start = time.monotonic()
        assert c.is_closed()
        assert time.monotonic() - start < 2 * SLOW


@pytest.mark.parametrize("head", ["Content-Length: 10\r\n\r\nabc",
                                  "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
def test_a_body_that_stops_is_answered_408_at_body_timeout(daemon, head):
    d = daemon(DEMO, server="body_timeout = 200ms")
    with d.connect() as c:
        start = time.monotonic()
        r = c.send("POST /echo HTTP/1.1\r\nHost: a\r\n" + head).response()
        assert r.status == 408 and 0.19 < time.monotonic() - start < 1 * SLOW
        assert c.is_closed()
    assert serves(d)


def test_a_body_that_comes_slowly_but_steadily_is_taken(daemon):
    d = daemon(DEMO, server="body_timeout = 400ms\nbody_rate_min = off")
    with d.connect() as c:
        c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
        for i in range(8):
            time.sleep(0.1)  # the slow client is what is tested
            c.send(str(i))
        assert c.response().body == b"01234567"


def test_a_client_that_does_not_read_is_closed_at_write_timeout(daemon, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 30_000_000)
    d = daemon(PROBE + DEMO, server="write_timeout = 300ms")
    before = d.descriptors()
    for path in ("/take?size=30000000", f"/file?path={tmp_path}/file"):
        with d.connect() as c:
            c.get(path)
            c.head()
            wait_for(lambda: d.descriptors() <= before, 5)
            with pytest.raises((Closed, ConnectionResetError)):
                c.take(30_000_000)
    with d.connect() as c:
        # Small answers that nobody takes, too.
        c.sock.settimeout(0.2)
        text = b"GET /take?size=16000 HTTP/1.1\r\nHost: a\r\n\r\n" * 1000
        try:
            for _ in range(50):
                c.send(text)
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        wait_for(lambda: d.descriptors() <= before, 5)
    assert serves(d)


def test_a_client_that_reads_slowly_but_steadily_gets_everything(daemon):
    d = daemon(PROBE, server="write_timeout = 300ms")
    size = 6_000_000
    with d.connect() as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.get(f"/take?size={size}")
        c.head()
        c.take_slowly(size, 50_000, 0.02)  # 2.5 MB a second


@pytest.mark.parametrize("reads", [True, False])
def test_an_answer_that_the_system_has_is_not_left_to_it(daemon, reads):
    """All is written, and the connection idle, before the client has taken any of it."""
    d = daemon(PROBE, server="write_timeout = 300ms\nkeepalive_timeout = 300ms")
    before, size = d.descriptors(), 1_000_000
    with d.connect() as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.get(f"/take?size={size}")
        c.head()
        if not reads:
            wait_for(lambda: d.descriptors() <= before, 5)
            with pytest.raises(ConnectionResetError):
                c.take(size)
            return
        c.take_slowly(size, 10_000, 0.01)
        assert c.is_closed()


def test_abandoned_pipelines_are_dropped(daemon):
    d = daemon(DEMO)
    before = d.descriptors()
    for i in range(30):
        c = d.connect()
        c.send("GET /noop HTTP/1.1\r\nHost: a\r\n\r\nGET /inline HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
        if i % 2:
            c.reset()
        else:
            c.close()
    wait_for(lambda: d.descriptors() <= before)
    assert serves(d)


def test_a_reset_while_the_handler_runs_harms_nothing(daemon):
    d = daemon(DEMO + GATE)
    before = d.descriptors()
    for _ in range(20):
        c = d.connect().get("/sleep?ms=50")
        c.reset()
    held = [d.connect().get("/hold") for _ in range(10)]
    wait_for(lambda: d.get("/gate").json["holding"] == 10)
    for c in held:
        c.reset()
    wait_for(lambda: d.get("/gate").json["cancelled"] == 10)
    wait_for(lambda: d.get("/sleep/stats").json["running"] == 0)
    wait_for(lambda: d.descriptors() <= before)
    assert serves(d)


@pytest.mark.parametrize("text", ["", "GET /no", "GET /inline HTTP/1.1\r\nHost: a\r\n\r\nGET /no",
                                  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab"])
def test_a_reset_right_behind_some_bytes_is_noticed_at_once(daemon, text):
    d = daemon(DEMO)
    before = d.descriptors()
    for _ in range(10):
        d.connect().send(text).reset()
    wait_for(lambda: d.descriptors() <= before, 3)


def test_300_connections_that_come_and_go_at_random(daemon):
    d = daemon(DEMO + GATE + "[pool default]\nthread_tokens = 4\nqueue_max = 20\n"
               "queue_timeout = 100ms\ntimeout = 200ms\n")
    before = d.descriptors()
    seed = random.randrange(1 << 30)
    rnd = random.Random(seed)
    live = []
    text = ("GET /noop HTTP/1.1\r\nHost: a\r\n\r\n", "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n", "GET /sleep?ms=3 HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "GET /no",
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "\0\r\n\r\n")
    try:
        for _ in range(300):
            live.append(d.connect())
            for _ in range(rnd.randrange(4)):
                c = rnd.choice(live)
                try:
                    c.send(rnd.choice(text))
                except (BrokenPipeError, ConnectionResetError):
                    pass
            if len(live) > 60 or rnd.random() < 0.3:
                c = live.pop(rnd.randrange(len(live)))
                rnd.choice([c.close, c.reset, lambda c=c: c.close()])()
        for c in live:
            rnd.choice([c.close, c.reset])()
        d.post("/release?n=1000")
        wait_for(lambda: d.descriptors() <= before)
        assert serves(d)
    except BaseException:
        print("seed", seed)
        raise


def test_running_out_of_descriptors_is_survived(daemon):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    d = daemon(DEMO, server="connections_max = inf", preexec=limit)
    before = d.descriptors()
    many = [d.connect() for _ in range(60)]
    d.logged("cannot accept connections")
    # Those that were taken make room for the others by their end.
    for c in many:
        c.get("/noop", "Connection: close")
    for c in many:
        assert c.response().status == 200
        c.close()
    wait_for(lambda: d.descriptors() <= before)
    assert serves(d)
    assert len(d.lines_with("cannot accept")) <= 2 + 60, "the log must not be flooded"


def test_a_body_that_cannot_be_spooled_for_lack_of_descriptors_is_an_error(daemon):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    d = daemon(DEMO, server="connections_max = inf", preexec=limit)
    before = d.descriptors()
    with d.connect() as c:
        # In the middle of a head: idle, it would have to make room.
        c.send(b"POST /echo HTTP/1.1\r\nHost: a\r\n")
        wait_for(lambda: d.descriptors() > before)
        others = [d.connect() for _ in range(60)]
        d.logged("cannot accept connections")
        wait_for(lambda: d.descriptors() == 40)
        c.send(b"Content-Length: 400000\r\n\r\n" + b"x" * 400000)
        assert c.response().status in (500, 503, 507)
        for other in others:
            other.close()
    wait_for(lambda: d.descriptors() <= before)
    assert serves(d)


def test_garbage_is_refused_and_harms_nothing(daemon):
    d = daemon(DEMO)
    seed = random.randrange(1 << 30)
    rnd = random.Random(seed)
    good = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    for i in range(300):
        data = bytearray(good * 3)
        for _ in range(rnd.randrange(1, 6)):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        if i % 3 == 0:
            data = rnd.randbytes(rnd.randrange(1, 3000))
        with d.connect() as c:
            try:
                c.send(bytes(data)).half_close()
                answer = c.rest()
            except (ConnectionResetError, BrokenPipeError, OSError):
                continue
            assert answer == b"" or answer.startswith(b"HTTP/1.1 "), f"seed {seed}: {answer[:100]}"
    assert serves(d)


def test_a_tls_client_is_refused(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        c.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\n\r\n\r\n")
        data = c.rest()
        assert data == b"" or data.startswith(b"HTTP/1.1 400 ")
    assert serves(d)


def test_memory_does_not_grow_with_requests(daemon):
    d = daemon(DEMO + PROBE)

    def resident():
        with open(f"/proc/{d.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * resource.getpagesize()

    def requests(count):
        with d.connect() as c:
            for _ in range(count):
                c.send("GET /noop HTTP/1.1\r\nHost: a\r\n\r\nGET /headers HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
                for _ in range(40):
                    assert c.response().status == 200
    requests(30)
    before = resident()
    requests(100)
    assert resident() - before < (4 << 20) * SLOW * SLOW


@pytest.mark.parametrize("pair", [b"a&", b"name=%&"], ids=["others", "undecodable"])
def test_the_pairs_of_a_form_take_no_memory_each(daemon, pair):
    d = daemon(PROBE)
    size = 16 << 20

    def peak():
        with open(f"/proc/{d.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) << 10
    before = peak()
    r = d.post("/form?name=name", pair * (size // len(pair)),
               Content_Type="application/x-www-form-urlencoded")
    assert r.json == {"value": None}
    assert SLOW > 1 or peak() - before < size + (8 << 20)


def test_many_idle_connections_hold_no_buffers(daemon):
    d = daemon(DEMO)
    many = [d.connect() for _ in range(400)]
    for c in many:
        assert c.get("/inline").response().status == 200
    assert serves(d)
    for c in many:
        c.close()


@pytest.mark.parametrize("kept", ["1M", "100K"], ids=["in memory", "partly in the spool"])
def test_large_bodies_arrive_whole_however_they_come(daemon, kept):
    """What is received where it will be read, in pieces, and next to other requests."""
    d = daemon(DEMO, server=f"io_threads = 1\nbody_memory = {kept}")
    bodies = [os.urandom(n) for n in (300000, 16384, 65535, 1000, 65536, 131072, 0, 262145)]
    heads = [b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(b)
             for b in bodies]
    everything = b"".join(h + b for h, b in zip(heads, bodies))
    with d.connect() as c:
        for step in (len(everything), 65536, 50001):
            sender = threading.Thread(target=lambda by: [
                c.send(everything[at:at + by]) for at in range(0, len(everything), by)],
                args=(step,))
            sender.start()
            for body in bodies:
                assert c.response().body == body
            sender.join()
