"""Files on a disk that lets one wait: no loop does. tests/modules/cold.c plays
the disk."""
import os
import resource
import time

import pytest

from weirlib import SLOW, Closed, fixture, section, wait_for
from test_28_static import LOCAL, raw, static


class Disk:
    """The switches of cold.so, and a daemon with them."""

    def __init__(self, start, tmp_path):
        self.start, self.switches, self.root = start, tmp_path / "cold", tmp_path / "root"
        self.switches.mkdir()
        self.root.mkdir()
        self.data = os.urandom(1 << 20) * 5
        (self.root / "large.bin").write_bytes(self.data)
        (self.root / "small.txt").write_bytes(b"small")

    def serve(self, ini="", server="", on=(), **how):
        self.turn_on(*(name for name in on if name == "old"))
        env = {"LD_PRELOAD": fixture("cold"), "COLD": str(self.switches)}
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
            env[name] = os.environ.get(name, "") + ":verify_asan_link_order=0"
        self.d = self.start(static(self.root) + ini, server="io_threads = 1\n" + server, env=env,
                            **how)
        self.turn_on(*on)
        return self.d

    def turn_on(self, *names):
        for name in names:
            (self.switches / name).touch()

    def turn_off(self, *names):
        for name in names:
            (self.switches / name).unlink()

    def await_reader(self):
        """Until one waits for the disk."""
        wait_for((self.switches / "waiting").exists)

    def readers(self):
        return sorted(t for t in self.d.threads() if t.startswith("weir-read"))


@pytest.fixture
def disk(daemon, tmp_path):
    return Disk(daemon, tmp_path)


def test_what_is_in_memory_needs_no_reader(disk):
    d = disk.serve()
    assert raw(d, "/large.bin").body == disk.data and raw(d, "/small.txt").body == b"small"
    assert disk.readers() == []


def test_cold_content_is_brought_by_a_reader(disk):
    d = disk.serve(on=["data"])
    assert raw(d, "/small.txt").body == b"small"
    assert raw(d, "/large.bin").body == disk.data
    assert raw(d, "/large.bin", "Range: bytes=3000000-").body == disk.data[3000000:]
    r = raw(d, "/large.bin", "Range: bytes=0-9,2000000-3999999,-1")
    assert r.status == 206 and disk.data[2000000:4000000] in r.body
    assert disk.readers()[0] == "weir-read/0"
    with d.connect() as c:
        c.send("GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        assert [c.response().body for _ in range(20)] == [b"small"] * 20


def test_cold_paths_are_looked_up_by_a_reader(disk):
    d = disk.serve(on=["paths"])
    (disk.root / "sub").mkdir()
    (disk.root / "small.txt.gz").write_bytes(b"packed")
    for path, status in (("/small.txt", 200), ("/large.bin", 200), ("/none", 404), ("/sub", 301),
                         ("/sub/", 404), ("/.x", 404)):
        assert raw(d, path).status == status, path
    assert raw(d, "/small.txt", "Accept-Encoding: gzip").body == b"packed"
    assert disk.readers()[0] == "weir-read/0"
    assert not [t for t in d.threads() if t.startswith("default")]


def test_files_that_are_really_cold_come_whole(disk):
    d = disk.serve()
    for _ in range(2):
        fd = os.open(disk.root / "large.bin", os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        assert raw(d, "/large.bin").body == disk.data


@pytest.mark.parametrize("on", ["data", "paths"])
def test_a_stuck_disk_holds_nobody_else(disk, on):
    d = disk.serve(section("demo"), on=[on, "stuck"])
    with d.connect() as stuck:
        stuck.get("/large.bin")
        disk.await_reader()
        assert raw(d, "/inline").status == 200 and raw(d, "/noop").status == 200
        disk.turn_off(on)
        assert raw(d, "/small.txt").body == b"small"
        disk.turn_off("stuck")
        assert stuck.response().body == disk.data


def test_two_readers_are_the_most(disk):
    d = disk.serve(on=["data", "paths", "stuck"])
    clients = [d.connect().get("/large.bin") for _ in range(10)]
    wait_for(lambda: disk.readers() == ["weir-read/0", "weir-read/1"])
    disk.turn_off("stuck")
    for c in clients:
        assert c.response().body == disk.data
        c.close()
    assert disk.readers() == ["weir-read/0", "weir-read/1"]


def test_a_search_that_takes_too_long_is_504(disk):
    d = disk.serve(on=["paths", "stuck"], server="write_timeout = 300ms")
    clients = [d.connect().get("/large.bin") for _ in range(4)]
    for c in clients:
        r = c.response()
        assert r.status == 504
        c.close()
    d.logged("could not be read in time")
    disk.turn_off("stuck", "paths")
    assert raw(d, "/large.bin").body == disk.data


def test_content_that_does_not_come_ends_the_connection(disk):
    d = disk.serve(on=["data", "stuck"], server="write_timeout = 300ms")
    with d.connect() as c:
        c.get("/large.bin")
        with pytest.raises((Closed, ConnectionResetError)):
            c.response()
    d.logged("could not be read in time")
    disk.turn_off("stuck", "data")
    assert raw(d, "/large.bin").body == disk.data


@pytest.mark.parametrize("on", ["data", "paths"])
def test_clients_that_go_meanwhile_leave_nothing(disk, on):
    d = disk.serve(on=[on, "stuck"])
    raw(d, "/.x")
    before = d.descriptors()
    for _ in range(6):
        c = d.connect().get("/large.bin")
        disk.await_reader()
        c.reset()
    wait_for(lambda: d.descriptors() <= before + 6)
    disk.turn_off("stuck", on)
    assert raw(d, "/large.bin").body == disk.data
    wait_for(lambda: d.descriptors() <= before + 1)


def test_a_client_that_half_closes_meanwhile_is_answered(disk):
    d = disk.serve(on=["paths", "data", "stuck"])
    with d.connect() as c:
        c.get("/large.bin").half_close()
        disk.await_reader()
        disk.turn_off("stuck")
        assert c.response().body == disk.data


def test_without_threads_the_loop_reads(disk):
    d = disk.serve(on=["paths", "data"])
    disk.turn_on("threads")
    assert raw(d, "/large.bin").body == disk.data and raw(d, "/small.txt").body == b"small"
    assert raw(d, "/none").status == 404 and disk.readers() == []
    disk.turn_off("threads")
    assert raw(d, "/large.bin").body == disk.data and disk.readers() != []


def test_stopping_waits_for_the_disk(disk):
    d = disk.serve(on=["data", "stuck"])
    c = d.connect().get("/large.bin")
    disk.await_reader()
    d.signal()
    d.logged("stopping")
    disk.turn_off("stuck")
    r = c.response()
    assert r.body == disk.data and r.header("Connection") is None
    assert d.wait() == 0


@pytest.mark.parametrize("on", ["data", "paths"])
def test_stopping_does_not_wait_for_ever(disk, on):
    d = disk.serve(on=[on, "stuck"], server="drain_timeout = 300ms")
    c = d.connect().get("/large.bin")
    disk.await_reader()
    begun = time.monotonic()
    d.signal()
    assert d.wait() == 0 and time.monotonic() - begun < 5 * SLOW
    c.close()


def test_files_of_handlers_are_read_by_readers_too(disk):
    d = disk.serve(section("probe"), on=["data"])
    r = raw(d, f"/file?path={disk.root}/large.bin")
    assert r.status == 200 and r.body == disk.data
    assert raw(d, f"/file?path={disk.root}/small.txt").body == b"small"
    assert disk.readers() != []


def test_a_kernel_without_openat2_is_an_error_at_the_start(disk):
    d = disk.serve(on=["old"], check=False)
    assert d.wait() == 78
    assert "static files need openat2(2), of Linux 5.6 or later" in d.log


def test_running_out_of_descriptors_is_503(disk):
    d = disk.serve(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
    held = []
    with d.connect() as c:
        assert c.get("/small.txt").response().status == 200
        c.send("GET /small.txt HTTP/1.1\r\n")  # an idle connection would make room
        while d.descriptors() < 40:
            held.append(d.connect())
            if len(held) > 60:
                break
        wait_for(lambda: d.descriptors() >= 39)
        r = c.send("Host: test\r\n\r\n").response()
        if d.descriptors() >= 40:
            assert r.status == 503 and r.header("Retry-After")
    for other in held:
        other.close()
    wait_for(lambda: raw(d, "/small.txt").status == 200)
