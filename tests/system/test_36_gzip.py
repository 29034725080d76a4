"""Packed bodies: answers for who takes them so, requests for routes that ask."""
import gzip
import json
import os
import subprocess
import zlib

import pytest

from weirlib import SLOW, section, wait_for

MODULES = section("demo") + section("probe") + section("stream", mount="/stream")
TEXT = ("a rose is a rose is a rose\n" * 400).encode()


def form(body, coding="gzip"):
    return {"Content-Encoding": coding, "Content-Type": "text/plain"}


def echo(d, body, path="/echo", coding="gzip", **headers):
    return d.request("POST", path, body, {**form(body, coding), **headers})


# ---- answers ----

PACKED = "compress = yes\n"


def ask(d, accept="gzip", method="POST", path="/echo", body=TEXT, content_type="text/plain"):
    headers = {"Content-Type": content_type}
    if accept is not None:
        headers["Accept-Encoding"] = accept
    return d.request(method, path, body, headers)


def test_an_answer_is_packed_for_who_takes_it(daemon):
    d = daemon(MODULES, server=PACKED)
    r = ask(d)
    assert r.header("Content-Encoding") == "gzip" and r.header("Vary") == "Accept-Encoding"
    assert int(r.header("Content-Length")) == len(r.body) < len(TEXT) / 10
    assert gzip.decompress(r.body) == TEXT
    for accept in (None, "identity", "gzip;q=0", "br"):
        r = ask(d, accept)
        assert r.header("Content-Encoding") is None and r.body == TEXT
        assert r.header("Vary") == "Accept-Encoding"


def test_what_answers_vary_by_adds_up(daemon, tmp_path):
    (tmp_path / "a.txt").write_text("text")
    d = daemon(MODULES + f"[static /files/]\nroot = {tmp_path}\n",
               server=PACKED + "add_header = Vary: Cookie")
    for r in (ask(d), d.get("/files/a.txt")):
        assert sorted(r.all("Vary")) == ["Accept-Encoding", "Cookie"]


def test_a_304_varies_like_what_it_stands_for(daemon):
    d = daemon(MODULES, server=PACKED)
    assert d.get("/status?n=304").header("Vary") == "Accept-Encoding"
    assert daemon(MODULES).get("/status?n=304").header("Vary") is None


def test_curl_unpacks_what_it_gets(daemon, tmp_path):
    d = daemon(MODULES, server=PACKED)
    (tmp_path / "in").write_bytes(TEXT)
    done = subprocess.run(["curl", "-sS", "--compressed", "-D", str(tmp_path / "head"), "-H",
                           "Content-Type: text/plain", "--data-binary", f"@{tmp_path}/in",
                           f"http://127.0.0.1:{d.port}/echo"], capture_output=True, check=True,
                          timeout=20 * SLOW)
    assert done.stdout == TEXT
    assert "content-encoding: gzip" in (tmp_path / "head").read_text().lower()


def test_it_is_off_unless_the_file_says_otherwise(daemon):
    d = daemon(MODULES)
    r = ask(d)
    assert r.body == TEXT and r.header("Vary") is None
    d = daemon(MODULES + "[route POST /echo]\ncompress = yes\n")
    assert ask(d).header("Content-Encoding") == "gzip"
    d = daemon(MODULES + "[route POST /echo]\ncompress = no\n", server=PACKED)
    assert ask(d).header("Content-Encoding") is None


def test_small_answers_other_types_and_what_does_not_shrink_stay_as_they_are(daemon):
    d = daemon(MODULES, server=PACKED + "compress_min = 2K\n")
    r = ask(d, body=b"x" * 2047)
    assert r.header("Content-Encoding") is None and r.header("Vary") is None
    assert ask(d, body=b"x" * 2048).header("Content-Encoding") == "gzip"
    assert ask(d, content_type="image/png").header("Content-Encoding") is None
    import random
    noise = random.Random(1).randbytes(5000)
    r = ask(d, body=noise)
    assert r.header("Content-Encoding") is None and r.body == noise
    assert r.header("Vary") == "Accept-Encoding"
    d = daemon(MODULES, server=PACKED + "compress_types = image/*\n")
    assert ask(d, content_type="image/png").header("Content-Encoding") == "gzip"
    assert ask(d).header("Content-Encoding") is None


def test_a_head_is_that_of_the_get(daemon):
    d = daemon(MODULES, server=PACKED)
    for path in ("/take?size=100000", "/inline"):
        get = d.request("GET", path, headers={"Accept-Encoding": "gzip"})
        head = d.request("HEAD", path, headers={"Accept-Encoding": "gzip"})
        for name in ("Content-Length", "Content-Encoding", "Vary", "Content-Type"):
            assert get.header(name) == head.header(name), (path, name)
        assert head.body == b""


def test_streams_are_sent_as_they_are(daemon):
    d = daemon(MODULES, server=PACKED)
    r = d.request("GET", "/stream/send?size=100000", headers={"Accept-Encoding": "gzip"})
    assert r.status == 200 and r.header("Content-Encoding") is None and len(r.body) == 100000


# ---- requests ----

UNPACKED = "[route POST /echo]\ngunzip = yes\n"


def test_a_packed_body_is_unpacked_where_the_route_asks(daemon):
    d = daemon(MODULES + UNPACKED)
    for body in (gzip.compress(TEXT), gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])):
        for coding in ("gzip", "x-gzip", "GZIP"):
            assert echo(d, body, coding=coding).body == TEXT
    assert d.post("/echo", TEXT).body == TEXT
    assert echo(d, TEXT, coding="identity").body == TEXT


def test_elsewhere_a_packed_body_comes_as_it_is(daemon):
    d = daemon(MODULES)
    body = gzip.compress(TEXT)
    assert echo(d, body).body == body
    assert echo(d, b"\0\1", coding="br").body == b"\0\1"


def test_another_coding_is_refused_and_told_what_is_taken(daemon):
    d = daemon(MODULES + UNPACKED)
    for coding in ("br", "deflate", "gzip, gzip"):
        r = echo(d, b"xyz", coding=coding)
        assert r.status == 415 and r.header("Accept-Encoding") == "gzip", coding


@pytest.mark.parametrize("body", [
    b"no gzip at all", gzip.compress(TEXT)[:-1], gzip.compress(TEXT)[:5],
    gzip.compress(TEXT) + b"more", zlib.compress(TEXT), b"\x1f\x8b" + b"\xff" * 100,
])
def test_what_is_no_gzip_is_a_bad_request_and_runs_no_handler(daemon, body):
    d = daemon(MODULES + UNPACKED)
    with d.connect() as c:
        for _ in range(2):
            c.send(f"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            r = c.response()
            assert r.status == 400 and "Content-Encoding" in r.text
    assert d.post("/echo", b"x").status == 200


def test_a_bomb_is_refused_and_takes_no_memory(daemon):
    d = daemon(MODULES + UNPACKED, server="body_max = 1G\n")
    d.post("/echo", b"x")
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()

    def peak():
        with open(f"/proc/{d.pid}/status", encoding="utf-8") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    before = peak()
    r = echo(d, bomb)
    assert r.status == 413
    d.logged("unpacks to more than 100 times its size")
    assert SLOW > 1 or peak() - before < 8000


def test_an_unpacked_body_has_the_bounds_of_others(daemon):
    d = daemon(MODULES + UNPACKED, server="body_max = 100K\nbody_memory = 10K\n")
    noise = b"".join(b"%d," % (i * 7919) for i in range(20000))
    assert echo(d, gzip.compress(noise[:100 * 1024])).body == noise[:100 * 1024]
    assert echo(d, gzip.compress(noise[:100 * 1024 + 1])).status == 413
    wait_for(lambda: d.get("/inline").status == 200)


@pytest.mark.parametrize("is_chunked", [False, True], ids=["sized", "chunked"])
def test_a_loop_unpacks_small_bodies_only(daemon, is_chunked):
    d = daemon(MODULES + "[route POST /inlined]\nhandler = demo.inlined\ngunzip = yes\n")
    for size, status in ((1000, 200), (100_000, 413)):
        body = gzip.compress(os.urandom(size))
        assert echo(d, iter([body]) if is_chunked else body, "/inlined").status == status


def test_a_packed_form_is_read_as_any(daemon):
    d = daemon(MODULES + UNPACKED)
    body = gzip.compress(json.dumps({"a": list(range(1000))}).encode())
    assert json.loads(echo(d, body, **{"Content-Type": "application/json"}).body)["a"][999] == 999


def test_the_handler_sees_no_coding_any_more(daemon):
    d = daemon(MODULES + "[route * /request]\ngunzip = yes\n")
    plain = d.request("POST", "/request", b"hello", {"Content-Type": "text/plain"}).json
    packed = d.request("POST", "/request", gzip.compress(b"hello"), form(b"")).json
    for key, value in packed.items():
        if value != plain[key]:
            assert "id" in key or "time" in key or "deadline" in key, (key, value, plain[key])
    echoed = d.request("POST", "/headers", gzip.compress(b"hello"), form(b""))
    assert echoed.status in (200, 405)


def test_a_live_body_cannot_be_unpacked(daemon, ini):
    from weirlib import run
    path = ini(section("stream", mount="/stream") + "[route POST /stream/take]\ngunzip = yes\n")
    done = run("--check", "-c", path)
    assert done.returncode == 78 and ":5:10: gunzip: " in done.err, done.err
