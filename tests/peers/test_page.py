"""The web page in a real browser: by mouse, by keyboard alone, and by somebody who means ill."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from dicom_io.receiving.web import WebServer
from plugin.quarantine import AuditLog
from plugin.web import open_page
from tests.peers import missing_peer
from tests.peers.browser import NARROW, WIDE, Window, chromium
from tests.peers.processes import LOOPBACK, free_port
from tests.plugin.conftest import wait_for
from tests.plugin.web.state import PASSWORD, PLACE, Site, held, hold_another, quickly_signed_in_site

pytestmark = pytest.mark.peers

PATHS = ("/", "/studies", "/quarantine", "/profile", "/figures")


@pytest.fixture(scope="module")
def axe(repository: Path) -> str:
    """The library that `scripts/install_peers.sh` installs."""
    folder = Path(os.environ.get("TWINVEIL_AXE", repository / "build" / "peers" / "axe"))
    path = folder / "node_modules" / "axe-core" / "axe.min.js"
    return path.read_text() if path.exists() else missing_peer("axe-core (scripts/install_peers.sh)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with quickly_signed_in_site(tmp_path_factory.mktemp("site"), held_ones=3) as site:
        yield site


@pytest.fixture(scope="module")
def window(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    desk = site.desk(port=free_port(), failures_per_minute=100)
    server: WebServer = open_page(desk)
    try:
        with chromium(tmp_path_factory.mktemp("browser")) as driver:
            yield Window(driver, f"http://{LOOPBACK}:{server.port}")
    finally:
        server.stop()


@pytest.fixture(autouse=True)
def as_it_was(window: Window) -> None:
    """Wide, light, and nothing in the console of the test before."""
    window.complaints()
    window.size(WIDE)
    window.scheme("light")


def entries(window: Window, site: Site) -> list[str]:
    return [f"/quarantine/{entry.name}" for entry in site.node.quarantine.entries()]


def studies(window: Window) -> list[str]:
    window.go("/studies")
    return [str(link.get_attribute("href")).removeprefix(window.base) for link in window.all("tbody a")]


def test_a_wrong_password_lets_nobody_in_and_a_right_one_does(window: Window) -> None:
    window.sign_in("rosa", "not the password")
    assert window.path == "/login"
    assert window.one("[role=alert]").text == "Name or password is wrong."
    window.go("/quarantine")
    assert window.path == "/login"
    window.sign_in("rosa", PASSWORD)
    assert window.path == "/"
    assert "rosa, reviewer" in window.text
    window.one(".who button").click()
    window.wait("location.pathname === '/login'")
    window.go("/")
    assert window.path == "/login"


@pytest.mark.parametrize(("name", "reviews", "administers"), [("vera", 0, 0), ("rosa", 1, 0), ("ada", 1, 1)])
def test_each_role_sees_every_page_and_only_what_it_may_do(
    window: Window, site: Site, name: str, reviews: int, administers: int
) -> None:
    window.sign_in(name, PASSWORD)
    for label, path in zip(("Overview", "Studies", "Quarantine", "Profile", "Figures"), PATHS, strict=True):
        window.driver.find_element("link text", label).click()
        window.wait(f"location.pathname === '{path}' && document.readyState === 'complete'")
        assert window.one("nav [aria-current=page]").text == label
    window.go("/")
    assert bool(window.all("button[value=pause]")) == bool(administers)
    window.go("/quarantine")
    assert bool(window.all("button[value=release]")) == bool(reviews)
    window.go(entries(window, site)[0])
    assert bool(window.all("[data-original]")) == bool(reviews)
    assert not window.complaints(), "the page obeys its own policy"
    window.go(f"{entries(window, site)[0]}/original")
    assert bool(window.all("img")) == bool(reviews)


def test_a_held_photograph_is_reviewed_by_keyboard_alone(window: Window, site: Site) -> None:
    name = hold_another(site, 41)
    window.sign_in("rosa", PASSWORD)
    window.go("/quarantine")
    at = [str(link.get_attribute("href")) for link in window.all("[data-open]")].index(
        f"{window.base}/quarantine/{name}"
    )
    window.press(*["j"] * (at + 1), Keys.ENTER)
    window.wait(f"location.pathname === '/quarantine/{name}'")
    assert "something may be a face" in window.text
    window.press("o")
    assert window.wait("document.querySelector('[data-photograph]').naturalWidth") == 112
    box = window.one("svg.boxes rect")
    assert [int(box.get_attribute(each) or 0) for each in ("x", "y", "width", "height")] == [
        PLACE[0], PLACE[1], PLACE[2] - PLACE[0], PLACE[3] - PLACE[1],
    ]  # fmt: skip
    window.press("b")
    assert not window.one("svg.boxes").is_displayed()
    log = AuditLog(site.configuration.state_folder / "audit.log", site.key)
    assert (log.read()[-1]["action"], log.read()[-1]["entry"]) == ("look", name)
    window.press("r")
    window.press("no face in it")
    window.press(Keys.ENTER)
    window.wait("document.querySelector('.note') !== null")
    assert "1 sent through the pipeline once more." in window.one(".note").text
    line = log.read()[-1]
    assert (line["action"], line["entry"], line["reviewer"], line["reason"]) == (
        "release", name, "rosa", "no face in it",
    )  # fmt: skip
    wait_for(lambda: name not in held(site, "FaceSuspected"))


def test_several_are_discarded_at_once_by_keyboard(window: Window, site: Site) -> None:
    names = {hold_another(site, number) for number in (51, 52)}
    window.sign_in("rosa", PASSWORD)
    window.go("/quarantine")
    links = [str(link.get_attribute("href")).rpartition("/")[2] for link in window.all("[data-open]")]
    for link in links:
        window.press("j")
        if link in names:
            window.press("x")
    window.press("r")
    window.press("blurred")
    window.press(Keys.TAB)  # to Release
    window.press(Keys.TAB)
    window.press(" ")  # the box that says: for good
    window.press(Keys.TAB)
    window.press(Keys.ENTER)
    window.wait("document.querySelector('.note') !== null")
    assert "2 gone for good." in window.one(".note").text
    assert not names & set(held(site, "FaceSuspected"))


def test_layers_are_switched_and_zoomed_to_full_size(window: Window) -> None:
    window.sign_in("vera", PASSWORD)
    for path in studies(window):
        window.go(path)
        window.wait("document.querySelector('[data-viewer]').dataset.drawn")
        shown = {kind: window.one(f"img[data-layer={kind}]") for kind in ("sick", "healthy", "map", "mask")}
        assert [kind for kind, image in shown.items() if image.is_displayed()] == ["sick", "mask"]
        window.one("button[data-layer=healthy]").click()
        assert [kind for kind, image in shown.items() if image.is_displayed()] == ["healthy", "mask"]
        window.one(".canvas").click()
        window.press("4", "3")
        assert [kind for kind, image in shown.items() if image.is_displayed()] == ["healthy", "map"]
        assert window.wait("document.querySelector('img[data-layer=map]').naturalWidth")
        window.press("+")
        assert shown["healthy"].size["width"] > 100
        window.one("button[data-zoom=full]").click()
        full = window.wait("document.querySelector('img[data-layer=healthy]').naturalWidth")
        assert shown["healthy"].size["width"] == shown["map"].size["width"] == full
        assert shown["healthy"].location == shown["map"].location, "layers lie upon each other"
    assert not window.complaints()


def test_the_overview_keeps_itself_up_to_date(window: Window, site: Site) -> None:
    window.sign_in("ada", PASSWORD)
    window.go("/")
    window.driver.execute_script("document.querySelector('h1').textContent = 'as it was'")
    window.wait("document.querySelector('h1').textContent === 'Overview'")
    assert window.path == "/"


class Attack(BaseHTTPRequestHandler):
    """A page of somebody else's, on the same machine, which sends a form to ours as soon as it is seen."""

    target, entry = "", ""

    def do_GET(self) -> None:
        body = (
            f'<form method="post" action="{self.target}/quarantine"><input name="entry" value="{self.entry}">'
            '<input name="deed" value="discard"><input name="sure" value="yes"><input name="reason" value="x"></form>'
            "<script>document.forms[0].submit()</script>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_form_from_a_page_of_somebody_else_changes_nothing(window: Window, site: Site) -> None:
    """From another port of the same machine: the browser takes that for the same site and sends the cookie along."""
    before = [entry.name for entry in site.node.quarantine.entries()]
    handler = type("Handler", (Attack,), {"target": window.base, "entry": before[0]})
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        window.sign_in("rosa", PASSWORD)
        window.driver.get(f"http://{LOOPBACK}:{elsewhere.server_address[1]}/")
        window.wait(f"location.href.startsWith('{window.base}')")
        assert "This form is from another place." in window.text
        elsewhere.shutdown()
    assert [entry.name for entry in site.node.quarantine.entries()] == before


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", WIDE), ("light", NARROW)])
def test_nothing_serious_keeps_people_from_using_a_page(
    window: Window, site: Site, axe: str, scheme: str, size: tuple[int, int]
) -> None:
    window.scheme(scheme)
    window.size(size)
    window.driver.delete_all_cookies()
    window.go("/login")
    found = window.hindrances(axe)
    window.sign_in("ada", PASSWORD)
    for path in (*PATHS, studies(window)[0], *entries(window, site)):
        window.go(path)
        if window.all("[data-original]"):
            window.press("o")
            window.wait("document.querySelector('[data-photograph]').naturalWidth")
        found += window.hindrances(axe)
        wider = window.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, f"{path} is wider than the screen"
    assert not found
