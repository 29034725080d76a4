"""Rules of the configuration that answer before any handler: allow, redirect,
cors_origin."""
import socket

import pytest

from test_55_reload import reload
from weirlib import fixture, run, section

DEMO, PROBE = section("demo"), section("probe")
APP, OTHER = "https://app.example", "https://other.example"


def ask(d, method, path, *headers, body=""):
    with d.connect() as c:
        lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return c.send("\r\n".join(lines) + "\r\n\r\n" + body).response(method)


def preflight(d, path, method, origin=APP, *headers):
    return ask(d, "OPTIONS", path, f"Origin: {origin}", f"Access-Control-Request-Method: {method}",
               *headers)


def cors(r):
    return {name.lower(): value for name, value in r.headers
            if name.lower().startswith("access-control")}


# ---- redirect ----

REDIRECTS = """
[route GET /old/{rest:path}]
redirect = 301 https://example.org/new/{rest}
[route * /moved]
redirect = 308 /inline
[route GET /to/{rest:path}]
redirect = 302 /{rest}
[route GET /item/{id:int}/{name}]
redirect = 303 /shop?id={id}&name={name}
"""


@pytest.fixture
def redirected(daemon):
    return daemon(DEMO + REDIRECTS)


@pytest.mark.parametrize("path, status, location", [
    ("/old/", 301, "https://example.org/new/"),
    ("/old/a/b.html", 301, "https://example.org/new/a/b.html"),
    ("/old/a%20b%2Fc%C3%A9%25?x=1&y=%0d", 301,
     "https://example.org/new/a%20b%2Fc%C3%A9%25?x=1&y=%0d"),
    ("/old/a?", 301, "https://example.org/new/a"),
    ("/old//evil.org", 301, "https://example.org/new//evil.org"),
    ("/old/../to/x", 302, "/x"),
    ("/moved", 308, "/inline"),
    ("/moved?a=b", 308, "/inline?a=b"),
    ("/to//evil.org", 302, "/evil.org"),
    ("/to///evil.org/?a", 302, "/evil.org/?a"),
    ("/to/%2Fevil.org", 302, "/%2Fevil.org"),
    ("/to/%5Cevil.org", 302, "/%5Cevil.org"),
    ("/to/%5C%5Cevil.org", 302, "/%5C%5Cevil.org"),
    ("/item/7/a%26b=c%23?d=e", 303, "/shop?id=7&name=a%26b%3Dc%23&d=e"),
])
def test_clients_are_sent_where_the_configuration_says(redirected, path, status, location):
    r = ask(redirected, "GET", path)
    assert r.status == status and r.header("Location") == location
    assert r.header("Content-Length") == "0" and r.header("X-Request-Id")


def test_a_redirect_needs_no_token_and_no_body(daemon):
    d = daemon(DEMO + REDIRECTS + "[pool default]\nthread_tokens = 0\n")
    with d.connect() as c:
        for method in ("GET", "POST", "DELETE", "HEAD"):
            c.send(f"{method} /moved HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            assert c.response(method).status == 308
        c.send("POST /moved HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n")
        r = c.response()
        assert r.status == 308 and r.header("Connection") == "close"
    assert ask(d, "PUT", "/old/x").status == 405
    assert ask(d, "GET", "/item/x/y").status == 404


def test_a_redirect_takes_the_place_of_a_modules_route(daemon):
    d = daemon(DEMO + "[route GET /inline]\nredirect = 302 /elsewhere\n")
    assert ask(d, "GET", "/inline").header("Location") == "/elsewhere"
    assert ask(d, "GET", "/noop").status == 200


@pytest.mark.parametrize("line, column, why", [
    ("redirect = /b", 12, "begins with a status"),
    ("redirect = 304 /b", 12, "begins with a status"),
    ("redirect = 301", 15, "names no target"),
    ("redirect = 301 //evil.org", 16, "leads to"),
    ("redirect = 301 https://example.org{rest}", 24, "before the '/'"),
    ("redirect = 301 /{none}", 18, "names a parameter"),
    ("redirect = 301 /a\tb", 18, "%XX"),
    ("redirect = 301 /b\nhandler = demo.inline", 12, "has a handler, too"),
    ("redirect = 301 /b\ntokens_max = 3", None, "takes no token"),
    ("allow = 10.0.0.0/33", 9, "allow: '10.0.0.0/33' has more bits"),
    ("allow = example.org", 9, "is no address"),
    ("cors_origin = app.example", 15, "is no origin"),
    ("cors_origin = null", 15, "is no origin"),
    ("cors_origin = https://app.example/", 15, "more than a host"),
    ("cors_origin = https://*.example", 15, "more than a host"),
    ("cors_origin = https://App.example", 15, "lower case"),
    ("cors_origin = https://app.example:443", 15, "usual port"),
    ("cors_origin = *\nadd_header = Access-Control-Allow-Origin: *", 15, "add_header, too"),
])
def test_bad_lines_are_named_by_their_place(ini, line, column, why):
    path = ini(DEMO + "[route GET /old/{rest:path}]\n"
               + ("" if "redirect" in line else "redirect = 301 /x\n") + line + "\n")
    done = run("--check", "-c", path)
    assert done.returncode != 0 and why in done.err, done.err
    at = 4 + ("redirect" not in line)
    if column:
        assert f"{path}:{at}:{column}:" in done.err, done.err


# ---- allow ----

def test_clients_that_are_not_listed_are_answered_403(daemon):
    d = daemon(DEMO + "[route GET /noop]\nallow = 10.0.0.0/8\nallow = 127.0.0.2\n")
    assert ask(d, "GET", "/noop").status == 403
    assert ask(d, "HEAD", "/noop").status == 403
    assert ask(d, "GET", "/inline").status == 200
    with d.connect(source="127.0.0.2") as c:
        assert c.get("/noop").response().status == 200
        assert c.get("/inline").response().status == 200


def test_what_the_server_allows_holds_where_nothing_else_is_said(daemon, tmp_path):
    (tmp_path / "x").write_text("file")
    d = daemon(DEMO + "[route GET /noop]\nallow = 127.0.0.0/8\n"
               + f"[static /files]\nroot = {tmp_path}\n"
               + f"[static /public]\nroot = {tmp_path}\nallow = 0.0.0.0/0\nallow = ::/0\n"
               + "[route GET /away]\nredirect = 301 /x\n", server="allow = 192.0.2.0/24\n")
    for path in ("/inline", "/files/x", "/files", "/none", "/away"):
        assert ask(d, "GET", path).status == 403, path
    assert ask(d, "PUT", "/inline").status == 403
    assert ask(d, "OPTIONS", "/inline").status == 403
    assert ask(d, "OPTIONS", "*").status == 403
    assert ask(d, "GET", "/noop").status == 200
    assert ask(d, "GET", "/public/x").text == "file"
    assert ask(d, "GET", "/public").status == 301


def test_a_refused_body_is_not_kept(daemon):
    d = daemon(DEMO + "[route POST /echo]\nallow = 10.0.0.0/8\n")
    with d.connect() as c:
        c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        assert c.response().status == 403
        c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n"
               "Expect: 100-continue\r\n\r\n")
        r = c.response()
        assert (r.status, r.interim) == (403, [])


def test_the_client_is_the_one_that_a_trusted_proxy_names(daemon):
    d = daemon(DEMO + "[route GET /noop]\nallow = 192.0.2.0/24\nallow = 2001:db8::/32\n",
               server="trusted = 127.0.0.1\n")
    for client, status in (("192.0.2.7", 200), ("2001:db8::7", 200), ("198.51.100.1", 403),
                           ("192.0.2.7, 198.51.100.1", 403)):
        assert ask(d, "GET", "/noop", f"X-Forwarded-For: {client}").status == status, client
    assert ask(d, "GET", "/noop").status == 403
    with d.connect(source="127.0.0.3") as c:
        assert c.get("/noop", "X-Forwarded-For: 192.0.2.7").response().status == 403


def test_the_client_is_the_one_that_a_proxy_header_names(daemon):
    d = daemon(DEMO + "[route GET /noop]\nallow = 192.0.2.0/24\n",
               server="listen = 127.0.0.1:0 proxy\ntrusted = 127.0.0.1\n")
    for client, status in (("192.0.2.7", 200), ("198.51.100.1", 403)):
        with d.connect(to=("127.0.0.1", d.proxy_port)) as c:
            c.send(f"PROXY TCP4 {client} 127.0.0.1 1000 80\r\n")
            assert c.get("/noop").response().status == status


def test_unix_sockets_are_allowed_by_name(daemon, tmp_path):
    d = daemon(DEMO + "[route GET /noop]\nallow = unix\n",
               server=f"listen = unix:{tmp_path}/s\nlisten = 127.0.0.1:0\n")
    with d.connect(socket.AF_UNIX) as c:
        assert c.get("/noop").response().status == 200
    assert ask(d, "GET", "/noop").status == 403


# ---- cors_origin ----

def test_listed_origins_are_named_and_others_are_not(daemon):
    d = daemon(DEMO + f"[route GET /noop]\ncors_origin = {APP}\ncors_origin = {OTHER}\n")
    for origin in (APP, OTHER):
        r = ask(d, "GET", "/noop", f"Origin: {origin}")
        assert r.status == 200 and cors(r) == {"access-control-allow-origin": origin}
        assert r.header("Vary") == "Origin"
    for origin in ("https://app.example.evil", "http://app.example", "null", "*", APP + "/",
                   APP.upper()):
        r = ask(d, "GET", "/noop", f"Origin: {origin}")
        assert r.status == 200 and cors(r) == {} and r.header("Vary") == "Origin"
    r = ask(d, "GET", "/noop")
    assert cors(r) == {} and r.header("Vary") == "Origin"
    r = ask(d, "GET", "/inline", f"Origin: {APP}")
    assert cors(r) == {} and r.header("Vary") is None


def test_any_origin_is_a_star(daemon):
    d = daemon(DEMO, server="cors_origin = *\n")
    for path, status in (("/noop", 200), ("/inline", 200), ("/none", 404)):
        r = ask(d, "GET", path, f"Origin: {APP}")
        assert r.status == status and cors(r) == {"access-control-allow-origin": "*"}
        assert r.header("Vary") is None


def test_errors_can_be_read_by_pages_too(daemon):
    d = daemon(PROBE + section("demo", mount="/demo") + "[pool default]\ntimeout = 300ms\n",
               server=f"cors_origin = {APP}\nbody_max = 10B\n")
    for method, path, status in (("GET", "/status?n=-5", 500), ("GET", "/error?status=418", 418),
                                 ("PUT", "/text", 405), ("GET", "/none", 404)):
        r = ask(d, method, path, f"Origin: {APP}")
        assert r.status == status and cors(r) == {"access-control-allow-origin": APP}
    r = ask(d, "POST", "/body", f"Origin: {APP}", body="x" * 11)
    assert r.status == 413 and cors(r) == {"access-control-allow-origin": APP}
    # The one that takes the place of a handler's that is late.
    r = ask(d, "GET", "/demo/sleep?ms=1500", f"Origin: {APP}")
    assert r.status == 504 and cors(r) == {"access-control-allow-origin": APP}


def test_a_handlers_own_header_stays(daemon):
    d = daemon(PROBE, server="cors_origin = *\nadd_header = Vary: Accept\n")
    r = ask(d, "GET", "/text", f"Origin: {APP}")
    assert r.header("Access-Control-Allow-Origin") == "*" and r.header("Vary") == "Accept"


def test_preflights_are_answered_without_a_token(daemon):
    d = daemon(DEMO + f"[pool default]\nthread_tokens = 0\n[route POST /echo]\ncors_origin = {APP}\n")
    r = preflight(d, "/echo", "POST", APP, "Access-Control-Request-Headers: X-One, content-type")
    assert r.status == 204 and r.header("Vary") == "Origin" and r.header("Allow") is None
    assert cors(r) == {"access-control-allow-origin": APP, "access-control-allow-methods": "POST",
                       "access-control-allow-headers": "X-One, content-type",
                       "access-control-max-age": "600"}
    r = preflight(d, "/echo", "POST", OTHER)
    assert r.status == 204 and cors(r) == {} and r.header("Vary") == "Origin"
    for asked in ("x" * 1025, "a b", "a; b", "(a)"):
        r = preflight(d, "/echo", "POST", APP, f"Access-Control-Request-Headers: {asked}")
        assert r.status == 204 and "access-control-allow-headers" not in cors(r)
        assert cors(r)["access-control-allow-methods"] == "POST"


def test_a_preflight_names_only_methods_that_the_origin_may_use(daemon):
    so = fixture("probe")
    d = daemon(f"[module probe]\nfile = {so}\n"
               f"[route GET /x]\nhandler = probe.text\ncors_origin = {APP}\n"
               f"[route PUT,PATCH /x]\nhandler = probe.text\ncors_origin = {APP}\n"
               f"[route POST /x]\nhandler = probe.text\ncors_origin = {OTHER}\n"
               "[route DELETE /x]\nhandler = probe.text\n")
    methods = "access-control-allow-methods"
    assert cors(preflight(d, "/x", "PUT"))[methods] == "GET, HEAD, PUT, PATCH"
    assert cors(preflight(d, "/x", "POST", OTHER))[methods] == "POST"
    assert cors(preflight(d, "/x", "POST", APP)) == {}
    # A method without the rule: what OPTIONS always is.
    r = preflight(d, "/x", "DELETE")
    assert r.status == 204 and cors(r) == {} and "DELETE" in r.header("Allow")
    assert preflight(d, "/none", "GET").status == 404


def test_a_handler_of_options_runs_for_what_is_no_preflight(daemon):
    d = daemon(PROBE + f"[route * /request]\ncors_origin = {APP}\n")
    r = ask(d, "OPTIONS", "/request", f"Origin: {APP}")
    assert r.json["method"] == "OPTIONS" and cors(r) == {"access-control-allow-origin": APP}
    assert ask(d, "OPTIONS", "/request", "Access-Control-Request-Method: GET").status == 200
    assert preflight(d, "/request", "DELETE").status == 204


def test_files_and_redirects_have_the_rule_too(daemon, tmp_path):
    (tmp_path / "x").write_text("file")
    d = daemon(f"[static /files]\nroot = {tmp_path}\ncors_origin = {APP}\nprecompressed = no\n"
               f"[route GET /away]\nredirect = 301 /x\ncors_origin = {APP}\n")
    for path, status in (("/files/x", 200), ("/files/none", 404), ("/files", 301), ("/away", 301)):
        r = ask(d, "GET", path, f"Origin: {APP}")
        assert r.status == status and cors(r) == {"access-control-allow-origin": APP}, path
        r = preflight(d, path, "GET")
        assert r.status == 204 and cors(r)["access-control-allow-methods"] == "GET, HEAD", path


def test_who_is_not_allowed_learns_nothing_by_a_preflight(daemon):
    d = daemon(DEMO + f"[route POST /echo]\ncors_origin = {APP}\nallow = 10.0.0.0/8\n")
    r = preflight(d, "/echo", "POST")
    assert r.status == 403 and cors(r) == {}


def test_a_reload_brings_other_rules(daemon):
    base = "[server]\nlisten = 127.0.0.1:0\n" + DEMO
    d = daemon("", server="listen = 127.0.0.1:0\n" + DEMO)
    assert ask(d, "GET", "/noop").status == 200 and ask(d, "GET", "/away").status == 404
    with d.connect() as c:
        assert c.get("/noop").response().status == 200
        reload(d, base + f"[route GET /noop]\nallow = 10.0.0.0/8\ncors_origin = {APP}\n"
               "[route GET /away]\nredirect = 301 /noop\n")
        assert c.get("/noop").response().status == 403
    assert ask(d, "GET", "/away").header("Location") == "/noop"
    reload(d, base + "[route GET /away]\nredirect = 301 //evil.org\n", good=False)
    assert ask(d, "GET", "/away").header("Location") == "/noop"
    reload(d, base)
    assert ask(d, "GET", "/noop").status == 200 and ask(d, "GET", "/away").status == 404
