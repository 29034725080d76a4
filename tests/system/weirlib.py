"""What the system tests share: starting and stopping the real daemon, sockets
with control over every byte, many clients at once, waiting without sleeping.

Every process that is started here is ended here, by its own id.
"""
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

WEIR = os.environ.get("WEIR", "weir")
MODULES = os.environ.get("WEIR_MODULES", "")
FIXTURES = os.environ.get("WEIR_FIXTURES", "")
SLOW = float(os.environ.get("WEIR_SLOW") or 1)
TROUBLE = re.compile(r"runtime error|Sanitizer|assertion", re.I)


def module(name):
    """The file of a module that is installed."""
    return os.path.join(MODULES, name, name + ".so")


def fixture(name):
    """The file of a module for tests."""
    return os.path.join(FIXTURES, name + ".so")


def section(name, so=None, **options):
    """A [module] section: of the installed module or fixture `name`, unless `so` is given."""
    so = so or (module(name) if os.path.exists(module(name)) else fixture(name))
    lines = [f"[module {name}]", f"file = {so}"]
    lines += [f"{key} = {value}" for key, value in options.items()]
    return "\n".join(lines) + "\n"


def wait_for(condition, seconds=10, what=""):
    """Polls until condition() is true, and returns what it said."""
    end = time.monotonic() + seconds * SLOW
    while True:
        said = condition()
        if said:
            return said
        if time.monotonic() > end:
            raise AssertionError(f"did not come true in {seconds * SLOW:g} s: "
                                 f"{what or condition}; last: {said!r}")
        time.sleep(0.01)


class Response:
    """One response as it came over the wire."""

    def __init__(self, version, status, reason, headers, body, interim):
        self.version, self.status, self.reason = version, status, reason
        self.headers, self.body, self.interim = headers, body, interim

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name, otherwise=None):
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else otherwise

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class Closed(Exception):
    """The daemon closed the connection before a whole response came."""


class Raw:
    """A socket whose bytes the test decides."""

    def __init__(self, sock):
        self.sock = sock
        self.kept = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def send(self, data):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def get(self, path, *headers):
        lines = [f"GET {path} HTTP/1.1", "Host: test", *headers]
        return self.send("\r\n".join(lines) + "\r\n\r\n")

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(f"closed after {self.kept[:300]!r}")
        self.kept += data

    def until(self, mark):
        while mark not in self.kept:
            self.more()
        head, self.kept = self.kept.split(mark, 1)
        return head

    def take(self, size):
        parts, have = [self.kept], len(self.kept)
        while have < size:
            data = self.sock.recv(min(1 << 20, size - have))
            if not data:
                raise Closed(f"closed {size - have} bytes before the end of the body")
            parts.append(data)
            have += len(data)
        data = b"".join(parts)
        self.kept = data[size:]
        return data[:size]

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, reason = (lines[0].split(" ", 2) + [""])[:3]
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and name and name.strip() == name, f"bad header line {line!r}"
            headers.append((name, value.strip()))
        return version, int(status), reason, headers

    def response(self, method="GET"):
        """The next final response, with the body its framing announces."""
        interim = []
        while True:
            version, status, reason, headers = self.head()
            if status >= 200:
                break
            interim.append(status)
        r = Response(version, status, reason, headers, b"", interim)
        assert r.header("Transfer-Encoding") is None or r.header("Content-Length") is None
        if method == "HEAD" or status in (204, 304):
            return r
        length = r.header("Content-Length")
        if length is not None:
            r.body = self.take(int(length))
        elif r.header("Transfer-Encoding") == "chunked":
            r.body = self.chunks()
        else:
            r.body = self.rest()
        return r

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self.until(b"\r\n"):
                    pass
                return body
            body += self.take(size)
            assert self.take(2) == b"\r\n"

    def take_slowly(self, left, piece, pause):
        """Drops `left` bytes: so many at a time, with so many seconds before each."""
        left -= len(self.kept)
        self.kept = b""
        while left > 0:
            time.sleep(pause)  # the slow client is what is tested
            data = self.sock.recv(min(left, piece))
            assert data, f"closed {left} bytes before the end"
            left -= len(data)

    def rest(self):
        """Everything up to the end of the connection."""
        try:
            while True:
                self.more()
        except Closed:
            data, self.kept = self.kept, b""
            return data

    def is_closed(self):
        """Waits for the daemon to close, and asserts that nothing more came."""
        try:
            rest = self.rest()
        except ConnectionResetError:
            return True
        assert rest == b"", f"unexpected bytes before the end: {rest[:300]!r}"
        return True


class Daemon:
    """A running daemon on a folder of its own."""

    def __init__(self, folder, ini, args=None, env=None, preexec=None, check=True):
        self.folder = folder
        self.lines = []
        self.port = self.port6 = self.unix = None
        self.proxy_port = self.proxy_unix = None  # where a PROXY header comes first
        self.is_ready = threading.Event()
        if args is None:
            path = os.path.join(folder, "weir.ini")
            with open(path, "w", encoding="utf-8") as f:
                f.write(ini)
            args = ["-c", path]
        # A pipe would need a reader to be fast; the daemon's log must never wait for us.
        self.process = subprocess.Popen(
            [WEIR, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=folder, env={**os.environ, **(env or {})},
            preexec_fn=preexec)
        self.pid = self.process.pid
        self.out = []
        self.readers = [threading.Thread(target=self._read_log, daemon=True),
                        threading.Thread(target=self._read_out, daemon=True)]
        for t in self.readers:
            t.start()
        if check:
            self.wait_ready()

    def _read_log(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self.lines.append(line)
            found = re.search(r"listening on (?:http://(\[)?(\S+?)\]?:(\d+)|unix:(\S+))( proxy)?$",
                              line)
            if found and found.group(5):
                if found.group(4):
                    self.proxy_unix = found.group(4)
                else:
                    self.proxy_port = int(found.group(3))
            elif found and found.group(4):
                self.unix = found.group(4)
            elif found and found.group(1):
                self.port6 = int(found.group(3))
            elif found:
                self.port = int(found.group(3))
            if re.search(r" info: ready\b", line):
                self.is_ready.set()
        self.is_ready.set()

    def _read_out(self):
        for raw in self.process.stdout:
            self.out.append(raw.decode("utf-8", "replace").rstrip("\n"))

    def wait_ready(self):
        assert self.is_ready.wait(15 * SLOW), f"not ready:\n{self.log}"
        assert any(" info: ready" in line for line in self.lines), \
            f"ended with {self.process.wait()} before it was ready:\n{self.log}"

    @property
    def log(self):
        return "\n".join(self.lines)

    def logged(self, pattern, seconds=10):
        """Waits for a line of the log in which `pattern` is found; returns the match."""
        def look():
            for line in list(self.lines):
                found = re.search(pattern, line)
                if found:
                    return found
            return None
        return wait_for(look, seconds, f"log line {pattern!r}")

    def lines_with(self, text):
        return [line for line in list(self.lines) if text in line]

    def logged_once(self, text):
        """Waits for the line of the log with `text`, and asserts that it is one; returns it."""
        lines = wait_for(lambda: self.lines_with(text), what=f"log line with {text!r}")
        assert len(lines) == 1, lines
        return lines[0]

    # ---- talking ----

    def connect(self, family=socket.AF_INET, timeout=15, source=None, to=None):
        """`source` is the address of this end, `to` another one than the usual of the other."""
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(timeout * SLOW)
        address = {socket.AF_INET: ("127.0.0.1", self.port), socket.AF_INET6: ("::1", self.port6),
                   socket.AF_UNIX: self.unix}[family]
        try:
            if source:
                sock.bind((source, 0))
            sock.connect(to or address)
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            sock.close()
            raise
        return Raw(sock)

    def client(self, timeout=15):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * SLOW)

    def request(self, method, path, body=None, headers=None):
        """One request on a connection of its own."""
        client = self.client()
        try:
            client.request(method, path, body, headers or {})
            r = client.getresponse()
            return Response("HTTP/1.1", r.status, r.reason, r.getheaders(), r.read(), [])
        finally:
            client.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers={k.replace("_", "-"): v
                                                  for k, v in headers.items()})

    def post(self, path, body=None, **headers):
        return self.request("POST", path, body, {k.replace("_", "-"): v
                                                 for k, v in headers.items()})

    def many(self, count, act):
        """Runs act(i) on `count` threads at once; returns the results in order."""
        results, errors = [None] * count, []
        start = threading.Barrier(count)

        def one(i):
            try:
                start.wait(30 * SLOW)
                results[i] = act(i)
            except BaseException as err:
                errors.append((i, err))
        threads = [threading.Thread(target=one, args=(i,), daemon=True) for i in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60 * SLOW)
            assert not t.is_alive(), f"clients hang; {len(errors)} errors: {errors[:3]}"
        assert not errors, f"{len(errors)} of {count} failed, first: {errors[:3]}"
        return results

    # ---- what the kernel knows ----

    def descriptors(self):
        """How many are open; what a sanitizer reads of /proc as threads begin is none of ours."""
        count, folder = 0, f"/proc/{self.pid}/fd"
        for fd in os.listdir(folder):
            try:
                count += not os.readlink(f"{folder}/{fd}").startswith("/proc/")
            except OSError:
                pass  # closed meanwhile
        return count

    def resident(self):
        """Kilobytes of memory."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1])

    def threads(self):
        names = []
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/comm", encoding="utf-8") as f:
                    names.append(f.read().strip())
            except OSError:
                pass
        return names

    # ---- ending ----

    def signal(self, which=signal.SIGTERM):
        self.process.send_signal(which)

    def wait(self, seconds=15):
        status = self.process.wait(seconds * SLOW)
        for t in self.readers:
            t.join(5)
        return status

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        if self.is_running():
            self.process.kill()
        return self.wait()

    def stop(self, seconds=15):
        """SIGTERM; asserts that it ends well."""
        if self.is_running():
            self.signal()
        status = self.wait(seconds)
        assert not TROUBLE.search(self.log), self.log
        assert status == 0, f"ended with {status}:\n{self.log[-4000:]}"

    def assert_clean(self):
        assert not TROUBLE.search(self.log), self.log


def run(*args, folder=None, env=None, timeout=20):
    """The daemon as a command that ends by itself."""
    done = subprocess.run([WEIR, *args], stdin=subprocess.DEVNULL, capture_output=True, cwd=folder,
                          env={**os.environ, **(env or {})}, timeout=timeout * SLOW, check=False)
    done.out, done.err = done.stdout.decode(), done.stderr.decode()
    assert not TROUBLE.search(done.err), done.err
    return done
