"""The personas' portraits as one picture: each is found again, and another file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.models.contact_sheet import SIDE, ContactSheet


def portraits() -> Tensor:
    """Two personas from three sides, each in a grey of its own: uint8 [2, 3, 3, SIDE, SIDE]."""
    greys = torch.tensor([[20, 60, 100], [140, 180, 220]], dtype=torch.uint8)
    return greys[..., None, None, None].expand(2, 3, 3, SIDE, SIDE)


def test_each_portrait_is_found_again(tmp_path: Path) -> None:
    sheet = ContactSheet.of(portraits())
    (tmp_path / "portraits.jpg").write_bytes(sheet.content)
    again = ContactSheet.read(tmp_path / "portraits.jpg", sheet.digest, 3)
    personas, views = torch.tensor([1, 0, 1]), torch.tensor([2, 0, 0])
    shown = again[personas, views]
    assert shown.shape == (3, 3, SIDE, SIDE)
    assert (shown.float() - portraits()[personas, views].float()).abs().max() <= 2


def test_other_portraits_than_the_model_was_made_with_are_refused(tmp_path: Path) -> None:
    sheet = ContactSheet.of(portraits())
    with pytest.raises(ModelError, match="cannot be read"):
        ContactSheet.read(tmp_path / "portraits.jpg", sheet.digest, 3)
    (tmp_path / "portraits.jpg").write_bytes(sheet.content + b"\0")
    with pytest.raises(ModelError, match="does not hold"):
        ContactSheet.read(tmp_path / "portraits.jpg", sheet.digest, 3)
