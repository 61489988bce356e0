"""Everything that a source file says and that could identify: its attributes, file meta, preamble and frames.

This looks at values with fresh eyes. It does not ask what the confidentiality profile did or would do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, Literal

import pydicom
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_has_tag, dictionary_keyword
from pydicom.dataelem import RawDataElement
from pydicom.encaps import generate_frames
from pydicom.tag import BaseTag

from dicom_io.header import MODIFIED_DATES, is_coded_entry, is_lacking, is_public_vocabulary, private_creator
from dicom_io.leaks.frame_metadata import exif_entries, segments
from dicom_io.standard import PrivateElement, profile_table

Kind = Literal["name", "text", "description", "uid", "number", "date", "time", "bytes"]
"""How a value is searched for. "description" is text that a camera's make may share a word with; "text" is not."""


@dataclass(frozen=True)
class IdentifyingValue:
    """``where`` names the attribute or segment; ``encodings`` are the codecs that the source's text was written in."""

    where: str
    kind: Kind
    value: str | bytes
    encodings: tuple[str, ...] = ()
    stays: bool = False
    """An option of the profile retains it, unchanged."""
    moves: bool = False
    """An option lets the date stay, moved."""
    read_out: bool = False
    """Out of bytes that need not be text: that pixels hold them as well may be chance."""


TEXT_VRS = frozenset({"AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
NUMBER_VRS = frozenset({"DS", "IS"})
BINARY_VRS = frozenset({"OB", "OW", "UN"})

NOT_IDENTIFYING = {
    0x00020002: "SOP class",
    0x00020010: "transfer syntax",
    0x00020012: "software that wrote the file, often the same that writes ours",
    0x00020013: "software that wrote the file, often the same that writes ours",
    0x00080070: "manufacturer: thousands share it, and it stays",
    0x00081090: "model: thousands share it, and it stays",
    0x00181020: "software version: thousands share it, and it stays",
    0x00080102: "coding scheme",
    0x00080103: "version of a coding scheme",
    0x00282000: "ICC profile: replaced, and two cameras' are alike",
    0x7FE00010: "pixels: their frames' segments are looked at instead",
}
"""Attributes that are not collected, with the reason."""

SOFTWARE_FIELDS = frozenset({0x010F, 0x0110, 0x0131, 0x9000, 0xA000, 0xA300, 0xA301, 0xA433, 0xA434, 0x0001, 0x0002})
"""EXIF make, model, software, lens, versions: as with the attributes of the same meaning."""

PLACES = frozenset(
    {
        0x00080080,  # Institution Name
        0x00080081,  # Institution Address
        0x00081040,  # Institutional Department Name
        0x00080092,  # Referring Physician's Address
        0x00080094,  # Referring Physician's Telephone Numbers
        0x00081084,  # Admitting Diagnoses Description
        0x00181000,  # Device Serial Number
        0x00181007,  # Cassette ID
        0x00181008,  # Gantry ID
        0x00321033,  # Requesting Service
        0x00380300,  # Current Patient Location
        0x00400241,  # Performed Station AE Title
        0x00400243,  # Performed Location
        0x00402016,  # Placer Order Number
        0x00402017,  # Filler Order Number
        0x00080055,  # Station AE Title
    }
)
"""Text outside the patient's groups that names a place, a device or a request, and that no make of camera excuses."""

EMPTY_WORDS = frozenset({"anonymous", "anonymised", "anonymized", "none", "null", "removed", "unknown", "twinveil"})
HONORIFICS = frozenset({"prof", "mrs", "phd", "dipl", "miss"})

STRONG_GROUPS = frozenset({0x0010, 0x0012, 0x0038})
DATE_IN_TEXT = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)([-:./ ]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
RUN = re.compile(rb"[\x20-\x7e]{6,200}")
WIDE_RUN = re.compile(rb"(?:[\x20-\x7e]\x00){6,200}")
PICTURES = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
"""How a JPEG, a JPEG 2000 code stream and its file begin."""

DEEPEST_PICTURE = 16
"""Pictures behind pictures."""

MOST_RUNS = 500
"""Printable runs taken from one binary value: random bytes have them too."""

DEEPEST = 64


def identifying_values(
    dataset: Dataset, raw: bytes, retained: frozenset[str], safe_private: Collection[PrivateElement] = ()
) -> Iterator[IdentifyingValue]:
    """What ``dataset`` and the file ``raw`` that it was read from hold.

    ``retained`` names options of the profile; what they let stay as it is comes marked so, and what they let stay
    changed (a moved date) is no different from what goes.
    """
    yield from _of_dataset(dataset, retained, safe_private, "", 0)
    if not raw:
        return
    if preamble := raw[:128].strip(b"\0"):
        yield from _runs("preamble", preamble)
    try:
        whole = pydicom.dcmread(BytesIO(raw), force=True)
        yield from _of_dataset(whole.file_meta, frozenset(), (), "", 0)
        frames = _frames(whole)
    except Exception:  # whatever a broken file does: its bytes are then looked at as they are
        yield from _runs("file", raw)
        return
    for number, frame in enumerate(frames, start=1):
        yield from _of_frame(f"frame {number}", frame)


def _frames(whole: Dataset) -> list[bytes]:
    """The encapsulated frames; uncompressed pixels have no segments."""
    if "PixelData" not in whole or not whole.file_meta.TransferSyntaxUID.is_encapsulated:
        return []
    return list(generate_frames(whole.PixelData, number_of_frames=int(whole.get("NumberOfFrames") or 1)))


def _of_dataset(
    dataset: Dataset, retained: frozenset[str], safe: Collection[PrivateElement], path: str, depth: int
) -> Iterator[IdentifyingValue]:
    encodings = _codecs(dataset)
    for tag in dataset.keys():  # noqa: SIM118  iterating over a Dataset decodes every value, its keys do not
        row = profile_table().row(tag)
        if int(tag) in NOT_IDENTIFYING:
            continue
        where = f"{path}{_name(tag)}"
        undecoded: bytes | None = None
        try:
            stored: object = dataset.get_item(tag)
            undecoded = stored.value if isinstance(stored, RawDataElement) else None
            element = dataset[tag]
            vr, value = element.VR, element.value
        except Exception:  # undecodable: what can be read of it is still searched for
            raw = undecoded or getattr(dataset._dict.get(tag), "value", None)
            yield from _runs(where, raw if isinstance(raw, bytes) else b"")
            continue
        if vr == "SQ":
            if depth < DEEPEST:
                for item in value:
                    if row is not None and _is_retained(row.options, retained) and is_coded_entry(item):
                        yield from _of_code(where, item)
                        continue
                    yield from _of_dataset(item, retained, safe, f"{where} > ", depth + 1)
            continue
        listed = row is not None
        stays = row is not None and _is_retained(row.options, retained, vr)
        moves = row is not None and vr in ("DA", "DT") and MODIFIED_DATES in retained and MODIFIED_DATES in row.options
        if safe and tag.is_private:
            stays = PrivateElement(tag.group, private_creator(dataset, tag) or "", tag.element & 0xFF) in safe
            stays = stays or (tag.element < 0x100 and any(str(value) == each.creator for each in safe))
        for one in value if isinstance(value, (list, pydicom.multival.MultiValue)) else [value]:
            for found in _of_value(where, tag, vr, one, listed, encodings):
                yield replace(found, stays=stays, moves=moves)
        if undecoded and not stays and vr in TEXT_VRS | {"PN"} and (b"\x1b" in undecoded or not undecoded.isascii()):
            yield IdentifyingValue(where, "bytes", undecoded.strip(b" \0"))


def _of_code(where: str, item: Dataset) -> Iterator[IdentifyingValue]:
    """A coded entry that is itself what an option retains."""
    for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"):
        yield IdentifyingValue(where, "text", str(item.get(keyword) or "").strip(" \0"), stays=True)


def _is_retained(marks: Any, retained: frozenset[str], vr: str = "") -> bool:
    """Whether an option lets the attribute stay as it is. Where dates are moved, only the time of day does."""
    if MODIFIED_DATES in retained and MODIFIED_DATES in marks:
        return vr == "TM"
    return any(marks.get(option) == "K" for option in retained)


def _of_value(
    where: str, tag: BaseTag, vr: str, value: Any, listed: bool, encodings: tuple[str, ...]
) -> Iterator[IdentifyingValue]:
    """One value of an attribute. ``listed``: the standard knows the attribute to identify, or it is private."""
    text = "" if value is None or isinstance(value, bytes) else str(value).strip(" \0")
    if isinstance(value, bytes):
        yield from _of_bytes(where, value)
    elif vr == "PN":
        yield from _of_name(where, text, encodings)
    elif vr == "UI":
        if len(text) >= 8 and text not in UID_dictionary:
            yield IdentifyingValue(where, "uid", text)
    elif vr in ("DA", "DT", "TM", "AS"):
        yield from _of_time(where, vr, text)
    elif vr in TEXT_VRS:
        yield from _of_text(where, tag, text, encodings)
    elif vr in NUMBER_VRS and listed:
        yield IdentifyingValue(where, "number", text)
    elif vr == "CS" and listed:
        yield from _of_text(where, tag, text, encodings)


def _of_name(where: str, text: str, encodings: tuple[str, ...]) -> Iterator[IdentifyingValue]:
    """The whole name and each word of each component of each component group (PS3.5 section 6.2.1)."""
    words = {word for part in re.split(r"[\^=\\]", text) for word in {part, *re.split(r"[\s,.]+", part)}}
    for word in {text, text.replace("^", " ").strip(), *words}:
        if word.strip().lower() not in EMPTY_WORDS | HONORIFICS:
            yield IdentifyingValue(where, "name", word.strip(), encodings)


def _of_text(where: str, tag: BaseTag, text: str, encodings: tuple[str, ...]) -> Iterator[IdentifyingValue]:
    """Text as a whole, line by line, and each of its words that has digits, for that is what numbers look like."""
    if text.lower() in EMPTY_WORDS or is_lacking(text):
        return
    strong = tag.group in STRONG_GROUPS or tag.is_private or int(tag) in (0x00080050, 0x00200010, *PLACES)
    kind: Kind = "text" if strong else "description"
    is_id = int(tag) in (0x00100020, 0x00101000, 0x00101090)
    pieces = {text, *text.splitlines()}
    pieces |= {word for word in re.split(r"[\s,;|()<>\[\]]+", text) if len(word) >= 6 and re.search(r"\d", word)}
    for piece in pieces:
        if is_id or not is_public_vocabulary(piece):
            yield IdentifyingValue(where, kind, piece.strip(), encodings)
    for found in DATE_IN_TEXT.finditer(text):
        yield IdentifyingValue(where, "date", found[1] + found[3] + found[4])


def _of_time(where: str, vr: str, text: str) -> Iterator[IdentifyingValue]:
    if vr == "AS":
        yield IdentifyingValue(where, "text", text)
    elif vr == "TM":
        yield IdentifyingValue(where, "time", text)
    else:
        compact = re.sub(r"[-.:/ ]", "", text[:10])[:8]
        if re.fullmatch(r"\d{8}", compact):
            yield IdentifyingValue(where, "date", compact)
        if vr == "DT" and len(text) >= 14:
            yield IdentifyingValue(where, "number", text)
            yield IdentifyingValue(where, "time", text[8:14])


def _of_bytes(where: str, value: bytes) -> Iterator[IdentifyingValue]:
    """Text in bytes and how they begin; of a picture, what it says beside its pixels."""
    yield from (replace(found, read_out=True) for found in _runs(where, value))
    if value.startswith(PICTURES):
        yield from _of_frame(where, value)
    elif len(value) >= 8:
        yield IdentifyingValue(where, "bytes", value[:32].rstrip(b"\0 "), read_out=True)


def _runs(where: str, value: bytes) -> Iterator[IdentifyingValue]:
    """Printable text inside binary values, in 8-bit and 16-bit characters."""
    found = [run.group().decode("ascii") for run in RUN.finditer(value)]
    found += [run.group().decode("utf-16-le") for run in WIDE_RUN.finditer(value)]
    for run in found[:MOST_RUNS]:
        for piece in {run, *re.split(r"[\s<>\"';,|=]+", run)}:
            if len(piece) >= 6 and not is_public_vocabulary(piece) and "://" not in piece:
                yield IdentifyingValue(where, "description", piece.strip())
        for date in DATE_IN_TEXT.finditer(run):
            yield IdentifyingValue(where, "date", date[1] + date[3] + date[4])


def _of_frame(where: str, frame: bytes, depth: int = 0) -> Iterator[IdentifyingValue]:
    """Comments, EXIF with GPS, XMP and makers' segments of one compressed frame, and of the pictures behind it."""
    for segment in segments(frame):
        place = f"{where} {segment.name}"
        if segment.payload.startswith((b"JFIF\0", b"JFXX\0", b"ICC_PROFILE\0", b"Adobe\0")):
            continue
        if segment.payload.startswith(PICTURES) and depth < DEEPEST_PICTURE:  # the second picture of an MPF, say
            yield from _of_frame(place, segment.payload, depth + 1)
        entries = exif_entries(segment.payload)
        if not entries:
            yield from _runs(place, segment.payload)
        for entry in entries:
            if entry.tag in SOFTWARE_FIELDS and entry.directory != "GPS":
                continue
            field = f"{place} {entry.directory} {entry.tag:04X}"
            if entry.directory == "GPS" and entry.kind == 5 and len(entry.data) >= 16:
                yield IdentifyingValue(field, "bytes", entry.data)
            elif entry.kind in (1, 2, 7):
                yield from _runs(field, entry.data)
                yield from _short_field(field, entry.data)


def _short_field(where: str, data: bytes) -> Iterator[IdentifyingValue]:
    """A short ASCII field (an owner's name, say), which is below the length of a run."""
    text = data.split(b"\0")[0]
    if 4 <= len(text) < 6 and text.isalnum() and not is_public_vocabulary(text.decode("ascii")):
        yield IdentifyingValue(where, "name", text.decode("ascii"))


def _codecs(dataset: Dataset) -> tuple[str, ...]:
    try:
        return tuple(convert_encodings(dataset.get("SpecificCharacterSet") or "ISO_IR 6"))
    except Exception:
        return ()


def _name(tag: BaseTag) -> str:
    keyword = dictionary_keyword(tag) if not tag.is_private and dictionary_has_tag(tag) else "private"
    return f"{tag} {keyword}".strip()
