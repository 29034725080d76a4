"""Who the client is, and the bounds of connections: the PROXY protocol,
forwarding headers, who is believed, and what one client can take."""
import socket
import struct
import time

import pytest

from weirlib import SLOW, run, section, wait_for

DEMO, PROBE = section("demo"), section("probe")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(client, port=4321):
    kind = "TCP6" if ":" in client else "TCP4"
    server = "::1" if ":" in client else "127.0.0.1"
    return f"PROXY {kind} {client} {server} {port} 80\r\n".encode()


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def v2(client=None, extra=b"", command=0x21):
    if client is None:
        block, family = b"", 0
    elif ":" in client:
        block, family = socket.inet_pton(socket.AF_INET6, client) * 2, 0x21
    else:
        block, family = socket.inet_pton(socket.AF_INET, client) * 2, 0x11
    if client:
        block += struct.pack(">HH", 4321, 80)
    block += extra
    return SIGNATURE + struct.pack(">BBH", command, family, len(block)) + block


@pytest.fixture
def edge(daemon):
    """edge(SERVER OPTIONS): a daemon with a plain listener and one for proxies, and with an
    access log."""
    def start(server="trusted = 127.0.0.0/8\n", ini=PROBE + DEMO, **how):
        return daemon(ini, server="listen = 127.0.0.1:0\nlisten = 127.0.0.2:0 proxy\n"
                      "access_log = stderr\n" + server, **how)
    return start


def announce(d, header, source=None):
    """A connection of a proxy, which has sent `header`."""
    return d.connect(source=source, to=("127.0.0.2", d.proxy_port)).send(header)


def client_of(c, *headers):
    return c.get("/request", *headers).response().json["client"]


# ---- the PROXY protocol ----

HEADERS = [
    (v1("192.0.2.7"), "192.0.2.7"), (v1("2001:db8::7"), "2001:db8::7"),
    (v1("::ffff:192.0.2.7"), "192.0.2.7"), (v2("192.0.2.7"), "192.0.2.7"),
    (v2("2001:db8::7"), "2001:db8::7"), (v2("::ffff:192.0.2.7"), "192.0.2.7"),
    (v2("192.0.2.7", tlv(2, b"a.example") + tlv(3, b"abcd") + tlv(4, b"")), "192.0.2.7"),
    (v2("192.0.2.7", tlv(4, b"x" * 3000)), "192.0.2.7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (v2(), "127.0.0.1"), (v2(command=0x20), "127.0.0.1"),
]


@pytest.mark.parametrize("header, client", HEADERS)
def test_a_proxy_names_its_client(edge, header, client):
    d = edge()
    with announce(d, header) as c:
        # Once for a connection, whatever its requests are.
        for _ in range(3):
            assert client_of(c) == client
    d.logged(rf"^{client} - - .*GET /request")


@pytest.mark.parametrize("header, client", HEADERS[::2])
def test_a_header_may_come_in_pieces(edge, header, client):
    d = edge()
    request = b"GET /request HTTP/1.1\r\nHost: a\r\n\r\n"
    everything = header + request
    for cut in {1, 5, 6, 12, 13, 16, len(header) - 1, len(header), len(header) + 1}:
        with announce(d, everything[:cut]) as c:
            c.send(everything[cut:])
            assert c.response().json["client"] == client
    if len(everything) < 200:
        with announce(d, b"") as c:
            for i in range(len(everything)):
                c.send(everything[i:i + 1])
            assert c.response().json["client"] == client


def test_requests_behind_a_header_are_pipelined(edge):
    d = edge()
    with announce(d, v2("192.0.2.7") + b"GET /request HTTP/1.1\r\nHost: a\r\n\r\n" * 5) as c:
        for _ in range(5):
            assert c.response().json["client"] == "192.0.2.7"


@pytest.mark.parametrize("text", [
    b"GET /request HTTP/1.1\r\nHost: a\r\n\r\n", b"PROXY TCP4 192.0.2.7 nowhere 1 2\r\n", b"\0",
    b"PROXY UNKNOWN " + b"x" * 200, v2("192.0.2.7")[:12] + b"\x11", b"PROXY TCP4 1.2.3.4\r\n",
    v2("192.0.2.7")[:14] + b"\xff\xff"])
def test_what_does_not_begin_with_a_header_is_closed_at_once(edge, text):
    d = edge()
    before = d.descriptors()
    with announce(d, text) as c:
        start = time.monotonic()
        assert c.is_closed()
        assert time.monotonic() - start < 1 * SLOW
    d.logged(r"warning: closed a connection of 127.0.0.1: .* valid PROXY header \(1 of them")
    wait_for(lambda: d.descriptors() <= before)
    with announce(d, v1("192.0.2.7")) as c:
        assert client_of(c) == "192.0.2.7"


def test_a_second_header_is_no_request(edge):
    d = edge()
    with announce(d, v1("192.0.2.7") + v1("192.0.2.8")) as c:
        assert c.response().status == 400


def test_who_is_not_trusted_cannot_connect_to_it(edge):
    d = edge("trusted = 127.0.0.9\ntrusted = ::1\n")
    for _ in range(50):
        with announce(d, b"") as c:
            assert c.is_closed()
    with announce(d, v1("192.0.2.7"), source="127.0.0.9") as c:
        assert client_of(c) == "192.0.2.7"
    lines = [line for line in d.lines if "closed a connection of 127.0.0.1" in line]
    assert len(lines) == 1 and "is not trusted" in lines[0], lines


def test_header_timeout_is_for_the_header_too(edge):
    d = edge("trusted = 127.0.0.1\nheader_timeout = 300ms\n")
    start = time.monotonic()
    with announce(d, v1("192.0.2.7")[:10]) as c:
        assert c.is_closed()
        assert 0.29 < time.monotonic() - start < 1 * SLOW
    # A header gives no more time for the request's first byte.
    start = time.monotonic()
    with announce(d, v1("192.0.2.7")) as c:
        assert c.is_closed()
        assert 0.29 < time.monotonic() - start < 1 * SLOW
    assert len([line for line in d.lines if "valid PROXY header" in line]) == 1


def test_a_client_that_goes_within_its_header_is_no_trouble(edge):
    d = edge()
    before = d.descriptors()
    for cut in range(20):
        c = announce(d, v2("192.0.2.7")[:cut])
        if cut % 2:
            c.reset()
        else:
            c.close()
    wait_for(lambda: d.descriptors() <= before)
    assert not [line for line in d.lines if "closed a connection" in line]


def test_clients_of_a_unix_socket_may_be_proxies(daemon, tmp_path):
    path = tmp_path / "sock"
    d = daemon(PROBE, server=f"listen = 127.0.0.1:0\nlisten = unix:{path} proxy\n")
    with d.connect(socket.AF_UNIX, to=d.proxy_unix) as c:
        assert client_of(c.send(v1("192.0.2.7"))) == "192.0.2.7"
    with d.connect(socket.AF_UNIX, to=d.proxy_unix) as c:
        assert client_of(c.send(v2(command=0x20))) == "unix"
    with d.connect(socket.AF_UNIX, to=d.proxy_unix) as c:
        assert c.get("/request").is_closed()


def test_a_header_on_a_plain_listener_is_no_request(edge):
    d = edge()
    for header in v1("192.0.2.7"), v2("192.0.2.7"):
        with d.connect() as c:
            assert c.send(header + b"GET /request HTTP/1.1\r\nHost: a\r\n\r\n").response() \
                .status == 400


def test_a_stop_lets_a_connection_that_has_begun_end_its_request(edge):
    d = edge()
    with announce(d, v1("192.0.2.7")[:12]) as c, announce(d, b"") as silent:
        wait_for(lambda: d.get("/inline").status == 200)
        d.signal()
        c.send(v1("192.0.2.7")[12:]).get("/request")
        assert c.response().json["client"] == "192.0.2.7"
        assert silent.is_closed()
    assert d.wait() == 0


@pytest.mark.parametrize("server, place, error", [
    ("listen = 127.0.0.1:0 proxy", "2:10", "name the addresses of proxies with trusted"),
    ("listen = 127.0.0.1:0 proxies\ntrusted = ::1", "2:10", "there is only proxy"),
    ("listen = 127.0.0.1:0 proxy proxy\ntrusted = ::1", "2:10", "there is only proxy"),
    ("listen = proxy\ntrusted = ::1", "2:10", "is none of HOST:PORT"),
    ("listen = 127.0.0.1:80\nlisten = 127.0.0.1:80 proxy\ntrusted = ::1", "3:10", "second time"),
    ("trusted = localhost", "2:11", "is no address"),
    ("trusted = unix\ntrusted = 10.0.0.1/8", "3:11", "more bits than its prefix"),
    ("trusted = 10.0.0.0/33", "2:11", "too long"),
])
def test_mistakes_are_named_with_their_place(ini, server, place, error):
    done = run("--check", "-c", ini(f"[server]\n{server}\n"))
    assert done.returncode == 78
    assert f":{place}: " in done.err and error in done.err, done.err


# ---- headers of requests ----

def identity(c, *headers):
    r = c.get("/request", *headers).response().json
    return r["client"], r["scheme"], r["host"]


def test_nobody_is_believed_unless_trusted(daemon):
    d = daemon(PROBE, server="access_log = stderr")
    with d.connect() as c:
        for name in ("X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7;proto=https"):
            assert identity(c, name, "X-Forwarded-Proto: https", "X-Forwarded-Host: b") \
                == ("127.0.0.1", "http", "test")
    assert "192.0.2.7" not in d.log


def test_a_trusted_peer_says_who_its_client_is(edge):
    d = edge("trusted = 127.0.0.1\ntrusted = 10.0.0.0/8\n")
    said = "X-Forwarded-Proto: https", "X-Forwarded-Host: b.example"
    with d.connect() as c:
        assert identity(c, "X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.0.0.2", *said) \
            == ("192.0.2.7", "https", "b.example")
        # Each request speaks for itself.
        assert identity(c) == ("127.0.0.1", "http", "test")
        assert identity(c, "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2001:db8::7, 10.0.0.2") \
            == ("2001:db8::7", "http", "test")
        # What is logged is what handlers are told.
        c.get("/nowhere", "X-Forwarded-For: 192.0.2.9").response()
    d.logged(r"^192\.0\.2\.7 - - .*GET /request")
    d.logged(r"^192\.0\.2\.9 - - .*GET /nowhere")
    with d.connect(source="127.0.0.3") as c:
        assert identity(c, "X-Forwarded-For: 192.0.2.7", *said) == ("127.0.0.3", "http", "test")


def test_the_chosen_header_alone_is_believed(edge):
    both = "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2;proto=https;host=b"
    for forwarded, expected in (("", ("192.0.2.1", "http", "test")),
                                ("forwarded = x-forwarded-for\n", ("192.0.2.1", "http", "test")),
                                ("forwarded = forwarded\n", ("192.0.2.2", "https", "b")),
                                ("forwarded = off\n", ("127.0.0.1", "http", "test"))):
        d = edge("trusted = 127.0.0.1\n" + forwarded)
        with d.connect() as c:
            assert identity(c, *both) == expected
            assert identity(c, *both[::-1]) == expected


@pytest.mark.parametrize("value, client", [
    ("for=192.0.2.7", "192.0.2.7"), ('for="[2001:db8::7]:80"', "2001:db8::7"),
    ("for=1.1.1.1, for=192.0.2.7, for=10.0.0.2", "192.0.2.7"),
    ('for="1.1.1.1, for=192.0.2.7', "192.0.2.7"), ("for=unknown", "127.0.0.1"),
    ("for=192.0.2.7, for=_a, for=10.0.0.2", "10.0.0.2"), ("192.0.2.7", "127.0.0.1"),
    ("for=192.0.2.7;for=192.0.2.8", "127.0.0.1")])
def test_forwarded_is_read_from_the_right(edge, value, client):
    d = edge("trusted = 127.0.0.1\ntrusted = 10.0.0.0/8\nforwarded = forwarded\n")
    with d.connect() as c:
        assert client_of(c, "Forwarded: " + value) == client


def test_clients_of_a_unix_socket_are_believed_when_unix_is_trusted(daemon, tmp_path):
    for i, trusted in enumerate(("127.0.0.1", "unix")):
        d = daemon(PROBE, server=f"listen = unix:{tmp_path}/{i}\ntrusted = {trusted}\n")
        with d.connect(socket.AF_UNIX) as c:
            assert client_of(c, "X-Forwarded-For: 192.0.2.7") == ("unix", "192.0.2.7")[i]
            assert client_of(c) == "unix"


def test_behind_a_proxy_header_its_client_must_be_trusted(edge):
    d = edge("trusted = 127.0.0.0/8\ntrusted = 10.0.0.0/8\n")
    for header, client in ((v1("192.0.2.7"), "192.0.2.7"),  # no proxy of ours
                           (v1("10.0.0.2"), "198.51.100.9"), (v2("10.0.0.2"), "198.51.100.9"),
                           (v2(), "127.0.0.1"), (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
                           (v2(command=0x20), "127.0.0.1")):
        with announce(d, header) as c:
            assert client_of(c, "X-Forwarded-For: 198.51.100.9") == client


def test_a_proxy_header_tells_of_tls(edge):
    d = edge("trusted = 127.0.0.1\n")
    with announce(d, v2("192.0.2.7", tlv(0x20, b"\1\0\0\0\0"))) as c:
        assert identity(c, "X-Forwarded-Proto: http") == ("192.0.2.7", "https", "test")
    with announce(d, v2("192.0.2.7", tlv(0x20, b"\0\0\0\0\0"))) as c:
        assert identity(c) == ("192.0.2.7", "http", "test")


def test_an_untrusted_client_cannot_pass_as_another_by_what_it_writes(edge):
    """The trusted proxy adds the client's address behind whatever the client sent."""
    d = edge("trusted = 127.0.0.1\n")
    d2 = edge("trusted = 127.0.0.1\nforwarded = forwarded\n")
    junk = ["10.0.0.1", "127.0.0.1", "::1", "unknown", '"', '"a', ",,,", "[::1", "a=b;c=\"", "\\",
            "for=127.0.0.1", 'for="127.0.0.1', 'for="\\', "x" * 5000, "127.0.0.1, " * 400, "\t"]
    with d.connect() as c, d2.connect() as c2:
        for text in junk:
            assert client_of(c, f"X-Forwarded-For: {text}, 192.0.2.7") == "192.0.2.7"
            assert client_of(c2, f"Forwarded: {text}, for=192.0.2.7") == "192.0.2.7"


def test_an_error_before_the_handler_names_the_client_too(edge):
    d = edge("trusted = 127.0.0.1\nbody_max = 10B\n")
    with d.connect() as c:
        c.send("POST /body HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n"
               "Content-Length: 11\r\n\r\nhello world")
        assert c.response().status == 413
    d.logged(r'^192\.0\.2\.7 - - .*POST /body HTTP/1.1" 413')
