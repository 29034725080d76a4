"""Tasks that handlers leave behind."""
import re
import time

import pytest

from weirlib import SLOW, section, wait_for

WORK, DEMO = section("probe_work"), section("demo", task_time="300ms")


def ended(d, count):
    return wait_for(lambda: (lambda s: s if s["ended"] == count and s["freed"] == count else None)(
        d.get("/tasks").json))


def test_tasks_run_after_the_response(daemon):
    d = daemon(section("demo", task_time="1s") + "[pool background]\nthread_tokens = 3\n")
    start = time.monotonic()
    with d.connect() as c:
        r = c.get("/start-background").response()
        assert r.json == {"status": "Background task scheduled!"}
        assert time.monotonic() - start < 0.5 * SLOW
        assert "background task" not in d.log
        # The connection is free at once.
        assert c.get("/inline").response().status == 200
    for number in (1, 2, 3):
        d.logged(rf"background task {number} done")
    assert time.monotonic() - start >= 1


def test_tasks_run_in_order_one_after_the_other(daemon):
    d = daemon(WORK)
    assert d.post("/tasks?order=20").json["rc"] == [0] * 20
    state = ended(d, 20)
    assert state["log"] == [f"{what} o{i}" for i in range(1, 21) for what in ("begin", "end")]
    assert state["same_id"] and state["data"]


def test_an_inline_handler_leaves_tasks_to_the_workers(daemon):
    d = daemon(WORK)
    assert d.post("/tasks-inline?order=3&group=2").json["rc"] == [0] * 5
    state = ended(d, 5)
    # Worker threads have data of their own, I/O threads have none.
    assert state["same_id"] and state["data"]
    assert not any("alone" in line for line in state["log"])
    ordered = [line for line in state["log"] if " o" in line]
    assert ordered == [f"{what} o{i}" for i in (1, 2, 3) for what in ("begin", "end")]


def test_tasks_of_a_group_run_beside_each_other(daemon):
    d = daemon(WORK)
    assert d.post("/tasks?group=10").status == 200
    state = ended(d, 10)
    # Each waited until all had begun.
    assert not any("alone" in line for line in state["log"])
    assert [line.split()[0] for line in state["log"][:10]] == ["begin"] * 10


def test_one_failing_task_stops_no_other_and_is_logged_with_the_request(daemon):
    d = daemon(WORK)
    r = d.post("/tasks?order=5&group=3&fail=2", X_Request_Id="the-request")
    assert r.json["id"] == "the-request"
    state = ended(d, 8)
    assert state["same_id"]
    wait_for(lambda: len([x for x in d.lines if "the-request" in x and "Input/output" in x]) == 2)


def test_tasks_run_also_when_the_handler_fails_or_the_client_is_gone(daemon):
    d = daemon(WORK)
    assert d.post("/tasks?order=2&errno=1").status == 500
    ended(d, 2)
    d.post("/tasks/forget")
    c = d.connect()
    c.send("POST /tasks?order=2 HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: d.get("/tasks").json["begun"] > 0)
    c.reset()
    ended(d, 2)


def test_a_groups_size_is_limited_by_the_tokens_of_its_pool(daemon):
    # A group of two meets with two tokens; with one, each is alone.
    d = daemon(WORK + "[pool background]\nthread_tokens = 2\n")
    d.post("/tasks?group=2")
    assert not any("alone" in line for line in ended(d, 2)["log"])
    d = daemon(section("demo", task_time="200ms") + "[pool background]\nthread_tokens = 1\n")
    start = time.monotonic()
    d.get("/start-background")
    for number in (1, 2, 3):
        d.logged(rf"background task {number} done")
    assert time.monotonic() - start >= 0.6


def test_tasks_have_their_own_pool(daemon):
    d = daemon(section("demo", task_time="500ms", background_pool="after")
               + "[pool default]\nthread_tokens = 1\n[pool after]\nthread_tokens = 3\n")
    d.get("/start-background")
    wait_for(lambda: any(name.startswith("after") for name in d.threads()))
    start = time.monotonic()
    assert d.get("/noop").status == 200
    assert time.monotonic() - start < 0.4 * SLOW
    d.logged("background task 3 done")


def test_a_full_background_pool_refuses_further_tasks(daemon):
    d = daemon(WORK + "[pool background]\nthread_tokens = 1\nbackground_max = 6\n")
    r = d.post("/tasks?order=50").json["rc"]
    assert r[0] == 0 and r[-1] == -11 and 1 <= r.count(0) <= 7
    wait_for(lambda: d.get("/tasks").json["freed"] == 50)
    assert d.get("/tasks").json["ended"] == r.count(0)
    # There is room again.
    d.post("/tasks/forget")
    assert d.post("/tasks?order=3").json["rc"] == [0] * 3
    ended(d, 3)


def test_promised_tasks_run_when_the_daemon_stops(daemon):
    d = daemon(WORK + "[pool background]\nthread_tokens = 1\n"
               "[module demo]\nfile = " + DEMO.split("file = ")[1])
    d.post("/tasks?order=30", X_Request_Id="last")
    d.get("/start-background", X_Request_Id="tasks")
    d.signal()
    assert d.wait() == 0
    ends = [x for x in d.lines if re.search(r"request tasks: .*cancel|task [123] done", x)]
    assert len(ends) == 3, d.log
    assert "still runs" not in d.log and "still waits" not in d.log


def test_a_task_that_does_not_end_is_left_behind_after_drain_timeout(daemon):
    d = daemon(WORK + "[pool background]\nthread_tokens = 1\n", server="drain_timeout = 500ms")
    d.post("/tasks?group=3", X_Request_Id="stuck-tasks")
    wait_for(lambda: d.get("/tasks").json["begun"] == 1)
    start = time.monotonic()
    d.signal()
    assert d.wait() == 0
    assert 0.4 < time.monotonic() - start < 1.5 * SLOW
    d.logged(r"stuck-tasks.*still runs in pool \"background\"")


def test_a_handler_can_tell_its_client_to_come_back_when_there_is_no_room(daemon):
    d = daemon(DEMO + "[pool background]\nthread_tokens = 1\nbackground_max = 1\n")
    r = d.get("/start-background")
    assert r.status == 503 and r.header("Retry-After") == "1"
    assert "no room" in r.text


@pytest.mark.parametrize("count", [1, 100])
def test_no_argument_is_leaked_and_no_descriptor(daemon, count):
    d = daemon(WORK)
    before = d.descriptors()
    for _ in range(3):
        d.post(f"/tasks?order={count}")
    ended(d, 3 * count)
    wait_for(lambda: d.descriptors() <= before)
