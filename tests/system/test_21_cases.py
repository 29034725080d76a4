"""tests/cases/http.cases against the daemon over TCP: in one piece and byte by byte."""
import os
import re
import socket

import pytest

from weirlib import SLOW, section

FILE = os.path.join(os.environ.get("top_srcdir", "."), "tests/cases/http.cases")
ROUTES = "".join(f"[route {methods} {path}]\nhandler = demo.inlined\n"
                 for methods, path in (("*", "/"), ("*", "/{a}"), ("*", "/{a}/{b}"),
                                       ("*", "/{a}/{b}/{c}"), ("GET", "/get/only/one/way")))
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}


def unescape(text):
    text = re.sub(r"\\(x[0-9a-f]{2}|.)",
                  lambda m: ESCAPES.get(m[1]) or chr(int(m[1][1:], 16)), text)
    return re.sub(r"\{\{(.*?)\*(\d+)\}\}", lambda m: m[1] * int(m[2]), text, flags=re.S)


def read_cases():
    with open(FILE, encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            if line[0] not in "#\n":
                expected, fate, text = line.rstrip("\n").split(" ", 2)
                yield number, expected, fate, unescape(text).encode("latin-1")


def statuses(data):
    """Of the answers in `data`: a HEAD's has a length and no body."""
    found = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        assert mark and head.startswith(b"HTTP/1.1 "), data[:100]
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        if length and data and not data.startswith(b"HTTP/1.1 "):
            data = data[int(length[1]):]
        if not head.startswith(b"HTTP/1.1 1"):
            found.append(head[9:12].decode())
    return ",".join(found) or "-"


MARK = b"GET /is/it/open HTTP/1.1\r\nHost: h\r\nX-Request-Id: the-mark\r\n\r\n"


def send(d, fate, data, whole):
    """What came back, and what became of the connection."""
    with d.connect(timeout=20) as c:
        try:
            step = max(len(data), 1) if whole else 1
            for i in range(0, len(data), step):
                c.send(data[i:i + step])
            if fate == "end":
                c.half_close()
            else:
                c.send(MARK)
        except (BrokenPipeError, ConnectionResetError):
            pass
        seen = b""
        try:
            while b"the-mark" not in seen:
                more = c.sock.recv(65536)
                if not more:
                    return statuses(seen), "end" if fate == "end" else "close"
                seen += more
        except ConnectionResetError:
            return statuses(seen), "close"
    all_of_them = statuses(seen).split(",")
    return ",".join(all_of_them[:-1]) or "-", "keep"


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte-by-byte"])
def test_every_case_is_answered_as_it_says(daemon, whole):
    d = daemon(section("demo") + ROUTES)
    cases = [c for c in read_cases() if whole or len(c[3]) < 400]
    assert len(cases) > 600
    wrong = []

    def share(i):
        for number, expected, fate, data in cases[i::16]:
            if (expected, fate) == ("-", "keep"):
                continue  # what asks whether it is open would be taken for the rest
            seen = send(d, fate, data, whole)
            if seen != (expected, fate):
                wrong.append((number, seen, (expected, fate)))
    d.many(16, share)
    assert not wrong, f"{len(wrong)}: {sorted(wrong)[:10]}"
    with socket.create_connection(("127.0.0.1", d.port), timeout=5 * SLOW):
        pass
