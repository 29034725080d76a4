"""Logs: forms of lines, files that are full, blocked or rotated, traces, Server-Timing."""
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import threading

import pytest

from test_30_tokens import Gate, pool
from test_55_reload import reload
from weirlib import fixture, section, wait_for

DEMO, GATE, PROBE = section("demo"), section("gate"), section("probe")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def lines_of(path, count):
    """The lines of a log, once there are at least so many."""
    return wait_for(lambda: (lambda t: t if len(t) >= count else None)(
        path.read_text().splitlines() if path.exists() else []), what=f"{count} lines in {path}")


def logged(daemon, tmp_path, form, ini=DEMO + PROBE, path=None):
    path = path or tmp_path / "access.log"
    d = daemon(ini, server=f"access_log = {path}\naccess_log_format = {form}\nio_threads = 1\n")
    return d, path


def read_logfmt(line):
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ ]*)(?: |$)', line)
    assert " ".join(f"{k}={v}" for k, v in pairs) == line
    return {k: v.strip('"') for k, v in pairs}


FORMS = {"logfmt": read_logfmt, "json": json.loads}


# ---- forms ----

def test_goaccess_takes_every_line_of_combined(daemon, tmp_path):
    d, path = logged(daemon, tmp_path, "combined")
    goaccess = shutil.which("goaccess")
    assert goaccess, "package goaccess is missing; ./bootstrap deps installs it"
    for target in ("/inline", "/inline?a=%22b&c", "/noop", "/none", "/fail?how=errno"):
        d.get(target, User_Agent='a "quoted\\ agent', Referer="http://a/?b")
    d.request("HEAD", "/inline")
    d.post("/echo", "x" * 1000)
    with d.connect() as c:
        c.get("/inline?\xe4", "User-Agent: \xff\xfe").response()
    count = len(lines_of(path, 8))
    done = subprocess.run([goaccess, str(path), "--log-format=COMBINED", "-o", "json",
                           "--no-global-config"], capture_output=True, check=True, timeout=60)
    general = json.loads(done.stdout)["general"]
    assert general["failed_requests"] == 0 and general["valid_requests"] == count == 8


@pytest.mark.parametrize("form", FORMS)
def test_a_line_has_all_that_is_known_of_a_request(daemon, tmp_path, form):
    d, path = logged(daemon, tmp_path, form)
    d.post("/echo?a=b", "12345", X_Request_Id="me", traceparent=PARENT, Referer="r",
           User_Agent="a b")
    line = FORMS[form](lines_of(path, 1)[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    for key in ("queue_ms", "run_ms", "total_ms"):
        assert 0 <= float(line.pop(key)) < 60000
    assert {k: str(v) for k, v in line.items()} == {
        "id": "me", "trace": TRACE, "client": "127.0.0.1", "method": "POST",
        "target": "/echo?a=b", "protocol": "HTTP/1.1", "status": "200", "bytes_out": "5",
        "bytes_in": "5", "referer": "r", "user_agent": "a b", "route": "POST /echo",
        "handler": "demo.echo", "module": "demo", "pool": "default", "outcome": "ok"}


def test_outcomes_are_named(daemon, tmp_path):
    d, path = logged(daemon, tmp_path, "json", DEMO + GATE
                     + pool(thread_tokens=1, queue_max=1, queue_timeout="100ms"))
    g = Gate(d)
    held = g.fill(1)
    waiting = d.connect()
    waiting.get("/noop")
    wait_for(lambda: d.get("/noop").status == 503)  # the line is full while that one waits
    assert waiting.response().status == 503
    g.release(1)
    assert held[0].response().status == 200
    d.get("/fail?how=errno")
    d.get("/none")
    wait_for(lambda: "/none" in path.read_text())
    seen = {(line.get("outcome"), line.get("reason")) for line in
            map(json.loads, path.read_text().splitlines())}
    assert {("ok", None), ("rejected", "full"), ("rejected", "expired"), ("failed", None),
            ("refused", None)} <= seen


def test_a_handler_beyond_its_time_is_a_timeout_and_a_lost_client_is_gone(daemon, tmp_path):
    d, path = logged(daemon, tmp_path, "json", DEMO + pool(timeout="100ms"))
    assert d.get("/sleep?ms=400").status == 504
    line = json.loads(lines_of(path, 1)[0])
    assert line["outcome"] == "timeout" and line["target"] == "/sleep?ms=400"
    assert line["method"] == "GET" and line["route"] == "GET /sleep"


@pytest.mark.parametrize("form", FORMS)
def test_no_bytes_of_clients_break_a_line(daemon, tmp_path, form):
    d, path = logged(daemon, tmp_path, form)
    odd = "".join(map(chr, [*range(0x21, 0x7f), 9, *range(0x80, 0x100)]))
    with d.connect() as c:
        c.get("/inline?%e4=", "User-Agent: " + odd, "Referer: " + "\xc3" * 5000).response()
    text = lines_of(path, 1)[0]
    line = FORMS[form](text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text)
    assert line["referer"].endswith("...") and len(text) < 8192
    if form == "json":
        assert line["user_agent"] == odd and line["target"] == "/inline?%e4="


# ---- files that take nothing ----

def test_a_pipe_whose_reader_sleeps_loses_lines_and_stalls_nobody(daemon, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    d, _ = logged(daemon, tmp_path, "json", path=fifo)
    with d.connect() as c:
        while not any("access log: lines are lost" in line for line in d.lines):
            for _ in range(30):
                c.get("/inline?" + "x" * 1000)
            for _ in range(30):
                assert c.response().status == 200
    os.set_blocking(end, True)
    with os.fdopen(end, "rb") as reader:
        got = [json.loads(reader.readline())]

        def read():
            for line in reader:
                got.append(json.loads(line))
        t = threading.Thread(target=read)
        t.start()
        lost = int(d.logged(r"notice: access log: is written again; (\d+) lines were lost")[1])
        count = len(got) + lost
        d.get("/inline?last")
        d.stop()
        t.join(30)
    assert lost > 0 and "last" in got[-1]["target"]
    # Each request is a line, or was counted.
    assert len(got) + lost == count + 1
    assert d.log.count("lines are lost") == 1


def test_a_full_disk_is_said_once_and_the_next_file_gets_the_next_lines(daemon, tmp_path):
    d, _ = logged(daemon, tmp_path, "json", path="/dev/full")
    d.get("/inline?1")
    d.logged("error: access log: lines are lost: No space left on device")
    for _ in range(3):
        d.get("/inline?2")
    path = tmp_path / "good.log"
    with open(d.folder + "/weir.ini", encoding="utf-8") as f:
        text = f.read()
    reload(d, text.replace("/dev/full", str(path)))
    d.get("/inline?3")
    assert json.loads(lines_of(path, 1)[-1])["target"] == "/inline?3"
    assert d.logged(r"access log: is written again; (\d+) lines were lost")
    assert d.log.count("lines are lost") == 1


def test_a_blocked_stderr_stalls_nobody(tmp_path):
    """Nobody reads the daemon's stderr at all."""
    read, write = os.pipe()
    ini = tmp_path / "weir.ini"
    path = tmp_path / "s"
    ini.write_text(f"[server]\nlisten = unix:{path}\nio_threads = 1\n" + PROBE)
    from weirlib import WEIR, Daemon
    process = subprocess.Popen([WEIR, "-c", str(ini)], stderr=write, stdin=subprocess.DEVNULL)
    os.close(write)
    try:
        wait_for(path.exists)
        d = Daemon.__new__(Daemon)
        d.unix, d.port, d.port6 = str(path), None, None
        import socket
        with d.connect(socket.AF_UNIX) as c:
            for _ in range(1000):
                assert c.get("/log?text=" + "x" * 900).response().status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(read)


def test_the_end_of_a_pipe_is_no_end_of_the_daemon(daemon, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    d, _ = logged(daemon, tmp_path, "json", path=fifo)
    os.close(end)
    d.get("/inline")
    d.logged("access log: lines are lost: Broken pipe")
    assert d.get("/inline").status == 200


# ---- files that change ----

def test_rotation_by_rename_and_usr1_loses_no_line(daemon, tmp_path):
    path, errors = tmp_path / "access.log", tmp_path / "error.log"
    d = daemon(DEMO + PROBE, server=f"access_log = {path}\naccess_log_format = json\n"
               f"error_log = {errors}\n", check=False)
    wait_for(lambda: errors.exists() and " info: ready" in errors.read_text())
    d.port = int(re.search(r"listening on http://\S+:(\d+)", errors.read_text())[1])
    assert stat.S_IMODE(path.stat().st_mode) & ~0o640 == 0
    for i in range(20):
        d.get(f"/log?text=line-{i}-")
        if i % 5 == 0:
            for log in (path, errors):
                log.rename(f"{log}.{i}")
            d.signal(signal.SIGUSR1)
            wait_for(lambda: path.exists() and errors.exists())
    d.stop()
    assert d.lines == []
    for log in (path, errors):
        text = "".join(p.read_text() for p in sorted(tmp_path.glob(log.name + "*")))
        for i in range(20):
            assert text.count(f"line-{i}-") == 1, log


def test_a_file_that_cannot_be_opened_again_keeps_the_old_one(daemon, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    d, _ = logged(daemon, tmp_path, "json", path=folder / "a")
    d.get("/inline?1")
    lines_of(folder / "a", 1)
    folder.rename(tmp_path / "away")
    d.signal(signal.SIGUSR1)
    d.logged("error: cannot reopen the access log: No such file or directory")
    d.get("/inline?2")
    lines_of(tmp_path / "away" / "a", 2)


def test_a_reload_changes_logs_and_their_form(daemon, tmp_path):
    access, errors = tmp_path / "new.log", tmp_path / "errors.log"
    d = daemon(DEMO + PROBE, server="error_log = stderr\naccess_log = off\n")
    with open(d.folder + "/weir.ini", encoding="utf-8") as f:
        text = f.read()
    reload(d, text.replace("access_log = off", f"access_log = {access}"))
    d.get("/inline")
    assert lines_of(access, 1)[0].startswith("127.0.0.1 - - [")
    reload(d, text.replace("access_log = off",
                           f"access_log = {access}\naccess_log_format = json"))
    d.get("/inline")
    assert json.loads(lines_of(access, 2)[1])["status"] == 200
    reload(d, text.replace("access_log = off", f"access_log = {tmp_path}/none/x"))
    d.logged("error: cannot open access log .*/none/x")
    reload(d, text)
    d.get("/inline")
    with open(d.folder + "/weir.ini", "w", encoding="utf-8") as f:
        f.write(text.replace("error_log = stderr", f"error_log = {errors}"))
    d.signal(signal.SIGHUP)
    # What is said while it changes may go to either.
    wait_for(lambda: errors.exists() and d.get("/log?text=there").status == 200
             and 'module "probe": there' in errors.read_text())
    d.get("/log?text=then")
    wait_for(lambda: 'module "probe": then' in errors.read_text())
    assert 'module "probe": then' not in d.log
    assert len(access.read_text().splitlines()) == 2


def test_errors_of_a_reload_are_lines_of_the_log(daemon):
    d = daemon(DEMO)
    with open(d.folder + "/weir.ini", encoding="utf-8") as f:
        text = f.read()
    reload(d, text + "[server]\nio_threads = many\n", good=False)
    d.logged(r"^\d{4}-\S+Z error: \S+weir\.ini:\d+:\d+: io_threads")


# ---- traces ----

def test_a_trace_is_handed_on_and_logged(daemon, tmp_path):
    d, path = logged(daemon, tmp_path, "json")
    r = d.get("/traceparent", traceparent=PARENT).json
    assert r["first"] == r["second"] and re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", r["first"])
    assert "b7ad6b7169203331" not in r["first"]
    made = d.get("/traceparent").json["first"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", made) and TRACE not in made
    assert d.get("/traceparent").json["first"][3:35] != made[3:35]
    bad = d.get("/traceparent", traceparent=PARENT.upper()).json["first"]
    assert TRACE not in bad.lower()
    d.get("/inline")
    traces = [json.loads(line).get("trace") for line in lines_of(path, 5)]
    assert traces[0] == TRACE and traces[1] == made[3:35] and traces[4] is None


def test_a_handlers_failure_names_its_trace(daemon):
    d = daemon(PROBE)
    d.get("/traceparent?fail=5", traceparent=PARENT, X_Request_Id="mine")
    d.logged(rf"error: request mine \(trace {TRACE}\): handler probe\.traceparent")
    d.get("/traceparent?fail=5", X_Request_Id="own")
    d.logged(r"error: request own \(trace [0-9a-f]{32}\): handler")


def test_no_text_of_clients_moves_a_terminal_that_shows_the_error_log(daemon):
    d = daemon(PROBE)
    d.get("/log?text=one%C2%9B31m%1B%0A%7Ftwo%9B%C3%BC%E2%82")
    d.logged(r'module "probe": one\?\?31m\?\?\?two\?\u00fc\?\?$')


# ---- Server-Timing ----

def test_server_timing_tells_queue_and_handler(daemon):
    d = daemon(DEMO + section("stream", mount="/s"), server="server_timing = yes")
    value = d.get("/sleep?ms=30").header("Server-Timing")
    found = re.fullmatch(r"queue;dur=(\d+\.\d+), handler;dur=(\d+\.\d+)", value)
    assert float(found[1]) < 10000 and float(found[2]) >= 30
    assert d.get("/inline").header("Server-Timing") is None
    assert d.get("/none").header("Server-Timing") is None
    assert re.fullmatch(r"queue;dur=\S+", d.get("/s/send?size=10").header("Server-Timing"))
    assert daemon(DEMO).get("/noop").header("Server-Timing") is None


def test_an_answers_own_server_timing_stays_alone(daemon):
    d = daemon(DEMO + "[route GET /noop]\nadd_header = Server-Timing: mine\n",
               server="server_timing = yes")
    assert d.get("/noop").header("Server-Timing") == "mine"
