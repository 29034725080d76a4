"""tests/bench/load, the load generator: its numbers add up and mean what they say. Against
the daemon, and against a server that does what the daemon never would."""
import json
import os
import resource
import signal
import socket
import subprocess
import threading

import pytest

from weirlib import SLOW, TROUBLE, WEIR, section, wait_for

LOAD = os.environ.get("WEIR_LOAD") or os.path.join(os.path.dirname(WEIR), "tests/bench/load")
DEMO = section("demo")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
ONLY_COUNTED_TOO = ("wrong_body", "wrong_status")


class Result:
    """What load said and how it ended."""

    def __init__(self, status, out, err):
        self.status, self.err = status, err
        self.seconds = [json.loads(line) for line in out.splitlines()]
        self.all = self.seconds.pop() if self.seconds else None

    def __getitem__(self, name):
        return self.all[name]

    def errors(self):
        return {k: n for k, n in self["errors"].items() if n}

    def adds_up(self):
        lost = sum(n for k, n in self["errors"].items() if k not in ONLY_COUNTED_TOO)
        assert self["requests"] == (self["answered"] + self["given_up"] + self["unfinished"]
                                    + lost), self.all
        assert sum(self["by_status"].values()) == self["answered"]
        assert (self["p50_us"] <= self["p90_us"] <= self["p99_us"] <= self["p999_us"]
                <= self["max_us"])
        return self


def load(target, *args, status=0, **how):
    """Runs it to its end; `target` is a daemon or the port of a server."""
    port = target if isinstance(target, int) else target.port
    where = ["-u", target.unix] if port is None else ["-a", f"127.0.0.1:{port}"]
    done = subprocess.run([LOAD, *where, *map(str, args)], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=30 * SLOW, check=False, **how)
    assert not TROUBLE.search(done.stderr), done.stderr
    assert done.returncode == status, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def server():
    """server(ANSWER): a server whose connections are handled by ANSWER(sock, number)."""
    listeners = []

    def serve(listener, answer):
        number = 0
        while True:
            try:
                sock = listener.accept()[0]
            except OSError:
                return
            sock.settimeout(10 * SLOW)
            threading.Thread(target=one, args=(sock, answer, number), daemon=True).start()
            number += 1

    def one(sock, answer, number):
        with sock:
            try:
                answer(sock, number)
            except OSError:
                pass

    def start(answer):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, answer), daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def requests_on(sock):
    """Yields once for each request without a body that has come."""
    data = b""
    while True:
        while b"\r\n\r\n" in data:
            data = data.split(b"\r\n\r\n", 1)[1]
            yield
        more = sock.recv(65536)
        if not more:
            return
        data += more


# ---- closed loop ----

@pytest.mark.parametrize("how", [[], ["-p", 8], ["-t", 3, "-A", 5], ["-t", 2, "-p", 3]], ids=str)
def test_a_closed_loop_sends_as_many_as_asked_for_and_counts_add_up(daemon, how):
    d = daemon(DEMO)
    r = load(d, "-n", 1001, "-c", 7, *how, "/inline", "/noop").adds_up()
    assert r["requests"] == r["answered"] == r["good"] == 1001
    assert r["by_status"] == {"200": 1001} and r["connections"] == 7
    assert 0 < r["p50_us"] and r["rate"] > 0 and r["bytes"] > 1001 * 14


def test_a_closed_loop_runs_for_its_time_and_finishes_what_it_began(daemon):
    d = daemon(DEMO)
    r = load(d, "-d", 0.3, "-c", 8, "-x", "--second", "/sleep?ms=5").adds_up()
    assert r["unfinished"] == 0 and r["answered"] > 0 and r["seconds"] >= 0.3
    assert r["p50_us"] >= 5000
    assert sum(s["good"] for s in r.seconds) == r["good"]
    assert sum(s["offered"] for s in r.seconds) == r["requests"]


def test_it_speaks_over_unix_sockets_and_sends_bodies(daemon, tmp_path):
    d = daemon(DEMO, server=f"listen = unix:{tmp_path}/s")
    r = load(d, "-n", 50, "-m", "POST", "-b", 30, "-e", "abcdefghijklmnopqrstuvwxyzabcd",
             "/echo").adds_up()
    assert r["good"] == 50
    r = load(d, "-n", 4, "-c", 2, "-m", "POST", "-b", 3 << 20, "/echo").adds_up()
    assert r["good"] == 4 and r["bytes"] > 4 * (3 << 20)
    assert load(d, "-n", 5, "-m", "HEAD", "/inline").adds_up()["good"] == 5


def test_statuses_are_counted_and_one_that_was_not_expected_is_an_error(daemon):
    d = daemon(DEMO)
    r = load(d, "-n", 10, "/nothing").adds_up()
    assert (r["good"], r["by_status"], r.errors()) == (0, {"404": 10}, {})
    assert load(d, "-n", 10, "-s", 404, "/nothing").adds_up()["good"] == 10
    r = load(d, "-n", 10, "-s", 200, "/nothing", "/inline", status=2).adds_up()
    assert r.errors() == {"wrong_status": r["by_status"]["404"]} == {"wrong_status": 5}


def test_another_body_than_the_expected_one_is_found(daemon):
    d = daemon(DEMO)
    assert load(d, "-n", 20, "-e", "hello, inline\n", "/inline")["good"] == 20
    for other in ("hello, inlinE\n", "hello, inline", "hello, inline\n\n", ""):
        r = load(d, "-n", 20, "-e", other, "/inline", status=2).adds_up()
        assert r.errors() == {"wrong_body": 20}, other


def test_an_answer_that_is_not_as_the_first_one_is_found(server):
    def answer(sock, _):
        for i, _ in enumerate(requests_on(sock)):
            sock.sendall(OK + (b"ab" if i != 7 else b"aB"))
    assert load(server(answer), "-n", 20, "-c", 1, "/", status=2).errors() == {"wrong_body": 1}
    assert load(server(answer), "-n", 20, "-c", 1, "-x", "/").errors() == {}


# ---- what a server may do ----

def test_answers_in_pieces_of_every_framing_are_understood(server):
    answers = [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length:  5 \r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde",
    ]

    def answer(sock, _):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i, _ in enumerate(requests_on(sock)):
            for byte in answers[i]:
                sock.sendall(bytes([byte]))
            if i == 2:
                return
    r = load(server(answer), "-n", 9, "-c", 1, "-e", "abcde", "/").adds_up()
    assert r["good"] == 9 and r["connections"] == 3


def test_a_request_behind_the_last_answer_of_a_connection_is_sent_again(server):
    def answer(sock, _):
        for i, _ in enumerate(requests_on(sock)):
            last = b"Connection: close\r\n" if i == 2 else b""
            sock.sendall(OK.replace(b"\r\n\r\n", b"\r\n" + last + b"\r\n") + b"ab")
            if last:
                return
    r = load(server(answer), "-n", 12, "-c", 1, "-p", 2, "/").adds_up()
    assert r["good"] == 12 and r.errors() == {} and r["connections"] == 4


@pytest.mark.parametrize("sent, kind", [
    (b"", "closed"), (OK + b"a", "closed"), (OK[:10], "closed"), (b"SSH-2.0-x\r\n\r\n", "bad_answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "bad_answer"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "bad_answer"),
], ids=str)
def test_an_answer_that_breaks_off_or_is_none_is_an_error(server, sent, kind):
    def answer(sock, number):
        for _ in requests_on(sock):
            sock.sendall(sent if number == 0 else OK + b"ab")
            if number == 0:
                return
    r = load(server(answer), "-n", 5, "-c", 1, "/", status=2).adds_up()
    assert r.errors() == {kind: 1} and r["good"] == 4


def test_an_answer_that_never_comes_is_a_timeout(server):
    def answer(sock, number):
        for _ in requests_on(sock):
            if number > 0:
                sock.sendall(OK + b"ab")
    r = load(server(answer), "-n", 3, "-c", 1, "--timeout", 150 * SLOW, "/", status=2).adds_up()
    assert r.errors() == {"timeout": 1} and r["good"] == 2


# ---- open loop ----

@pytest.mark.parametrize("rate, requests", [
    (["-r", 500], 200), (["-r", 500, "-t", 3], 200), (["-R", "0:200,0.2:0,0.3:1000"], 140)],
    ids=str)
def test_an_open_loop_offers_its_rate(daemon, rate, requests):
    d = daemon(DEMO)
    r = load(d, "-d", 0.4, *rate, "--second", "/inline").adds_up()
    assert abs(r["requests"] - requests) <= 3
    assert r["good"] == r["requests"]
    assert sum(s["offered"] for s in r.seconds) == r["requests"]


def test_random_moments_have_the_same_rate_and_a_seed(daemon):
    d = daemon(DEMO)
    counts = [load(d, "-d", 0.3, "-r", 1000, "-P", "--seed", seed, "/inline").adds_up()["requests"]
              for seed in (1, 1, 2)]
    assert all(200 < n < 400 for n in counts) and counts[0] == counts[1]


def test_clients_that_give_up_are_counted_and_close(daemon):
    d = daemon(DEMO)
    before = d.descriptors()
    r = load(d, "-n", 10, "-r", 200, "-g", 150 * SLOW, "-x", f"/sleep?ms={500 * SLOW:.0f}",
             "/inline").adds_up()
    assert (r["given_up"], r["good"]) == (5, 5)
    wait_for(lambda: d.descriptors() <= before)


def test_latency_counts_from_the_moment_a_request_was_due(server):
    held = threading.Event()

    def answer(sock, number):
        for _ in requests_on(sock):
            if number == 0:
                held.wait(0.2)
            sock.sendall(OK + b"ab")
    r = load(server(answer), "-n", 1, "-r", 10, "/").adds_up()
    assert r["max_us"] >= 200 * 1000 and r["p50_us"] <= r["max_us"]


def test_an_open_loop_without_a_free_connection_says_so(daemon):
    d = daemon(DEMO)
    r = load(d, "-n", 5, "-r", 1000, "-c", 1, "/sleep?ms=300", status=2).adds_up()
    assert r.errors() == {"no_connection": 4} and r["good"] == 1
    assert "all connections of -c were busy" in r.err


def test_an_interrupted_run_still_reports(daemon):
    d = daemon(DEMO)
    with subprocess.Popen([LOAD, "-a", f"127.0.0.1:{d.port}", "-d", "60", "-c", "2", "-x",
                           "/sleep?ms=20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        wait_for(lambda: d.get("/sleep/stats").json["total"] > 4)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20 * SLOW)
    r = Result(process.returncode, out, err).adds_up()
    assert r.status == 0 and r["good"] > 0 and r["seconds"] < 60


# ---- connections that are held ----

def test_idle_connections_stay_for_the_whole_run(daemon):
    d = daemon(DEMO)
    r = load(d, "-i", 20, "-n", 10, "/inline").adds_up()
    assert r["idle"]["opened"] == 20 and r["idle"]["closed"] == 0
    assert r["requests"] == 10


def test_slow_and_idle_connections_are_counted_when_the_server_closes_them(daemon):
    d = daemon(DEMO, server="header_timeout = 100ms\nbody_timeout = 100ms\n"
               "keepalive_timeout = 100ms")
    r = load(d, "-c", 0, "-d", 0.8 * SLOW, "-i", 3, "--slow-head", 4, "--slow-body", 5,
             "--slow-read", 2, "-m", "POST", "/echo")
    for kind, count in (("idle", 3), ("slow_head", 4), ("slow_body", 5)):
        assert (r[kind]["opened"], r[kind]["closed"]) == (count, count), r.all
        assert 0.05 < r[kind]["first_closed_s"] <= r[kind]["last_closed_s"]
    assert r["slow_head"]["by_status"] == {"408": 4} and r["slow_read"]["opened"] == 2
    assert r["slow_body"]["answered"] == 5


# ---- when it cannot ----

def test_it_says_why_it_cannot_run_and_ends_with_1(daemon):
    d = daemon(DEMO)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        r = load(nobody.getsockname()[1], "-n", 1, "/", status=1)
        assert "Connection refused" in r.err
    few = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))}
    assert "descriptors" in load(d, "-c", 100, "/inline", status=1, **few).err
    for args, why in (((), "no URL path"), (("x",), "not a URL path"), (("-c", "ten", "/"), "-c"),
                      (("-R", "5:1", "/"), "-R"), (("-p", 2, "-r", 5, "/"), "-p"),
                      (("--nonsense", "/"), "--help")):
        assert why in load(d, *args, status=1).err


def test_help_names_every_option():
    said = subprocess.run([LOAD, "--help"], capture_output=True, text=True, check=True).stdout
    for option in ("-a", "-u", "-A", "-t", "-d", "-n", "-c", "-p", "-r", "-R", "-P", "-m", "-b",
                   "-s", "-e", "-x", "-g", "-i", "--seed", "--timeout", "--slow-head",
                   "--slow-body", "--slow-read", "--second"):
        assert f"\n  {option} " in said, option
