"""Backup of a gateway that serves, and restore after a kill, with real processes."""

from pathlib import Path

import pytest

from tests.e2e.gateway_process import Operator

CHAT = {"model": "demo/echo", "messages": [{"role": "user", "content": "Good morning"}]}


@pytest.mark.sqlite("copies SQLite's file: PostgreSQL has tools of its own for that")
def test_a_backup_under_a_serving_gateway_brings_its_keys_back(tmp_path: Path) -> None:
    operator, copy = Operator(tmp_path / "data"), str(tmp_path / "copy")
    with operator.serving() as gateway:
        kept, revoked = operator.new_key(), operator.new_key()
        assert gateway.ask("/chat/completions", kept, CHAT).status == 200
        assert operator.admin("backup", copy)["leased_micro_usd"] >= 0
        late = operator.new_key()
        operator.admin("key", "revoke", operator.admin("key", "list")["keys"][-2]["id"])
        refused = operator.zai("admin", "restore", copy, "--force", "--data", str(operator.data))
        assert (refused.returncode, "stop the gateway" in refused.stderr) == (1, True)
        gateway.kill()
    assert operator.admin("restore", copy, "--force")["encryption_key"] == "opens"
    assert operator.admin("doctor")["healthy"] is True
    with operator.serving() as gateway:
        answers = {key: gateway.ask("/me", key).status for key in (kept, revoked, late)}
        assert answers == {kept: 200, revoked: 200, late: 401}
    assert [row["answering_model"] for row in operator.rows("ledger")] == ["demo/echo"]
