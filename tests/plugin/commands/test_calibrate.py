"""``twinveil calibrate`` on pictures of people who do not exist, from the folder to a gate that judges by its file."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner, Result

from pipeline.errors import ModelError, Rejected
from pipeline.faces import FaceFinder, Recognisers
from pipeline.gate import Calibration, Gate, find_calibration, gate_digests
from pipeline.gate.labelled_faces import FEWEST_PEOPLE
from pipeline.photograph import Hints
from plugin.commands import cli
from plugin.config import Configuration
from tests.pipeline.rendered_faces import patient

pytestmark = pytest.mark.slow

PICTURES = 3
PERSON, SCENE = 8_700_000, 8_710_000
FACE = Hints(view="face")


def twinveil(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each person, a PNG file for each scene."""
    pytest.importorskip("numba", reason="numba is not installed: nothing renders (pip install twinveil[train])")
    from pipeline.renderer import Renderer, mpfb2_folder

    try:
        head = mpfb2_folder()
    except SystemExit as missing:
        pytest.skip(str(missing))
    renderer = Renderer(head, None, tmp_path_factory.mktemp("renderer-cache"), size=256)
    folder = tmp_path_factory.mktemp("people")
    for person in range(FEWEST_PEOPLE):
        own = folder / f"person-{person:02}"
        own.mkdir()
        for picture in range(PICTURES):
            scene = SCENE + 10 * person + picture
            rgb = renderer.patient(PERSON + person, scene=scene, kind="healthy").photograph
            assert cv2.imwrite(str(own / f"{picture}.png"), rgb[..., ::-1])
    return folder


@pytest.fixture(scope="module")
def written(people: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The file that the command wrote, and what it said."""
    out = tmp_path_factory.mktemp("node") / "clinic.toml"
    origin = ("--name", "clinic", "--origin", "twenty people who do not exist")
    result = twinveil("calibrate", people, "--out", out, *origin)
    assert result.exit_code == 0, result.output
    return out, result


def test_the_file_says_what_was_measured_and_by_what(written: tuple[Path, Result]) -> None:
    path, result = written
    made = Calibration.read(path)
    assert (made.name, made.origin) == ("clinic", "twenty people who do not exist")
    assert made.digests == gate_digests(FaceFinder(), Recognisers.load())
    assert {"yunet", "sface"} <= made.digests.keys()
    assert any(name.startswith("dlib") for name in made.digests)
    assert made.figures["people"] == FEWEST_PEOPLE
    seen = made.figures["photographs"]
    assert seen + made.figures["photographs_without_a_face"] == FEWEST_PEOPLE * PICTURES
    assert seen >= 0.9 * FEWEST_PEOPLE * PICTURES, "most faces are seen, or the figures are about few"
    assert made.figures["same_person_pairs"] + made.figures["stranger_pairs"] == seen * (seen - 1) / 2
    assert f"{seen:.0f} photographs with a face" in " ".join(result.output.split())


def test_every_figure_of_the_readme_is_there_with_its_bounds(written: tuple[Path, Result]) -> None:
    path, result = written
    made = Calibration.read(path)
    for recogniser in ("sface", "dlib"):
        for key in ("eer", "tar_at_far_1e3", "tar_at_far_1e4"):
            name = f"{recogniser}_{key}"
            low, figure, high = (made.figures[f"{name}{end}"] for end in ("_low", "", "_high"))
            assert 0 <= low <= figure <= high <= 1, name
            assert name in result.output, "and it is shown"
        assert made.figures[f"{recogniser}_eer"] < 0.4, "better than a coin, on faces of the same scenes"
        assert made.figures[f"{recogniser}_tar_at_far_1e4"] <= made.figures[f"{recogniser}_tar_at_far_1e3"]
        rates = [(far, tar) for _, far, tar in made.roc[recogniser]]
        assert len(rates) >= 5
        assert rates == sorted(rates)


def test_a_gate_takes_it_and_judges_by_its_thresholds(written: tuple[Path, Result]) -> None:
    made = Calibration.read(written[0])
    gate = Gate(FaceFinder(), Recognisers.load(), made)
    said = f"below {made.sface_cosine:.3f}.*above {made.dlib_distance:.3f}.*below 0.650.*calibration 'clinic'"
    with pytest.raises(Rejected, match=said):
        gate.judge(patient(), patient(), FACE)


@pytest.mark.parametrize("changed", ["yunet", "sface", "dlib"])
def test_made_for_another_finder_or_recogniser_it_is_refused(
    written: tuple[Path, Result], tmp_path: Path, changed: str
) -> None:
    name = next(name for name in Calibration.read(written[0]).digests if name.startswith(changed))
    spoilt, count = re.subn(rf'^{name} = "..', f'{name} = "zz', written[0].read_text("utf-8"), flags=re.MULTILINE)
    assert count == 1
    (tmp_path / "other.toml").write_text(spoilt, "utf-8")
    with pytest.raises(ModelError, match=rf"made for another {name}; calibrate again"):
        Gate(FaceFinder(), Recognisers.load(), find_calibration("other.toml", tmp_path))


def test_a_node_configured_with_it_starts_and_with_the_altered_one_does_not(
    written: tuple[Path, Result], tmp_path: Path
) -> None:
    def configured(name: str) -> Configuration:
        return Configuration.model_validate({"folder": tmp_path, "policy": {"calibration": name}})

    content = written[0].read_text("utf-8")
    (tmp_path / "clinic.toml").write_text(content, "utf-8")
    cli.load_twins(configured("clinic.toml"))
    digest = Calibration.read(written[0]).digests["sface"]
    (tmp_path / "other.toml").write_text(content.replace(digest, digest[::-1]), "utf-8")
    with pytest.raises(ModelError, match="another sface"):
        cli.load_twins(configured("other.toml"))
