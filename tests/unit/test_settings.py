"""Settings: what the environment says, and what it may not say."""

from pathlib import Path

import pytest

from zai_gateway.errors import OperatorError
from zai_gateway.settings import DEFAULT_BASE_URL, Environment


def test_the_data_directory_has_one_default() -> None:
    assert Environment({"ZAI_DATA": "/srv/zai", "HOME": "/home/a"}).data == Path("/srv/zai")
    assert Environment({"XDG_DATA_HOME": "/srv", "HOME": "/home/a"}).data == Path("/srv/zai")
    assert Environment({"HOME": "/home/a"}).data == Path("/home/a/.local/share/zai")
    assert Environment({}).data == Path.cwd() / "zai-data"


def test_a_holder_is_known_by_two_variables() -> None:
    assert Environment({}).base_url == DEFAULT_BASE_URL
    assert Environment({}).api_key is None
    given = Environment({"ZAI_BASE_URL": "https://zai.example/v1", "ZAI_KEY": "zk_live_x"})
    assert (given.base_url, given.api_key) == ("https://zai.example/v1", "zk_live_x")


def test_the_encryption_key_stands_in_the_variable_or_in_the_file_it_names(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-file\n", encoding="ascii")
    name = "PROVIDER_KEY_ENCRYPTION_KEY"
    assert Environment({}).encryption_key() is None
    assert Environment({name: "direct"}).encryption_key() == "direct"
    assert Environment({f"{name}_FILE": str(file)}).encryption_key() == "from-file"
    with pytest.raises(OperatorError, match="unset one"):
        Environment({name: "direct", f"{name}_FILE": str(file)}).encryption_key()
    with pytest.raises(OperatorError, match="cannot be read"):
        Environment({f"{name}_FILE": str(tmp_path / "absent")}).encryption_key()
