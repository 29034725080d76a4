"""Want of memory: each allocation of a request in turn fails, and the daemon goes on."""
import mmap
import os
import socket
import struct

import pytest

from weirlib import SLOW, Closed, fixture, section

DEMO, PROBE = section("demo", task_time="1ms"), section("probe")


def environment(path):
    env = {"LD_PRELOAD": fixture("nomem"), "NOMEM": str(path)}
    if SLOW > 1:
        env["NOMEM_SPARES_LIBC"] = "1"
    for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
        env[name] = os.environ.get(name, "") + ":verify_asan_link_order=0"
    return env


class Starved:
    """A daemon whose Nth allocation from now on can be made to fail."""

    def __init__(self, start, tmp_path, ini):
        path = tmp_path / "nomem"
        path.write_bytes(bytes(8))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 8)
        self.d = start(ini, server="io_threads = 1\nbody_memory = 4K\naccess_log = stderr",
                       env=environment(path))

    def fail_at(self, n):
        self.map[:8] = struct.pack("q", n)

    def has_failed(self):
        return struct.unpack("q", self.map[:8])[0] == -1


UPLOAD = ("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n" + "x" * 8000
          + "\r\n--b\r\nContent-Disposition: form-data; name=b\r\n\r\n2\r\n--b--\r\n")
AWAY = "[route GET /away/{rest:path}]\nredirect = 301 /{rest}\ncors_origin = https://a\n"
REQUESTS = {
    "inline": "GET /inline HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n",
    "blocking": "GET /noop HTTP/1.1\r\nHost: a\r\n\r\n",
    "query and json": "GET /sleep?ms=0 HTTP/1.1\r\nHost: a\r\nX-Request-Id: me\r\n\r\n",
    "not found": "GET /nothing/here HTTP/1.1\r\nHost: a\r\n\r\n",
    "refused": "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "body": "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + "x" * 3000,
    "spool": "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n" + "x" * 9000,
    "chunked": "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n0\r\n\r\n",
    "form": "POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            "Content-Length: 7\r\n\r\na=1&b=2",
    "multipart": "POST /form?name=b HTTP/1.1\r\nHost: a\r\n"
                 f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(UPLOAD)}"
                 "\r\n\r\n" + UPLOAD,
    "redirect": "GET /away/a%20b?c HTTP/1.1\r\nHost: a\r\n\r\n",
    "preflight": "OPTIONS /away/x HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\n"
                 "Access-Control-Request-Method: GET\r\n"
                 "Access-Control-Request-Headers: X-A\r\n\r\n",
    "stream": "GET /count?n=3&ms=0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "tasks": "GET /start-background HTTP/1.1\r\nHost: a\r\n\r\n",
    "pipeline": "GET /inline HTTP/1.1\r\nHost: a\r\n\r\nGET /noop HTTP/1.1\r\nHost: a\r\n\r\n",
}


def ask(d, request):
    """Sends it on a connection of its own; what came is an answer, or nothing."""
    with d.connect() as c:
        try:
            c.send(request)
            r = c.response()
            assert 200 <= r.status < 600
            return r.status
        except (Closed, ConnectionResetError, BrokenPipeError):
            return None


@pytest.mark.parametrize("name", REQUESTS)
def test_each_allocation_of_a_request_may_fail(daemon, tmp_path, name):
    s = Starved(daemon, tmp_path, DEMO + PROBE + AWAY + "[pool default]\nthread_tokens = 2\n")
    wanted = ask(s.d, REQUESTS[name])
    assert wanted
    failed = 0
    for n in range(1, 200):
        s.fail_at(n)
        seen = ask(s.d, REQUESTS[name])
        reached, _ = s.has_failed(), s.fail_at(0)
        assert s.d.is_running()
        # Whoever comes next is served as ever.
        assert ask(s.d, REQUESTS[name]) == wanted, (name, n)
        failed += reached
        # Past the last one; the first may have been another thread's, which is late.
        if not reached and seen == wanted and failed > 0:
            break
    assert failed > 0, "no allocation was made to fail"
    # No token is lost: both can be held at once.
    assert s.d.many(4, lambda i: s.d.get("/sleep?ms=50").status) == [200] * 4


def test_connections_that_cannot_be_taken_are_no_trouble(daemon, tmp_path):
    s = Starved(daemon, tmp_path, DEMO)
    before = s.d.descriptors()
    for n in range(1, 12):
        s.fail_at(n)
        with socket.create_connection(("127.0.0.1", s.d.port), timeout=10 * SLOW):
            pass
        s.fail_at(0)
        assert s.d.get("/inline").status == 200
    assert s.d.descriptors() <= before + 1
    assert os.path.exists(f"/proc/{s.d.pid}")
