"""What stands in for the patient's identifiers: every value an HMAC under the site's key.

The same patient stays one patient across studies, instances keep their references to each other, and a restart changes
nothing. Without the key nothing can be recomputed or confirmed, not even by trying every possible patient ID.
"""

from __future__ import annotations

import base64
import unicodedata
from dataclasses import dataclass

from dicom_io.header.identity import lacks_uid
from dicom_io.header.site_key import SiteKey

LONGEST_SHIFT = 365
"""Days. Dates move back by 1 to ``LONGEST_SHIFT`` days, so that none comes to lie in the future."""


@dataclass(frozen=True)
class Pseudonyms:
    """``key``: the site's. ``project``: another project gives other pseudonyms, so that releases can't be joined.

    ``generation``: counted up, it gives one project new pseudonyms under the same key and leaves the others alone. The
    first generation is that of releases made before it could be counted.
    """

    key: SiteKey
    project: str = "default"
    generation: int = 1

    def uid(self, original: str) -> str:
        """The UID in place of ``original``, always the same: "2.25." and 122 bits of the HMAC (PS3.5 annex B.2).

        Raises ``ValueError`` for an empty UID, which must stay empty.
        """
        original = original.strip(" \0")
        if not original:
            raise ValueError("an empty UID has no pseudonym")
        return self._uid("uid", original)

    def derived_uid(self, *parts: str) -> str:
        """A UID for something that the source does not have, named by ``parts`` (a role and a source UID, say)."""
        return self._uid("derived UID", *parts)

    def patient_id(self, patient_id: str, issuer: str | None) -> str:
        """The Patient ID in place of ``patient_id`` of ``issuer``: "TV-" and 16 characters."""
        return "TV-" + self._letters("patient ID", _same(patient_id), _same(issuer or ""))

    def patient_name(self, patient_id: str, issuer: str | None) -> str:
        """The Patient's Name (PN): the pseudonymous ID again, since a second pseudonym would only be one more to match.

        It is a family name with an empty given name, so that no word of ours can be taken for a patient's.
        """
        return self.patient_id(patient_id, issuer) + "^"

    def accession(self, accession: str, patient_id: str = "", issuer: str | None = None) -> str:
        """The Accession Number (SH, 16 characters) in place of ``accession`` of that patient.

        Two hospitals count their requests from one as well, and few say who issued the number.
        """
        return self._letters("accession number", _same(accession), _same(patient_id), _same(issuer or ""))

    def ae_title(self, title: str) -> str:
        """The AE title (16 characters) in place of ``title``: the same station stays one station."""
        return self._letters("AE title", title.strip(" \0"))

    def study_id(self, study_instance_uid: str) -> str:
        """The Study ID (SH, 16 characters) of the study with ``study_instance_uid``: the source's or a made one."""
        return self._letters("study ID", study_instance_uid.strip(" \0"))

    def date_shift(self, patient_id: str, issuer: str | None) -> int:
        """Whole days, -``LONGEST_SHIFT`` to -1, to be added to every date of the patient: intervals stay true."""
        mac = self._mac("date shift", _same(patient_id), _same(issuer or ""))
        return -1 - int.from_bytes(mac[:8], "big") % LONGEST_SHIFT

    def persona_seed(self, patient_id: str, issuer: str | None) -> bytes:
        """32 bytes that choose the person whom the patient becomes, at every visit the same."""
        return self._mac("persona", _same(patient_id), _same(issuer or ""))

    def source_digest(self, sop_instance_uid: str) -> str:
        """32 hexadecimal digits that name a source instance in manifests, logs and folders."""
        return self._mac("source digest", sop_instance_uid.strip(" \0")).hex()[:32]

    def study_digest(self, study_instance_uid: str, sop_instance_uid: str) -> str:
        """The same for a source study. An instance that tells none, or a placeholder, is a study of its own."""
        lacking = lacks_uid(study_instance_uid.strip(" \0"))
        return self.source_digest(f"study of {sop_instance_uid}" if lacking else study_instance_uid)

    def fingerprint(self) -> str:
        """8 hexadecimal digits that tell one key, project and generation from another, and nothing about the key."""
        return self._mac("fingerprint").hex()[:8]

    def _mac(self, purpose: str, *parts: str) -> bytes:
        if self.generation == 1:
            return self.key.mac(purpose, self.project, *parts)
        return self.key.mac(purpose, f"generation {self.generation}", self.project, *parts)

    def _uid(self, purpose: str, *parts: str) -> str:
        bits = int.from_bytes(self._mac(purpose, *parts)[:16], "big")
        bits = bits & ~(0xF << 76) | 8 << 76  # version 8, "custom" (RFC 9562 section 5.8)
        bits = bits & ~(0x3 << 62) | 2 << 62  # the variant that all UUIDs of that RFC share
        return f"2.25.{bits}"

    def _letters(self, purpose: str, *parts: str) -> str:
        """80 bits as 16 characters A-Z and 2-7."""
        return base64.b32encode(self._mac(purpose, *parts)[:10]).decode("ascii")


def _same(value: str) -> str:
    """Spellings of a value that DICOM holds equal (trailing padding, Unicode composition) made one."""
    return unicodedata.normalize("NFC", value).strip(" \0")
