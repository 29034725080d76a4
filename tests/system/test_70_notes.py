"""The notes module: a service on SQLite, and that no note is lost after its 201."""
import json
import sqlite3
import threading
import time

import pytest

from weirlib import SLOW, Closed, run, section, wait_for

JSON = {"Content-Type": "application/json"}


def notes(folder, **options):
    return section("notes", database=f"{folder}/notes.db", **options)


def post(d, title, text="text"):
    return d.request("POST", "/notes", json.dumps({"title": title, "text": text}), JSON)


def test_notes_are_made_read_listed_changed_and_deleted(daemon, tmp_path):
    d = daemon(notes(tmp_path))
    r = post(d, "Größe \U0001f600", "line\nline")
    assert r.status == 201
    note = r.json
    assert note == {"id": note["id"], "title": "Größe \U0001f600", "text": "line\nline"}
    url = r.header("Location")
    assert url == f"/notes/{note['id']}" and d.get(url).json == note
    other = post(d, "other").json
    assert other["id"] > note["id"]
    assert d.get("/notes").json == {"notes": [note, other], "next": None}
    assert d.get("/notes?limit=1").json == {"notes": [note], "next": note["id"]}
    assert d.get(f"/notes?after={note['id']}").json["notes"] == [other]
    changed = {"id": note["id"], "title": "new", "text": ""}
    r = d.request("PUT", url, '{"title": "new", "text": ""}', JSON)
    assert r.status == 200 and r.json == changed
    assert d.get(url).json == changed
    r = d.request("DELETE", url)
    assert r.status == 204 and r.body == b""
    assert d.get(url).status == 404
    assert d.request("DELETE", url).status == 404
    assert d.request("PUT", url, '{"title": "a", "text": ""}', JSON).status == 404
    assert d.get("/notes").json["notes"] == [other]
    assert post(d, "last").json["id"] > other["id"]


@pytest.mark.parametrize("body, kind, status", [
    ("{", "application/json", 400), ("", "application/json", 400), ("[]", "application/json", 422),
    ('{"title": "a"}', "application/json", 422), ('{"title": "", "text": ""}', "application/json", 422),
    ('{"title": 1, "text": ""}', "application/json", 422),
    ('{"title": "a", "text": "", "more": 1}', "application/json", 422),
    (json.dumps({"title": "x" * 201, "text": ""}), "application/json", 422),
    (json.dumps({"title": "x", "text": "y" * 10001}), "application/json", 422),
    ('{"title": "a\\u0000b", "text": ""}', "application/json", (400, 422)),
    (b'{"title": "\xff", "text": ""}', "application/json", 400),
    ('{"title": "a", "text": ""}', "text/plain", 415),
    ('{"title": "a", "text": "' + " " * 300000 + '"}', "application/json", 413),
    ('{"title": "a", "text": ""}', "application/json; charset=utf-8", 201),
    (json.dumps({"title": "é" * 200, "text": "é" * 10000}), "application/json", 201)],
    ids=lambda value: repr(value)[:40])
def test_what_is_no_note_is_refused(daemon, tmp_path, body, kind, status):
    d = daemon(notes(tmp_path))
    body = body.encode() if isinstance(body, str) else body
    r = d.request("POST", "/notes", body, {"Content-Type": kind, "Accept": "application/json"})
    assert r.status == status or (isinstance(status, tuple) and r.status in status), r
    if r.status != 201:
        assert r.json["status"] == r.status
        assert d.get("/notes").json["notes"] == []


def test_numbers_in_urls_are_checked(daemon, tmp_path):
    d = daemon(notes(tmp_path, list_max=50))
    for query, status in (("limit=0", 422), ("limit=51", 422), ("limit=50", 200), ("limit=x", 422),
                          ("after=-1", 422), ("after=9223372036854775807", 200)):
        assert d.get("/notes?" + query).status == status, query
    assert d.get("/notes/x").status == 404
    assert d.get("/notes/99999999999999999999").status == 404


def test_texts_are_data_and_not_sql(daemon, tmp_path):
    d = daemon(notes(tmp_path))
    text = "'); DROP TABLE notes; --"
    url = post(d, text, text).header("Location")
    assert d.get(url).json["title"] == text


class Writers:
    """Clients that make notes until they have made enough or the daemon goes."""

    def __init__(self, d, count, each):
        self.made, self.begun, self.refused, self.lock = {}, 0, [], threading.Lock()
        self.threads = [threading.Thread(target=self.write, args=(d, i, each), daemon=True)
                        for i in range(count)]
        for t in self.threads:
            t.start()

    def write(self, d, number, each):
        try:
            with d.connect(timeout=30) as c:
                for i in range(each):
                    note = {"title": f"note {number}/{i}", "text": f"text of {number}/{i} " * 3}
                    body = json.dumps(note)
                    self.begun += 1
                    c.send(f"POST /notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n{body}")
                    r = c.response("POST")
                    if r.status != 201:
                        with self.lock:
                            self.refused.append(r)
                        continue
                    made = r.json
                    assert {k: made[k] for k in note} == note
                    with self.lock:
                        self.made[made["id"]] = made
        except (Closed, ConnectionError):
            pass  # the daemon went: what was not answered may or may not be there

    def join(self):
        for t in self.threads:
            t.join(120)
            assert not t.is_alive()


def read_all(d):
    found, after = {}, 0
    with d.connect() as c:
        while after is not None:
            page = c.get(f"/notes?limit=1000&after={after}").response().json
            found.update((n["id"], n) for n in page["notes"])
            after = page["next"]
    return found


def write_across(daemon, tmp_path, total, at, end):
    """Makes `total` notes from 32 connections, ends the daemon once `at` are made,
    goes on with another, and returns what was made and what was found."""
    ini = notes(tmp_path, list_max=1000)
    d = daemon(ini)
    w = Writers(d, 32, total // 32 + 1)
    wait_for(lambda: len(w.made) >= at, 60)
    end(d)
    w.join()
    assert w.refused == [], w.refused[:3]
    made = dict(w.made)
    assert len(made) < total, "it ended after the last note: nothing was shown"
    again = daemon(ini)
    found = read_all(again)
    missing = [i for i in made if found.get(i) != made[i]]
    assert missing == [], f"{len(missing)} of {len(made)} notes lost or changed"
    # At most what was under way is there beside them.
    assert len(found) - len(made) <= 32
    rest = (total - len(made)) // 32 + 1
    w = Writers(again, 32, rest)
    w.join()
    assert w.refused == [] and len(w.made) == 32 * rest
    made.update(w.made)
    found = read_all(again)
    assert all(found.get(i) == made[i] for i in made)
    assert len(made) >= total
    return made


def test_no_note_of_10000_is_lost_across_a_sigterm(daemon, tmp_path):
    made = write_across(daemon, tmp_path, 10000, 4000, lambda d: d.stop())
    assert len(made) >= 10000


def test_no_note_is_lost_across_a_kill(daemon, tmp_path):
    def kill(d):
        assert d.kill() == -9
        d.process.returncode = 0
    write_across(daemon, tmp_path, 2000, 700, kill)


def test_sigterm_answers_what_was_sent(daemon, tmp_path):
    d = daemon(notes(tmp_path))
    calls = []
    for i in range(20):
        c = d.connect()
        body = json.dumps({"title": f"n{i}", "text": ""})
        c.send(f"POST /notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}")
        calls.append(c)
    d.signal()
    assert [c.response().status for c in calls] == [201] * 20
    for c in calls:
        c.close()
    assert d.wait() == 0


def test_behind_another_process_that_writes_all_give_up_in_time(daemon, tmp_path):
    d = daemon(notes(tmp_path, busy_timeout="300ms"))
    first = post(d, "first").json
    other = sqlite3.connect(tmp_path / "notes.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        got = d.many(20, lambda i: post(d, f"n{i}"))
        took = time.monotonic() - start
        assert [r.status for r in got] == [503] * 20
        assert all(int(r.header("Retry-After")) >= 1 for r in got)
        # Side by side: one after the other takes 20 times as long.
        assert 0.29 < took < 1.2 * SLOW, took
        # Who only reads is not held up.
        assert d.get("/notes").json["notes"] == [first]
        other.execute("ROLLBACK")
        assert post(d, "second").status == 201
    finally:
        other.close()


def test_a_database_that_cannot_be_is_an_error_of_the_configuration(ini, tmp_path):
    path = ini("[server]\nlisten = 127.0.0.1:0\n" + notes(tmp_path / "none"))
    done = run("--check", "-c", path)
    assert done.returncode == 78 and "No such file" in done.err
    done = run("--check", "-c", ini("[server]\nlisten = 127.0.0.1:0\n" + section("notes", database="")))
    assert done.returncode == 78 and "database must name a file" in done.err
    (tmp_path / "notes.db").write_text("this is no database, but it is long enough to be one" * 100)
    done = run("-c", ini("[server]\nlisten = 127.0.0.1:0\n" + notes(tmp_path)))
    assert done.returncode == 78 and "not a database" in done.err
