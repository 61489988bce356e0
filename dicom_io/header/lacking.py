"""What stands where nothing is known: values that strangers share because nobody had one to write.

Everything here errs to one side. A real value taken for a placeholder splits one patient or study in two; a placeholder
taken for a real value makes one of two strangers.
"""

from __future__ import annotations

import re
import unicodedata

from pydicom._uid_dict import UID_dictionary


def _plain(value: str) -> str:
    """Capitals without accents, in one composition."""
    bare = unicodedata.normalize("NFKD", value).upper()
    return unicodedata.normalize("NFC", "".join(letter for letter in bare if not unicodedata.combining(letter)))


def _parts(value: str) -> list[str]:
    """Runs of letters and runs of digits."""
    return re.findall(r"[^\W\d_]+|\d+", _plain(value))


WORDS = frozenset(
    "".join(_parts(word))
    for word in """UNKNOWN UNKN UNK UNBEKANNT INCONNU INCONNUE DESCONOCIDO DESCONOCIDA DESCONHECIDO SCONOSCIUTO ONBEKEND
    OKÄND UKJENT UKENDT TUNTEMATON NIEZNANY NIEZNANE NEZNÁMÝ BILINMIYOR BİLİNMİYOR ISMERETLEN НЕИЗВЕСТНО НЕИЗВЕСТНЫЙ
    НЕВІДОМО 不明 不詳 未知 未詳 미상 모름 مجهول معروف غير अज्ञात ไม่ทราบ ANONYMOUS ANONYM ANONYME ANONYMISED ANONYMIZED
    ANONYMISIERT ANONYMISÉ ANONIMO ANÓNIMO ANONIMIZADO ANONIEM ANON АНОНИМ АНОНИМНО 匿名 无名 無名 익명 DEIDENTIFIED
    IDENTIFIED DE DEID REMOVED DELETED REDACTED MASKED HIDDEN BLANKED NONE NULL NIL NAN N A NA NV NR ND NO NOT
    NON KEIN KEINE OHNE SANS SIN SEM VOID EMPTY LEER VIDE VACIO VAZIO VUOTO BLANK MISSING FEHLT ABSENT
    UNDEFINED UNDEF UNSET UNSPECIFIED UNASSIGNED UNIDENTIFIED UNNAMED NAMELESS NONAME UNAVAILABLE AVAILABLE
    APPLICABLE PROVIDED SPECIFIED KNOWN ASSIGNED DEFINED SET GIVEN ANGABE BEKANNT CONNU TEST TESTING TESTER
    TESTPATIENT DEMO DUMMY DEFAULT SAMPLE EXAMPLE BEISPIEL PHANTOM SERVICE TEMP TMP TEMPORARY TBD TBA TODO
    PENDING EMERGENCY NOTFALL URGENCE PLACEHOLDER OTHER STRING VALUE TEXT ID IDS IDENTIFIER PAT PATID PATIENT
    PATIENTS PATIENTEN PATIENTENNUMMER PATIENTID PID MRN NUMBER NUMMER NUM NUMERO NAME NOID IS ISSUER
    ISSUEROFPATIENTID ACCESSION ACCESSIONNUMBER ACC STUDY SERIES INSTANCE UID STUDYUID SERIESUID SOP OF THE X
    XX""".split()  # noqa: SIM905
)
"""Words that say that there is nothing, and those that stand beside them ("no patient ID")."""

FEWEST_REPEATED = 3
"""Times one character is repeated ("XXXX") from which it fills a field."""

FEWEST_COUNTED = 3
"""Digits in a row ("123") from which they are keys pressed one after the other."""

DUMMY_BIRTH_DATES = frozenset(
    {"00000000", "00010101", "11111111", "18000101", "19000101", "19010101", "19700101", "99991231"}
)
"""What systems write that must write a date."""

STANDARD_ROOT = "1.2.840.10008."
"""The UIDs of the standard itself: they name kinds of things, never a study or an instance."""

FEWEST_DIGITS = 10
"""Digits of a UID: an organisation's root alone has about eight."""


def is_lacking(value: str) -> bool:
    """Whether ``value``, an identifier in free form (an ID, an issuer, an accession number), names nothing."""
    parts = _parts(value)
    return "".join(parts) in WORDS or all(part in WORDS or set(part) == {"0"} or _is_filling(part) for part in parts)


def is_shared(value: str) -> bool:
    """Whether ``value`` is an ID that systems and people hand out to many: "1", "123456", "1111"."""
    digits = "".join(_parts(value))
    if not digits.isdigit():
        return False
    if digits.lstrip("0") == "1" or (len(digits) >= FEWEST_REPEATED and len(set(digits)) == 1):
        return True
    rising, falling = digits in "01234567890" and digits[0] in "01", digits in "9876543210" and digits[-1] in "01"
    return len(digits) >= FEWEST_COUNTED and (rising or falling)


def is_lacking_uid(uid: str) -> bool:
    """Whether ``uid`` can't be the UID of anything: empty, a word for nothing, or too poor to be somebody's.

    "1.2.3.4.5.6" and "2.25.1" belong to everybody who needed a UID and had none.
    """
    text = uid.strip(" \0")
    if re.fullmatch(r"[\d.]*", text) is None:
        return is_lacking(text)
    parts = [part for part in text.split(".") if part]
    digits = "".join(parts)
    return len(digits) < FEWEST_DIGITS or len(set(digits)) == 1 or all(len(part.lstrip("0")) < 3 for part in parts)


def is_of_the_standard(uid: str) -> bool:
    """Whether ``uid`` is one of those that the standard registers or keeps for itself."""
    return uid in UID_dictionary or uid.startswith(STANDARD_ROOT)


def is_lacking_birth_date(date: str) -> bool:
    """Whether ``date`` (DA) is no day on which somebody was born."""
    digits = re.sub(r"[-.:/ ]", "", date)
    return re.fullmatch(r"\d{8}", digits) is None or digits in DUMMY_BIRTH_DATES


def _is_filling(text: str) -> bool:
    """Whether it is one letter over and over."""
    return len(text) >= FEWEST_REPEATED and len(set(text)) == 1 and not text.isdigit()
