"""What fits nowhere else: books, boxes, balls, street furniture."""

import numpy as np

from training_loop.shape_library.materials import PAINTS, PLASTICS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range, phrases
from training_loop.shape_library.parts import Part, box, circle, ellipsoid, lathe, rod, smooth, tube
from training_loop.shape_library.registry import shape
from training_loop.shape_library.vessels import vessel

PANELS = ("white", "red", "blue", "yellow", "black")


@shape(
    "book",
    cover=Choice((*PAINTS, "brown", "purple")),
    thickness=Range(0.1, 0.36, "thin", "thick"),
    height=Range(1.25, 1.6),
    opening=Choice(("closed", "open")),
    title=Flag("with a title label", share=0.5),
)
def book(*, cover: str, thickness: float, height: float, opening: str, title: bool) -> list[Part]:
    """A book lying flat, closed or open in the middle."""
    ink, paper = rgb(cover), rgb("paper")
    if opening == "closed":
        parts = [box(0.98, thickness - 0.05, height - 0.08).moved(0.01, 0.025).painted(paper)]
        parts += [box(1.04, 0.04, height).moved(0.02, y).painted(ink) for y in (0.0, thickness - 0.04)]
        parts.append(box(0.06, thickness, height, round=0.025).moved(-0.49).painted(ink))
        if title:
            parts.append(box(0.5, 0.014, 0.22).moved(0.02, thickness - 0.002, -height * 0.2).painted(rgb("gold")))
        return parts
    parts = []
    t = thickness / 2
    for side in (-1, 1):
        leaf = box(0.98, t, height - 0.06, round=0.0)
        x = leaf.vertices[:, 0]
        share = np.clip((x * side + 0.49) / 0.98, 0, 1)
        parts.append(leaf.bent(x=side * 0.49, y=0.03 + 0.04 * (1 - share)).painted(paper))
        parts.append(box(1.02, 0.035, height).moved(side * 0.51).painted(ink))
    if title:
        parts += [
            box(0.7, 0.012, 0.03).moved(0.5, 0.055 + t, -0.4 + 0.14 * row).painted(rgb("grey")) for row in range(7)
        ]
    return parts


@shape(
    "box",
    noun="cardboard box",
    width=Range(0.7, 1.5, "narrow", "wide"),
    height=Range(0.4, 1.2, "low", "tall"),
    flap=Range(15.0, 70.0),
    tape=Flag("with tape", share=0.6),
    board=Choice(("oak", "beige", "white", "brown"), dict.fromkeys(("oak", "beige", "white", "brown"), "")),
    state=Choice(("closed", "open")),
)
def cardboard_box(*, width: float, height: float, state: str, flap: float, tape: bool, board: str) -> list[Part]:
    """A carton, sealed or with its four flaps up."""
    color = rgb(board)
    if state == "closed":
        parts = [box(width, height, 1.0).painted(color)]
        if tape:
            parts.append(box(0.12, height + 0.012, 1.012).moved(y=-0.006).painted((206, 190, 150)))
        return parts
    wall = 0.045
    parts = [box(width, wall, 1.0).painted(color)]
    for side in (-1, 1):
        parts.append(box(wall, height, 1.0).moved(side * (width - wall) / 2).painted(color))
        parts.append(box(width - wall, height, wall).moved(z=side * (1.0 - wall) / 2).painted(color))
        lid = box(wall, 0.42 * width, 0.97).turned("z", -side * flap).moved(side * (width - wall) / 2, height - 0.02)
        parts.append(lid.painted(shaded(board, 1.08)))
        tab = box(width * 0.94, 0.3, wall).turned("x", side * flap).moved(y=height - 0.02, z=side * (1.0 - wall) / 2)
        parts.append(tab.painted(shaded(board, 1.08)))
    return parts


@shape(
    "coin",
    metal=Choice(("gold", "brass", "copper", "steel", "iron")),
    thickness=Range(0.06, 0.2, "thin", "thick"),
    relief=Choice(
        ("head", "figure", "star"),
        {"head": "with a head in relief", "figure": "with a figure in relief", "star": "with a star in relief"},
    ),
    wear=Range(0.0, 0.07, "round", "worn"),
    edge=Range(0.03, 0.09),
)
def coin(*, metal: str, thickness: float, relief: str, wear: float, edge: float) -> list[Part]:
    """A disc standing on its edge, obverse towards +z, with a rim and a relief."""
    t = thickness
    profile = [(0, 0), (0.5, 0), (0.5, t + 0.03), (0.5 - edge, t + 0.03), (0.5 - edge * 1.3, t), (0, t)]
    disc = lathe(profile, segments=40)
    turn = np.arctan2(disc.vertices[:, 0], disc.vertices[:, 2])
    uneven = wear * (0.6 * np.cos(2 * turn + 1) + 0.4 * np.cos(3 * turn))
    disc = disc.bent(x=disc.vertices[:, 0] * uneven, z=disc.vertices[:, 2] * uneven).turned("x", 90)
    bump = 0.09
    if relief == "head":
        parts = [
            ellipsoid(0.17, 0.2, bump).moved(0.02, 0.08, t),
            ellipsoid(0.05, 0.04, bump * 0.8).moved(0.19, 0.05, t),
        ]
        parts += [
            ellipsoid(0.09, 0.17, bump * 0.8).moved(-0.02, -0.18, t),
            ellipsoid(0.17, 0.08, bump).moved(-0.05, 0.22, t),
        ]
    elif relief == "figure":
        parts = [ellipsoid(0.06, 0.07, bump).moved(0, 0.29, t), ellipsoid(0.09, 0.17, bump).moved(0, 0.07, t)]
        for side in (-1, 1):
            parts.append(rod((side * 0.04, -0.06, t), (side * 0.11, -0.36, t), 0.05, 0.035))
            parts.append(rod((side * 0.06, 0.16, t), (side * 0.24, 0.02 + 0.14 * side, t), 0.04, 0.03))
    else:
        parts = []
        for index in range(5):
            ray = ellipsoid(0.06, 0.16, bump * 0.7).moved(y=0.16).turned("z", 72.0 * index)
            parts.append(ray.moved(z=t))
    return [disc.painted(rgb(metal)), *[part.painted(shaded(metal, 1.08)) for part in parts]]


@shape(
    "ball",
    style=Choice(
        ("plain", "striped", "foot", "basket"),
        {"plain": "plain", "striped": "striped", "foot": "patched", "basket": "seamed"},
    ),
    colour=Choice((*PLASTICS, "brown")),
    second=Choice(PANELS, dict.fromkeys(PANELS, "")),
    tilt=Range(0.0, 90.0),
    egg=Range(1.0, 1.5, "", "oval"),
)
def ball(*, style: str, colour: str, second: str, tilt: float, egg: float) -> list[Part]:
    """A ball: plain, striped, with patches or with seams; sometimes oval."""
    other = rgb(second if second != colour else "charcoal")
    parts = [ellipsoid(0.5, 0.5, 0.5, segments=28, rings=18).painted(rgb(colour))]
    if style == "striped":
        for low, high in ((-0.36, -0.2), (-0.06, 0.1), (0.26, 0.4)):
            y = np.linspace(low, high, 4)
            shell = np.column_stack([np.sqrt(0.255 - y**2), y])
            inside = shell[::-1] * (0.9, 1.0)
            parts.append(lathe(np.concatenate([shell, inside]), segments=28, closed=True).painted(other))
    elif style == "foot":
        golden = (1 + 5**0.5) / 2
        for a in (-1, 1):
            for b in (-golden, golden):
                for corner in ((0, a, b), (a, b, 0), (b, 0, a)):
                    centre = np.array(corner) / np.hypot(1, golden)
                    parts.append(_patch(centre).painted(other))
    elif style == "basket":
        ring = np.column_stack([circle(0.5, 36), np.zeros(36)])
        seam = tube(ring, 0.018, segments=6, closed=True)
        parts += [part.painted(rgb("black")) for part in (seam, seam.turned("x", 90), seam.turned("y", 90))]
    return [part.scaled(1, 1, egg).turned("x", tilt).turned("z", tilt * 0.7) for part in parts]


def _patch(centre: np.ndarray) -> Part:
    """A pentagonal lens on the sphere of radius 0.5 about a unit direction."""
    lens = lathe([(0, -0.05), (0.17, -0.045), (0.15, -0.005), (0.08, 0.022), (0, 0.03)], segments=5)
    pole = np.array([0.0, 1.0, 0.0])
    axis = np.cross(pole, centre)
    sine, cosine = np.linalg.norm(axis), float(pole @ centre)
    if sine < 1e-9:
        return lens.moved(y=0.48)
    k = axis / sine
    skew = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    rotation = np.eye(3) + sine * skew + (1 - cosine) * skew @ skew
    return Part((lens.vertices + np.array([0.0, 0.48, 0.0])) @ rotation.T, lens.faces)


@shape(
    "traffic_cone",
    noun="traffic cone",
    height=Range(1.0, 1.8, "low", "tall"),
    stripes=Count(1, 3, "with {} white stripes", one="with one white stripe"),
    colour=Choice(("orange", "red", "yellow")),
    base=Range(0.8, 1.05),
)
def traffic_cone(*, height: float, stripes: int, colour: str, base: float) -> list[Part]:
    """A hollow cone on a square foot."""
    parts = [box(base, 0.08, base, round=0.03).painted(rgb(colour))]
    cone = np.array([(0.34, 0.06), (0.3, 0.14), (0.08, height), (0.05, height)])
    parts.append(lathe([(0, 0.06), *cone, (0, height)]).painted(rgb(colour)))
    for index in range(stripes):
        low = height * (0.3 + 0.55 * index / stripes)
        high = low + height * 0.11
        r = [0.3 - 0.22 * (y - 0.14) / (height - 0.14) + 0.012 for y in (low, high)]
        band = lathe([(r[0] - 0.05, low), (r[0], low), (r[1], high), (max(r[1] - 0.05, 0.02), high)], closed=True)
        parts.append(band.painted(rgb("white")))
    return parts


@shape(
    "fire_hydrant",
    noun="fire hydrant",
    colour=Choice(("red", "yellow", "green", "sky blue", "white")),
    bonnet=Choice(("red", "white", "steel", "yellow"), phrases(("red", "white", "steel", "yellow"), "cap")),
    height=Range(1.3, 1.9, "squat", "tall"),
    girth=Range(0.26, 0.36, "slim", "stout"),
)
def fire_hydrant(*, colour: str, bonnet: str, height: float, girth: float) -> list[Part]:
    """A barrel with flanges, a domed cap and three outlets."""
    g = girth
    outer = [
        (g * 1.35, 0.0),
        (g * 1.35, 0.1),
        (g, 0.12),
        (g, height * 0.72),
        (g * 1.2, height * 0.73),
        (g * 1.2, height * 0.79),
    ]
    parts = [lathe([(0, 0), *outer, (0, height * 0.79)], segments=24).painted(rgb(colour))]
    dome = [(g * 1.05 * np.cos(a), height * 0.79 + 0.2 * np.sin(a)) for a in np.linspace(0, 1.5, 7)]
    parts.append(lathe([(0, height * 0.77), *dome, (0, height * 0.79 + 0.2)], segments=24).painted(rgb(bonnet)))
    nut = lathe([(0, 0), (0.08, 0), (0.07, 0.12), (0, 0.12)], segments=5).moved(y=height * 0.79 + 0.18)
    parts.append(nut.painted(rgb(bonnet)))
    outlet = lathe(
        [
            (0, 0),
            (0.13, 0),
            (0.13, g + 0.08),
            (0.17, g + 0.08),
            (0.17, g + 0.2),
            (0.06, g + 0.22),
            (0.06, g + 0.28),
            (0, g + 0.28),
        ],
        segments=16,
    )
    for turn, size in ((0, 1.3), (90, 1.0), (-90, 1.0)):
        nozzle = outlet.scaled(size, 1, size).turned("x", 90).turned("y", turn).moved(y=height * 0.55)
        parts.append(nozzle.painted(rgb(bonnet)))
    return parts


@shape(
    "cactus",
    height=Range(0.9, 1.8, "short", "tall"),
    arms=Count(0, 3),
    pot=Choice(("terracotta", "white", "grey", "blue"), phrases(("terracotta", "white", "grey", "blue"), "pot")),
    ridges=Count(7, 11),
    girth=Range(0.18, 0.3, "thin", "thick"),
)
def cactus(*, height: float, arms: int, pot: str, ridges: int, girth: float) -> list[Part]:
    """A ribbed column with arms in a pot."""
    bed = vessel(np.array([(0.32, 0), (0.42, 0.42), (0.46, 0.42), (0.46, 0.55)]), 0.06, 0.06).painted(rgb(pot))
    parts = [bed, lathe([(0, 0.05), (0.3, 0.05), (0.4, 0.47), (0, 0.47)]).painted(rgb("soil"))]
    stem = [(girth, 0.0), (girth * 1.05, height * 0.5), (girth * 0.95, height * 0.85), (girth * 0.5, height * 0.98)]
    parts.append(_ribbed(lathe([(0, 0), *smooth(stem, 4), (0, height)], segments=4 * ridges), ridges).moved(y=0.42))
    for index in range(arms):
        y = 0.42 + height * (0.4 + 0.13 * index)
        rise = height * (0.42 - 0.08 * index)
        path = smooth(
            [
                (girth * 0.5, y, 0),
                (girth + 0.22, y + 0.03, 0),
                (girth + 0.28, y + rise * 0.5, 0),
                (girth + 0.28, y + rise, 0),
            ],
            4,
        )
        radii = np.interp(np.linspace(0, 1, len(path)), [0, 0.9, 1], [0.55, 0.6, 0.25]) * girth
        parts.append(tube(path, radii, segments=12).turned("y", 180.0 * index + 25 * index))
    return [part if part.color != (160, 160, 160) else part.painted((84, 132, 70)) for part in parts]


def _ribbed(column: Part, ridges: int) -> Part:
    azimuth = np.arctan2(column.vertices[:, 0], column.vertices[:, 2])
    swell = 0.14 * np.cos(azimuth * ridges)
    return column.bent(x=column.vertices[:, 0] * swell, z=column.vertices[:, 2] * swell)


@shape(
    "toilet",
    colour=Choice(("white", "cream", "sky blue", "pink")),
    tank=Range(0.55, 0.85, "with a small tank", "with a large tank"),
    lid=Flag("with its lid up", "with its lid closed", share=0.5),
    length=Range(1.0, 1.25),
)
def toilet(*, colour: str, tank: float, lid: bool, length: float) -> list[Part]:
    """Pedestal, bowl, seat, lid and tank; the tank is at −z."""
    glaze = rgb(colour)
    outer = smooth([(0.3, 0.0), (0.24, 0.25), (0.36, 0.6), (0.46, 0.72), (0.46, 0.8)], 5)
    bowl = vessel(outer, 0.09, 0.45, segments=28).scaled(1, 1, length).moved(z=0.15)
    parts = [
        bowl,
        box(0.5, 0.75, 0.5, round=0.06).moved(z=-0.4),
        box(0.98, tank, 0.36, round=0.06).moved(y=0.72, z=-0.58),
    ]
    parts.append(box(1.04, 0.08, 0.42, round=0.03).moved(y=0.7 + tank, z=-0.58))
    ring = (
        lathe([(0.26, 0), (0.47, 0), (0.47, 0.06), (0.26, 0.06)], closed=True).scaled(1, 1, length).moved(0, 0.8, 0.15)
    )
    cover = lathe([(0, 0), (0.48, 0), (0.48, 0.05), (0, 0.06)]).scaled(1, 1, length)
    if lid:
        parts.append(cover.moved(z=0.5 * length).turned("x", -96).moved(0, 0.84, -0.36))
    else:
        parts.append(cover.moved(0, 0.86, 0.15))
    lever = rod((-0.36, 0.62 + tank, -0.38), (-0.2, 0.6 + tank, -0.36), 0.03)
    return [part.painted(glaze) for part in parts] + [ring.painted(shaded(colour, 0.93)), lever.painted(rgb("chrome"))]
