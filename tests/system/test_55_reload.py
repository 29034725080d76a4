"""Reloading: a whole new generation, or none of it; nothing that was begun is lost."""
import http.client
import os
import re
import shutil
import signal
import socket
import threading
import time

import pytest

from weirlib import SLOW, Closed, fixture, module, section, wait_for

GATE = section("gate")


def write(d, text):
    """Puts the new file in the old one's place, as an editor would."""
    path = d.folder + "/weir.ini"
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


def read(d):
    with open(d.folder + "/weir.ini", encoding="utf-8") as f:
        return f.read()


def outcomes(d):
    return len(re.findall(r"(?m): (?:not )?reloaded\b", d.log))


def reload(d, text=None, good=True):
    """SIGHUP, and the line that says what came of it."""
    if text is not None:
        write(d, text)
    before = outcomes(d)
    d.signal(signal.SIGHUP)
    wait_for(lambda: outcomes(d) > before)
    line = [line for line in d.lines if re.search(r": (?:not )?reloaded\b", line)][-1]
    assert ("not reloaded" not in line) == good, d.log
    return line


def replace(path, name):
    """Puts a fixture where the daemon looks for the module, in one step."""
    shutil.copy(fixture(name), str(path) + ".new")
    os.rename(str(path) + ".new", path)


class Lives:
    """The lines of the fixture `lives`."""

    def __init__(self, tmp_path):
        self.path = tmp_path / "lives.log"

    def section(self, **options):
        return section("lives", log=self.path, **options)

    @property
    def lines(self):
        return self.path.read_text().splitlines() if self.path.exists() else []

    def await_line(self, line):
        wait_for(lambda: line in self.lines, 10, f"{line!r} in {self.lines}")


# ---- what comes with a reload ----

def test_a_new_module_file_is_taken(daemon, tmp_path):
    path = tmp_path / "replace.so"
    replace(path, "replace_a")
    d = daemon(f"[module replace]\nfile = {path}\n")
    client = d.client()
    client.request("GET", "/who")
    assert client.getresponse().read() == b"a"
    sock = client.sock
    replace(path, "replace_b")
    client.request("GET", "/who")
    assert client.getresponse().read() == b"a"
    reload(d)
    client.request("GET", "/who")
    assert client.getresponse().read() == b"b"
    assert client.sock is sock, "the connection was not kept"


def test_routes_modules_and_options_come_and_go(daemon):
    d = daemon(section("hello"))
    assert d.get("/hello").text == "hello, world\n"
    base = read(d)
    reload(d, base + "greeting = moin\n" + section("demo") +
           "[route GET /again]\nhandler = hello.hello\n")
    assert d.get("/hello").text == "moin, world\n"
    assert d.get("/again").text == "moin, world\n"
    assert d.get("/sleep?ms=1").status == 200
    d.logged(r"\[module hello\] greeting = moin, was hello$")
    d.logged(r"\[module demo\]: added")
    d.logged(r"\[route GET /again\]: added")
    reload(d, base)
    assert d.get("/hello").text == "hello, world\n"
    assert d.get("/again").status == 404
    assert d.get("/sleep?ms=1").status == 404
    d.logged(r"\[route GET /again\]: removed")


def test_what_was_begun_ends_on_the_old_generation(daemon):
    d = daemon(GATE + "[pool default]\nthread_tokens = 1\n")
    runs, waits, body = d.connect().get("/hold"), d.connect(), d.connect()
    wait_for(lambda: d.get("/gate").json["started"] == 1)
    waits.get("/hold")
    body.send("POST /release?n=2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
    reload(d, "[server]\nlisten = 127.0.0.1:0\n" + section("hello"))
    assert d.get("/hold").status == d.get("/gate").status == 404
    assert "generation 1 has ended" not in d.log
    # A request that was still coming has its route from before.
    body.send("bc")
    assert body.response().status == 200
    for c in (runs, waits):
        assert c.response().json == {"released": True}
    d.logged("generation 1 has ended")


def test_pools_shares_and_bounds_change_with_it(daemon):
    d = daemon(section("demo") + "[route GET /sleep]\ntokens_reserve = 2\n"
               "[pool default]\nthread_tokens = 3\n")
    base = read(d)
    reload(d, base.replace("tokens_reserve = 2", "pool = other") +
           "[pool other]\nthread_tokens = 1\n")
    assert d.get("/sleep?ms=1").status == 200
    wait_for(lambda: any(name.startswith("other/") for name in d.threads()))
    # The reserve has gone with its route: one token of three would be left otherwise.
    reload(d, base.replace("tokens_reserve = 2", "tokens_max = 1\npriority = 3"))
    reload(d, base.replace("tokens_reserve = 2", "tokens_max = 1")
           .replace("[module demo]", "[module demo]\ntokens_max = 2"))
    assert d.get("/sleep?ms=1").status == 200
    reload(d, base.replace("[route GET /sleep]\ntokens_reserve = 2\n", ""))
    assert d.many(3, lambda i: d.get("/sleep?ms=20").status) == [200] * 3


def test_limits_and_headers_change_with_it(daemon):
    d = daemon(section("demo") + section("hello"), server="body_max = 1K")
    assert d.post("/echo", b"x" * 2000).status == 413
    reload(d, read(d).replace("body_max = 1K", "body_max = 4K\nadd_header = X-New: yes"))
    r = d.post("/echo", b"x" * 2000)
    assert r.status == 200 and r.header("X-New") == "yes"


def test_what_needs_a_restart_is_said(daemon):
    d = daemon(section("hello"), server="io_threads = 1")
    line = reload(d, read(d).replace("io_threads = 1", "io_threads = 2"))
    assert "1 of them need" in line
    d.logged(r"\[server\] io_threads = 2, was 1; takes effect with the next start")


def test_several_at_once_become_one_more(daemon, tmp_path):
    lives, gate = Lives(tmp_path), tmp_path / "gate"
    d = daemon(lives.section())
    write(d, read(d) + f"gate = {gate}\n")
    d.signal(signal.SIGHUP)
    lives.await_line("init 2")
    for _ in range(5):
        d.signal(signal.SIGHUP)
        # Meanwhile it serves as before.
        assert d.get("/lives").json == 1
    gate.write_text("")
    lives.await_line("init 3")
    wait_for(lambda: outcomes(d) == 2)
    assert d.get("/lives").json == 3
    assert "init 4" not in lives.lines


# ---- the lives of modules ----

def test_an_instance_ends_after_its_last_call_and_its_threads(daemon, tmp_path):
    lives = Lives(tmp_path)
    d = daemon(lives.section() + GATE + "[pool default]\nthread_tokens = 4\nthreads_min = 4\n")
    with d.connect() as holds:
        holds.get("/hold")
        wait_for(lambda: d.get("/gate").json["holding"] == 1)
        for _ in range(3):
            assert d.get("/lives").json == 1
        reload(d)
        assert d.get("/lives").json == 2
        assert d.get("/lives-inline").json == 2
        # The call of another module is of the same generation.
        assert "fini 1" not in lives.lines
        d.post("/release")
        assert holds.response().status == 200
    lives.await_line("fini 1")
    of_one = [line for line in lives.lines if line.endswith(" 1")]
    assert of_one[0] == "init 1" and of_one[-1] == "fini 1"
    assert of_one.count("thread_init 1") == of_one.count("thread_fini 1") > 0
    d.stop()
    of_two = [line for line in lives.lines if line.endswith(" 2")]
    assert of_two[0] == "init 2" and of_two[-1] == "fini 2"
    assert of_two.count("thread_init 2") == of_two.count("thread_fini 2") == 1


def test_busy_threads_give_back_what_they_keep_between_two_calls(daemon, tmp_path):
    lives = Lives(tmp_path)
    d = daemon(lives.section() + "[pool default]\nthread_tokens = 2\n")
    stop, seen = threading.Event(), []

    def load(i):
        client = d.client()
        while not stop.is_set():
            client.request("GET", "/lives")
            r = client.getresponse()
            seen.append((r.status, int(r.read())))
        client.close()
    threads = [threading.Thread(target=load, args=(i,), daemon=True) for i in range(6)]
    for t in threads:
        t.start()
    try:
        for n in range(2, 6):
            reload(d)
            wait_for(lambda n=n: (200, n) in seen[-10:])
            lives.await_line(f"fini {n - 1}")
    finally:
        stop.set()
    for t in threads:
        t.join(20)
    assert all(status == 200 for status, n in seen)


def test_a_background_task_keeps_its_module(daemon, tmp_path):
    lives = Lives(tmp_path)
    d = daemon(section("demo", task_time="1h") + lives.section())
    assert d.get("/lives").json == 1
    assert d.get("/start-background").status == 200
    reload(d)
    assert d.get("/lives").json == 2
    assert "fini 1" not in lives.lines
    d.kill()


# ---- what goes wrong ----

@pytest.mark.parametrize("added, message", [
    ("[server]\nio_threads = many\n", r"weir\.ini:\d+:\d+: io_threads"),
    ("[module none]\nfile = none.so\n", r"module file .*none\.so cannot be read"),
    ("[module wrong_abi]\nfile = " + fixture("wrong_abi") + "\n", "built for ABI"),
    ("[module failing_init]\nfile = " + fixture("failing_init") + "\n", "its init failed"),
    ("[module check_fails]\nfile = " + fixture("check_fails") + "\n", "its check failed"),
    ("[route GET /x]\nhandler = hello.none\n", "has no handler 'none'"),
    ("[pool new]\nthread_tokens = x\n[module none]\nfile = none.so\n", "cannot be read"),
])
def test_anything_wrong_leaves_the_old_generation_serving(daemon, added, message):
    d = daemon(section("hello"))
    base, descriptors = read(d), d.descriptors()    # no client has come yet
    for _ in range(3):
        reload(d, base + "greeting = new\n" + added, good=False)
        d.logged(message)
        assert d.get("/hello").text == "hello, world\n"
        wait_for(lambda: d.descriptors() == descriptors)
    reload(d, base + "greeting = new\n")
    assert d.get("/hello").text == "new, world\n"


def test_a_file_that_is_not_there_any_more_is_an_error(daemon):
    d = daemon(section("hello"))
    os.rename(d.folder + "/weir.ini", d.folder + "/gone.ini")
    reload(d, good=False)
    d.logged(r"weir\.ini: .*No such file|cannot (be )?read|No such file")
    assert d.get("/hello").status == 200


def test_a_module_file_that_is_a_pipe_holds_no_reload_up(daemon, tmp_path):
    path = tmp_path / "replace.so"
    replace(path, "replace_a")
    d = daemon(f"[module replace]\nfile = {path}\n")
    path.unlink()
    os.mkfifo(path)
    reload(d, good=False)
    d.logged(r"replace\.so cannot be read")
    assert d.get("/who").text == "a"


def test_modules_that_run_without_a_file_are_loaded_anew(daemon, tmp_path):
    path = tmp_path / "replace.so"
    replace(path, "replace_a")
    d = daemon("", args=["run", str(path)])
    assert d.get("/who").text == "a"
    replace(path, "replace_b")
    reload(d)
    assert d.get("/who").text == "b"


def test_a_stop_does_not_wait_for_a_reload_longer_than_for_calls(daemon, tmp_path):
    lives = Lives(tmp_path)
    d = daemon(lives.section(), server="drain_timeout = 300ms")
    write(d, read(d) + f"gate = {tmp_path}/never\n")
    d.signal(signal.SIGHUP)
    lives.await_line("init 2")
    d.stop()
    d.logged("a module's init, check or fini still runs")


def test_a_stop_comes_before_a_reload_that_is_still_built(daemon, tmp_path):
    lives, gate = Lives(tmp_path), tmp_path / "gate"
    d = daemon(lives.section())
    write(d, read(d) + f"gate = {gate}\n")
    d.signal(signal.SIGHUP)
    lives.await_line("init 2")
    d.signal(signal.SIGTERM)
    d.logged("stopping")
    gate.write_text("")
    assert d.wait() == 0
    assert lives.lines.count("fini 2") == lives.lines.count("fini 1") == 1
    assert not re.search(": reloaded", d.log)


# ---- listeners ----

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("GET", "/hello")
    text = client.getresponse().read()
    client.close()
    return text


def test_listeners_come_and_go_and_those_that_stay_keep_their_sockets(daemon):
    one, two = free_port(), free_port()
    d = daemon(section("hello"), server=f"listen = 127.0.0.1:0\nlisten = 127.0.0.1:{one}")
    base, stays = read(d), d.port
    kept = d.connect(to=("127.0.0.1", one))
    kept.get("/hello").response()
    with open("/proc/net/tcp", encoding="utf-8") as f:
        inodes = {line.split()[9] for line in f if f":{one:04X} 00000000" in line}
    reload(d, base + f"[server]\nlisten = 127.0.0.1:{two}\n")
    assert ask(one) == ask(two) == b"hello, world\n"
    with open("/proc/net/tcp", encoding="utf-8") as f:
        assert inodes == {line.split()[9] for line in f if f":{one:04X} 00000000" in line}
    reload(d, base.replace(f"listen = 127.0.0.1:{one}\n", f"listen = 127.0.0.1:{two}\n"))
    with pytest.raises(ConnectionRefusedError):
        ask(one)
    assert ask(two) == b"hello, world\n"
    # Who came by the one that has gone is served on.
    assert kept.get("/hello").response().status == 200
    assert d.get("/hello").status == 200 or stays


def test_an_address_that_is_taken_refuses_the_reload(daemon):
    d = daemon(section("hello"))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        reload(d, read(d).replace("[server]\n", f"[server]\nlisten = 127.0.0.1:{port}\n"),
               good=False)
        d.logged(rf"weir\.ini:2:10: cannot listen on 127\.0\.0\.1:{port}: Address already in use")
    reload(d)
    assert ask(port) == b"hello, world\n"


def test_a_unix_socket_goes_with_its_line(daemon, tmp_path):
    path = str(tmp_path / "s")
    d = daemon(section("hello"), server="listen = 127.0.0.1:0")
    base = read(d)
    reload(d, base.replace("[server]\n", f"[server]\nlisten = unix:{path}\n"))
    assert d.connect(socket.AF_UNIX, to=path).get("/hello").response().status == 200
    reload(d, base)
    assert not os.path.exists(path)
    assert d.get("/hello").status == 200


def test_a_line_that_becomes_one_for_proxies_keeps_its_socket(daemon):
    d = daemon(section("hello"), server="listen = 127.0.0.1:0\ntrusted = 127.0.0.1")
    reload(d, read(d).replace("127.0.0.1:0", "127.0.0.1:0 proxy"))
    c = d.connect()
    c.send("PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n").get("/hello")
    assert c.response().status == 200
    with pytest.raises((Closed, ConnectionResetError)):
        d.connect().get("/hello").response()


# ---- under load ----

def test_no_request_is_lost_and_no_connection_cut_while_modules_are_swapped(daemon, tmp_path):
    """WEIR_RELOADS of them; with 1000 what a reload leaves behind can be seen."""
    count = int(os.environ.get("WEIR_RELOADS") or 30)
    path = tmp_path / "replace.so"
    replace(path, "replace_a")
    d = daemon(f"[module replace]\nfile = {path}\n")
    idle = [d.connect() for _ in range(20)]
    for c in idle:
        assert c.get("/who").response().body == b"a"
    stop, wrong, answers = threading.Event(), [], {}

    def load(i):
        c = d.connect()
        while not stop.is_set():
            r = c.get("/who").response()
            answers[i, r.body] = answers.get((i, r.body), 0) + 1
            if r.status != 200 or r.body not in (b"a", b"b"):
                wrong.append(r)
    threads = [threading.Thread(target=load, args=(i,), daemon=True) for i in range(4)]
    for t in threads:
        t.start()
    descriptors = memory = 0
    began = time.monotonic()
    try:
        for n in range(count):
            name = "ab"[(n + 1) % 2]
            replace(path, f"replace_{name}")
            reload(d)
            assert d.get("/who").text == name
            if n == count // 10:
                wait_for(lambda n=n: f"generation {n + 1} has ended" in d.log)
                descriptors, memory = d.descriptors(), d.resident()
    finally:
        stop.set()
    took = time.monotonic() - began
    for t in threads:
        t.join(20)
        assert not t.is_alive(), "its answer never came"
    assert not wrong, wrong[:3]
    assert {b"a", b"b"} == {body for i, body in answers} and len(answers) == 2 * len(threads)
    wait_for(lambda: f"generation {count} has ended" in d.log)
    wait_for(lambda: d.descriptors() <= descriptors)
    grown = d.resident() / memory - 1
    print(f"{count} reloads in {took:.1f} s, {sum(answers.values())} requests, {descriptors} "
          f"descriptors, {memory} kB resident, {100 * grown:+.1f} %")
    if SLOW == 1 and count >= 1000:
        assert grown <= 0.05
    for c in idle:
        assert c.get("/who").response().body == name.encode()
        c.close()
