"""The workforce: workers that die are replaced, and all end when the parent is told to, or is gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

FORCE = """
import os, select, signal, sys, time
from zai_gateway.app.workforce import Post, Workforce
from zai_gateway.errors import OperatorError

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def work(post):
    {begin}
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    signal.signal(signal.SIGINT, lambda *_: told.append(2))
    say("worker", post.index, os.getpid())
    post.ready()
    while len(told) < {words}:
        if select.select([post.lifeline], [], [], 0.05)[0]:
            say("orphaned", os.getpid())
            return 0
    say("told", os.getpid(), *told)
    return 0

try:
    force = Workforce({number}, work, on_stopping=lambda: say("stopping"))
    say("exit", force.run(lambda: say("ready")))
except OperatorError as trouble:
    say("trouble", trouble)
"""


class Running:
    """The parent's process, and what is said in it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def said(self, number: int) -> list[list[str]]:
        """The next lines, in words."""
        assert self.process.stdout is not None
        return [self.process.stdout.readline().split() for _ in range(number)]

    def rest(self) -> list[list[str]]:
        """Every line until the last process has ended."""
        assert self.process.stdout is not None
        return [line.split() for line in self.process.stdout]


@contextmanager
def force(number: int, begin: str = "pass", words: int = 1) -> Generator[Running]:
    """Workers that do `begin` first, and wait for so many words of their parent."""
    script = FORCE.format(number=number, begin=begin, words=words)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def begun(running: Running, number: int) -> dict[int, int]:
    """The workers' process ids by their indices, once all are ready."""
    lines = running.said(number + 1)
    assert lines.count(["ready"]) == 1
    return {int(line[1]): int(line[2]) for line in lines if line[0] == "worker"}


def test_a_signal_ends_every_worker_in_order() -> None:
    with force(3) as running:
        workers = begun(running, 3)
        assert sorted(workers) == [0, 1, 2]
        running.process.send_signal(signal.SIGTERM)
        *told, last = running.rest()
    assert told.count(["stopping"]) == 1
    told.remove(["stopping"])
    assert sorted(told) == sorted(["told", str(pid), "1"] for pid in workers.values())
    assert last == ["exit", "0"]


def test_a_second_signal_is_another_word_to_every_worker() -> None:
    with force(2, words=2) as running:
        workers = begun(running, 2)
        running.process.send_signal(signal.SIGTERM)
        assert running.said(1) == [["stopping"]]
        running.process.send_signal(signal.SIGTERM)
        *told, last = running.rest()
    # Whoever was not quick enough has both signals waiting, and gets the lower number first.
    assert {line[1]: sorted(line[2:]) for line in told} == {str(pid): ["1", "2"] for pid in workers.values()}
    assert last == ["exit", "0"]


def test_a_worker_that_was_killed_is_replaced_by_one_of_its_index() -> None:
    with force(2) as running:
        workers = begun(running, 2)
        os.kill(workers[1], signal.SIGKILL)
        [(_, index, pid)] = running.said(1)
        assert (index, int(pid) != workers[1]) == ("1", True)
        running.process.send_signal(signal.SIGINT)
        assert running.rest()[-1] == ["exit", "0"]


def test_workers_notice_that_their_parent_is_gone() -> None:
    with force(2) as running:
        workers = begun(running, 2)
        running.process.kill()
        assert sorted(running.rest()) == sorted(["orphaned", str(pid)] for pid in workers.values())


def test_a_worker_that_cannot_start_ends_them_all() -> None:
    with force(3, "if post.index == 2: return 7") as running:
        lines = running.rest()
    assert lines[-1] == ["exit", "7"]
    assert ["ready"] not in lines


def test_why_workers_cannot_start_is_told_once() -> None:
    with force(3, "raise OperatorError('no\\nroom')") as running:
        lines = running.rest()
    assert [line for line in lines if line != ["stopping"]] == [["trouble", "no", "room"]]


def test_nothing_is_forked_beside_a_thread() -> None:
    thread = "import threading\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    script = FORCE.format(number=2, begin="pass", words=1).replace("try:", f"{thread}try:", 1)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "before any thread" in ran.stderr
