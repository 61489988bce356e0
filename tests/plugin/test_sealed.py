"""A sealed file opens with its key, under its name, whole; otherwise not at all."""

from __future__ import annotations

import io
import os

import pytest

from dicom_io.header import SiteKey
from plugin.errors import SealBroken
from plugin.sealed import CHUNK, MAGIC, SALT, seal, unseal


@pytest.fixture
def key() -> SiteKey:
    return SiteKey(os.urandom(32))


def sealed(content: bytes, key: SiteKey, name: str = "entry") -> bytes:
    target = io.BytesIO()
    seal(io.BytesIO(content), target, key, name)
    return target.getvalue()


def opened(content: bytes, key: SiteKey, name: str = "entry") -> bytes:
    return b"".join(unseal(io.BytesIO(content), key, name))


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17])
def test_what_was_sealed_comes_back(key: SiteKey, length: int) -> None:
    content = os.urandom(length)
    assert opened(sealed(content, key), key) == content


def test_nothing_of_it_shows_and_no_two_are_alike(key: SiteKey) -> None:
    content = b"Quillfeather^Ottoline" * 10_000
    first, second = sealed(content, key), sealed(content, key)
    assert b"Quillfeather" not in first
    assert first[len(MAGIC) :] != second[len(MAGIC) :]
    assert len({first[i : i + 32] for i in range(0, len(first) - 32, 32)}) == len(first[:-32]) // 32 + 1


def test_another_key_or_name_does_not_open_it(key: SiteKey) -> None:
    content = sealed(b"bytes", key)
    for other, name in ((SiteKey(os.urandom(32)), "entry"), (key, "another entry")):
        with pytest.raises(SealBroken, match="another key"):
            opened(content, other, name)


def test_altered_cut_reordered_or_lengthened_it_does_not_open(key: SiteKey) -> None:
    whole = sealed(os.urandom(3 * CHUNK), key)
    head, chunk = len(MAGIC) + SALT, CHUNK + 16
    swapped = (
        whole[:head] + whole[head + chunk : head + 2 * chunk] + whole[head : head + chunk] + whole[head + 2 * chunk :]
    )
    flipped = bytearray(whole)
    flipped[head + chunk + 5] ^= 1
    for spoilt in (
        whole[:-1],
        whole[: head + 2 * chunk],  # at the end of a chunk, where a reader without the flag would notice nothing
        whole[:head],
        whole + b"\0",
        whole + whole[head : head + chunk],
        swapped,
        bytes(flipped),
    ):
        with pytest.raises(SealBroken):
            opened(spoilt, key)
    for no_seal in (b"", b"DICM", whole[:10], b"x" + whole):
        with pytest.raises(SealBroken, match="no sealed file"):
            opened(no_seal, key)
