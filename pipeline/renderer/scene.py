"""One photograph of a person: pose, expression, camera, light, clothes, background, sensor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.renderer.identity import Colour

Array = NDArray[np.float32]

BACKGROUNDS: tuple[Colour, ...] = (
    (0.10, 0.16, 0.28),
    (0.33, 0.36, 0.38),
    (0.06, 0.06, 0.07),
    (0.62, 0.62, 0.60),
    (0.30, 0.42, 0.36),
    (0.22, 0.30, 0.36),
    (0.45, 0.38, 0.30),
    (0.20, 0.10, 0.09),
)
CLOTHES: tuple[Colour, ...] = (
    (0.45, 0.02, 0.03),
    (0.30, 0.03, 0.06),
    (0.04, 0.09, 0.25),
    (0.5, 0.5, 0.5),
    (0.02, 0.02, 0.025),
    (0.08, 0.25, 0.20),
    (0.35, 0.30, 0.22),
    (0.55, 0.20, 0.25),
    (0.12, 0.12, 0.13),
    (0.5, 0.42, 0.08),
)
EXPRESSION_SPREAD = {
    "mouth-corner-puller": 0.16,
    "mouth-compression": 0.10,
    "eyebrows-left-up": 0.10,
    "eyebrows-left-inner-up": 0.12,
    "eye-left-slit": 0.12,
    "mouth-depression": 0.10,
    "mouth-elevation": 0.08,
}
EXPRESSION_REST = {"mouth-corner-puller": 0.10, "eyebrows-left-up": 0.15, "eyebrows-left-inner-up": 0.10}
"""Added always: the base mesh frowns a little."""


@dataclass(frozen=True)
class Scene:
    """Drawn from one seed. Angles in degrees, light intensities relative, colours linear sRGB."""

    yaw: float
    pitch: float
    roll: float
    head_share: float
    """Height of the head relative to the frame's."""
    shift: tuple[float, float]
    camera_distance: float
    """Decimetres."""
    key_azimuth: float
    key_elevation: float
    key_intensity: float
    key_warmth: float
    ambient: float
    flash: float
    surround: tuple[float, float, float]
    """Relative change of the light from the left, the right and the front."""
    tint: tuple[float, float, float]
    expression: dict[str, float]
    """Names of expression units ("left" stands for both sides) to weights."""
    eyes_closed: bool
    gaze: tuple[float, float]
    background: Colour
    cloth: Colour
    neckline: tuple[float, float, float, float]
    """Height, depth and half width of the V, slope to the shoulders; decimetres."""
    white_balance: tuple[float, float, float]
    sensor_noise: float
    exposure: float
    """Stops."""
    blur: float
    """Gaussian, pixels at an output of 256."""
    noise_seed: int

    @property
    def rotation(self) -> Array:
        """The head's rotation (3, 3): yaw about y, then pitch about x, then roll about z."""
        a, b, c = (math.radians(angle) for angle in (self.yaw, self.pitch, self.roll))
        yaw = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
        pitch = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
        roll = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
        return np.asarray(roll @ pitch @ yaw, np.float32)

    @property
    def key_direction(self) -> Array:
        """Unit vector towards the key light."""
        azimuth, elevation = math.radians(self.key_azimuth), math.radians(self.key_elevation)
        flat = math.cos(elevation)
        return np.array([math.sin(azimuth) * flat, math.sin(elevation), math.cos(azimuth) * flat], np.float32)


def sample_scene(seed: int) -> Scene:
    random = np.random.default_rng([seed, 202])

    def normal(spread: float) -> float:
        return float(random.normal(0, spread))

    expression = {name: abs(normal(spread)) for name, spread in EXPRESSION_SPREAD.items()}
    for name, weight in EXPRESSION_REST.items():
        expression[name] += weight
    warm, green, blue = (float(gain) for gain in np.exp(random.normal(0, 0.03, 3)))
    return Scene(
        yaw=float(np.clip(normal(7), -18, 18)),
        pitch=float(np.clip(normal(4), -10, 10)),
        roll=float(np.clip(normal(2.5), -7, 7)),
        head_share=float(random.uniform(0.72, 0.95)),
        shift=(normal(0.02), normal(0.02)),
        camera_distance=float(random.uniform(10, 16)),
        key_azimuth=float(random.uniform(-65, 65)),
        key_elevation=float(random.uniform(5, 55)),
        key_intensity=float(random.uniform(0.7, 1.8)),
        key_warmth=normal(0.06),
        ambient=float(random.uniform(0.35, 0.7)),
        flash=float(random.uniform(0.1, 0.9)) if random.random() < 0.5 else 0.0,
        surround=(normal(0.25), normal(0.25), normal(0.25)),
        tint=(normal(0.25), normal(0.25), normal(0.25)),
        expression=expression,
        eyes_closed=bool(random.random() < 0.08),
        gaze=(normal(0.05), normal(0.03)),
        background=BACKGROUNDS[int(random.integers(len(BACKGROUNDS)))],
        cloth=CLOTHES[int(random.integers(len(CLOTHES)))],
        neckline=(
            float(random.uniform(5.35, 5.95)),
            float(random.uniform(0, 0.6)),
            float(random.uniform(0.3, 0.6)),
            float(random.uniform(0.3, 0.9)),
        ),
        white_balance=(warm, green, blue),
        sensor_noise=float(random.uniform(0.002, 0.010)),
        exposure=normal(0.10),
        blur=float(random.choice([0, 0, 0.4, 0.6])),
        noise_seed=int(random.integers(1_000_000)),
    )
