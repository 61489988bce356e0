"""The pictures of the web page in the guide, from a node with the embedded model and rendered patients:

    python -m tests.peers.page_pictures --out docs/pictures

One sample patient goes through the node; another has a made-up name written on the skin, and is held.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

import pydicom
from PIL import Image
from selenium.webdriver.common.keys import Keys

from dicom_io.header import SiteKey
from dicom_io.reading import read_photograph
from dicom_io.sending import Destination, deliver
from dicom_io.writing import wrapped
from plugin.auditing import AuditTrail
from plugin.commands.cli import load_node_twins
from plugin.commands.demo_archive import Receiver
from plugin.ledger import FINISHED
from plugin.node import Node
from plugin.web import Desk, Users, open_page
from scripts.planted_text import plant, written
from tests.peers.browser import NARROW, WIDE, Window, chromium
from tests.peers.processes import LOOPBACK, free_port, wait_until
from tests.plugin.web.state import configured

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data" / "studies"
RELEASED = ("signe-rosacea",)
HELD = "pippa-dermoscopy"
PASSWORD = "for these pictures alone"
PATIENCE = 3600.0


def with_a_name(path: Path, folder: Path) -> Path:
    """The photograph at ``path`` with a name written across its skin."""
    rgb = read_photograph(path).rgb.copy()
    plant(rgb, written("Quillfeather, Ottoline", 20, 0), -120, (rgb.shape[1] // 2, rgb.shape[0] // 3))
    dataset = wrapped(rgb, "dermoscopy")
    target = folder / f"{dataset.SOPInstanceUID}.dcm"
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target


def take(window: Window, out: Path) -> None:
    """Every picture of the guide."""

    def shoot(name: str) -> None:
        """In 256 colours, which is enough for a guide."""
        shot = Image.open(io.BytesIO(window.driver.get_screenshot_as_png())).convert("RGB")
        shot.quantize(256, dither=Image.Dither.NONE).save(out / f"page-{name}.png", optimize=True)

    window.size(WIDE)
    window.sign_in("Dr. Ashdown", PASSWORD)
    shoot("overview")
    window.go("/studies")
    window.one("tbody a").click()
    window.wait("document.querySelector('[data-viewer]')?.dataset.drawn")
    window.wait("[...document.querySelectorAll('img[data-layer]')].filter((i) => !i.hidden).every((i) => i.complete)")
    shoot("study")
    window.scheme("dark")
    window.one("button[data-layer=mask]").click()
    window.one("button[data-layer=map]").click()
    window.wait("document.querySelector('img[data-layer=map]').naturalWidth")
    shoot("study-dark")
    window.scheme("light")
    window.go("/quarantine")
    window.press("j", Keys.ENTER)
    window.wait("location.pathname.length > 20")
    window.press("o")
    window.wait("document.querySelector('[data-photograph]').naturalWidth")
    shoot("review")
    window.size(NARROW)
    shoot("review-narrow")
    window.scheme("dark")
    window.go("/")
    shoot("overview-narrow")
    window.scheme("light")
    window.size((WIDE[0], 1420))
    window.go("/figures")
    shoot("figures")


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="twinveil-page-") as scratch:
        folder = Path(scratch)
        archive = Receiver(folder / "archive")
        archive.start()
        configuration = configured(
            folder, {"research": archive}, study={"quiet_seconds": 1.0}, page={"port": free_port()}
        )
        key = SiteKey.from_file(folder / "site.key")
        Users(configuration.state_folder).add("Dr. Ashdown", "reviewer", PASSWORD)
        files = [SAMPLES / name / "photograph.dcm" for name in RELEASED]
        files.append(with_a_name(SAMPLES / HELD / "photograph.dcm", folder))
        node = Node(configuration, key, load_node_twins(configuration))
        node.start()
        server = open_page(Desk(configuration, key, AuditTrail(configuration)))
        try:
            deliver(files, Destination("node", LOOPBACK, node.listener.port, "TWINVEIL", "CAMERA"))
            wait_until(
                lambda: sum(n for state, n in node.ledger.counts().items() if state in FINISHED) == len(files),
                PATIENCE, "every photograph is finished",
            )  # fmt: skip
            with chromium(folder / "browser") as driver:
                take(Window(driver, f"http://{LOOPBACK}:{server.port}"), out)
        finally:
            server.stop()
            node.stop()
            archive.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    main(parser.parse_args().out)
