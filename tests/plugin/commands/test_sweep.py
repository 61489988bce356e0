"""The sweep through the whole node path, and that it would notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from dicom_io.header.actions import Action
from dicom_io.header.rulebook import Rulebook, Ruling
from dicom_io.leaks import CARRIERS, Sweep
from plugin.commands.sweep import EVERY_SET, run, sweep

SENTINELS = 1343
ALL = EVERY_SET[-2:]


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: carrier.name)
def test_every_sentinel_is_in_the_source(carrier: object) -> None:
    planted = Sweep.planted(carrier)  # type: ignore[arg-type]
    assert len(planted.sentinels) >= SENTINELS
    missing = set(planted.sentinels) - planted.found_in([planted.blob])
    # Numbers of two bytes are searched for with their explicit VR, which implicit VR does not write.
    assert len(missing) == (4 if carrier.name == "implicit VR" else 0), missing  # type: ignore[attr-defined]


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: carrier.name)
def test_nothing_leaves_under_the_basic_profile(carrier: object) -> None:
    (finding,) = sweep([()], [carrier])  # type: ignore[list-item]
    assert finding.passed, finding
    assert (finding.planted >= SENTINELS, finding.retained) == (True, 1)


@pytest.mark.parametrize("options", ALL, ids=["modified dates", "full dates"])
def test_with_every_option_exactly_the_retained_leave(options: tuple[str, ...]) -> None:
    (finding,) = sweep([options], CARRIERS[:1])
    assert finding.passed, finding
    assert finding.retained > 100


@pytest.mark.slow
@pytest.mark.parametrize("options", EVERY_SET[1:], ids="+".join)
def test_each_set_of_options_on_each_carrier(options: tuple[str, ...]) -> None:
    assert [finding for finding in sweep([options]) if not finding.passed] == []


def test_a_profile_that_keeps_too_much_is_held_back_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Institution names kept by mistake: the last check finds them, names the tag and quarantines."""
    rule = Rulebook.ruling

    def careless(book: Rulebook, tag: int, vr: str, need: object) -> Ruling:
        return Ruling(Action.RETAIN, "by mistake") if tag == 0x00081030 else rule(book, tag, vr, need)  # type: ignore[arg-type]

    monkeypatch.setattr(Rulebook, "ruling", careless)
    assert not run([()], tmp_path / "sweep.json", Console(quiet=True))
    findings = json.loads((tmp_path / "sweep.json").read_text())
    assert len(findings) == len(CARRIERS)
    assert all("LeakFound" in finding["held_back"] and "(0008,1030)" in finding["held_back"] for finding in findings)
