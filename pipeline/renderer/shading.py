# mypy: disable-error-code="misc,untyped-decorator"
# numba's decorators carry no types; the kernels below are annotated for the reader and checked but for that.
"""Light on skin, eyes and solid things, per pixel.

Attributes of the G-buffer, float32 (rows, columns, 15): 0:3 normal, 3:5 texture uv, 5:8 ambient light rgb, 8 visibility
of the key light, 9:12 template position (of an eye: direction from its centre), 12:15 position relative to the camera.

Channels of a skin texture, float32 (side, side, 11): 0 melanin, 1 blood, 2 height, 3 gloss, 4 white overlay (scales,
pus), 5 alpha of a stain (hair shadow, make-up), 6 lesion in [0, 1], 7 weave of cloth, 8:11 colour of the stain.

Reflection: wrapped diffuse light, reddest in the shadow's edge (a stand-in for subsurface scattering), and the GGX
microfacet model of Walter et al., EGSR 2007, with Schlick's approximations.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.renderer.optics import BLOOD_RANGE, MELANIN_RANGE
from pipeline.renderer.raster import sample_bilinear

Array = NDArray[np.float32]
Ids = NDArray[np.int32]

MELANIN, BLOOD, HEIGHT, GLOSS, WHITE, STAIN, LESION, WEAVE = range(8)
STAIN_COLOUR = slice(8, 11)
CHANNELS = 11
ATTRIBUTES = 15

_LOG_MELANIN = (math.log(MELANIN_RANGE[0]), math.log(MELANIN_RANGE[1] / MELANIN_RANGE[0]))
_LOG_BLOOD = (math.log(BLOOD_RANGE[0]), math.log(BLOOD_RANGE[1] / BLOOD_RANGE[0]))
_MELANIN_FLOOR, _BLOOD_FLOOR = MELANIN_RANGE[0], BLOOD_RANGE[0]
_WRAP = (0.38, 0.16, 0.10)
_SHADOW_POWER = (0.6, 0.9, 1.0)
_SCLERA = (0.74, 0.67, 0.63)
_SCLERA_EDGE = (0.3, 0.8, 0.9)

kernel = njit(cache=True, fastmath=True)


@kernel
def sample_height(ids: Ids, skin_triangles: int, g: Array, texture: Array, out: Array) -> None:
    """The skin's height per pixel, for bump mapping."""
    rows, columns = ids.shape
    height, width = texture.shape[0], texture.shape[1]
    for row in range(rows):
        for column in range(columns):
            t = ids[row, column]
            if t < 0 or t >= skin_triangles:
                continue
            x = min(max(g[row, column, 3] * width - 0.5, 0.0), width - 1.001)
            y = min(max(g[row, column, 4] * height - 0.5, 0.0), height - 1.001)
            i, j = int(x), int(y)
            fx, fy = x - i, y - j
            above = texture[j, i, 2] * (1 - fx) + texture[j, i + 1, 2] * fx
            below = texture[j + 1, i, 2] * (1 - fx) + texture[j + 1, i + 1, 2] * fx
            out[row, column] = above * (1 - fy) + below * fy


@kernel
def shade(
    only: NDArray[np.uint8],
    restricted: bool,
    ids: Ids,
    skin_triangles: int,
    eye_triangles: int,
    g: Array,
    texture: Array,
    table: Array,
    heights: Array,
    lights: Array,
    light_colours: Array,
    roughness: float,
    specular: float,
    neckline: Array,
    cloth: Array,
    cap: Array,
    cap_colour: Array,
    eye: Array,
    materials: Array,
    out: Array,
    lesion: Array,
) -> None:
    """Linear rgb into ``out`` and the lesion channel into ``lesion``.

    ``restricted``: only skin whose texel is set in ``only`` is shaded. ``table``: optics.skin_table. ``heights``: from
    sample_height, already scaled. ``lights`` (n, 3) towards, ``light_colours`` (n, 3); the first is the key light and
    casts shadows. ``cap``: worn (0 or 1), height, slope. ``eye``: gaze (3), iris and pupil radius, iris rgb, inner rgb.
    """
    rows, columns = ids.shape
    texel = np.zeros(16, np.float32)
    albedo = np.zeros(3, np.float32)
    blood_steps, melanin_steps = table.shape[1], table.shape[0]
    for row in range(rows):
        for column in range(columns):
            t = ids[row, column]
            if t < 0:
                continue
            is_skin = t < skin_triangles
            is_eye = skin_triangles <= t < skin_triangles + eye_triangles
            if restricted:
                if not is_skin:
                    continue
                iu = min(max(int(g[row, column, 3] * only.shape[1]), 0), only.shape[1] - 1)
                iv = min(max(int(g[row, column, 4] * only.shape[0]), 0), only.shape[0] - 1)
                if only[iv, iu] == 0:
                    continue
            nx, ny, nz = g[row, column, 0], g[row, column, 1], g[row, column, 2]
            vx, vy, vz = -g[row, column, 12], -g[row, column, 13], -g[row, column, 14]
            inverse = 1 / math.sqrt(vx * vx + vy * vy + vz * vz)
            vx *= inverse
            vy *= inverse
            vz *= inverse
            visible, rough, gloss = max(g[row, column, 8], 0.0), roughness, specular  # interpolation undershoots
            if is_skin:
                px, py, pz = g[row, column, 9], g[row, column, 10], g[row, column, 11]
                vee = neckline[1] * max(0.0, 1 - abs(px) / neckline[2]) * (1.0 if pz > 0.2 else 0.0)
                clothed = py < neckline[0] - vee + neckline[3] * (0.25 - pz) * 0.5
                capped = cap[0] > 0 and py > cap[1] - cap[2] * (1.5 - pz)
                sample_bilinear(texture, g[row, column, 3], g[row, column, 4], texel)
                if clothed or capped:
                    for k in range(3):
                        albedo[k] = (cloth[k] if clothed else cap_colour[k]) * (1 + 0.10 * texel[7])
                    gloss, rough = 0.05, 0.7
                else:
                    m = (math.log(max(texel[0], _MELANIN_FLOOR)) - _LOG_MELANIN[0]) / _LOG_MELANIN[1]
                    b = (math.log(max(texel[1], _BLOOD_FLOOR)) - _LOG_BLOOD[0]) / _LOG_BLOOD[1]
                    sample_bilinear(
                        table,
                        b * (1 - 1.0 / blood_steps) + 0.5 / blood_steps,
                        m * (1 - 1.0 / melanin_steps) + 0.5 / melanin_steps,
                        albedo,
                    )
                    for k in range(3):
                        albedo[k] = albedo[k] * (1 - texel[5]) + texel[5] * texel[8 + k]
                        albedo[k] = albedo[k] * (1 - texel[4]) + texel[4] * (0.80 - 0.05 * k)
                    gloss *= texel[3]
                    lesion[row, column] = texel[6]
                    if 0 < column < columns - 1 and 0 < row < rows - 1:
                        slope_x = (heights[row, column + 1] - heights[row, column - 1]) * 0.5
                        slope_y = (heights[row + 1, column] - heights[row - 1, column]) * 0.5
                        nx -= min(max(slope_x, -0.6), 0.6)
                        ny += min(max(slope_y, -0.6), 0.6)
            elif is_eye:
                dx, dy, dz = g[row, column, 9], g[row, column, 10], g[row, column, 11]
                inverse = 1 / math.sqrt(dx * dx + dy * dy + dz * dz + 1e-9)
                dx *= inverse
                dy *= inverse
                dz *= inverse
                along = dx * eye[0] + dy * eye[1] + dz * eye[2]
                radius = math.sqrt(max(0.0, 1 - along * along)) if along > 0 else 1.0
                angle = math.atan2(dy - eye[1], dx - eye[0])
                iris, pupil = eye[3], eye[4]
                fibres = (
                    0.5
                    + 0.25 * math.sin(angle * 23 + 3 * math.sin(angle * 5))
                    + 0.25 * math.sin(angle * 41 + radius * 30)
                )
                in_sclera = min(max((radius - iris + 0.02) / 0.04, 0.0), 1.0)
                outside_pupil = min(max((radius - pupil) / 0.03, 0.0), 1.0)
                limbus = 1 - 0.75 * math.exp(-(((radius - iris) / 0.05) ** 2))
                inner = math.exp(-(((radius - pupil) / 0.09) ** 2))
                for k in range(3):
                    outer = eye[5 + k] * (0.55 + 0.75 * fibres) * (1 - inner * 0.6)
                    coloured = (outer + inner * 0.6 * eye[8 + k]) * limbus * outside_pupil + 0.004
                    white = _SCLERA[k] * (1 - 0.25 * min(abs(dx) * 1.3, 1.0) * _SCLERA_EDGE[k])
                    albedo[k] = coloured * (1 - in_sclera) + white * in_sclera
                gloss = 0.0
            else:
                solid = t - skin_triangles - eye_triangles
                for k in range(3):
                    albedo[k] = materials[solid, k]
                gloss, rough = materials[solid, 3], materials[solid, 4]
            inverse = 1 / math.sqrt(nx * nx + ny * ny + nz * nz)
            nx *= inverse
            ny *= inverse
            nz *= inverse
            facing = max(nx * vx + ny * vy + nz * vz, 0.02)
            for k in range(3):
                out[row, column, k] = albedo[k] * g[row, column, 5 + k] * (0.9 + 0.1 * facing)
            for j in range(lights.shape[0]):
                lx, ly, lz = lights[j, 0], lights[j, 1], lights[j, 2]
                nl = nx * lx + ny * ly + nz * lz
                arriving = visible if j == 0 else 1.0
                for k in range(3):
                    if is_skin:
                        wrapped = max(0.0, (nl + _WRAP[k]) / (1 + _WRAP[k]))
                        diffuse = wrapped * wrapped * 0.35 + wrapped * 0.65
                        out[row, column, k] += albedo[k] * light_colours[j, k] * diffuse * arriving ** _SHADOW_POWER[k]
                    else:
                        out[row, column, k] += albedo[k] * light_colours[j, k] * max(0.0, nl) * arriving
                hx, hy, hz = lx + vx, ly + vy, lz + vz
                inverse = 1 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
                nh = max(0.0, (nx * hx + ny * hy + nz * hz) * inverse)
                vh = max(0.0, (vx * hx + vy * hy + vz * hz) * inverse)
                if is_eye:
                    glint = nh**380.0 * 1.6
                    for k in range(3):
                        out[row, column, k] += glint * light_colours[j, k] * min(1.0, arriving + 0.3)
                elif nl > 0:
                    alpha2 = rough**4
                    spread = nh * nh * (alpha2 - 1) + 1
                    distribution = alpha2 / (math.pi * spread * spread)
                    fresnel = 0.028 + 0.972 * (1 - vh) ** 5
                    remap = (rough + 1) ** 2 / 8
                    shadowing = 1 / ((facing * (1 - remap) + remap) * (nl * (1 - remap) + remap))
                    glint = min(gloss * distribution * fresnel * shadowing * 0.25 * nl * arriving, 3.0)
                    for k in range(3):
                        out[row, column, k] += glint * light_colours[j, k]
            rim = (1 - facing) ** 5 * 0.25 * gloss
            for k in range(3):
                out[row, column, k] += rim * g[row, column, 5 + k]


@kernel
def lay_over(picture: Array, layer: Array, lesion: Array, out: Array, seen_lesion: Array) -> None:
    """``layer`` (premultiplied rgba) over ``picture``; what it hides of the lesion is taken off."""
    rows, columns = lesion.shape
    for row in range(rows):
        for column in range(columns):
            through = 1 - layer[row, column, 3]
            for k in range(3):
                out[row, column, k] = picture[row, column, k] * through + layer[row, column, k]
            seen_lesion[row, column] = lesion[row, column] * through


def tone_curve(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scene light to encoded sRGB in [0, 1]: straight to 0.65, a soft shoulder above."""
    x = np.maximum(linear, 0)
    x = np.where(x > 0.65, 0.65 + (1 - np.exp(-(x - 0.65) / 0.40)) * 0.35, x)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 1e-6), 1 / 2.4) - 0.055)


_CURVE = tone_curve(np.linspace(0, 4, 4097)).astype(np.float32)


def tone_mapped(linear: Array) -> Array:
    """``tone_curve`` by table: linear light, any shape, clipped at 4."""
    return np.asarray(_CURVE[np.clip(linear * 1024 + 0.5, 0, 4096).astype(np.int16)])
