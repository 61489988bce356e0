"""The last check before an object leaves: does anything that identified the source still stand in its bytes?

It shares no logic with the confidentiality profile, so that a mistake there is found here. It collects what the source
said (``identifying_values``) and searches the outgoing file's bytes for it in every encoding that text can
have. A hit names the source's attribute, never the value.

To be of use it must be silent about clean objects. So values below these lengths are not searched for, and values of
the outgoing object that are public vocabulary are not searched in; ``ALLOWANCES`` gives each with its reason.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary

from dicom_io.header import DATE, ConfidentialityProfile, PatientIdentity, is_defined_term, public_values
from dicom_io.leaks.frame_metadata import Segment, segments
from dicom_io.leaks.furniture import is_signature, without_furniture
from dicom_io.leaks.identifying_values import IdentifyingValue, Kind, identifying_values
from dicom_io.leaks.outgoing_bytes import NotParsed, Value, values
from dicom_io.quiet import quiet
from dicom_io.standard import PrivateElement

ALLOWANCES: Mapping[str, str] = {
    "registered UIDs": "SOP classes, transfer syntaxes and the like name kinds of things (PS3.6 annex A)",
    "public codes": "value, scheme and meaning of an entry of PS3.16's context groups",
    "defined terms": "coded strings that the standard or its list of body parts defines",
    "short numbers": "numeric strings below 6 characters: sizes, counts and ratios meet identifiers by chance",
    "make of the camera": "manufacturer, model and software stay, and descriptions of devices repeat them",
    "directions": "Patient Orientation is made of six letters, and some names are",
    "dummies": "what stands where a value must and none is known is the same for everyone",
    "furniture of codecs": "headers, tables and signatures of encoders in a frame are nobody's (``furniture``)",
    "colour profile": "the ICC profile that we write is the same for everyone",
    "our own words": "constant texts of the program, given by the caller",
    "pixels": "in pixel data only values of at least 8 characters are searched for: shorter ones occur by chance",
}
"""What is not searched, with the reason."""

SHORTEST: Mapping[Kind, int] = {
    "name": 3, "text": 4, "description": 5, "uid": 8, "number": 5, "date": 8, "time": 6, "bytes": 4,
}  # fmt: skip
"""Characters (for "bytes": bytes). A two-letter family name would be found in every file, as a VR if nothing else."""

FIRST_IN_PIXELS = 8
"""Bytes of a pattern from which it is searched for in pixels: by chance it occurs once in 10**19."""

FEWEST_DISTINCT = 4
"""Different bytes in a pattern that is searched for in pixels: a white wall is a run of one byte."""

DUMMY_DATES = frozenset({DATE, "19000101", "00010101", "19700101"})
DUMMY_TIMES = frozenset({"000000", "120000", "235959"})

DUMMIES = frozenset({"19000101", "19000101000000", "000000", "000Y", "REMOVED", "UNKNOWN", "urn:removed:0"})
DIRECTIONS = re.compile(r"[APRLHF]{1,3}\\[APRLHF]{1,3}")
PATIENT_ORIENTATION = 0x00200020

MAKE = frozenset({0x00080070, 0x00081090, 0x00181020, 0x00020013})
CODE_ENTRY = frozenset({0x00080100, 0x00080102, 0x00080104})
ICC_PROFILE = 0x00282000
COUNTED: frozenset[Kind] = frozenset({"number", "date", "time"})
NUMERIC = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
PLAIN_SEGMENTS = frozenset({("APP0", b"JFIF\0", 14), ("APP14", b"Adobe", 12)})
"""Name, beginning and length of segments that hold numbers alone."""


@dataclass(frozen=True)
class Edges:
    """What may stand neither before nor after a short value, for it would then be a part of a longer one."""

    before: re.Pattern[bytes]
    after: re.Pattern[bytes]


def _edges(characters: bytes, after: bytes, codec: str) -> Edges:
    """Edges of text in ``codec``; in the 16-bit encodings a zero byte goes with each character."""
    low, high = (b"", rb"\x00") if codec == "utf-16-le" else (rb"\x00", b"") if codec == "utf-16-be" else (b"", b"")
    return Edges(re.compile(low + characters + high + rb"\Z"), re.compile(low + after + high))


WORD_EDGES = {codec: _edges(b"[0-9a-z]", b"[0-9a-z]", codec) for codec in ("", "utf-16-le", "utf-16-be")}
NUMBER_EDGES = {codec: _edges(b"[0-9.]", b"[0-9]", codec) for codec in ("", "utf-16-le", "utf-16-be")}


@dataclass(frozen=True)
class Pattern:
    """Bytes to search for, in lower case. ``edges``: None where any surroundings will do."""

    needle: bytes
    where: str
    edges: Edges | None
    descriptive: bool
    chance: bool = False
    """It was read out of bytes, so that finding it among pixels may mean nothing."""
    counted: bool = False
    """It is a number, a day or a time of day, so that finding it among numbers may mean nothing."""

    def is_in(self, text: bytes) -> bool:
        """Whether it stands in ``text``, which is in lower case."""
        place = text.find(self.needle)
        while place >= 0:
            end = place + len(self.needle)
            if self.edges is None or not (
                self.edges.before.search(text[max(0, place - 2) : place]) or self.edges.after.match(text[end : end + 2])
            ):
                return True
            place = text.find(self.needle, place + 1)
        return False


class Suspected(str):
    """The name of an attribute of which a value seems to stand in an object: it may be chance. A person decides."""

    __slots__ = ()


@dataclass(frozen=True)
class Identifiers:
    """The identifying values of one source file, ready to be searched for."""

    patterns: tuple[Pattern, ...]

    @classmethod
    def under(cls, profile: ConfidentialityProfile, dataset: Dataset, raw: bytes) -> Identifiers:
        """What of ``dataset``, and of its file ``raw``, ``profile`` lets stand in nothing that leaves."""
        patient = PatientIdentity.of(dataset)
        shift = profile.pseudonyms.date_shift(patient.patient_id, patient.issuer)
        return cls.of(dataset, raw, profile.options, profile.rulebook.safe_private, shift)

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        raw: bytes,
        retained: frozenset[str] = frozenset(),
        safe_private: Collection[PrivateElement] = (),
        shift: int = 0,
    ) -> Identifiers:
        """Those of ``dataset`` and of ``raw``, the bytes of the file it was read from (empty where there is none).

        ``retained``: the profile's options, whose attributes may stay, and ``safe_private`` attributes with them. A
        value that stays is no leak where it stands a second time: the day of the study in a frame's EXIF, say.
        ``shift``: days by which dates were moved: one that comes to lie where another was is no leak either.
        ``dataset`` may lack the pixel data.
        """
        with quiet():
            found: dict[tuple[Kind, str | bytes], IdentifyingValue] = {}
            stay: set[tuple[Kind, str | bytes]] = set()
            make = _make_of(dataset)
            for value in identifying_values(dataset, raw, retained, safe_private):
                if value.kind == "text" and "private" in value.where and str(value.value).lower() in make:
                    value = replace(value, kind="description")
                if value.stays:
                    stay.add((value.kind, value.value))
                elif value.moves and value.kind == "date" and (moved := _moved(value.value, shift)):
                    stay.add(("date", moved))
                    found.setdefault((value.kind, value.value), value)
                else:
                    found.setdefault((value.kind, value.value), value)
        for key in stay:
            found.pop(key, None)
        told = "\0\0".join(value for _, value in stay if isinstance(value, str)).lower().encode()
        return cls(
            tuple(
                pattern
                for value in found.values()
                for pattern in _patterns(value)
                # An issuer that is a word of the institution's retained name. A person's name has no such excuse.
                if value.kind == "name" or not pattern.is_in(told)
            )
        )

    def found_in(self, blob: bytes, own_texts: Collection[str] = ()) -> list[str]:
        """Names of the source's attributes of which a value stands in ``blob``, sorted; empty for a clean object.

        ``Suspected`` where it stands in pixels alone and was read out of bytes that need not have been text at all, or
        is a number among numbers. ``own_texts``: whole values that the program writes into every object (descriptions,
        names of algorithms).
        """
        text, text_without_make, pixels = _parts(blob, frozenset(own_texts))
        told = [each for each in self.patterns if each.is_in(text_without_make if each.descriptive else text)]
        shown = _found_in_pixels(self.patterns, pixels) if pixels else []
        certain = {each.where for each in told if not _is_number_among_numbers(each, blob)}
        certain |= {each.where for each in shown if not each.chance}
        found = {each.where for each in (*told, *shown)}
        return sorted(where if where in certain else Suspected(where) for where in found)

    def are_in(self, text: str) -> bool:
        """Whether something that identifies stands in ``text``, the name of a camera, say."""
        searched = text.lower().encode()
        return any(not pattern.descriptive and pattern.is_in(searched) for pattern in self.patterns)


def _moved(day: str | bytes, shift: int) -> str | None:
    try:
        return f"{datetime.strptime(str(day), '%Y%m%d') + timedelta(days=shift):%Y%m%d}"
    except (ValueError, OverflowError):
        return None


def _patterns(value: IdentifyingValue) -> Iterator[Pattern]:
    """The forms that a value can take in a file."""
    descriptive, chance, counted = value.kind == "description", value.read_out, value.kind in COUNTED
    if isinstance(value.value, bytes):
        if len(value.value) >= 8 and len(set(value.value)) >= FEWEST_DISTINCT:
            yield Pattern(value.value.lower(), value.where, None, descriptive, chance)
        return
    if len(value.value) < SHORTEST[value.kind] and value.value.isascii():
        return
    spellings: Iterable[str] = (value.value,)
    if value.kind == "date":
        spellings = _date_spellings(value.value)
    elif value.kind == "time":
        spellings = _time_spellings(value.value)
    seen: set[bytes] = set()
    for spelling in spellings:
        for form in {spelling, spelling.upper(), spelling.lower()}:
            for codec in ("utf-8", "latin-1", "utf-16-le", "utf-16-be", *value.encodings):
                needle = _encoded(form, codec).lower()
                if len(needle) >= 3 and needle not in seen and len(set(needle)) > 1:
                    seen.add(needle)
                    yield Pattern(needle, value.where, _edges_for(value, codec), descriptive, chance, counted)


def _encoded(text: str, codec: str) -> bytes:
    try:
        return text.encode(codec)
    except (UnicodeError, LookupError):
        return b""


def _edges_for(value: IdentifyingValue, codec: str) -> Edges | None:
    """Short words and numbers must stand alone, or they would be found inside longer ones."""
    numeric = value.kind in ("uid", "number", "date", "time") or str(value.value).isdigit()
    if not numeric and len(value.value) >= 8:
        return None
    by_codec = NUMBER_EDGES if numeric else WORD_EDGES
    return by_codec.get(codec, by_codec[""])


def _date_spellings(date: str) -> tuple[str, ...]:
    """``date``: YYYYMMDD. As in DA, ISO 8601, EXIF, and the usual orders of day and month."""
    if date in DUMMY_DATES:
        return ()
    year, month, day = date[:4], date[4:6], date[6:]
    joined = [mark.join(parts) for mark in "-./:" for parts in ((year, month, day), (day, month, year))]
    return (date, *joined, f"{month}/{day}/{year}", f"{month}-{day}-{year}")


def _time_spellings(time: str) -> tuple[str, ...]:
    """``time``: HHMMSS with or without a fraction. Whole minutes and hours stand in many files and say little."""
    whole = time[:6]
    if not re.fullmatch(r"\d{6}(\.\d+)?", time) or whole in DUMMY_TIMES:
        return ()
    return (whole, f"{whole[:2]}:{whole[2:4]}:{whole[4:]}")


def _parts(blob: bytes, own_texts: frozenset[str]) -> tuple[bytes, bytes, bytes]:
    """Text in lower case, the same without the camera's make, and pixels.

    Where ``blob`` does not parse everything is text and nothing is allowed.
    """
    try:
        found = values(blob)
    except NotParsed:
        return blob.lower(), blob.lower(), b""
    text, without_make, pixels = bytearray(blob), bytearray(blob), []
    loose: list[bytes] = []
    for value in found:
        content = blob[value.start : value.end]
        blank = b"\0" * len(content)
        if value.is_bulk:
            pixels.append(without_furniture(content))
            loose += [each.payload for each in segments(content) if not _is_furniture(each)]
        if value.is_bulk or _is_allowed(value, content, own_texts):
            text[value.start : value.end] = blank
            without_make[value.start : value.end] = blank
        elif value.tag in MAKE:
            without_make[value.start : value.end] = blank
    rest = b"\0\0".join(loose).lower()
    return _squeezed(text) + rest, _squeezed(without_make) + rest, b"\0\0".join(pixels)


def _squeezed(text: bytearray) -> bytes:
    """Lower case, and the long runs of zeros that blanked pixels leave made short."""
    return re.sub(rb"\0{64,}", b"\0" * 64, bytes(text)).lower()


def _is_allowed(value: Value, content: bytes, own_texts: frozenset[str]) -> bool:
    """Whether the whole value is one of ``ALLOWANCES``."""
    if value.tag == ICC_PROFILE:
        return True
    text = content.decode("utf-8", "replace").strip(" \0")
    if value.vr == "UI":
        return all(uid in UID_dictionary for uid in text.split("\\"))
    if value.tag == PATIENT_ORIENTATION and DIRECTIONS.fullmatch(text):
        return True
    if value.vr == "CS" and is_defined_term(text):
        return True
    if value.vr in ("DS", "IS"):
        return all(len(number.strip()) < 6 for number in text.split("\\"))
    return text in own_texts or text in DUMMIES or (value.tag in CODE_ENTRY and text in public_values())


def _is_furniture(segment: Segment) -> bool:
    return segment.name in ("COM", "APP0", "APP14") and (
        is_signature(segment.payload) or (segment.name, segment.payload[:5], len(segment.payload)) in PLAIN_SEGMENTS
    )


def _make_of(dataset: Dataset) -> str:
    """What the source says of the camera, in lower case."""
    return "\0".join(_text(dataset, keyword) for keyword in ("Manufacturer", "ManufacturerModelName")).lower()


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        return str(dataset.get(keyword) or "")
    except Exception:  # pydicom parses a value when it is first asked for, and damaged ones raise almost anything
        return ""


def _is_number_among_numbers(pattern: Pattern, blob: bytes) -> bool:
    """Whether ``pattern`` is a number that stands in ``blob`` in nothing but values that are numbers."""
    if not pattern.counted:
        return False
    try:
        found = values(blob)
    except NotParsed:
        return False
    return not any(
        value.vr not in NUMERIC and not value.is_bulk and pattern.is_in(blob[value.start : value.end].lower())
        for value in found
    )


def _found_in_pixels(patterns: Iterable[Pattern], pixels: bytes) -> list[Pattern]:
    """Which patterns stand in ``pixels``, in one pass whatever their number.

    Bytes 0-1, 2-3 and 4-5 of every pattern are marked in three tables; where all three match, patterns are compared.
    Letters match in either case.
    """
    long = [p for p in patterns if len(p.needle) >= FIRST_IN_PIXELS and len(set(p.needle)) >= FEWEST_DISTINCT]
    by_start: dict[bytes, list[Pattern]] = {}
    for pattern in long:
        by_start.setdefault(pattern.needle[:6], []).append(pattern)
    if not by_start or len(pixels) < FIRST_IN_PIXELS:
        return []
    lowered = pixels.lower()
    data = np.frombuffer(lowered, np.uint8)
    tables = np.zeros((3, 65536), bool)
    for start in by_start:
        for table, pair in zip(tables, struct.unpack("<3H", start), strict=True):
            table[pair] = True
    pairs = data[:-1].astype(np.uint16) | data[1:].astype(np.uint16) << 8
    places = np.flatnonzero(tables[0][pairs[:-4]])
    places = places[tables[1][pairs[places + 2]]]
    places = places[tables[2][pairs[places + 4]]]
    found: list[Pattern] = []
    for place in places.tolist():
        for pattern in by_start.get(lowered[place : place + 6], ()):
            if lowered.startswith(pattern.needle, place):
                found.append(pattern)
    return found
