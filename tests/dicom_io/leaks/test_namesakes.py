"""Invented people, some called like cameras, months, colours and body parts: nobody is held for it.

And nobody's name leaves: what looks like the camera's is taken out of that one object.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from functools import cache

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from dicom_io.leaks import Identifiers, leave_out_namesakes
from dicom_io.quiet import quiet
from dicom_io.writing import derived_image, own_texts, segmentations
from tests.dicom_io.builders import ALGORITHM, PlainUids, skin
from tests.dicom_io.profile_sources import as_file, code, photograph, profile

NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "English": (("Carl", "Grace", "Pearl", "Mark", "Sky"), ("Brown", "Young", "Hand", "Foot", "Long", "Lake", "Field")),
    "German": (("Karl", "Max", "Jürgen", "Käthe"), ("Müller", "Groß", "Schwarz", "Roth", "Zeiss", "Storz", "Leitz")),
    "French": (("Zoë", "Aimée", "Blanche", "Cédric"), ("Lefèvre", "Leblanc", "Lenoir", "Leroux", "Michel", "D'Août")),
    "Spanish": (("Begoña", "José", "Abril", "Mayo"), ("Núñez", "Blanco", "Rojas", "Moreno", "Cabeza", "Mano")),
    "Portuguese": (("João", "Conceição", "Inês"), ("Magalhães", "Branco", "Março", "Pinto")),
    "Turkish": (("Işıl", "Çağla", "Gökhan", "Eylül"), ("Yıldız", "Şahin", "Kara", "Ak", "Öztürk")),
    "Polish": (("Łucja", "Żaneta", "Wojciech"), ("Wójcik", "Biały", "Czarny", "Grudzień")),
    "Vietnamese": (("Nguyễn", "Bạch", "Mai"), ("Trần", "Lê", "Võ", "Đỗ")),
    "Russian": (("Владимир", "Ольга", "Май"), ("Белов", "Чернова", "Глаз")),
    "Greek": (("Γιώργος", "Ελένη"), ("Παπαδόπουλος", "Μαύρος")),
    "Arabic": (("محمد", "فاطمة"), ("الأحمر", "يد")),
    "Hebrew": (("דוד", "רות"), ("לבן", "אדום")),
    "Hindi": (("राम", "सीता"), ("लाल", "काला")),
    "Thai": (("สมชาย", "มาลี"), ("ใจดี", "ขาว")),
    "Chinese": (("伟", "红", "白"), ("王", "李", "黄", "手")),
    "Japanese": (("太郎", "花子", "さくら"), ("山田", "湯浅", "白石", "キヤノン")),
    "Korean": (("민수", "지영"), ("김", "이", "백")),
}
"""Given and family names, common ones and those that mean a colour, a month or a part of the body."""

NAMESAKES = tuple(
    """Canon Nikon Olympus Sony Leica Apple Samsung Fuji Kodak Zeiss Storz Carl Karl Max Mark Alpha Pro Ricoh
    Pentax Sigma Dino Heine Delta Lumix Pixel Galaxy April May June August Januar Juni Brown White Black
    Rose Green Grey Violet Red Hand Foot Chin Palm Calf Face Back Heel Temple Forearm Skin Head Nail Lip
    Segment Lesion Disease Twin Person Number Image Region Unknown Raf Hal Alf Pal Openjpeg Version Created
    Standard Huffman Adobe Exif Jfif Derived Primary Binary Meditech Skincam Medical Systems Optics Pearl
    Sky Embedded Erythema Highdicom Twinveil""".split()  # noqa: SIM905
)
CAMERAS = (
    ("Canon", "EOS 5D Mark IV"), ("Canon Inc.", "Canon EOS R5"), ("NIKON CORPORATION", "NIKON D850"),
    ("Apple", "iPhone 12 Pro Max"), ("Carl Zeiss Meditec", "FORUM"), ("Karl Storz GmbH", "TELECAM"),
    ("SONY", "Alpha 7"), ("OLYMPUS", "Sigma Delta"), ("Heine Optotechnik", "DELTA 30"),
    ("Dino-Lite", "Skincam 3"), ("Leica Microsystems", "May"), ("samsung", "Galaxy S21"),
    ("Lensco", "Meditechnik 400"), ("Google", "Pixel 7 Pro"), ("Rose Medical Systems", "April Brown"),
    ("RICOH", "PENTAX K-3 Mark III"),
)  # fmt: skip
BODY_PARTS = (
    ("HAND", "85562004", "Hand"), ("FOOT", "56459004", "Foot"), ("CHIN", "30291003", "Chin"),
    ("FACE", "89545001", "Face"), ("FOREARM", "14975008", "Forearm"), ("BACK", "77568009", "Back"),
)  # fmt: skip
ORIENTATIONS = (["L", "F"], ["RAF", "H"], ["HAL", "P"], ["ALF", "P"], "")


def people(count: int) -> Iterator[tuple[str, str]]:
    """Name and place in the order of all."""
    chance = random.Random(17)
    languages = list(NAMES.values())
    for number in range(count):
        given, family = (chance.choice(names) for names in languages[number % len(languages)])
        match number % 4:
            case 1:
                given = chance.choice(NAMESAKES)
            case 2:
                family = chance.choice(NAMESAKES).upper()
            case 3:
                given, family = chance.sample(NAMESAKES, 2)
        place = chance.choice(("Grauhof Spital", "Clinique des Lilas", "Canon Klinik", "Zeiss Spital"))
        yield f"{family}^{given}", place


def source(number: int, name: str, place: str) -> Dataset:
    """A photograph of ``name``, made by one of the cameras, some of which write their names into private attributes."""
    dataset = photograph()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPInstanceUID, dataset.PatientID = f"1.2.826.0.1.3680043.10.9999.17.{number + 1000}", f"P-{number:06d}"
    dataset.PatientName, dataset.ReferringPhysicianName, dataset.InstitutionName = name, name[::-1], place
    dataset.OperatorsName = "^".join(reversed(name.split("^")))
    dataset.Manufacturer, dataset.ManufacturerModelName = CAMERAS[number % len(CAMERAS)]
    term, value, meaning = BODY_PARTS[number % len(BODY_PARTS)]
    dataset.BodyPartExamined, dataset.AnatomicRegionSequence = term, [code(value, "SCT", meaning)]
    dataset.PatientOrientation = ORIENTATIONS[number % len(ORIENTATIONS)]
    dataset.StudyDescription = f"{meaning} of {name.replace('^', ' ')}"
    block = dataset.private_block(0x0019, dataset.Manufacturer.upper(), create=True)
    block.add_new(1, "LO", dataset.ManufacturerModelName)
    block.add_new(2, "OB", b"\xff\xd8\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0 %&'()*456789:CDEFGHIJSTUVWXYZcdefghij")
    return dataset


@cache
def objects_without_header() -> tuple[bytes, ...]:
    """Twins in both encodings and their segmentations, made of a header with nothing in it but ours."""
    empty, grid = photograph(), np.zeros((32, 32), np.float32)
    del empty.Manufacturer, empty.ManufacturerModelName, empty.SoftwareVersions
    clean, blobs = profile().apply(empty), []
    for lossless in (True, False):
        twin = derived_image(
            clean, skin(32, 32), role="sick-twin", source_sop_instance_uid="1.2.3", pseudonyms=PlainUids(),
            features_cleaned=True, text_cleaned=True, algorithm=ALGORITHM, lossless=lossless,
        )  # fmt: skip
        segments = segmentations(
            twin, grid, grid > 0, "erythema", source_sop_instance_uid="1.2.3", pseudonyms=PlainUids(),
            algorithm=ALGORITHM,
        )  # fmt: skip
        blobs += [written(each) for each in (twin, *segments)]
    return tuple(blobs)


def written(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    with quiet():
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("count", [500, pytest.param(2000, marks=pytest.mark.many)])
def test_people_are_held_for_no_name_and_leave_none(count: int) -> None:
    applied, ours = profile(), own_texts(ALGORITHM)
    nameless = 0
    for number, (name, place) in enumerate(people(count)):
        dataset = source(number, name, place)
        identifiers = Identifiers.under(applied, dataset, b"")
        clean = applied.apply(dataset)
        leave_out_namesakes(clean, identifiers)
        nameless += not clean.Manufacturer
        header = as_file(clean)
        for blob in (header, *objects_without_header()):
            assert identifiers.found_in(blob, ours) == [], (name, place, dataset.Manufacturer)
        free_text = " ".join(str(clean.get(each, "")) for each in ("Manufacturer", "ManufacturerModelName")).lower()
        words = {word.lower() for word in name.split("^") if len(word) > 2}
        assert words.isdisjoint(free_text.replace(",", " ").split()), "nobody's name is left in the camera's"
    assert 0 < nameless < count / 3, "cameras keep their names but where somebody is called like them"
