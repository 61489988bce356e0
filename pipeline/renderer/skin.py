"""The healthy skin of an identity as a texture in skin space (see ``shading`` for the channels)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.atlas import EYE_X, Atlas, NoiseBank, smooth_step
from pipeline.renderer.identity import Identity
from pipeline.renderer.shading import (
    BLOOD,
    CHANNELS,
    GLOSS,
    HEIGHT,
    MELANIN,
    STAIN,
    STAIN_COLOUR,
    WEAVE,
)
from pipeline.renderer.styling import Styling

Array = NDArray[np.float32]

SCALP_SHADOW = {"bald": 0.10, "buzz cut": 0.72, "cap": 0.5}
"""Alpha of the hair's shadow on the scalp; hair cards hide it elsewhere."""
BLUSH_BLOOD = 1.1
BROW_Y, BROW_INNER, BROW_OUTER = 7.405, 0.10, 0.50
"""Where a painted brow lies on the template, decimetres."""


def healthy_skin(identity: Identity, styling: Styling, atlas: Atlas, paint_brows: bool) -> Array:
    """The texture, float32 (side, side, 11). ``paint_brows``: brows are painted because there are no cards for them."""
    noise = NoiseBank(atlas, np.random.default_rng([identity.pattern_seed, 1]))
    # Names are the spread of the pattern: pores are finest, patches widest.
    fine, small, medium, large, broad, patches = (noise.draw(scale) for scale in range(1, 7))
    pores = noise.draw(0)
    texture = np.zeros((atlas.side, atlas.side, CHANNELS), np.float32)

    blood = _blood(identity, styling, atlas, fine, small, medium, large, broad)
    melanin = _melanin(identity, atlas, pores, fine, small, medium, broad, patches)
    lips = atlas.lips
    blood = blood * (1 - lips) + lips * np.maximum(identity.lip_blood * 0.038 * (1 + 0.10 * small), blood)
    melanin = melanin * (1 - lips) + lips * (melanin * 0.65 + 0.004)
    stain = _hair_shadow(identity, styling, atlas, pores, fine, medium)
    if paint_brows:
        stain = np.maximum(stain, _painted_brows(styling, atlas, pores, fine))

    texture[..., MELANIN], texture[..., BLOOD] = melanin, blood
    texture[..., HEIGHT] = _height(identity, atlas, pores, fine, small, medium, large, broad, patches)
    gloss = 0.75 + 0.6 * (atlas.forehead + atlas.nose) + 0.25 * atlas.cheeks + 0.9 * lips
    texture[..., GLOSS] = identity.gloss * gloss * (1 + 0.25 * small) * (1 - 0.8 * np.clip(stain, 0, 1))
    texture[..., STAIN] = np.clip(stain, 0, 0.93)
    texture[..., STAIN_COLOUR] = np.maximum(identity.hair_rgb * 0.7, 0.008)
    texture[..., WEAVE] = small
    _make_up(texture, styling, atlas)
    return texture


def _blood(
    identity: Identity,
    styling: Styling,
    atlas: Atlas,
    fine: Array,
    small: Array,
    medium: Array,
    large: Array,
    broad: Array,
) -> Array:
    flushed = 0.35 * atlas.cheeks + 0.45 * atlas.nose + 0.25 * atlas.chin + 0.10 * atlas.forehead + 0.5 * atlas.ears
    flush = identity.flush * flushed * (1 + 0.12 * large) + styling.blush * BLUSH_BLOOD * _blush_place(atlas)
    mottling = np.exp(0.06 * medium + 0.06 * small + 0.07 * broad + 0.05 * fine)
    return np.asarray(identity.blood * (1 + flush) * mottling * (1 + 0.35 * atlas.under_eyes), np.float32)


def _blush_place(atlas: Atlas) -> Array:
    return np.asarray(np.exp(-(((atlas.across - 0.50) / 0.15) ** 2) - ((atlas.y - 7.0) / 0.11) ** 2))


def _melanin(
    identity: Identity,
    atlas: Atlas,
    pores: Array,
    fine: Array,
    small: Array,
    medium: Array,
    broad: Array,
    patches: Array,
) -> Array:
    uneven = np.exp(0.04 * broad + 0.05 * patches + 0.02 * small + 0.02 * pores)
    shades = (1 + 0.30 * atlas.under_eyes + 0.22 * atlas.upper_lids) * (1 + 0.12 * (1 - atlas.front))
    melanin = identity.melanin * uneven * shades
    if identity.freckles > 0:
        place = np.clip(atlas.cheeks + atlas.nose + 0.4 * atlas.forehead, 0, 1)
        melanin = melanin + smooth_step(fine, 1.55, 2.3) * place * 0.05 * min(identity.freckles, 1.5)
    if identity.age_years > 55:
        spots = smooth_step(medium, 1.9, 2.4) * (1 - atlas.paintable * 0.2) * atlas.front
        melanin = melanin + spots * 0.05 * (identity.age_years - 55) / 25
    for mole in identity.moles:
        squared = ((atlas.x - mole.x) ** 2 + (atlas.y - mole.y) ** 2) / mole.radius**2
        melanin = melanin + mole.depth * 0.35 * np.exp(-(squared**1.5)) * atlas.front
    return np.asarray(melanin, np.float32)


def _hair_shadow(identity: Identity, styling: Styling, atlas: Atlas, pores: Array, fine: Array, medium: Array) -> Array:
    """Alpha of shaved, stubbly or covered hair: scalp and beard."""
    scalp = SCALP_SHADOW.get(styling.hair_style, 0.9)
    stain = atlas.scalp * scalp * np.clip(0.88 + 0.07 * fine + 0.10 * pores, 0, 1)
    if styling.beard > 0:
        density = np.clip(0.80 + 0.08 * fine + 0.10 * pores + 0.10 * medium, 0, 1.1)
        strength = styling.beard * (0.75 if styling.beard < 0.5 else 0.95)
        if identity.hair_colour in ("grey", "white", "blond"):
            strength *= 0.6
        stain = np.maximum(stain, np.clip(atlas.beard + 0.75 * atlas.moustache, 0, 1) * density * strength)
    return np.asarray(stain, np.float32)


def _painted_brows(styling: Styling, atlas: Atlas, pores: Array, fine: Array) -> Array:
    along = np.clip((atlas.across - BROW_INNER) / (BROW_OUTER - BROW_INNER), 0, 1)
    arch = BROW_Y + 0.045 * np.sin(np.pi * np.clip(along * 0.8 + 0.08, 0, 1)) - 0.03 * along**3
    half = styling.brow_thickness * (1 - 0.65 * along**1.5)
    ends = smooth_step(atlas.across, BROW_INNER - 0.03, BROW_INNER + 0.05) * (
        1 - smooth_step(atlas.across, BROW_OUTER - 0.06, BROW_OUTER + 0.02)
    )
    hairs = np.clip(0.85 + 0.18 * pores + 0.12 * fine, 0, 1)
    body = 1 - smooth_step(np.abs(atlas.y - arch) / np.maximum(half, 1e-3), 0.55, 1.15)
    return np.asarray(body * ends * hairs * atlas.front * min(styling.brow_density, 1.0) * 0.9, np.float32)


def _height(
    identity: Identity,
    atlas: Atlas,
    pores: Array,
    fine: Array,
    small: Array,
    medium: Array,
    large: Array,
    broad: Array,
    patches: Array,
) -> Array:
    """Pores, and with age the folds of forehead, eyes and mouth; arbitrary units."""
    x, y, across, age = atlas.x, atlas.y, atlas.across, identity.wrinkles
    height = 0.13 * pores + 0.07 * fine + 0.02 * small + age * (0.06 * small + 0.06 * medium)
    if atlas.fine_grain is not None:
        height = height + 0.28 * atlas.fine_grain
    if age > 0.05:
        forehead = atlas.forehead * np.sin((y - 7.5) * 58 + 1.6 * patches + 0.5 * broad) * 0.9
        crow_place = np.exp(-(((across - 0.60) / 0.09) ** 2) - ((y - 7.24) / 0.13) ** 2)
        crow = crow_place * np.sin(np.arctan2(y - 7.24, across - 0.45) * 13 + 0.6 * broad)
        fold = -np.exp(-((atlas.folds / 0.022) ** 2)) * smooth_step(y, 6.5, 6.7)
        fold = fold * (1 - smooth_step(y, 6.95, 7.08)) * atlas.front
        from_eye = (across - EYE_X) / 0.17
        bags = np.exp(-(from_eye**2)) * np.exp(-(((y - 7.10) / 0.07) ** 2))
        bags = bags * np.sin((y - 0.10 * from_eye**2) * 110 + broad * 0.6)
        height = height + age * (0.55 * forehead + 0.5 * crow + 1.1 * fold + 0.35 * bags)
    lips = atlas.lips
    furrows = 0.35 * np.sin(x * 150 + 1.2 * medium) * smooth_step(np.abs(large) + 0.5, 0, 1)
    return np.asarray(height * (1 - 0.6 * lips) + lips * furrows, np.float32)


def _make_up(texture: Array, styling: Styling, atlas: Atlas) -> None:
    stain, colour = texture[..., STAIN], texture[..., STAIN_COLOUR]
    if styling.lipstick is not None:
        alpha = atlas.lips * styling.lipstick_alpha
        stain[...] = stain * (1 - alpha) + alpha
        colour[...] = colour * (1 - alpha[..., None]) + alpha[..., None] * np.array(styling.lipstick, np.float32)
        texture[..., GLOSS] *= 1 + atlas.lips
    if styling.eye_shadow is not None:
        alpha = np.clip(atlas.upper_lids * 1.1, 0, 1) * 0.55 * (1 - np.clip(stain, 0, 1))
        painted = (alpha > 0.05)[..., None]
        stain[...] = np.maximum(stain, alpha)
        colour[...] = np.where(painted, np.array(styling.eye_shadow, np.float32), colour)
