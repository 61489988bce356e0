"""What a derived image repeats of the cleaned header, and the rule that each attribute must keep to be repeated.

The profile asks whether a value may leave. Here is asked whether it is worth repeating: what obeys its rule stays, what
can be mended is mended, and all else is left out, so that nothing odd in a source ever stops a photograph or breaks the
object that is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VM, tag_for_keyword
from pydicom.sequence import Sequence as Items

from dicom_io.header import is_coded_entry
from dicom_io.standard import profile_table
from dicom_io.writing import rules
from dicom_io.writing.rules import Rule

SIDES = {"LEFT": "L", "RIGHT": "R", "BOTH": "B", "BILATERAL": "B", "UNPAIRED": "U"}
"""Words for laterality that cameras write, and the enumerated values that they stand for."""

MODALITIES = frozenset(
    """ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT
    IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF
    RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG
    US VA XA XAPROTOCOL XC""".split()  # noqa: SIM905
)
"""Defined Terms of Modality (PS3.3 C.7.3.1.1.1)."""

TAKEN_OVER: Mapping[str, Rule] = {
    # Patient and Patient Study (PS3.3 C.7.1.1, C.7.2.2)
    "PatientName": rules.anything, "PatientID": rules.anything,
    "IssuerOfPatientID": rules.anything, "PatientBirthDate": rules.day, "PatientSex": rules.term("FMO"),
    "PatientAge": rules.matching(r"\d{3}[DWMY]"), "PatientSize": rules.above_zero(rules.decimal),
    "PatientWeight": rules.above_zero(rules.decimal),
    # General Study (C.7.2.1)
    "StudyInstanceUID": rules.anything, "StudyDate": rules.day, "StudyTime": rules.time, "StudyID": rules.anything,
    "AccessionNumber": rules.anything, "ReferringPhysicianName": rules.anything,
    "StudyDescription": rules.matching(r"[^\x00-\x1f\x7f\\]{1,64}"),
    "ProcedureCodeSequence": rules.anything, "ReasonForPerformedProcedureCodeSequence": rules.anything,
    # General Series (C.7.3.1)
    "Modality": rules.term(MODALITIES), "SeriesDate": rules.day, "SeriesTime": rules.time,
    "BodyPartExamined": rules.matching(r"[A-Z0-9_ ]{1,16}"),
    # General Image (C.7.6.1) and Image Pixel (C.7.6.3)
    "InstanceNumber": rules.whole(0), "PatientOrientation": rules.orientation, "AcquisitionDate": rules.day,
    "AcquisitionTime": rules.time, "AcquisitionNumber": rules.whole(0), "PixelAspectRatio": rules.ratio,
    # Anatomy, acquisition context and the visible light modules (10.5, C.7.6.14, C.8.12)
    "AnatomicRegionSequence": rules.anything, "PrimaryAnatomicStructureSequence": rules.anything,
    "AcquisitionContextSequence": rules.anything, "ViewCodeSequence": rules.anything,
    "LightSourcePolarization": rules.term(("POLARIZED", "NON_POLARIZED")),
    "EmitterColorTemperature": rules.above_zero(rules.decimal),
    "ContactMethod": rules.term(("CONTACT", "NON_CONTACT")),
    "ImmersionMedia": rules.term(("ULTRASOUND_GEL", "ALCOHOL", "MINERAL_OIL", "PLASTIC_CAP", "WATER")),
    "OpticalMagnificationFactor": rules.above_zero(rules.decimal),
    "LongitudinalTemporalOffsetFromEvent": rules.finite,
    "LongitudinalTemporalEventType": rules.term(("ENROLLMENT", "BASELINE")),
    "PixelSpacing": rules.above_zero(rules.decimal),
    # What the profile says of itself (C.12.1)
    "PatientIdentityRemoved": rules.anything, "DeidentificationMethod": rules.anything,
    "DeidentificationMethodCodeSequence": rules.anything,
    "LongitudinalTemporalInformationModified": rules.anything, "TimezoneOffsetFromUTC": rules.zone,
}  # fmt: skip
"""Keywords of the cleaned header that a derived image repeats, whatever the options."""

ACQUISITION_GROUP = 0x0016
"""VL Photographic Acquisition (PS3.3 C.8.12.1.2): exposure, lens and light, which colour depends on."""

ACQUISITION: Mapping[str, Rule] = {
    "FlashFiringStatus": rules.number_of(range(2)), "FlashReturnStatus": rules.number_of(range(4)),
    "FlashMode": rules.number_of(range(4)), "FlashFunctionPresent": rules.number_of(range(2)),
    "FlashRedEyeMode": rules.number_of(range(2)), "ExposureProgram": rules.number_of(range(9)),
    "SensitivityType": rules.number_of(range(8)), "MeteringMode": rules.number_of((*range(7), 255)),
    "LightSource": rules.number_of((*range(5), *range(9, 16), *range(17, 25), 255)),
    "SensingMethod": rules.number_of((*range(1, 6), 7, 8)), "FileSource": rules.number_of(range(4)),
    "SceneType": rules.number_of((1,)), "CustomRendered": rules.number_of(range(2)),
    "ExposureMode": rules.number_of(range(3)), "WhiteBalance": rules.number_of(range(2)),
    "SceneCaptureType": rules.number_of(range(4)), "GainControl": rules.number_of(range(5)),
    "Contrast": rules.number_of(range(3)), "Saturation": rules.number_of(range(3)),
    "Sharpness": rules.number_of(range(3)), "SubjectDistanceRange": rules.number_of(range(4)),
}  # fmt: skip
"""Enumerated Values of that module; EXIF's (CIPA DC-008). Its other attributes are numbers: see ``BY_VR``."""

CAMERA = (
    "Manufacturer", "ManufacturerModelName", "SoftwareVersions", "StationName", "DeviceSerialNumber", "DeviceUID",
    "UDISequence", "DateOfLastCalibration", "TimeOfLastCalibration",
)  # fmt: skip
"""What is told of the camera, as Contributing Equipment: General Equipment of a derived image is ours."""

OF_THE_SOURCE = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        *CAMERA, "SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SeriesDescription", "SeriesNumber",
        "DerivationDescription", "ContentDate", "ContentTime", "InstanceCreationDate", "InstanceCreationTime",
        "Laterality", "ImageLaterality",
    )
)  # fmt: skip
"""Never taken over, though an option retains it: what the derived image has of its own."""

OTHERS: Mapping[str, Rule] = {
    "Laterality": rules.term("RL", SIDES),
    "ImageLaterality": rules.term("RLUB", SIDES),
    "LossyImageCompressionRatio": rules.above_zero(rules.decimal),
}
"""Attributes that an image of ours does not repeat, but that something in it is made of."""

LONG_TEXT = r"[^\x00-\x08\x0b\x0e-\x1f\x7f]+"
BY_VR: Mapping[str, Rule] = {
    "AE": rules.matching(r"[^\x00-\x1f\x7f\\]{1,16}"), "AS": rules.matching(r"\d{3}[DWMY]"),
    "CS": rules.matching(r"[A-Z0-9_ ]{1,16}"), "DA": rules.day, "DS": rules.decimal, "DT": rules.moment,
    "FD": rules.finite, "FL": rules.finite, "IS": rules.whole(-rules.LARGEST_IS),
    "LO": rules.matching(r"[^\x00-\x1f\x7f\\]{1,64}"), "LT": rules.matching(LONG_TEXT),
    "SH": rules.matching(r"[^\x00-\x1f\x7f\\]{1,16}"), "ST": rules.matching(LONG_TEXT), "TM": rules.time,
    "UC": rules.matching(LONG_TEXT), "UI": rules.uid,
    "UR": rules.matching(r"[\x21-\x7e]+"), "UT": rules.matching(LONG_TEXT),
    "US": rules.integers(0, 0xFFFF), "SS": rules.integers(-0x8000, 0x7FFF), "UL": rules.integers(0, 0xFFFFFFFF),
    "SL": rules.integers(-0x80000000, 0x7FFFFFFF), "UV": rules.integers(0, 2**64 - 1),
    "SV": rules.integers(-(2**63), 2**63 - 1),
}  # fmt: skip
"""The rule of an attribute that has none of its own: what its VR allows (PS3.5 table 6.2-1)."""

RULES: Mapping[str, Rule] = {**ACQUISITION, **OTHERS, **TAKEN_OVER}

TOGETHER: Mapping[str, str] = {
    "LongitudinalTemporalOffsetFromEvent": "LongitudinalTemporalEventType",
    "LongitudinalTemporalEventType": "LongitudinalTemporalOffsetFromEvent",
}
"""Attributes that mean nothing without each other (PS3.3 C.7.2.3)."""

SINGLE = frozenset(
    {"AnatomicRegionSequence", "PrimaryAnatomicStructureSequence", "ViewCodeSequence", "ConceptNameCodeSequence",
     "MeasurementUnitsCodeSequence", "ConceptCodeSequence", "PurposeOfReferenceCodeSequence"}
)  # fmt: skip
"""Sequences of one item: the first is taken."""

CODED = SINGLE | {
    "AnatomicRegionModifierSequence", "PrimaryAnatomicStructureModifierSequence", "ViewModifierCodeSequence",
}  # fmt: skip
"""Sequences whose items are coded entries though they are not all called so."""

CODE: Mapping[str, int] = {"CodeValue": 16, "CodingSchemeDesignator": 16, "CodeMeaning": 64}
"""What a coded entry must say (PS3.3 table 8.8-1), and characters that it has at most."""

NEEDED_IN_ITEMS: Mapping[str, tuple[str, ...]] = {"UDISequence": ("UniqueDeviceIdentifier",)}
"""Type 1 attributes of items that an option retains."""

CONTEXT_VALUES: Mapping[str, tuple[str, ...]] = {
    "CODE": ("ConceptCodeSequence",), "NUMERIC": ("NumericValue", "MeasurementUnitsCodeSequence"),
}  # fmt: skip
"""Value Type of an item of the acquisition context, and what it then must hold (PS3.3 table 10-2)."""


def checked(clean: Dataset) -> Dataset:
    """A copy of ``clean`` with its attributes mended or, where their rule lets nothing stay, left out."""
    kept = Dataset()
    for tag in clean.keys():  # noqa: SIM118  a Dataset iterates over its elements
        element = _checked(clean[tag])
        if element is not None:
            kept[tag] = element
    for keyword, other in TOGETHER.items():
        if keyword in kept and other not in kept:
            del kept[keyword]
    if "PixelSpacing" in kept and "PixelAspectRatio" in kept:
        del kept.PixelAspectRatio  # Type 1C: only where no spacing tells the same (PS3.3 C.7.6.3)
    return kept


def taken_over(kept: Dataset, options: frozenset[str]) -> Dataset:
    """What an image repeats of ``kept``, a checked header: the table, the exposure, and what ``options`` retain."""
    image = Dataset()
    for tag in kept.keys():  # noqa: SIM118  as above
        row = profile_table().row(tag)
        optional = row is not None and options.intersection(row.options) and tag not in OF_THE_SOURCE
        if optional or tag.group == ACQUISITION_GROUP:
            image[tag] = deepcopy(kept[tag])
    for keyword in TAKEN_OVER:
        if keyword in kept:
            image[keyword] = deepcopy(kept[keyword])
    return image


def _checked(element: DataElement) -> DataElement | None:
    """``element`` as it may be repeated; None where it may not. One without a value is none worth repeating."""
    if element.tag.is_private or not dictionary_has_tag(element.tag):
        return element
    keyword = dictionary_keyword(element.tag)
    if element.VR == "SQ":
        items = _items(keyword, element.value)
        return DataElement(element.tag, "SQ", Items(items)) if items else None
    if element.is_empty:
        return None
    values: Sequence[Any] = [element.value] if element.VM < 2 else list(element.value)
    told = RULES.get(keyword, BY_VR.get(element.VR, rules.anything))(values)
    if told is None or not _is_allowed_number(len(told), dictionary_VM(element.tag)):
        return None
    return element if list(told) == list(values) else DataElement(element.tag, element.VR, _one_or_all(told))


def _items(keyword: str, items: Sequence[Dataset]) -> list[Dataset]:
    kept = [item for each in items if (item := _mended(keyword, checked(each))) and _is_whole(keyword, item)]
    return kept[:1] if keyword in SINGLE else kept


def _mended(keyword: str, item: Dataset) -> Dataset:
    """``item`` of the sequence ``keyword``; what it is can be seen from what it holds."""
    if keyword == "AcquisitionContextSequence" and "ValueType" not in item:
        item.ValueType = "CODE" if "ConceptCodeSequence" in item else "NUMERIC"
    return item


def _is_whole(keyword: str, item: Dataset) -> bool:
    """Whether ``item`` of the sequence ``keyword`` holds what it must."""
    if (keyword in CODED or keyword.endswith("CodeSequence") or is_coded_entry(item)) and not all(
        0 < len(str(item.get(part) or "").strip()) <= longest for part, longest in CODE.items()
    ):
        return False
    if keyword == "AcquisitionContextSequence":
        needed = CONTEXT_VALUES.get(str(item.ValueType))
        return needed is not None and all(part in item for part in ("ConceptNameCodeSequence", *needed))
    return all(part in item for part in NEEDED_IN_ITEMS.get(keyword, ()))


def _is_allowed_number(number: int, allowed: str) -> bool:
    """Whether the dictionary's value multiplicity ("1", "2-n", "3-3n", "1-3") allows ``number`` values."""
    least, _, most = allowed.partition("-")
    if not most:
        return number == int(least)
    if most.endswith("n"):
        step = int(most[:-1] or 1)
        return number >= int(least) and number % step == 0
    return int(least) <= number <= int(most)


def _one_or_all(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)
