# mypy: disable-error-code="misc,untyped-decorator"
# numba's decorators carry no types; the kernels below are annotated for the reader and checked but for that.
"""A small software rasteriser: depth, identity and barycentric buffers, attribute interpolation, transparent cards.

Screen x grows to the right, y downwards, in pixels; pixel (row, column) covers [column, column + 1). "Depth" is 1/z, so
larger is nearer, and a cleared buffer is 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float32]
Ids = NDArray[np.int32]

kernel = njit(cache=True, fastmath=True)


@kernel
def rasterise(
    x: Array, y: Array, depth: Array, triangles: Ids, buffer: Array, ids: Ids, u: Array, v: Array, base: int, cull: bool
) -> None:
    """Draws opaque triangles: the nearest one's number (plus ``base``) and its perspective-correct barycentrics."""
    rows, columns = buffer.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = x[a], y[a], x[b], y[b], x[c], y[c]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if (cull and area >= 0) or abs(area) < 1e-9:
            continue
        left = max(int(math.ceil(min(x0, x1, x2) - 0.5)), 0)
        right = min(int(math.floor(max(x0, x1, x2) - 0.5)), columns - 1)
        top = max(int(math.ceil(min(y0, y1, y2) - 0.5)), 0)
        bottom = min(int(math.floor(max(y0, y1, y2) - 0.5)), rows - 1)
        inverse = 1.0 / area
        d0, d1, d2 = depth[a], depth[b], depth[c]
        for row in range(top, bottom + 1):
            py = row + 0.5
            for column in range(left, right + 1):
                px = column + 0.5
                w1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * inverse
                w2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * inverse
                w0 = 1 - w1 - w2
                if w0 < -1e-6 or w1 < -1e-6 or w2 < -1e-6:
                    continue
                d = w0 * d0 + w1 * d1 + w2 * d2
                if d > buffer[row, column]:
                    buffer[row, column] = d
                    ids[row, column] = base + t
                    u[row, column] = w1 * d1 / d
                    v[row, column] = w2 * d2 / d


@kernel
def rasterise_depth(x: Array, y: Array, depth: Array, triangles: Ids, buffer: Array) -> None:
    """Keeps the largest depth (orthographic: linear in the screen) of all triangles, both sides drawn."""
    rows, columns = buffer.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = x[a], y[a], x[b], y[b], x[c], y[c]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left = max(int(math.ceil(min(x0, x1, x2) - 0.5)), 0)
        right = min(int(math.floor(max(x0, x1, x2) - 0.5)), columns - 1)
        top = max(int(math.ceil(min(y0, y1, y2) - 0.5)), 0)
        bottom = min(int(math.floor(max(y0, y1, y2) - 0.5)), rows - 1)
        inverse = 1.0 / area
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                w1 = ((column + 0.5 - x0) * (y2 - y0) - (x2 - x0) * (row + 0.5 - y0)) * inverse
                w2 = ((x1 - x0) * (row + 0.5 - y0) - (column + 0.5 - x0) * (y1 - y0)) * inverse
                if w1 < 0 or w2 < 0 or w1 + w2 > 1:
                    continue
                d = (1 - w1 - w2) * depth[a] + w1 * depth[b] + w2 * depth[c]
                if d > buffer[row, column]:
                    buffer[row, column] = d


@kernel
def light_reaches(x: Array, y: Array, depth: Array, buffer: Array, bias: float, out: Array) -> None:
    """Per vertex the share of a 3 x 3 neighbourhood in the shadow buffer that is not nearer to the light, in [0, 1]."""
    rows, columns = buffer.shape
    for i in range(x.shape[0]):
        total, count = 0.0, 0
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                column = int(round(x[i] - 0.5 + dx * 1.5))
                row = int(round(y[i] - 0.5 + dy * 1.5))
                if 0 <= column < columns and 0 <= row < rows:
                    count += 1
                    blocked = (buffer[row, column] - depth[i] - bias) / 0.05
                    total += 1 - min(max(blocked, 0.0), 1.0)
        out[i] = total / count if count else 1.0


@kernel
def vertex_normals(points: Array, triangles: Ids) -> Array:
    """Unit normals, area-weighted over the triangles around each vertex, shape of ``points``."""
    normals = np.zeros_like(points)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for i in range(normals.shape[0]):
        length = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        normals[i, 0] /= length
        normals[i, 1] /= length
        normals[i, 2] /= length
    return normals


@kernel
def interpolate(ids: Ids, u: Array, v: Array, triangles: Ids, attributes: Array, out: Array) -> None:
    """Vertex attributes (vertices, k) to pixels (rows, columns, k) by the buffers of ``rasterise``."""
    rows, columns = ids.shape
    for row in range(rows):
        for column in range(columns):
            t = ids[row, column]
            if t < 0:
                continue
            w1, w2 = u[row, column], v[row, column]
            w0 = 1 - w1 - w2
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            for k in range(attributes.shape[1]):
                out[row, column, k] = w0 * attributes[a, k] + w1 * attributes[b, k] + w2 * attributes[c, k]


@kernel
def sample_bilinear(texture: Array, u: float, v: float, out: Array) -> None:
    """All channels of ``texture`` (rows, columns, k) at u (right) and v (down) in [0, 1], clamped at the border."""
    height, width = texture.shape[0], texture.shape[1]
    x = min(max(u * width - 0.5, 0.0), width - 1.001)
    y = min(max(v * height - 0.5, 0.0), height - 1.001)
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    for k in range(texture.shape[2]):
        above = texture[j, i, k] * (1 - fx) + texture[j, i + 1, k] * fx
        below = texture[j + 1, i, k] * (1 - fx) + texture[j + 1, i + 1, k] * fx
        out[k] = above * (1 - fy) + below * fy


@kernel
def composite_cards(
    x: Array,
    y: Array,
    depth: Array,
    triangles: Ids,
    uv_triangles: Ids,
    uv: Array,
    colours: Array,
    texture: Array,
    order: NDArray[np.int64],
    buffer: Array,
    bias: float,
    opacity: float,
    layer: Array,
) -> None:
    """Blends textured triangles, far to near, into ``layer`` (rows, columns, premultiplied rgb and alpha).

    ``texture`` holds brightness and alpha; ``bias`` is how far, relatively, a card may lie behind ``buffer``.
    """
    rows, columns = buffer.shape
    sample = np.zeros(2, np.float32)
    for q in range(order.shape[0]):
        t = order[q]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = x[a], y[a], x[b], y[b], x[c], y[c]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left = max(int(math.ceil(min(x0, x1, x2) - 0.5)), 0)
        right = min(int(math.floor(max(x0, x1, x2) - 0.5)), columns - 1)
        top = max(int(math.ceil(min(y0, y1, y2) - 0.5)), 0)
        bottom = min(int(math.floor(max(y0, y1, y2) - 0.5)), rows - 1)
        inverse = 1.0 / area
        ta, tb, tc = uv_triangles[t, 0], uv_triangles[t, 1], uv_triangles[t, 2]
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                w1 = ((column + 0.5 - x0) * (y2 - y0) - (x2 - x0) * (row + 0.5 - y0)) * inverse
                w2 = ((x1 - x0) * (row + 0.5 - y0) - (column + 0.5 - x0) * (y1 - y0)) * inverse
                w0 = 1 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                if (w0 * depth[a] + w1 * depth[b] + w2 * depth[c]) * (1 + bias) < buffer[row, column]:
                    continue
                s = w0 * uv[ta, 0] + w1 * uv[tb, 0] + w2 * uv[tc, 0]
                r = 1 - (w0 * uv[ta, 1] + w1 * uv[tb, 1] + w2 * uv[tc, 1])
                sample_bilinear(texture, s - math.floor(s), r - math.floor(r), sample)
                alpha = min(sample[1] * opacity, 1.0)
                if alpha < 0.004:
                    continue
                for k in range(3):
                    colour = w0 * colours[a, k] + w1 * colours[b, k] + w2 * colours[c, k]
                    layer[row, column, k] = sample[0] * colour * alpha + layer[row, column, k] * (1 - alpha)
                layer[row, column, 3] = alpha + layer[row, column, 3] * (1 - alpha)


def empty_buffers(side: int) -> tuple[Array, Ids, Array, Array]:
    """Depth, identity and two barycentric buffers of ``side`` x ``side`` pixels, cleared for ``rasterise``."""
    shape: Any = (side, side)
    return (
        np.zeros(shape, np.float32),
        np.full(shape, -1, np.int32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
    )
