"""The texts that every object of ours holds, whatever the photograph: what the last check must not take for a leak."""

from __future__ import annotations

from dicom_io.writing import codes, derived, segmentation
from dicom_io.writing.derived import ROLES, Algorithm

DIMENSION_LABEL = "Referenced Segment Number"
"""What highdicom calls the one dimension of a segmentation."""


def own_texts(algorithm: Algorithm) -> frozenset[str]:
    """Every constant text that we write into an object: in there, a word that the source said too is no leak."""
    parameters = ",".join(f"{name}={value}" for name, value in algorithm.parameters.items())
    return frozenset(
        {
            *(text for role in ROLES.values() for text in (role.series_description, role.derivation_description)),
            *(text for concept in codes.CONCEPTS.values() for text in (concept.value, concept.scheme, concept.meaning)),
            DIMENSION_LABEL,
            *(derived.MANUFACTURER, derived.CODING_SCHEME_NAME, derived.IMPLEMENTATION_VERSION_NAME),
            *(segmentation.TRACKING_ID, segmentation.CONTENT_LABEL, segmentation.CONTENT_DESCRIPTION),
            *(series.description for series in segmentation.SERIES.values()),
            *(algorithm.name, algorithm.version, algorithm.digest, algorithm.contribution, parameters),
        }
    )
