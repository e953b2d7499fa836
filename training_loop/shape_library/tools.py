"""Cutlery, kitchen and hand tools."""

import numpy as np

from training_loop.shape_library.materials import METALS, PAINTS, PLASTICS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range, phrases
from training_loop.shape_library.parts import Part, box, circle, ellipsoid, extrude, lathe, loft, rod, smooth, tube
from training_loop.shape_library.registry import shape
from training_loop.shape_library.vessels import handle, vessel

CUTLERY = ("steel", "chrome", "brass", "gold", "oak")
GRIPS = ("black", "red", "blue", "yellow", "oak", "walnut")


def shank(length: float, thickness: float, sag: float, end: float) -> Part:
    """The flat, gently bent grip of cutlery along −z, starting at the origin."""
    t = np.linspace(0, 1, 12)
    width = np.interp(t, [0, 0.25, 0.8, 0.95, 1], [0.09, 0.075, end, end * 0.95, end * 0.5])
    path = np.column_stack([np.zeros(12), sag * np.sin(t * np.pi) - 0.02 * t, -t * length])
    side, up = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    corners = [(-1, -0.5), (-0.6, -1), (0.6, -1), (1, -0.5), (1, 0.5), (0.6, 1), (-0.6, 1), (-1, 0.5)]
    rings = np.stack([path + a * width[:, None] * side + b * thickness * up for a, b in corners], axis=1)
    return loft(rings)


@shape(
    "spoon",
    material=Choice(CUTLERY),
    length=Range(1.1, 2.0, "short-handled", "long-handled"),
    bowl=Range(0.24, 0.38, "with a narrow bowl", "with a wide bowl"),
    sag=Range(0.02, 0.16),
)
def spoon(*, material: str, length: float, bowl: float, sag: float) -> list[Part]:
    """A hollow bowl towards +z and a bent handle."""
    angle = np.linspace(0.12, np.pi / 2, 8)
    outer = np.column_stack([np.sin(angle), 0.45 * (1 - np.cos(angle))])
    dish = vessel(outer, 0.12, 0.09, segments=24).scaled(bowl, 0.36, bowl * 1.45).moved(0, -0.05, bowl * 1.35)
    return [part.painted(rgb(material)) for part in (dish, shank(length, 0.045, sag, 0.13).moved(y=0.08))]


@shape(
    "fork",
    material=Choice(CUTLERY),
    length=Range(1.1, 1.9, "short-handled", "long-handled"),
    tines=Count(3, 4, "with {} tines"),
    sag=Range(0.02, 0.14),
)
def fork(*, material: str, length: float, tines: int, sag: float) -> list[Part]:
    """Tines towards +z and a bent handle."""
    parts = [shank(length, 0.045, sag, 0.12)]
    palm = extrude([(-0.08, -0.06), (0.08, -0.06), (0.24, 0.28), (0.24, 0.5), (-0.24, 0.5), (-0.24, 0.28)], 0.08)
    parts.append(palm.turned("x", 90))
    for x in np.linspace(-0.2, 0.2, tines):
        path = smooth([(x, 0, 0.42), (x, -0.02, 0.7), (x, 0.08, 1.02)], 4)
        parts.append(tube(path, np.linspace(0.05, 0.025, len(path)), segments=8))
    return [part.painted(rgb(material)) for part in parts]


@shape(
    "knife",
    grip=Choice(GRIPS, phrases(GRIPS, "handle")),
    length=Range(1.0, 2.0, "short", "long"),
    width=Range(0.2, 0.42, "narrow", "broad"),
    tip=Range(0.0, 1.0),
)
def knife(*, grip: str, length: float, width: float, tip: float) -> list[Part]:
    """A blade towards +z, lying flat, and a grip."""
    blade = [
        (0, 0),
        (length * 0.8, -0.02 * tip),
        (length, width * (0.2 + 0.7 * tip)),
        (length * 0.9, width),
        (0, width),
    ]
    steel = extrude(blade, 0.07, bevel=0.008).turned("y", -90).turned("z", 90)
    body = box(width * 0.8, 0.16, 0.95, round=0.05).moved(-width * 0.55, -0.08, -0.44)
    return [steel.painted(rgb("steel")), body.painted(rgb(grip))]


@shape(
    "hammer",
    grip=Choice(("oak", "birch", "black", "red", "blue"), phrases(("oak", "birch", "black", "red", "blue"), "handle")),
    length=Range(1.6, 2.8, "short", "long"),
    head=Range(0.7, 1.1, "", "with a heavy head"),
    claw=Flag("with a claw", share=0.6),
)
def hammer(*, grip: str, length: float, head: float, claw: bool) -> list[Part]:
    """A handle along y and a head across it, face towards +z."""
    levels = [(0, 1.15), (0.15, 1.3), (length * 0.45, 1.1), (length * 0.6, 0.85), (length, 0.8)]
    ring = circle(1, 12)
    stick = loft([np.column_stack([0.075 * w * ring[:, 0], np.full(12, y), 0.1 * w * ring[:, 1]]) for y, w in levels])
    parts = [stick.painted(rgb(grip))]
    h = head
    neck = lathe(
        [(0, -0.1), (0.13, -0.1), (0.13, 0.14), (0.11, 0.2), (0.2, 0.26), (0.2, 0.42), (0.17, 0.46), (0, 0.46)]
    )
    parts.append(neck.scaled(h, h, h).turned("x", 90).moved(y=length - 0.02).painted(rgb("steel")))
    parts.append(box(0.24 * h, 0.27 * h, 0.3 * h, round=0.03).moved(y=length - 0.15 * h).painted(rgb("steel")))
    if claw:
        for side in (-1, 1):
            path = smooth([(side * 0.05, 0, -0.08), (side * 0.07, 0.01, -0.3), (side * 0.1, -0.12, -0.52)], 3)
            horn = tube(path * h, np.linspace(0.1, 0.03, len(path)) * h, segments=8, flat=0.6)
            parts.append(horn.moved(y=length).painted(rgb("steel")))
    else:
        wedge = box(0.22 * h, 0.24 * h, 0.42 * h, round=0.02).moved(y=length - 0.14 * h, z=-0.25 * h)
        share = np.clip((-0.04 * h - wedge.vertices[:, 2]) / (0.42 * h), 0, 1)
        wedge = wedge.bent(y=(length - 0.02 - wedge.vertices[:, 1]) * 0.8 * share)
        parts.append(wedge.painted(rgb("steel")))
    return parts


@shape(
    "screwdriver",
    grip=Choice(
        ("red", "yellow", "blue", "black", "orange"), phrases(("red", "yellow", "blue", "black", "orange"), "handle")
    ),
    length=Range(0.8, 2.0, "short", "long"),
    thickness=Range(0.17, 0.26),
)
def screwdriver(*, grip: str, length: float, thickness: float) -> list[Part]:
    """A ribbed grip and a shaft with a flat tip, along y."""
    r = thickness
    profile = smooth([(r * 0.7, 0.0), (r, 0.12), (r * 0.95, 0.6), (r * 0.6, 0.8), (r * 0.8, 0.98)], 4)
    parts = [lathe([(0, 0), *profile, (0, 0.98)], segments=8).painted(rgb(grip))]
    top = 0.95 + length
    parts.append(rod((0, 0.9, 0), (0, top - 0.1, 0), 0.06).painted(rgb("steel")))
    parts.append(box(0.18, 0.2, 0.045, taper=0.75).moved(y=top - 0.16).painted(rgb("steel")))
    return parts


@shape(
    "scissors",
    noun="pair of scissors",
    grip=Choice(PLASTICS, phrases(PLASTICS, "grip")),
    opening=Range(6.0, 40.0, "closed", "open"),
    length=Range(1.1, 1.8, "short", "long"),
    ring=Range(0.2, 0.3),
)
def scissors(*, grip: str, opening: float, length: float, ring: float) -> list[Part]:
    """Two blades crossing at a screw, each with a ring, lying in the XZ plane."""
    parts = [lathe([(0, -0.09), (0.06, -0.09), (0.06, 0.09), (0, 0.09)], segments=12).painted(rgb("chrome"))]
    for side in (-1, 1):
        blade = extrude([(-0.07, -0.3), (0.08, -0.3), (0.1, 0.3), (0.02, length), (-0.02, length), (-0.08, 0.2)], 0.05)
        blade = blade.turned("x", 90).moved(y=side * 0.028)
        loop = circle(ring, 20) * (0.8, 1.25)
        eye = np.column_stack([loop[:, 0] - 0.24, np.zeros(20), loop[:, 1] - 0.28 - ring * 1.2])
        bow = tube(eye, 0.065, segments=8, closed=True)
        arm = rod((0, side * 0.028, -0.1), (-0.14, 0, -0.38), 0.075)
        if side < 0:
            blade, bow, arm = blade.mirrored("x"), bow.mirrored("x"), arm.mirrored("x")
        angle = -side * opening / 2
        parts.append(blade.turned("y", angle).painted(rgb("steel")))
        parts += [part.turned("y", angle).painted(rgb(grip)) for part in (bow, arm)]
    return parts


@shape(
    "frying_pan",
    noun="frying pan",
    metal=Choice(("iron", "steel", "black", "copper", "red")),
    depth=Range(0.16, 0.4, "shallow", "deep"),
    flare=Range(0.02, 0.18),
    grip=Range(0.9, 1.4, "with a short handle", "with a long handle"),
)
def frying_pan(*, metal: str, depth: float, flare: float, grip: float) -> list[Part]:
    """A flat pan with one long handle towards +x."""
    outer = smooth([(0.7 - flare, 0.0), (0.72 - flare * 0.6, 0.03), (0.76, depth)], 4)
    pan = vessel(outer, 0.055, 0.055)
    path = smooth([(0.66, depth * 0.7, 0), (0.95, depth * 0.95, 0), (0.75 + grip, depth * 1.15, 0)], 4)
    stick = tube(path, np.interp(np.linspace(0, 1, len(path)), [0, 0.4, 1], [0.06, 0.07, 0.1]), segments=10)
    stick = stick.bent(y=-0.4 * (stick.vertices[:, 1] - depth))
    return [pan.painted(rgb(metal)), stick.painted(rgb("charcoal" if metal != "iron" else "iron"))]


@shape(
    "cooking_pot",
    noun="cooking pot",
    colour=Choice(("steel", "copper", "red", "black", "navy", "cream")),
    height=Range(0.5, 1.1, "low", "tall"),
    lid=Flag("with a lid", "without a lid", share=0.6),
    bulge=Range(0.0, 0.1),
)
def cooking_pot(*, colour: str, height: float, lid: bool, bulge: float) -> list[Part]:
    """A pot with two handles and perhaps a lid."""
    y = np.linspace(0, 1, 8)
    outer = np.column_stack([0.6 + bulge * np.sin(np.pi * y), y * height])
    outer = np.concatenate([[[0.55, 0.0]], outer[1:]])
    parts = [vessel(outer, 0.05, 0.06).painted(rgb(colour))]
    for turn in (0, 180):
        ear = tube(
            smooth([(0.56, 0, 0.2), (0.76, 0.02, 0.15), (0.76, 0.02, -0.15), (0.56, 0, -0.2)], 4), 0.045, segments=8
        )
        parts.append(ear.turned("y", turn).moved(y=height * 0.78).painted(shaded(colour, 0.7)))
    if lid:
        cover = lathe([(0, 0), (0.62, 0), *smooth([(0.63, 0.03), (0.4, 0.13), (0.1, 0.18)], 4), (0, 0.18)])
        parts.append(cover.moved(y=height - 0.01).painted(rgb(colour)))
        knob = lathe([(0, 0.14), (0.05, 0.14), (0.05, 0.24), (0.11, 0.28), (0.09, 0.33), (0, 0.34)], segments=16)
        parts.append(knob.moved(y=height).painted(rgb("black")))
    return parts


@shape(
    "kettle",
    colour=Choice((*METALS, "red", "white", "black", "turquoise")),
    height=Range(0.75, 1.1, "low", "tall"),
    spout=Range(0.22, 0.4),
)
def kettle(*, colour: str, height: float, spout: float) -> list[Part]:
    """A round-bottomed kettle with a spout and a bow handle over the top."""
    outer = smooth([(0.56, 0.0), (0.63, 0.1), (0.56, 0.5 * height), (0.3, 0.85 * height), (0.22, 0.9 * height)], 5)
    body = lathe([(0, 0), *outer, (0, 0.9 * height)])
    neck = smooth([(0.4, 0.45 * height, 0), (0.68, 0.6 * height, 0), (0.68 + spout, 0.9 * height, 0)], 4)
    nozzle = tube(neck, np.linspace(0.16, 0.07, len(neck)), segments=12)
    arc = circle(1.0, 15, start=15, stop=165)
    bow = tube(np.column_stack([arc[:, 0] * 0.5, 0.62 * height + arc[:, 1] * 0.72, np.zeros(15)]), 0.05, segments=8)
    knob = ellipsoid(0.07, 0.07, 0.07).moved(y=0.96 * height)
    shell = [part.painted(rgb(colour)) for part in (body, nozzle)]
    return [*shell, bow.painted(rgb("black")), knob.painted(rgb("black"))]


@shape(
    "pitcher",
    colour=Choice(("white", "clear glass", "steel", "terracotta", "blue", "cream")),
    height=Range(1.2, 2.0, "squat", "tall"),
    belly=Range(0.4, 0.58, "slender", "round-bellied"),
    grip=Range(0.3, 0.42),
)
def pitcher(*, colour: str, height: float, belly: float, grip: float) -> list[Part]:
    """A jug with a pouring lip towards −x and a handle towards +x."""
    outer = smooth([(0.34, 0.0), (belly, 0.3 * height), (0.34, 0.75 * height), (0.4, height)], 6)
    jug = vessel(outer, 0.055, 0.07)
    near_rim = np.clip((jug.vertices[:, 1] / height - 0.8) / 0.2, 0, 1)
    towards = np.clip(-jug.vertices[:, 0] / 0.4, 0, 1) ** 3
    jug = jug.bent(x=-0.22 * near_rim * towards, y=0.06 * near_rim * towards)
    return [part.painted(rgb(colour)) for part in (jug, handle(0.38, 0.25 * height, 0.88 * height, grip, 0.055))]


@shape(
    "umbrella",
    colour=Choice((*PAINTS, "purple", "pink")),
    pose=Choice(("open", "folded")),
    ribs=Count(6, 10),
    depth=Range(0.25, 0.5, "flat", "deep"),
    hook=Flag("with a hooked handle", share=0.6),
)
def umbrella(*, colour: str, pose: str, ribs: int, depth: float, hook: bool) -> list[Part]:
    """A canopy on a stick, open or folded."""
    parts: list[Part] = []
    top = 1.0
    if pose == "open":
        angle = np.linspace(0.04, 1.0, 8) * np.pi / 2
        outer = np.column_stack([np.sin(angle), top - depth * (1 - np.cos(angle))])
        inner = outer[::-1] - np.array([0.012, 0.04])
        cover = lathe(np.concatenate([outer, inner]), segments=6 * ribs)
        x, _, z = cover.vertices.T
        # The cloth hangs back and up between the ribs.
        slack = (x**2 + z**2) * np.abs(np.sin(np.arctan2(x, z) * ribs / 2))
        parts.append(cover.bent(x=-0.09 * slack * x, y=0.06 * slack, z=-0.09 * slack * z).painted(rgb(colour)))
    else:
        folds = lathe(smooth([(0.05, -0.1), (0.15, 0.0), (0.12, 0.5), (0.05, 1.0)], 4), segments=4 * ribs)
        x, _, z = folds.vertices.T
        pleat = 0.22 * np.cos(np.arctan2(x, z) * ribs)
        parts.append(folds.bent(x=x * pleat, z=z * pleat).painted(rgb(colour)))
    low = -0.45 if pose == "open" else -0.4
    parts.append(rod((0, low, 0), (0, top + 0.12, 0), 0.025).painted(rgb("steel")))
    if hook:
        bend = circle(0.11, 10, start=180, stop=360) + np.array([0.11, low - 0.12])
        path = np.concatenate([[(0.0, low + 0.02, 0.0)], np.column_stack([bend, np.zeros(10)])])
        parts.append(tube(path, 0.04, segments=8).painted(rgb("walnut")))
    else:
        parts.append(rod((0, low - 0.15, 0), (0, low + 0.05, 0), 0.05).painted(rgb("black")))
    return parts
