"""The personas in words: what a text encoder, which knows none of them by name, is told instead.

A persona is a fixed set of words and no noise: an edit still draws its own, since whoever has an edit's noise can run
it backwards. The same patient is therefore led towards the same description at every visit.

Only the face is described: hair, ears and neck are the patient's where the swapped head ends, and a head with other
hair would show a seam. Eyes are dark, brown or hazel, which people of every complexion have: blue ones pull skin
towards fair.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.vocabulary.prompts import PERSONAS, ClinicalPrompt

_NAMES = ("face_length", "face_width", "jaw", "nose_width", "nose_length", "lips", "eye_size", "eye_spacing",
          "eye_colour", "brows", "brow_height", "beard")  # fmt: skip

_ROWS = """
short   average narrow narrow short full large close hazel thick high none
long    narrow  wide   narrow long  thin large close hazel thin  high stubble
long    narrow  narrow narrow short full small close brown thin  high none
short   average wide   wide   long  thin small close hazel thin  low  stubble
long    wide    wide   narrow short full large close dark  thick low  none
long    wide    narrow wide   long  thin large wide  hazel thick low  stubble
short   narrow  narrow narrow long  full large wide  hazel thin  low  none
long    narrow  wide   wide   short thin small wide  dark  thick low  stubble
long    average narrow wide   long  thin small close dark  thick high beard
short   wide    wide   wide   short thin large close brown thin  high none
average wide    wide   wide   long  full small wide  dark  thin  high beard
short   average narrow narrow short thin small wide  dark  thin  high none
short   wide    wide   narrow long  thin small wide  brown thick low  beard
average average narrow wide   short thin large close brown thick low  stubble
average average wide   narrow short thin large wide  hazel thin  low  none
short   average wide   wide   long  full large wide  dark  thick low  beard
average wide    narrow narrow long  thin large close dark  thin  low  stubble
long    average wide   narrow long  full small wide  hazel thick high beard
average wide    wide   narrow short thin small close hazel thick high stubble
short   wide    narrow wide   short full small wide  brown thick high beard
long    average narrow wide   long  full large wide  brown thin  high beard
average wide    narrow wide   short full small close hazel thin  low  beard
average narrow  narrow wide   long  thin small wide  brown thin  low  stubble
average narrow  wide   wide   short full large wide  hazel thick high stubble
"""

DESCRIBED: Mapping[str, ClinicalPrompt] = MappingProxyType(
    {
        persona: ClinicalPrompt(dict(zip(_NAMES, row.split(), strict=True)))
        for persona, row in zip(PERSONAS, _ROWS.strip().splitlines(), strict=True)
    }
)
"""By persona; every word is of ``PERSONA_FIELDS``. No two agree in more than six of the words beside beards."""
