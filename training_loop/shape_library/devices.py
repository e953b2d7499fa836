"""Electronics and instruments."""

import numpy as np

from training_loop.shape_library.materials import PAINTS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range
from training_loop.shape_library.parts import Part, box, circle, ellipsoid, extrude, lathe, rod, smooth, tube
from training_loop.shape_library.registry import shape

CASES = ("black", "white", "steel", "charcoal")


@shape(
    "laptop",
    case=Choice(("steel", "black", "white", "charcoal", "red", "green")),
    opening=Range(75.0, 135.0, "half-open", "wide-open"),
    width=Range(1.3, 1.6, "small", "large"),
    thickness=Range(0.04, 0.08, "thin", "thick"),
    bright=Flag("with its screen on", share=0.5),
)
def laptop(*, case: str, opening: float, width: float, thickness: float, bright: bool) -> list[Part]:
    """A keyboard half and a hinged screen that faces +z."""
    depth = 1.0
    parts = [box(width, thickness, depth, round=0.015).painted(rgb(case))]
    keys = shaded(case, 0.45) if case not in ("black", "charcoal") else (70, 70, 74)
    for row in range(5):
        key_row = box(width * 0.88, 0.02, 0.08).moved(0, thickness - 0.006, -0.38 + 0.1 * row)
        parts.append(key_row.painted(keys))
    parts.append(box(0.36, 0.016, 0.24).moved(0, thickness - 0.008, 0.32).painted(shaded(case, 0.8)))
    lid = box(width, 0.94, thickness, round=0.015).painted(rgb(case))
    glass = (
        box(width * 0.93, 0.84, 0.02).moved(0, 0.05, thickness / 2).painted((120, 168, 210) if bright else (30, 34, 42))
    )
    lean = 90 - opening
    parts += [part.turned("x", lean).moved(y=thickness * 0.6, z=-depth / 2 + 0.02) for part in (lid, glass)]
    return parts


@shape(
    "monitor",
    case=Choice(CASES),
    width=Range(1.2, 2.0, "narrow", "wide"),
    stand=Choice(("neck", "feet"), {"neck": "with a round foot", "feet": "with two feet"}),
    depth=Range(0.08, 0.6, "flat", "boxy old"),
    bright=Flag("with its screen on", share=0.5),
)
def monitor(*, case: str, width: float, stand: str, depth: float, bright: bool) -> list[Part]:
    """A screen on its stand; deep ones taper to the back."""
    parts = [box(width, 1.0, 0.1, round=0.02).moved(y=0.25).painted(rgb(case))]
    parts.append(
        box(width - 0.12, 0.86, 0.03).moved(0, 0.33, 0.045).painted((90, 150, 200) if bright else (26, 30, 36))
    )
    if depth > 0.2:
        back = box(width * 0.92, depth, 0.9, round=0.05, taper=0.62).turned("x", -90).moved(y=0.75, z=-0.03)
        parts.append(back.painted(shaded(case, 0.9)))
    if stand == "neck":
        parts.append(box(0.18, 0.4, 0.06).moved(z=-0.05).painted(rgb(case)))
        parts.append(lathe([(0, 0), (0.32, 0), (0.32, 0.02), (0.2, 0.05), (0, 0.05)]).painted(rgb(case)))
    else:
        for x in (-width * 0.3, width * 0.3):
            parts += [rod((x, 0.3, 0), (x, 0.03, z), 0.035).painted(rgb(case)) for z in (-0.25, 0.25)]
    return parts


@shape(
    "keyboard",
    case=Choice(("black", "white", "grey", "beige")),
    width=Range(1.7, 2.9, "compact", "full-size"),
    tilt=Range(2.0, 9.0),
    keycap=Choice(
        ("white", "grey", "charcoal"),
        {"white": "with white keys", "grey": "with grey keys", "charcoal": "with dark keys"},
    ),
)
def keyboard(*, case: str, width: float, tilt: float, keycap: str) -> list[Part]:
    """A board with rows of keys."""
    parts = [box(width, 0.12, 0.95, round=0.03).painted(rgb(case))]
    columns = int(width / 0.155)
    for row in range(5):
        z = -0.34 + row * 0.165
        for column in range(columns):
            x = (column - (columns - 1) / 2) * 0.152
            if row == 4 and 0.3 < (column + 0.5) / columns < 0.62:
                continue
            parts.append(box(0.125, 0.08, 0.125, taper=0.8).moved(x, 0.1, z).painted(rgb(keycap)))
    parts.append(box(0.3 * width, 0.07, 0.12, taper=0.95).moved(-0.04 * width, 0.1, 0.32).painted(rgb(keycap)))
    return [part.turned("x", tilt) for part in parts]


@shape(
    "camera",
    case=Choice(("black", "steel", "brown", "charcoal")),
    lens=Range(0.2, 0.75, "with a short lens", "with a long lens"),
    width=Range(1.0, 1.35, "compact", "wide"),
    hump=Flag("with a prism hump", share=0.6),
    tripod=Flag("with a tripod", share=0.35),
)
def camera(*, case: str, lens: float, width: float, hump: bool, tripod: bool) -> list[Part]:
    """A camera whose lens looks towards +z, perhaps on a tripod."""
    dark, metal = rgb("black"), rgb("steel")
    parts = [
        box(width, 0.7, 0.36, round=0.06).painted(rgb(case)),
        box(width + 0.01, 0.16, 0.34, round=0.04).moved(y=0.58).painted(metal if case != "steel" else dark),
    ]
    barrel = lathe(
        [
            (0, 0),
            (0.28, 0),
            (0.29, lens * 0.4),
            (0.26, lens * 0.45),
            (0.27, lens),
            (0.22, lens),
            (0.18, lens - 0.08),
            (0, lens - 0.08),
        ],
        segments=24,
    )
    parts.append(barrel.turned("x", 90).moved(0, 0.34, 0.16).painted(dark))
    eye = ellipsoid(0.17, 0.17, 0.05).moved(0, 0.34, 0.1 + lens)
    parts.append(eye.painted((60, 70, 110)))
    if hump:
        parts.append(box(0.38, 0.26, 0.32, round=0.05, taper=0.7).moved(y=0.66).painted(rgb(case)))
    dial = lathe([(0, 0), (0.09, 0), (0.09, 0.1), (0, 0.1)], segments=16)
    parts.append(dial.moved(-width * 0.36, 0.72).painted(metal))
    parts.append(dial.scaled(0.6, 1.1, 0.6).moved(width * 0.36, 0.72).painted(metal))
    if tripod:
        top = (0.0, 0.0, 0.0)
        parts.append(rod((0, -0.5, 0), (0, 0.06, 0), 0.08).painted(dark))
        for angle in (90, 210, 330):
            x, z = 0.75 * np.cos(np.deg2rad(angle)), 0.75 * np.sin(np.deg2rad(angle))
            parts.append(rod((top[0], -0.12, top[2]), (x, -1.9, z), 0.06, 0.04).painted(dark))
    return parts


@shape(
    "tripod",
    colour=Choice(("black", "steel", "charcoal", "pine")),
    height=Range(1.6, 2.6, "low", "tall"),
    spread=Range(0.4, 0.8, "narrow", "with wide-spread legs"),
    column=Range(0.1, 0.6, "", "with its column raised"),
    pan_handle=Flag("with a pan handle", share=0.6),
)
def tripod(*, colour: str, height: float, spread: float, column: float, pan_handle: bool) -> list[Part]:
    """Three legs in two sections, a column with braces and a head."""
    paint, dark = rgb(colour), rgb("charcoal") if colour == "black" else rgb("black")
    parts = [rod((0, height * 0.45, 0), (0, height + column, 0), 0.045).painted(rgb("steel"))]
    parts.append(lathe([(0, 0), (0.13, 0), (0.13, 0.16), (0, 0.16)], segments=14).moved(y=height - 0.1).painted(dark))
    for angle in (90, 210, 330):
        x, z = spread * np.cos(np.deg2rad(angle)), spread * np.sin(np.deg2rad(angle))
        hip, knee = (x * 0.12, height - 0.05, z * 0.12), (x * 0.58, height * 0.46, z * 0.58)
        parts.append(rod(hip, knee, 0.055).painted(paint))
        parts.append(rod(knee, (x, 0.03, z), 0.04, 0.032).painted(rgb("steel") if colour != "steel" else dark))
        parts.append(ellipsoid(0.06, 0.05, 0.06, segments=10, rings=6).moved(x, 0.05, z).painted(rgb("rubber")))
        parts.append(rod((0, height * 0.5, 0), (x * 0.5, height * 0.55, z * 0.5), 0.025, segments=6).painted(dark))
    top = height + column
    parts.append(box(0.16, 0.16, 0.2, round=0.03).moved(y=top - 0.03).painted(dark))
    parts.append(box(0.26, 0.05, 0.3, round=0.02).moved(y=top + 0.13).painted(dark))
    if pan_handle:
        parts.append(rod((0, top + 0.05, -0.05), (0.12, top - 0.25, -0.62), 0.03, 0.045).painted(dark))
    return parts


@shape(
    "clock",
    colour=Choice((*PAINTS, "walnut", "brass", "chrome")),
    hour=Range(0.0, 12.0),
    rim=Range(0.05, 0.14, "with a thin rim", "with a thick rim"),
    depth=Range(0.14, 0.3),
    kind=Choice(("wall", "alarm")),
)
def clock(*, kind: str, colour: str, hour: float, rim: float, depth: float) -> list[Part]:
    """A dial with marks and hands towards +z; an alarm clock has feet and bells."""
    case = lathe(
        [
            (0, 0),
            (0.5 + rim, 0),
            (0.5 + rim, depth),
            (0.5 + rim * 0.4, depth + 0.05),
            (0.5, depth),
            (0.5, depth * 0.6),
            (0, depth * 0.6),
        ],
        segments=36,
    )
    dial = lathe([(0, 0.03), (0.505, 0.03), (0.505, depth * 0.75), (0, depth * 0.75)], segments=36)
    parts = [case.turned("x", 90).painted(rgb(colour)), dial.turned("x", 90).painted(rgb("paper"))]
    front = depth * 0.75
    for index in range(12):
        size = 0.09 if index % 3 == 0 else 0.05
        mark = box(0.035, size, 0.03).moved(0, 0.46 - size, front - 0.01).turned("z", 30.0 * index)
        parts.append(mark.painted(rgb("black")))
    for length, width, angle in ((0.26, 0.05, hour * 30), (0.4, 0.035, hour % 1 * 360)):
        hand = box(width, length + 0.05, 0.03).moved(0, -0.05, front + 0.02).turned("z", -angle)
        parts.append(hand.painted(rgb("black")))
    parts.append(ellipsoid(0.04, 0.04, 0.05).moved(z=front + 0.02).painted(rgb("black")))
    if kind == "alarm":
        for side in (-1, 1):
            bell = ellipsoid(0.2, 0.14, 0.14).turned("z", -side * 35).moved(side * 0.36, 0.62, depth / 2)
            leg = rod((side * 0.3, -0.35, depth / 2), (side * 0.45, -0.72, depth / 2), 0.05)
            parts += [bell.painted(rgb("brass")), leg.painted(rgb(colour))]
        parts.append(
            tube(np.column_stack([circle(0.16, 9, start=0, stop=180), np.zeros(9)]), 0.035)
            .moved(0, 0.66, depth / 2)
            .painted(rgb("steel"))
        )
    return parts


@shape(
    "headphones",
    noun="pair of headphones",
    colour=Choice(("black", "white", "red", "blue", "steel", "pink")),
    cup=Range(0.24, 0.36, "small", "large"),
    band=Range(0.05, 0.1, "", "with a wide band"),
    height=Range(0.85, 1.15),
)
def headphones(*, colour: str, cup: float, band: float, height: float) -> list[Part]:
    """Two cups joined by a bow over the head."""
    arc = circle(0.6, 21, start=-8, stop=188)
    path = np.column_stack([arc[:, 0], arc[:, 1] * height, np.zeros(21)])
    bow = tube(path, band, segments=10).scaled(1, 1, 1.7)
    pad = tube(path[5:16] * (0.95, 0.94, 1.0), band * 1.1, segments=10).scaled(1, 1, 1.6)
    parts = [bow.painted(rgb(colour)), pad.painted(rgb("charcoal"))]
    for side in (-1, 1):
        shell = lathe([(0, 0), (cup, 0), (cup, 0.1), (cup * 0.8, 0.18), (0, 0.2)], segments=24).scaled(0.85, 1, 1.0)
        cushion = lathe(
            [(cup * 0.35, -0.14), (cup, -0.14), (cup * 1.06, -0.06), (cup, 0.02), (cup * 0.35, 0.02)], closed=True
        )
        for part, color in ((shell, rgb(colour)), (cushion.scaled(0.85, 1, 1.0), rgb("charcoal"))):
            parts.append(part.turned("z", -90 * side).moved(side * 0.6, -0.16).painted(color))
    return parts


@shape(
    "guitar",
    wood=Choice(("pine", "walnut", "mahogany", "black", "red")),
    body=Range(0.85, 1.1, "slim", "full-bodied"),
    neck=Range(1.1, 1.4),
    depth=Range(0.14, 0.36, "thin", "deep"),
)
def guitar(*, wood: str, body: float, neck: float, depth: float) -> list[Part]:
    """A waisted body with a sound hole, a neck, a head and strings, front towards +z."""
    half = smooth([(0.0, -0.62), (0.36, -0.52), (0.48, -0.2), (0.29, 0.14), (0.37, 0.44), (0.14, 0.62), (0.0, 0.6)], 4)
    outline = np.concatenate([half, (half * (-1, 1))[::-1][1:-1]]) * (body, 1.0)
    parts = [extrude(outline, depth, bevel=0.02).painted(rgb(wood))]
    front = depth / 2
    hole = lathe([(0, 0), (0.14, 0), (0.14, 0.014), (0, 0.014)], segments=24).turned("x", 90)
    parts.append(hole.moved(0, 0.16, front - 0.004).painted((40, 28, 22)))
    parts.append(box(0.15, neck + 0.15, 0.1, round=0.02).moved(0, 0.45, front - 0.04).painted(rgb("walnut")))
    parts.append(box(0.24, 0.34, 0.07, round=0.02).moved(0, 0.58 + neck, front - 0.04).painted(shaded(wood, 0.7)))
    parts.append(box(0.4, 0.06, 0.05).moved(0, -0.3, front - 0.01).painted(rgb("walnut")))
    for index in range(6):
        y = 0.66 + neck + 0.09 * (index // 2)
        side = -1 if index % 2 else 1
        parts.append(rod((side * 0.1, y, front), (side * 0.2, y, front), 0.025, segments=8).painted(rgb("chrome")))
    for x in np.linspace(-0.05, 0.05, 3):
        string = rod((x, -0.28, front + 0.045), (x, 0.62 + neck, front + 0.05), 0.008, segments=4)
        parts.append(string.painted(rgb("chrome")))
    return parts


@shape(
    "light_bulb",
    noun="light bulb",
    glass=Choice(("white", "clear glass", "yellow"), {"clear glass": "clear", "yellow": "glowing yellow"}),
    roundness=Range(0.42, 0.58, "slim", "round"),
    threads=Count(3, 5),
)
def light_bulb(*, glass: str, roundness: float, threads: int) -> list[Part]:
    """A bulb on a screw base."""
    outer = smooth([(0.2, 0.42), (0.26, 0.6), (roundness, 1.1), (roundness * 0.8, 1.45), (0.06, 1.6)], 5)
    parts = [lathe([(0, 0.42), *outer, (0, 1.6)]).painted(rgb(glass))]
    pitch = 0.34 / threads
    screw = [(0.22 if row % 2 else 0.185, 0.1 + row * pitch / 2) for row in range(2 * threads)]
    parts.append(lathe([(0, 0.08), *screw, (0.21, 0.47), (0, 0.47)]).painted(rgb("steel")))
    parts.append(lathe([(0, 0), (0.07, 0.0), (0.17, 0.1), (0, 0.1)]).painted(rgb("charcoal")))
    return parts
