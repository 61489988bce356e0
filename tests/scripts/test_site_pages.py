"""The documentation as a site: it builds without a warning, shows what the repository holds, and needs no network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="mkdocs is not installed (the extra `docs`)")

from scripts.site_pages import OUTSIDE, turned  # it imports mkdocs


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make site` does, elsewhere. Strict: a page left out of the plan or a dead link is an error."""
    built = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", built],
        cwd=repository, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return built


def test_every_page_is_there(site: Path, repository: Path) -> None:
    pages = {path.stem for path in (repository / "docs").glob("*.md")} | {name[:-3] for name in OUTSIDE.values()}
    assert pages <= {path.stem for path in site.glob("*.html")}


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Links may lead out; pictures, scripts, fonts and styles may not."""
    loaded = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=[\"']((?:https?:)?//[^\"']+)")
    assert loaded.search('<script src="https://cdn.example/a.js">'), "the search itself has lost its way"
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    assert not [(page.name, found) for page in pages for found in loaded.findall(page.read_text())]
    styles = [
        path for path in site.rglob("*.css") if re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", path.read_text())
    ]
    assert not styles


def test_a_picture_stands_on_the_first_page(site: Path) -> None:
    assert 'src="overview.png"' in (site / "index.html").read_text()
    assert (site / "overview.png").stat().st_size > 10_000


def test_links_are_turned_to_the_names_of_the_site(repository: Path) -> None:
    card = "../pipeline/models/embedded_weights/MODEL_CARD.md"
    assert turned(f"[card]({card}#data)", "docs/measured.md", repository) == "[card](model-card.md#data)"
    assert turned("[page](../docs/watching.md)", "deploy/README.md", repository) == "[page](watching.md)"
    assert turned("[page](docs/watching.md)", "CONTRIBUTING.md", repository) == "[page](watching.md)"
    assert turned("![seen](unseen.png)", "docs/measured.md", repository) == "![seen](unseen.png)"


def test_a_link_to_what_is_no_page_is_left_as_its_text_and_a_dead_one_as_it_is(repository: Path) -> None:
    assert turned("[licence](LICENSE)", "CONTRIBUTING.md", repository) == "licence"
    assert turned("[gone](nowhere.md)", "CONTRIBUTING.md", repository) == "[gone](nowhere.md)"
    assert turned("[out](https://example.org/)", "CONTRIBUTING.md", repository) == "[out](https://example.org/)"
