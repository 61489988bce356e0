"""The site's key: what is refused, and that what is made from it is unambiguous."""

from __future__ import annotations

import hmac
import os
import pickle
from pathlib import Path

import pytest

from dicom_io.errors import KeyRefused
from dicom_io.header import SiteKey, generate_key_file


def key_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "site.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "too short"),
        (os.urandom(31), "too short"),
        (b"\0" * 32, "same"),
        (b"a" * 64, "same"),
        (bytes(range(48)), "pattern"),
        (b"0123" * 16, "pattern"),
        (os.urandom(12) * 4, "repeats"),
        (b"changeme-" + os.urandom(40), "placeholder"),
        (b"This-is-the-DEFAULT-key-of-a-guide", "placeholder"),
        (os.urandom(5000), "no key"),
    ],
    ids=["empty", "short", "zeros", "one letter", "counting", "digits", "repeated", "changed", "default", "long"],
)
def test_a_weak_key_is_refused_with_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(KeyRefused, match=reason):
        SiteKey.from_file(key_file(tmp_path, content))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610])
def test_a_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyRefused, match="chmod 600"):
        SiteKey.from_file(key_file(tmp_path, os.urandom(32), mode))


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="twinveil init"):
        SiteKey.from_file(tmp_path / "none")


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="not a regular file"):
        SiteKey.from_file(tmp_path)


def test_a_generated_key_is_private_random_and_never_overwritten(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    generate_key_file(first)
    generate_key_file(second)
    assert first.stat().st_mode & 0o777 == 0o600
    assert len(first.read_bytes()) == 32
    assert first.read_bytes() != second.read_bytes()
    SiteKey.from_file(first)
    before = first.read_bytes()
    with pytest.raises(KeyRefused, match="exists"):
        generate_key_file(first)
    assert first.read_bytes() == before


def test_a_mac_depends_on_every_border_between_its_parts() -> None:
    key = SiteKey(os.urandom(32))
    lists = [("a", "bc"), ("ab", "c"), ("abc",), ("a", "b", "c"), ("abc", ""), ("", "abc"), ("a", "bc", "")]
    assert len({key.mac("purpose", *parts) for parts in lists}) == len(lists)
    assert key.mac("purpose", "a") != key.mac("purposea")
    assert key.mac("p", "a") != SiteKey(os.urandom(32)).mac("p", "a")


def test_the_key_shows_itself_to_nobody() -> None:
    secret = b"0qW!x9Lz" + os.urandom(32)
    key = SiteKey(secret)
    assert "0qW!x9Lz" not in f"{key} {key!r}"
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(key)


def test_a_derived_key_is_that_of_rfc_5869_and_belongs_to_one_purpose() -> None:
    """HKDF-SHA-256 by its definition: extract, then expand to one block."""
    secret, salt = os.urandom(32), os.urandom(16)
    key = SiteKey(secret)
    info = b"".join(len(part).to_bytes(8, "big") + part for part in (b"seal", b"entry"))
    extracted = hmac.digest(salt, secret, "sha256")
    assert key.derive("seal", "entry", salt=salt) == hmac.digest(extracted, info + b"\x01", "sha256")
    others = [key.derive("seal", "entry"), key.derive("sealentry", salt=salt), key.derive("seal", "other", salt=salt)]
    others.append(SiteKey(os.urandom(32)).derive("seal", "entry", salt=salt))
    assert len({key.derive("seal", "entry", salt=salt), *others}) == 5
