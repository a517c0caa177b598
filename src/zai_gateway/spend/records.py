"""Records: what the journal has of a hold, its settlement and its release, and how that is read; pure.

A record is its length and the CRC-32C of its payload, 4 bytes each, and that: a letter and MessagePack.
"""

from collections.abc import Callable, Iterator
from struct import Struct as Layout

import google_crc32c
from msgspec import DecodeError, Struct, msgpack

from zai_gateway.spend.ledger import Attempt, Outcome

_FRAME = Layout("<II")
_LONGEST = 1 << 20
"""Bytes of a payload; a length above it is none."""


class Header(Struct, frozen=True, array_like=True):
    """The first record: whose journal this is."""

    worker: str
    boot: str
    """The kernel's name for the start of the machine in which it was written; empty where it has none."""
    inode: int
    """Of the file itself, which no copy of it has."""
    synced: bool
    """Whether each record is on the disk before anything follows from it."""


class Held(Struct, frozen=True, array_like=True):
    """A hold was made."""

    number: int
    attempt: Attempt
    windows: tuple[str, ...]
    amount: int
    estimate: int


class Settled(Struct, frozen=True, array_like=True):
    """A hold was settled."""

    number: int
    seq: int
    outcome: Outcome
    at_ms: int


class Released(Struct, frozen=True, array_like=True):
    """A hold was given back: nothing was sent."""

    number: int


Record = Header | Held | Settled | Released

_KINDS: dict[bytes, type[Record]] = {b"J": Header, b"H": Held, b"S": Settled, b"R": Released}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}
_DECODERS = {letter: msgpack.Decoder(kind) for letter, kind in _KINDS.items()}
_encode = msgpack.Encoder().encode
_checksum: Callable[[bytes], int] = google_crc32c.value  # pyright: ignore -- the library has no types


def framed(record: Record) -> bytes:
    """The record as it is written."""
    payload = _LETTERS[type(record)] + _encode(record)
    return _FRAME.pack(len(payload), _checksum(payload)) + payload


def records(data: bytes) -> Iterator[Record]:
    """The records of a journal, up to its end, or to the first that is torn."""
    position = 0
    while position + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, position)
        position += _FRAME.size
        payload = data[position : position + length]
        if not 0 < length <= _LONGEST or len(payload) < length or _checksum(payload) != checksum:
            return
        decoder = _DECODERS.get(payload[:1])
        if decoder is None:
            return
        try:
            yield decoder.decode(payload[1:])
        except DecodeError:
            return
        position += length
