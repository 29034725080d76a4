"""The command line, configuration errors, and what stands in the way of a start."""
import json
import os
import re
import signal
import socket

import pytest

from weirlib import Daemon, fixture, module, run, section, wait_for

LOCAL = "[server]\nlisten = 127.0.0.1:0\n"
DEMO = section("demo")


def test_help_and_version_are_printed():
    done = run("--help")
    assert done.returncode == 0 and done.out.startswith("usage: weir") and not done.err
    for word in ("--check", "--dump", "--options", "run", "inspect"):
        assert word in done.out
    done = run("--version")
    assert done.returncode == 0 and not done.err
    assert re.match(r"weir \d+\.\d+\.\d+ \(module ABI \d+\.\d+\)\n", done.out)
    assert "libevent" in done.out and "inih" in done.out


@pytest.mark.parametrize("args", [["--no-such"], ["no-such"], ["-c"], ["--options=xml"], ["run"],
                                  ["inspect"], ["--check", "left over"]])
def test_wrong_usage_ends_with_64(args):
    done = run(*args)
    assert done.returncode == 64 and "usage: weir" in done.err and not done.out


def test_options_are_printed_in_three_formats(ini):
    table = json.loads(run("--options=json").out)
    names = {(o["section"], o["name"]) for o in table}
    assert ("server", "listen") in names and len(names) == len(table) > 20
    manual, sample = run("--options=man").out, run("--options=ini").out
    for o in table:
        assert o["help"] and o["description"], o["name"]
        assert re.search(rf"^\.It Ic {o['name']}\b", manual, re.M), o["name"]
        assert re.search(rf"^;?{o['name']} =", sample, re.M), o["name"]
    # The sample is a good configuration.
    assert run("--check", "-c", ini(sample)).returncode == 0


def test_a_good_configuration_is_called_good(ini):
    path = ini(LOCAL + DEMO)
    done = run("--check", "-c", path)
    assert (done.returncode, done.out, done.err) == (0, f"{path}: good\n", "")


def test_dump_names_where_each_value_comes_from(ini, tmp_path):
    (tmp_path / "part.ini").write_text("[pool default]\nthread_tokens = 7\n")
    path = ini("include = part.ini\n" + LOCAL + "head_max = ${HEAD_MAX:-32K}\n" + DEMO
               + section("probe", secret="hush"), "main.ini")
    done = run("--dump", "-c", path)
    assert done.returncode == 0 and not done.err
    assert re.search(r"^listen = 127\.0\.0\.1:0 +; \S*main\.ini:3$", done.out, re.M)
    assert re.search(r"^thread_tokens = 7 +; \S*part\.ini:2$", done.out, re.M)
    assert re.search(r"^head_max = 32K +; \S*main\.ini:4$", done.out, re.M)
    assert re.search(r"^queue_max = 1024 +; default$", done.out, re.M)
    assert re.search(r"^task_time = 5s +; default$", done.out, re.M)
    assert "hush" not in done.out and "not to be seen" not in done.out
    # What was dumped is a configuration with the same meaning.
    again = run("--dump", "-c", ini(done.out, "again.ini"))
    assert again.returncode == 0, again.err

    def strip(text):
        return [re.sub(r" *; .*", "", line) for line in text.splitlines() if "secret" not in line]
    assert strip(again.out) == strip(done.out)


def test_inspect_runs_no_code_of_the_module(tmp_path):
    mark = tmp_path / "mark"
    env = {"WEIR_CONSTRUCTOR_FILE": str(mark)}
    done = run("inspect", fixture("constructor"), env=env)
    assert done.returncode == 0 and re.search(r"GET +/constructed", done.out)
    assert not mark.exists()
    # That the mark would be seen:
    path = tmp_path / "weir.ini"
    path.write_text(LOCAL + section("constructor"))
    assert run("--check", "-c", str(path), env=env).returncode == 0
    assert mark.exists()


def test_inspect_prints_what_a_module_says_of_itself():
    done = run("inspect", fixture("probe"))
    assert done.returncode == 0
    for text in ("probe 1.2.3", "shows every call", "GET /uuid/{u:uuid}", "POST /body-read",
                 "choice (red green), default red: a colour"):
        assert text in done.out, text
    assert "not to be seen" not in done.out
    assert re.search(r"frees +GET /frees +inline", done.out)
    assert "abi       1." in done.out


@pytest.mark.parametrize("path", ["/etc/passwd", "/none.so", "/"])
def test_inspect_refuses_what_is_no_module(path):
    done = run("inspect", path)
    assert done.returncode == 78 and len(done.err.splitlines()) == 1 and path in done.err


def test_a_cut_module_file_is_refused_and_not_read_past_its_end(tmp_path):
    with open(module("hello"), "rb") as f:
        whole = f.read()
    cut = tmp_path / "cut.so"
    for part in range(0, 16):
        cut.write_bytes(whole[:len(whole) * part // 16])
        done = run("inspect", str(cut))
        assert done.returncode in (0, 78) and (done.returncode == 0 or "cut.so" in done.err)


def test_run_serves_modules_on_the_next_free_port_and_prints_routes(tmp_path):
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("127.0.0.1", 8080))
        taken.listen(1)
    except OSError:
        pass  # somebody else has it: as good
    d = None
    try:
        d = Daemon(str(tmp_path), None, args=["run", module("hello"), module("demo")])
        assert 8080 < d.port < 8180
        wait_for(lambda: any("/hello" in line for line in d.out))
        assert re.search(r"GET /hello +hello\.hello \(blocking, pool default\)", "\n".join(d.out))
        assert re.search(r"GET /inline +\S+ \(inline\)", "\n".join(d.out))
        assert d.get("/hello").text == "hello, world\n"
        assert d.get("/inline").status == 200
        d.stop()
    finally:
        taken.close()
        if d and d.is_running():
            d.kill()


def test_run_refuses_what_is_no_module():
    done = run("run", "/etc/passwd")
    assert done.returncode == 78 and "/etc/passwd" in done.err


# (line of the INI, column, what the message says); {demo} is a good module file
TEN = [
    ("[server]", None, None),
    ("listen = 127.0.0.1:0", None, None),
    ("listn = 127.0.0.1:0", 1, "listn.*listen"),
    ("[sever]", 2, "sever.*server"),
    ("[pool default]", None, None),
    ("queue_timeout = 10", 17, "unit"),
    ("thread_tokens = 10001", 17, "range"),
    ("  queue_max = 5", 3, "indented"),
    ("[module demo]", None, None),
    ("file = {demo}", None, None),
    ("task_time = ${WEIR_IS_NOT_SET}", 13, "WEIR_IS_NOT_SET.*not set"),
    ("[module gone]", None, None),
    ("file = /none/gone.so", 8, "/none/gone.so.*No such file"),
    ("[module hello]", None, None),
    ("file = {hello}", None, None),
    ("greeting = " + "g" * 5000, 12, "5000"),
    ("[module hello2]", 1, "route GET /hello of hello2.hello.*route GET /hello of hello.hello"),
    ("file = {hello}", None, None),
    ("[pool second", 13, "'?]'?"),
]


def test_ten_kinds_of_errors_are_named_in_one_run_each_at_its_place(ini):
    path = ini("".join(line.format(demo=module("demo"), hello=module("hello"))
                       if "{" in line and "$" not in line else line
                       for line, _, _ in [(text + "\n", 0, 0) for text, _, _ in TEN]))
    wanted = [(number, column, text) for number, (_, column, text) in enumerate(TEN, 1) if column]
    assert len(wanted) == 10
    for args in (["--check", "-c", path], ["-c", path], ["--dump", "-c", path]):
        done = run(*args)
        assert done.returncode == 78 and not done.out
        lines = done.err.splitlines()
        assert len(lines) == 10, done.err
        for line, (number, column, text) in zip(lines, wanted):
            assert line.startswith(f"{path}:{number}:{column}: "), line
            assert re.search(text, line), line


@pytest.mark.parametrize("text, wanted", [
    ("[module demo]\nfile = {demo}\ntask_tim = 1s\n", r":5:1: .*task_tim.*task_time"),
    ("[module notes]\nfile = {notes}\n", r":3:1: .*database"),
    ("[module probe]\nfile = {probe}\nint = 11\n", r":5:7: .*range"),
    ("[module probe]\nfile = {probe}\nchoice = blue\n", r":5:10: .*red"),
    ("[module demo]\nfile = {demo}\npool = quick\n", r":5:8: .*quick"),
    ("[module demo]\nfile = {demo}\nmount = api\n", r":5:9: .*begin"),
    ("[module demo]\nfile = {demo}\n[module demo]\nfile = {demo}\n", r":5:\d+: .*demo"),
    ("[route GET /x]\nhandler = none.none\n", r":4:11: .*none"),
    ("[module demo]\nfile = {demo}\n[route GET /x]\nhandler = demo.nope\n", r":6:11: .*nope"),
    ("[module demo]\nfile = {demo}\n[route GET /x/{{a:in}}]\nhandler = demo.noop\n", r":5:\d+: .*in\b"),
    ("[route GET x]\n", r":3:\d+: "),
    ("head_max = 1K\ntarget_max = 2K\n", r":\d:\d+: .*head_max"),
])
def test_an_error_is_one_line_at_its_place(ini, text, wanted):
    text = text.format(**{n: module(n) for n in ("demo", "notes")}, probe=fixture("probe"))
    done = run("--check", "-c", ini(LOCAL + text))
    assert done.returncode == 78
    assert len(done.err.splitlines()) == 1, done.err
    assert re.search(wanted, done.err), done.err


def test_errors_in_an_included_file_name_that_file(ini, tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.ini").write_text("[pool x]\nnonsense = 1\n")
    (tmp_path / "conf.d" / "a.ini").write_text("[pool y]\nnonsense = 1\n")
    done = run("--check", "-c", ini("include = conf.d/*.ini\n" + LOCAL))
    assert done.returncode == 78
    first, second = done.err.splitlines()
    assert "conf.d/a.ini:2:1:" in first and "conf.d/b.ini:2:1:" in second


def test_a_missing_configuration_file_is_one_line():
    done = run("-c", "/none/weir.ini")
    assert done.returncode == 78
    assert done.err == "/none/weir.ini: cannot be read: No such file or directory\n"


@pytest.mark.parametrize("name, numbers", [("wrong_abi", "99."), ("newer_minor", "1.99")])
def test_a_module_of_another_abi_is_refused_in_one_line_with_both_numbers(ini, name, numbers):
    path = ini(LOCAL + section(name))
    for args in (["--check", "-c", path], ["-c", path]):
        done = run(*args)
        assert done.returncode == 78 and len(done.err.splitlines()) == 1
        assert done.err.startswith(f"{path}:4:")
        assert numbers in done.err and " has 1." in done.err and fixture(name) in done.err
        assert "rebuild" in done.err
    assert run("inspect", fixture(name)).returncode == 78


@pytest.mark.parametrize("name, why", [("no_symbol", "weir_module"),
                                       ("missing_symbol", "weir_of_the_future")])
def test_a_module_that_cannot_be_loaded_is_refused(ini, name, why):
    done = run("--check", "-c", ini(LOCAL + section(name)))
    assert done.returncode == 78 and len(done.err.splitlines()) == 1
    assert why in done.err and fixture(name) in done.err


def test_a_module_whose_own_defaults_cannot_be_is_refused(ini):
    for options in ({}, {"count": 5}):
        done = run("--check", "-c", ini(LOCAL + section("bad_options", **options)))
        assert done.returncode == 78
        for text in ("'count'", "'11'", "1 to 10", "bad_options"):
            assert text in done.err, done.err


def test_a_failing_init_ends_the_start_and_fini_is_not_called(ini):
    path = ini(LOCAL + DEMO + section("failing_init"))
    assert run("--check", "-c", path).returncode == 0  # init is for serving alone
    done = run("-c", path)
    assert done.returncode == 78
    assert "init fails as it was told to" in done.err
    assert re.search(r"failing_init.*Connection refused", done.err)
    assert "fini was called" not in done.err and "ready" not in done.err


def test_a_failing_check_is_told_with_the_modules_own_words(ini):
    path = ini(LOCAL + section("check_fails"))
    for args in (["--check", "-c", path], ["-c", path]):
        done = run(*args)
        assert done.returncode == 78
        assert "low must not be above high" in done.err and f"{path}:3:" in done.err
    assert run("--check", "-c", ini(LOCAL + section("check_fails", low=1))).returncode == 0


def test_an_address_in_use_ends_with_71(daemon, ini):
    d = daemon(DEMO)
    path = ini(f"[server]\nlisten = 127.0.0.1:0\nlisten = 127.0.0.1:{d.port}\n" + DEMO)
    done = run("-c", path)
    assert done.returncode == 71
    assert re.search(rf"^{re.escape(path)}:3:10: .*127\.0\.0\.1:{d.port}.*in use", done.err, re.M)
    assert d.get("/inline").status == 200


@pytest.mark.parametrize("address, why", [("127.0.0.1", "HOST:PORT"), ("192.0.2.1:0", "192.0.2.1"),
                                          ("unix:/none/s", "/none/s")])
def test_an_address_that_cannot_be_had_is_named(ini, address, why):
    done = run("-c", ini(f"[server]\nlisten = {address}\n" + DEMO))
    assert done.returncode in (71, 78) and why in done.err and "weir0.ini:2:10:" in done.err


def test_it_works_from_another_folder_with_relative_paths(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "weir.ini").write_text(
        LOCAL + section("probe", path="x"))
    d = Daemon(str(tmp_path), None, args=["-c", "etc/weir.ini"])
    try:
        assert d.get("/options").json["path"] == str(tmp_path / "etc" / "x")
        d.signal(signal.SIGINT)
        assert d.wait() == 0
    finally:
        d.kill()


def test_module_dir_is_where_files_are_looked_for(daemon):
    d = daemon("[module hello]\ngreeting = moin\n",
               server=f"module_dir = {os.path.dirname(module('hello'))}")
    assert d.get("/hello").text == "moin, world\n"
