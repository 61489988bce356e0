"""Words that anyone may use: the vocabulary of the standard's own codes and terms.

A description made of such words alone ("face, erythema") names nobody and stands in what leaves for reasons of its own.
"""

from __future__ import annotations

import re
from functools import lru_cache

from dicom_io.header.public_codes import public_codes

BODY_PARTS = frozenset(
    """ABDOMEN ANKLE ARM AXILLA BACK BREAST BUTTOCK CALF CHEEK CHEST CHIN CLAVICLE EAR ELBOW EYE EYEBROW EYELID FACE
    FINGER FOOT FOREARM FOREHEAD GLUTEAL GROIN HAIR HAND HEAD HEEL HIP JAW KNEE LEG LIP LOWERLIMB MOUTH NAIL NECK NOSE
    PALM PELVIS SCALP SHOULDER SKIN SKULL SOLE TEMPLE THIGH THORAX THUMB TOE TONGUE TRUNK UPPERLIMB WHOLEBODY WRIST
    EXTREMITY HUMERUS LEGS ARMS HANDS FEET""".split()  # noqa: SIM905
)
"""Defined Terms of Body Part Examined (PS3.16 annex L) that a photograph of skin may have."""

TERMS = frozenset(
    """ORIGINAL DERIVED PRIMARY SECONDARY LABEL OVERVIEW YES NO UNKNOWN REMOVED MODIFIED UNMODIFIED RGB YBR_FULL
    YBR_FULL_422 YBR_RCT YBR_ICT YBR_PARTIAL_420 MONOCHROME1 MONOCHROME2 PALETTE COLOR SRGB ADOBERGB XC DMS SEG OT GM ES
    OP ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_15444_15 ISO_IR 192 100 BINARY FRACTIONAL LABELMAP PROBABILITY OCCUPANCY
    SEMIAUTOMATIC AUTOMATIC MANUAL BIPED QUADRUPED DSD DF WSD DV DI DRW SI HSG MIDDLE IDENTITY LINEAR SIGMOID 3D 2D
    00 01 LOSSY LOSSLESS CLASSIC COERCE CORRECT VOLUME TILED_FULL TILED_SPARSE PATIENT SLIDE
    CODE NUM NUMERIC CONTAINER POLARIZED NON_POLARIZED CONTACT NON_CONTACT ULTRASOUND_GEL ALCOHOL MINERAL_OIL
    PLASTIC_CAP WATER ENROLLMENT BASELINE""".split()  # noqa: SIM905
)
"""Defined Terms and Enumerated Values that our objects hold."""


@lru_cache(maxsize=1)
def public_values() -> frozenset[str]:
    """Code values, schemes and meanings of PS3.16, as they are written."""
    codes = public_codes()
    return frozenset({*codes.values(), *(value for _, value in codes), *(scheme for scheme, _ in codes)})


@lru_cache(maxsize=1)
def public_words() -> frozenset[str]:
    """The single words of the meanings, in lower case, three letters and longer."""
    return frozenset(word for meaning in public_codes().values() for word in re.findall(r"[a-z]{3,}", meaning.lower()))


def is_public_vocabulary(text: str) -> bool:
    """Whether ``text`` is a public code or meaning, or prose without digits in public words alone."""
    if text in public_values():
        return True
    words = re.findall(r"[^\W_]+", text.lower())
    return all((len(word) < 3 and word.isalpha()) or word in public_words() for word in words)


def is_defined_term(text: str) -> bool:
    """Whether each part of a coded string is a term of the standard's, which no name is meant by."""
    return all(part in TERMS or part in BODY_PARTS for part in re.split(r"[\\ ]+", text.strip(" \0")) if part)
