"""What a reviewer sees of what is held, and decides: by name and reason, in numbers, and on record."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image
from starlette.testclient import TestClient

from plugin.ledger import State
from plugin.quarantine import AuditLog, Place, places_in
from plugin.web import Desk
from tests.plugin.conftest import wait_for
from tests.plugin.web.conftest import token
from tests.plugin.web.state import PLACE, SUSPECTED, Site, held, hold_another

Signs = Callable[[str], TestClient]


def audit(site: Site) -> list[dict[str, str | bool]]:
    return AuditLog(site.configuration.state_folder / "audit.log", site.key).read()


def decide(client: TestClient, *entries: str, **stated: str) -> str:
    """What the page says afterwards."""
    form = {"csrf": token(client.get("/quarantine").text), "entry": list(entries), "following": "list", **stated}
    answer = client.post("/quarantine", data=form)
    assert answer.status_code == 303
    return client.get(answer.headers["location"]).text


def test_the_reason_and_the_place_are_told_to_everybody_who_may_see_the_page(site: Site, signed_in: Signs) -> None:
    (name, *_) = held(site, "FaceSuspected")
    page = signed_in("vera").get(f"/quarantine/{name}").text
    assert "something may be a face" in page
    assert f"x {PLACE[0]} to {PLACE[2]}, y {PLACE[1]} to {PLACE[3]}" in page
    assert "Only reviewers may see it" in page
    assert "data-original" not in page
    assert 'name="deed"' not in page


def test_a_look_at_an_original_is_on_record_before_it_is_shown_and_has_no_header(site: Site, signed_in: Signs) -> None:
    (name, *_) = held(site, "FaceSuspected")
    before = len(audit(site))
    answer = signed_in("rosa").get(f"/quarantine/{name}/original")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (112, 112)
        assert not picture.info.get("comment") and not picture.getexif()
    (look,) = audit(site)[before:]
    assert (look["action"], look["entry"], look["reviewer"]) == ("look", name, "rosa")
    assert signed_in("vera").get(f"/quarantine/{name}/original").status_code == 403
    assert signed_in("rosa").get("/quarantine/nothing/original").status_code == 404
    assert len(audit(site)) == before + 1


def test_where_a_look_cannot_be_written_down_nothing_is_shown(site: Site, signed_in: Signs) -> None:
    (name, *_) = held(site, "FaceSuspected")
    path = site.configuration.state_folder / "audit.log"
    content = path.read_text()
    path.write_text(content.replace("rosa", "vera") if "rosa" in content else content + '{"said": "{}", "mac": ""}\n')
    try:
        answer = signed_in("rosa").get(f"/quarantine/{name}/original")
        assert (answer.status_code, "image" in answer.headers["content-type"]) == (409, False)
    finally:
        path.write_text(content)


def test_a_release_is_in_the_name_of_whoever_is_signed_in(site: Site, signed_in: Signs) -> None:
    name = hold_another(site, 21)
    client = signed_in("rosa")
    assert "Nothing was done" in decide(client, name, deed="release", reason=" ")
    assert "Nothing was done" in decide(client, name, deed="remove", reason="no face in it")
    assert name in held(site, "FaceSuspected")
    said = decide(client, name, deed="release", reason="no face in it", reviewer="Somebody Else")
    assert "1 sent through the pipeline once more." in said
    line = audit(site)[-1]
    assert (line["action"], line["entry"], line["reviewer"], line["reason"], line["waived"]) == (
        "release", name, "rosa", "no face in it", "FaceSuspected",
    )  # fmt: skip
    wait_for(
        lambda: site.node.ledger.counts().get(State.QUEUED, 0) == site.node.ledger.counts().get(State.RECEIVED, 0) == 0
    )
    assert name not in held(site, "FaceSuspected")


def test_what_is_final_is_not_released_and_keeps_nothing_else_from_it(site: Site, signed_in: Signs) -> None:
    name = hold_another(site, 22)
    (final,) = held(site, "Rejected")
    client = signed_in("rosa")
    page = client.get(f"/quarantine/{final}").text
    assert 'value="release"' not in page
    said = decide(client, final, name, deed="release", reason="both of them")
    assert "1 sent through the pipeline once more." in said
    assert "cannot be released" in said
    assert held(site, "Rejected") == [final]


def test_to_discard_takes_one_tick_more(site: Site, signed_in: Signs) -> None:
    names = [hold_another(site, 23), hold_another(site, 24)]
    client = signed_in("rosa")
    assert "tick the box" in decide(client, *names, deed="discard", reason="blurred")
    assert set(names) <= set(held(site, "FaceSuspected"))
    assert "2 gone for good." in decide(client, *names, deed="discard", reason="blurred", sure="yes")
    assert not set(names) & set(held(site, "FaceSuspected"))
    assert [line["action"] for line in audit(site)[-2:]] == ["discard", "discard"]
    assert client.get(f"/quarantine/{names[0]}").status_code == 404


def test_the_list_can_be_of_one_error(site: Site, desk: Desk, signed_in: Signs) -> None:
    client = signed_in("vera")
    (final,) = held(site, "Rejected")
    page = client.get("/quarantine?error=Rejected").text
    assert final in page
    assert not [name for name in held(site, "FaceSuspected") if name in page]


def test_places_are_read_from_the_words_of_the_pipeline() -> None:
    assert places_in(SUSPECTED) == (Place(*PLACE),)
    marks = (
        "2 marks like a tattoo, a ring or a band, in pixels: 1 to 9 across, 2 to 8 down; 11 to 19 across, 3 to 7 down."
    )
    assert places_in(marks) == (Place(1, 2, 9, 8), Place(11, 3, 19, 7))
    assert places_in("no face found, and the header says nothing of the view") == ()
