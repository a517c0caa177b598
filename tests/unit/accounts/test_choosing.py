"""Choosing by id or name: one thing, or a sentence that lists the choices."""

import pytest
from msgspec import Struct

from zai_gateway.accounts import keys
from zai_gateway.accounts.choosing import chosen, suggestion
from zai_gateway.errors import Failure, OperatorError


class Thing(Struct, frozen=True):
    id: str
    name: str


ANA, BEN, BEN_TOO = Thing("key_1", "ana"), Thing("key_2", "ben"), Thing("key_3", "ben")


def test_an_id_or_a_name_that_stands_once() -> None:
    assert chosen("key_2", (ANA, BEN, BEN_TOO), "API key") is BEN
    assert chosen("ana", (ANA, BEN, BEN_TOO), "API key") is ANA


def test_an_id_wins_over_a_name() -> None:
    named_like_an_id = Thing("key_4", "key_1")
    assert chosen("key_1", (named_like_an_id, ANA), "API key") is ANA


def test_a_name_that_stands_twice_lists_the_ids() -> None:
    with pytest.raises(
        OperatorError, match=r"^2 API keys are named 'ben'; choose one by its id: key_2, key_3"
    ):
        chosen("ben", (ANA, BEN, BEN_TOO), "API key")


def test_a_name_that_is_not_there_lists_what_is() -> None:
    with pytest.raises(Failure, match=r"no API key 'zoe'; there are: ana \(key_1\), ben \(key_2\)"):
        chosen("zoe", (ANA, BEN), "API key")
    with pytest.raises(Failure, match="no API key 'zoe', nor any other"):
        chosen("zoe", (), "API key")


def test_a_list_has_an_end() -> None:
    many = [Thing(f"key_{n}", f"n{n}") for n in range(500)]
    with pytest.raises(Failure, match=r"n9 \(key_9\), and 490 more\.$"):
        chosen("z" * 10_000, many, "API key")


def test_suggestions_are_close_or_none() -> None:
    assert suggestion("OpenIA", ["openai", "demo"]) == " Did you mean openai?"
    assert suggestion("bedrock", ["openai", "demo"]) == ""


@pytest.mark.parametrize("mark", [keys.LIVE, keys.ADMIN])
def test_a_key_that_was_given_for_a_name_is_not_repeated(mark: str) -> None:
    secret = keys.new_secret(mark)
    with pytest.raises(Failure, match=rf"no API key {mark}\w+\.\.\.; there are: ana") as caught:
        chosen(secret, (ANA, BEN), "API key")
    assert secret[len(mark) + 4 :] not in str(caught.value)
