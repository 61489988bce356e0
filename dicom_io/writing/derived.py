"""The images that leave: the sick twin and the healthy twin of one photograph.

Each is written anew from a table of attributes (``taken_over``) of the already cleaned header; whatever is not in the
table does not leave, whoever added it to the header and why. Pixel data is always encoded here, so that nothing that a
camera put into a frame (EXIF, GPS, comments, a thumbnail) can come along.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal, Protocol

from openjpeg.utils import encode_array
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, JPEG2000Lossless, JPEGBaseline8Bit

from dicom_io.errors import UnsupportedObject
from dicom_io.reading import LossyHistory, Rgb, srgb_profile
from dicom_io.standard import PHOTOGRAPH_CLASSES, PhotographClass, iod_types
from dicom_io.writing import codes
from dicom_io.writing.taken_over import CAMERA, checked, taken_over

Role = Literal["sick-twin", "healthy-twin"]

MANUFACTURER = "Twinveil"
IMPLEMENTATION_CLASS_UID = UID("2.25.285133316349325817098214640143371066561")
"""Ours; made once from a random UUID (PS3.5 B.2)."""

IMPLEMENTATION_VERSION_NAME = "TWINVEIL"

CODING_SCHEME_NAME = "Twinveil image derivations"
JPEG_QUALITY = 95
_ONE_ENCODER = threading.Lock()
"""The JPEG 2000 library crashes when two threads encode at once."""
LONG_STRING = 64
"""Characters of an LO (PS3.5 6.2)."""

HIGHEST_NUMBER = 99_999
"""Five digits, as people count photographs; and too short to be taken for somebody's."""

TYPE_2 = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName", "PatientOrientation",
)  # fmt: skip
"""Written empty when the cleaned header has none of it."""

TYPE_2_OF_DERMOSCOPY = (
    "LightSourcePolarization",
    "EmitterColorTemperature",
    "ContactMethod",
    "OpticalMagnificationFactor",
)
"""The same for the Dermoscopic Image module (PS3.3 C.8.12.14)."""

UNKNOWN_DATE, UNKNOWN_TIME = "19000101", "000000"
"""Content Date and Content Time need a value (PS3.3 C.8.12.1, C.8.20.1). When the cleaned header has none, nothing may
be invented from the clock: the day of processing is as good as the day of the visit."""


@dataclass(frozen=True)
class RoleOfTwin:
    """What tells one of the two series from the other."""

    series_number: int
    series_description: str
    derivation: codes.Concept
    derivation_description: str


ROLES: dict[Role, RoleOfTwin] = {
    "sick-twin": RoleOfTwin(
        901,
        "Twin with the disease",
        codes.IDENTITY_REPLACEMENT,
        "The person was replaced by one who does not exist; the disease was kept",
    ),
    "healthy-twin": RoleOfTwin(
        902,
        "Twin without the disease",
        codes.LESION_REMOVAL,
        "The disease was removed from the twin",
    ),
}


@dataclass(frozen=True)
class Algorithm:
    """What made the pixels. ``digest``: hex SHA-256 of the model's weights. ``facts``: what else is said of the model
    or models, by edit; neither a comma nor an equals sign in them."""

    name: str
    version: str
    digest: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def contribution(self) -> str:
        """What the contributing equipment is described by."""
        return f"model weights SHA-256 {self.digest}"

    @property
    def parameters(self) -> dict[str, str]:
        """What the algorithm identification of a segment holds beside name and version."""
        return {"weights-sha256": self.digest, **self.facts}


class DerivedUids(Protocol):
    """The part of the site's pseudonyms that is needed here."""

    def derived_uid(self, *parts: str) -> str:
        """A UID that is always the same for the same parts, and that nobody without the key can compute."""
        ...


def derived_image(
    clean: Dataset,
    rgb: Rgb,
    *,
    role: Role,
    source_sop_instance_uid: str,
    pseudonyms: DerivedUids,
    features_cleaned: bool,
    text_cleaned: bool,
    algorithm: Algorithm,
    history: LossyHistory | None = None,
    lossless: bool = True,
    sick_twin: Dataset | None = None,
    options: frozenset[str] = frozenset(),
) -> Dataset:
    """A complete derived image, ready for ``save_as(path, enforce_file_format=True)``.

    Args:
        clean: the source's header after the confidentiality profile; left as it is.
        rgb: sRGB uint8 (height, width, 3).
        role: which of the twins ``rgb`` is.
        source_sop_instance_uid: the source's own, from which the new UIDs are derived; not written anywhere.
        pseudonyms: derives UIDs under the site's key.
        features_cleaned: whether the gate proved that nobody can be recognised. Only then is the object marked so,
            and 113102 is claimed.
        text_cleaned: whether the pixels were searched for burned-in text and none is left. Only then is the object
            marked so, whatever the source says, and 113101 is claimed.
        algorithm: named in the equipment and as contributing equipment.
        history: the lossy compressions before ours; those in ``clean`` when None.
        lossless: JPEG 2000 lossless, else baseline JPEG, which is appended to the history.
        sick_twin: for the healthy twin, the image that it was made from.
        options: those of the confidentiality profile: what they let stay in ``clean`` is taken over as well.

    Raises UnsupportedObject when ``clean`` is not of a class taken for a photograph.

    """
    sop_class = UID(str(clean.get("SOPClassUID", "")))
    if sop_class not in PHOTOGRAPH_CLASSES:
        raise UnsupportedObject(f"SOP class {sop_class.name} cannot be derived from")
    told = "InstanceNumber" in clean and not clean["InstanceNumber"].is_empty
    clean = checked(clean)
    if told and "InstanceNumber" not in clean:
        clean.InstanceNumber = _own_number(pseudonyms, source_sop_instance_uid)
    image = taken_over(clean, options)
    image.SpecificCharacterSet = "ISO_IR 192"
    for keyword in TYPE_2:
        if keyword not in image:
            setattr(image, keyword, "")
    _identify(image, clean, PHOTOGRAPH_CLASSES[sop_class], role, source_sop_instance_uid, pseudonyms)
    _describe_equipment(image, algorithm, clean)
    _describe_derivation(image, ROLES[role], sick_twin)
    _describe_confidentiality(image, features_cleaned=features_cleaned, text_cleaned=text_cleaned)
    _write_pixels(image, rgb, history or _history_in(clean), lossless=lossless)
    return image


def _own_number(pseudonyms: DerivedUids, source: str) -> int:
    """An Instance Number in place of one that is none: 1 to ``HIGHEST_NUMBER``, the same in all that is made."""
    return 1 + int(pseudonyms.derived_uid("instance number", source).rpartition(".")[2]) % HIGHEST_NUMBER


def _identify(
    image: Dataset, clean: Dataset, kind: PhotographClass, role: Role, source: str, pseudonyms: DerivedUids
) -> None:
    image.SOPClassUID = kind.derived_uid or kind.uid
    image.SOPInstanceUID = pseudonyms.derived_uid(role, source)
    image.SeriesInstanceUID = pseudonyms.derived_uid(role, "series", str(clean.SeriesInstanceUID))
    image.SeriesNumber = ROLES[role].series_number
    image.SeriesDescription = ROLES[role].series_description
    image.Modality = (clean.get("Modality") if kind.secondary_capture else None) or kind.modality
    image.InstanceNumber = clean.get("InstanceNumber", 1)
    image.ImageType = ["DERIVED", "PRIMARY"]
    image.ContentDate = _first_of(clean, "ContentDate", "AcquisitionDate", "StudyDate") or UNKNOWN_DATE
    image.ContentTime = _first_of(clean, "ContentTime", "AcquisitionTime", "StudyTime") or UNKNOWN_TIME
    # In every class on the image, never on the series: the two exclude each other (PS3.3 C.7.3.1.1.3).
    image.ImageLaterality = _first_of(clean, "ImageLaterality", "Laterality") or "U"
    if kind.secondary_capture:
        image.ConversionType = "WSD"
    elif "AcquisitionContextSequence" not in image:
        image.AcquisitionContextSequence = Sequence()
    if kind.dermoscopy:
        image.FrameOfReferenceUID = pseudonyms.derived_uid("frame-of-reference", source)
        image.PositionReferenceIndicator = ""
        for keyword in TYPE_2_OF_DERMOSCOPY:
            if keyword not in image:
                setattr(image, keyword, None)
        if image.ContactMethod == "CONTACT" and "ImmersionMedia" not in image:
            image.ImmersionMedia = ""  # Type 2C
    image.file_meta = FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    image.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME


def _describe_equipment(image: Dataset, algorithm: Algorithm, clean: Dataset) -> None:
    image.Manufacturer = MANUFACTURER
    image.ManufacturerModelName = algorithm.name[:LONG_STRING]
    image.SoftwareVersions = algorithm.version[:LONG_STRING]
    image.DeviceSerialNumber = algorithm.digest[:LONG_STRING]
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = Sequence([codes.DE_IDENTIFYING_EQUIPMENT.item()])
    equipment.Manufacturer = MANUFACTURER
    equipment.ManufacturerModelName = algorithm.name[:LONG_STRING]
    equipment.SoftwareVersions = algorithm.version[:LONG_STRING]
    equipment.ContributionDescription = algorithm.contribution
    image.ContributingEquipmentSequence = Sequence([equipment])
    if clean.get("Manufacturer"):  # Type 1 of an item; without it nothing can be said of the camera
        camera = Dataset()
        camera.PurposeOfReferenceCodeSequence = Sequence([codes.ACQUISITION_EQUIPMENT.item()])
        for keyword in CAMERA:
            if clean.get(keyword):
                camera[keyword] = deepcopy(clean[keyword])
        image.ContributingEquipmentSequence.append(camera)


def _describe_derivation(image: Dataset, role: RoleOfTwin, sick_twin: Dataset | None) -> None:
    image.DerivationDescription = role.derivation_description
    image.DerivationCodeSequence = Sequence([role.derivation.item()])
    scheme = Dataset()
    scheme.CodingSchemeDesignator = codes.PRIVATE_SCHEME
    scheme.CodingSchemeName = CODING_SCHEME_NAME
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    image.CodingSchemeIdentificationSequence = Sequence([scheme])
    if sick_twin is not None:
        source = Dataset()
        source.ReferencedSOPClassUID = sick_twin.SOPClassUID
        source.ReferencedSOPInstanceUID = sick_twin.SOPInstanceUID
        source.PurposeOfReferenceCodeSequence = Sequence([codes.SOURCE_IMAGE.item()])
        image.SourceImageSequence = Sequence([source])


def _describe_confidentiality(image: Dataset, *, features_cleaned: bool, text_cleaned: bool) -> None:
    image.PatientIdentityRemoved = "YES"
    methods = list(image.get("DeidentificationMethodCodeSequence") or ())
    claimed = {(item.CodingSchemeDesignator, item.CodeValue) for item in methods}
    wanted = [codes.BASIC_PROFILE]
    if text_cleaned:
        image.BurnedInAnnotation = "NO"
        wanted.append(codes.CLEAN_PIXEL_DATA)
    if features_cleaned:
        image.RecognizableVisualFeatures = "NO"
        wanted.append(codes.CLEAN_RECOGNIZABLE_VISUAL_FEATURES)
    elif iod_types(image.SOPClassUID).need(("RecognizableVisualFeatures",)) == "value":
        # Dermoscopic images must answer. That nobody was found in one is no proof that nobody could be.
        image.RecognizableVisualFeatures = "YES"
    methods += [concept.item() for concept in wanted if (concept.scheme, concept.value) not in claimed]
    image.DeidentificationMethodCodeSequence = Sequence(methods)


def _write_pixels(image: Dataset, rgb: Rgb, history: LossyHistory, *, lossless: bool) -> None:
    image.Rows, image.Columns = rgb.shape[:2]
    image.SamplesPerPixel = 3
    image.PlanarConfiguration = 0
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit = 7
    image.PixelRepresentation = 0
    image.ICCProfile = srgb_profile()
    image.ColorSpace = "SRGB"
    ratios, methods = list(history.ratios), list(history.methods)
    if lossless:
        with _ONE_ENCODER:
            frame = bytes(encode_array(rgb, photometric_interpretation=1, use_mct=True, codec_format=0))
        image.PhotometricInterpretation = "YBR_RCT"
        image.file_meta.TransferSyntaxUID = JPEG2000Lossless
    else:
        frame = _baseline_jpeg(rgb)
        image.PhotometricInterpretation = "YBR_FULL_422"
        image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        ratios.append(round(rgb.nbytes / len(frame), 2))
        methods.append("ISO_10918_1")
        image.DerivationCodeSequence.append(codes.LOSSY_COMPRESSION.item())
    if history.lossy or not lossless:
        image.LossyImageCompression = "01"
        if ratios:
            image.LossyImageCompressionRatio = [f"{ratio:.2f}" for ratio in ratios]
            image.LossyImageCompressionMethod = methods
    else:
        image.LossyImageCompression = "00"
    image.PixelData = encapsulate([frame])
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True


def _baseline_jpeg(rgb: Rgb) -> bytes:
    frame = io.BytesIO()
    Image.fromarray(rgb).save(frame, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:2")
    return frame.getvalue()


def _history_in(clean: Dataset) -> LossyHistory:
    lossy = str(clean.get("LossyImageCompression", "")) == "01"
    if not lossy:
        return LossyHistory()
    ratios = tuple(float(value) for value in _several(clean, "LossyImageCompressionRatio"))
    methods = tuple(str(value) for value in _several(clean, "LossyImageCompressionMethod"))
    known = min(len(ratios), len(methods))
    return LossyHistory(True, ratios[:known], methods[:known])


def _first_of(dataset: Dataset, *keywords: str) -> str:
    """The first of ``keywords`` that has a value, else an empty string."""
    return next((str(value) for keyword in keywords if (value := dataset.get(keyword))), "")


def _several(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [str(value)] if dataset[keyword].VM == 1 else [str(part) for part in value]
