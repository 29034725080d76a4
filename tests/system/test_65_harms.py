"""What has hurt servers of this kind, by name: each is tried here once more, wherever else it
may be tested in detail."""
import json
import os
import re

import pytest

from test_30_tokens import Gate, pool
from weirlib import Closed, section, wait_for

DEMO, GATE, PROBE = section("demo"), section("gate"), section("probe")
HOST = "Host: a\r\n"


def ask(d, request):
    """The statuses on one connection, and whether it was closed behind them."""
    with d.connect() as c:
        c.send(request)
        statuses = []
        try:
            while True:
                r = c.response()
                statuses.append(r.status)
                if r.header("Connection") == "close":
                    return statuses, c.is_closed()
        except TimeoutError:
            return statuses, False
        except (Closed, ConnectionResetError):
            return statuses, True


def post(headers, body="", path="/echo"):
    return f"POST {path} HTTP/1.1\r\n{HOST}{headers}\r\n{body}"


@pytest.fixture
def served(daemon):
    return daemon(DEMO + PROBE)


@pytest.mark.parametrize("headers", [
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    "Content-Length: 3\r\nContent-Length: 4\r\n",
    "Content-Length: 3\r\nX: y\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n"])
def test_content_length_twice_or_with_transfer_encoding_in_any_order(served, headers):
    assert ask(served, post(headers, "0\r\n\r\nGET /inline HTTP/1.1\r\nHost: a\r\n\r\n")) == \
        ([400], True)


def test_trailers_are_never_merged_into_headers(served):
    with served.connect() as c:
        c.send("GET /headers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               "0\r\nX-Evil: yes\r\nContent-Length: 9\r\nHost: b\r\n\r\n")
        r = c.response()
        assert r.status == 200 and "Evil" not in r.text and '"b"' not in r.text


@pytest.mark.parametrize("size", ["10000000000000000", "ffffffffffffffff", "8000000000000000",
                                  "fffffffffffffffff", "-1", "0x10"])
def test_chunk_sizes_do_not_overflow(served, size):
    statuses, closed = ask(served, post("Transfer-Encoding: chunked\r\n", size + "\r\nabc\r\n"))
    assert statuses in ([400], [413]) and closed


def test_header_lengths_do_not_overflow(served):
    for head in ("X: " + "y" * 70000, "X" * 70000 + ": y", "A: b\r\n" * 5000):
        assert ask(served, f"GET /inline HTTP/1.1\r\n{HOST}{head}\r\n\r\n") == ([431], True)


def test_an_empty_header_name_and_an_empty_content_length(served):
    for header in (": x\r\n", "Content-Length:\r\n", "Content-Length: \r\n", " : x\r\n"):
        assert ask(served, post(header)) == ([400], True)


@pytest.mark.parametrize("piece", ["1;" + "a=b;" * 10, '1;a="' + "x" * 40 + '"'])
def test_chunk_extensions_are_bounded_in_all(served, piece):
    with served.connect() as c:
        c.send(post("Transfer-Encoding: chunked\r\n"))
        try:
            for _ in range(2000):
                c.send((piece + "\r\nx\r\n") * 10)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            assert c.response().status in (400, 413, 431)
        except ConnectionResetError:
            pass    # it had gone on sending
    assert served.get("/inline").status == 200


def test_tiny_reads_take_no_memory_each(daemon):
    d = daemon(DEMO, server="io_threads = 1")

    def rss():
        with open(f"/proc/{d.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4
    d.get("/inline")
    before = rss()
    with d.connect() as c:
        c.send(post("Content-Length: 20000\r\n"))
        for _ in range(20000):
            c.send("x")
        assert len(c.response().body) == 20000
    assert rss() < before + 4096


def test_no_token_is_leaked_by_aborts(daemon):
    d = daemon(GATE + pool(thread_tokens=2, queue_timeout="30s"), server="io_threads = 1")
    g = Gate(d)
    for _ in range(20):
        for c in g.fill(2):
            c.reset()
        wait_for(lambda: g.state()["holding"] == 0)
    held = g.fill(2)
    g.release(2)
    assert [c.response().status for c in held] == [200, 200]


def test_a_client_that_goes_while_its_handler_runs(daemon):
    d = daemon(DEMO)
    for _ in range(30):
        d.connect().get("/sleep?ms=20").reset()
    wait_for(lambda: d.get("/sleep/stats").json["running"] == 0)
    assert d.get("/noop").status == 200


@pytest.mark.parametrize("value, stays", [
    ("Connection", True), ("a,,b", True), ("foo, close", False), ("close, keep-alive", False),
    (",", True), ("CLOSE", False), ("keep-alive", True), ("Host", True), ("", True)])
def test_odd_connection_headers(served, value, stays):
    with served.connect() as c:
        c.send(f"GET /inline HTTP/1.1\r\n{HOST}Connection: {value}\r\n\r\n")
        assert c.response().status == 200
        if stays:
            assert c.get("/inline").response().status == 200
        else:
            assert c.is_closed()


def test_floods_of_pipelined_requests_that_are_aborted(daemon):
    d = daemon(DEMO + pool(thread_tokens=2))
    before = d.descriptors()
    for i in range(20):
        c = d.connect()
        c.send(f"GET /{'noop' if i % 2 else 'inline'} HTTP/1.1\r\n{HOST}\r\n" * 500)
        c.reset()
    wait_for(lambda: d.descriptors() <= before)
    assert d.get("/noop").status == 200


def test_no_connection_stays_open_behind_an_error_with_an_unread_body(served):
    big = "x" * 200000
    for request in (post("Content-Length: 99999999999\r\n", big),
                    post("Transfer-Encoding: nonsense\r\n", big),
                    post("Content-Length: 200000\r\nExpect: nothing\r\n", big)):
        statuses, closed = ask(served, request)
        assert len(statuses) == 1 and statuses[0] >= 400 and closed


@pytest.mark.parametrize("path, status", [
    ("/../../etc/passwd", 400), ("/%2e%2e/%2e%2e/etc/passwd", 400), ("/..%2f..%2fetc/passwd", 404),
    ("/..%5c..%5cetc", 404), ("/inline#x", 400), ("/inline%23x", 404), ("//inline", 404),
    ("/%252e%252e/etc/passwd", 404), ("/.%2e/inline", 400), ("/x/..;/inline", 404)])
def test_traversal_and_fragments_in_paths(served, path, status):
    assert ask(served, f"GET {path} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")[0] == [status]


def test_a_log_folder_that_is_a_symlink(daemon, tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    d = daemon(DEMO, server=f"access_log = {link}/access.log")
    d.get("/inline")
    wait_for(lambda: (real / "access.log").exists() and (real / "access.log").read_text())


@pytest.mark.parametrize("log", ["access_log", "error_log"])
def test_a_log_that_is_a_symlink_itself_is_refused(daemon, tmp_path, log):
    target, link = tmp_path / "passwd", tmp_path / "log"
    link.symlink_to(target)
    d = daemon(DEMO, server=f"{log} = {link}", check=False)
    assert d.wait() == 71 and "Too many levels of symbolic links" in d.log
    assert not target.exists()


@pytest.mark.parametrize("form", ["combined", "logfmt", "json"])
def test_line_ends_in_logs_and_response_headers(daemon, tmp_path, form):
    log = tmp_path / "access.log"
    d = daemon(DEMO + PROBE, server=f"access_log = {log}\naccess_log_format = {form}")
    with d.connect() as c:
        c.send("GET /%0d%0aevil%1b%5b?a=\x80%0a HTTP/1.1\r\nHost: a\r\n"
               "User-Agent: x\xffy\"\\\r\n\r\n")
        c.response()
    wait_for(lambda: log.exists() and log.read_bytes().count(b"\n") >= 1)
    for line in log.read_bytes().split(b"\n"):
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line), line
        assert not line.startswith(b"evil")
    with d.connect() as c:
        # The handler tries to.
        assert b"X-Smuggled" not in c.get("/set-headers", "Connection: close").rest()


@pytest.mark.parametrize("body", [
    "[" * 100000, '{"a":' * 100000, '{"title": 1e999999}', '{"title": ' + "9" * 5000 + "}",
    json.dumps({f"k{i}": i for i in range(20000)}), '{"title": "\\ud800"}', '{"title": "a", "title"'],
    ids=["arrays", "objects", "exponent", "digits", "keys", "surrogate", "end"])
def test_json_of_any_depth_size_or_range(daemon, tmp_path, body):
    d = daemon(section("notes", database=tmp_path / "notes.db"))
    r = d.request("POST", "/notes", body, {"Content-Type": "application/json"})
    assert 400 <= r.status < 500, r.status
    assert d.get("/notes").json["notes"] == []


@pytest.mark.parametrize("method, status", [("HEAD", 200), ("TRACE", 501), ("BREW", 501),
                                            ("DELETE", 405), ("OPTIONS", 204)])
def test_methods_that_seldom_have_a_body_and_have_one(served, method, status):
    with served.connect() as c:
        c.send(f"{method} /inline HTTP/1.1\r\n{HOST}Content-Length: 4\r\n\r\nGET ")
        head = c.until(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status} ".encode())
        length = re.search(rb"Content-Length: (\d+)", head)
        if method != "HEAD" and length:
            c.take(int(length[1]))
        assert c.get("/inline").response().status == 200


@pytest.mark.parametrize("status", [204, 304])
def test_no_byte_of_a_body_behind_a_204_or_304(served, status):
    with served.connect() as c:
        c.get(f"/status-body?n={status}", "Connection: close")
        data = c.rest()
        assert data.startswith(f"HTTP/1.1 {status} ".encode()) and data.endswith(b"\r\n\r\n")
        assert data.count(b"\r\n\r\n") == 1 and b"Content-Length" not in data
    assert os.path.exists(f"/proc/{served.pid}")
