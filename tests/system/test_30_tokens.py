"""Tokens: how many blocking calls run, who waits, who is refused, who is answered late."""
import signal
import time

from weirlib import SLOW, section, wait_for

DEMO, GATE = section("demo"), section("gate")


def pool(name="default", **options):
    return f"[pool {name}]\n" + "".join(f"{k} = {v}\n" for k, v in options.items())


class Gate:
    """The fixture gate.so of a daemon, asked over one connection."""

    def __init__(self, d, path=""):
        self.d, self.path = d, path
        self.c = d.connect()

    def state(self):
        return self.c.get(self.path + "/gate").response().json

    def release(self, n):
        self.c.send(f"POST {self.path}/release?n={n} HTTP/1.1\r\nHost: test\r\n\r\n")
        assert self.c.response().status == 200

    def await_state(self, **wanted):
        wait_for(lambda: all(self.state()[k] == v for k, v in wanted.items()),
                 what=f"{wanted}, is {self.state()}")

    def hold(self, tag="", *headers):
        c = self.d.connect()
        return c.get(f"{self.path}/hold" + (f"?tag={tag}" if tag != "" else ""), *headers)

    def wait_in_line(self, tag=""):
        """A call that waits. With one I/O thread the daemon has taken it once it
        answered what was sent later."""
        c = self.d.connect()
        c.get(self.path + "/gate").response()
        c.get(f"{self.path}/hold?tag={tag}")
        self.state()
        return c

    def fill(self, count):
        """`count` calls that run."""
        before = self.state()["started"]
        held = [self.hold() for _ in range(count)]
        self.await_state(started=before + count)
        return held


def all_released(held, gate):
    gate.release(len(held))
    for c in held:
        assert c.response().status == 200
        c.close()


def sleepers(d, count, ms):
    """How long `count` concurrent sleeps take."""
    start = time.monotonic()
    got = d.many(count, lambda i: d.get(f"/sleep?ms={ms}"))
    assert [r.status for r in got] == [200] * count
    return time.monotonic() - start


def test_40_tokens_let_60_sleepers_through_in_two_waves(daemon):
    d = daemon(DEMO)
    took = sleepers(d, 60, 500)
    stats = d.get("/sleep/stats").json
    assert stats == {"running": 0, "peak": 40, "total": 60}
    assert 1.0 <= took < 1.4 * SLOW, took


def test_80_tokens_let_60_sleepers_through_in_one_wave(daemon):
    d = daemon(DEMO + pool(thread_tokens=80))
    took = sleepers(d, 60, 500)
    assert d.get("/sleep/stats").json["peak"] == 60
    assert 0.5 <= took < 0.9 * SLOW, took


def test_many_more_callers_than_tokens_never_run_beyond_them(daemon):
    d = daemon(DEMO + pool(thread_tokens=3, queue_timeout="60s"))

    def caller(i):
        with d.connect() as c:
            return [c.get("/sleep?ms=1").response().status for _ in range(20)]
    got = d.many(50, caller)
    assert got == [[200] * 20] * 50
    assert d.get("/sleep/stats").json == {"running": 0, "peak": 3, "total": 1000}


def test_an_unbounded_pool_runs_all_at_once(daemon):
    d = daemon(GATE + pool(thread_tokens="inf"))
    g = Gate(d)
    all_released(g.fill(100), g)


def test_no_tokens_let_nothing_begin(daemon):
    d = daemon(GATE + pool(thread_tokens=0, queue_timeout="100ms"))
    assert d.get("/hold").status == 503
    assert Gate(d).state()["started"] == 0


def test_a_full_queue_is_answered_503_at_once(daemon):
    d = daemon(GATE + pool(thread_tokens=2, queue_max=3), server="io_threads = 1")
    g = Gate(d)
    held = g.fill(2)
    waiting = [g.wait_in_line() for _ in range(3)]
    start = time.monotonic()
    r = d.get("/hold")
    assert r.status == 503 and time.monotonic() - start < 0.5 * SLOW
    assert int(r.header("Retry-After")) >= 1
    assert g.state()["started"] == 2
    all_released(held + waiting, g)
    assert g.state() == {"holding": 0, "started": 5, "cancelled": 0, "finished": 5}


def test_who_waits_too_long_is_answered_503_and_never_runs(daemon):
    d = daemon(GATE + pool(thread_tokens=1, queue_timeout="200ms"))
    g = Gate(d)
    held = g.fill(1)
    start = time.monotonic()
    with d.connect() as c:
        r = c.get("/hold").response()
        took = time.monotonic() - start
        assert r.status == 503 and int(r.header("Retry-After")) >= 1
        assert 0.19 < took < 0.6 * SLOW, took
        # The connection lives on, also for the next wait.
        assert c.get("/gate").response().json["started"] == 1
        assert c.get("/hold").response().status == 503
    all_released(held, g)
    assert g.state()["started"] == 1


def test_a_running_call_beyond_its_time_is_answered_504_and_keeps_its_token(daemon):
    d = daemon(DEMO + pool(thread_tokens=1, timeout="200ms", queue_timeout="5s"))
    with d.connect() as c:
        start = time.monotonic()
        r = c.get("/sleep?ms=1000", "X-Request-Id: late-one").response()
        took = time.monotonic() - start
        assert r.status == 504 and 0.19 < took < 0.6 * SLOW, took
        assert r.header("X-Request-Id") == "late-one"
        assert d.get("/sleep/stats").json["running"] == 1
        # It sleeps on and holds the only token: the next call waits, and has no time left.
        r = c.get("/noop").response()
        assert r.status == 504 and d.get("/sleep/stats").json["running"] == 1
        wait_for(lambda: d.get("/sleep/stats").json["running"] == 0)
        assert wait_for(lambda: c.get("/noop").response().status == 200)
    d.logged(r"warning: .*late-one.*sleep.*504")
    d.logged(r"notice: .*late-one.*abandoned.*sleep.* returned 200 after \d{4} ms")


def test_a_handler_sees_that_its_time_is_over(daemon):
    d = daemon(GATE + pool(thread_tokens=1, timeout="200ms"))
    g = Gate(d)
    with d.connect() as c:
        assert c.get("/hold").response().status == 504
        g.await_state(cancelled=1, holding=0)
        # Its token is free again.
        c.get("/hold")
        g.await_state(holding=1)
        g.release(1)
        assert c.response().status == 200


def test_a_call_whose_time_is_over_while_it_waits_is_answered_504_and_never_runs(daemon):
    d = daemon(GATE + pool(thread_tokens=1) + section("hello") +
               "[route GET /hello]\ntimeout = 200ms\n")
    g = Gate(d)
    held = g.fill(1)
    start = time.monotonic()
    r = d.get("/hello")
    took = time.monotonic() - start
    assert r.status == 504 and 0.19 < took < 0.6 * SLOW, took
    all_released(held, g)
    assert d.get("/hello").status == 200


def try_hold(d):
    """A call that waits, or None when the line is full."""
    c = d.connect()
    c.get("/hold")
    c.sock.settimeout(0.05 * SLOW)
    try:
        c.response()
    except TimeoutError:
        c.sock.settimeout(15 * SLOW)
        return c
    c.close()
    return None


def waiter_goes(daemon, go):
    d = daemon(GATE + pool(thread_tokens=1, queue_max=10), server="io_threads = 1")
    g = Gate(d)
    held = g.fill(1)
    gone = [g.wait_in_line() for _ in range(10)]
    assert d.get("/hold").status == 503
    for c in gone:
        go(c)
    # When ten others have found room in line, all ten have left it.
    others = [wait_for(lambda: try_hold(d)) for _ in range(10)]
    all_released(held + others, g)
    assert g.state() == {"holding": 0, "started": 11, "cancelled": 0, "finished": 11}


def test_a_waiting_client_that_closes_never_runs(daemon):
    waiter_goes(daemon, lambda c: c.close())


def test_a_waiting_client_that_resets_never_runs(daemon):
    waiter_goes(daemon, lambda c: c.reset())


def test_a_running_handler_sees_that_its_client_reset(daemon):
    d = daemon(GATE)
    g = Gate(d)
    g.fill(1)[0].reset()
    g.await_state(holding=0, cancelled=1)


def test_a_client_that_reset_before_it_was_accepted_is_noticed(daemon):
    d = daemon(GATE, server="io_threads = 1\n")
    g = Gate(d)
    g.state()
    before = d.descriptors()
    d.signal(signal.SIGSTOP)
    g.hold().reset()
    d.signal(signal.SIGCONT)
    assert d.get("/gate").status == 200     # came later: that one has been accepted
    wait_for(lambda: d.descriptors() <= before)
    g.await_state(holding=0)


def test_a_http_1_0_client_that_closes_while_waiting_harms_nobody(daemon):
    d = daemon(GATE + pool(thread_tokens=1))
    g = Gate(d)
    held = g.fill(1)
    with d.connect() as c:
        c.send("GET /hold HTTP/1.0\r\n\r\n")
    all_released(held, g)
    g.release(1)
    with d.connect() as c:
        assert c.get("/gate").response().status == 200


def test_inline_requests_are_answered_while_40_run_and_200_wait(daemon):
    d = daemon(GATE + DEMO + pool(queue_timeout="60s"))
    g = Gate(d)
    held = g.fill(40)
    waiting = [g.hold() for _ in range(200)]
    took = []
    with d.connect() as c:
        for _ in range(1000):
            start = time.monotonic()
            assert c.get("/inline").response().status == 200
            took.append(time.monotonic() - start)
    took.sort()
    assert took[989] < 0.010 * SLOW, f"p99 {took[989] * 1000:.1f} ms"
    assert g.state()["holding"] == 40
    all_released(held + waiting, g)
    assert g.state()["finished"] == 240


def test_pools_are_isolated(daemon):
    d = daemon(GATE + section("demo", pool="quick") + pool(thread_tokens=1)
               + pool("quick", thread_tokens=1))
    g = Gate(d)
    held = g.fill(1)
    waiting = [g.hold() for _ in range(20)]
    for _ in range(50):
        assert d.get("/noop").text == "hello, worker\n"
    assert g.state()["holding"] == 1
    all_released(held + waiting, g)


def test_calls_run_in_the_order_in_which_they_came(daemon):
    d = daemon(GATE + pool(thread_tokens=1, queue_timeout="60s"), server="io_threads = 1")
    g = Gate(d)
    held = g.fill(1)
    waiting = [g.wait_in_line(i) for i in range(50)]
    g.release(51)
    for c in held + waiting:
        assert c.response().status == 200
    assert g.c.get("/order").response().json == [str(i) for i in range(50)]


def test_many_quick_calls_do_not_keep_threads_from_those_that_block(daemon):
    d = daemon(GATE + DEMO + pool(thread_tokens=20))
    g = Gate(d)
    for _ in range(5):
        with d.connect() as c:
            for _ in range(600):
                assert c.get("/noop").response().status == 200
        all_released(g.fill(20), g)


def test_threads_are_started_as_needed_and_end_when_idle(daemon):
    d = daemon(GATE + pool(thread_idle="100ms"))
    g = Gate(d)
    before = len(d.threads())
    held = g.fill(10)
    assert len(d.threads()) >= before + 10
    all_released(held, g)
    wait_for(lambda: len(d.threads()) <= before)


def test_threads_min_keeps_idle_threads(daemon):
    d = daemon(GATE + pool(thread_idle="50ms", threads_min=4))
    g = Gate(d)
    before = [name for name in d.threads() if not name.startswith("default")]
    all_released(g.fill(10), g)
    wait_for(lambda: len(d.threads()) == len(before) + 4)
    names = d.threads()
    all_released(g.fill(4), g)
    wait_for(lambda: sorted(d.threads()) == sorted(names))    # each has its idle name again


def test_no_token_is_lost_when_clients_come_and_go(daemon):
    d = daemon(GATE + pool(thread_tokens=4, timeout="50ms", queue_timeout="30ms", queue_max=20))
    g = Gate(d)

    def caller(i):
        for n in range(15):
            c = d.connect()
            c.get("/hold")
            if (i + n) % 3 == 0:
                c.reset()
            elif (i + n) % 3 == 1:
                c.close()
            else:
                assert c.response().status in (503, 504)
                c.close()
    d.many(16, caller)
    g.await_state(holding=0)
    # The time limit is short: every token must be there at once.
    held = [g.hold() for _ in range(4)]
    g.release(4)
    for c in held:
        assert c.response().status in (200, 504)
    g.await_state(holding=0)
