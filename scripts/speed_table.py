"""The table of estimated seconds in docs/large_models_speed.md, from ``pipeline.models.published``.

python -m scripts.speed_table
"""

from __future__ import annotations

from pipeline.models.published import CARDS, VARIANTS, Card, Variant, seconds


def table() -> str:
    """Markdown: a row for each published model, at 512 and at 1024 pixels on each card."""
    lines = ["| both edits, seconds at 512 / 1024 px | TFLOP | " + " | ".join(card.name for card in CARDS) + " |"]
    lines.append("|---" * (2 + len(CARDS)) + "|")
    for variant in VARIANTS:
        work = " / ".join(f"{each:.3g}" for each in variant.tflop)
        lines.append(f"| {variant.name} | {work} | " + " | ".join(_cell(variant, card) for card in CARDS) + " |")
    return "\n".join(lines)


def _cell(variant: Variant, card: Card) -> str:
    small, large = seconds(variant, card, 512), seconds(variant, card, 1024)
    return "-" if small is None or large is None else f"{_short(small)} / {_short(large)}"


def _short(each: float) -> str:
    """Two digits are more than an estimate knows."""
    return f"{float(f'{each:.2g}'):g}"


if __name__ == "__main__":
    print(table())
