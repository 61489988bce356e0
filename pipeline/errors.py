"""Errors of the pixel pipeline.

    PipelineError
    ├── Refusal               the photograph must not leave as it is; a person decides
    │   ├── Rejected          the check was made and the twin is still the patient
    │   └── Undecided         the check could not be made: a score that is not a number, a crash, a face not found again
    │       ├── FaceDenied    a recogniser sees no face where the finder does
    │       ├── FaceSuspected something may be a face besides those that stand upright and are clearly seen
    │       ├── IdentifyingMark a tattoo, a ring or a band on skin that leaves with its own pixels
    │       ├── NoFaceFound   no face was found, and the policy does not let such a photograph pass without one
    │       ├── OutsideDomain a face unlike all that the model was trained on
    │       └── TextOnSkin    text was found that touches skin or a face, or cannot be told from it
    ├── ModelError            a model folder, its weights or its hash is not what it should be
    └── UnusablePhotograph    the pixels cannot be edited: too small, not 8-bit RGB
"""

from __future__ import annotations


class PipelineError(Exception):
    """Base of everything that ``pipeline`` raises on purpose."""


class Refusal(PipelineError):
    """The photograph must not leave. Never raised itself: always one of the two kinds below."""


class Rejected(Refusal):
    """The gate compared the twin with the patient and they are still the same person."""


class Undecided(Refusal):
    """The gate could not compare: silence is never taken for safety."""


class FaceDenied(Undecided):
    """A recogniser looks for a face where the finder found one, and sees none there."""


class FaceSuspected(Undecided):
    """Something may be a face that no edit would change. Another persona changes nothing; a person may know better."""


class IdentifyingMark(Undecided):
    """A mark on the skin may tell who somebody is, and no edit would change it. A person may know better."""


class NoFaceFound(Undecided):
    """No face was found where the policy wants one. Another persona changes nothing; a person may know better."""


class OutsideDomain(Undecided):
    """The model knows no such faces, so that its twin may be half a change. Another persona changes nothing."""


class TextOnSkin(Undecided):
    """Text lies on skin or a face, where filling it would cut into what the photograph is for."""


class ModelError(PipelineError):
    """A model, its weights or its recorded hash is missing, damaged or of an unknown kind."""


class UnusablePhotograph(PipelineError):
    """The pixels cannot be worked on (size, type or channels)."""
