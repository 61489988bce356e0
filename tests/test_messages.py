"""What the product says when it does not do something: words, what to do about it, and nothing of a patient's."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import logging
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

import dicom_io.errors
import pipeline.errors
import plugin.errors
from dicom_io.errors import WORDS, DicomError, in_words
from dicom_io.header import SiteKey, generate_key_file
from dicom_io.quiet import quiet
from pipeline.errors import PipelineError
from plugin.commands import process as module
from plugin.commands.process import process
from plugin.commands.terminal import terminal
from plugin.config import Configuration
from plugin.study import ADVICE, refusal_of
from tests.plugin.commands.test_process import NoText
from tests.plugin.fakes import MirroringTwinMaker, photograph

HOUSES = ("dicom_io", "pipeline", "plugin")
BASES = {"DicomError", "PipelineError", "PluginError", "Refusal"}
"""Never raised themselves."""

FEWEST_WORDS = 3
WORD = re.compile(r"[A-Za-z][a-z']+")


def ours() -> dict[str, type[Exception]]:
    """Every error class of the product, by name."""
    return {
        name: kind
        for house in (dicom_io.errors, pipeline.errors, plugin.errors)
        for name, kind in inspect.getmembers(house, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == house.__name__
    }


def trees(repository: Path) -> Iterator[tuple[Path, ast.Module]]:
    for house in HOUSES:
        for path in sorted((repository / house).rglob("*.py")):
            yield path.relative_to(repository), ast.parse(path.read_text())


def raised(repository: Path) -> Iterator[tuple[str, str, ast.Call]]:
    """Where, which class of ours, and the call, of every error that is raised or made with a message."""
    for path, tree in trees(repository):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ours().keys() - BASES:
                yield f"{path}:{node.lineno}", node.func.id, node


def text_of(node: ast.expr, module_name: str) -> str | None:
    """The constant part of a message: of an f-string what stands between its values. None where it is not in sight."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return " ".join(text_of(part, module_name) or "…" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, module_name)
    if isinstance(node, ast.BinOp):
        return f"{text_of(node.left, module_name) or ''}{text_of(node.right, module_name) or ''}"
    if isinstance(node, ast.Name):
        value = getattr(importlib.import_module(module_name), node.id, None)
        return value if isinstance(value, str) else None
    return None


def test_every_message_of_ours_is_a_sentence(repository: Path) -> None:
    poor, seen = [], 0
    for where, name, call in raised(repository):
        module_name = where.partition(":")[0].removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        texts = [text for argument in call.args if (text := text_of(argument, module_name)) is not None]
        if not texts:
            continue
        seen += 1
        if max(len(WORD.findall(text)) for text in texts) < FEWEST_WORDS:
            poor.append(f"{where}: {name}: {texts}")
    assert seen > 150, "the walk has lost its way"
    assert poor == []


def test_no_message_repeats_what_somebody_else_s_exception_says_of_data(repository: Path) -> None:
    """In dicom_io an exception's own text is never part of ours: pydicom quotes the values that it complains of."""
    quoting = []
    for where, name, call in raised(repository):
        if not where.startswith("dicom_io/"):
            continue
        for value in ast.walk(call):
            if isinstance(value, ast.FormattedValue) and ast.unparse(value.value) in {"error", "str(error)", "exc"}:
                quoting.append(f"{where}: {name}")
    # Paths and settings that an operator wrote, and messages of our own that are handed on.
    allowed = {"dicom_io/header/site_key.py"}
    assert [each for each in quoting if each.partition(":")[0] not in allowed] == []


def test_every_error_that_may_hold_a_photograph_back_has_advice(repository: Path) -> None:
    refusing = {name for name, kind in ours().items() if issubclass(kind, DicomError | PipelineError)} - BASES
    for _, tree in trees(repository):
        for node in ast.walk(tree):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal"
            if named and len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
                refusing.add(str(node.args[1].value))
    assert len(refusing) > 15
    assert refusing - ADVICE.keys() == set()
    for advice in ADVICE.values():
        assert len(WORD.findall(advice)) > FEWEST_WORDS and advice.endswith(".")


@pytest.mark.parametrize(
    "error",
    [kind for kinds, _ in WORDS for kind in kinds] + [Exception, StopIteration, pydicom.errors.InvalidDicomError],
    ids=lambda kind: kind.__name__,
)
def test_what_an_exception_of_others_means_is_said_in_words(error: type[Exception]) -> None:
    made = error.__new__(error)
    made.args = ("Quillfeather^Ottoline",)
    words = in_words(made)
    assert len(WORD.findall(words.partition("(")[0])) >= FEWEST_WORDS
    assert words.endswith(f"({error.__name__})")
    assert "Quillfeather" not in words
    refusal = refusal_of("read", made)
    assert (refusal.error, words in refusal.reason) == ("Unforeseen", True)
    assert "Quillfeather" not in refusal.reason


IMAGE_ATTRIBUTES = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SpecificCharacterSet", "NumberOfFrames",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "PixelAspectRatio", "ColorSpace", "ICCProfile", "WindowCenter",
    "WindowWidth", "RescaleSlope", "RescaleIntercept", "VOILUTFunction", "RedPaletteColorLookupTableDescriptor",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod", "Laterality",
    "ImageLaterality", "ImageType", "BurnedInAnnotation", "RecognizableVisualFeatures", "ViewPosition",
    "InstitutionName", "OpticalPathSequence", "OtherPatientIDsSequence", "FrameOfReferenceUID",
)  # fmt: skip
FILE_META = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")
NAME, NUMBER = b"QUILLFEATHER^OTTOLINE-8841 ", b"5550148841"
"""What must not be repeated: a name where a term is expected, and a telephone number where a count is."""


def planted(keyword: str, value: bytes, vr: str, folder: Path) -> Path:
    """A photograph with ``value`` in ``keyword``."""
    image: Dataset = photograph("1.2.826.0.1.3680043.8.498.95")
    path = folder / "photo.dcm"
    if keyword in FILE_META:
        image.save_as(path, enforce_file_format=True)
        old = str(image.file_meta[keyword].value).encode()
        path.write_bytes(path.read_bytes().replace(old, value.ljust(len(old), b"\0")[: len(old)], 1))
        return path
    tag = Tag(tag_for_keyword(keyword))
    padded = value + b" " * (len(value) % 2)
    image[tag] = RawDataElement(tag, "LO", len(padded), padded, 0, False, True)  # written as it is, whatever it says
    with quiet():
        image.save_as(path, enforce_file_format=True)
    if vr == "UN":
        head = struct.pack("<HH", tag.group, tag.element)
        short, long = struct.pack("<2sH", b"LO", len(padded)), struct.pack("<2sxxI", b"UN", len(padded))
        path.write_bytes(path.read_bytes().replace(head + short + padded, head + long + padded, 1))
    return path


@pytest.fixture
def key(tmp_path: Path) -> SiteKey:
    generate_key_file(tmp_path / "site.key")
    return SiteKey.from_file(tmp_path / "site.key")


@pytest.mark.slow
@pytest.mark.parametrize("keyword", sorted({*IMAGE_ATTRIBUTES, *FILE_META}))
def test_whatever_stands_in_a_header_nothing_repeats_it(
    keyword: str,
    tmp_path: Path,
    key: SiteKey,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "load_text_remover", NoText)
    caplog.set_level(logging.DEBUG, "plugin")
    for number, (value, vr) in enumerate(((NAME, "UN"), (NUMBER, "LO"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        file = planted(keyword, value, vr, folder)
        assert value[:20].rstrip() in file.read_bytes()
        configuration = Configuration(folder=folder)
        console = terminal(stderr=True)
        (outcome,) = process([file], folder / "out", configuration, key, MirroringTwinMaker(), console)
        captured = capsys.readouterr()
        said = captured.out + captured.err + caplog.text + json.dumps(
            json.loads((folder / "out" / "manifest.json").read_text())
        )  # fmt: skip
        for part in (b"QUILLFEATHER", b"OTTOLINE", b"5550148841"):
            assert part.decode() not in said.upper(), f"{keyword} as {vr}"
        if outcome.refusal is not None:
            assert len(WORD.findall(outcome.refusal.reason)) >= FEWEST_WORDS
            assert outcome.refusal.error in ADVICE
