"""What flies and floats. Drawn from the side in the XY plane, heading towards +x, then turned to face +z."""

import numpy as np

from training_loop.shape_library.materials import rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range
from training_loop.shape_library.parts import (
    Part,
    box,
    cabin,
    ellipsoid,
    extrude,
    facing_front,
    lathe,
    loft,
    rod,
    smooth,
    tube,
)
from training_loop.shape_library.registry import shape


@shape(
    "airplane",
    colour=Choice(("white", "steel", "red", "yellow", "sky blue", "olive")),
    length=Range(2.6, 4.0, "short", "long"),
    span=Range(2.6, 4.2, "", "wide-winged"),
    sweep=Range(0.0, 0.9, "with straight wings", "with swept wings"),
    engines=Choice(
        ("propeller", "two jets", "four jets"),
        {"propeller": "with a propeller", "two jets": "with two jet engines", "four jets": "with four jet engines"},
    ),
    stripe=Choice(
        ("red", "blue", "navy", "green", "orange"), dict.fromkeys(("red", "blue", "navy", "green", "orange"), "")
    ),
)
def airplane(*, colour: str, length: float, span: float, sweep: float, engines: str, stripe: str) -> list[Part]:
    """Fuselage, wings, tail and engines, nose towards +x while drawn."""
    half, r = length / 2, 0.24
    profile = smooth([(0.02, -half), (0.1, -half + 0.2), (r, -half * 0.35), (r, half * 0.55), (r * 0.75, half * 0.85),
                      (0.03, half)], 5)  # fmt: skip
    parts = [lathe([(0, -half), *profile, (0, half)], segments=20).turned("z", -90).painted(rgb(colour))]
    low = -0.1 if engines != "propeller" else 0.02
    parts.append(_wing(0.62, 0.26, span, sweep, 0.07).moved(0.15, low).painted(shaded(colour, 0.92)))
    parts.append(
        _wing(0.34, 0.18, span * 0.36, sweep * 0.6, 0.05).moved(-half + 0.22, 0.05).painted(shaded(colour, 0.92))
    )
    fin = extrude(
        [(-half - 0.06, 0.08), (-half + 0.5, 0.08), (-half + 0.12, 0.68), (-half - 0.1, 0.68)], 0.06, bevel=0.01
    )
    parts.append(fin.painted(rgb(stripe)))
    parts.append(ellipsoid(0.22, 0.1, 0.16).moved(half * 0.62, 0.15).painted(rgb("window")))
    if engines == "propeller":
        parts.append(ellipsoid(0.12, 0.09, 0.09).moved(half, 0).painted(rgb(stripe)))
        for angle in (0, 120, 240):
            blade = ellipsoid(0.02, 0.24, 0.055, segments=10, rings=8).moved(y=0.26).turned("x", angle)
            parts.append(blade.moved(half + 0.02).painted(rgb("charcoal")))
    else:
        for share in (0.3,) if engines == "two jets" else (0.25, 0.5):
            for side in (-1, 1):
                nacelle = lathe([(0, -0.25), (0.08, -0.25), (0.12, -0.05), (0.12, 0.22), (0.09, 0.22), (0.08, 0.12),
                                 (0, 0.12)], segments=16)  # fmt: skip
                x = 0.32 - sweep * share * span / 2
                parts.append(
                    nacelle.turned("z", -90).moved(x, low - 0.14, side * share * span / 2).painted(rgb(stripe))
                )
                pylon = box(0.2, 0.16, 0.04).moved(x - 0.05, low - 0.14, side * share * span / 2)
                parts.append(pylon.painted(rgb(colour)))
    return facing_front(parts)


def _wing(root: float, tip: float, span: float, sweep: float, thickness: float) -> Part:
    """A tapered wing through the fuselage, chord along x, span along z."""
    outline = [(0.5, -0.02), (0.38, 0.3), (0.0, 0.5), (-0.5, 0.05), (-0.5, -0.05), (0.0, -0.3), (0.38, -0.28)]
    section = np.array(outline)
    rings = []
    for share in (-1.0, 0.0, 1.0):
        chord = root + (tip - root) * abs(share)
        x = section[:, 0] * chord - abs(share) * sweep * span / 2
        y = section[:, 1] * thickness * (1.6 if share == 0 else 1.0) + abs(share) * 0.05
        rings.append(np.column_stack([x, y, np.full(len(section), share * span / 2)]))
    return loft(rings)


@shape(
    "boat",
    colour=Choice(("white", "red", "blue", "navy", "green", "pine", "mahogany")),
    beam=Range(0.28, 0.42, "slim", "broad"),
    sail=Choice(("cream", "white", "red"), {"cream": "", "white": "", "red": ""}),
    sheer=Range(0.02, 0.16),
    kind=Choice(("sailing", "rowing", "motor")),
)
def boat(*, kind: str, colour: str, beam: float, sail: str, sheer: float) -> list[Part]:
    """A hull with thwarts, a cabin or a mast with sails, bow towards +x while drawn."""
    stations = np.linspace(-1.0, 1.0, 13)
    plan = beam * np.where(
        stations < 0, 1 - 0.35 * stations**2, np.sqrt(np.clip(1 - np.abs(stations) ** 2.2, 0.002, None))
    )
    deck = 0.42 + sheer * stations**2 * np.where(stations > 0, 1.5, 0.5)
    keel = 0.05 + 0.3 * np.clip(stations, 0, None) ** 3
    hull_rings = []
    for x, width, top, bottom in zip(stations, plan, deck, keel, strict=True):
        angle = np.linspace(0, np.pi, 9)
        y = top - (top - bottom) * np.sin(angle) ** 0.7
        hull_rings.append(np.column_stack([np.full(9, x), y, width * np.cos(angle)]))
    outer = loft(np.array(hull_rings))
    parts = [outer.painted(rgb(colour))]
    if kind == "rowing":
        # The open inside: a dark deck sunk a little, bordered by rails.
        for side in (-1, 1):
            rail = np.column_stack([stations, deck + 0.02, side * plan])
            parts.append(tube(rail, 0.03, segments=8).painted(shaded(colour, 0.7)))
        parts += [box(0.14, 0.04, 1.9 * beam).moved(x, 0.42).painted(rgb("oak")) for x in (-0.6, -0.05, 0.45)]
        for side in (-1, 1):
            oar = rod((-0.1, 0.5, side * beam * 0.6), (-0.45, 0.38, side * (beam + 0.55)), 0.022)
            blade = ellipsoid(0.05, 0.02, 0.16).moved(-0.5, 0.37, side * (beam + 0.6))
            parts += [oar.painted(rgb("pine")), blade.painted(rgb("pine"))]
    elif kind == "motor":
        parts.append(
            cabin(
                np.array([[-0.5, 0.4], [0.35, 0.4]]), np.array([[-0.45, 0.72], [0.1, 0.72]]), beam * 1.4, beam * 1.1
            ).painted(rgb("window"))
        )
        parts.append(box(0.62, 0.05, beam * 1.25, round=0.02).moved(-0.18, 0.71).painted(rgb("white")))
        parts.append(box(0.14, 0.36, 0.16, round=0.04).moved(-1.02, 0.28).painted(rgb("charcoal")))
    else:
        parts.append(rod((0.15, 0.3, 0), (0.15, 2.3, 0), 0.035, 0.025).painted(rgb("pine")))
        parts.append(rod((0.15, 0.62, 0), (-0.85, 0.6, 0), 0.028).painted(rgb("pine")))
        belly = smooth([(0.12, 0.66), (-0.84, 0.64), (-0.4, 1.3), (0.12, 2.25)], 4)
        parts.append(extrude(belly, 0.03).painted(rgb(sail)))
        parts.append(extrude([(0.95, 0.55), (0.2, 0.66), (0.17, 2.0)], 0.028).painted(rgb(sail)))
        parts.append(box(0.5, 0.16, beam, round=0.04).moved(-0.3, 0.38).painted(rgb("white")))
    return facing_front(parts)


@shape(
    "rocket",
    height=Range(3.5, 11.0, "stubby", "slender"),
    colour=Choice(("white", "steel", "red", "orange", "sky blue")),
    trim=Choice(("red", "black", "blue", "orange"), {n: f"with {n} fins" for n in ("red", "black", "blue", "orange")}),
    fins=Count(3, 4),
    boosters=Flag("with side boosters", share=0.35),
    nose=Range(1.0, 2.2, "with a blunt nose", "with a pointed nose"),
)
def rocket(*, height: float, colour: str, trim: str, fins: int, boosters: bool, nose: float) -> list[Part]:
    """A round body with a nose, fins, a nozzle and perhaps boosters."""
    r = 0.5
    ogive = [(r * np.sqrt(max(1 - share**1.6, 0)), height - nose + share * nose) for share in np.linspace(0, 1, 9)]
    body = lathe([(0, 0.3), (r * 0.94, 0.3), (r, 0.5), *ogive[:-1], (0, height)], segments=24)
    parts = [body.painted(rgb(colour))]
    nozzle = lathe([(0, 0.4), (0.22, 0.4), (0.36, 0.0), (0.3, 0.0), (0.16, 0.34), (0, 0.34)], segments=20)
    parts.append(nozzle.painted(rgb("charcoal")))
    for level in (0.35 * height, 0.62 * height):
        band = lathe([(0.3, level), (r + 0.015, level), (r + 0.015, level + 0.14), (0.3, level + 0.14)], closed=True)
        parts.append(band.painted(rgb(trim)))
    blade = [(0.35, 0.35), (r + 0.45, 0.05), (r + 0.45, 0.5), (0.35, 1.5)]
    for index in range(fins):
        parts.append(extrude(blade, 0.09, bevel=0.015).turned("y", 360 * index / fins + 20).painted(rgb(trim)))
    if boosters:
        length = height * 0.55
        for angle in (0, 180):
            tip = [(0.24 * np.sqrt(1 - share**2), length - 0.5 + 0.5 * share) for share in np.linspace(0, 0.98, 6)]
            pod = lathe([(0, 0), (0.24, 0), *tip, (0, length)], segments=16).moved(r + 0.2, 0.1)
            parts.append(pod.turned("y", angle - 20).painted(shaded(colour, 0.9)))
    return parts


@shape(
    "space_shuttle",
    noun="space shuttle",
    launch=Flag("with its tank and boosters", share=0.5),
    tank=Choice(("orange", "brown", "white"), {"orange": "", "brown": "", "white": ""}),
    span=Range(1.1, 1.5, "", "with broad wings"),
    length=Range(2.0, 2.5, "short", "long"),
    stand=Flag("with a stand", share=0.3),
)
def space_shuttle(*, launch: bool, tank: str, span: float, length: float, stand: bool) -> list[Part]:
    """An orbiter, upright on its tank and boosters or level, nose towards +z."""
    half = length / 2
    profile = smooth([(0.24, -half), (0.25, -half * 0.5), (0.25, half * 0.5), (0.17, half * 0.85), (0.04, half)], 4)
    hull = lathe([(0, -half), *profile, (0, half)], segments=20).turned("x", 90)
    wing = extrude([(0.2, 0.35 * half), (span / 2, -0.62 * half), (span / 2, -0.9 * half), (0.1, -0.9 * half)], 0.07)
    wing = wing.turned("x", 90).moved(y=-0.16)
    fin = extrude([(-half * 0.62, 0.18), (-half * 1.02, 0.18), (-half * 1.12, 0.72), (-half * 0.95, 0.72)], 0.07)
    white, black = rgb("white"), rgb("charcoal")
    orbiter = [hull.painted(white), wing.painted(white), wing.mirrored("x").painted(white)]
    orbiter.append(fin.turned("y", -90).painted(white))
    orbiter.append(ellipsoid(0.13, 0.06, 0.1).moved(0, 0.17, half * 0.68).painted(rgb("window")))
    orbiter.append(box(0.4, 0.06, length * 0.9).moved(0, -0.26, -0.05 * half).painted(black))
    for x, y in ((0, 0.1), (-0.12, -0.08), (0.12, -0.08)):
        bell = lathe([(0, 0), (0.06, 0), (0.12, 0.24), (0.09, 0.24), (0.04, 0.06), (0, 0.06)], segments=14)
        orbiter.append(bell.turned("x", -90).moved(x, y, -half + 0.03).painted(black))
    if not launch:
        if stand:
            orbiter.append(rod((0, -0.8, -0.1), (0, -0.2, -0.1), 0.05).painted(rgb("steel")))
            orbiter.append(lathe([(0, 0), (0.35, 0), (0.33, 0.06), (0, 0.06)]).moved(0, -0.85, -0.1).painted(black))
        return orbiter
    # Nose up, belly towards the tank at −z.
    parts = [part.turned("x", -90).turned("y", 180).moved(y=half * 1.05) for part in orbiter]
    depth = -0.62
    tall = length * 1.35
    dome = [(0.38 * np.sqrt(max(1 - share**2, 0.0)), tall - 0.6 + 0.6 * share) for share in np.linspace(0, 0.99, 7)]
    parts.append(lathe([(0, 0.1), (0.2, 0.1), (0.38, 0.3), *dome, (0, tall)]).moved(z=depth).painted(rgb(tank)))
    for side in (-1, 1):
        cone = [(0.17, tall * 0.72), (0.02, tall * 0.88)]
        pod = lathe([(0, 0.0), (0.2, 0), (0.17, 0.18), *cone, (0, tall * 0.88)], segments=16)
        parts.append(pod.moved(side * 0.53, 0, depth).painted(white))
    parts.append(rod((0, half, depth), (0, half, -0.1), 0.08).painted(black))
    if stand:
        parts.append(box(1.5, 0.14, 1.4, round=0.03).moved(0, -0.1, -0.35).painted(rgb("walnut")))
    return parts
