"""Processes under measurement: what they use is read with their children, and they leave none behind."""

import os
import sys
from pathlib import Path

import pytest

from bench.processes import Cores, Launch, Server, Unusable, core_busy, free_port, pinned, run

BURN = "import os; print(os.getpid(), flush=True)\nwhile True: pass"


def test_a_child_counts_and_ends_with_its_parent(tmp_path: Path) -> None:
    # Its only work is done by a child.
    script = f'"{sys.executable}" -c "$BURN" & wait'
    core = Cores.found().gateway
    launch = Launch(command=("/bin/sh", "-c", script), port=0, folder=tmp_path, environment={"BURN": BURN})
    server = Server(launch, core)
    try:
        while server.cpu() < 0.05:
            server.check()
        child = int(server.log.read_text())
        assert os.sched_getaffinity(child) == {core}
        assert server.rss() > 5_000_000
    finally:
        server.stop()
    with pytest.raises(Unusable, match="sh ended with"):
        server.check()
    while _lives(child):  # it was killed, and the system takes its time
        os.sched_yield()


def test_what_is_pinned_is_pinned_for_a_while_only() -> None:
    before = os.sched_getaffinity(0)
    with pinned(max(before)):
        assert os.sched_getaffinity(0) == {max(before)}
    assert os.sched_getaffinity(0) == before


def test_a_core_has_been_at_work() -> None:
    assert core_busy(Cores.found().load) > 0


def test_a_command_that_fails_says_why() -> None:
    said = "print(open(0).read(), end='')"
    assert run((sys.executable, "-c", said), seconds=60, stdin="in") == "in"
    with pytest.raises(Unusable, match="ended with 3: broken"):
        run((sys.executable, "-c", "import sys; print('broken'); sys.exit(3)"), seconds=60)
    with pytest.raises(Unusable, match="cannot be run"):
        run(("/nowhere/program",), seconds=60)
    assert 0 < free_port() < 65_536


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
