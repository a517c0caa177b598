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


def test_the_gateway_stands_alone_unless_it_is_told_otherwise() -> None:
    alone = Environment({})
    assert (alone.public_url, alone.trusted_proxies, alone.allow_private_addresses) == ("", "", False)
    given = Environment({"ZAI_PUBLIC_URL": "https://zai.example", "ZAI_TRUSTED_PROXIES": "10.0.0.0/8"})
    assert (given.public_url, given.trusted_proxies) == ("https://zai.example", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("yes", True),
        ("TRUE", True),
        ("on", True),
        (" 1 ", True),
        ("no", False),
        ("off", False),
        ("0", False),
        ("", False),
    ],
)
def test_yes_and_no_have_their_usual_spellings(said: str, meant: bool) -> None:
    assert Environment({"ZAI_ALLOW_PRIVATE_ADDRESSES": said}).allow_private_addresses is meant


def test_anything_between_yes_and_no_is_told() -> None:
    with pytest.raises(OperatorError, match="ZAI_ALLOW_PRIVATE_ADDRESSES is 'maybe': write yes or no"):
        _ = Environment({"ZAI_ALLOW_PRIVATE_ADDRESSES": "maybe"}).allow_private_addresses


def test_options_win_over_the_environment_and_leave_the_rest() -> None:
    ours = Environment(
        {"ZAI_PUBLIC_URL": "https://a.example", "ZAI_TRUSTED_PROXIES": "10.0.0.1", "ZAI_KEY": "k"}
    )
    given = ours.overruled_by({"ZAI_PUBLIC_URL": "https://b.example", "ZAI_TRUSTED_PROXIES": None})
    assert (given.public_url, given.trusted_proxies, given.api_key) == ("https://b.example", "10.0.0.1", "k")
    assert ours.overruled_by({"ZAI_TRUSTED_PROXIES": ""}).trusted_proxies == ""
    assert ours.public_url == "https://a.example"


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


def test_a_database_is_named_by_the_environment_and_overruled_by_the_command_line() -> None:
    assert Environment({}).database is None
    given = Environment({"ZAI_DATABASE": "postgresql://h/a"})
    assert given.database == "postgresql://h/a"
    assert given.overruled_by({"ZAI_DATABASE": "postgresql://h/b"}).database == "postgresql://h/b"
    assert given.overruled_by({"ZAI_DATABASE": None}).database == "postgresql://h/a"


@pytest.mark.parametrize(
    ("said", "meant"), [(None, 0.0), ("", 0.0), ("0", 0.0), (" 15 ", 15.0), ("3600", 3_600.0)]
)
def test_a_gateway_ends_at_once_unless_it_is_told_to_wait(said: str | None, meant: float) -> None:
    variables = {} if said is None else {"ZAI_DRAIN_DELAY": said}
    assert Environment(variables).drain_delay == meant


@pytest.mark.parametrize("said", ["-1", "1.5", "5s", "3601", "99999999", "\u0665"])
def test_a_delay_that_is_none_is_told(said: str) -> None:
    with pytest.raises(OperatorError, match=r"ZAI_DRAIN_DELAY is .*: write whole seconds, from 0 to 3600"):
        _ = Environment({"ZAI_DRAIN_DELAY": said}).drain_delay


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, 86_400.0),
        ("", 86_400.0),
        ("never", None),
        ("Never ", None),
        ("1s", 1.0),
        ("90m", 5_400.0),
        ("7d", 604_800.0),
        ("2w", 1_209_600.0),
    ],
)
def test_what_nobody_confirms_counts_in_full_for_a_day_unless_told(
    said: str | None, meant: float | None
) -> None:
    variables = {} if said is None else {"ZAI_ASSUME_AFTER": said}
    assert Environment(variables).assume_after == meant


@pytest.mark.parametrize("said", ["0h", "24", "-1h", "1.5h", "100000h", "1y", "no", "\u0661h"])
def test_a_time_to_confirm_that_is_none_is_told(said: str) -> None:
    with pytest.raises(OperatorError, match=r"ZAI_ASSUME_AFTER is .*: write a length of time such as 90m"):
        _ = Environment({"ZAI_ASSUME_AFTER": said}).assume_after


@pytest.mark.parametrize(("said", "meant"), [(None, False), ("no", False), ("yes", True), ("ON", True)])
def test_the_journal_is_flushed_with_each_record_where_it_is_said(said: str | None, meant: bool) -> None:
    assert Environment({} if said is None else {"ZAI_JOURNAL_SYNC": said}).journal_sync is meant


def test_a_journal_sync_that_is_none_is_told() -> None:
    with pytest.raises(OperatorError, match="ZAI_JOURNAL_SYNC is 'always': write yes or no"):
        _ = Environment({"ZAI_JOURNAL_SYNC": "always"}).journal_sync
