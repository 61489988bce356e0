"""Write the pages of docs/ that are made from the code: python -m scripts.write_docs (``make docs``)."""

from __future__ import annotations

from pathlib import Path

from plugin.commands import generated_pages

DOCS = Path(__file__).resolve().parents[1] / "docs"

if __name__ == "__main__":
    for name, text in generated_pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
