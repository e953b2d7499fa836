"""Vehicles. They are drawn from the side in the XY plane, driving towards +x, and then turned to face +z."""

import numpy as np
from numpy.typing import NDArray

from training_loop.shape_library.materials import PAINTS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range
from training_loop.shape_library.parts import Part, box, circle, ellipsoid, extrude, lathe, loft, rod, smooth, tube
from training_loop.shape_library.registry import shape
from training_loop.shape_library.vessels import straight, vessel


def facing_front(parts: list[Part]) -> list[Part]:
    """Turn what drives towards +x to face +z."""
    return [part.turned("y", -90) for part in parts]


def wheel(radius: float, width: float, *, hub: str = "steel") -> list[Part]:
    """A tyre with a hub, its axle along z, centred on the origin."""
    r, w = radius, width / 2
    tyre = lathe([(0, -w * 0.8), (r * 0.62, -w * 0.8), (r * 0.66, -w), (r * 0.93, -w), (r, -w * 0.6), (r, w * 0.6),
                  (r * 0.93, w), (r * 0.66, w), (r * 0.62, w * 0.8), (0, w * 0.8)], segments=24)  # fmt: skip
    cap = lathe([(0, -w * 0.95), (r * 0.45, -w * 0.95), (r * 0.55, -w * 0.7), (r * 0.55, w * 0.7),
                 (r * 0.45, w * 0.95), (0, w * 0.95)], segments=16)  # fmt: skip
    return [tyre.turned("x", 90).painted(rgb("rubber")), cap.turned("x", 90).painted(rgb(hub))]


def _body_outline(top: list[tuple[float, float]], sill: float, axles: list[float], arch: float) -> NDArray[np.float64]:
    """Close an upper outline (rear to front) by an underside at height `sill` with wheel arches."""
    points = list(top)
    for axle in sorted(axles, reverse=True):
        bow = circle(arch, 9, start=0, stop=180) + np.array([axle, sill])
        points += [(float(x), float(y)) for x, y in bow]
    return np.array(points)


@shape(
    "car",
    colour=Choice(PAINTS),
    length=Range(3.5, 4.7, "short", "long"),
    clearance=Range(0.0, 0.12),
    taxi=Flag("with a roof sign", share=0.08),
    style=Choice(("hatchback", "saloon", "estate", "off-road", "sports")),
)
def car(*, colour: str, style: str, length: float, clearance: float, taxi: bool) -> list[Part]:
    """A body with wheel arches, a glazed cabin with a roof, lamps and four wheels."""
    half, width = length / 2, 1.7
    belt = {"hatchback": 0.92, "saloon": 0.88, "estate": 0.9, "off-road": 1.08, "sports": 0.76}[style]
    roof = {"hatchback": 1.45, "saloon": 1.4, "estate": 1.46, "off-road": 1.8, "sports": 1.16}[style]
    rear_low, rear_high = {
        "hatchback": (-0.97, -0.8), "saloon": (-0.66, -0.36), "estate": (-0.97, -0.88),
        "off-road": (-0.98, -0.93), "sports": (-0.75, -0.25),
    }[style]  # fmt: skip
    radius = 0.4 if style == "off-road" else 0.33
    sill = 0.3 + clearance
    axles = [-0.62 * half, 0.62 * half]
    nose = belt - 0.12
    top = [(-half, sill), (-half - 0.02, belt - 0.2), (-half + 0.06, belt), (0.42 * half, belt),
           (half - 0.25, nose), (half, nose - 0.2), (half + 0.02, sill)]  # fmt: skip
    outline = _body_outline(top, sill, axles, radius * 1.14)
    parts = [extrude(outline, width, bevel=0.07).painted(rgb(colour))]
    base = np.array([[rear_low * half, belt - 0.05], [0.46 * half, belt - 0.05]])
    crown = np.array([[rear_high * half, roof - 0.05], [0.12 * half, roof - 0.05]])
    parts.append(_cabin(base, crown, width - 0.12, width - 0.42).painted(rgb("window")))
    roof_length = (crown[1, 0] - crown[0, 0]) + 0.1
    slab = box(roof_length, 0.08, width - 0.4, round=0.03).moved((crown[1, 0] + crown[0, 0]) / 2, roof - 0.07)
    parts.append(slab.painted(rgb(colour)))
    for side in (-1, 1):
        z = side * (width / 2 - 0.13)
        # Roof pillars between windscreen, side windows and rear window.
        for low, high in ((base[0], crown[0]), (base[1], crown[1]), (base.mean(axis=0), crown.mean(axis=0))):
            start = (low[0], low[1], side * (width / 2 - 0.07))
            parts.append(rod(start, (high[0], high[1], side * (width / 2 - 0.22)), 0.05).painted(rgb(colour)))
        parts.append(ellipsoid(0.09, 0.09, 0.16).moved(half - 0.06, nose - 0.2, z * 0.88).painted((250, 244, 214)))
        parts.append(box(0.1, 0.12, 0.22).moved(-half + 0.02, belt - 0.26, z * 0.9).painted((170, 30, 30)))
    for x in (-half, half):
        bumper = box(0.16, 0.16, width - 0.08, round=0.05).moved(x, sill + 0.02)
        parts.append(bumper.painted(shaded(colour, 0.55)))
    if taxi:
        parts.append(
            box(0.2, 0.16, 0.5, round=0.04).moved((crown[1, 0] + crown[0, 0]) / 2, roof).painted(rgb("yellow"))
        )
    for axle in axles:
        for side in (-1, 1):
            parts += [part.moved(axle, radius, side * (width / 2 - 0.1)) for part in wheel(radius, 0.22)]
    return facing_front(parts)


def _cabin(base: NDArray[np.float64], crown: NDArray[np.float64], width_base: float, width_crown: float) -> Part:
    """A block that narrows from the belt line to the roof."""
    rings = []
    for ends, width in ((base, width_base), (crown, width_crown)):
        (rear, y), (front, _) = ends
        half = width / 2
        rings.append([(rear, y, -half), (front, y, -half), (front, y, half), (rear, y, half)])
    return loft(rings)


@shape(
    "truck",
    colour=Choice(PAINTS),
    cargo=Choice(
        ("box", "flatbed", "tank"), {"box": "with a box body", "flatbed": "with an open bed", "tank": "with a tank"}
    ),
    length=Range(2.4, 4.4, "short", "long"),
    cargo_colour=Choice(
        ("white", "cream", "grey", "green", "blue", "steel"),
        dict.fromkeys(("white", "cream", "grey", "green", "blue", "steel"), ""),
    ),
    bonnet=Flag("with a bonnet", share=0.35),
)
def truck(*, colour: str, cargo: str, length: float, cargo_colour: str, bonnet: bool) -> list[Part]:
    """Chassis, cab, cargo and wheels."""
    width = 1.9
    cab_front = 1.2 if not bonnet else 1.1
    parts = [
        box(length + cab_front, 0.2, 0.9).moved((cab_front - length) / 2, 0.55).painted(rgb("charcoal")),
        box(1.15, 1.55, width, round=0.1).moved(0.6, 0.6).painted(rgb(colour)),
        box(0.12, 0.55, width - 0.3, round=0.03).moved(1.14, 1.35).painted(rgb("window")),
        box(0.6, 0.5, width + 0.03, round=0.03).moved(0.72, 1.38).painted(rgb("window")),
    ]
    front = 1.18
    if bonnet:
        parts.append(box(0.9, 0.7, width - 0.25, round=0.12).moved(1.5, 0.55).painted(rgb(colour)))
        front = 1.95
    parts.append(box(0.16, 0.25, width, round=0.05).moved(front, 0.4).painted(rgb("grey")))
    for side in (-0.7, 0.7):
        lamp = ellipsoid(0.06, 0.11, 0.11).moved(front + 0.02, 0.85, side)
        parts.append(lamp.painted((250, 244, 214)))
    middle = -length / 2 - 0.05
    paint = rgb(cargo_colour)
    if cargo == "box":
        parts.append(box(length, 1.9, width + 0.1, round=0.04).moved(middle, 0.72).painted(paint))
    elif cargo == "tank":
        tank = lathe([(0, 0), (0.6, 0.02), (0.85, 0.14), (0.85, length - 0.14), (0.6, length - 0.02), (0, length)])
        parts.append(tank.turned("z", 90).moved(-0.05, 1.5).painted(paint))
        parts.append(box(length * 0.9, 0.25, 0.8).moved(middle, 0.6).painted(rgb("charcoal")))
    else:
        parts.append(box(length, 0.12, width + 0.05).moved(middle, 0.82).painted(paint))
        for x, y, z, sx, sz in (
            (middle, 0.88, width / 2, length, 0.09), (middle, 0.88, -width / 2, length, 0.09),
            (middle - length / 2 + 0.05, 0.88, 0, 0.09, width), (middle + length / 2 - 0.05, 0.88, 0, 0.09, width),
        ):  # fmt: skip
            parts.append(box(sx, 0.45, sz).moved(x, y, z).painted(paint))
    rear = [-length + 0.6] if length < 3.2 else [-length + 0.6, -length + 1.5]
    for axle in (*rear, 1.45 if bonnet else 0.62):
        for side in (-1, 1):
            parts += [part.moved(axle, 0.45, side * (width / 2 - 0.16)) for part in wheel(0.45, 0.32)]
    return facing_front(parts)


@shape(
    "bus",
    colour=Choice(("red", "yellow", "white", "blue", "green", "orange", "sky blue")),
    length=Range(4.2, 7.0, "short", "long"),
    decks=Count(1, 2),
    windows=Count(4, 8),
)
def bus(*, colour: str, length: float, decks: int, windows: int) -> list[Part]:
    """A long box with rows of windows; one or two decks."""
    width, deck = 1.9, 1.15
    height = 0.6 + decks * deck
    parts = [box(length, height, width, round=0.14).moved(y=0.3).painted(rgb(colour))]
    pitch = (length - 0.5) / windows
    for level in range(decks):
        y = 0.95 + level * deck
        for index in range(windows):
            x = -length / 2 + 0.25 + (index + 0.5) * pitch
            parts.append(box(pitch * 0.82, 0.62, width + 0.03).moved(x, y).painted(rgb("window")))
        parts.append(box(0.1, 0.75, width - 0.25).moved(length / 2 - 0.03, y - 0.05).painted(rgb("window")))
        parts.append(box(0.1, 0.55, width - 0.4).moved(-length / 2 + 0.03, y + 0.02).painted(rgb("window")))
    for side in (-1, 1):
        parts.append(ellipsoid(0.07, 0.1, 0.12).moved(length / 2 - 0.02, 0.62, side * 0.68).painted((250, 244, 214)))
    for axle in (-length * 0.3, length * 0.32):
        for side in (-1, 1):
            parts += [part.moved(axle, 0.4, side * (width / 2 - 0.12)) for part in wheel(0.4, 0.3)]
    return facing_front(parts)


@shape(
    "motorcycle",
    colour=Choice(PAINTS),
    wheelbase=Range(1.25, 1.6, "compact", "long"),
    handlebar=Range(0.55, 0.9, "with a narrow handlebar", "with a wide handlebar"),
    exhaust=Flag("with twin exhausts", share=0.5),
    style=Choice(("naked", "touring", "sports", "off-road"), {"naked": ""}),
)
def motorcycle(*, colour: str, wheelbase: float, style: str, handlebar: float, exhaust: bool) -> list[Part]:
    """Two wheels, frame, engine, tank, seat, fork and handlebar; fairing or cases by style."""
    half = wheelbase / 2
    radius = 0.36 if style == "off-road" else 0.32
    paint, steel, dark = rgb(colour), rgb("chrome"), rgb("charcoal")
    lift = 0.12 if style == "off-road" else 0.0
    parts: list[Part] = []
    for x, wide in ((-half, 0.19), (half, 0.14)):
        parts += [part.moved(x, radius) for part in wheel(radius, wide)]
        guard = tube(
            np.column_stack([circle(radius + 0.05, 11, start=20 if x < 0 else 40, stop=150), np.zeros(11)]),
            0.085, segments=8, flat=1.0,
        )  # fmt: skip
        guard = guard.scaled(1, 1, 1.0).moved(x, radius + lift * 0.5)
        parts.append(guard.painted(paint))
    head = (half - 0.3, 0.88 + lift, 0.0)
    for side in (-1, 1):
        z = side * 0.1
        parts.append(rod((half, radius, z), (head[0] - 0.02, head[1] + 0.06, z), 0.035).painted(steel))
        parts.append(rod((-half, radius, z), (-0.1, 0.42, z), 0.04).painted(dark))
        parts.append(rod((-half + 0.1, radius + 0.05, z), (-half + 0.25, 0.75 + lift, z), 0.035).painted(steel))
    frame = [rod((head[0], head[1] - 0.08, 0), (-0.1, 0.4, 0), 0.05), rod(head, (-half + 0.15, 0.72 + lift, 0), 0.05)]
    parts += [part.painted(dark) for part in frame]
    parts.append(box(0.42, 0.34, 0.3, round=0.06).moved(0.02, 0.24 + lift).painted(rgb("steel")))
    cylinder = lathe([(0, 0), (0.11, 0), (0.11, 0.3), (0, 0.3)], segments=14).turned("z", -18)
    parts.append(cylinder.moved(0.08, 0.45 + lift).painted(rgb("grey")))
    tank = ellipsoid(0.28, 0.14, 0.17, power=2.5).turned("z", 8).moved(0.14, 0.87 + lift)
    parts.append(tank.painted(paint))
    seat = ellipsoid(0.36, 0.075, 0.15, power=2.8).turned("z", -4).moved(-0.36, 0.82 + lift)
    parts.append(seat.painted(rgb("black")))
    tail = ellipsoid(0.22, 0.07, 0.1).turned("z", -12).moved(-half + 0.02, 0.8 + lift)
    parts.append(tail.painted(paint))
    top = head[1] + 0.16
    bar = smooth([(head[0] - 0.14, top + 0.02, -handlebar / 2), (head[0], top, -0.12), (head[0], top, 0.12),
                  (head[0] - 0.14, top + 0.02, handlebar / 2)], 4)  # fmt: skip
    parts.append(tube(bar, 0.026, segments=8).painted(dark))
    for side in (-1, 1):
        grip = rod(
            (head[0] - 0.05, top + 0.01, side * handlebar * 0.3),
            (head[0] - 0.14, top + 0.02, side * handlebar / 2),
            0.04,
        )
        parts.append(grip.painted(rgb("rubber")))
        if style != "off-road":
            stalk = rod((head[0] - 0.02, top, side * 0.2), (head[0] - 0.02, top + 0.2, side * 0.26), 0.018, segments=6)
            mirror = ellipsoid(0.025, 0.055, 0.08).moved(head[0] - 0.02, top + 0.22, side * 0.27)
            parts += [stalk.painted(dark), mirror.painted(dark)]
    parts.append(rod((head[0], head[1] - 0.1, 0), (head[0] - 0.04, top + 0.02, 0), 0.06).painted(dark))
    lamp = lathe([(0, 0), (0.09, 0), (0.12, 0.12), (0.11, 0.15), (0, 0.17)], segments=16).turned("z", -90)
    parts.append(lamp.moved(head[0] + 0.05, head[1] + 0.02).painted(steel))
    for side in (-1, 1) if exhaust else (1,):
        pipe = smooth([(0.2, 0.42 + lift, side * 0.14), (0.26, 0.24 + lift, side * 0.18), (0.0, 0.2 + lift, side * 0.2),
                       (-half + 0.1, 0.3 + lift, side * 0.2), (-half - 0.2, 0.38 + lift, side * 0.2)], 3)  # fmt: skip
        radii = np.interp(np.linspace(0, 1, len(pipe)), [0, 0.55, 0.65, 1], [0.035, 0.035, 0.065, 0.055])
        parts.append(tube(pipe, radii, segments=8).painted(steel))
    if style == "touring":
        for side in (-1, 1):
            case = box(0.42, 0.3, 0.17, round=0.05).moved(-half + 0.02, 0.5, side * 0.25)
            parts.append(case.painted(paint))
    if style in ("touring", "sports"):
        screen = ellipsoid(0.1, 0.24, 0.2, power=2.5).turned("z", 28).moved(head[0] + 0.14, top - 0.02)
        parts.append(screen.painted(paint if style == "sports" else rgb("window")))
        belly = ellipsoid(0.42, 0.2, 0.17, power=3).moved(0.12, 0.5)
        if style == "sports":
            parts.append(belly.painted(paint))
    return facing_front(parts)


@shape(
    "bicycle",
    colour=Choice(PAINTS),
    wheel_size=Range(0.3, 0.37, "small-wheeled", "large-wheeled"),
    basket=Flag("with a front basket", share=0.35),
    handlebar=Range(0.4, 0.62),
    frame=Choice(("diamond", "step-through"), {"diamond": ""}),
)
def bicycle(*, colour: str, wheel_size: float, frame: str, basket: bool, handlebar: float) -> list[Part]:
    """Two spoked wheels, frame, fork, handlebar, saddle and pedals."""
    r, half = wheel_size, 0.54
    paint, dark, steel = rgb(colour), rgb("rubber"), rgb("steel")
    parts: list[Part] = []
    for x in (-half, half):
        loop = np.column_stack([circle(r - 0.022, 32), np.zeros(32)]) + np.array([x, r, 0.0])
        parts.append(tube(loop, 0.026, segments=8, closed=True).painted(dark))
        parts.append(ellipsoid(0.04, 0.04, 0.05, segments=10, rings=6).moved(x, r).painted(steel))
        for angle in np.arange(0, 180, 22.5):
            reach = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle)), 0]) * (r - 0.03)
            centre = np.array([x, r, 0])
            parts.append(rod(centre - reach, centre + reach, 0.009, segments=4).painted(steel))
    crank, seat, head = (-0.08, r - 0.03, 0.0), (-0.2, r + 0.4, 0.0), (half - 0.2, r + 0.42, 0.0)
    low_head = (half - 0.16, r + 0.28, 0.0)
    upper = (seat, head) if frame == "diamond" else ((-0.14, r + 0.2, 0.0), low_head)
    tubes = [upper, (crank, low_head), (crank, (-0.23, r + 0.5, 0.0)), (head, (half - 0.14, r + 0.24, 0.0))]
    parts += [rod(a, b, 0.028).painted(paint) for a, b in tubes]
    for side in (-1, 1):
        parts.append(rod((-half, r, side * 0.05), (crank[0], crank[1], side * 0.03), 0.016).painted(paint))
        parts.append(rod((-half, r, side * 0.05), (seat[0], seat[1] - 0.05, side * 0.02), 0.014).painted(paint))
        parts.append(
            rod((half, r, side * 0.05), (low_head[0] + 0.02, low_head[1] - 0.02, side * 0.04), 0.018).painted(paint)
        )
        pedal_y = crank[1] + side * 0.13
        parts.append(
            rod((crank[0], crank[1], side * 0.06), (crank[0] + side * 0.06, pedal_y, side * 0.07), 0.016).painted(steel)
        )
        parts.append(box(0.09, 0.025, 0.08).moved(crank[0] + side * 0.06, pedal_y - 0.012, side * 0.12).painted(dark))
    parts.append(
        lathe([(0, -0.012), (0.09, -0.012), (0.09, 0.012), (0, 0.012)], segments=20)
        .turned("x", 90)
        .moved(crank[0], crank[1], 0.045)
        .painted(steel)
    )
    parts.append(ellipsoid(0.13, 0.035, 0.075).moved(-0.24, r + 0.53).painted(rgb("black")))
    parts.append(rod(head, (half - 0.23, r + 0.55, 0), 0.02).painted(steel))
    grip_x, stem_x, bar_y, bar_z = half - 0.36, half - 0.22, r + 0.55, handlebar / 2
    bends = [(grip_x, bar_y, -bar_z), (stem_x, bar_y, -0.08), (stem_x, bar_y, 0.08), (grip_x, bar_y, bar_z)]
    bar = smooth(bends, 4)
    parts.append(tube(bar, 0.018, segments=8).painted(steel))
    if basket:
        pot = vessel(straight((0.1, 0), (0.15, 0.2), steps=3), 0.022, 0.025, segments=16)
        parts.append(pot.scaled(1, 1, 1.2).moved(half - 0.02, r + 0.34).painted(rgb("pine")))
    return facing_front(parts)


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
            _cabin(
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
