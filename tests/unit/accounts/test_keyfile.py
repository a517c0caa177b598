"""The key file: made once, for its owner's eyes, whoever else starts at the same moment."""

import multiprocessing
import os
import stat
from multiprocessing.synchronize import Barrier
from pathlib import Path, PosixPath

import pytest

from zai_gateway.accounts.keyfile import KeyFile
from zai_gateway.accounts.vault import Vault
from zai_gateway.errors import OperatorError

STARTS = 8


def test_a_key_file_is_made_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    material = KeyFile(path).material()
    assert Vault(material).open(Vault(material).seal("x")) == "x"
    assert KeyFile(path).material() == material
    assert path.read_text(encoding="ascii") == f"{material}\n"


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    mask = os.umask(0)
    try:
        KeyFile(path).material()
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_eight_processes_at_once_agree_on_one_key(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(STARTS)
    path = tmp_path / "vault.key"
    starts = [spawn.Process(target=_start, args=(path, barrier, tmp_path / f"{n}")) for n in range(STARTS)]
    for start in starts:
        start.start()
    for start in starts:
        start.join(60)
    assert [start.exitcode for start in starts] == [0] * STARTS
    assert len({(tmp_path / f"{n}").read_text(encoding="ascii") for n in range(STARTS)}) == 1
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == [*(f"{n}" for n in range(STARTS)), "vault.key"]


def _start(path: Path, barrier: Barrier, answer: Path) -> None:
    barrier.wait(60)
    answer.write_text(KeyFile(path).material(), encoding="ascii")


def test_who_comes_second_does_not_replace_the_key(tmp_path: Path) -> None:
    # The first start won between this one's look and its link.
    path = tmp_path / "vault.key"
    made = [KeyFile(path).material()]

    class Unseen(PosixPath):
        def exists(self, *, follow_symlinks: bool = True) -> bool:
            return False

    made.append(KeyFile(Unseen(path)).material())
    assert made[0] == made[1]
    assert [file.name for file in tmp_path.iterdir()] == ["vault.key"]


def test_a_directory_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"vault\.key cannot be used .*PROVIDER_KEY_ENCRYPTION_KEY"):
        KeyFile(tmp_path / "missing" / "vault.key").material()


def test_a_directory_in_the_place_of_the_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "vault.key").mkdir()
    with pytest.raises(OperatorError, match=r"vault\.key cannot be used"):
        KeyFile(tmp_path / "vault.key").material()


def test_a_file_that_holds_no_key_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(b"\xff half of a k")
    with pytest.raises(OperatorError, match=r"vault\.key holds no Fernet key"):
        Vault(KeyFile(path).material(), source=str(path))
    assert path.read_bytes() == b"\xff half of a k"


def test_a_file_that_is_written_anew_stays_its_owners(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "vault.key")
    material = file.material()
    if os.geteuid() == 0:
        # As where root rotates the key of a gateway that is a user of its own.
        os.chown(file.path, 12_345, 23_456)
    before = file.path.stat()
    with file.alone():
        file.put_first()
        file.keep_first()
    after = file.path.stat()
    assert file.read() != material
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
