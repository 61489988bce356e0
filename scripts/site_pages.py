"""Hooks of the documentation's site (``mkdocs.yml``): pages of the repository that stand outside of ``docs/``.

Such a page stays where it belongs and is shown in the site under a name of its own. Links between the two kinds are
written as they work in the repository, and are turned to the site's names here. A link to a file that is no page is
left as its text: the site has no source tree.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "deploy/README.md": "deploy.md",
    "pipeline/models/embedded_weights/MODEL_CARD.md": "model-card.md",
    "README.md": "index.md",
}
"""Path in the repository to name in the site."""

DOCS = "docs"

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")
"""Of another file, by a relative path: mark of an image, text, path, anchor."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """The pages from outside of the folder of documents."""
    for path, name in OUTSIDE.items():
        if name != "index.md":
            content = (repository(config) / path).read_text(encoding="utf-8")
            files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """``markdown`` with each relative link turned to the site's names."""
    return turned(markdown, source_of(page.file.src_uri), repository(config))


def turned(markdown: str, source: str, repository: Path) -> str:
    """The same for a page whose path in the repository is ``source``."""

    def name(match: re.Match[str]) -> str:
        image, text, path, anchor = match.groups()
        target = _resolved(PurePosixPath(source).parent / path)
        if target in OUTSIDE:
            return f"[{text}]({OUTSIDE[target]}{anchor or ''})"
        if target.startswith(f"{DOCS}/"):
            return f"{image}[{text}]({target.removeprefix(f'{DOCS}/')}{anchor or ''})"
        return text if (repository / target).exists() else match.group()

    return LINK.sub(name, markdown)


def source_of(name: str) -> str:
    """Path in the repository of the page that the site calls ``name``."""
    outside = {shown: path for path, shown in OUTSIDE.items() if shown != "index.md"}
    return outside.get(name, f"{DOCS}/{name}")


def repository(config: MkDocsConfig) -> Path:
    return Path(config.docs_dir).parent


def _resolved(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
