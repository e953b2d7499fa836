"""What drives on roads. Drawn from the side in the XY plane, driving towards +x, then turned to face +z."""

import numpy as np
from numpy.typing import NDArray

from training_loop.shape_library.materials import PAINTS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range
from training_loop.shape_library.parts import (
    Part,
    box,
    cabin,
    circle,
    ellipsoid,
    extrude,
    facing_front,
    lathe,
    rod,
    smooth,
    tube,
)
from training_loop.shape_library.registry import shape
from training_loop.shape_library.vessels import straight, vessel


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
    parts.append(cabin(base, crown, width - 0.12, width - 0.42).painted(rgb("window")))
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
