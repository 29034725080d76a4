"""What systemd and the daemon say to each other, with a stand-in for systemd.
tests/system/systemd has the same with a real one (make check-systemd)."""
import os
import re
import signal
import socket

import pytest

import weirlib
from weirlib import Daemon, run, section, wait_for

HELLO = "[server]\nlisten = 127.0.0.1:0\n" + section("hello")


class Manager:
    """The socket that READY=1 and the like come to."""

    def __init__(self, tmp_path):
        self.path = str(tmp_path / "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(20 * weirlib.SLOW)
        self.seen = []

    def until(self, what):
        """Waits for a message with a line that `what` matches; returns the match."""
        while True:
            text = self.sock.recv(65536).decode()
            self.seen.append(text)
            found = re.search(rf"(?m)^{what}$", text)
            if found:
                return found

    def env(self, **more):
        return {"NOTIFY_SOCKET": self.path, **more}


@pytest.fixture
def manager(tmp_path):
    m = Manager(tmp_path)
    yield m
    m.sock.close()


def passing(folder, ini, sockets, names=None, env=None):
    """A daemon that gets `sockets` as systemd passes them: from descriptor 3 on, with its
    own process id in LISTEN_PID."""
    path = os.path.join(folder, "weir.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(ini)

    def arrange():
        fds = [os.dup(s.fileno()) for s in sockets]
        fds = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
        for i, fd in enumerate(fds):
            os.dup2(fd, 3 + i, inheritable=True)
        for fd in fds:
            os.close(fd)
        os.environ["LISTEN_PID"] = str(os.getpid())
        os.execvpe(weirlib.WEIR, [weirlib.WEIR, "-c", path],
                   {**os.environ, **(env or {}), "LISTEN_FDS": str(len(sockets)),
                    "LISTEN_PID": str(os.getpid()),
                    **({"LISTEN_FDNAMES": ":".join(names)} if names else {})})
    return Daemon(folder, ini, args=["-c", path], preexec=arrange)


def listening(family=socket.AF_INET, address=("127.0.0.1", 0)):
    s = socket.socket(family)
    s.bind(address)
    s.listen(64)
    return s


def test_ready_comes_when_it_listens_and_stopping_when_it_stops(tmp_path, manager):
    d = Daemon(str(tmp_path), HELLO, env=manager.env())
    manager.until("READY=1")
    assert d.get("/hello").status == 200
    manager.until("STATUS=0/80 tokens, 0 waiting, .*")
    d.signal(signal.SIGTERM)
    manager.until("STOPPING=1")
    manager.until(r"EXTEND_TIMEOUT_USEC=\d+")
    assert d.wait() == 0


def test_the_status_shows_what_waits(tmp_path, manager):
    d = Daemon(str(tmp_path), HELLO + section("gate") + "[pool default]\nthread_tokens = 1\n",
               env=manager.env())
    held = [d.connect().get("/hold") for _ in range(2)]
    status = manager.until(r"STATUS=1/41 tokens, 1 waiting \(oldest (\d+) ms\), (\d+) req/s")
    assert int(status[1]) < 20000 * weirlib.SLOW
    d.post("/release?n=2")
    for c in held:
        c.response()
    d.stop()


def test_a_reload_is_announced_with_its_moment_and_its_end(tmp_path, manager):
    d = Daemon(str(tmp_path), HELLO, env=manager.env())
    manager.until("READY=1")
    for text, good in ((HELLO + "greeting = moin\n", True), (HELLO + "nonsense = 1\n", False)):
        with open(d.folder + "/weir.ini", "w", encoding="utf-8") as f:
            f.write(text)
        d.signal(signal.SIGHUP)
        manager.until("RELOADING=1")
        assert re.search(r"(?m)^MONOTONIC_USEC=\d+$", manager.seen[-1])
        manager.until("READY=1")
        d.logged(": reloaded" if good else "not reloaded")
    d.stop()


def test_the_watchdog_is_answered_while_every_loop_turns(tmp_path, manager):
    gate = tmp_path / "gate"
    d = Daemon(str(tmp_path), HELLO.replace(":0\n", ":0\nio_threads = 1\n") +
               section("lives", log=tmp_path / "log", stall=gate),
               env=manager.env(WATCHDOG_USEC=str(int(400000 * weirlib.SLOW))))
    for _ in range(3):
        manager.until("WATCHDOG=1")
    c = d.connect().get("/stall")
    d.logged("I/O thread 0 does not turn")
    manager.sock.setblocking(False)
    try:
        while True:
            manager.sock.recv(65536)
    except BlockingIOError:
        pass
    manager.sock.settimeout(20 * weirlib.SLOW)
    gate.write_text("")
    assert c.response().status == 200
    manager.until("WATCHDOG=1")
    d.stop()


def test_without_systemd_nothing_is_said(tmp_path):
    d = Daemon(str(tmp_path), HELLO, env={"NOTIFY_SOCKET": ""})
    assert d.get("/hello").status == 200
    d.stop()


# ---- sockets ----

def test_passed_sockets_are_taken(tmp_path):
    with listening() as tcp, listening(socket.AF_UNIX, str(tmp_path / "s")) as local:
        port = tcp.getsockname()[1]
        d = passing(str(tmp_path), HELLO.replace("127.0.0.1:0", "systemd"), [tcp, local])
        d.port = port
        assert d.get("/hello").status == 200
        with d.connect(socket.AF_UNIX, to=str(tmp_path / "s")) as c:
            assert c.get("/hello").response().status == 200
        d.stop()
        assert os.path.exists(tmp_path / "s"), "it is systemd's"


def test_passed_sockets_are_taken_without_a_word_in_the_file(tmp_path):
    with listening() as tcp:
        d = passing(str(tmp_path), section("hello"), [tcp])
        d.port = tcp.getsockname()[1]
        assert d.get("/hello").status == 200
        assert "8080" not in d.log
        d.stop()


def test_passed_sockets_are_told_apart_by_their_names(tmp_path):
    with listening() as one, listening() as two:
        d = passing(str(tmp_path), "[server]\nlisten = systemd:web\ntrusted = 127.0.0.1\n"
                    "listen = systemd:edge proxy\n" + section("hello"), [one, two], ["web", "edge"])
        d.port = one.getsockname()[1]
        assert d.get("/hello").status == 200
        with d.connect(to=two.getsockname()) as c:
            c.send("PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n").get("/hello")
            assert c.response().status == 200
        d.stop()


def test_no_request_is_lost_when_one_daemon_follows_the_other(tmp_path):
    with listening() as tcp:
        folder = [tmp_path / "a", tmp_path / "b"]
        for f in folder:
            f.mkdir()
        one = passing(str(folder[0]), section("hello"), [tcp])
        one.port = tcp.getsockname()[1]
        assert one.get("/hello").status == 200
        one.signal(signal.SIGTERM)
        one.logged("stopping")
        # It comes while nobody accepts, and waits in the system's line.
        waits = one.connect().get("/hello")
        one.wait()
        two = passing(str(folder[1]), section("hello"), [tcp])
        assert waits.response().status == 200
        two.stop()


@pytest.mark.parametrize("listen, message", [
    ("systemd", "no socket was passed; start weir.socket"),
    ("systemd:web", "no socket of that name was passed"),
])
def test_sockets_that_were_not_passed_are_an_error(tmp_path, listen, message):
    d = Daemon(str(tmp_path), HELLO.replace("127.0.0.1:0", listen), check=False)
    assert d.wait() == 71
    assert f"weir.ini:2:10: cannot listen on {listen}: {message}" in d.log


# ---- stopping slowly ----

def test_more_time_is_asked_for_while_background_tasks_run(tmp_path, manager):
    d = Daemon(str(tmp_path), HELLO + section("demo", task_time="7s"), env=manager.env())
    assert d.get("/start-background").status == 200
    d.signal(signal.SIGTERM)
    manager.until("STOPPING=1")
    manager.until(r"EXTEND_TIMEOUT_USEC=\d+")
    d.logged(": stopping: ")
    manager.until(r"EXTEND_TIMEOUT_USEC=\d+")   # nobody is connected any more
    assert d.wait() == 0


def test_a_delay_goes_on_serving_while_it_is_not_ready(tmp_path):
    d = Daemon(str(tmp_path), HELLO.replace(":0\n", ":0\ndrain_delay = 2s\n") +
               f"[admin]\nlisten = unix:{tmp_path}/c\n")

    def ready():
        with d.connect(socket.AF_UNIX, to=f"{tmp_path}/c") as c:
            return c.get("/readyz").response().status
    assert ready() == 200
    d.signal(signal.SIGTERM)
    wait_for(lambda: ready() == 503)
    with d.connect() as c:
        assert c.get("/hello").response().header("Connection") is None
    assert ": stopping: " not in d.log
    d.logged(": stopping: ")
    assert d.wait() == 0


# ---- credentials ----

def test_a_credential_is_a_value_that_nobody_shows(tmp_path):
    (tmp_path / "creds").mkdir()
    (tmp_path / "creds" / "word").write_text("tiptop\n")
    ini = HELLO + "greeting = @cred:word\n"
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "creds")}
    d = Daemon(str(tmp_path), ini + f"[admin]\nlisten = unix:{tmp_path}/c\n", env=env)
    assert d.get("/hello").text == "tiptop, world\n"
    with d.connect(socket.AF_UNIX, to=f"{tmp_path}/c") as c:
        shown = c.get("/config").response().text
    dumped = run("--dump", "-c", str(tmp_path / "weir.ini"), env=env).out
    for text in (shown, dumped):
        assert "tiptop" not in text and "@cred:word" in text
    (tmp_path / "creds" / "word").write_text("other\n")
    d.signal(signal.SIGHUP)
    wait_for(lambda: d.get("/hello").text == "other, world\n")
    assert "tiptop" not in d.log and "other" not in d.log
    d.stop()


@pytest.mark.parametrize("value, message", [
    ("thread_tokens = @cred:word", "what @cred:word holds cannot be its value"),
    ("thread_tokens = @cred:none", "none cannot be read: No such file"),
    ("thread_tokens = @cred:../word", "a credential has a name without slashes"),
    ("thread_tokens = @cred:", "a credential has a name"),
    ("thread_tokens = @cred:binary", "has a NUL in it"),
])
def test_a_credential_that_is_no_good_is_an_error_without_its_text(tmp_path, ini, value, message):
    (tmp_path / "creds").mkdir()
    (tmp_path / "creds" / "word").write_text("tiptop")
    (tmp_path / "creds" / "binary").write_bytes(b"1\0")
    path = ini("[pool default]\n" + value + "\n")
    done = run("--check", "-c", path, env={"CREDENTIALS_DIRECTORY": str(tmp_path / "creds")})
    assert done.returncode == 78 and re.search(r":2:17: thread_tokens: ", done.err)
    assert message in done.err and "tiptop" not in done.err


@pytest.mark.parametrize("text", [
    "[server]\nlisten = @cred:word\n", "[server]\ntrusted = @cred:word\n",
    "[server]\nadd_header = @cred:word\n", "[route GET /x]\nredirect = @cred:word\n",
    "[module hello]\nfile = @cred:word\n", "[static /x]\nroot = @cred:word\n",
])
@pytest.mark.parametrize("word", ["tip top!", "tip top" * 20, "t!p"])
def test_no_error_quotes_a_credential(tmp_path, ini, text, word):
    (tmp_path / "word").write_text(word)
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    done = run("--check", "-c", ini(text), env=env)
    assert done.returncode == 78 and re.search(r":2:\d+: .*@cred:word", done.err)
    assert word[:7] not in done.err


def test_an_address_from_a_credential_that_is_taken_is_not_quoted(tmp_path):
    with listening() as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        (tmp_path / "word").write_text(address)
        d = Daemon(str(tmp_path), HELLO.replace("127.0.0.1:0", "@cred:word"), check=False,
                   env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
        assert d.wait() == 71
        assert "cannot listen on @cred:word: Address already in use" in d.log


def test_without_systemds_folder_a_credential_is_an_error(ini):
    done = run("--check", "-c", ini("[pool default]\nthread_tokens = @cred:x\n"),
               env={"CREDENTIALS_DIRECTORY": ""})
    assert done.returncode == 78
