"""The header without what identifies: the confidentiality profile, its rules, its pseudonyms and the site's key.

Nothing enters that touches pixels, files or the network.
"""

from dicom_io.header.actions import MODIFIED_DATES
from dicom_io.header.additions import NO_ADDITIONS, SiteAdditions, named
from dicom_io.header.cleaning import private_creator
from dicom_io.header.dummies import DATE, ENUMERATED
from dicom_io.header.explanation import Decision
from dicom_io.header.identity import PatientIdentity, SourceIdentity, lacks_uid
from dicom_io.header.lacking import is_lacking, is_lacking_uid
from dicom_io.header.profile import ConfidentialityProfile, check_options
from dicom_io.header.pseudonyms import LONGEST_SHIFT, Pseudonyms
from dicom_io.header.public_codes import is_coded_entry
from dicom_io.header.public_words import is_defined_term, is_public_vocabulary, public_values
from dicom_io.header.site_key import SiteKey, generate_key_file

__all__ = [
    "MODIFIED_DATES",
    "NO_ADDITIONS",
    "SiteAdditions",
    "named",
    "private_creator",
    "DATE",
    "ENUMERATED",
    "Decision",
    "ConfidentialityProfile",
    "check_options",
    "LONGEST_SHIFT",
    "PatientIdentity",
    "SourceIdentity",
    "is_lacking",
    "is_lacking_uid",
    "lacks_uid",
    "Pseudonyms",
    "is_coded_entry",
    "is_defined_term",
    "is_public_vocabulary",
    "public_values",
    "SiteKey",
    "generate_key_file",
]
