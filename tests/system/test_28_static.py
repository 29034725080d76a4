"""Static files: what is served, what is not, and how much of it."""
import ctypes
import email.parser
import email.policy
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from weirlib import SLOW, Closed, Daemon, run, section, wait_for
from test_30_tokens import Gate

LOCAL = "[server]\nlisten = 127.0.0.1:0\nio_threads = 1\n"
SECRET = b"SECRET of another folder"


def static(root, prefix="/", **options):
    lines = [f"[static {prefix}]", f"root = {root}"]
    return "\n".join(lines + [f"{k} = {v}" for k, v in options.items()]) + "\n"


def fill(root):
    """A folder with a bit of everything, and a secret beside it."""
    files = {
        "index.html": b"<h1>top</h1>", "app.js": b"let a = 1;\n" * 100, "style.css": b"b { }\n",
        "data.json": b"{}", "note.txt": "Grüße\n".encode(), "logo.svg": b"<svg/>",
        "blob": b"\x00\x01", "UPPER.HTML": b"upper", "empty.txt": b"",
        "100%.txt": b"percent", "a b.txt": b"space", "é.txt": b"accent", "a+b.txt": b"plus",
        "back\\slash.txt": b"backslash", "q?.txt": b"question",
        "sub/index.html": b"sub index", "sub/deep/x.txt": b"deep", "bare/x.txt": b"no index",
        ".htpasswd": SECRET, ".git/config": SECRET, "sub/.env": SECRET, "..data": SECRET,
        ".well-known/security.txt": b"contact", ".well-known/.hidden": SECRET,
        "sub/.well-known/x.txt": SECRET,
    }
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root.parent / "secret.txt").write_bytes(SECRET)
    (root.parent / "outside").mkdir()
    (root.parent / "outside" / "secret.txt").write_bytes(SECRET)
    (root.parent / "rootsecret.txt").write_bytes(SECRET)
    (root / "large.bin").write_bytes(os.urandom(1 << 20) * 3 + b"end")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static") / "root"
    folder.mkdir()
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def served(root):
    """All of root under /assets/ and, with other options, under /spa."""
    folder = root.parent / "daemon"
    folder.mkdir()
    d = Daemon(str(folder), LOCAL + section("probe") + static(root, "/assets/")
               + static(root, "/spa", fallback="index.html", cache_control="max-age=60",
                        precompressed="no"))
    yield d
    d.stop()


def raw(d, path, *headers):
    with d.connect() as c:
        return c.get(path, *headers).response()


# ---- files and folders ----

@pytest.mark.parametrize("name, kind", [
    ("index.html", "text/html; charset=utf-8"), ("style.css", "text/css; charset=utf-8"),
    ("app.js", "text/javascript; charset=utf-8"), ("data.json", "application/json"),
    ("note.txt", "text/plain; charset=utf-8"), ("logo.svg", "image/svg+xml"),
    ("blob", "application/octet-stream"), ("UPPER.HTML", "text/html; charset=utf-8"),
    ("empty.txt", "text/plain; charset=utf-8"),
])
def test_a_file_comes_with_type_length_and_validators(served, root, name, kind):
    data = (root / name).read_bytes()
    r = raw(served, "/assets/" + name)
    assert r.status == 200 and r.body == data
    assert r.header("Content-Type") == kind and r.header("Content-Length") == str(len(data))
    assert re.fullmatch(r'"[0-9a-f-]+"', r.header("ETag")) and r.header("Last-Modified")
    assert r.header("Accept-Ranges") == "bytes" and r.header("Vary") == "Accept-Encoding"
    assert r.header("Cache-Control") is None and r.header("X-Request-Id")
    with served.connect() as c:
        c.send(f"HEAD /assets/{name} HTTP/1.1\r\nHost: x\r\n\r\n")
        head = c.response("HEAD")
        assert head.status == 200 and head.header("ETag") == r.header("ETag")
        assert head.header("Content-Length") == str(len(data))
        assert c.get("/assets/blob").response().body == b"\x00\x01"


@pytest.mark.parametrize("path, name", [
    ("100%25.txt", "100%.txt"), ("a%20b.txt", "a b.txt"), ("%C3%A9.txt", "é.txt"),
    ("a+b.txt", "a+b.txt"), ("back%5Cslash.txt", "back\\slash.txt"), ("q%3F.txt", "q?.txt"),
    ("%61pp.js", "app.js"), ("sub/../note.txt", "note.txt"), ("./sub/./deep/x.txt", "sub/deep/x.txt"),
])
def test_names_are_decoded_once(served, root, path, name):
    r = raw(served, "/assets/" + path)
    assert r.status == 200 and r.body == (root / name).read_bytes()


def test_a_folder_is_its_index_or_nothing(served):
    assert raw(served, "/assets/").body == b"<h1>top</h1>"
    assert raw(served, "/assets/sub/").body == b"sub index"
    for path in ("bare/", "none/", "sub/deep/", "note.txt/", "bare/x.txt/"):
        assert raw(served, "/assets/" + path).status == 404, path


@pytest.mark.parametrize("path, to", [
    ("/assets", "/assets/"), ("/assets?a=1&b=%2F", "/assets/?a=1&b=%2F"),
    ("/assets/sub", "/assets/sub/"), ("/assets/sub?x", "/assets/sub/?x"), ("/assets/sub?", "/assets/sub/?"),
    ("/assets/bare", "/assets/bare/"), ("/assets/x/../sub", "/assets/sub/"), ("/spa", "/spa/"),
])
def test_a_folder_without_its_slash_is_redirected_with_the_query(served, path, to):
    r = raw(served, path)
    assert r.status == 301 and r.header("Location") == to and r.body == b""


def test_a_redirect_is_encoded_and_stays_here(daemon, tmp_path):
    for name in ("a b", "é", "100%", "x\"<y>", "evil.example"):
        (tmp_path / "r" / name).mkdir(parents=True)
    d = daemon(static(tmp_path / "r"))
    assert raw(d, "/a%20b").header("Location") == "/a%20b/"
    assert raw(d, "/%C3%A9").header("Location") == "/%C3%A9/"
    assert raw(d, "/100%25").header("Location") == "/100%25/"
    assert raw(d, "/x%22%3Cy%3E").header("Location") == "/x%22%3Cy%3E/"
    for path in ("//evil.example", "///evil.example", "/.//evil.example", "/x/..//evil.example"):
        r = raw(d, path)
        assert r.status == 404 and r.header("Location") is None, path
    r = raw(d, "/evil.example")
    assert r.status == 301 and r.header("Location") == "/evil.example/"


def test_a_prefix_is_whole_segments(served):
    for path in ("/assetsx/app.js", "/assets.js", "/asset/app.js", "/ASSETS/app.js", "/app.js", "/"):
        assert raw(served, path).status == 404, path


def test_only_get_head_and_options_are_for_files(served):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        r = served.request(method, "/assets/app.js", b"x")
        assert r.status == 405, method
        assert sorted(r.header("Allow").split(", ")) == ["GET", "HEAD", "OPTIONS"]
    r = served.request("OPTIONS", "/assets/app.js")
    assert r.status == 204 and sorted(r.header("Allow").split(", ")) == ["GET", "HEAD", "OPTIONS"]
    r = served.request("TRACE", "/assets/app.js")
    assert r.status == 501


def test_files_of_one_connection_come_in_order(served, root):
    names = ["app.js", "large.bin", "empty.txt", "none", "note.txt", "sub", "large.bin", "blob"] * 3
    with served.connect() as c:
        c.send("".join(f"GET /assets/{n} HTTP/1.1\r\nHost: x\r\n\r\n" for n in names))
        for name in names:
            r = c.response()
            path = root / name
            if path.is_file():
                assert r.status == 200 and r.body == path.read_bytes(), name
            else:
                assert r.status in (301, 404)
        c.send("GET /assets/app.js HTTP/1.0\r\n\r\n")
        r = c.response()
        assert r.status == 200 and r.body == (root / "app.js").read_bytes() and c.is_closed()


# ---- routes and prefixes ----

def test_the_narrower_of_route_and_prefix_wins(daemon, root):
    d = daemon(section("demo") + section("probe") + static(root)
               + static(root / "sub", "/rest/deep")
               + static(root / "sub/deep", "/echo"))
    assert raw(d, "/inline").body != b"" and raw(d, "/inline").header("ETag") is None
    assert raw(d, "/app.js").status == 200
    assert raw(d, "/rest/anything").json == {"u": "anything"}
    assert raw(d, "/rest/deep/index.html").body == b"sub index"
    assert raw(d, "/rest/deep").header("Location") == "/rest/deep/"
    assert raw(d, "/rest/deep/none").status == 404
    # POST /echo is a route, GET below it are files
    assert d.post("/echo", b"x").status == 200
    assert raw(d, "/echo/x.txt").body == b"deep"


def test_a_prefix_that_is_a_route_is_refused(ini, root):
    path = ini(LOCAL + section("probe") + static(root, "/rest") + static(root, "/x/{y}/")
               + static(root, "/z") + static(root, "/z/"))
    done = run("--check", "-c", path)
    assert done.returncode == 78
    assert "[static /rest] and route GET /rest/{u:path} of probe." in done.err
    assert "the prefix of static files has no parameters" in done.err
    assert "[static /z/] and route GET /z/{path:path} of [static /z]" in done.err


# ---- what is not served ----

TRAVERSAL = [
    "../secret.txt", "../../secret.txt", "sub/../../secret.txt", "..", "../", "../root/../secret.txt",
    "%2e%2e/secret.txt", "%2E%2E/secret.txt", ".%2e/secret.txt", "%2e./secret.txt",
    "..%2fsecret.txt", "..%2Fsecret.txt", "%2e%2e%2fsecret.txt", "sub/..%2f..%2fsecret.txt",
    "%252e%252e/secret.txt", "%252e%252e%252fsecret.txt", "..%252fsecret.txt", "%25%32%65%25%32%65/secret.txt",
    "..%5csecret.txt", "..%5Csecret.txt", "%5c..%5csecret.txt", "..%255csecret.txt", "..\\secret.txt",
    "%c0%ae%c0%ae/secret.txt", "..%c0%afsecret.txt", "%e0%80%ae%e0%80%ae/secret.txt",
    "..%e0%80%afsecret.txt", "..%f0%80%80%afsecret.txt", "%c0%2e%c0%2e/secret.txt", "..%c1%9csecret.txt",
    "%uff0e%uff0e/secret.txt", "..%u2215secret.txt", "..%ef%bc%8fsecret.txt",
    "../secret.txt%00.js", "..%00/secret.txt", "%00../secret.txt", "app.js%00", "app.js%00.html",
    "..;/secret.txt", "..;a=b/secret.txt", ".../secret.txt", "..../secret.txt", "....//secret.txt",
    "..//secret.txt", "/../secret.txt", "//secret.txt", "///etc/passwd", "//etc/passwd", "/etc/passwd",
    "%2fetc%2fpasswd", "%2Fetc/passwd", "sub%2f..%2f..%2fsecret.txt", "sub/%2e%2e/%2e%2e/secret.txt",
    "../rootsecret.txt", "../root/app.js/../../secret.txt", "app.js/../../secret.txt",
    "out/secret.txt", "out", "out/", "outfile", "abs/secret.txt", "absfile", "up", "up/secret.txt",
    "chain/secret.txt", "proc/self/root/etc/passwd", "self", "self/environ", "cwd/secret.txt",
    "sub/out2/secret.txt", "loop", "loop/x", "hop1/secret.txt", "fd/0", "..data", ".htpasswd", ".git/config",
    ".git/", ".git", "sub/.env", "%2ehtpasswd", "%2egit/config", ".well-known/.hidden",
    "sub/.well-known/x.txt", ".well-known/../.htpasswd", "sub/../.git/config",
]


@pytest.fixture(scope="module")
def links(root):
    """Ways out of the root."""
    made = {
        "out": "../outside", "outfile": "../secret.txt", "abs": str(root.parent / "outside"),
        "absfile": str(root.parent / "secret.txt"), "up": "..", "chain": "hop1", "hop1": "hop2",
        "hop2": "sub/../../outside", "proc": "/proc", "self": "/proc/self", "cwd": "/proc/self/cwd",
        "fd": "/proc/self/fd", "loop": "loop", "sub/out2": "../../outside",
    }
    for name, to in made.items():
        (root / name).symlink_to(to)
    yield root
    for name in made:
        (root / name).unlink()


@pytest.mark.parametrize("prefix", ["/assets/", "/spa/"])
@pytest.mark.parametrize("path", TRAVERSAL)
def test_nothing_outside_is_served(served, links, prefix, path):
    with served.connect() as c:
        r = c.get(prefix + path).response()
        assert SECRET not in r.body and b"root:" not in r.body
        at_top = prefix == "/spa/" and r.body == b"<h1>top</h1>"
        assert r.status in (301, 400, 404) or at_top, r
        assert r.status != 301 or r.header("Location").startswith("/")


def test_no_dot_file_becomes_the_fallback(served):
    for path in (".git/config", ".htpasswd", ".none", "none/.x", "%2egit"):
        assert raw(served, "/spa/" + path).status == 404, path


def test_well_known_is_served_at_the_top_only(daemon, root):
    d = daemon(static(root) + static(root / ".well-known", "/.well-known2/.x"))
    assert raw(d, "/.well-known/security.txt").body == b"contact"
    assert raw(d, "/.well-known/.hidden").status == 404
    assert raw(d, "/.well-known").header("Location") == "/.well-known/"
    assert raw(d, "/.well-knownx").status == 404
    assert raw(d, "/sub/.well-known/x.txt").status == 404
    # a prefix is what its owner wrote
    assert raw(d, "/.well-known2/.x/security.txt").body == b"contact"


def test_links_within_the_root_are_followed(daemon, tmp_path):
    r = tmp_path / "r"
    (r / "releases/3").mkdir(parents=True)
    (r / "releases/3/a.txt").write_bytes(b"three")
    (r / ".store").mkdir()
    (r / ".store/a.txt").write_bytes(b"stored")
    (r / "current").symlink_to("releases/3")
    (r / "releases/up").symlink_to("../current/a.txt")
    (r / "stored.txt").symlink_to(".store/a.txt")
    (tmp_path / "link").symlink_to("r")
    d = daemon(static(tmp_path / "link"))
    assert raw(d, "/current/a.txt").body == b"three"
    assert raw(d, "/releases/up").body == b"three"
    assert raw(d, "/stored.txt").body == b"stored"
    assert raw(d, "/current").header("Location") == "/current/"


def test_a_race_of_renames_leads_nowhere(daemon, tmp_path):
    r, out = tmp_path / "r", tmp_path / "out"
    for folder, data in ((r / "a/b", b"inside"), (out / "b", SECRET), (r / "c", b"other")):
        folder.mkdir(parents=True)
        (folder / "f.txt").write_bytes(data)
    (r / "real").symlink_to("../out")
    (r / "dots").symlink_to("a/b/../b/f.txt")
    d = daemon(static(r))
    is_over = threading.Event()

    def swap():
        while not is_over.is_set():
            # a folder becomes a link to the outside, and moves out and back
            os.rename(r / "a", r / "kept")
            os.rename(r / "real", r / "a")
            os.rename(r / "a", r / "real")
            os.rename(r / "kept", r / "a")
            os.rename(r / "a/b", tmp_path / "moved")
            os.rename(tmp_path / "moved", r / "a/b")

    t = threading.Thread(target=swap, daemon=True)
    t.start()
    statuses = set()
    end = time.monotonic() + 1
    with d.connect() as c:
        while time.monotonic() < end:
            for path in ("/a/b/f.txt", "/dots", "/c/f.txt"):
                answer = c.get(path).response()
                statuses.add(answer.status)
                assert answer.status in (200, 404, 503) and SECRET not in answer.body
                assert answer.status != 200 or answer.body in (b"inside", b"other")
    is_over.set()
    t.join()
    assert statuses >= {200, 404}
    assert raw(d, "/a/b/f.txt").body == b"inside"


def test_what_is_no_file_is_not_found_and_blocks_nothing(daemon, tmp_path):
    r = tmp_path / "r"
    r.mkdir()
    os.mkfifo(r / "fifo")
    (r / "good.txt").write_bytes(b"good")
    (r / "tofifo").symlink_to("fifo")
    os.mkfifo(r / "good.txt.gz")
    listener = socket.socket(socket.AF_UNIX)
    folder = os.open(r, os.O_RDONLY)
    listener.bind(f"/proc/self/fd/{folder}/socket")
    os.close(folder)
    names = ["fifo", "tofifo", "socket"]
    if os.geteuid() == 0:
        try:
            os.mknod(r / "zero", 0o20644, os.makedev(1, 5))
            names.append("zero")
        except OSError:
            pass
    d = daemon(static(r), server="io_threads = 1")
    for name in names:
        assert raw(d, "/" + name).status == 404, name
    assert raw(d, "/good.txt", "Accept-Encoding: gzip").body == b"good"
    listener.close()


def drop_override():
    """Root without the right to read everything."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def test_a_file_that_may_not_be_read_is_403(daemon, tmp_path):
    r = tmp_path / "r"
    for name in ("shut.txt", "closed/x.txt", "walk/x.txt", "open.txt", "walk/index.html"):
        (r / name).parent.mkdir(parents=True, exist_ok=True)
        (r / name).write_bytes(b"read")
    (r / "shut.txt").chmod(0)
    (r / "open.txt.br").write_bytes(b"br")
    (r / "open.txt.br").chmod(0)
    (r / "closed").chmod(0)
    (r / "walk").chmod(0o311)
    d = daemon(static(r, fallback="walk/x.txt"), preexec=drop_override)
    try:
        assert raw(d, "/shut.txt").status == 403
        assert raw(d, "/closed/x.txt").status == 403 and raw(d, "/closed/none").status == 403
        assert raw(d, "/walk/x.txt").body == b"read"
        assert raw(d, "/walk").header("Location") == "/walk/" and raw(d, "/walk/").body == b"read"
        assert raw(d, "/open.txt", "Accept-Encoding: br").body == b"read"
    finally:
        (r / "closed").chmod(0o755)


# ---- conditions and ranges ----

def test_conditions_are_answered(served, root):
    first = raw(served, "/assets/app.js")
    tag, date, data = first.header("ETag"), first.header("Last-Modified"), first.body
    old, new = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    for header, value, status in (
            ("If-None-Match", tag, 304), ("If-None-Match", f'"x", W/{tag}', 304),
            ("If-None-Match", '"other"', 200), ("If-None-Match", "*", 304),
            ("If-Modified-Since", date, 304), ("If-Modified-Since", new, 304),
            ("If-Modified-Since", old, 200), ("If-Modified-Since", "nonsense", 200),
            ("If-Match", '"other"', 412), ("If-Match", tag, 200), ("If-Match", "W/" + tag, 412),
            ("If-Match", "*", 200), ("If-Unmodified-Since", old, 412),
            ("If-Unmodified-Since", date, 200)):
        r = raw(served, "/assets/app.js", f"{header}: {value}")
        assert r.status == status, (header, value)
        assert status == 412 or r.body == (data if status == 200 else b"")
        assert r.header("ETag") == tag and r.header("Vary") == "Accept-Encoding"
        assert status != 304 or r.header("Content-Length") is None
    assert raw(served, "/spa/app.js", f"If-None-Match: {tag}").header("Cache-Control") == "max-age=60"
    both = [f'If-None-Match: "x"', f"If-Modified-Since: {date}"]
    assert raw(served, "/assets/app.js", *both).status == 200
    assert raw(served, "/assets/none", "If-Match: *").status == 404


def test_the_tag_changes_with_the_file(daemon, tmp_path):
    (tmp_path / "r").mkdir()
    path = tmp_path / "r" / "f.txt"
    d = daemon(static(tmp_path / "r"))
    path.write_bytes(b"one")
    before = os.stat(path)
    tags = [raw(d, "/f.txt").header("ETag")]
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    tags.append(raw(d, "/f.txt").header("ETag"))
    (tmp_path / "r" / "new").write_bytes(b"two")
    os.utime(tmp_path / "r" / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.rename(tmp_path / "r" / "new", path)
    tags.append(raw(d, "/f.txt").header("ETag"))
    path.write_bytes(b"longer")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    tags.append(raw(d, "/f.txt").header("ETag"))
    assert len(set(tags)) == 4, tags


@pytest.mark.parametrize("prefix", ["/assets/", "/file?path="])
@pytest.mark.parametrize("asked, start, end", [
    ("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-5", -5, None), ("bytes=5-5", 5, 6),
    ("bytes=10-99999999", 10, None), ("bytes=0-9,5-20", 0, 21), ("bytes=0-0, 2-3", 0, 4),
    ("bytes=1000000-3000000", 1000000, 3000001),
])
def test_one_range_is_206(served, root, prefix, asked, start, end):
    data = (root / "large.bin").read_bytes()
    name = "large.bin" if prefix == "/assets/" else f"{root}/large.bin"
    part = data[start:end]
    first = start if start >= 0 else len(data) + start
    r = raw(served, prefix + name, f"Range: {asked}")
    assert r.status == 206 and r.body == part
    assert r.header("Content-Range") == f"bytes {first}-{first + len(part) - 1}/{len(data)}"


def parts(r):
    """Content-Range and bytes of each part of a multipart answer."""
    assert r.header("Content-Type").startswith("multipart/byteranges; boundary=")
    assert r.header("Content-Range") is None
    boundary = r.header("Content-Type").split("=", 1)[1].encode()
    body = b"\r\n" + r.body
    pieces = body.split(b"\r\n--" + boundary)
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n"
    for piece in pieces[1:-1]:
        head, data = piece.split(b"\r\n\r\n", 1)
        fields = email.parser.BytesHeaderParser(policy=email.policy.HTTP).parsebytes(
            head.lstrip(b"\r\n") + b"\r\n\r\n")
        yield fields["Content-Range"], fields["Content-Type"], data


@pytest.mark.parametrize("prefix", ["/assets/", "/file?path="])
def test_several_ranges_are_parts(served, root, prefix):
    data = (root / "large.bin").read_bytes()
    name = "large.bin" if prefix == "/assets/" else f"{root}/large.bin"
    asked = [(2000000, 2000009), (0, 9), (500000, 1700000), (len(data) - 3, len(data) - 1)]
    spec = ",".join(f"{a}-{b}" for a, b in asked[:-1]) + ",-3"
    with served.connect() as c:
        for _ in range(2):
            r = c.get(prefix + name, f"Range: bytes={spec}").response()
            assert r.status == 206
            assert list(parts(r)) == [(f"bytes {a}-{b}/{len(data)}", "application/octet-stream",
                                       data[a:b + 1]) for a, b in asked]


def test_ranges_that_cannot_be_are_416_or_ignored(served, root):
    size = (root / "app.js").stat().st_size
    for asked in ("bytes=9999999-", "bytes=-0", f"bytes={size}-", "bytes=99999-,88888-99999"):
        r = raw(served, "/assets/app.js", f"Range: {asked}")
        assert r.status == 416 and r.header("Content-Range") == f"bytes */{size}", asked
        assert r.header("Content-Encoding") is None
    for asked in ("bytes=5-1", "lines=1-2", "bytes=a-b", "bytes=0-1,x", "bytes="):
        assert raw(served, "/assets/app.js", f"Range: {asked}").status == 200, asked
    r = raw(served, "/assets/empty.txt", "Range: bytes=0-")
    assert r.status == 416 and r.header("Content-Range") == "bytes */0"
    assert raw(served, "/assets/app.js", "Range: bytes=5-,99999-").status == 206


def test_many_ranges_are_no_amplifier(served, root):
    size = (root / "large.bin").stat().st_size
    tiny = ",".join(f"{i * 1000}-{i * 1000}" for i in range(900))
    r = raw(served, "/assets/large.bin", f"Range: bytes={tiny}")
    assert r.status == 200 and len(r.body) == size
    r = raw(served, "/assets/large.bin", "Range: bytes=" + ",".join(["0-"] * 2000))
    assert r.status == 206 and len(r.body) == size
    dense = ",".join(f"{i * 2}-{i * 2}" for i in range(1000))
    r = raw(served, "/assets/large.bin", f"Range: bytes={dense}")
    assert r.status == 206 and len(r.body) == 1999
    spread = ",".join(f"{i * 1000}-" for i in range(1000))
    r = raw(served, "/assets/large.bin", f"Range: bytes={spread}")
    assert r.status == 206 and len(r.body) == size
    r = raw(served, "/assets/large.bin",
            "Range: bytes=" + ",".join(f"{i * 1000}-{i * 1000}" for i in range(16)))
    assert r.status == 206 and len(r.body) < 16 * 200 and len(list(parts(r))) == 16


def test_if_range_wants_the_same_file(served):
    first = raw(served, "/assets/app.js")
    tag, date = first.header("ETag"), first.header("Last-Modified")
    for value, status in ((tag, 206), (date, 206), ('"other"', 200), ("W/" + tag, 200),
                          ("Mon, 01 Jan 2001 00:00:00 GMT", 200)):
        r = raw(served, "/assets/app.js", "Range: bytes=0-1", f"If-Range: {value}")
        assert r.status == status, value
    r = raw(served, "/assets/app.js", "Range: bytes=0-1", f"If-None-Match: {tag}")
    assert r.status == 304
    with served.connect() as c:
        c.send("HEAD /assets/app.js HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n")
        assert c.response("HEAD").status == 200


# ---- precompressed files, fallback, headers ----

@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    r = tmp_path_factory.mktemp("packed") / "r"
    r.mkdir()
    for name, data in {"a.js": b"plain", "a.js.br": b"brotli bytes", "a.js.gz": b"gzip bytes",
                       "g.css": b"plain", "g.css.gz": b"gzip only", "n.txt": b"plain",
                       "old.js": b"new plain", "old.js.gz": b"stale", "only.js.gz": b"alone",
                       "index.html": b"page", "index.html.gz": b"packed page"}.items():
        (r / name).write_bytes(data)
        os.utime(r / name, ns=(10**18, 10**18))
    os.utime(r / "old.js.gz", ns=(10**18, 10**18 - 1))
    (r / "folder").mkdir()
    (r / "folder.gz").write_bytes(b"not the folder")
    d = Daemon(str(r.parent), LOCAL + static(r) + static(r, "/plain", precompressed="no")
               + static(r, "/spa", fallback="index.html"))
    yield d
    d.stop()


@pytest.mark.parametrize("accept, body, coding", [
    (None, b"plain", None), ("br", b"brotli bytes", "br"), ("gzip", b"gzip bytes", "gzip"),
    ("gzip, deflate, br", b"brotli bytes", "br"), ("gzip;q=1, br;q=0.5", b"gzip bytes", "gzip"),
    ("gzip;q=0, br;q=0", b"plain", None), ("br;q=0, *", b"gzip bytes", "gzip"),
    ("identity;q=1, gzip;q=0.5", b"plain", None), ("deflate, zstd", b"plain", None),
    ("*", b"brotli bytes", "br"), ("*;q=0", b"plain", None), ("identity", b"plain", None),
])
def test_what_lies_packed_beside_a_file_is_sent_to_who_accepts_it(packed, accept, body, coding):
    r = raw(packed, "/a.js", *([f"Accept-Encoding: {accept}"] if accept else []))
    assert r.status == 200 and r.body == body and r.header("Content-Encoding") == coding
    assert r.header("Content-Type") == "text/javascript; charset=utf-8"
    assert r.header("Vary") == "Accept-Encoding"
    r = raw(packed, "/plain/a.js", *([f"Accept-Encoding: {accept}"] if accept else []))
    assert r.body == b"plain" and r.header("Vary") is None and r.header("Content-Encoding") is None


def test_each_coding_has_its_own_tag_and_ranges(packed):
    tags = {}
    for accept in ("identity", "gzip", "br"):
        r = raw(packed, "/a.js", f"Accept-Encoding: {accept}")
        tags[accept] = r.header("ETag")
        again = raw(packed, "/a.js", f"Accept-Encoding: {accept}", f"If-None-Match: {r.header('ETag')}")
        assert again.status == 304 and again.header("Vary") == "Accept-Encoding"
        part = raw(packed, "/a.js", f"Accept-Encoding: {accept}", "Range: bytes=1-3")
        assert part.status == 206 and part.body == r.body[1:4]
        assert part.header("Content-Encoding") == r.header("Content-Encoding")
    assert len(set(tags.values())) == 3
    assert raw(packed, "/a.js", f"If-None-Match: {tags['br']}").status == 200
    r = raw(packed, "/a.js", "Accept-Encoding: br", "Range: bytes=999-")
    assert r.status == 416 and r.header("Content-Encoding") is None


def test_packed_files_stand_for_their_original_only(packed):
    assert raw(packed, "/g.css", "Accept-Encoding: br, gzip").body == b"gzip only"
    assert raw(packed, "/n.txt", "Accept-Encoding: br, gzip").body == b"plain"
    assert raw(packed, "/old.js", "Accept-Encoding: gzip").body == b"new plain"
    assert raw(packed, "/only.js", "Accept-Encoding: gzip").status == 404
    assert raw(packed, "/folder", "Accept-Encoding: gzip").status == 301
    r = raw(packed, "/a.js.gz", "Accept-Encoding: gzip")
    assert r.body == b"gzip bytes" and r.header("Content-Encoding") is None
    r = raw(packed, "/", "Accept-Encoding: gzip")
    assert r.body == b"packed page" and r.header("Content-Type").startswith("text/html")
    r = raw(packed, "/spa/some/view", "Accept-Encoding: gzip")
    assert r.status == 200 and r.body == b"packed page" and r.header("Content-Encoding") == "gzip"


def test_the_fallback_is_for_paths_that_do_not_exist(served):
    for path in ("none", "some/view", "none.js", "app.js/x", "bare/", "sub/deep/"):
        r = raw(served, "/spa/" + path)
        assert r.status == 200 and r.body == b"<h1>top</h1>", path
        assert r.header("Content-Type").startswith("text/html")
        assert r.header("Cache-Control") == "no-cache"
    assert raw(served, "/spa/app.js").header("Cache-Control") == "max-age=60"
    assert raw(served, "/spa/").header("Cache-Control") == "max-age=60"
    assert raw(served, "/spa/sub").status == 301
    tag = raw(served, "/spa/x").header("ETag")
    r = raw(served, "/spa/y", f"If-None-Match: {tag}")
    assert r.status == 304 and r.header("Cache-Control") == "no-cache"


def test_a_fallback_that_is_not_there_is_404(daemon, root):
    for other in ("gone.html", "../secret.txt", "sub", "note.txt/x"):
        d = daemon(static(root, fallback=other))
        assert raw(d, "/none").status == 404, other
        assert raw(d, "/app.js").status == 200


def test_without_a_table_of_types_the_usual_ones_are_known(daemon, root, tmp_path):
    d = daemon(static(root, mime_types=str(tmp_path / "none")))
    d.logged(r'warning: .*there is no file ".*none"')
    assert raw(d, "/app.js").header("Content-Type") == "text/javascript; charset=utf-8"
    (tmp_path / "types").write_text("text/x-mine js\n", encoding="utf-8")
    d = daemon(static(root, mime_types=str(tmp_path / "types")))
    assert raw(d, "/app.js").header("Content-Type") == "text/x-mine; charset=utf-8"
    assert raw(d, "/note.txt").header("Content-Type") == "application/octet-stream"


def test_what_is_wrong_is_said_at_the_start(ini, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    path = ini(LOCAL + static(tmp_path / "none", "/a") + static(tmp_path / "file", "/b")
               + static(tmp_path, "/c", mime_types=str(tmp_path)) + "[static /d]\n")
    done = run("-c", path)
    assert done.returncode == 78
    assert f'root: cannot open "{tmp_path}/none": No such file or directory' in done.err
    assert f'root: cannot open "{tmp_path}/file": Not a directory' in done.err
    assert f'mime_types: cannot read "{tmp_path}": Is a directory' in done.err
    assert "key 'root' is missing" in done.err


# ---- sending ----

def test_ten_megabytes_reach_a_slow_reader_whole(daemon, tmp_path):
    r = tmp_path / "r"
    r.mkdir()
    data = os.urandom(1 << 20) * 10
    (r / "ten.bin").write_bytes(data)
    d = daemon(static(r), server="io_threads = 1")
    with d.connect() as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
        c.get("/ten.bin")
        got = []
        c.head()
        left = len(data) - len(c.kept)
        while left > 0:
            piece = c.sock.recv(min(30000, left))
            assert piece
            got.append(piece)
            left -= len(piece)
            if len(got) % 100 == 0:
                assert raw(d, "/ten.bin", "Range: bytes=5-9").body == data[5:10]
        assert c.kept + b"".join(got) == data
        c.kept = b""
        assert c.get("/ten.bin", "Range: bytes=0-3").response().body == data[:4]


def stopped_in_the_middle(d, path):
    c = d.connect()
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
    c.get(path)
    _, status, _, headers = c.head()
    assert status == 200
    return c, int(dict(headers)["Content-Length"])


def test_a_file_that_shrinks_while_it_is_sent_ends_the_connection(daemon, tmp_path):
    (tmp_path / "r").mkdir()
    path = tmp_path / "r" / "f.bin"
    path.write_bytes(bytes(30 << 20))
    d = daemon(static(tmp_path / "r"))
    c, length = stopped_in_the_middle(d, "/f.bin")
    os.truncate(path, 1000)
    with pytest.raises((Closed, ConnectionResetError)):
        c.take(length)
    d.logged("file became shorter while it was sent")
    assert raw(d, "/f.bin").body == bytes(1000)


def test_a_file_that_grows_while_it_is_sent_is_sent_as_announced(daemon, tmp_path):
    (tmp_path / "r").mkdir()
    path = tmp_path / "r" / "f.bin"
    path.write_bytes(bytes(20 << 20))
    d = daemon(static(tmp_path / "r"))
    c, length = stopped_in_the_middle(d, "/f.bin")
    with open(path, "ab") as f:
        f.write(b"more" * 100000)
    assert c.take(length) == bytes(length)
    assert c.get("/none").response().status == 404
    os.rename(path, tmp_path / "r" / "g.bin")
    c.close()


def test_who_goes_away_leaves_nothing_open(daemon, root):
    d = daemon(static(root))
    raw(d, "/app.js")
    before = d.descriptors()
    for _ in range(5):
        c, _ = stopped_in_the_middle(d, "/large.bin")
        c.reset()
    wait_for(lambda: d.descriptors() <= before)


def test_a_client_that_has_ended_its_sending_gets_the_file(served, root):
    """Its end comes while the answer waits for it: nothing is asked of any pool."""
    data = (root / "large.bin").read_bytes()
    c, length = stopped_in_the_middle(served, "/assets/large.bin")
    c.half_close()
    assert raw(served, "/assets/blob").status == 200
    assert c.take(length) == data
    c.close()


def test_files_need_no_token_and_no_worker(daemon, root):
    d = daemon("[pool default]\nthread_tokens = 2\nqueue_max = 1\n[pool background]\nthread_tokens = 0\n"
               + section("gate") + static(root, "/assets"), server="io_threads = 1")
    gate = Gate(d)
    held = gate.fill(2) + [gate.wait_in_line()]
    assert raw(d, "/hold").status == 503
    for name in ("app.js", "large.bin", "sub/"):
        assert raw(d, "/assets/" + name).status == 200
    assert not [t for t in d.threads() if t.startswith("weir-read")]
    gate.release(3)
    for c in held:
        assert c.response().status == 200
        c.close()


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_curl_resumes_a_download(served, root, tmp_path):
    data = (root / "large.bin").read_bytes()
    (tmp_path / "got").write_bytes(data[:1234567])
    subprocess.run(["curl", "-sS", "-f", "-C", "-", "-o", str(tmp_path / "got"),
                    f"http://127.0.0.1:{served.port}/assets/large.bin"], check=True,
                   timeout=30 * SLOW)
    assert (tmp_path / "got").read_bytes() == data


@pytest.mark.skipif(not shutil.which("wget"), reason="no wget")
def test_wget_resumes_a_download_and_mirrors(served, root, tmp_path):
    data = (root / "large.bin").read_bytes()
    (tmp_path / "large.bin").write_bytes(data[:1234567])
    url = f"http://127.0.0.1:{served.port}/assets/large.bin"
    subprocess.run(["wget", "-q", "--no-proxy", "-c", url], check=True, cwd=tmp_path,
                   timeout=30 * SLOW)
    assert (tmp_path / "large.bin").read_bytes() == data
    for _ in range(2):
        done = subprocess.run(["wget", "--no-proxy", "-N", url], check=True, cwd=tmp_path,
                              timeout=30 * SLOW, capture_output=True)
    assert b"304 Not Modified" in done.stderr or b"not retrieving" in done.stderr


def plain(r):
    """All of an answer but what is its own: its date, id and boundary."""
    fixed = [h for h in r.headers if h[0] not in ("Date", "X-Request-Id")]
    boundary = r.header("Content-Type", "").partition("boundary=")[2]
    text = repr((r.status, fixed, r.body))
    return text.replace(boundary, "B") if boundary else text


def test_who_asks_in_the_same_turn_gets_what_each_alone_would(daemon, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"0123456789" * 100)
    (tmp_path / "a.txt.gz").write_bytes(b"packed")
    (tmp_path / "index.html").write_bytes(b"index")
    for i in range(12):
        (tmp_path / f"f{i}").write_bytes(b"x" * i * 100)
    d = daemon(LOCAL + static(tmp_path, fallback="index.html", precompressed="on"))
    etag = d.get("/a.txt").header("ETag")
    asked = [
        ("GET", "/a.txt"), ("GET", "/a.txt"), ("HEAD", "/a.txt"), ("GET", "/a.txt"),
        ("GET", "/a.txt", f"If-None-Match: {etag}"), ("GET", "/a.txt", "Range: bytes=5-14"),
        ("GET", "/a.txt", "Range: bytes=0-1,10-11"), ("GET", "/a.txt", "Range: bytes=5000-"),
        ("GET", "/a.txt", "Accept-Encoding: gzip"), ("HEAD", "/a.txt", "Accept-Encoding: gzip"),
        ("GET", "/a.txt", "Accept-Encoding: gzip"), ("GET", "/"), ("GET", "/"),
        ("GET", "/absent"), ("GET", "/absent"), ("GET", "/.hidden"),
        *[("GET", f"/f{i}") for i in range(12)], *[("GET", f"/f{i}") for i in range(12)],
    ]
    heads = ["\r\n".join((f"{m} {path} HTTP/1.1", "Host: test", *more)) + "\r\n\r\n"
             for m, path, *more in asked]
    other = d.connect()  # what one client sends is answered together, when there are others
    with d.connect() as c:
        alone = [plain(c.send(head).response(a[0])) for head, a in zip(heads, asked)]
        c.send("".join(heads))
        assert [plain(c.response(a[0])) for a in asked] == alone
    other.close()


def test_a_file_that_changed_is_never_answered_as_it_was(daemon, tmp_path):
    d = daemon(LOCAL + static(tmp_path))
    with d.connect() as one, d.connect() as two:
        for i in range(200):
            text = b"%03d" % i
            (tmp_path / "f").write_bytes(text)  # as long as before, and within a tick of it
            for c in (one, two):
                c.send("GET /f HTTP/1.1\r\nHost: test\r\n\r\n" * 3)
            for c in (one, two):
                assert [c.response().body for _ in range(3)] == [text] * 3
