"""What the pages tell, and that none of them names a patient."""

from __future__ import annotations

import io
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from plugin.delivery import Outbox
from plugin.web import PAGES, Desk
from plugin.web.plots import Receiver, bars, interval, receiver_curves, trade
from tests.plugin import fakes
from tests.plugin.web.conftest import browser, sign_in, token
from tests.plugin.web.state import STUDY, Site
from tests.plugin.web.test_application import paths_of

Signs = Callable[[str], TestClient]

IDENTIFIERS = (
    fakes.PATIENT_NAME, "Quillfeather", "Ottoline", fakes.PATIENT_ID, fakes.BIRTH_DATE, "ACC-55120", "S-991",
    "Brandywine", "Gwendolyn", "20240517", STUDY,
)  # fmt: skip


def test_no_page_and_no_picture_names_a_patient(site: Site, desk: Desk, signed_in: Signs) -> None:
    for name in ("vera", "rosa", "ada"):
        client = signed_in(name)
        told = [client.get(path) for method, path, _ in paths_of(site, desk) if method == "GET"]
        told += [client.get(f"/studies/{each.job}") for each in desk.shelf.all()]
        told += [client.get(f"/quarantine/{entry.name}") for entry in site.node.quarantine.entries()]
        assert len(told) > len(PAGES)
        for answer in told:
            everything = answer.content + repr(answer.headers).encode()
            assert not [each for each in IDENTIFIERS if each.encode() in everything], answer.url
            assert str(site.folder).encode() not in everything, answer.url


def test_the_overview_says_what_waits_and_how_destinations_are(signed_in: Signs) -> None:
    page = signed_in("vera").get("/").text
    assert page.count('<span class="tag good">up</span>') == page.count('<span class="tag waits">paused</span>') == 1
    assert re.search(r"<td>[1-9]\d*</td>\s*<td>[1-9]\d*</td>", page), "studies and objects wait for one of them"
    assert 'value="pause"' not in page
    assert "1 study was delivered" in page


def test_an_administrator_pauses_asks_and_resumes_a_destination(site: Site, signed_in: Signs) -> None:
    client = signed_in("ada")

    def tell(deed: str, name: str = "archive") -> str:
        csrf = token(client.get("/").text)
        answer = client.post(f"/destinations/{name}", data={"csrf": csrf, "deed": deed})
        return client.get("/").text if answer.status_code == 303 else f"{answer.status_code}"

    assert tell("pause").count('<span class="tag waits">paused</span>') == 2
    assert "answers C-ECHO" in tell("echo")
    assert tell("resume").count('<span class="tag waits">paused</span>') == 1
    assert "tried at once" in tell("retry")
    assert tell("give-up") == "400"
    assert tell("pause", "elsewhere") == tell("echo", "elsewhere") == "404"


def test_what_waits_and_what_was_delivered_can_be_looked_at_in_layers(site: Site, desk: Desk, signed_in: Signs) -> None:
    client = signed_in("vera")
    page = client.get("/studies").text
    assert '<span class="tag waits">on its way</span>' in page
    assert '<span class="tag good">delivered</span>' in page
    assert {each.waits for each in desk.shelf.all()} == {True, False}
    for results in desk.shelf.all():
        assert results.held == 0
        shown = client.get(f"/studies/{results.job}").text
        sizes = set()
        for kind in ("sick", "healthy", "map", "mask"):
            path = f"/studies/{results.job}/0/{kind}"
            assert path in shown
            with Image.open(io.BytesIO(client.get(path).content)) as picture:
                sizes.add(picture.size)
                pixels = np.asarray(picture.convert("RGBA"))
            if kind in {"map", "mask"}:
                assert 0 < (pixels[..., 3] > 40).mean() < 0.5, "a layer lets through what lies beside the lesion"
        assert len(sizes) == 1, "layers lie upon each other"
    assert client.get(f"/studies/{results.job}/1/sick").status_code == 404
    assert client.get(f"/studies/{results.job}/0/original").status_code == 404
    assert client.get("/studies/nothing").status_code == 404


def test_what_was_delivered_goes_after_its_days(desk: Desk, tmp_path: Path) -> None:
    kept = Outbox(tmp_path / "kept", desk.key)
    outbox = Outbox(tmp_path / "outbox", desk.key, kept.folder)
    (tmp_path / "object").write_bytes(b"bytes")
    for name in ("old", "new"):
        outbox.put(name, [tmp_path / "object"])
        outbox.put_away(name)
        outbox.put_away(name)
    assert (outbox.folders(), kept.folders()) == (set(), {"old", "new"})
    os.utime(kept.folder / "old", (1000, 1000))
    kept.remove_older(2000)
    assert kept.folders() == {"new"}
    with kept.opened("new", [0]) as (path,):
        assert path.read_bytes() == b"bytes"


def test_the_profile_in_force_is_told_whole(signed_in: Signs) -> None:
    page = signed_in("vera").get("/profile").text
    assert "claims 113100" in page
    assert page.count("<tr>") > 600
    assert "<td><code>(0010,0010)</code></td>" in page


def test_figures_tell_what_there_is_and_what_there_is_not(site: Site, signed_in: Signs) -> None:
    page = signed_in("vera").get("/figures").text
    assert "None is named" in page
    assert page.count('class="curve"') >= 2
    assert "0.412" in page  # the calibration's threshold of SFace
    # Every face that is not like the rendered ones is judged by the other calibration, of which two figures are known.
    assert "photographs, for every other face" in page and "0.250" in page
    assert "photographs: 0.99 accepted where 0.001 of strangers are" in page
    assert "No whole curve of this measurement was kept" in page
    card = {
        "figures": {
            "mask_iou": {"value": 0.75, "low": 0.7, "high": 0.8, "n": 60, "first_bar": 0.7, "meets_first_bar": True}
        }
    }
    (site.folder / "scorecard.json").write_text(json.dumps(card))
    client = browser(site.desk(scorecard="scorecard.json"))
    sign_in(client, "vera")
    page = client.get("/figures").text
    assert "mask_iou" in page and "0.700 to 0.800" in page and "met" in page
    (site.folder / "scorecard.json").write_text("[]")
    assert "cannot be read" in client.get("/figures").text


def test_what_tuning_tried_is_drawn_where_it_wrote_that_down(site: Site) -> None:
    def tried(seconds: float, loss: float, *, unbeaten: bool) -> dict[str, Any]:
        return {"knobs": {}, "score": {"seconds": seconds}, "loss": loss, "unbeaten": unbeaten}

    heal = [tried(2.0, 0.1, unbeaten=True), tried(1.0, 0.4, unbeaten=True), tried(3.0, 0.2, unbeaten=False)]
    (site.folder / "knobs.toml").write_text("[heal]\nsteps = 20\n[swap]\nsteps = 30\n")
    desk = site.desk()
    model = desk.configuration.model.model_copy(update={"knobs": "knobs.toml"})
    client = browser(replace(desk, configuration=desk.configuration.model_copy(update={"model": model})))
    sign_in(client, "vera")
    assert "loss of each candidate" not in client.get("/figures").text
    (site.folder / "knobs.json").write_text(json.dumps({"heal": heal, "swap": []}))
    page = client.get("/figures").text
    assert "heal: loss over seconds a photograph, 3 candidates; chosen: loss 0.10, 2 s" in page
    assert (page.count('class="ring"'), page.count('class="other"')) == (1, 1)
    endless = [*heal, tried(1.5, math.inf, unbeaten=False)]
    (site.folder / "knobs.json").write_text(json.dumps({"heal": endless}))
    page = client.get("/figures").text
    assert page.count('class="other"') == 2 and 'y="nan"' not in page and 'y="-inf"' not in page
    (site.folder / "knobs.json").write_text("[")
    assert "steps" in client.get("/figures").text


def test_the_calibrations_shown_are_those_that_judge(site: Site) -> None:
    def page(calibration: str, **model: Any) -> str:
        desk = site.desk()
        policy = desk.configuration.policy.model_copy(update={"calibration": calibration})
        section = desk.configuration.model.model_copy(update=model)
        changed = desk.configuration.model_copy(update={"policy": policy, "model": section})
        client = browser(replace(desk, configuration=changed))
        sign_in(client, "vera")
        return str(client.get("/figures").text)

    assert "rendered, for faces like those" in page("rendered")
    alone = page("photographs")
    assert "photographs, for every face" in alone and "rendered, for" not in alone
    # What a larger model swaps is judged as photographs are, whatever the default says.
    larger = page("rendered", name="weights")
    assert "photographs, for every face" in larger and "rendered, for" not in larger
    assert "It cannot be read" in page("absent.toml")


def test_plots_say_in_words_what_they_are_and_take_no_markup_from_titles() -> None:
    for drawn in (
        bars([0, 3, 1], "<b>a"),
        receiver_curves([Receiver("<b>a", [(1e-3, 0.9)], whole=True)], "<b>a"),
        interval(0.1, 0.2, None, "<b>a"),
        trade([(1.0, 0.5)], [True], "<b>a"),
    ):
        assert 'role="img" aria-label="&lt;b&gt;a"' in drawn
    assert bars([0, 3, 1], "").count('class="bar"') == 2
    assert bars([], "") and receiver_curves([], "")
    known = Receiver("<b>other", [(1e-3, 0.42)], whole=False)
    drawn = receiver_curves([Receiver("own", [(1e-3, 0.9), (0.1, 1.0)], whole=True), known], "")
    assert (drawn.count("<polyline"), drawn.count("<circle"), drawn.count("<rect")) == (1, 3, 2)
    assert "<b>" not in drawn and ">0.4</text>" in drawn, "the axis begins below the least"
