"""Stopping: what was accepted is answered, nothing new begins, the end comes in time."""
import os
import signal
import time

import pytest

from weirlib import SLOW, section, wait_for

DEMO = section("demo")


def test_calls_that_run_and_that_wait_are_answered(daemon):
    d = daemon(section("demo") + "[pool default]\nthread_tokens = 2\n")
    calls = [d.connect().get("/sleep?ms=200") for _ in range(6)]
    wait_for(lambda: d.get("/sleep/stats").json["running"] == 2)
    # All six have been taken: each I/O thread answered later connections.
    d.signal()
    for c in calls:
        r = c.response()
        assert r.status == 200 and r.header("Connection") == "close"
        assert c.is_closed()
    assert d.wait() == 0
    assert d.logged("notice: stopped")


def test_a_connection_that_waits_to_be_accepted_is_answered(daemon):
    d = daemon(DEMO, server="io_threads = 1")
    os.kill(d.pid, signal.SIGSTOP)
    waiting = [d.connect().get("/noop") for _ in range(20)]
    d.signal()
    os.kill(d.pid, signal.SIGCONT)
    for c in waiting:
        assert c.response().status == 200
        assert c.is_closed()
        c.close()
    assert d.wait() == 0


def test_idle_connections_are_closed_and_new_ones_refused(daemon):
    d = daemon(DEMO)
    idle = [d.connect() for _ in range(5)]
    for c in idle:
        assert c.get("/inline").response().status == 200
    busy = d.connect().get("/sleep?ms=500")
    wait_for(lambda: d.get("/sleep/stats").json["running"] == 1)
    d.signal()
    for c in idle:
        assert c.is_closed()

    def refused():
        try:
            d.connect().close()
            return False
        except ConnectionRefusedError:
            return True
    wait_for(refused)
    assert busy.response().status == 200
    assert d.wait() == 0


def test_a_request_under_way_is_finished(daemon):
    d = daemon(DEMO)
    with d.connect() as c:
        c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        assert d.get("/inline").status == 200
        d.signal()
        d.logged("stopping")
        r = c.send("world").response()
        assert r.body == b"helloworld" and r.header("Connection") == "close"
        assert c.is_closed()
    assert d.wait() == 0


def test_a_large_answer_is_sent_to_its_end(daemon):
    d = daemon(section("probe"))
    with d.connect() as c:
        c.get("/take?size=20000000")
        c.head()
        d.signal()
        d.logged("stopping")
        assert len(c.take(20_000_000)) == 20_000_000
    assert d.wait() == 0


def test_a_client_that_was_not_told_of_the_end_may_ask_once_more(daemon):
    """Its answer's head was out before the stop, without `Connection: close`."""
    d = daemon(section("probe"))
    with d.connect() as c:
        c.get("/take?size=20000000")
        head = c.head()
        d.signal()
        d.logged("stopping")
        c.get("/take?size=10")
        assert len(c.take(20_000_000)) == 20_000_000
        r = c.response()
        assert r.status == 200 and len(r.body) == 10 and r.header("Connection") == "close"
        assert c.is_closed()
    assert "Connection" not in dict(head[3])
    assert d.wait() == 0


@pytest.mark.parametrize("asks", [True, False])
def test_a_client_whose_answers_are_not_written_yet_may_ask_once_more(daemon, asks):
    d = daemon(section("probe"), server="write_buffer = 64M\nio_threads = 1")
    count, size = 4000, 4096
    with d.connect() as c:
        c.send(f"GET /take?size={size} HTTP/1.1\r\nHost: a\r\n\r\n" * count)
        wait_for(lambda: d.get("/frees").json["frees"] == count)
        d.signal()
        d.logged("stopping")
        if asks:
            c.get("/take?size=10")
        for _ in range(count):
            assert len(c.response().body) == size
        if asks:
            r = c.response()
            assert len(r.body) == 10 and r.header("Connection") == "close"
        assert c.is_closed()
    assert d.wait() == 0


def test_nothing_to_do_ends_at_once(daemon):
    d = daemon(DEMO)
    start = time.monotonic()
    d.signal()
    assert d.wait() == 0
    assert time.monotonic() - start < 0.5 * SLOW


def test_the_modules_end_behind_their_threads_and_tasks(daemon):
    d = daemon(section("probe_work") + "[pool default]\nthread_tokens = 4\n")
    assert d.many(8, lambda i: d.get("/data").status) == [200] * 8
    assert d.post("/tasks?order=5&group=5").status == 200
    d.signal()
    assert d.wait() == 0
    assert d.logged(r'"probe_work": fini: 0 threads left, 0 arguments left')


def test_a_second_signal_ends_at_once(daemon):
    d = daemon(DEMO)
    c = d.connect().get("/sleep?ms=20000")
    wait_for(lambda: d.get("/sleep/stats").json["running"] == 1)
    start = time.monotonic()
    d.signal()
    d.logged("stopping")
    assert d.is_running()
    d.signal()
    d.wait()
    assert time.monotonic() - start < 2 * SLOW
    c.close()


def test_a_handler_that_does_not_return_is_named_and_left_behind(daemon):
    d = daemon(DEMO + "[pool default]\nthread_tokens = 1\n", server="drain_timeout = 300ms")
    runs = d.connect().get("/sleep?ms=30000", "X-Request-Id: stuck-one")
    wait_for(lambda: d.get("/sleep/stats").json["running"] == 1)
    waits = d.connect().get("/noop", "X-Request-Id: waiting-one")
    d.get("/inline")
    start = time.monotonic()
    d.signal()
    assert d.wait() == 0
    assert 0.29 < time.monotonic() - start < 0.3 + 1 * SLOW
    d.logged(r"warning: .*stuck-one.*GET /sleep still runs in pool \"default\" after \d+ ms")
    assert "waiting-one" in d.log
    runs.close()
    waits.close()


def test_drain_timeout_0_waits_for_nothing(daemon):
    d = daemon(DEMO, server="drain_timeout = 0s")
    c = d.connect().get("/sleep?ms=30000")
    wait_for(lambda: d.get("/sleep/stats").json["running"] == 1)
    start = time.monotonic()
    d.signal()
    assert d.wait() == 0
    assert time.monotonic() - start < 1 * SLOW
    c.close()


def test_a_client_that_sends_nothing_does_not_hold_the_end_up(daemon):
    d = daemon(DEMO, server="drain_timeout = 20s\nheader_timeout = 1s")
    silent = [d.connect() for _ in range(3)]
    half = d.connect().send("GET /inl")
    d.get("/inline")
    start = time.monotonic()
    d.signal()
    assert d.wait() == 0
    assert time.monotonic() - start < 4 * SLOW
    for c in silent + [half]:
        c.close()


def test_descriptors_stay_constant_over_500_requests(daemon):
    d = daemon(DEMO)

    def requests(count):
        for i in range(count):
            path = ("/inline", "/noop", "/none", "/fail?how=errno")[i % 4]
            d.get(path)
    requests(20)
    before = d.descriptors()
    requests(500)
    wait_for(lambda: d.descriptors() <= before)


def test_signals_that_mean_no_stop_do_not_stop(daemon, tmp_path):
    path = tmp_path / "access.log"
    d = daemon(DEMO, server=f"access_log = {path}")
    d.get("/inline")
    wait_for(path.exists)
    path.rename(tmp_path / "old.log")
    d.signal(signal.SIGUSR1)
    wait_for(path.exists)
    d.signal(signal.SIGHUP)
    d.signal(signal.SIGPIPE)
    assert d.get("/noop").status == 200
    wait_for(lambda: "GET /noop" in path.read_text())


def test_the_port_is_free_at_once_for_the_next_daemon(daemon):
    d = daemon(DEMO)
    c = d.connect()
    assert c.get("/inline").response().status == 200
    d.stop()
    again = daemon(DEMO, server=f"listen = 127.0.0.1:{d.port}")
    assert again.port == d.port and again.get("/inline").status == 200
    c.close()
