"""Modules: what <weir/module.h> gives them, and how the daemon hosts them."""
import os
import shutil
import subprocess
import zlib

import pytest

from weirlib import Daemon, fixture, module, section, wait_for

LOCAL = "[server]\nlisten = 127.0.0.1:0\n"
PROBE, WORK = section("probe"), section("probe_work")
INF = 9223372036854775807


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    d = Daemon(str(tmp_path_factory.mktemp("served")), LOCAL + PROBE + WORK)
    yield d
    d.stop()


def form(d, name, body, kind="application/x-www-form-urlencoded"):
    return d.post(f"/form?name={name}", body, Content_Type=kind).json["value"]


# ---- the request ----

def test_a_handler_is_told_about_its_request(served):
    r = served.request("PUT", "/request?q=1", b"12345", {"X-Request-Id": "mine"}).json
    assert r == {"method": "PUT", "path": "/request", "pattern": "/request", "query": "q=1",
                 "client": "127.0.0.1", "scheme": "http", "host": f"127.0.0.1:{served.port}",
                 "id": "mine", "deadline": -1, "cancelled": False, "instance": "probe",
                 "length": 5}


def test_a_handler_knows_how_much_time_it_has(daemon):
    d = daemon(PROBE + "[route * /request]\ntimeout = 10s\n"
               + f"[module two]\nfile = {fixture('probe')}\nmount = /two\n")
    assert 5000 < d.get("/request").json["deadline"] <= 10000
    assert d.get("/two/request").json["deadline"] == -1


def test_headers_are_found_in_any_case_and_all_of_them(served):
    with served.connect() as c:
        r = c.get("/headers", "X-PROBE: one", "x-probe:  two  ", "Empty:").response().json
    assert r["first"] == "one"
    assert [v for n, v in r["all"] if n.lower() == "x-probe"] == ["one", "two"]
    assert ["Empty", ""] in r["all"] and ["Host", "test"] in r["all"]
    assert served.get("/headers").json["first"] is None


def test_cookies_are_found_by_name(served):
    for cookie, name, wanted in (("a=1; b=2", "b", "2"), ("a=1; b=2", "c", None),
                                 ("a=1; a=2", "a", "1"), ('a="q"', "a", ('q', '"q"')),
                                 ("ab=1", "a", None), ("a=", "a", ""), ("A=1", "a", None)):
        got = served.get(f"/cookie?name={name}", Cookie=cookie).json["value"]
        assert got == wanted or (isinstance(wanted, tuple) and got in wanted), cookie


def test_form_fields_are_decoded(served):
    assert form(served, "a", "a=1+2%21&b=%C3%A9&a=3") == "1 2!"
    assert form(served, "b", "a=1+2%21&b=%C3%A9") == "é"
    assert form(served, "c", "a=1&c") == ""
    assert form(served, "d", "a=1") is None
    assert form(served, "a", "a=1", "text/plain") is None


MULTIPART = (b"--B\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n"
             b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\n"
             b"Content-Type: image/png\r\n\r\n\0\r\n--no\xff\r\n--B--\r\n")


def test_parts_of_a_multipart_body_are_given_one_by_one(served):
    kind = 'multipart/form-data; boundary="B"'
    r = served.post("/parts", MULTIPART, Content_Type=kind).json
    data = b"\0\r\n--no\xff"
    assert r == {"rc": -2, "parts": [
        {"name": "text", "file_name": None, "type": "text/plain", "len": 5, "adler": zlib.adler32(b"hello")},
        {"name": "file", "file_name": "x.bin", "type": "image/png", "len": len(data),
         "adler": zlib.adler32(data)}]}
    assert form(served, "text", MULTIPART, kind) == "hello"


@pytest.mark.parametrize("kind, body", [
    ("text/plain", MULTIPART), ("multipart/form-data", MULTIPART),
    ("multipart/form-data; boundary=B", MULTIPART[:-20]),
    ("multipart/form-data; boundary=B", b""), ("multipart/form-data; boundary=C", MULTIPART)])
def test_what_is_no_multipart_body_is_an_error_of_the_call(served, kind, body):
    r = served.post("/parts", body, Content_Type=kind)
    assert r.status == 200 and r.json["rc"] < 0 and len(r.json["parts"]) < 2


def test_a_body_comes_whole_or_in_pieces(served):
    for size in (0, 1, 99, 100, 101, 262143, 262144, 262145, 1000000):
        body = os.urandom(size)
        wanted = zlib.adler32(body)
        assert served.post("/body", body).json == {"len": size, "adler": wanted, "nul": True}
        r = served.post("/body-read?size=100000", body).json
        assert (r["len"], r["adler"]) == (size, wanted)
    assert served.post("/body-read?size=7", b"x" * 70).json["reads"] == 10


# ---- memory, options, log ----

def test_request_memory_is_aligned_and_large_if_need_be(served):
    for size in (0, 1, 17, 4096, 1000000):
        r = served.get(f"/alloc?size={size}").json
        assert r == {"aligned": True, "copy": "a copy", "printf": f"{size} bytes"}


@pytest.mark.parametrize("sent, text", [("plain", "plain"), ("%22%5C%0A%01", "\"\\\n\x01"),
                                        ("%F0%9F%98%80", "\U0001f600"), ("a%FFb", "a\ufffdb"),
                                        ("%C3", "\ufffd"), ("", "")])
def test_text_is_quoted_for_json(served, sent, text):
    assert served.get(f"/quote?text={sent}").json == {"text": text}


def test_options_have_their_defaults(served):
    assert served.get("/options").json == {
        "text": "", "path": "", "bool": True, "int": 7, "size": 65536, "duration": 1500,
        "choice": "red", "many": []}


def test_options_have_what_the_ini_says(daemon):
    d = daemon(section("probe", text="a b; c", path="sub/x", bool="off", int=-10, size="2M",
                       duration="inf", choice="green") + "many = one\nmany = two words\n")
    r = d.get("/options").json
    assert r["path"] == os.path.join(d.folder, "sub/x")
    assert (r["bool"], r["int"], r["size"]) == (False, -10, 2 << 20)
    assert (r["duration"], r["choice"], r["many"]) == (INF, "green", ["one", "two words"])


def test_a_modules_log_line_names_module_and_request(served):
    served.get("/log?text=look%0Ahere%1B", X_Request_Id="log-id")
    line = served.logged(r"warning: (.*look.here.*)").group(1)
    assert "log-id" in line and "probe" in line
    assert "\x1b" not in line


# ---- the response ----

@pytest.mark.parametrize("path, kind, body", [
    ("/text", "text/plain; charset=utf-8", "text é".encode()),
    ("/html", "text/html; charset=utf-8", b"<p>html</p>"),
    ("/bytes", "application/octet-stream", b"a\0b"),
    ("/twice", "text/plain; charset=utf-8", b"second"),
    ("/take?size=5", "text/plain", b"xxxxx"),
    ("/options", "application/json", None)])
def test_each_kind_of_body_has_its_type(served, path, kind, body):
    r = served.get(path)
    assert r.status == 200 and r.header("Content-Type") == kind
    assert body is None or r.body == body


def test_bytes_handed_over_are_freed_once_also_when_nobody_takes_them(daemon):
    d = daemon(PROBE)
    for size in (0, 10, 20000, 5000000):
        assert len(d.get(f"/take?size={size}").body) == size
    with d.connect() as c:
        c.send("HEAD /take?size=100 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.response("HEAD").header("Content-Length") == "100"
    for _ in range(3):
        c = d.connect()
        c.get("/take?size=50000000")
        c.head()
        c.reset()
    wait_for(lambda: d.get("/frees").json["frees"] == 8)


def test_a_redirect_goes_where_the_handler_says(served):
    for status in (301, 302, 303, 307, 308):
        r = served.get(f"/redirect?status={status}&to=/else%3Fa=b")
        assert r.status == status and r.header("Location") == "/else?a=b"
    assert served.get("/redirect?status=200&to=/x").json == {"rc": -22}
    assert served.get("/redirect?status=302&to=/x%0D%0AX-Bad:%20y").json == {"rc": -22}


def test_headers_are_set_and_added_and_bad_ones_refused(served):
    r = served.get("/set-headers")
    assert r.json == {"set": 0, "add": 0, "name": -22, "value": -22, "framing": -22}
    assert r.all("X-Set") == ["two"] and r.all("X-Add") == ["one", "two"]
    assert r.header("X-Bad") is None and r.header("X-Smuggled") is None
    assert int(r.header("Content-Length")) == len(r.body)


def test_cookies_are_set_with_their_attributes(served):
    r = served.get("/set-cookie?name=a&value=b&attributes=Path%3D%2F%3B%20HttpOnly")
    assert r.json == {"rc": 0} and r.header("Set-Cookie") == "a=b; Path=/; HttpOnly"
    for query in ("name=a%20b&value=c", "name=&value=c", "name=a&value=b%3Bc", "name=a&value=%0D"):
        r = served.get("/set-cookie?" + query)
        assert r.json == {"rc": -22} and r.header("Set-Cookie") is None, query


# ---- files ----

@pytest.fixture
def file(tmp_path):
    data = bytes(range(256)) * 4000
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    return f"/file?path={path}", data


def test_a_file_is_sent_whole(served, file):
    url, data = file
    r = served.get(url)
    assert r.status == 200 and r.body == data
    assert r.header("Content-Type") == "application/octet-stream"
    assert r.header("ETag") and r.header("Last-Modified").endswith("GMT")
    assert served.get(url + "&type=image/png").header("Content-Type") == "image/png"
    head = served.request("HEAD", url)
    assert head.header("Content-Length") == str(len(data)) and head.body == b""


@pytest.mark.parametrize("asked, start, end", [("bytes=0-9", 0, 10), ("bytes=100-", 100, None),
                                               ("bytes=-5", -5, None), ("bytes=5-5", 5, 6),
                                               ("bytes=10-99999999", 10, None)])
def test_a_part_of_a_file_is_sent(served, file, asked, start, end):
    url, data = file
    r = served.get(url, Range=asked)
    part = data[start:end]
    first = start if start >= 0 else len(data) + start
    assert r.status == 206 and r.body == part
    assert r.header("Content-Range") == f"bytes {first}-{first + len(part) - 1}/{len(data)}"


def test_ranges_outside_of_a_file_are_416_and_odd_ones_ignored(served, file):
    url, data = file
    r = served.get(url, Range="bytes=9999999-")
    assert r.status == 416 and r.header("Content-Range") == f"bytes */{len(data)}"
    for odd in ("bytes=5-1", "lines=1-2", "bytes=a-b"):
        assert served.get(url, Range=odd).status == 200, odd


def test_conditions_are_answered(served, file):
    url, data = file
    first = served.get(url)
    tag, date = first.header("ETag"), first.header("Last-Modified")
    for header, value, status in (
            ("If-None-Match", tag, 304), ("If-None-Match", '"other"', 200), ("If-None-Match", "*", 304),
            ("If-Modified-Since", date, 304), ("If-Match", '"other"', 412), ("If-Match", tag, 200),
            ("If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT", 412)):
        r = served.get(url, **{header: value})
        assert r.status == status, (header, value)
        assert status == 412 or r.body == (data if status == 200 else b"")
    assert served.get(url, Range="bytes=0-1", If_Range=tag).status == 206
    assert served.get(url, Range="bytes=0-1", If_Range='"other"').status == 200


def test_a_file_that_is_not_there_is_an_error(served, tmp_path):
    assert served.get("/file?path=/none/x").status in (404, 500)
    assert served.get(f"/file?path={tmp_path}").status in (404, 500)


def test_empty_and_large_files_are_sent(served, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    r = served.get(f"/file?path={tmp_path}/empty")
    assert r.status == 200 and r.body == b"" and r.header("Content-Length") == "0"
    data = os.urandom(1 << 20) * 12
    (tmp_path / "large").write_bytes(data)
    assert served.get(f"/file?path={tmp_path}/large").body == data
    before = served.descriptors()
    for _ in range(3):
        c = served.connect()
        c.get(f"/file?path={tmp_path}/large")
        c.head()
        c.reset()
    wait_for(lambda: served.descriptors() <= before)


# ---- handlers of handlers, the loop ----

def test_a_handler_calls_another_on_the_same_request(served):
    r = served.get("/call?handler=probe_work.leaf")
    assert r.text == "leaf of probe_work under /call" and r.header("X-Outer") == "probe_work"
    assert served.get("/call?handler=none.none").json == {"rc": -2}
    assert served.get("/call-inline?handler=probe_work.leaf").json == {"rc": -35}
    assert served.get("/call-inline?handler=probe_work.leaf_inline").status == 200
    assert served.get("/call?handler=probe.text").text == "text é"


def test_calls_of_handlers_end_at_a_depth(served):
    assert served.get("/deep?n=3").json["rc"] == 0
    r = served.get("/deep?n=50").json
    assert r["rc"] == -40 and 8 <= r["reached"] <= 9


def test_a_nested_call_takes_no_second_token(daemon):
    d = daemon(WORK + "[pool default]\nthread_tokens = 1\n")
    assert d.get("/deep?n=5").status == 200


def test_a_function_runs_on_the_loop(served):
    assert served.get("/loop").json == {"rc": 7, "error": -5, "other_thread": True}
    assert served.get("/loop-inline").json == {"rc": 7, "error": -5, "other_thread": False}


def test_a_function_does_not_run_on_the_loop_when_it_is_too_late(daemon):
    d = daemon(WORK + "[route GET /loop-late]\ntimeout = 100ms\n")
    assert d.get("/loop-late").status == 504
    d.logged(r"loop-late: -110, ran 0")


def test_data_belongs_to_instance_and_thread(daemon):
    d = daemon(WORK + f"[module two]\nfile = {fixture('probe_work')}\nmount = /two\n")
    for _ in range(3):
        r = d.get("/data").json
        assert r["data"] == "of probe_work" and r["thread_data"] is True and r["inits"] >= 1
    assert d.get("/two/data").json["data"] == "of two"
    r = d.get("/two/data-inline").json
    assert r["data"] == "of two" and r["thread_data"] is False


def test_thread_init_runs_once_a_thread_and_ends_with_it(daemon):
    # Idle for longer than a busy machine keeps this client from asking.
    d = daemon(WORK + "[pool default]\nthread_tokens = 2\nthread_idle = 2s\n")
    for _ in range(50):
        assert d.get("/data").status == 200
    assert d.get("/data-inline").json["inits"] <= 2
    wait_for(lambda: d.get("/data-inline").json["threads"] == 0)


def test_a_failing_thread_init_is_503_until_it_works(daemon):
    d = daemon(section("failing_thread_init", failures=2) + "[pool default]\nthread_tokens = 1\n")
    r = d.get("/work")
    assert r.status == 503 and int(r.header("Retry-After")) >= 1
    wait_for(lambda: d.get("/work").status == 200)
    assert d.get("/work").json == {"thread_data": True}
    counts = d.get("/counts").json
    assert counts["failed"] == 2 and counts["tries"] > 2
    d.logged(r"failing_thread_init.*Connection refused")


# ---- hosting ----

def test_two_instances_share_no_globals(daemon):
    d = daemon(PROBE + f"[module two]\nfile = {fixture('probe')}\nmount = /two\ntext = second\n")
    for _ in range(3):
        d.get("/take?size=100000")
    wait_for(lambda: d.get("/frees").json["frees"] == 3)
    assert d.get("/two/frees").json["frees"] == 0
    assert d.get("/two/options").json["text"] == "second"
    assert d.get("/options").json["text"] == ""


def test_twenty_instances_live_side_by_side(daemon):
    d = daemon("".join(f"[module i{i}]\nfile = {module('hello')}\nmount = /{i}\ngreeting = g{i}\n"
                       for i in range(20)))
    for i in range(20):
        assert d.get(f"/{i}/hello").text == f"g{i}, world\n"


def test_a_module_in_cpp_serves(daemon):
    d = daemon(section("cpp"))
    assert d.get("/cpp/abc").json == {"word": "cba", "session": "of cpp", "calls": 1}
    r = d.get("/cpp-throw")
    assert r.status == 409 and "caught in the module" in r.text


def source_folder():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.dirname(os.path.dirname(here))


def test_a_copy_of_hello_builds_with_the_headers_alone_and_serves(daemon, tmp_path):
    top = source_folder()
    shutil.copy(os.path.join(top, "src/modules/hello/hello.c"), tmp_path / "mine.c")
    shutil.copytree(os.path.join(top, "src/include"), tmp_path / "include")
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-I", "include", "mine.c", "-o",
                    "mine.so"], cwd=tmp_path, check=True, timeout=60)
    d = daemon("[module mine]\ngreeting = moin\n", server=f"module_dir = {tmp_path}")
    assert d.get("/hello").text == "moin, world\n"
    # Overwritten in place: pages of the running code must not change.
    size = os.path.getsize(tmp_path / "mine.so")
    with open(tmp_path / "mine.so", "r+b") as f:
        f.truncate(0)
        assert d.get("/hello").text == "moin, world\n"
        f.write(b"\xcc" * size)
        f.flush()
    for _ in range(20):
        assert d.get("/hello").text == "moin, world\n"


def test_another_module_put_over_the_file_changes_nothing_that_runs(daemon, tmp_path):
    path = tmp_path / "replace.so"
    shutil.copy(fixture("replace_a"), path)
    ini = f"[module replace]\nfile = {path}\n"
    one = daemon(ini)
    assert one.get("/who").text == "a"
    with open(fixture("replace_b"), "rb") as new, open(path, "r+b") as old:
        old.truncate(0)
        old.write(new.read())
    assert one.get("/who").text == "a"
    os.unlink(path)
    assert one.get("/who").text == "a"
    shutil.copy(fixture("replace_b"), path)
    assert daemon(ini).get("/who").text == "b"
