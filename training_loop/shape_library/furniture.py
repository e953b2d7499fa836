"""Furniture and lamps."""

from typing import Any

import numpy as np

from training_loop.shape_library.materials import FABRICS, METALS, WOODS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range, phrases
from training_loop.shape_library.parts import Part, box, ellipsoid, lathe, rod, smooth, tube
from training_loop.shape_library.registry import shape
from training_loop.shape_library.vessels import vessel

SHADES = ("cream", "white", "red", "olive", "black", "yellow")


def four_legs(width: float, depth: float, height: float, radius: float, splay: float, *, square: bool) -> list[Part]:
    """Legs under the corners of a width × depth rectangle, standing on y = 0; `splay` moves the feet outwards."""
    legs = []
    for x in (-1, 1):
        for z in (-1, 1):
            top = (x * (width / 2 - radius * 1.3), height, z * (depth / 2 - radius * 1.3))
            foot = (top[0] + x * splay, 0.0, top[2] + z * splay)
            if square:
                leg = box(2 * radius, height, 2 * radius)
                share = 1 - leg.vertices[:, 1] / height
                legs.append(leg.bent(x=top[0] + x * splay * share, z=top[2] + z * splay * share))
            else:
                legs.append(rod(foot, top, radius * 0.75, radius))
    return legs


@shape(
    "chair",
    material=Choice((*WOODS, "white", "black", "green", "red", "sky blue")),
    seat_height=Range(0.8, 1.0),
    back_height=Range(0.75, 1.25, "low-backed", "high-backed"),
    back=Choice(
        ("slats", "rungs", "panel"),
        {"slats": "with a slatted back", "rungs": "with a ladder back", "panel": "with a solid back"},
    ),
    armrests=Flag("with armrests", share=0.35),
    splay=Range(0.0, 0.12, "", "with splayed legs"),
    square=Flag(share=0.5),
    recline=Range(0.05, 0.3),
)
def chair(
    *,
    material: str,
    seat_height: float,
    back_height: float,
    back: str,
    armrests: bool,
    splay: float,
    square: bool,
    recline: float,
) -> list[Part]:
    """Seat, four legs and a back at −z."""
    seat = box(1.0, 0.09, 1.0, round=0.03).moved(y=seat_height)
    parts = [seat, *four_legs(0.96, 0.94, seat_height + 0.03, 0.055, splay, square=square)]
    top = seat_height + 0.06 + back_height

    def at(x: float, share: float) -> tuple[float, float, float]:
        return (x, seat_height + 0.04 + share * (top - seat_height), -0.45 - recline * share)

    parts += [rod(at(x, 0), at(x, 1), 0.05, 0.042) for x in (-0.44, 0.44)]
    if back == "slats":
        parts += [rod(at(x, 0.3), at(x, 0.95), 0.03) for x in np.linspace(-0.3, 0.3, 5)]
        parts += [rod(at(-0.44, share), at(0.44, share), 0.045) for share in (0.3, 0.95)]
    elif back == "rungs":
        for share in (0.4, 0.65, 0.92):
            x, y, z = at(0, share)
            parts.append(box(0.88, 0.15, 0.05, round=0.02).moved(x, y - 0.07, z))
    else:
        panel = box(0.92, 0.68 * back_height, 0.06, round=0.025)
        height_share = 0.35 + panel.vertices[:, 1] / back_height
        parts.append(panel.bent(y=seat_height + 0.35 * back_height, z=-0.45 - recline * height_share))
    if armrests:
        for x in (-0.47, 0.47):
            height = seat_height + 0.42
            parts.append(box(0.1, 0.06, 0.95, round=0.025).moved(x, height, -0.05))
            parts.append(rod((x, seat_height + 0.02, 0.36), (x, height + 0.02, 0.38), 0.04))
    return [part.painted(rgb(material)) for part in parts]


@shape(
    "table",
    material=Choice((*WOODS, "white", "black", "red", "sky blue")),
    height=Range(0.35, 0.8, "low", "tall"),
    length=Range(1.2, 2.1, "", "long"),
    thickness=Range(0.05, 0.1, "with a thin top", "with a thick top"),
    legs=Choice(
        ("posts", "tapered", "pedestal"),
        {"posts": "with square legs", "tapered": "with tapered legs", "pedestal": "with a central foot"},
    ),
    top=Choice(("rectangular", "square", "round", "oval")),
)
def table(*, top: str, material: str, height: float, length: float, thickness: float, legs: str) -> list[Part]:
    """A top on legs or on one foot."""
    x, z = {"rectangular": (length, 1.0), "square": (1.0, 1.0), "round": (1.1, 1.1), "oval": (length, 1.0)}[top]
    if top in ("rectangular", "square"):
        board = box(x, thickness, z, round=0.015)
        reach = 1.0
    else:
        edge = thickness * 0.3
        profile = [
            (0, 0),
            (0.5 - edge, 0),
            (0.5, edge),
            (0.5, thickness - edge),
            (0.5 - edge, thickness),
            (0, thickness),
        ]
        board = lathe(profile, segments=36).scaled(x, 1, z)
        reach = 0.68
    parts = [board.moved(y=height - thickness)]
    if legs == "pedestal":
        foot = 0.32 * min(x, z)
        column = smooth([(foot, 0.0), (foot * 0.9, 0.05), (0.09, 0.12), (0.08, height * 0.6), (0.14, height - 0.02)], 4)
        parts.append(lathe([(0, 0), *column, (0, height - 0.02)]))
    else:
        square = legs == "posts"
        parts += four_legs(x * reach - 0.06, z * reach - 0.06, height - thickness / 2, 0.045, 0.0, square=square)
        if square:
            parts.append(box(x * reach - 0.16, 0.07, z * reach - 0.16).moved(y=height - thickness - 0.065))
    return [part.painted(rgb(material)) for part in parts]


@shape(
    "stool",
    material=Choice((*WOODS, "white", "black", "red")),
    height=Range(0.9, 1.9, "low", "tall"),
    legs=Count(3, 4, "with {} legs"),
    splay=Range(0.05, 0.25, "", "with splayed legs"),
    cushion=Flag("with a padded seat", share=0.4),
)
def stool(*, material: str, height: float, legs: int, splay: float, cushion: bool) -> list[Part]:
    """A round seat on three or four legs joined by a ring."""
    parts = [lathe([(0, 0), (0.42, 0), (0.46, 0.03), (0.46, 0.06), (0.42, 0.09), (0, 0.09)]).moved(y=height)]
    for index in range(legs):
        angle = 2 * np.pi * (index + 0.5) / legs
        x, z = np.sin(angle), np.cos(angle)
        parts.append(rod((x * (0.34 + splay), 0, z * (0.34 + splay)), (x * 0.3, height + 0.03, z * 0.3), 0.05, 0.045))
    level = height * 0.35
    radius = 0.3 + (0.04 + splay) * (1 - level / height)
    turn = np.arange(24) * (2 * np.pi / 24)
    ring = np.column_stack([radius * np.sin(turn), np.full(24, level), radius * np.cos(turn)])
    parts.append(tube(ring, 0.03, segments=8, closed=True))
    painted = [part.painted(rgb(material)) for part in parts]
    if cushion:
        painted.append(ellipsoid(0.45, 0.1, 0.45, power=3).moved(y=height + 0.12).painted(rgb("leather")))
    return painted


@shape(
    "bench",
    material=Choice(("pine", "oak", "walnut", "mahogany", "green", "white")),
    length=Range(1.8, 3.2, "short", "long"),
    slats=Count(3, 6),
    back=Flag("with a back", "without a back", share=0.75),
    iron=Flag("with iron legs", share=0.5),
)
def bench(*, material: str, length: float, slats: int, back: bool, iron: bool) -> list[Part]:
    """A slatted garden bench."""
    pitch = 0.8 / slats
    parts = [
        box(length, 0.06, pitch * 0.78, round=0.015).moved(0, 0.72, -0.4 + pitch * (index + 0.5))
        for index in range(slats)
    ]
    if back:
        for index in range(slats):
            y = 0.9 + index * pitch * 0.95
            parts.append(box(length, pitch * 0.74, 0.05, round=0.015).moved(0, y, -0.46 - 0.22 * (y - 0.8)))
    parts = [part.painted(rgb(material)) for part in parts]
    frame = rgb("iron") if iron else shaded(material, 0.85)
    top = 0.9 + slats * pitch * 0.95
    for x in (-length / 2 + 0.18, length / 2 - 0.18):
        posts = [rod((x, 0, 0.34), (x, 0.74, 0.34), 0.055), rod((x, 0, -0.42), (x, 0.74, -0.4), 0.055)]
        posts.append(box(0.09, 0.07, 0.8).moved(x, 0.66, 0))
        if back:
            posts.append(rod((x, 0.7, -0.44), (x, top - 0.05, -0.52 - 0.22 * (top - 0.8)), 0.05))
            posts.append(box(0.1, 0.06, 0.82, round=0.02).moved(x, 1.08, -0.02))
            posts.append(rod((x, 0.7, 0.34), (x, 1.1, 0.34), 0.045))
        parts += [post.painted(frame) for post in posts]
    return parts


@shape(
    "sofa",
    fabric=Choice((*FABRICS, "leather")),
    seats=Count(1, 3),
    softness=Range(0.05, 0.14, "angular", "soft"),
    back_height=Range(0.65, 0.95, "low", "high-backed"),
    arm_width=Range(0.14, 0.3, "with slim arms", "with broad arms"),
    legs=Flag("with wooden legs", share=0.6),
)
def sofa(*, fabric: str, seats: int, softness: float, back_height: float, arm_width: float, legs: bool) -> list[Part]:
    """Base, seat cushions, back cushions and arms; one seat makes an armchair."""
    width = 0.75 * seats + 0.05
    whole = width + 2 * arm_width
    body = rgb(fabric)
    cushion = shaded(fabric, 1.12)
    parts = [
        box(whole - 0.04, 0.32, 0.9, round=softness * 0.5).painted(body),
        box(whole - 0.05, back_height, 0.24, round=softness).moved(z=-0.36).painted(body),
    ]
    for side in (-1, 1):
        arm = box(arm_width, 0.6, 0.92, round=softness).moved(x=side * (width + arm_width) / 2)
        parts.append(arm.painted(body))
    for index in range(seats):
        x = (index - (seats - 1) / 2) * 0.75
        seat = box(0.74, 0.2, 0.72, round=softness).moved(x, 0.28, 0.1)
        rest = box(0.73, back_height - 0.36, 0.22, round=softness)
        rest = rest.bent(z=-0.2 - 0.25 * rest.vertices[:, 1], x=x, y=0.42)
        parts += [seat.painted(cushion), rest.painted(cushion)]
    if legs:
        parts = [part.moved(y=0.14) for part in parts]
        parts += [leg.painted(rgb("walnut")) for leg in four_legs(whole - 0.1, 0.84, 0.2, 0.04, 0.03, square=False)]
    return parts


@shape(
    "bed",
    wood=Choice((*WOODS, "white", "black")),
    blanket=Choice(FABRICS, phrases(FABRICS, "blanket")),
    width=Range(0.95, 1.9, "single", "double"),
    headboard=Range(0.5, 1.1, "", "with a high headboard"),
    footboard=Flag(share=0.5),
)
def bed(*, wood: str, blanket: str, width: float, headboard: float, footboard: bool) -> list[Part]:
    """Frame, mattress, pillows and a blanket; the head is at −z."""
    timber = rgb(wood)
    parts = [
        box(width, 0.16, 2.0).moved(y=0.2).painted(timber),
        box(width + 0.06, headboard, 0.07, round=0.02).moved(y=0.1, z=-1.02).painted(timber),
        box(width - 0.05, 0.22, 1.94, round=0.06).moved(y=0.34).painted(rgb("white")),
        box(width + 0.02, 0.2, 1.32, round=0.05).moved(y=0.4, z=0.34).painted(rgb(blanket)),
    ]
    parts += [leg.painted(timber) for leg in four_legs(width, 2.02, 0.25, 0.05, 0.0, square=True)]
    if footboard:
        parts.append(box(width + 0.06, 0.45, 0.07, round=0.02).moved(y=0.1, z=1.02).painted(timber))
    pillows = 2 if width > 1.3 else 1
    for index in range(pillows):
        x = (index - (pillows - 1) / 2) * width * 0.48
        pillow = ellipsoid(width * 0.42 / pillows, 0.09, 0.2, power=3).turned("x", 12).moved(x, 0.62, -0.72)
        parts.append(pillow.painted(rgb("cream")))
    return parts


@shape(
    "bookshelf",
    wood=Choice((*WOODS, "white", "black")),
    shelves=Count(2, 5, "with {} shelves"),
    width=Range(0.7, 1.5, "narrow", "wide"),
    filling=Range(0.2, 0.95, "with few books", "with many books"),
    arrangement=Count(0, 9999),
)
def bookshelf(*, wood: str, shelves: int, width: float, filling: float, arrangement: int) -> list[Part]:
    """Sides, shelves, a back board and rows of books."""
    timber = rgb(wood)
    pitch = 0.42
    height = shelves * pitch + 0.06
    parts = [box(0.06, height, 0.36).moved(x=side * (width / 2 - 0.03)).painted(timber) for side in (-1, 1)]
    parts.append(box(width - 0.02, height - 0.02, 0.04).moved(y=0.01, z=-0.165).painted(shaded(wood, 0.8)))
    parts += [box(width - 0.04, 0.05, 0.355).moved(y=level * pitch).painted(timber) for level in range(shelves + 1)]
    rng = np.random.default_rng(arrangement)
    colours = [rgb(name) for name in (*FABRICS, "green", "blue", "orange", "black")]
    for level in range(shelves):
        x = -width / 2 + 0.07
        end = x + filling * (width - 0.14)
        while x < end:
            thickness = float(rng.uniform(0.03, 0.075))
            book = box(thickness * 0.93, rng.uniform(0.22, 0.34), rng.uniform(0.2, 0.27))
            parts.append(book.moved(x + thickness / 2, level * pitch + 0.04, 0.0).painted(colours[rng.integers(15)]))
            x += thickness
    return parts


@shape(
    "cabinet",
    material=Choice((*WOODS, "white", "grey", "sky blue")),
    height=Range(0.7, 1.8, "low", "tall"),
    doors=Count(1, 3, "with {} doors", one="with one door"),
    drawer=Flag("with drawers on top", share=0.5),
    legs=Flag("with short legs", share=0.5),
)
def cabinet(*, material: str, height: float, doors: int, drawer: bool, legs: bool) -> list[Part]:
    """A case with doors and knobs towards +z."""
    width = 0.5 * doors + 0.1
    front = shaded(material, 1.1)
    parts = [
        box(width, height, 0.5, round=0.01).painted(rgb(material)),
        box(width + 0.06, 0.05, 0.56, round=0.015).moved(y=height - 0.02).painted(rgb(material)),
    ]
    door_top = height - 0.06 - (0.24 if drawer else 0.0)
    for index in range(doors):
        x = (index - (doors - 1) / 2) * 0.5
        parts.append(box(0.46, door_top - 0.08, 0.05, round=0.012).moved(x, 0.05, 0.25).painted(front))
        side = -1 if index % 2 else 1
        knob = ellipsoid(0.035, 0.035, 0.035, segments=12, rings=8)
        parts.append(knob.moved(x + side * 0.17, door_top * 0.55, 0.3).painted(rgb("brass")))
        if drawer:
            parts.append(box(0.46, 0.2, 0.05, round=0.012).moved(x, door_top, 0.25).painted(front))
            parts.append(knob.moved(x, door_top + 0.1, 0.3).painted(rgb("brass")))
    if legs:
        parts = [part.moved(y=0.14) for part in parts]
        stand = four_legs(width - 0.04, 0.46, 0.17, 0.045, 0.02, square=False)
        parts += [leg.painted(shaded(material, 0.7)) for leg in stand]
    return parts


@shape(
    "lamp",
    shade=Choice(SHADES, phrases(SHADES, "shade")),
    metal=Choice(METALS),
    flare=Range(0.5, 0.9, "with a conical shade", "with a straight shade"),
    height=Range(0.85, 1.25, "short", "tall"),
    kind=Choice(("table", "floor", "desk")),
)
def lamp(*, kind: str, shade: str, metal: str, flare: float, height: float) -> list[Part]:
    """Base, stem and shade; a desk lamp has a jointed arm."""
    if kind == "desk":
        return _desk_lamp(shade, metal, flare, height)
    stem = height * (1.1 if kind == "table" else 2.6)
    base = lathe([(0, 0), *smooth([(0.36, 0.0), (0.34, 0.05), (0.09, 0.1), (0.05, 0.2)], 4), (0, 0.2)])
    parts = [base.painted(rgb(metal)), rod((0, 0.1, 0), (0, stem + 0.3, 0), 0.045).painted(rgb(metal))]
    if kind == "table":
        body = lathe([(0, 0.08), *smooth([(0.1, 0.1), (0.24, 0.3), (0.2, 0.55), (0.06, 0.75)], 5), (0, 0.75)])
        parts.append(body.scaled(1, stem, 1).painted(rgb(metal)))
    wall = [(0.55, 0.0), (0.55 * flare, 0.6), (0.55 * flare - 0.05, 0.6), (0.5, 0.0)]
    parts.append(lathe(wall, closed=True).moved(y=stem - 0.15).painted(rgb(shade)))
    parts.append(ellipsoid(0.13, 0.16, 0.13).moved(y=stem + 0.12).painted((250, 240, 200)))
    parts.append(box(1.08 * flare, 0.03, 0.03).moved(y=stem + 0.28).painted(rgb(metal)))
    return parts


def _desk_lamp(shade: str, metal: str, flare: float, height: float) -> list[Part]:
    base = lathe([(0, 0), (0.3, 0), (0.3, 0.05), (0.26, 0.08), (0, 0.08)])
    elbow, head = (0.0, 0.75 * height, -0.35), (0.0, 1.15 * height, 0.3)
    arms = [rod((0, 0.05, 0), elbow, 0.035), rod(elbow, head, 0.035), ellipsoid(0.06, 0.06, 0.06).moved(*elbow)]
    cone = vessel(np.array(smooth([(0.08, 0.0), (0.16, 0.1), (0.22 + 0.12 * flare, 0.34)], 4)), 0.035, 0.04)
    hood = cone.turned("x", 180 - 38).moved(0.0, head[1] + 0.04, head[2] - 0.02)
    return [part.painted(rgb(metal)) for part in (base, *arms)] + [hood.painted(rgb(shade))]


@shape(
    "refrigerator",
    colour=Choice(("white", "steel", "pink", "red", "sky blue", "black", "cream")),
    height=Range(1.3, 2.1, "low", "tall"),
    freezer=Choice(
        ("top", "bottom", "none"), {"top": "with a freezer on top", "bottom": "with a freezer below", "none": ""}
    ),
    rounding=Range(0.02, 0.14, "", "rounded"),
)
def refrigerator(*, colour: str, height: float, freezer: str, rounding: float) -> list[Part]:
    """A case with one or two doors and bar handles."""
    body = rgb(colour)
    parts: list[Part] = [box(0.8, height, 0.66, round=min(rounding, 0.05)).painted(shaded(colour, 0.9))]
    split = {"top": 0.68, "bottom": 0.36, "none": 1.0}[freezer] * height
    for low, high in ((0.04, split - 0.012), (split + 0.012, height - 0.02)):
        if high - low < 0.1:
            continue
        parts.append(box(0.79, high - low, 0.1, round=rounding).moved(y=low, z=0.36).painted(body))
        length = min(0.5, (high - low) * 0.5)
        y = high - length - 0.06 if high < height - 0.05 else low + 0.06
        grip: dict[str, Any] = {"x": 0.32, "z": 0.44}
        parts.append(box(0.035, length, 0.04, round=0.012).moved(y=y, **grip).painted(rgb("chrome")))
        for level in (y + 0.03, y + length - 0.06):
            parts.append(box(0.03, 0.03, 0.06).moved(0.32, level, 0.41).painted(rgb("chrome")))
    return parts
