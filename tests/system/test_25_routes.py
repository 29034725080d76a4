"""From method and path to a handler."""
import re

import pytest

from weirlib import Daemon, fixture, module, run, section

LOCAL = "[server]\nlisten = 127.0.0.1:0\n"
DEMO, PROBE, WORK = section("demo"), section("probe"), section("probe_work")
UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    d = Daemon(str(tmp_path_factory.mktemp("served")), LOCAL + DEMO + PROBE)
    yield d
    d.stop()


def test_typed_parameters_come_as_text_and_number(served):
    r = served.get("/params/042/2.5/a%20b").json
    assert r == {"i": 42, "f": 2.5, "s": "a b", "i_text": "042", "f_text": "2.5", "i_float": 42}
    assert served.get("/params/9223372036854775807/1/x").json["i"] == 9223372036854775807
    assert served.get("/params/1/0.5/%C3%A9").json["s"] == "é"
    r = served.get("/param-errors/5/x").json
    assert r == {"i": 0, "absent": -2, "other_type": -22}


def test_a_number_that_is_too_large_matches_and_does_not_fit(served):
    assert served.get("/param-errors/9223372036854775808/x").json["i"] == -34


@pytest.mark.parametrize("path", ["/..", "/../rest/a", "/rest/../../a", "/%2e%2e/rest/a"])
def test_a_path_above_the_root_is_refused(served, path):
    with served.connect() as c:
        assert c.get(path).response().status == 400


@pytest.mark.parametrize("path", ["/params/x/1/s", "/params/1.5/1/s", "/params//1/s", "/params/1/x/s",
                                  "/params/1/1", "/params/1/1/s/more", "/params/1/nan/s",
                                  "/params/-1/1/s", "/params/1/1e3/s", "/params/1%20/1/s",
                                  "/uuid/" + UUID[:-1], "/uuid/" + "z" + UUID[1:],
                                  "/when/2026-13-01T00:00:00Z", "/when/yesterday"])
def test_a_segment_that_is_not_of_its_type_is_not_found(served, path):
    assert served.get(path).status == 404


@pytest.mark.parametrize("path, wanted", [
    ("/uuid/" + UUID, UUID), ("/uuid/" + UUID.upper(), UUID.upper()),
    ("/when/2026-02-28T23:59:59Z", "2026-02-28T23:59:59Z"),
    ("/when/2026-02-28T23:59:59+01:00", "2026-02-28T23:59:59+01:00"),
    ("/rest/a/b/c.txt", "a/b/c.txt"), ("/rest/a", "a"),
])
def test_other_types_match_what_they_name(served, path, wanted):
    r = served.get(path)
    assert r.status == 200 and r.json["u"] == wanted


def test_what_nobody_routes_is_404(served):
    for path in ("/", "/nothing", "/inline/", "/inline/x", "/INLINE", "/inlin", "/rest"):
        r = served.get(path)
        assert r.status == 404, path
        assert r.header("X-Request-Id")


def test_a_wrong_method_is_405_with_what_is_allowed(served):
    r = served.request("DELETE", "/echo", b"")
    assert r.status == 405
    assert sorted(r.header("Allow").split(", ")) == ["OPTIONS", "POST"]
    r = served.post("/inline", b"")
    assert r.status == 405
    assert sorted(r.header("Allow").split(", ")) == ["GET", "HEAD", "OPTIONS"]


def test_options_tells_what_is_allowed(served):
    r = served.request("OPTIONS", "/inline")
    assert r.status == 204 and r.body == b""
    assert sorted(r.header("Allow").split(", ")) == ["GET", "HEAD", "OPTIONS"]
    assert served.request("OPTIONS", "/nothing").status == 404
    with served.connect() as c:
        r = c.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n").response()
        assert r.status in (200, 204) and {"GET", "POST"} <= set(r.header("Allow").split(", "))
        assert c.get("/inline").response().status == 200


def test_a_route_of_all_methods_gets_them_all(served):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        r = served.request(method, "/request", b"xy" if method[0] == "P" else None)
        assert r.status == 200 and r.json["method"] == method
        assert r.json["pattern"] == "/request"
    r = served.request("HEAD", "/request")
    assert r.status == 200 and r.body == b""


def test_an_encoded_slash_separates_nothing(served):
    assert served.get("/params/1/2/a%2Fb").json["s"] == "a/b"
    assert served.get("/params/1/2/a%2fb").json["s"] == "a/b"
    assert served.get("/params/1%2F2/s").status == 404
    # What only looks like one after decoding stays as it was meant.
    assert served.get("/params/1/2/a%252Fb").json["s"] == "a%2Fb"
    # In the rest of a path it would look like a separator.
    assert served.get("/rest/a%2Fb/c").json["u"] == "a%2Fb/c"


@pytest.mark.parametrize("path, wanted", [
    ("/rest/a/../b", "b"), ("/rest/a/./b", "a/b"), ("/rest/a/%2e%2e/b", "b"),
    ("/rest/a/.%2E/b", "b"), ("/rest/x/y/../../z", "z"),
    ("/rest/..a/b..", "..a/b.."), ("/%72est/a", "a"),
])
def test_dot_segments_are_gone_before_routing(served, path, wanted):
    with served.connect() as c:
        r = c.get(path).response()
        assert r.status == 200 and r.json["u"] == wanted


def test_dot_segments_cannot_climb_by_encoded_slashes(served):
    with served.connect() as c:
        for path in ("/rest/a%2F..%2F..%2Fb", "/rest/..%2F..%2Finline", "/rest/..%5c..%5cb"):
            r = c.get(path).response()
            assert r.status in (200, 400, 404)
            if r.status == 200:
                assert ".." not in r.json["u"].split("/")


def test_the_query_is_no_part_of_the_path(served):
    r = served.get("/request?a=/../b%20c&d").json
    assert r["path"] == "/request" and r["query"] == "a=/../b%20c&d"
    assert served.get("/query?a=1%202+3&a=second&n=3").json == {"a": "1 2 3", "n": 3, "rc": 0}
    assert served.get("/query").json == {"a": None, "n": 5, "rc": 0}
    assert served.get("/query?n=11").json == {"a": None, "n": -1, "rc": -34}
    assert served.get("/query?n=x&a").json == {"a": "", "n": -1, "rc": -22}


def test_a_mount_is_put_before_the_modules_routes(daemon):
    d = daemon(section("probe", mount="/api/v1") + "[module other]\nmount = /other/\n"
               f"file = {fixture('probe')}\n")
    assert d.get("/request").status == 404
    r = d.get("/api/v1/request").json
    assert r["pattern"] == "/api/v1/request" and r["instance"] == "probe"
    assert d.get("/other/request").json["instance"] == "other"


def test_a_route_section_puts_a_handler_on_a_path(daemon):
    d = daemon(WORK + "[route GET /mine/{x:int}]\nhandler = probe_work.unrouted\n"
               "[route POST,PUT /mine]\nhandler = probe_work.unrouted\n")
    r = d.get("/mine/7").json
    assert r == {"pattern": "/mine/{x:int}", "instance": "probe_work", "x": "7"}
    assert d.get("/mine/x").status == 404
    assert d.post("/mine").json["x"] is None
    assert d.request("PUT", "/mine").status == 200
    assert d.get("/mine").status == 405


def test_a_route_section_overrides_handler_pool_and_timeout(daemon):
    d = daemon(DEMO + "[pool single]\nthread_tokens = 1\n[route GET /sleep]\npool = single\n"
               "timeout = 100ms\n[route GET /noop]\nhandler = demo.inlined\n")
    assert d.get("/noop").text == "hello, inline\n"
    assert d.get("/inline").text == "hello, inline\n"
    assert d.get("/sleep?ms=1").status == 200
    assert d.get("/sleep?ms=400").status == 504
    # One token, still held: the second waits longer than it may.
    assert d.get("/sleep?ms=1").status == 504
    assert any(re.match(r"single/\d+|.*sleep", name) for name in d.threads()), d.threads()


@pytest.mark.parametrize("first, second", [("/a/{x}", "/a/{y}"), ("/a/{x:int}", "/a/{y:int}"),
                                           ("/a/b", "/a/b"), ("/a/{x:path}", "/a/{y:path}"),
                                           ("/a/{x}/{y:int}", "/a/{x:int}/{y}")])
def test_ambiguous_patterns_are_an_error_that_names_both(ini, first, second):
    path = ini(LOCAL + WORK + f"[route GET {first}]\nhandler = probe_work.unrouted\n"
               f"[route GET {second}]\nhandler = probe_work.unrouted\n")
    done = run("--check", "-c", path)
    assert done.returncode == 78 and len(done.err.splitlines()) == 1, done.err
    assert f"{path}:7:" in done.err and first in done.err and second in done.err


@pytest.mark.parametrize("first, second, path, wanted", [
    ("/a/b", "/a/{x}", "/a/b", "/a/b"), ("/a/b", "/a/{x}", "/a/c", "/a/{x}"),
    ("/a/{x:int}", "/a/{x}", "/a/1", "/a/{x:int}"), ("/a/{x:int}", "/a/{x}", "/a/z", "/a/{x}"),
    ("/a/{x:int}", "/a/{x:float}", "/a/7", "/a/{x:int}"),
    ("/a/{x}", "/a/{x:path}", "/a/b", "/a/{x}"), ("/a/{x}", "/a/{x:path}", "/a/b/c", "/a/{x:path}"),
    ("/a/{x}/c", "/{x}/b/d", "/a/b/d", "/{x}/b/d"),
])
def test_the_more_exact_pattern_wins(daemon, first, second, path, wanted):
    d = daemon(WORK + f"[route GET {second}]\nhandler = probe_work.unrouted\n"
               f"[route GET {first}]\nhandler = probe_work.unrouted\n")
    r = d.get(path)
    assert r.status == 200 and r.json["pattern"] == wanted


def test_a_thousand_routes_are_found(daemon):
    d = daemon(WORK + "".join(f"[route GET /r/{i}/{{x:int}}/end{i % 7}]\n"
                              "handler = probe_work.unrouted\n" for i in range(1000)))
    with d.connect() as c:
        for i in range(0, 1000, 13):
            r = c.get(f"/r/{i}/{i}/end{i % 7}").response()
            assert r.json == {"pattern": f"/r/{i}/{{x:int}}/end{i % 7}",
                              "instance": "probe_work", "x": str(i)}
            assert c.get(f"/r/{i}/{i}/end{i % 7 + 1}").response().status == 404


def test_a_duplicate_of_a_modules_route_is_an_error(ini):
    text = LOCAL + f"[module one]\nfile = {module('hello')}\n[module two]\nfile = {module('hello')}\n"
    done = run("--check", "-c", ini(text))
    assert done.returncode == 78
    assert "one.hello" in done.err and "two.hello" in done.err
