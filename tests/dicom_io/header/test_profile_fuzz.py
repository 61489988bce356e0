"""Mutated headers: whatever a file holds, it is refused by name or leaves clean, and nothing crashes."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from dicom_io.errors import DicomError
from dicom_io.header import ConfidentialityProfile
from dicom_io.leaks import Identifiers
from dicom_io.quiet import quiet
from plugin.commands.header import as_file
from tests.dicom_io.profile_sources import as_file as source_file
from tests.dicom_io.profile_sources import photograph, profile

SECRET = b"Zx7SENTINEL"
NAMES = (b"Vetinari", b"Weatherwax", b"5543210", b"19710203", "Überwald".encode(), "Überwald".encode("latin-1"))
MANY = 10_000
"""Headers in the long run; the short one, which belongs to every test run, has 300."""

TEXT_VRS = [b"LO", b"SH", b"PN", b"CS", b"LT", b"ST", b"UT", b"UC", b"UN", b"UI", b"DA", b"TM", b"DT", b"DS", b"IS",
            b"AE", b"AS", b"OB", b"OW", b"SQ", b"US", b"FL", b"AT", b"ZZ", b"\0\0"]  # fmt: skip
LONG = {b"OB", b"OW", b"SQ", b"UT", b"UC", b"UN"}
CHARACTER_SETS = [b"", b"ISO_IR 192", b"ISO 2022 IR 87", b"GB18030", b"\\ISO 2022 IR 149", b"NO SUCH SET", b"\xff\xfe"]
GROUPS = st.one_of(st.sampled_from([0x0008, 0x0010, 0x0018, 0x0019, 0x0020, 0x0028, 0x0040, 0x0070, 0x5000, 0x6000]),
                   st.integers(0x0004, 0xFFFC))  # fmt: skip

BASE = source_file(photograph())
BASE_META = BASE[: BASE.index(b"\x08\x00\x05\x00CS")]
BASE_DATASET = BASE[len(BASE_META) :]
OPTION_SETS = [(), ("clean_descriptors", "clean_structured_content", "clean_graphics", "retain_safe_private"),
               ("retain_longitudinal_modified_dates",)]  # fmt: skip
FINE = ("clean", "refused", "unreadable")
PROFILES = [profile(*options) for options in OPTION_SETS]


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> bytes:
    """An explicit VR element with the secret in it, well formed or not: VR, length and content need not agree."""
    tag = struct.pack("<HH", draw(GROUPS), draw(st.integers(0, 0xFFFF)))
    vr = draw(st.sampled_from(TEXT_VRS))
    if depth < 6 and draw(st.booleans()):
        inner = b"".join(draw(st.lists(elements(depth + 1), max_size=2)))
        value = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
        vr = draw(st.sampled_from([b"SQ", b"UN", b"OB"]))
    else:
        value = draw(st.binary(max_size=12)) + SECRET + draw(st.binary(max_size=8))
    length = draw(st.one_of(st.just(len(value)), st.integers(0, len(value) + 40), st.just(0xFFFFFFFF)))
    if vr in LONG:
        return tag + vr + b"\0\0" + struct.pack("<I", length) + value
    return tag + vr + struct.pack("<H", min(length, 0xFFFF)) + value


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A photograph's header with elements in any place and order, twice or in pieces, another character set, noise."""
    characters = draw(st.sampled_from(CHARACTER_SETS)).ljust(10)[:10]
    data = BASE_DATASET.replace(b"CS\x0a\x00ISO_IR 100", b"CS\x0a\x00" + characters)
    extra = draw(st.lists(elements(), max_size=4))
    for element in extra:
        at = draw(st.one_of(st.just(0), st.just(len(data)), st.integers(0, len(data))))
        data = data[:at] + element + data[at:]
    if draw(st.booleans()):
        start = draw(st.integers(0, len(data)))
        data += data[start : start + draw(st.integers(0, 200))]
    if draw(st.booleans()):
        data = data[: draw(st.integers(0, len(data)))]
    changed = bytearray(data)
    for _ in range(draw(st.integers(0, 6))):
        if changed:
            changed[draw(st.integers(0, len(changed) - 1))] = draw(st.integers(0, 255))
    return BASE_META + bytes(changed)


def goes_well(blob: bytes, applied: ConfidentialityProfile) -> str:
    """"refused" by name, or "clean": without the secret, without the patient, and the same a second time."""
    with quiet():
        try:
            source = dcmread(BytesIO(blob))
            _ = source.get("SOPClassUID")
        except Exception:  # not for the profile to judge: the reader translates it (``photograph.read_photograph``)
            return "unreadable"
        try:
            cleaned = as_file(applied.apply(source))
            again = as_file(applied.apply(source))
        except DicomError as error:
            refusal = str(error)
            return "refused" if refusal and SECRET.decode() not in refusal else f"refused in the wrong words: {refusal}"
    assert cleaned == again
    assert SECRET.lower() not in cleaned.lower()
    assert not [name for name in NAMES if name in cleaned]
    Identifiers.under(applied, source, blob).found_in(cleaned)
    return "clean"


def test_the_base_and_its_secret_are_what_the_fuzzer_thinks() -> None:
    assert goes_well(BASE, PROFILES[0]) == "clean"
    named = b"\x08\x00\x81\x10LO" + struct.pack("<H", len(SECRET) + 1) + SECRET + b" "
    assert goes_well(BASE_META + named + BASE_DATASET, PROFILES[0]) == "clean"


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(files(), st.sampled_from(PROFILES))
@example(BASE, PROFILES[1])
def test_no_mutated_header_crashes_or_leaks(blob: bytes, applied: ConfidentialityProfile) -> None:
    assert goes_well(blob, applied) in FINE


@pytest.mark.fuzz
@settings(max_examples=MANY, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(files(), st.sampled_from(PROFILES))
def test_nor_does_any_of_ten_thousand(blob: bytes, applied: ConfidentialityProfile) -> None:
    assert goes_well(blob, applied) in FINE
