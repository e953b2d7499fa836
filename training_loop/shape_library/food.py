"""Things to eat."""

import numpy as np

from training_loop.shape_library.materials import rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range
from training_loop.shape_library.parts import Part, ellipsoid, lathe, rod, smooth, tube
from training_loop.shape_library.registry import shape


@shape(
    "apple",
    colour=Choice(("red", "green", "yellow")),
    width=Range(0.92, 1.15, "tall", "flat"),
    leaf=Flag("with a leaf", share=0.5),
    stem=Range(0.12, 0.28),
)
def apple(*, colour: str, width: float, leaf: bool, stem: float) -> list[Part]:
    """A fruit with dimples and a stem."""
    t = np.linspace(0.02, np.pi - 0.02, 20)
    radius = 0.5 * np.sin(t) * (1 + 0.16 * np.cos(t) * -1 + 0.1 * np.sin(t) ** 2)
    y = -0.46 * np.cos(t) + 0.16 * np.exp(-((t / 0.4) ** 2)) - 0.2 * np.exp(-(((np.pi - t) / 0.45) ** 2))
    tint = {"red": (184, 40, 42), "green": (134, 172, 62), "yellow": (222, 190, 84)}[colour]
    parts = [lathe(np.column_stack([radius, y])).scaled(width, 1, width).painted(tint)]
    parts.append(tube(smooth([(0, 0.2, 0), (0.01, 0.34, 0), (0.05, 0.34 + stem, 0)], 3), 0.028).painted(rgb("brown")))
    if leaf:
        blade = ellipsoid(0.2, 0.022, 0.09).turned("z", 20).moved(0.22, 0.5)
        parts.append(blade.painted(rgb("leaf")))
    return parts


@shape(
    "banana",
    ripeness=Choice(("green", "yellow", "brown-spotted")),
    curve=Range(0.5, 1.1, "straight", "strongly curved"),
    thickness=Range(0.16, 0.24, "thin", "thick"),
)
def banana(*, ripeness: str, curve: float, thickness: float) -> list[Part]:
    """A bent fruit with five flat sides and a stalk."""
    t = np.linspace(-1, 1, 17)
    angle = t * curve
    path = np.column_stack([np.sin(angle) / curve, (1 - np.cos(angle)) / curve, np.zeros(17)])
    profile = np.interp(
        t, [-1, -0.93, -0.75, -0.4, 0, 0.4, 0.72, 0.86, 1], [0.2, 0.35, 0.75, 0.97, 1, 0.97, 0.7, 0.28, 0.26]
    )
    skin = {"green": (152, 176, 70), "yellow": (232, 200, 66), "brown-spotted": (206, 168, 74)}[ripeness]
    body = tube(path, thickness * profile, segments=6)
    tip = ellipsoid(0.045, 0.045, 0.045, segments=8, rings=6).moved(path[0, 0], path[0, 1])
    end = path[-1] + (path[-1] - path[-2])
    return [body.painted(skin), tip.painted((70, 56, 34)), rod(path[-1], end, thickness * 0.27).painted((110, 100, 50))]


@shape(
    "pear",
    colour=Choice(("green", "yellow", "russet")),
    neck=Range(0.22, 0.36, "with a slender neck", "with a thick neck"),
    height=Range(1.25, 1.7, "squat", "tall"),
)
def pear(*, colour: str, neck: float, height: float) -> list[Part]:
    """A fruit with a neck and a stem."""
    tint = {"green": (160, 182, 76), "yellow": (220, 196, 92), "russet": (164, 118, 66)}[colour]
    outer = smooth([(0.1, 0.0), (0.42, 0.14), (0.5, 0.36), (neck, 0.68), (neck * 0.72, 0.88), (0.05, 1.0)], 5)
    body = lathe(outer).scaled(1, height, 1)
    stem = tube(smooth([(0, 0.95 * height, 0), (0.02, height + 0.08, 0), (0.08, height + 0.22, 0)], 3), 0.03)
    return [body.painted(tint), stem.painted(rgb("brown"))]


@shape(
    "carrot",
    length=Range(2.2, 3.6, "short", "long"),
    leaves=Count(4, 8),
    green=Range(0.5, 1.2, "", "with long greens"),
    bend=Range(-0.2, 0.2),
)
def carrot(*, length: float, leaves: int, green: float, bend: float) -> list[Part]:
    """A root lying along x with its greens."""
    t = np.linspace(0, 1, 14)
    path = np.column_stack([t * length, bend * np.sin(t * np.pi), np.zeros(14)])
    profile = np.interp(t, [0, 0.03, 0.15, 0.6, 0.92, 1], [0.22, 0.34, 0.38, 0.24, 0.08, 0.02])
    parts = [tube(path, profile, segments=14).painted((226, 122, 40))]
    for index in range(leaves):
        angle = 2.4 * index
        spread = 0.16 + 0.1 * (index % 3)
        tip = np.array([-green, spread * np.sin(angle) * 2, spread * np.cos(angle) * 2])
        stalk = smooth([(0.08, 0, 0), tuple(0.5 * tip), tuple(tip)], 3)
        parts.append(tube(stalk, np.linspace(0.05, 0.09, len(stalk)), segments=7).painted(rgb("leaf")))
    return parts


@shape(
    "donut",
    icing=Choice(
        ("pink", "brown", "white", "yellow"), {n: f"with {n} icing" for n in ("pink", "brown", "white", "yellow")}
    ),
    thickness=Range(0.24, 0.36, "thin", "thick"),
    sprinkles=Count(0, 40),
    arrangement=Count(0, 9999),
)
def donut(*, icing: str, thickness: float, sprinkles: int, arrangement: int) -> list[Part]:
    """A ring of dough with icing and sprinkles."""
    radius = 0.85
    section = circle_profile(radius, thickness, 0, 360)
    dough = lathe(section, segments=32, closed=True)
    top = circle_profile(radius, thickness * 1.06, 12, 168)
    inner = circle_profile(radius, thickness * 0.8, 12, 168)[::-1]
    glaze = lathe(np.concatenate([top, inner]), segments=32, closed=True)
    parts = [dough.painted((202, 148, 88)), glaze.painted(rgb(icing))]
    rng = np.random.default_rng(arrangement)
    colours = [rgb(name) for name in ("red", "yellow", "blue", "green", "white")]
    for index in range(sprinkles):
        around, over = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(35, 145))
        r = radius + thickness * 1.06 * np.cos(over)
        at = (r * np.sin(around), thickness * 1.06 * np.sin(over), r * np.cos(around))
        grain = rod((-0.06, 0, 0), (0.06, 0, 0), 0.026, segments=5).turned("y", float(rng.uniform(0, 180)))
        parts.append(grain.moved(*at).painted(colours[index % 5]))
    return parts


def circle_profile(radius: float, thickness: float, start: float, stop: float) -> np.ndarray:
    """Profile (n, 2) of an arc of a torus section, degrees from outside over the top."""
    full = abs(stop - start) >= 360
    angle = np.deg2rad(np.linspace(start, stop, 16, endpoint=not full))
    return np.column_stack([radius + thickness * np.cos(angle), thickness * np.sin(angle)])


@shape(
    "mushroom",
    cap=Choice(("brown", "red", "white", "beige"), {n: f"with a {n} cap" for n in ("brown", "red", "white", "beige")}),
    height=Range(0.5, 1.3, "short", "tall"),
    dome=Range(0.25, 0.65, "flat", "domed"),
    stem=Range(0.14, 0.3, "with a thin stem", "with a thick stem"),
)
def mushroom(*, cap: str, height: float, dome: float, stem: float) -> list[Part]:
    """A cap on a stem."""
    top = [(0.62 * np.cos(a), height + dome * np.sin(a)) for a in np.linspace(0, np.pi / 2, 9)]
    cover = lathe([(0, height - 0.02), (0.5, height - 0.06), (0.6, height - 0.06), *top])
    stalk = lathe([(0, 0), *smooth([(stem * 1.25, 0.0), (stem, 0.3 * height), (stem * 0.85, height)], 4), (0, height)])
    parts = [cover.painted(rgb(cap)), stalk.painted(rgb("cream"))]
    if cap == "red":
        for index in range(7):
            around, over = 2.4 * index, np.deg2rad(30 + 8 * index)
            at = (
                0.62 * np.cos(over) * np.sin(around),
                height + dome * np.sin(over),
                0.62 * np.cos(over) * np.cos(around),
            )
            parts.append(ellipsoid(0.07, 0.05, 0.07, segments=10, rings=6).moved(*at).painted(rgb("white")))
    return parts


@shape(
    "pineapple",
    height=Range(1.2, 1.7, "squat", "tall"),
    crown=Range(0.6, 1.1, "with a small crown", "with a big crown"),
    ripeness=Choice(("golden", "green")),
)
def pineapple(*, height: float, crown: float, ripeness: str) -> list[Part]:
    """A studded fruit with a crown of leaves."""
    tint = (198, 146, 50) if ripeness == "golden" else (134, 138, 60)
    half = height / 2
    parts = [ellipsoid(0.46, half, 0.46, power=2.5, segments=16, rings=10).moved(y=half).painted(tint)]
    darker = (int(tint[0] * 0.85), int(tint[1] * 0.85), int(tint[2] * 0.85))
    for row in range(7):
        y = (row + 0.8) / 7.6 * height
        radius = 0.45 * (1 - abs(y / half - 1) ** 2.5) ** 0.4
        for column in range(10):
            angle = 2 * np.pi * (column + 0.5 * (row % 2)) / 10
            bump = (
                ellipsoid(0.1, 0.085, 0.06, segments=6, rings=4).moved(z=radius).turned("y", float(np.rad2deg(angle)))
            )
            parts.append(bump.moved(y=y).painted(darker))
    for index in range(16):
        angle, lean = 2.4 * index, 0.12 + 0.045 * index
        length = crown * (1.05 - 0.035 * index)
        side = np.array([np.sin(angle), 0, np.cos(angle)])
        rise = np.array([-0.08, 0.55 * length, length * (1 - lean * 0.3)]) + height
        reach = np.array([0.05, 0.5 * lean, 1.25 * lean])
        path = smooth(np.column_stack([reach * side[0], rise, reach * side[2]]), 3)
        parts.append(
            tube(path, np.linspace(0.085, 0.012, len(path)), segments=5, flat=0.6).painted(shaded("leaf", 0.9))
        )
    return parts


@shape(
    "cake",
    icing=Choice(
        ("white", "pink", "brown", "yellow"), {n: f"with {n} icing" for n in ("white", "pink", "brown", "yellow")}
    ),
    tiers=Count(1, 3, "with {} tiers", one="with one tier"),
    candles=Count(0, 6),
    height=Range(0.35, 0.6),
)
def cake(*, icing: str, tiers: int, candles: int, height: float) -> list[Part]:
    """Round tiers with cream along the edges and candles."""
    parts = [lathe([(0, -0.04), (1.0, -0.04), (1.05, 0.0), (1.0, 0.02), (0, 0.02)]).painted(rgb("steel"))]
    y, radius = 0.0, 0.85
    for _ in range(tiers):
        top = y + height
        parts.append(
            lathe([(0, y), (radius, y), (radius, top - 0.06), (radius - 0.06, top), (0, top)]).painted(rgb(icing))
        )
        for index in range(14):
            angle = 2 * np.pi * index / 14
            blob = ellipsoid(0.09, 0.07, 0.09, segments=8, rings=6).moved(
                0.88 * radius * np.sin(angle), top + 0.02, 0.88 * radius * np.cos(angle)
            )
            parts.append(blob.painted(rgb("cream")))
        y, radius = top - 0.01, radius * 0.68
    for index in range(candles):
        angle = 2 * np.pi * index / max(candles, 1)
        r = 0.45 * radius / 0.68
        x, z = r * np.sin(angle), r * np.cos(angle)
        parts.append(rod((x, y - 0.02, z), (x, y + 0.32, z), 0.035, segments=8).painted(rgb("sky blue")))
        parts.append(ellipsoid(0.03, 0.06, 0.03, segments=8, rings=6).moved(x, y + 0.38, z).painted((250, 190, 70)))
    return parts
