"""``twinveil evaluate --photographs`` from outside, with a twin maker that takes the redness out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from pipeline.photograph import Twins
from plugin.commands import cli, evaluate_photographs
from plugin.commands.photograph_examiner import held_for
from plugin.study import Refusal
from tests.pipeline.rendered_faces import patient, stranger
from tests.plugin.fakes import MirroringTwinMaker, skin


class InPlace(MirroringTwinMaker):
    """The same without the mirror: nobody is in these pictures."""

    def swap(self, photograph, lesion, persona_seed, attempt):  # type: ignore[no-untyped-def]
        twins = super().swap(photograph, lesion, persona_seed, attempt)
        return type(twins)(*(np.ascontiguousarray(rgb[:, ::-1]) for rgb in (twins.sick, twins.healthy)))


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> InPlace:
    twins = InPlace()
    monkeypatch.setattr(evaluate_photographs, "load_model", lambda folder: twins)
    monkeypatch.setattr(cli, "configure_logs", lambda *level, **form: None)
    return twins


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "skin"
    folder.mkdir()
    for number in range(3):
        rgb = skin(seed=number)
        Image.fromarray(rgb).save(folder / f"{number}.png")
        if number:
            red = rgb[..., 0].astype(int) - rgb[..., 1] > 80
            Image.fromarray(red.astype(np.uint8) * 255).save(folder / f"{number}_mask.png")
    (folder / "index.csv").write_text("file,view,kind\n0,dermoscopy,\n1,close-up,erythema\n2,close-up,naevus\n")
    return folder


def evaluated(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["evaluate", *(str(argument) for argument in arguments)])


def rows_in(out: Path) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in csv.DictReader(io.StringIO((out / "photographs.csv").read_text()))}


def test_photographs_go_the_way_of_a_study_and_are_measured(folder: Path, tmp_path: Path, twins: InPlace) -> None:
    called: list[str] = []
    twins.on_call = lambda method, attempt: called.append(method)
    result = evaluated("--photographs", folder, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert called.count("judge") == 3, "each passed the gate"
    card = json.loads((tmp_path / "out" / "scorecard.json").read_text())
    figures = card["figures"]
    assert figures["photo_release_rate"]["value"] == 1
    assert figures["photo_mask_iou"]["value"] > 0.85 and figures["photo_mask_iou"]["n"] == 2
    assert figures["photo_false_area"]["n"] == 1
    assert figures["photo_class_right"]["value"] == 0.5
    assert figures["photo_heal_delta_e"]["value"] < figures["photo_heal_delta_e_before"]["value"] / 3
    assert figures["photo_seconds"]["value"] > 0
    assert "colour rule" in card["verdict"] and card["verdict"][1:] in result.output.replace("\n", " ")
    assert "data:image/jpeg" in (tmp_path / "out" / "report.html").read_text()
    assert rows_in(tmp_path / "out")["0"]["view"] == "dermoscopy"


def test_an_evaluation_that_is_ended_leaves_the_figures_of_what_it_examined(
    folder: Path, tmp_path: Path, twins: InPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_photographs, "KEPT_EVERY", 2)
    judged: list[str] = []

    def ended(method: str, attempt: int) -> None:
        judged.extend([method] if method == "judge" else [])
        if len(judged) == 3:
            raise KeyboardInterrupt

    twins.on_call = ended
    assert evaluated("--photographs", folder, "--out", tmp_path / "out").exit_code != 0
    conditions = json.loads((tmp_path / "out" / "scorecard.json").read_text())["conditions"]
    assert (conditions["photographs"], conditions["asked for"]) == (2, 3)
    assert len(rows_in(tmp_path / "out")) == 2


def test_what_is_held_is_measured_by_its_healing(folder: Path, tmp_path: Path, twins: InPlace) -> None:
    twins.refusals = 9
    assert evaluated("--photographs", folder, "--out", tmp_path / "out").exit_code == 0
    figures = json.loads((tmp_path / "out" / "scorecard.json").read_text())["figures"]
    assert figures["photo_release_rate"]["value"] == 0
    assert figures["photo_held_for_face"]["value"] == 1
    assert figures["photo_mask_iou"]["value"] > 0.85
    assert figures["photo_mask_iou_released"]["value"] is None
    assert figures["photo_seconds"]["n"] == 0, "a way that was cut short says nothing of the whole"
    assert all("Rejected" in row["reason"] for row in rows_in(tmp_path / "out").values())


def test_text_on_skin_holds_a_photograph_here_too(tmp_path: Path, twins: InPlace) -> None:
    rgb = skin(480)
    cv2.putText(rgb, "Quillfeather", (60, 300), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 3, cv2.LINE_AA)
    (tmp_path / "skin").mkdir()
    Image.fromarray(rgb).save(tmp_path / "skin" / "a.png")
    assert evaluated("--photographs", tmp_path / "skin", "--out", tmp_path / "out").exit_code == 0
    assert rows_in(tmp_path / "out")["a"]["held_for"] == "text"


def test_one_that_is_broken_is_named_and_the_others_go_on(folder: Path, tmp_path: Path, twins: InPlace) -> None:
    (folder / "3.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    Image.new("RGB", (16, 200)).save(folder / "4.png")
    Image.new("L", (300, 50)).save(folder / "1_mask.png")
    assert evaluated("--photographs", folder, "--out", tmp_path / "out").exit_code == 0
    conditions = json.loads((tmp_path / "out" / "scorecard.json").read_text())["conditions"]
    assert conditions["photographs"] == 2
    for said in ("3: 3.jpg is no picture", "4: 16 x 200 pixels", "1: the mask is 300 x 50 pixels"):
        assert said in conditions["could not be measured"]


def test_held_out_and_limit_choose(folder: Path, tmp_path: Path, twins: InPlace) -> None:
    Image.fromarray(skin()).save(folder / "ISIC_0000000.png")
    evaluated("--photographs", folder, "--out", tmp_path / "held", "--held-out")
    assert rows_in(tmp_path / "held").keys() == {"ISIC_0000000"}
    evaluated("--photographs", folder, "--out", tmp_path / "two", "--limit", 2)
    assert rows_in(tmp_path / "two").keys() == {"0", "1"}


class Exchanging(InPlace):
    """Who the first rendered person is becomes the second; whoever else comes stays themself, and all are released."""

    def swap(self, photograph, lesion, persona_seed, attempt):  # type: ignore[no-untyped-def]
        twins = super().swap(photograph, lesion, persona_seed, attempt)
        return Twins(stranger(), stranger()) if np.array_equal(photograph.rgb, patient()) else twins


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, str]:
    """The scorecard, the report and the output of an album of two people, one of them photographed twice."""
    folder, out = tmp_path_factory.mktemp("albums") / "people", tmp_path_factory.mktemp("out")
    folder.mkdir()
    for name, rgb in {"ann_1": patient(), "ann_2": patient(), "bob_1": stranger()}.items():
        Image.fromarray(rgb).save(folder / f"{name}.png")
    (folder / "index.csv").write_text("file,sex,age\nann_1,female,70\nann_2,female,70\nbob_1,male,20\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate_photographs, "load_model", lambda folder: Exchanging())
        patch.setattr(cli, "configure_logs", lambda *level, **form: None)
        result = evaluated("--photographs", folder, "--out", out, "--leaks", 1)
    assert result.exit_code == 0, result.output
    card = json.loads((out / "scorecard.json").read_text())
    return card, (out / "report.html").read_text(), (out / "photographs.csv").read_text()


def test_people_are_judged_by_both_recognisers(people: tuple[dict[str, Any], str, str]) -> None:
    card, _, _ = people
    figures = card["figures"]
    assert (card["conditions"]["people"], card["conditions"]["photographs of them"]) == (2, 3)
    for recogniser in ("sface", "dlib"):
        assert figures[f"photo_reid_{recogniser}"]["value"] == pytest.approx(1 / 3), "bob alone is known again"
    assert figures["photo_released_wrongly"]["value"] == pytest.approx(1 / 3)
    assert figures["photo_released_wrongly"]["meets_first_bar"] is False
    assert figures["photo_twins_alike"]["value"] == 1, "everybody has become one person"
    assert figures["photo_rendered_look"]["value"] == 1
    assert figures["photo_expression_kept"]["n"] == figures["photo_detail"]["n"] == 3


def test_people_are_counted_by_what_the_index_says_of_them(people: tuple[dict[str, Any], str, str]) -> None:
    card, report, table = people
    wrongly = card["figures"]["photo_released_wrongly"]
    assert {word: each["value"] for word, each in wrongly["by_sex"].items()} == {"female": 0, "male": 1}
    assert {word: each["n"] for word, each in wrongly["by_age"].items()} == {"elderly": 2, "young adult": 1}
    assert card["figures"]["photo_release_rate"]["by_sex"]["female"]["n"] == 2
    assert "People, by sex, complexion and age" in report and "<th>elderly" in report
    assert [row["sex"] for row in csv.DictReader(io.StringIO(table))] == ["female", "female", "male"]


def test_leaks_are_judged_of_as_many_as_were_asked_for(people: tuple[dict[str, Any], str, str]) -> None:
    card, _, _ = people
    leak = card["figures"]["photo_leak_untouched"]
    assert (leak["n"], leak["value"]) == (1, 1), "this gate lets everything out"


def test_without_faces_nobody_is_judged(folder: Path, tmp_path: Path, twins: InPlace) -> None:
    evaluated("--photographs", folder, "--out", tmp_path / "out")
    assert "photo_reid_sface" not in json.loads((tmp_path / "out" / "scorecard.json").read_text())["figures"]
    assert "People, by sex" not in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("given", ["absent", "empty"])
def test_without_a_photograph_the_command_is_misused(tmp_path: Path, twins: InPlace, given: str) -> None:
    (tmp_path / "empty").mkdir()
    result = evaluated("--photographs", tmp_path / given, "--out", tmp_path / "out")
    assert result.exit_code == 2 and given in result.output


@pytest.mark.parametrize(
    ("refusal", "what"),
    [
        (Refusal("clean", "TextOnSkin", ""), "text"),
        (Refusal("clean", "Undecided", ""), "text"),
        (Refusal("gate", "FaceSuspected", ""), "face"),
        (Refusal("swap", "NoFaceFound", ""), "face"),
        (Refusal("gate", "OutsideDomain", ""), "face"),
        (Refusal("gate", "MemoryError", ""), "another reason"),
        (Refusal("check", "LeakFound", ""), "another reason"),
    ],
)
def test_what_a_photograph_was_held_for(refusal: Refusal, what: str) -> None:
    assert held_for(refusal) == what
