"""The control plane and weirctl: status, metrics, changes while the daemon runs."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from weirlib import SLOW, Daemon, module, section, wait_for

WEIRCTL = os.path.join(os.path.dirname(os.environ.get("WEIR", "weir")), "weirctl")
POOL = "[pool default]\nthread_tokens = {}\n"
GATE = section("gate") + section("hello")


@pytest.fixture
def controlled(daemon, tmp_path):
    """controlled(INI): a daemon with a control socket; d.sock is its path."""
    def start(ini, server="", admin="", started_as=None):
        path = str(tmp_path / "control.sock")
        ini += f"\n[admin]\nlisten = unix:{path}\n{admin}\n"
        if started_as:  # a path that is none from elsewhere
            def put():
                with open(started_as, "w", encoding="utf-8") as f:
                    f.write("[server]\nlisten = 127.0.0.1:0\n" + ini)
            d = daemon("", args=["-c", started_as], preexec=put)
        else:
            d = daemon(ini, server=server)
        d.sock = path
        return d
    return start


def ask(d, method, path, body=None, headers=""):
    """A request on the control socket."""
    with d.connect(socket.AF_UNIX, to=d.sock) as c:
        data = body if isinstance(body, bytes) else (body or "").encode()
        c.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
               .encode() + data)
        return c.response(method)


def ctl(d, *args, expect=0, **how):
    done = subprocess.run([WEIRCTL, "-s", d.sock, *args], capture_output=True, text=True,
                          timeout=20 * SLOW, check=False, **how)
    assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    return done


def pool(d, name="default"):
    return next(p for p in ask(d, "GET", "/status").json["pools"] if p["name"] == name)


def metrics(d):
    """Samples by name with labels."""
    text = ask(d, "GET", "/metrics").text
    return {m[1]: float(m[2].replace("+Inf", "inf"))
            for m in re.finditer(r"(?m)^([a-z_]+(?:\{[^}]*\})?) (\S+)$", text)}


def hold(d, count, path="/hold"):
    """`count` calls that hold a token or wait for one, the first one first."""
    held = []
    while len(held) < count:
        held.append(d.connect().get(path))
        wait_for(lambda: pool(d)["tokens"]["in_use"] + pool(d)["queue"]["waiting"] == len(held))
    return held


def let_go(d, held):
    d.post(f"/release?n={len(held)}")
    for c in held:
        assert c.response().status == 200


# ---- status ----

def test_status_tells_of_tokens_and_lines(controlled):
    d = controlled(GATE + POOL.format(2) + "queue_max = 10\n")
    held = hold(d, 5)
    p = pool(d)
    assert (p["tokens"]["limit"], p["tokens"]["in_use"]) == (2, 2)
    assert (p["queue"]["waiting"], p["queue"]["max"]) == (3, 10)
    assert p["queue"]["oldest_seconds"] > 0
    let_go(d, held)
    wait_for(lambda: pool(d)["tokens"]["in_use"] == 0)
    s = ask(d, "GET", "/status").json
    assert s["state"] == "serving" and s["generation"] == 1 and s["pid"] == d.pid
    assert s["requests"]["2xx"] >= 6
    assert pool(d)["tokens"]["busy_seconds"] > 0


def test_calls_are_listed_with_what_they_do(controlled):
    d = controlled(GATE + POOL.format(1))
    held = hold(d, 3)

    def listed():
        calls = ask(d, "GET", "/calls").json["calls"]
        return calls if "asleep" in calls[0].get("doing", "") else None
    calls = wait_for(listed)    # its thread may have to begin first
    assert [c["state"] for c in calls] == ["running", "waiting", "waiting"]
    assert calls[0]["route"] == "GET /hold" and calls[0]["pool"] == "default"
    assert calls[0]["thread"].startswith("default/") and "asleep" in calls[0]["doing"]
    assert calls[1]["age_seconds"] >= calls[2]["age_seconds"]
    shown = ctl(d, "calls").stdout
    assert "running" in shown and "GET /hold" in shown
    let_go(d, held)


def test_calls_of_all_pools_stand_in_one_order(controlled):
    d = controlled(GATE + POOL.format(1) + "[pool other]\nthread_tokens = 1\n"
                   "[route GET /elsewhere]\nhandler = gate.hold\npool = other\n")
    held = []
    for path in ("/elsewhere", "/hold", "/hold", "/elsewhere"):
        held.append(d.connect().get(path))
        wait_for(lambda: len(ask(d, "GET", "/calls").json["calls"]) == len(held))
    calls = ask(d, "GET", "/calls").json["calls"]
    assert [(c["state"], c["pool"]) for c in calls] == [
        ("running", "other"), ("running", "default"), ("waiting", "default"), ("waiting", "other")]
    let_go(d, held)


def test_modules_are_listed_with_their_files(controlled):
    d = controlled(GATE)
    d.get("/hello")
    by_name = {m["name"]: m for m in ask(d, "GET", "/modules").json["modules"]}
    hello = by_name["hello"]
    assert hello["version"] and hello["abi"] and re.fullmatch("[0-9a-f]{8,}", hello["build_id"])
    assert hello["file"].endswith("hello.so") and hello["generation"] == 1
    wait_for(lambda: {m["name"]: m for m in ask(d, "GET", "/modules").json["modules"]}
             ["hello"]["calls"] == 1)
    assert "GET /hello" in hello["routes"]


def test_an_older_generation_is_seen_as_long_as_it_lives(controlled):
    d = controlled(GATE)
    held = hold(d, 1)
    ctl(d, "reload", "--wait")
    assert ask(d, "GET", "/status").json["generations"] == [1, 2]
    let_go(d, held)
    wait_for(lambda: ask(d, "GET", "/status").json["generations"] == [2])


def test_config_tells_value_default_and_origin(controlled):
    d = controlled(section("hello", greeting="moin") + POOL.format(7))
    values = {(v["section"], v["key"]): v for v in ask(d, "GET", "/config").json["values"]}
    tokens = values["[pool default]", "thread_tokens"]
    assert tokens["value"] == "7" and tokens["default"] == "40" and tokens["change"] == "live"
    assert re.search(r"weir\.ini:\d+$", tokens["origin"])
    assert values["[module hello]", "greeting"]["value"] == "moin"
    assert values["[server]", "io_threads"]["change"] == "restart"
    assert "thread_tokens = 7" in ctl(d, "config").stdout


# ---- metrics ----

def test_metrics_count_what_happened(controlled):
    d = controlled(GATE + POOL.format(1) + "queue_max = 1\n")
    held = hold(d, 2)
    assert d.get("/hold").status == 503
    m = metrics(d)
    assert m['weir_tokens_limit{pool="default"}'] == 1
    assert m['weir_tokens_in_use{pool="default"}'] == 1
    assert m['weir_queue_waiting{pool="default"}'] == 1
    assert m['weir_rejected_total{pool="default",reason="full"}'] == 1
    let_go(d, held)
    wait_for(lambda: metrics(d).get('weir_handler_duration_seconds_count{route="GET /hold",module="gate"}') == 2)
    m = metrics(d)
    assert m['weir_responses_total{route="GET /hold",module="gate",class="2xx"}'] == 2
    assert m['weir_responses_total{route="GET /hold",module="gate",class="5xx"}'] == 1
    assert m['weir_queue_wait_seconds_count{pool="default"}'] == 2
    assert m['weir_token_busy_seconds_total{pool="default"}'] > 0
    assert m["process_resident_memory_bytes"] > 1000000
    assert m['weir_handler_errors_total{route="GET /hold",module="gate"}'] == 0


def test_background_tasks_that_fail_are_counted(controlled):
    d = controlled(section("probe_work"))
    assert d.post("/tasks?order=3&fail=2").status == 200
    name = 'weir_background_errors_total{route="POST /tasks",module="probe_work"}'
    wait_for(lambda: metrics(d).get(name) == 1)
    assert ask(d, "GET", "/modules").json["modules"][0]["tasks_failed"] == 1
    assert re.search(r"(?m)^probe_work .* 1 /", ctl(d, "modules").stdout)


def test_labels_are_patterns_and_never_urls(controlled):
    d = controlled(section("demo"))
    for i in range(5):
        d.get(f"/compute/{i}")
    d.get("/no/such/page")
    text = ask(d, "GET", "/metrics").text
    assert 'route="GET /compute/{item_id:int}"' in text and "/compute/1" not in text
    assert 'weir_responses_total{route="none",module="",class="4xx"} 1' in text and "such" not in text


def test_counters_go_on_across_a_reload(controlled):
    d = controlled(section("hello"))
    for n in range(1, 4):
        assert d.get("/hello").status == 200
        wait_for(lambda n=n: metrics(d)['weir_responses_total{route="GET /hello",module="hello",class="2xx"}'] == n)
        ctl(d, "reload", "--wait")
    m = metrics(d)
    assert m["weir_generation"] == 4 and m['weir_reloads_total{result="good"}'] == 3


def test_promtool_finds_nothing(controlled):
    d = controlled(section("demo") + POOL.format("inf"))
    d.get("/noop")
    done = subprocess.run(["promtool", "check", "metrics"], capture_output=True, text=True,
                          input=ask(d, "GET", "/metrics").text, timeout=30 * SLOW, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ---- changes ----

def test_tokens_change_at_once_and_until_the_next_reload(controlled):
    d = controlled(GATE + POOL.format(1))
    held = hold(d, 3)
    assert "until the next reload" in ctl(d, "tokens", "default", "3").stdout
    wait_for(lambda: pool(d)["tokens"]["in_use"] == 3)
    assert "thread_tokens = 1" in ctl(d, "config").stdout
    assert "runs with 3" in ctl(d, "config").stdout
    assert "thread_tokens = 1, was 3" in ctl(d, "diff").stdout
    assert "thread_tokens = 1, was 3" in ctl(d, "reload", "--wait").stdout
    assert pool(d)["tokens"]["limit"] == 1
    let_go(d, held)


def test_bounds_of_the_line_change_at_once(controlled):
    d = controlled(GATE + POOL.format(1) + "queue_max = 0\n")
    held = hold(d, 1)
    assert d.get("/hold").status == 503
    assert ask(d, "PUT", "/pools/default/queue_max", "5\n").status == 200
    held.append(d.connect().get("/hold"))
    wait_for(lambda: pool(d)["queue"]["waiting"] == 1)
    assert ask(d, "PUT", "/pools/default/queue_timeout", "20ms").status == 200
    assert d.get("/hold").status == 503
    let_go(d, held)


@pytest.mark.parametrize("path, body, status", [
    ("/pools/none/thread_tokens", "4", 404),
    ("/pools/%ff/thread_tokens", "4", 404),
    ("/pools/default/thread_tokens", b"\xff", 422),
    ("/pools/default/thread_tokens", "\u00fc" * 120, 422),
    ("/pools/default/stack_size", "4M", 404),
    ("/pools/default/thread_tokens", "many", 422),
    ("/pools/default/thread_tokens", "-1", 422),
    ("/pools/default/thread_tokens", "", 422),
    ("/pools/default/thread_tokens", "4\0", 422),
    ("/pools/default/thread_tokens", "4" * 300, 422),
    ("/pools/default/queue_timeout", "5", 422),
    ("/log/level", "loud", 422),
])
def test_what_cannot_be_set_is_refused_and_changes_nothing(controlled, path, body, status):
    d = controlled(section("hello"))
    r = ask(d, "PUT", path, body)
    assert r.status == status and r.json["error"]
    assert pool(d)["tokens"]["limit"] == 40


def test_saved_tokens_stay(controlled):
    d = controlled(GATE + POOL.format(1))
    path = d.folder + "/weir.ini"
    with open(path, encoding="utf-8") as f:
        text = f.read()
    done = ctl(d, "tokens", "default", "5", "--save", expect=78)
    assert "include = conf.d/*.ini" in done.stderr
    with open(path, "w", encoding="utf-8") as f:
        f.write("include = conf.d/*.ini\n" + text)
    for n in ("6", "7"):
        ctl(d, "tokens", "default", n, "--save")
    with open(d.folder + "/conf.d/90-weirctl.ini", encoding="utf-8") as f:
        saved = f.read()
    assert saved.count("thread_tokens") == 1 and "[pool default]\nthread_tokens = 7\n" in saved
    ctl(d, "reload", "--wait")
    assert pool(d)["tokens"]["limit"] == 7
    assert "90-weirctl.ini" in ctl(d, "config").stdout


def test_tokens_are_saved_beside_the_file_whatever_it_is_called(controlled, tmp_path):
    d = controlled(section("hello") + POOL.format(1) + "[pool default2]\nthread_tokens = 1\n",
                   started_as="weir.ini")
    with open(d.folder + "/weir.ini", encoding="utf-8") as f:
        text = f.read()
    with open(d.folder + "/weir.ini", "w", encoding="utf-8") as f:
        f.write("include = conf.d/*.ini\n" + text)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ctl(d, "tokens", "default2", "3")   # of another pool, and not saved
    said = ctl(d, "tokens", "default", "007", "--save", cwd=elsewhere)
    assert d.folder + "/conf.d/90-weirctl.ini: saved" in said.stdout
    assert list(elsewhere.iterdir()) == []
    ctl(d, "reload", "--wait")
    assert pool(d)["tokens"]["limit"] == 7 and pool(d, "default2")["tokens"]["limit"] == 1


def test_a_daemon_without_a_file_saves_nothing(daemon, tmp_path):
    d = daemon("", args=["run", module("hello")], env={"RUNTIME_DIRECTORY": str(tmp_path)})
    d.sock = str(tmp_path / "control.sock")
    said = ctl(d, "tokens", "default", "7", "--save", expect=1, cwd=tmp_path)
    assert "runs without a file" in said.stderr
    assert pool(d)["tokens"]["limit"] == 40 and not (tmp_path / "conf.d").exists()


def test_the_level_of_the_log_changes(controlled):
    d = controlled(section("hello"))
    assert ctl(d, "log", "error").stdout == "log_level = error, until the next reload\n"
    assert ask(d, "POST", "/log/level", "info").status == 200
    ctl(d, "log", "error")
    ctl(d, "log", "debug")
    assert "log_level = debug" in d.logged("log_level = debug").string
    assert "log_level = error" not in d.log


# ---- reload, drain ----

def test_a_good_reload_is_told_with_its_changes(controlled):
    d = controlled(section("hello") + POOL.format(3))
    path = d.folder + "/weir.ini"
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("thread_tokens = 3", "thread_tokens = 4")
                .replace("[module hello]", "[module hello]\ngreeting = moin"))
    diff = ctl(d, "diff").stdout
    assert "[pool default] thread_tokens = 4, was 3" in diff and "greeting" in diff
    out = ctl(d, "reload", "--wait").stdout
    assert "[pool default] thread_tokens = 4, was 3" in out and "greeting = moin, was hello" in out
    assert "generation 2 serves" in out
    assert ctl(d, "diff").stdout == ""
    report = json.loads(ctl(d, "--json", "reload", "--wait").stdout)
    assert report["good"] and report["generation"] == 3 and report["changes"] == []


def test_a_broken_file_is_told_with_every_place(controlled):
    d = controlled(section("hello"))
    with open(d.folder + "/weir.ini", "a", encoding="utf-8") as f:
        f.write("[pool default]\nthread_tokens = x\nqueue_max = y\n[module no]\nfile = no.so\n")
    for command in (["reload", "--wait"], ["diff"]):
        done = ctl(d, *command, expect=78)
        places = re.findall(r"weir\.ini:\d+:\d+: ", done.stderr)
        assert len(places) == (3 if command[0] == "reload" else 2)
    assert "not reloaded" in ctl(d, "reload", "--wait", expect=78).stderr
    assert d.get("/hello").status == 200
    assert metrics(d)['weir_reloads_total{result="failed"}'] == 2


def test_errors_with_any_text_are_told(controlled):
    d = controlled(section("hello"))
    with open(d.folder + "/weir.ini", "a", encoding="utf-8") as f:
        f.write("[n" + "\u00fc" * 100 + "]\n")
    for command in (["reload", "--wait"], ["diff"]):
        assert re.search(r"weir\.ini:\d+:2: unknown section 'n\u00fc", ctl(d, *command, expect=78).stderr)


def test_a_file_that_cannot_be_read_has_no_line(controlled):
    d = controlled(section("hello"))
    os.unlink(d.folder + "/weir.ini")
    for command in (["reload", "--wait"], ["diff"]):
        assert "/weir.ini: cannot be read: No such file" in ctl(d, *command, expect=78).stderr


def test_who_waits_for_a_reload_is_told_that_the_daemon_is_another(controlled, tmp_path):
    d = controlled(section("lives", log=tmp_path / "lives.log"))
    with open(d.folder + "/weir.ini", encoding="utf-8") as f:
        text = f.read()
    with open(d.folder + "/weir.ini", "w", encoding="utf-8") as f:
        f.write(text.replace("[admin]", f"gate = {tmp_path}/never\n[admin]"))
    waits = subprocess.Popen([WEIRCTL, "-s", d.sock, "reload", "--wait"], stderr=subprocess.PIPE,
                             text=True)
    wait_for(lambda: "init 2" in (tmp_path / "lives.log").read_text())
    assert "check, init or fini has not returned" in waits.stderr.readline()
    waits.send_signal(signal.SIGSTOP)   # it sees nothing of the time between the two
    d.kill()
    os.unlink(d.sock)
    controlled(section("hello"))
    waits.send_signal(signal.SIGCONT)
    said = waits.communicate(timeout=20 * SLOW)[1]
    assert waits.returncode == 69 and ("has ended before" in said or "no answer" in said)


def test_what_was_only_asked_for_is_said_to_be(controlled):
    d = controlled(section("hello"))
    assert "--wait" in ctl(d, "reload").stdout
    assert "finishes" in ctl(d, "drain").stdout
    assert d.wait() == 0


def test_drain_ends_the_daemon_when_all_is_done(controlled):
    d = controlled(GATE + POOL.format(2))
    held = hold(d, 2)
    done = subprocess.Popen([WEIRCTL, "-s", d.sock, "drain", "--wait"], stdout=subprocess.PIPE)
    wait_for(lambda: ask(d, "GET", "/status").json["state"] == "draining")
    assert ask(d, "GET", "/readyz").status == 503 and ask(d, "GET", "/healthz").status == 200
    assert done.poll() is None
    ask(d, "POST", "/drain")
    assert pool(d)["tokens"]["in_use"] == 2
    # The listeners have gone: who holds the gate is let go by a stop of its client.
    for c in held:
        c.reset()
    assert done.wait(20 * SLOW) == 0
    assert d.wait() == 0


# ---- who may ----

def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def test_who_may_not_is_refused(controlled):
    d = controlled(section("hello"))
    os.chmod(os.path.dirname(d.sock), 0o755)
    folder = os.path.dirname(d.sock)
    while folder != "/":
        os.chmod(folder, os.stat(folder).st_mode | 0o055)
        folder = os.path.dirname(folder)
    tool = shutil.copy(WEIRCTL, "/tmp/weirctl-" + str(d.pid))
    try:
        def run(*args):
            return subprocess.run([tool, "-s", d.sock, *args], capture_output=True, text=True,
                                  preexec_fn=as_nobody, timeout=20 * SLOW, check=False)
        done = run("status")
        assert done.returncode == 77 and "Permission denied" in done.stderr
        os.chmod(d.sock, 0o666)  # an operator may open it to readers
        assert run("status").returncode == 0
        for command in (["tokens", "default", "1"], ["reload"], ["drain"], ["log", "debug"]):
            done = run(*command)
            assert done.returncode == 77 and "403" in done.stderr, command
    finally:
        os.unlink(tool)
    assert pool(d)["tokens"]["limit"] == 40
    assert ask(d, "GET", "/status").json["reloads"] == 0


def test_members_of_the_group_may(controlled):
    d = controlled(section("hello"), admin="group = nogroup")
    assert os.stat(d.sock).st_gid == 65534 and os.stat(d.sock).st_mode & 0o777 == 0o660
    folder = os.path.dirname(d.sock)
    while folder != "/":
        os.chmod(folder, os.stat(folder).st_mode | 0o055)
        folder = os.path.dirname(folder)
    tool = shutil.copy(WEIRCTL, "/tmp/weirctl-" + str(d.pid))
    try:
        done = subprocess.run([tool, "-s", d.sock, "tokens", "default", "9"], preexec_fn=as_nobody,
                              capture_output=True, timeout=20 * SLOW, check=False)
    finally:
        os.unlink(tool)
    assert done.returncode == 0 and pool(d)["tokens"]["limit"] == 9


def test_an_unknown_group_is_an_error_with_its_place(tmp_path):
    d = Daemon(str(tmp_path), f"[server]\nlisten = 127.0.0.1:0\n[admin]\n"
               f"listen = unix:{tmp_path}/c\ngroup = no-such-group\n", check=False)
    assert d.wait() == 71
    assert re.search(r"weir\.ini:5:9: group: there is no group", d.log)


def test_an_address_has_health_and_metrics_and_nothing_else(controlled):
    d = controlled(section("hello"), server="listen = 127.0.0.1:0",
                   admin="listen = 127.0.0.1:0")
    ports = [int(p) for p in re.findall(r"listening on http://127\.0\.0\.1:(\d+)", d.log)]
    admin = next(p for p in ports if p != d.port or ports.count(p) > 1)
    d.port = admin
    if d.get("/healthz").status == 404:
        d.port = next(p for p in ports if p != admin)
    assert d.get("/healthz").text == "ok\n"
    assert d.get("/readyz").text == "serving\n"
    assert d.get("/metrics").header("Content-Type").startswith("text/plain; version=0.0.4")
    for path in ("/status", "/calls", "/modules", "/config", "/reload", "/diff"):
        assert d.get(path).status == 404
    assert d.post("/drain").status == 404 and d.post("/reload").status == 404
    assert d.request("PUT", "/pools/default/thread_tokens", "1").status == 404
    assert pool(d)["tokens"]["limit"] == 40


@pytest.mark.parametrize("bytes_", [
    b"GET /status HTTP/1.1\r\n\r\n", b"GET  /status HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /reload HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00",
    b"PUT /pools/default/thread_tokens HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
])
def test_hostile_input_is_answered_as_on_any_listener(controlled, bytes_):
    d = controlled(section("hello"))
    with d.connect(socket.AF_UNIX, to=d.sock) as c:
        c.send(bytes_)
        assert 400 <= c.response().status < 500
        assert c.is_closed()
    assert ask(d, "GET", "/status").status == 200


def test_many_idle_connections_do_not_shut_the_operator_out(controlled):
    d = controlled(section("hello"))
    idle = [d.connect(socket.AF_UNIX, to=d.sock) for _ in range(300)]
    for c in idle[:200]:
        c.get("/healthz").response()
    assert ask(d, "GET", "/status").status == 200
    for c in idle:
        c.close()


def test_clients_of_its_address_do_not_shut_the_operator_out(controlled):
    d = controlled(section("hello"), admin="listen = 127.0.0.1:0")
    ports = {int(p) for p in re.findall(r"listening on http://127\.0\.0\.1:(\d+)", d.log)}
    kept = []
    for port in ports:
        for _ in range(300):
            kept.append(d.connect(to=("127.0.0.1", port)).send("GET /metrics HT"))
    began = time.monotonic()
    assert ask(d, "GET", "/status").status == 200
    assert time.monotonic() - began < 1 * SLOW
    for c in kept:
        c.close()


# ---- when nothing else answers ----

def test_it_answers_while_all_tokens_are_stuck_and_the_line_is_full(controlled):
    d = controlled(GATE + POOL.format(2) + "queue_max = 3\n")
    held = hold(d, 5)
    for _ in range(3):
        assert d.get("/hold").status == 503
        assert ask(d, "GET", "/healthz").text == "ok\n"
        assert pool(d)["queue"]["waiting"] == 3
        assert "2/2" in ctl(d).stdout
    let_go(d, held)


def test_a_stalled_io_thread_is_named_and_does_not_silence_it(controlled, tmp_path):
    gate = tmp_path / "gate"
    d = controlled(section("lives", log=tmp_path / "lives.log", stall=gate),
                   server="io_threads = 1")
    c = d.connect().get("/stall")
    wait_for(lambda: ask(d, "GET", "/status").json["stalled_io_thread"] == 0)
    assert "does not turn" in ctl(d, "status").stdout
    assert ask(d, "GET", "/metrics").status == 200
    gate.write_text("")
    assert c.response().status == 200
    wait_for(lambda: ask(d, "GET", "/status").json["stalled_io_thread"] is None)


# ---- weirctl ----

def test_top_runs_without_a_terminal(controlled):
    d = controlled(GATE + POOL.format(1))
    held = hold(d, 2)
    out = ctl(d, "top", "-b", "-n1").stdout
    assert "1/1" in out and "GET /hold" in out and "\033" not in out
    assert out.count("POOL") >= 1 and ctl(d, "top", "-b", "-n", "2").stdout.count("TOKENS") == 2
    let_go(d, held)


def test_every_answer_comes_as_json(controlled):
    d = controlled(section("hello"))
    for command in ("status", "calls", "modules", "config", "diff", "tokens"):
        assert json.loads(ctl(d, "--json", command).stdout)
    assert json.loads(ctl(d, "--json", "tokens", "default", "4").stdout)["value"] == "4"
    assert json.loads(ctl(d, "--json", "reload").stdout)["ticket"] == 1
    rounds = [json.loads(line) for line in
              ctl(d, "--json", "top", "-n", "2").stdout.splitlines()]
    assert [set(r) for r in rounds] == [{"status", "calls"}] * 2
    assert json.loads(ctl(d, "--json", "drain").stdout)["state"] == "draining"


def test_metrics_come_as_json_with_their_labels(controlled):
    d = controlled(section("demo") + POOL.format("inf"))
    d.get("/compute/3")
    samples = json.loads(ctl(d, "--json", "metrics").stdout)["metrics"]
    assert len(samples) == len(re.findall("(?m)^[^#]", ctl(d, "metrics").stdout))

    def value(name, **labels):
        return next(s["value"] for s in samples if s["name"] == name and s["labels"] == labels)
    assert value("weir_tokens_limit", pool="default") == "inf"
    assert value("weir_responses_total", route="GET /compute/{item_id:int}", module="demo",
                 **{"class": "2xx"}) == 1
    assert value("weir_generation") == 1


def test_exit_codes_help(tmp_path):
    def run(*args):
        return subprocess.run([WEIRCTL, *args], capture_output=True, text=True,
                              timeout=20 * SLOW, check=False)
    assert run("-s", str(tmp_path / "none"), "status").returncode == 69
    assert run("nonsense").returncode == 64 and run("--nonsense").returncode == 64
    assert run("status", "more").returncode == 64 and run("top", "-n", "x").returncode == 64
    assert "status" in run("--help").stdout and "weirctl" in run("--version").stdout
    for shell in ("bash", "zsh", "fish"):
        script = run("completion", shell).stdout
        for word in ("status", "reload", "tokens", "wait"):
            assert word in script
    assert run("completion", "csh").returncode == 64


def test_the_completion_for_bash_completes(controlled):
    d = controlled(section("hello"))
    script = subprocess.run([WEIRCTL, "completion", "bash"], capture_output=True, text=True,
                            check=True, timeout=20).stdout
    env = {**os.environ, "WEIR_SOCKET": d.sock,
           "PATH": os.path.dirname(WEIRCTL) + ":" + os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-c", script + "\nCOMP_WORDS=(weirctl rel); COMP_CWORD=1; _weirctl; "
         "echo ${COMPREPLY[*]}; COMP_WORDS=(weirctl tokens de); COMP_CWORD=2; _weirctl; "
         "echo ${COMPREPLY[*]}"], capture_output=True, text=True, env=env, check=True, timeout=20)
    assert done.stdout.split() == ["reload", "default"]
