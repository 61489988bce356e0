"""The objects made of one photograph, as DICOM files, and the tree of folders in which they are handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from dicom_io.header import ConfidentialityProfile, Pseudonyms, SourceIdentity
from dicom_io.leaks import Identifiers, leave_out_namesakes
from dicom_io.reading import SourcePhotograph
from dicom_io.writing import Algorithm, derived_image, segmentations
from pipeline.photograph import Rgb, Subtraction
from plugin.durable import whole_file, write_file
from plugin.study.study import Output


@dataclass(frozen=True)
class OutputWriter:
    """Writes what leaves. UIDs depend on the key, the source and its making alone: written again, they are the same."""

    pseudonyms: Pseudonyms
    profile: ConfidentialityProfile
    algorithm: Algorithm
    healthy_twins: bool = True
    lossless: bool = True

    def write(
        self,
        source: SourcePhotograph,
        *,
        sick: Rgb,
        healthy: Rgb,
        subtraction: Subtraction,
        features_cleaned: bool,
        text_cleaned: bool,
        folder: Path,
        making: str = "",
    ) -> tuple[Output, ...]:
        """One sick twin, one healthy twin unless switched off, and two segmentations, as files in ``folder``.

        ``making``: where the source was made before, what keeps the UIDs of the new objects apart from the old ones'.
        Raises what ``dicom_io`` raises when the profile or an object cannot be made.
        """
        clean = self.profile.apply(source.header)
        leave_out_namesakes(clean, self.identifiers_of(source))
        # New UIDs are derived from this, and nothing of it is written.
        uid = SourceIdentity.of(source.header).instance + (f" making {making}" if making else "")
        sick_image = derived_image(
            clean, sick,
            role="sick-twin", source_sop_instance_uid=uid, pseudonyms=self.pseudonyms, algorithm=self.algorithm,
            features_cleaned=features_cleaned, text_cleaned=text_cleaned, history=source.history,
            lossless=self.lossless, options=self.profile.options,
        )  # fmt: skip
        objects: list[tuple[str, Dataset]] = [("sick-twin", sick_image)]
        if self.healthy_twins:
            healthy_image = derived_image(
                clean, healthy,
                role="healthy-twin", source_sop_instance_uid=uid, pseudonyms=self.pseudonyms, algorithm=self.algorithm,
                features_cleaned=features_cleaned, text_cleaned=text_cleaned, history=source.history,
                lossless=self.lossless, sick_twin=sick_image, options=self.profile.options,
            )  # fmt: skip
            objects.append(("healthy-twin", healthy_image))
        segments = segmentations(
            sick_image, subtraction.probability, subtraction.mask, subtraction.lesion_class,
            source_sop_instance_uid=uid, pseudonyms=self.pseudonyms, algorithm=self.algorithm,
        )  # fmt: skip
        objects += [("segmentation", segment) for segment in segments]
        return tuple(_save(role, dataset, folder) for role, dataset in objects)

    def identifiers_of(self, source: SourcePhotograph) -> Identifiers:
        """What of ``source`` must stand in nothing that leaves: everything that identifies but what options retain."""
        return Identifiers.under(self.profile, source.header, source.raw)


def place_in_tree(outputs: Sequence[Output], folder: Path) -> list[Path]:
    """Copies to ``folder/<StudyInstanceUID>/<role>/<SOPInstanceUID>.dcm``; what stood there before is replaced."""
    placed = []
    for output in outputs:
        target = folder / tree_path(output)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, output.path.read_bytes(), mode=0o644)
        placed.append(target)
    return placed


def tree_path(output: Output) -> Path:
    """Where an output lies below the folder of results."""
    return Path(output.study_instance_uid) / output.role / f"{output.sop_instance_uid}.dcm"


def _save(role: str, dataset: Dataset, folder: Path) -> Output:
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    with whole_file(path) as file:
        dataset.save_as(file, enforce_file_format=True)
    return Output(role, str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID), path)
