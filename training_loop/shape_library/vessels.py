"""Things that hold: mostly turned on a lathe, with real wall thickness."""

import numpy as np
from numpy.typing import NDArray

from training_loop.shape_library.materials import GLASSES, GLAZES, METALS, PLASTICS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range, phrases
from training_loop.shape_library.parts import Part, box, ellipsoid, lathe, loft, smooth, tube
from training_loop.shape_library.registry import shape

POTS = ("terracotta", "white", "grey", "black", "blue", "brown")


def vessel(outer: NDArray[np.float64], wall: float, floor: float, *, segments: int = 28) -> Part:
    """Hollow a turned body: `outer` (n, 2) runs from the foot to the rim as (radius, y)."""
    inner = outer[outer[:, 1] > outer[0, 1] + floor].copy()
    inner[:, 0] = np.maximum(inner[:, 0] - wall, 0.005)
    base = np.array([[0.0, outer[0, 1]]])
    bottom = np.array([[inner[0, 0] * 0.999, outer[0, 1] + floor], [0.0, outer[0, 1] + floor]])
    return lathe(np.concatenate([base, outer, inner[::-1], bottom]), segments=segments)


def straight(*points: tuple[float, float], steps: int = 1) -> NDArray[np.float64]:
    """Join profile points by straight lines cut into `steps`."""
    knots = np.array(points)
    pieces = [knots[i] + (knots[i + 1] - knots[i]) * (np.arange(steps) / steps)[:, None] for i in range(len(knots) - 1)]
    return np.concatenate([*pieces, knots[-1:]])


def handle(radius: float, low: float, high: float, reach: float, thickness: float, *, square: float = 0.0) -> Part:
    """A bow from (radius, high) out by `reach` and back to (radius, low), in the XY plane towards +x."""
    inside = radius - thickness * 0.6
    middle = (low + high) / 2
    drop = (high - low) * (0.28 + 0.2 * square)
    path = smooth(
        [
            (inside, high, 0),
            (radius + reach * 0.65, high - (high - low) * 0.02, 0),
            (radius + reach, middle + drop * 0.5, 0),
            (radius + reach * 0.92, middle - drop * 0.5, 0),
            (radius + reach * 0.5, low + (high - low) * 0.05, 0),
            (inside, low, 0),
        ],
        steps=4,
    )
    return tube(path, thickness, segments=10, flat=0.8)


@shape(
    "mug",
    height=Range(0.85, 1.35, "short", "tall"),
    colour=Choice(GLAZES),
    flare=Range(-0.06, 0.1),
    belly=Range(0.0, 0.08, "", "rounded"),
    grip=Range(0.22, 0.36, "with a small handle", "with a big handle"),
    coffee=Flag("with coffee in it", share=0.3),
)
def mug(*, height: float, colour: str, flare: float, belly: float, grip: float, coffee: bool) -> list[Part]:
    """A cylinder with a handle."""
    y = np.linspace(0, 1, 9)
    radius = 0.5 + flare * y + belly * np.sin(np.pi * y)
    outer = np.column_stack([radius, y * height])
    outer = np.concatenate([[[0.44, 0.0], [0.49, 0.02]], outer[1:]])
    rim = radius[6]
    parts = [
        vessel(outer, 0.055, 0.07),
        handle(rim, 0.18 * height, 0.82 * height, grip, 0.06),
    ]
    parts = [part.painted(rgb(colour)) for part in parts]
    if coffee:
        level = 0.8 * height
        inside = float(np.interp(level, outer[:, 1], outer[:, 0])) - 0.03
        parts.append(lathe([(0, 0.05), (0.45, 0.05), (inside, level), (0, level)]).painted(rgb("coffee")))
    return parts


@shape(
    "cup_and_saucer",
    noun="cup and saucer",
    height=Range(0.5, 0.8, "low", "tall"),
    colour=Choice(GLAZES),
    saucer=Range(0.85, 1.15, "with a small saucer", "with a wide saucer"),
    curve=Range(0.0, 1.0, "straight-sided", "rounded"),
    filled=Flag("with coffee in it", share=0.6),
    spoon=Flag("with a spoon beside it", share=0.35),
)
def cup_and_saucer(*, height: float, colour: str, saucer: float, curve: float, filled: bool, spoon: bool) -> list[Part]:
    """A cup with a handle on its saucer."""
    plate = vessel(
        smooth([(0.42, 0.0), (0.5, 0.04), (saucer * 0.8, 0.09), (saucer, 0.17)], steps=4), wall=0.05, floor=0.045
    )
    y = np.linspace(0, 1, 10)
    radius = 0.3 + 0.24 * ((1 - curve) * y + curve * np.sqrt(1 - (1 - y) ** 2))
    outer = np.column_stack([radius, y * height])
    cup = vessel(outer, 0.045, 0.06).moved(y=0.04)
    grip = handle(0.48, 0.3 * height, 0.85 * height, 0.22, 0.045).moved(y=0.04)
    parts = [part.painted(rgb(colour)) for part in (plate, cup, grip)]
    if filled:
        level = 0.84 * height
        inside = float(np.interp(level, outer[:, 1], outer[:, 0])) - 0.025
        coffee = lathe([(0, 0.1), (0.26, 0.1), (inside, level), (0, level)])
        parts.append(coffee.moved(y=0.04).painted(rgb("coffee")))
    if spoon:
        bowl = ellipsoid(0.1, 0.03, 0.14).moved(-0.45, 0.17, 0.42)
        stem = tube([(-0.47, 0.18, 0.32), (-0.5, 0.22, -0.1), (-0.52, 0.24, -0.5)], [0.02, 0.018, 0.03])
        parts += [bowl.painted(rgb("steel")), stem.painted(rgb("steel"))]
    return parts


@shape(
    "plate",
    colour=Choice((*GLAZES, "steel", "birch")),
    depth=Range(0.1, 0.34, "flat", "deep"),
    well=Range(0.5, 0.75, "with a small well", "with a broad well"),
    foot=Range(0.42, 0.6),
    oval=Range(1.0, 1.35, "round", "oval"),
)
def plate(*, colour: str, depth: float, well: float, foot: float, oval: float) -> list[Part]:
    """A plate or saucer: a well, a sloping rim and a foot."""
    outer = smooth([(foot * well * 1.3, 0.0), (well, 0.05), (0.85, 0.55 * depth + 0.02), (1.0, depth)], steps=5)
    return [vessel(outer, wall=0.05, floor=0.045, segments=36).scaled(oval, 1, 1).painted(rgb(colour))]


@shape(
    "bottle",
    height=Range(2.6, 4.2, "short", "tall"),
    colour=Choice((*GLASSES, "white", "red", "blue")),
    neck=Range(0.13, 0.26, "with a narrow neck", "with a wide neck"),
    shoulder=Range(0.5, 0.75),
    cap=Choice(("black", "white", "red", "gold"), {"black": "", "white": "", "red": "", "gold": ""}),
    label=Flag("with a paper label", share=0.5),
)
def bottle(*, height: float, colour: str, neck: float, shoulder: float, cap: str, label: bool) -> list[Part]:
    """A solid bottle with a cap."""
    top = height * 0.94
    body = smooth(
        [
            (0.46, 0.0),
            (0.5, 0.06),
            (0.5, shoulder * height * 0.55),
            (0.5, shoulder * height),
            (neck * 1.35, (shoulder + 0.5 * (0.94 - shoulder)) * height),
            (neck, top - 0.14 * height * 0.5),
            (neck, top),
        ],
        steps=5,
    )
    parts = [lathe([(0, 0), *body, (0, top)]).painted(rgb(colour))]
    parts.append(
        lathe([(0, top - 0.08), (neck + 0.04, top - 0.08), (neck + 0.04, height), (0, height)]).painted(rgb(cap))
    )
    if label:
        low, high = 0.15 * height, shoulder * height * 0.8
        parts.append(lathe([(0.3, low), (0.515, low), (0.515, high), (0.3, high)], closed=True).painted(rgb("paper")))
    return parts


@shape(
    "bowl",
    depth=Range(0.35, 0.75, "shallow", "deep"),
    colour=Choice((*GLAZES, "steel", "oak")),
    foot=Range(0.25, 0.5, "with a narrow foot", "with a broad foot"),
    curve=Range(0.4, 0.8),
)
def bowl(*, depth: float, colour: str, foot: float, curve: float) -> list[Part]:
    """A bowl on a foot ring."""
    y = np.linspace(0, 1, 10)
    radius = foot + (1 - foot) * y**curve
    outer = np.column_stack([radius, 0.06 + y * depth])
    outer = np.concatenate([[[foot * 0.9, 0.0]], outer])
    return [vessel(outer, 0.06, 0.1).painted(rgb(colour))]


@shape(
    "vase",
    height=Range(1.6, 3.4, "squat", "tall"),
    colour=Choice((*GLAZES, *GLASSES)),
    belly=Range(0.45, 0.8, "slender", "round-bellied"),
    neck=Range(0.14, 0.34, "with a narrow neck", "with a wide neck"),
    lip=Range(0.0, 0.22, "", "with a flaring lip"),
)
def vase(*, height: float, colour: str, belly: float, neck: float, lip: float) -> list[Part]:
    """A turned vase, hollow."""
    outer = smooth(
        [
            (0.3, 0.0),
            (belly * 0.8, 0.18 * height),
            (belly, 0.42 * height),
            (neck * 1.25, 0.76 * height),
            (neck, 0.88 * height),
            (neck + lip, height),
        ],
        steps=5,
    )
    return [vessel(outer, 0.06, 0.08).painted(rgb(colour))]


@shape(
    "wine_glass",
    height=Range(2.0, 2.9, "short", "tall"),
    bowl_width=Range(0.42, 0.62, "slim", "wide"),
    stem=Range(0.35, 0.55, "with a short stem", "with a long stem"),
    drink=Choice(
        ("empty", "red wine", "white wine"), {"empty": "", "red wine": "with red wine", "white wine": "with white wine"}
    ),
)
def wine_glass(*, height: float, bowl_width: float, stem: float, drink: str) -> list[Part]:
    """A stemmed glass."""
    stem_top = stem * height
    rise = height - stem_top
    outer = smooth(
        [
            (0.05, stem_top),
            (bowl_width * 0.75, stem_top + 0.18 * rise),
            (bowl_width, stem_top + 0.45 * rise),
            (bowl_width * 0.72, height),
        ],
        steps=6,
    )
    foot = lathe(
        [(0, 0), (0.45, 0), (0.45, 0.03), (0.1, 0.09), (0.05, 0.16), (0.045, stem_top + 0.06), (0, stem_top + 0.06)]
    )
    parts = [vessel(outer, 0.035, 0.06).painted(rgb("clear glass")), foot.painted(rgb("clear glass"))]
    if drink != "empty":
        level = stem_top + 0.45 * rise
        y = np.linspace(stem_top + 0.08, level, 6)
        radius = np.interp(y, outer[:, 1], outer[:, 0]) - 0.02
        color = (112, 20, 38) if drink == "red wine" else (222, 206, 128)
        parts.append(lathe([(0, y[0]), *np.column_stack([radius, y]), (0, level)]).painted(color))
    return parts


@shape(
    "teapot",
    height=Range(0.8, 1.2, "low", "tall"),
    colour=Choice((*GLAZES, "steel", "iron", "copper")),
    spout=Range(0.35, 0.6, "with a short spout", "with a long spout"),
    roundness=Range(0.8, 1.1),
)
def teapot(*, height: float, colour: str, spout: float, roundness: float) -> list[Part]:
    """A round body, a lid with a knob, a spout and a handle."""
    belly = 0.62 * roundness
    outer = smooth(
        [
            (0.36, 0.0),
            (belly * 0.93, 0.2 * height),
            (belly, 0.45 * height),
            (belly * 0.8, 0.75 * height),
            (0.33, 0.9 * height),
        ],
        steps=5,
    )
    body = lathe([(0, 0), *outer, (0, 0.9 * height)])
    lid = lathe([(0, 0), *smooth([(0.34, 0.0), (0.26, 0.08), (0.08, 0.13)], steps=4), (0, 0.13)]).moved(y=0.89 * height)
    knob = ellipsoid(0.08, 0.08, 0.08).moved(y=0.89 * height + 0.19)
    path = smooth(
        [
            (belly * 0.7, 0.3 * height, 0),
            (belly + spout * 0.45, 0.45 * height, 0),
            (belly + spout * 0.65, 0.72 * height, 0),
            (belly + spout, 0.95 * height, 0),
        ],
        steps=4,
    )
    nozzle = tube(path, np.linspace(0.15, 0.06, len(path)), segments=12)
    grip = handle(belly * 0.92, 0.22 * height, 0.8 * height, 0.34, 0.055).turned("y", 180)
    return [part.painted(rgb(colour)) for part in (body, lid, nozzle, grip)] + [knob.painted(shaded(colour, 0.8))]


@shape(
    "potted_plant",
    noun="potted plant",
    pot=Choice(POTS, phrases(POTS, "pot")),
    pot_height=Range(0.6, 1.1),
    leaves=Count(12, 30),
    leaf_length=Range(0.6, 1.1, "small-leaved", "long-leaved"),
    droop=Range(0.1, 0.9, "upright", "drooping"),
    arrangement=Count(0, 9999),
)
def potted_plant(
    *, pot: str, pot_height: float, leaves: int, leaf_length: float, droop: float, arrangement: int
) -> list[Part]:
    """Curved leaves out of a pot of soil."""
    rim = 0.5
    outer = np.array(
        straight((0.34, 0), (rim, pot_height * 0.82), (rim + 0.05, pot_height * 0.83), (rim + 0.06, pot_height))
    )
    soil_level = pot_height * 0.88
    parts = [
        vessel(outer, 0.07, 0.08).painted(rgb(pot)),
        lathe([(0, 0.06), (0.32, 0.06), (rim - 0.01, soil_level), (0, soil_level)]).painted(rgb("soil")),
    ]
    rng = np.random.default_rng(arrangement)
    for index in range(leaves):
        azimuth = 2.399963 * index + rng.uniform(-0.3, 0.3)
        lean = rng.uniform(0.15, 1.0) * (0.5 + 0.5 * index / leaves)
        length = leaf_length * rng.uniform(0.75, 1.2)
        along = np.linspace(0, 1, 7)
        reach = length * (0.06 + lean * along * (0.6 + 0.4 * droop * along))
        rise = length * 1.2 * (along - droop * lean * 0.9 * along**2)
        path = np.column_stack([reach * np.cos(azimuth), soil_level - 0.04 + rise, reach * np.sin(azimuth)])
        width = 0.13 * leaf_length * np.array([0.2, 0.45, 0.8, 1.0, 0.9, 0.6, 0.15])
        color = tuple(int(channel * rng.uniform(0.85, 1.15)) for channel in rgb("leaf"))
        parts.append(_leaf(path, width, azimuth).painted((color[0], color[1], color[2])))
    return parts


def _leaf(path: NDArray[np.float64], width: NDArray[np.float64], azimuth: float) -> Part:
    """A flat blade along a path: wide across the azimuth, thin through it."""
    across = np.array([-np.sin(azimuth), 0.0, np.cos(azimuth)])
    tangent = np.gradient(path, axis=0)
    normal = np.cross(tangent, across)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    thickness = np.maximum(0.16 * width, 0.012)[:, None]
    sideways = width[:, None] * across
    return _blade_rings(path, sideways, normal * thickness)


def _blade_rings(path: NDArray[np.float64], sideways: NDArray[np.float64], normal: NDArray[np.float64]) -> Part:
    rings = np.stack([path - sideways, path - normal, path + sideways, path + normal], axis=1)
    return loft(rings)


@shape(
    "bucket",
    height=Range(0.85, 1.2, "low", "tall"),
    colour=Choice((*PLASTICS, *METALS)),
    taper=Range(0.62, 0.85),
    raised=Flag("with its handle up", share=0.5),
)
def bucket(*, height: float, colour: str, taper: float, raised: bool) -> list[Part]:
    """A pail with a wire handle."""
    outer = straight((0.5 * taper, 0), (0.5, height * 0.96), (0.53, height * 0.96), (0.53, height), steps=3)
    angle = np.linspace(0, np.pi, 15)
    arc = np.column_stack([0.53 * np.cos(angle), 0.5 * np.sin(angle), np.zeros(15)])
    wire = tube(arc, 0.022, segments=8).turned("x", 0 if raised else 70).moved(y=height * 0.93)
    grip = box(0.2, 0.06, 0.06, round=0.02).moved(y=0.47).turned("x", 0 if raised else 70).moved(y=height * 0.93)
    return [vessel(outer, 0.045, 0.06).painted(rgb(colour)), wire.painted(rgb("steel")), grip.painted(rgb("black"))]
