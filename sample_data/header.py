"""The header of a sample photograph: what hospitals really write into one, and a record of what must never leave.

``PlantedHeader`` sets attributes in two ways. ``say`` sets what every such photograph says and anybody may know.
``plant`` sets an identifier and records it, so that a test can look for it in every byte that left.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.sequence import Sequence
from pydicom.uid import DermoscopicPhotographyImageStorage

from sample_data.patients import SKIN_TYPES, Code, Person, Visit

ORGANISATION = "1.2.826.0.1.3680043.10.1999"
"""Root of the sample UIDs."""

HOSPITAL = "Sankt Brendan Havsklinik"
HOSPITAL_ADDRESS = "Fyrtornsplatsen 3, 90999 Norrvik"
DEPARTMENT = "Hudmottagning B7"
STATION = "HUDFOTO-B7-02"
CAMERA_SERIAL = "CB-7741-220956"
PRIVATE_CREATOR = "CUTIS ARCHIVE 3.1"


def code_item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item


def digits(owner: Visit | Person, purpose: str, count: int) -> str:
    """``count`` decimal digits that belong to this visit, or person, and purpose alone; the first is never 0."""
    whose = owner.folder if isinstance(owner, Visit) else owner.patient_id
    number = int.from_bytes(hashlib.sha256(f"{whose}/{purpose}".encode()).digest(), "big")
    return str(number % (9 * 10 ** (count - 1)) + 10 ** (count - 1))


class PlantedHeader:
    """A data set under construction and the identifiers that were planted in it, as ``(where, value)``."""

    def __init__(self, dataset: Dataset | None = None, planted: list[tuple[str, str]] | None = None) -> None:
        self.dataset = Dataset() if dataset is None else dataset
        self.planted: list[tuple[str, str]] = [] if planted is None else planted

    def say(self, **attributes: Any) -> None:
        for keyword, value in attributes.items():
            setattr(self.dataset, keyword, value)

    def plant(self, **attributes: Any) -> None:
        for keyword, value in attributes.items():
            setattr(self.dataset, keyword, value)
            for text in value if isinstance(value, list) else [value]:
                self.planted.append((keyword, str(text)))
                if dictionary_VR(keyword) == "PN":
                    parts = (part for group in str(text).split("=") for part in group.split("^"))
                    self.planted += [(keyword, part) for part in parts if len(part) > 5]

    def item(self, keyword: str) -> PlantedHeader:
        """A new item at the end of the sequence ``keyword``; what is planted in it is recorded with the rest."""
        if keyword not in self.dataset:
            setattr(self.dataset, keyword, Sequence())
        child = Dataset()
        getattr(self.dataset, keyword).append(child)
        return PlantedHeader(child, self.planted)


def uid(visit: Visit, purpose: str) -> str:
    return f"{ORGANISATION}.{digits(visit, purpose, 18)}"


def sample_header(visit: Visit) -> PlantedHeader:
    """Everything but the pixels: Patient, Study, Series, Equipment, Image, Acquisition Context, private elements."""
    header = PlantedHeader()
    header.say(SpecificCharacterSet=visit.person.character_set, SOPClassUID=visit.sop_class)
    header.plant(
        SOPInstanceUID=uid(visit, "instance"),
        StudyInstanceUID=uid(visit, "study"),
        SeriesInstanceUID=uid(visit, "series"),
    )
    _patient(header, visit)
    _study(header, visit)
    _series(header, visit)
    _equipment(header)
    _image(header, visit)
    _private(header, visit)
    return header


def _patient(header: PlantedHeader, visit: Visit) -> None:
    person = visit.person
    header.plant(
        PatientName=person.name,
        PatientID=person.patient_id,
        IssuerOfPatientID="HAVSKLINIK-MPI",
        PatientBirthDate=person.birth_date,
        PatientBirthName=f"Fornamn-{digits(person, 'born', 4)}^{person.given}",
        PatientMotherBirthName=f"Modersnamn-{digits(person, 'mother', 4)}^Ulrika",
        PatientAddress=person.address,
        PatientTelephoneNumbers=person.telephone,
        Occupation=person.occupation,
        MedicalRecordLocator=f"SHELF-{digits(visit, 'shelf', 6)}",
        PatientComments=f"Prefers to be called {person.given.split()[0]}; brother works at {HOSPITAL}",
        AdditionalPatientHistory=f"Referred after holiday in Port Skerrow, tel {person.telephone}",
    )
    header.say(PatientSex=person.sex, PatientAge=visit.age)
    other = header.item("OtherPatientIDsSequence")
    other.plant(PatientID=f"SSN-{digits(person, 'ssn', 9)}", IssuerOfPatientID="RIKSREGISTRET-41")
    other.say(TypeOfPatientID="TEXT")
    header.dataset.AdmittingDiagnosesCodeSequence = Sequence([code_item(visit.diagnosis)])
    header.plant(AdmittingDiagnosesDescription=f"{visit.diagnosis[2]}, known to Dr Ekmansdotter since spring")
    header.plant(AdmissionID=f"ADM{digits(visit, 'admission', 8)}")


def _study(header: PlantedHeader, visit: Visit) -> None:
    header.plant(
        StudyDate=visit.study_date,
        StudyTime=visit.study_time,
        AccessionNumber=f"HF{digits(visit, 'accession', 9)}",
        StudyID=f"ST{digits(visit, 'study id', 7)}",
        ReferringPhysicianName="Ekmansdotter^Ragnhild^^Dr",
        PhysiciansOfRecord="Castellanos-Iriarte^Benicio",
        StudyDescription=f"Dermatology follow-up for {visit.person.family}",
        RequestingService="Norrvik outreach dermatology",
    )
    referring = header.item("ReferringPhysicianIdentificationSequence")
    referring.plant(
        InstitutionName="Vardcentralen Tistelgatan",
        PersonAddress="Tistelgatan 55, 90998 Norrvik",
        PersonTelephoneNumbers="+46 31 390 06 71",
    )
    identification = referring.item("PersonIdentificationCodeSequence")
    identification.plant(CodeValue=f"LIC{digits(visit, 'licence', 7)}")
    identification.say(CodingSchemeDesignator="99NORRVIK")
    identification.plant(CodeMeaning="Ragnhild Ekmansdotter")
    header.item("ReferencedStudySequence").say(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1")
    header.dataset.ReferencedStudySequence[0].ReferencedSOPInstanceUID = uid(visit, "earlier study")
    header.planted.append(("ReferencedSOPInstanceUID", uid(visit, "earlier study")))


def _series(header: PlantedHeader, visit: Visit) -> None:
    dermoscopy = visit.sop_class == DermoscopicPhotographyImageStorage
    header.say(Modality="DMS" if dermoscopy else "XC", SeriesNumber=1, BodyPartExamined=visit.body_part)
    header.plant(
        SeriesDate=visit.study_date,
        SeriesTime=visit.study_time,
        SeriesDescription=f"Room 12B {visit.person.given}",
        PerformingPhysicianName="Okonjo-Brandt^Ifeoma",
        OperatorsName="Zetterlund^Pernilla",
        ProtocolName="Norrvik skin camera routine",
        PerformedProcedureStepID=f"PPS{digits(visit, 'step', 7)}",
        PerformedProcedureStepDescription="Photograph after consultation with Ekmansdotter",
    )
    request = header.item("RequestAttributesSequence")
    request.plant(
        RequestedProcedureID=f"RP{digits(visit, 'procedure', 8)}",
        ScheduledProcedureStepID=f"SPS{digits(visit, 'scheduled', 7)}",
        RequestedProcedureDescription=f"Skin photography of {visit.person.name}",
        ReasonForTheRequestedProcedure="Worried neighbour noticed a change",
    )


def _equipment(header: PlantedHeader) -> None:
    header.say(Manufacturer="Twinveil sample data", ManufacturerModelName="Rendered camera")
    header.plant(
        InstitutionName=HOSPITAL,
        InstitutionAddress=HOSPITAL_ADDRESS,
        InstitutionalDepartmentName=DEPARTMENT,
        StationName=STATION,
        DeviceSerialNumber=CAMERA_SERIAL,
    )
    header.say(SoftwareVersions="1.0")


def _image(header: PlantedHeader, visit: Visit) -> None:
    header.say(
        ImageType=["ORIGINAL", "PRIMARY"],
        InstanceNumber=1,
        PatientOrientation=["L", "F"],
        ImageLaterality="U",
        BurnedInAnnotation="NO",
    )
    header.plant(
        ContentDate=visit.study_date,
        ContentTime=visit.study_time,
        AcquisitionDateTime=f"{visit.study_date}{visit.study_time}",
        InstanceCreationDate=visit.study_date,
        InstanceCreationTime=visit.study_time,
        ImageComments=f"Shown to {visit.person.name} on the screen in {STATION}",
    )
    header.dataset.AnatomicRegionSequence = Sequence([code_item(visit.region)])
    context = header.item("AcquisitionContextSequence")
    context.say(ValueType="CODE")
    context.dataset.ConceptNameCodeSequence = Sequence(
        [code_item(("443635002", "SCT", "Fitzpatrick classification of skin type"))]
    )
    context.dataset.ConceptCodeSequence = Sequence([code_item(SKIN_TYPES[visit.skin_type])])
    note = header.item("AcquisitionContextSequence")
    note.say(ValueType="TEXT")
    note.dataset.ConceptNameCodeSequence = Sequence([code_item(("121106", "DCM", "Comment"))])
    note.plant(TextValue=f"Lamp borrowed from {DEPARTMENT}, returned by Zetterlund")
    sender = header.item("ContributingEquipmentSequence")
    sender.dataset.PurposeOfReferenceCodeSequence = Sequence([code_item(("109101", "DCM", "Acquisition Equipment"))])
    sender.say(Manufacturer="Twinveil sample data")
    sender.plant(
        InstitutionName=HOSPITAL,
        StationName="GATEWAY-KROKUS-5",
        OperatorsName="Vesterholm^Gunnar",
        ContributionDateTime=f"{visit.study_date}{visit.study_time}",
    )
    if visit.sop_class == DermoscopicPhotographyImageStorage:
        header.plant(FrameOfReferenceUID=uid(visit, "frame of reference"))
        header.say(
            PositionReferenceIndicator="",
            RecognizableVisualFeatures="NO",
            LightSourcePolarization="POLARIZED",
            EmitterColorTemperature=5500,
            ContactMethod="NON_CONTACT",
            OpticalMagnificationFactor=10.0,
        )
    original = header.item("OriginalAttributesSequence")
    original.say(ReasonForTheAttributeModification="COERCE")
    original.plant(
        AttributeModificationDateTime=f"{visit.study_date}235911",
        ModifyingSystem="KROKUS-HL7-BRIDGE",
        SourceOfPreviousValues="Admission desk Lupinvägen",
    )
    original.item("ModifiedAttributesSequence").plant(
        PatientName=f"{visit.person.family}-Oldspelling^{visit.person.given}",
        PatientID=f"OLD-{digits(visit, 'old id', 8)}",
    )


def _private(header: PlantedHeader, visit: Visit) -> None:
    """Vendor elements as archives add them: text, a name inside a private sequence, bytes of unknown VR."""
    block = header.dataset.private_block(0x0009, PRIVATE_CREATOR, create=True)
    ward, bed = f"WARD-{digits(visit, 'ward', 5)}", f"Bed by the window, {visit.person.given.split()[0]}"
    block.add_new(0x01, "LO", ward)
    block.add_new(0x02, "LT", bed)
    child = Dataset()
    inner = child.private_block(0x0009, PRIVATE_CREATOR, create=True)
    inner.add_new(0x11, "PN", "Brattberg^Ingegerd")
    block.add_new(0x10, "SQ", Sequence([child]))
    token = f"token={digits(visit, 'token', 16)}"
    header.dataset.private_block(0x0029, PRIVATE_CREATOR, create=True).add_new(0x20, "UN", token.encode())
    header.planted += [
        ("(0009,xx01)", ward),
        ("(0009,xx02)", bed),
        ("(0009,xx11)", "Brattberg"),
        ("(0009,xx11)", "Ingegerd"),
        ("(0029,xx20)", token),
    ]
