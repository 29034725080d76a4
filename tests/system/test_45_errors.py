"""Whatever a handler does, the client gets a well-formed answer."""
import pytest

from weirlib import Daemon, section

LOCAL = "[server]\nlisten = 127.0.0.1:0\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    d = Daemon(str(tmp_path_factory.mktemp("served")), LOCAL + section("demo") + section("probe"))
    yield d
    d.stop()


def test_an_errno_is_a_500_and_a_line_that_names_all(served):
    r = served.get("/fail?how=errno", X_Request_Id="errno-id")
    assert r.status == 500 and r.header("X-Request-Id") == "errno-id"
    assert b"Input/output" not in r.body  # for the log, not for clients
    line = served.logged(r"error: (.*errno-id.*)").group(1)
    for text in ("demo.fail", "GET /fail", "Input/output error"):
        assert text in line


def test_a_status_without_a_body_gets_the_daemons(served):
    r = served.get("/fail?how=status", X_Request_Id="teapot")
    assert r.status == 418 and r.text.startswith("418 ")
    assert r.header("Content-Type").startswith("text/plain")


def test_a_good_status_without_a_body_has_none(served):
    r = served.get("/fail?how=empty")
    assert r.status == 200 and r.body == b"" and r.header("Content-Length") == "0"


def test_a_bad_header_is_left_out_and_logged(served):
    r = served.get("/fail?how=header", X_Request_Id="header-id")
    assert r.status == 200 and r.header("X-Split") is None and r.header("X-Injected") is None
    line = served.logged(r"(.*header-id.*)").group(1)
    assert "X-Split" in line and "demo" in line


@pytest.mark.parametrize("accept, is_json", [
    ("application/json", True), ("application/problem+json", True), ("text/plain", False),
    (None, False), ("text/html, application/json;q=0.5", True), ("*/*", False),
    ("application/json, text/plain;q=0.1", True), ("application/json;q=0", False)])
def test_errors_are_problem_json_or_text_as_the_client_accepts(served, accept, is_json):
    headers = {"Accept": accept} if accept else {}
    for path, status in (("/fail?how=status", 418), ("/none", 404), ("/fail?how=errno", 500),
                         ("/error?status=409&detail=the%20%22reason%22", 409)):
        r = served.request("GET", path, headers=headers)
        assert r.status == status
        if is_json:
            assert r.header("Content-Type") == "application/problem+json"
            assert r.json["status"] == status and r.json["title"]
            if status == 409:
                assert r.json["detail"] == 'the "reason"'
        else:
            assert r.header("Content-Type").startswith("text/plain")
            assert r.text.startswith(str(status))
            if status == 409:
                assert 'the "reason"' in r.text


def test_refusals_before_routing_are_problem_json_too(served):
    with served.connect() as c:
        r = c.get("/inline", "Accept: application/problem+json", "Expect: more").response()
        assert r.status == 417 and r.json["status"] == 417


@pytest.mark.parametrize("n, status", [(0, 500), (100, 500), (199, 500), (600, 500), (999, 500),
                                       (-5, 500), (-1000, 500), (201, 201), (299, 299), (404, 404),
                                       (503, 503), (599, 599)])
def test_every_result_is_a_well_formed_answer(served, n, status):
    with served.connect() as c:
        r = c.get(f"/status?n={n}").response()
        assert r.status == status
        assert (r.body != b"") == (status >= 400)
        assert c.get("/inline").response().status == 200


def test_an_error_of_the_handler_keeps_its_own_body(served):
    r = served.get("/status-body?n=404")
    assert r.status == 404 and r.text == "body"
    assert "status 422" in served.get("/errorf?status=422").text


def test_the_connection_lives_on_after_errors(served):
    with served.connect() as c:
        for _ in range(20):
            assert c.get("/fail?how=errno").response().status == 500
            assert c.get("/fail?how=status").response().status == 418
            assert c.get("/none").response().status == 404
