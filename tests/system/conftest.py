"""Fixtures of the system tests; weirlib.py has what they are made of."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import weirlib  # noqa: E402

LOCAL = "[server]\nlisten = 127.0.0.1:0\n"


@pytest.fixture
def daemon(tmp_path):
    """daemon(INI): a daemon that serves on a free port of 127.0.0.1 unless the
    INI says `listen` itself. It is stopped after the test, and must end well."""
    running = []

    def start(ini, server="", **how):
        if "listen" not in ini.partition("[admin]")[0] + server:
            ini = LOCAL + server + "\n" + ini
        elif server:
            ini = "[server]\n" + server + "\n" + ini
        # Each daemon of a test in its own folder.
        folder = tmp_path / f"daemon{len(running)}"
        folder.mkdir()
        d = weirlib.Daemon(str(folder), ini, **how)
        running.append(d)
        return d

    yield start
    failed = []
    for d in running:
        try:
            if d.process.returncode is None:
                d.stop()
            d.assert_clean()
        except Exception as err:  # the others must be stopped, too
            d.kill()
            failed.append(err)
    assert not failed, failed


@pytest.fixture
def ini(tmp_path):
    """ini(TEXT): writes a configuration file and returns its path."""
    count = []

    def write(text, name=None):
        path = tmp_path / (name or f"weir{len(count)}.ini")
        count.append(path)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write
