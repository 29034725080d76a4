"""What an operator does with systemctl, under a real systemd. Run by `run`, inside of
the container that it boots; each test begins with the daemon as it was installed."""
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

SHARE = "/share"
UNIT = "weir.service"
FRAGMENT = subprocess.run(["systemctl", "show", "-P", "FragmentPath", UNIT], check=True,
                          capture_output=True, text=True).stdout.strip()
BIN = re.search(r"ExecStart=(\S+)/weir ", open(FRAGMENT, encoding="utf-8").read())[1]
INI = re.search(r"ExecStart=\S+ -c (\S+)", open(FRAGMENT, encoding="utf-8").read())[1]
PATH = os.path.dirname(INI)
DROPIN = f"/etc/systemd/system/{UNIT}.d/test.conf"


def run(*args, expect=0, timeout=60):
    done = subprocess.run(args, capture_output=True, text=True, timeout=timeout, check=False)
    if expect is not None:
        assert (done.returncode == 0) == (expect == 0), (args, done.stdout, done.stderr)
    return done


def ctl(*args, **how):
    return run("systemctl", *args, **how)


def show(name, unit=UNIT):
    return ctl("show", "-P", name, unit).stdout.strip()


def journal(unit=UNIT, since=None):
    """Entries of the daemon, as (priority, message)."""
    args = ["journalctl", "-u", unit, "-o", "json", "--no-pager"]
    out = run(*args, *(["--since", since] if since else [])).stdout
    entries = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return [(e.get("PRIORITY"), e["MESSAGE"]) for e in entries if isinstance(e["MESSAGE"], str)]


def wait_for(condition, seconds=20, what=""):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = condition()
        if said:
            return said
        time.sleep(0.02)
    raise AssertionError(f"did not come true in {seconds} s: {what}\n" +
                         "\n".join(f"{p} {m}" for p, m in journal()[-20:]))


def get(path, port=8080, timeout=20):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        client.request("GET", path)
        r = client.getresponse()
        return r.status, r.read().decode()
    finally:
        client.close()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o644)


def put_module(name):
    shutil.copy(f"{SHARE}/{name}.so", "/opt/replace.so.new")
    os.chmod("/opt/replace.so.new", 0o755)
    os.rename("/opt/replace.so.new", "/opt/replace.so")


BASE = "[module replace]\nfile = /opt/replace.so\n[module demo]\n[module hello]\n"


@pytest.fixture(autouse=True)
def installed():
    """The daemon on its socket, freshly started."""
    ctl("stop", "weir.socket", UNIT, expect=None)
    if os.path.exists(DROPIN):
        os.unlink(DROPIN)
    run("systemd-sysusers")
    ctl("daemon-reload")
    ctl("reset-failed", expect=None)
    put_module("replace_a")
    write(INI, BASE)
    ctl("enable", "--now", "weir.socket", UNIT)
    yield
    ctl("disable", "--now", "weir.socket", UNIT, expect=None)


def drop_in(text):
    write(DROPIN, text)
    ctl("daemon-reload")


def test_it_starts_and_says_how_it_is():
    assert get("/hello") == (200, "hello, world\n")
    assert show("ActiveState") == "active" and show("Type") == "notify"
    assert re.match(r"\d+/80 tokens, \d+ waiting", show("StatusText"))
    assert f'Status: "{show("StatusText")}"' in run("systemctl", "status", UNIT).stdout
    assert "TOKENS" in run(f"{BIN}/weirctl", "status").stdout
    assert show("User") == "weir"


def test_a_module_changed_on_disk_comes_with_a_reload():
    pid = show("MainPID")
    assert get("/who")[1] == "a"
    put_module("replace_b")
    assert get("/who")[1] == "a"
    ctl("reload", UNIT)
    assert get("/who")[1] == "b" and show("MainPID") == pid


def test_a_broken_file_fails_the_reload_and_nothing_else():
    pid = show("MainPID")
    write(INI, BASE + "[pool default]\nthread_tokens = many\n")
    ctl("reload", UNIT, expect=1)
    assert get("/hello")[0] == 200 and show("MainPID") == pid
    assert show("ActiveState") == "active"
    said = [m for _, m in journal()]
    assert any(re.search(r"weir\.ini:6:17: thread_tokens", m) for m in said), said[-10:]
    write(INI, BASE)
    ctl("reload", UNIT)


def test_a_broken_file_is_not_started():
    write(INI, "[server]\nnonsense = 1\n")
    ctl("restart", UNIT, expect=1)
    wait_for(lambda: show("ActiveState") == "failed")
    assert show("NRestarts") == "0"
    assert any("weir.ini:2:1: unknown key 'nonsense'" in m for _, m in journal())


def test_a_restart_under_load_loses_no_request():
    load = subprocess.Popen([f"{SHARE}/load", "-a", "127.0.0.1:8080", "-c", "64", "-d", "8", "-x",
                             "/noop"], stdout=subprocess.PIPE, text=True)
    pids = set()
    for _ in range(3):
        wait_for(lambda: get("/hello")[0] == 200)
        pids.add(show("MainPID"))
        ctl("restart", UNIT)
    out = load.communicate(timeout=60)[0]
    result = json.loads(out.strip().splitlines()[-1])
    print(result)
    assert len(pids) == 3
    assert sum(result["errors"].values()) == 0 and result["good"] == result["requests"], result
    assert result["good"] > 10000


def test_a_kill_is_mended_within_a_second():
    pid = show("MainPID")
    run("kill", "-9", pid)
    began = time.monotonic()
    # The socket stays: clients wait, and are answered.
    assert get("/hello")[0] == 200
    took = time.monotonic() - began
    assert show("MainPID") not in (pid, "0")
    print(f"back after {took:.3f} s")
    assert took < 1


def test_the_watchdog_bites_when_a_loop_is_held_up():
    drop_in("[Service]\nWatchdogSec=2s\nWatchdogSignal=SIGKILL\n"
            "Environment=WEIR_NO_CORE=1\n")
    write(INI, "[server]\nio_threads = 1\n" + BASE + f"[module lives]\nfile = {SHARE}/lives.so\n"
          "log = /var/lib/weir/lives.log\nstall = /var/lib/weir/never\n")
    ctl("restart", UNIT)
    pid = show("MainPID")
    with socket.create_connection(("127.0.0.1", 8080)) as s:
        s.sendall(b"GET /stall HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: show("MainPID") not in (pid, "0"), 30, "another daemon")
    wait_for(lambda: get("/hello")[0] == 200)
    said = [m for _, m in journal()]
    assert any("I/O thread 0 does not turn" in m for m in said)


def test_a_stop_that_takes_longer_than_systemd_waits_is_extended():
    drop_in("[Service]\nTimeoutStopSec=2s\n")
    ctl("restart", UNIT)
    with socket.create_connection(("127.0.0.1", 8080)) as s:
        s.sendall(b"GET /sleep?ms=6000 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: '"running": 1' in get("/sleep/stats")[1] or
                 '"running":1' in get("/sleep/stats")[1])
        began = time.monotonic()
        ctl("stop", "weir.socket", UNIT, expect=None)
        assert time.monotonic() - began > 3
        s.settimeout(5)
        assert s.recv(4096).startswith(b"HTTP/1.1 200")
    assert show("Result") == "success"


def test_background_tasks_that_take_longer_come_to_their_end():
    drop_in("[Service]\nTimeoutStopSec=2s\n")
    write(INI, BASE.replace("[module demo]\n", "[module demo]\ntask_time = 6s\n"))
    ctl("restart", UNIT)
    assert get("/start-background")[0] == 200
    began = time.monotonic()
    ctl("stop", "weir.socket", UNIT, expect=None)
    assert time.monotonic() - began > 4
    assert show("Result") == "success"


def test_priorities_in_the_journal_are_right():
    write(INI, BASE + "nonsense = 1\n")
    run("kill", "-HUP", show("MainPID"))
    entries = wait_for(lambda: [e for e in journal() if "not reloaded" in e[1]] and journal())
    by_text = {m: p for p, m in entries}
    assert next(p for m, p in by_text.items() if m.startswith("not reloaded")) == "3"
    assert next(p for m, p in by_text.items() if m.startswith("ready: ")) == "6"
    ctl("stop", UNIT, expect=None)
    assert next(p for p, m in journal() if m.startswith("stopping: ")) == "5"
    assert not any(re.match(r"<\d>", m) for _, m in journal())


def test_a_credential_comes_from_systemd():
    write("/etc/weir-secret", "tiptop\n")
    os.chmod("/etc/weir-secret", 0o600)
    drop_in("[Service]\nLoadCredential=word:/etc/weir-secret\n")
    write(INI, BASE + "greeting = @cred:word\n")
    ctl("restart", UNIT)
    assert get("/hello")[1] == "tiptop, world\n"
    ctl("reload", UNIT)
    assert "tiptop" not in run(f"{BIN}/weirctl", "config").stdout
    assert not any("tiptop" in m for _, m in journal())


def test_the_control_socket_is_for_root_and_the_daemons_user():
    as_user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    assert run(*as_user, f"{BIN}/weirctl", "status", expect=1).returncode == 77
    as_weir = ["setpriv", "--reuid", "weir", "--regid", "weir", "--clear-groups"]
    run(*as_weir, f"{BIN}/weirctl", "tokens", "default", "7")
    assert "7 in use" in run(f"{BIN}/weirctl", "tokens").stdout or \
        "of 7 in use" in run(f"{BIN}/weirctl", "tokens").stdout


def test_without_the_socket_unit_it_opens_its_address_itself():
    ctl("disable", "--now", "weir.socket", UNIT, expect=None)
    ctl("start", UNIT)
    assert show("ActiveState", "weir.socket") == "inactive"
    assert get("/hello")[0] == 200


def test_the_sealed_unit_lives_on_its_socket_alone():
    write(f"{PATH}/sealed.ini", "[module demo]\n[module hello]\n")
    ctl("enable", "--now", "weir-sealed.socket", "weir-sealed.service")
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect("/run/weir-sealed.sock")
            s.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 200")
        pid = show("MainPID", "weir-sealed.service")
        with open(f"/proc/{pid}/net/dev", encoding="utf-8") as f:
            names = [line.split(":")[0].strip() for line in f if ":" in line]
        assert names == ["lo"] and os.readlink(f"/proc/{pid}/ns/net") != \
            os.readlink("/proc/1/ns/net")
        ctl("reload", "weir-sealed.service")
    finally:
        ctl("disable", "--now", "weir-sealed.socket", "weir-sealed.service", expect=None)


@pytest.mark.parametrize("unit, most", [(UNIT, 1.1), ("weir-sealed.service", 0.2)])
def test_the_units_are_sealed_as_far_as_it_goes(unit, most):
    fragment = show("FragmentPath", unit)
    out = run("systemd-analyze", "security", "--offline=yes", fragment, expect=None).stdout
    figure = float(re.search(r"exposure level for \S+: ([\d.]+)", out)[1])
    print(unit, figure)
    assert figure <= most
