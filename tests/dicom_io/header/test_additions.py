"""A site's additions: stricter is always allowed, looser only where an option says so."""

from __future__ import annotations

from typing import Any

import pytest

from dicom_io.errors import ProfileError
from dicom_io.header import ConfidentialityProfile, Pseudonyms, SiteAdditions
from dicom_io.standard import profile_table
from tests.dicom_io.profile_sources import KEY, photograph


def applied(settings: dict[str, Any], *options: str) -> ConfidentialityProfile:
    chosen = frozenset(options)
    return ConfidentialityProfile(Pseudonyms(KEY), chosen, SiteAdditions.read(settings, chosen))


def test_a_site_can_remove_what_the_profile_would_keep() -> None:
    clean = applied({"remove": ["ManufacturerModelName", "(0018,1020)", "Modality"]}).apply(photograph())
    assert "ManufacturerModelName" not in clean
    assert "SoftwareVersions" not in clean
    assert clean.Modality == "UNKNOWN", "Type 1: a dummy is the least that keeps the object valid"


def test_a_site_can_remove_part_of_what_an_option_retains() -> None:
    settings = {"remove": ["PatientSex"], "keep": ["PatientAge"]}
    clean = applied(settings, "retain_patient_characteristics").apply(photograph())
    assert (clean.PatientSex, clean.PatientAge) == ("", "060Y")


def test_a_site_can_put_constants_in_place_of_values() -> None:
    settings = {"replace": {"InstitutionName": "Trial centre", "StudyID": "PHOTO-1"}}
    clean = applied(settings).apply(photograph())
    assert (clean.InstitutionName, clean.StudyID) == ("Trial centre", "PHOTO-1")


def test_a_site_can_name_safe_private_attributes_of_its_cameras() -> None:
    source = photograph()
    source.private_block(0x0019, "LENSCO", create=True).add_new(0x10, "US", 7)
    clean = applied({"safe_private": ["0019,LENSCO,10"]}, "retain_safe_private").apply(source)
    assert clean[0x00191010].value == 7
    assert clean[0x00190010].value == "LENSCO"


def test_no_addition_keeps_what_no_option_in_force_retains() -> None:
    """Every row of the table, without any option: not one may be kept."""
    for row in profile_table().by_tag.values():
        if row.tag[:4] not in ("0000", "0002"):
            with pytest.raises(ProfileError):
                SiteAdditions.read({"keep": [f"({row.tag[:4]},{row.tag[4:]})"]}, frozenset())


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"keep": ["PatientAge"]}, "kept only under retain_patient_characteristics"),
        ({"keep": ["PatientName"]}, "no option of the profile keeps it"),
        ({"keep": ["PatientBirthDate"]}, "no option of the profile keeps it"),
        ({"keep": ["SequenceName"]}, "does not list it"),
        ({"keep": ["NoSuchKeyword"]}, "neither a keyword"),
        ({"keep": ["(0019,1010)"]}, "neither a keyword"),
        ({"keep": "PatientAge"}, "must be a list"),
        ({"remove": ["PatientID"]}, "only the node itself"),
        ({"replace": {"DeidentificationMethod": "none"}}, "only the node itself"),
        ({"replace": {"StudyDate": "yesterday"}}, "valid for VR DA"),
        ({"replace": {"StationName": "A\\B"}}, "valid for VR SH"),
        ({"replace": {"FrameOfReferenceUID": "1.2"}}, "no constant"),
        ({"replace": {"StationName": "A"}, "remove": ["StationName"]}, "more than one"),
        ({"safe_private": ["0019,LENSCO,10"]}, "only under retain_safe_private"),
        ({"loosen": ["PatientAge"]}, "unknown setting"),
    ],
)
def test_what_goes_too_far_is_refused_by_name(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ProfileError, match=complaint):
        SiteAdditions.read(settings, frozenset())


def test_a_private_attribute_is_named_with_its_creator() -> None:
    for name in ("0018,LENSCO,10", "0019,LENSCO", "0019,1010", 7):
        with pytest.raises(ProfileError, match="gggg,CREATOR,ee"):
            SiteAdditions.read({"safe_private": [name]}, frozenset({"retain_safe_private"}))
