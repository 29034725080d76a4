"""Uploads: multipart bodies of any size, whose files stay in the spool until a
module reads or saves them."""
import os
import re
import subprocess
import zlib

import pytest

from weirlib import SLOW, fixture, section, wait_for

PROBE = section("probe")
TYPE = "multipart/form-data; boundary=B"


def field(name, data, more=""):
    return (f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n').encode() \
        + data + b"\r\n"


def body(*parts):
    return b"".join(parts) + b"--B--\r\n"


def post(d, path, data):
    r = d.post(path, data, Content_Type=TYPE)
    assert r.status == 200, r
    return r.json


def most_memory(d):
    with open(f"/proc/{d.pid}/status", encoding="utf-8") as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) * 1024


def spooled(d, folder):
    """Descriptors of the daemon that are files of the folder, named or not."""
    count = 0
    for fd in os.listdir(f"/proc/{d.pid}/fd"):
        try:
            count += os.readlink(f"/proc/{d.pid}/fd/{fd}").startswith(str(folder) + "/")
        except OSError:
            pass
    return count


@pytest.fixture
def spool(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def served(daemon, spool):
    return daemon(PROBE, server=f"spool_dir = {spool}\nbody_memory = 64K\nbody_max = 1G")


def test_a_large_upload_takes_no_memory(served, tmp_path):
    size = 200 << 20
    block, source, saved = os.urandom(1 << 20), tmp_path / "source", tmp_path / "saved"
    with open(source, "wb") as f:
        for _ in range(size >> 20):
            f.write(block)
    post(served, "/part-info", body(field("a", b"1")))
    before = most_memory(served)
    for path in ("/part-save", "/live-save"):
        done = subprocess.run(
            ["curl", "-sS", "-F", "title=x", "-F", f"file=@{source};type=image/png",
             f"http://127.0.0.1:{served.port}{path}?i=1&path={saved}"],
            capture_output=True, timeout=60 * SLOW, check=True)
        assert done.stdout == b'{"rc": 0}', done
        assert subprocess.run(["cmp", source, saved], check=False).returncode == 0
        saved.unlink()
    # A sanitizer keeps what was freed.
    if SLOW == 1:
        assert most_memory(served) - before < 8 << 20


def test_parts_are_told_of_without_their_bytes(served):
    for size in (10, 1000000):
        data = os.urandom(size).replace(b"\r", b"")
        upload = body(field("text", b"hello"), field("f", data, '; filename="a\\"b%22é.bin"'),
                      field("g", b"", "; filename*=UTF-8''x"))
        assert post(served, "/part-info", upload) == {"rc": -2, "parts": [
            {"name": "text", "file_name": None, "type": "text/plain", "len": 5, "data": None},
            {"name": "f", "file_name": 'a\\"b%22é.bin', "type": "text/plain", "len": len(data),
             "data": None},
            {"name": "g", "file_name": None, "type": "text/plain", "len": 0, "data": None}]}
        assert post(served, "/form?name=text", upload) == {"value": "hello"}
        for at in (0, 3, len(data) - 1, len(data), len(data) + 5):
            rest = data[at:]
            r = post(served, f"/part-read?i=1&at={at}&size=70000", upload)
            assert (r["rc"], r["len"], r["adler"]) == (0, len(rest), zlib.adler32(rest))
        assert post(served, "/part-read?i=3", upload)["rc"] == -2


def test_a_part_is_saved_once(served, tmp_path):
    for size in (10, 1000000):
        saved = tmp_path / "saved"
        data = os.urandom(size).replace(b"\r", b"")
        upload = body(field("a", data))
        for path in ("/part-save", "/live-save"):
            assert post(served, f"{path}?path={saved}", upload) == {"rc": 0}
            assert saved.read_bytes() == data and saved.stat().st_nlink == 1
            assert post(served, f"{path}?path={saved}", upload) == {"rc": -17}
            saved.unlink()
        assert post(served, f"/part-save?path={tmp_path}/none/x", upload) == {"rc": -2}
        assert post(served, f"/part-save?i=1&path={saved}", upload) == {"rc": -2}
        assert not saved.exists()


def test_many_small_fields_are_found(served):
    upload = body(*(field(f"n{i}", b"%d" % i) for i in range(1000)))
    assert len(post(served, "/part-info", upload)["parts"]) == 1000
    assert post(served, "/form?name=n999", upload) == {"value": "999"}


def test_more_parts_than_anyone_needs_are_refused(served):
    upload = body(field("a", b"") * 100000)
    r = post(served, "/part-info", upload)
    assert r["rc"] == -90 and len(r["parts"]) == 1000


def test_large_values_are_parts_and_no_fields(served):
    upload = body(field("a", b"x" * (1 << 20)), field("b", b"y"))
    assert len(post(served, "/form?name=a", upload)["value"]) == 1 << 20
    upload = body(field("a", b"x" * ((1 << 20) + 1)), field("b", b"y"))
    assert post(served, "/form?name=a", upload) == {"value": None}
    assert post(served, "/form?name=b", upload) == {"value": "y"}
    assert post(served, "/part-read", upload)["len"] == (1 << 20) + 1


def test_a_body_without_its_end_is_an_error(served):
    upload = body(field("a", b"x" * 200000), field("b", b"y"))
    for cut in (7, 8, 20):
        r = post(served, "/part-info", upload[:-cut])
        assert r["rc"] == -22 and len(r["parts"]) == 1
    assert post(served, "/part-info", b"x" * 200000) == {"rc": -22, "parts": []}


def test_a_client_that_goes_in_the_middle_leaves_nothing(served, spool, tmp_path):
    upload = body(field("a", b"x" * 1000000))
    for path in ("/part-save", "/live-save"):
        before = served.descriptors()
        with served.connect() as c:
            c.send(f"POST {path}?path={tmp_path}/saved HTTP/1.1\r\nHost: a\r\nContent-Type: {TYPE}\r\n"
                   f"Content-Length: {len(upload)}\r\n\r\n".encode() + upload[:-500000])
            wait_for(lambda: spooled(served, spool) == 1)
            c.reset()
        wait_for(lambda: spooled(served, spool) == 0)
        wait_for(lambda: served.descriptors() <= before)
    assert list(spool.iterdir()) == [] and not (tmp_path / "saved").exists()
    assert post(served, f"/part-save?path={tmp_path}/saved", upload) == {"rc": 0}


# ---- full disks ----

class Full:
    """The switches of full.so: writes fail for want of room."""

    def __init__(self, start, tmp_path, spool):
        self.folder = tmp_path / "full"
        self.folder.mkdir()
        env = {"LD_PRELOAD": fixture("full"), "FULL": str(self.folder)}
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
            env[name] = os.environ.get(name, "") + ":verify_asan_link_order=0"
        self.d = start(PROBE, server=f"spool_dir = {spool}\nbody_memory = 4K", env=env)

    def turn_on(self, name):
        (self.folder / name).touch()

    def turn_off(self, name):
        (self.folder / name).unlink()


@pytest.fixture
def full(daemon, tmp_path, spool):
    return Full(daemon, tmp_path, spool)


def test_a_full_spool_is_507(full):
    upload = body(field("a", b"x" * 100000))
    full.turn_on("spool-full")
    assert full.d.post("/part-info", upload, Content_Type=TYPE).status == 507
    assert full.d.post("/live-save?path=/none/x", upload, Content_Type=TYPE).json == {"rc": -28}
    assert post(full.d, "/form?name=a", body(field("a", b"small"))) == {"value": "small"}
    full.turn_off("spool-full")
    assert len(post(full.d, "/form?name=a", upload)["value"]) == 100000


def test_a_full_folder_leaves_no_half_file(full, tmp_path):
    saved, upload = tmp_path / "saved", body(field("a", b"x" * 100000))
    full.turn_on("copy-full")
    assert post(full.d, f"/part-save?path={saved}", upload) == {"rc": -28}
    assert not saved.exists()
    full.turn_off("copy-full")
    assert post(full.d, f"/part-save?path={saved}", upload) == {"rc": 0}


@pytest.mark.parametrize("switches", [["no-copy"], ["no-nameless"], ["no-copy", "no-nameless"]])
def test_file_systems_that_can_less_are_written_by_hand(full, tmp_path, switches):
    saved, data = tmp_path / "saved", os.urandom(300000).replace(b"\r", b"")
    upload = body(field("a", data))
    for name in switches:
        full.turn_on(name)
    assert post(full.d, f"/part-save?path={saved}", upload) == {"rc": 0}
    assert saved.read_bytes() == data
    assert post(full.d, f"/part-save?path={saved}", upload) == {"rc": -17}
    saved.unlink()
    full.turn_on("copy-full" if "no-copy" not in switches else "write-full")
    assert post(full.d, f"/part-save?path={saved}", upload) == {"rc": -28}
    assert not saved.exists()
