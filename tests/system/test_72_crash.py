"""Crash notes: what the error log says of a fault, and how the process ends."""
import contextlib
import os
import re
import signal
import subprocess

import pytest

from weirlib import Closed, fixture, section, wait_for

CRASH = section("crash")
# A sanitizer has handlers of its own, which ours leaves alone; here it is ours that is looked at.
LEFT = ":".join(f"handle_{name}=0" for name in ("segv", "sigbus", "abort", "sigill", "sigfpe"))
ENV = {name: os.environ.get(name, "") + ":" + LEFT for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}
ENV = {name: value.lstrip(":") for name, value in ENV.items()}


def no_core():
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def crash(daemon, path, number, server="io_threads = 1", ini=CRASH):
    """Asks for `path`, waits for the end by signal `number`; the lines of the note."""
    d = daemon(ini, server=server, env=ENV, preexec=no_core)
    with d.connect() as c:
        try:
            c.get(path, "X-Request-Id: the-one").response()
        except (Closed, ConnectionResetError):
            pass
    assert d.wait() == -number, d.log
    return [line.split(" error: crash: ", 1)[1] for line in d.lines if " error: crash: " in line]


@pytest.mark.parametrize("path, number, address", [
    ("/null", signal.SIGSEGV, "0x0"), ("/abort", signal.SIGABRT, None),
    ("/div", signal.SIGFPE, "0x[0-9a-f]+"), ("/bus", signal.SIGBUS, "0x[0-9a-f]+"),
    ("/ill", signal.SIGILL, "0x[0-9a-f]+")])
def test_a_fault_in_a_handler_is_noted(daemon, path, number, address):
    lines = crash(daemon, path, number)
    at = f" at address {address}" if address else ""
    assert re.fullmatch(rf'{number.name} \({int(number)}\){at}, thread "GET {path}" \(\d+\)',
                        lines[0])
    assert re.fullmatch(r'in module "crash" \(crash 3\.1, file \S+/crash\.so, build-id '
                        rf'([0-9a-f]+|none)\), running "GET {path}", request "the-one", '
                        r'pool "default"', lines[1])
    assert any(re.match(r"#\d+ \S+/crash\.so\+0x[0-9a-f]+$", line) for line in lines), lines
    assert any(re.match(r"#\d+ \S+/weir\+0x[0-9a-f]+$", line) for line in lines), lines
    assert lines[-1].endswith(f"ends by {number.name}")


def test_the_first_frame_is_the_line_of_the_fault(daemon):
    lines = crash(daemon, "/null", signal.SIGSEGV)
    file, offset = re.fullmatch(r"#0 (\S+)\+(0x[0-9a-f]+)", lines[2]).groups()
    assert file == fixture("crash")
    done = subprocess.run(["addr2line", "-f", "-i", "-e", file, offset], capture_output=True,
                          check=True, text=True)
    assert "null_write" in done.stdout, done.stdout


def test_a_stack_overflow_is_called_so(daemon):
    lines = crash(daemon, "/overflow", signal.SIGSEGV)
    assert lines[0].endswith(": stack overflow") and 'running "GET /overflow"' in lines[1]
    assert "stack overflow" not in crash(daemon, "/null", signal.SIGSEGV)[0]


def test_a_small_stack_has_room_for_the_note(daemon):
    lines = crash(daemon, "/overflow", signal.SIGSEGV, ini=CRASH
                  + "[pool default]\nstack_size = 128K\n")
    assert lines[0].endswith(": stack overflow") and lines[-1].endswith("ends by SIGSEGV")


def test_an_inline_handler_is_named_without_a_pool(daemon):
    lines = crash(daemon, "/inline", signal.SIGSEGV)
    assert 'thread "weir-io/0"' in lines[0]
    assert 'running "GET /inline", request "the-one"' in lines[1] and "pool" not in lines[1]


def test_a_background_task_is_named_with_its_request(daemon):
    lines = crash(daemon, "/task", signal.SIGSEGV)
    assert 'running "task of GET /task", request "the-one", pool "background"' in lines[1]


def test_a_thread_of_the_modules_own_is_known_by_its_code(daemon):
    lines = crash(daemon, "/thread", signal.SIGSEGV)
    assert re.match(r'in module "crash" \(crash 3\.1, .*\), outside of its handlers$', lines[1])
    assert re.match(r"#0 \S+/crash\.so\+0x", lines[2])


def test_a_fault_in_init_is_noted(daemon):
    d = daemon(section("crash", at="init"), env=ENV, preexec=no_core, check=False)
    assert d.wait() == -signal.SIGSEGV
    assert re.search(r'crash: in module "crash" .*running "init"', d.log)


def test_a_fault_of_the_daemon_itself_and_lines_before_it(daemon):
    d = daemon(CRASH + section("probe"), env=ENV, preexec=no_core)
    d.get("/log?text=before")
    os.kill(d.pid, signal.SIGSEGV)
    assert d.wait() == -signal.SIGSEGV
    said = [i for i, line in enumerate(d.lines) if "before" in line or "crash: SIGSEGV" in line]
    assert len(said) == 2 and "before" in d.lines[said[0]]
    assert f"sent by process {os.getpid()}" in d.log and "in the daemon itself" in d.log


def test_the_note_is_in_the_file_of_the_error_log_behind_lines_of_requests(daemon, tmp_path):
    errors, access = tmp_path / "error.log", tmp_path / "access.log"
    d = daemon(CRASH + section("probe"), env=ENV, preexec=no_core, check=False,
               server=f"listen = unix:{tmp_path}/s\nerror_log = {errors}\naccess_log = {access}\n")
    import socket
    d.unix = f"{tmp_path}/s"
    wait_for(lambda: errors.exists() and " info: ready" in errors.read_text())
    with d.connect(socket.AF_UNIX) as c:
        c.get("/text").response()
        try:
            c.get("/null").response()
        except (Closed, ConnectionResetError):
            pass
    assert d.wait() == -signal.SIGSEGV
    assert "ends by SIGSEGV" in errors.read_text().splitlines()[-1]
    assert "GET /text" in access.read_text()
    assert d.lines == []


def test_faults_of_two_threads_leave_one_note(daemon):
    d = daemon(CRASH, env=ENV, preexec=no_core)
    clients = [d.connect() for _ in range(8)]
    for c in clients:
        with contextlib.suppress(ConnectionError):  # the first one may have ended it already
            c.get("/null")
    assert d.wait() == -signal.SIGSEGV
    assert d.log.count("crash: in module") == 1 and d.log.count("ends by SIGSEGV") == 1
    for c in clients:
        c.close()
