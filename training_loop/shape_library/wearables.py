"""Clothes, bags and what goes with them."""

import numpy as np

from training_loop.shape_library.materials import FABRICS, PAINTS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Count, Flag, Range
from training_loop.shape_library.parts import Part, box, circle, ellipsoid, lathe, loft, rod, smooth, tube
from training_loop.shape_library.registry import shape
from training_loop.shape_library.vessels import vessel


@shape(
    "helmet",
    colour=Choice((*PAINTS, "olive", "steel")),
    length=Range(1.05, 1.3, "round", "long"),
    visor=Choice(
        ("none", "peak", "shield", "space"),
        {"none": "", "peak": "with a peak", "shield": "with a visor", "space": "with a dark visor and a neck ring"},
    ),
    crest=Flag("with a stripe", share=0.4),
    strap=Flag("with a chin strap", share=0.5),
)
def helmet(*, colour: str, length: float, visor: str, crest: bool, strap: bool) -> list[Part]:
    """A hollow shell, open below, front towards +z; a space helmet is a closed globe with a visor."""
    if visor == "space":
        return _space_helmet(colour, length)
    angle = np.linspace(0.02, np.pi * 0.58, 12)
    outer = np.column_stack([0.5 * np.sin(angle), 0.5 * np.cos(angle)])
    shell = lathe(np.concatenate([[(0, 0.5)], outer, (outer * 0.88)[::-1], [(0, 0.44)]])).scaled(1, 1, length)
    # Cut higher over the face than over the neck.
    lift = np.clip(shell.vertices[:, 2], 0, 1) * np.clip(0.2 - shell.vertices[:, 1], 0, 1)
    parts = [shell.bent(y=0.9 * lift).painted(rgb(colour))]
    half = 0.5 * length
    if visor == "peak":
        brim = ellipsoid(0.4, 0.03, 0.3).turned("x", 14).moved(0, 0.1, half - 0.02)
        parts.append(brim.painted(shaded(colour, 0.7)))
    elif visor == "shield":
        band = tube(
            np.column_stack(
                [
                    0.53 * np.sin(np.linspace(-1.2, 1.2, 13)),
                    np.full(13, 0.0),
                    0.53 * length * np.cos(np.linspace(-1.2, 1.2, 13)),
                ]
            ),
            0.16,
            segments=8,
            flat=0.2,
        )
        narrow = band.vertices[:, 1]
        parts.append(band.bent(z=-0.35 * np.abs(narrow) * (narrow > 0)).painted(rgb("window")))
        jaw = tube(
            np.column_stack(
                [
                    0.47 * np.sin(np.linspace(-1.35, 1.35, 13)),
                    np.full(13, -0.28),
                    0.5 * length * np.cos(np.linspace(-1.35, 1.35, 13)),
                ]
            ),
            0.1,
            segments=8,
        )
        parts.append(jaw.painted(rgb(colour)))
    if crest:
        arc = circle(0.5, 15, start=20, stop=160)
        ridge = tube(np.column_stack([np.zeros(15), arc[:, 1], arc[:, 0] * length]), 0.045, segments=8)
        parts.append(ridge.painted(rgb("white") if colour != "white" else rgb("red")))
    if strap:
        loop = circle(1.0, 13, start=180, stop=360)
        path = np.column_stack([0.44 * loop[:, 0], 0.42 * loop[:, 1] - 0.02, np.full(13, 0.12)])
        parts.append(tube(path, 0.03, segments=8).painted(rgb("black")))
    return parts


def _space_helmet(colour: str, length: float) -> list[Part]:
    globe = ellipsoid(0.5, 0.5, 0.5 * length, segments=28, rings=18).painted(rgb(colour))
    glass = ellipsoid(0.4, 0.36, 0.3 * length, segments=24, rings=14).moved(0, 0.02, 0.25 * length)
    angle = np.arange(28) * (2 * np.pi / 28)
    rim = np.column_stack([0.4 * np.cos(angle), 0.36 * np.sin(angle) + 0.02, np.full(28, 0.3 * length)])
    frame = tube(rim, 0.045, segments=8, closed=True)
    neck = lathe([(0.28, -0.58), (0.38, -0.58), (0.4, -0.42), (0.28, -0.42)], closed=True)
    return [globe, glass.painted(rgb("window")), frame.painted(rgb("white")), neck.painted(rgb("steel"))]


@shape(
    "hat",
    colour=Choice((*FABRICS, "black", "white")),
    brim=Range(0.15, 0.5, "with a narrow brim", "with a wide brim"),
    crown=Range(0.35, 0.85, "low", "high"),
    style=Choice(("bowler", "fedora", "top"), {"bowler": "bowler", "fedora": "soft", "top": "top"}),
    curl=Range(-0.08, 0.16),
)
def hat(*, colour: str, brim: float, crown: float, style: str, curl: float) -> list[Part]:
    """A crown with a brim and a ribbon, hollow below."""
    h = crown
    if style == "bowler":
        outer = [(0.4 * np.cos(a), h * np.sin(a)) for a in np.linspace(0.0, np.pi / 2 - 0.03, 9)]
    elif style == "fedora":
        outer = [(0.4, 0.0), (0.39, h * 0.5), (0.34, h * 0.95), (0.26, h), (0.12, h * 0.92), (0.01, h * 0.88)]
    else:
        outer = [(0.38, 0.0), (0.36, h * 0.5), (0.4, h * 0.97), (0.38, h), (0.01, h)]
    edge = [(0.42 + brim, 0.05 * (curl > 0)), (0.43 + brim, -0.015), (0.42 + brim, -0.03)]
    inner = [(max(r - 0.05, 0.005), y - 0.05) for r, y in outer if y > 0.06]
    profile = [*reversed(outer), (0.44, 0.02), *edge, (0.4, -0.03), *inner]
    body = lathe(profile, segments=32)
    radius = np.hypot(body.vertices[:, 0], body.vertices[:, 2])
    outside = np.clip(radius - 0.42, 0, 1)
    body = body.bent(y=curl * outside * 4 * (np.abs(body.vertices[:, 0]) / np.maximum(radius, 0.01)) ** 2)
    if style == "fedora":
        pinch = np.clip(body.vertices[:, 2], 0, 1) * np.clip(body.vertices[:, 1] / h, 0, 1)
        body = body.bent(x=-body.vertices[:, 0] * 0.7 * pinch)
    band = lathe([(0.33, 0.03), (0.415, 0.03), (0.405, 0.14), (0.33, 0.14)], closed=True)
    return [body.painted(rgb(colour)), band.painted(shaded(colour, 0.45))]


@shape(
    "shoe",
    colour=Choice((*FABRICS, "white", "black", "leather")),
    shaft=Range(0.22, 1.3, "low", "high"),
    heel=Range(0.04, 0.3, "flat", "with a heel"),
    width=Range(0.3, 0.4, "narrow", "wide"),
    laces=Flag("with laces", share=0.6),
)
def shoe(*, colour: str, shaft: float, heel: float, width: float, laces: bool) -> list[Part]:
    """A shoe or boot, toe towards +z, on a sole that rises to the heel."""
    z = np.array([-0.5, -0.47, -0.38, -0.2, 0.05, 0.3, 0.55, 0.72, 0.8])
    half = width / 2 * np.array([0.35, 0.66, 0.8, 0.76, 0.8, 1.0, 0.98, 0.7, 0.3])
    tops = np.array([0.34, 0.42, 0.46, 0.47, 0.4, 0.3, 0.24, 0.2, 0.13])
    rise = heel * np.clip((0.25 - z) / 0.6, 0, 1)
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    rings = []
    for zi, w, t, up in zip(z, half, tops, rise, strict=True):
        across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8
        high = np.where(np.sin(angle) > 0, np.sin(angle), 0.45 * np.sin(angle))
        middle = 0.35 * t
        rings.append(np.column_stack([w * across, up + 0.06 + middle + (t - middle) * high, np.full(16, zi)]))
    upper = loft(np.array(rings)).painted(rgb(colour))
    ankle = [(0.165, 0.0), (0.15, 0.3 * shaft), (0.16 + 0.03 * shaft, shaft)]
    leg = vessel(smooth(ankle, 4), 0.035, 0.1, segments=20).scaled(width * 2.1, 1, 1.32)
    leg = leg.moved(0, heel * 0.9 + 0.26, -0.26).painted(rgb(colour))
    sole_rings = []
    for zi, w, up in zip(z, half * 1.08, rise, strict=True):
        sole_rings.append([(-w, up, zi), (w, up, zi), (w, up + 0.09, zi), (-w, up + 0.09, zi)])
    parts = [upper, leg, loft(np.array(sole_rings)).painted(rgb("rubber") if colour != "black" else rgb("brown"))]
    if heel > 0.08:
        block = box(width * 0.62, heel + 0.05, 0.26, round=0.02, taper=1.15).moved(0, 0.0, -0.36)
        parts.append(block.painted(rgb("rubber")))
    if laces:
        for index in range(4):
            at = 0.08 + 0.1 * index
            y = heel * max((0.25 - at) / 0.6, 0) + 0.06 + float(np.interp(at, z, tops))
            parts.append(
                rod((-0.09, y - 0.015, at), (0.09, y - 0.015, at + 0.03), 0.022, segments=6).painted(rgb("cream"))
            )
    return parts


@shape(
    "backpack",
    fabric=Choice((*FABRICS, "black", "blue", "green", "orange")),
    height=Range(1.1, 1.6, "small", "tall"),
    fullness=Range(0.35, 0.62, "flat", "full"),
    pocket=Flag("with a front pocket", share=0.8),
    roundness=Range(2.6, 4.5),
)
def backpack(*, fabric: str, height: float, fullness: float, pocket: bool, roundness: float) -> list[Part]:
    """A soft bag, pocket towards +z, straps at the back."""
    half = height / 2
    body = ellipsoid(0.45, half, fullness / 2, power=roundness, segments=24, rings=16)
    body = body.bent(x=-0.12 * body.vertices[:, 0] * (body.vertices[:, 1] / half), z=-0.08 * body.vertices[:, 1] / half)
    parts = [body.painted(rgb(fabric))]
    front = fullness / 2
    if pocket:
        pouch = ellipsoid(0.34, half * 0.42, 0.14, power=4).moved(0, -half * 0.38, front - 0.0)
        flap = ellipsoid(0.35, half * 0.12, 0.16, power=3).moved(0, -half * 0.02, front - 0.02)
        parts += [pouch.painted(shaded(fabric, 0.85)), flap.painted(shaded(fabric, 0.7))]
    lid = ellipsoid(0.43, 0.16, fullness / 2 + 0.03, power=3).moved(0, half - 0.14, -0.03)
    parts.append(lid.painted(shaded(fabric, 0.8)))
    loop = circle(0.11, 9, start=0, stop=180)
    parts.append(
        tube(np.column_stack([loop[:, 0], loop[:, 1] + half - 0.02, np.full(9, -front * 0.6)]), 0.03).painted(
            rgb("charcoal")
        )
    )
    for side in (-1, 1):
        bends = [(0.12, 0.8, -0.05), (0.26, 0.55, 0.18), (0.3, -0.2, 0.16), (0.3, -0.75, -0.06)]
        path = smooth([(side * x, half * y, -front - back) for x, y, back in bends], 4)
        parts.append(tube(path, 0.055, segments=8, flat=0.6).painted(rgb("charcoal")))
    return parts


@shape(
    "suitcase",
    colour=Choice((*PAINTS, "brown", "purple", "pink")),
    height=Range(1.0, 1.6, "small", "tall"),
    thickness=Range(0.3, 0.5, "thin", "thick"),
    handle_up=Flag("with its handle pulled out", share=0.5),
    ribs=Count(0, 6),
    wheels=Flag("with wheels", share=0.8),
)
def suitcase(*, colour: str, height: float, thickness: float, handle_up: bool, ribs: int, wheels: bool) -> list[Part]:
    """An upright case with ribs, handle and wheels."""
    parts = [box(0.9, height, thickness, round=0.09).painted(rgb(colour))]
    for index in range(ribs):
        x = (index - (ribs - 1) / 2) * 0.13
        parts.append(
            box(0.06, height * 0.84, thickness + 0.05, round=0.02).moved(x, height * 0.08).painted(shaded(colour, 0.85))
        )
    rise = 0.5 if handle_up else 0.09
    top = height + rise
    back = -thickness * 0.25
    parts += [rod((x, height - 0.05, back), (x, top, back), 0.028).painted(rgb("steel")) for x in (-0.17, 0.17)]
    parts.append(box(0.42, 0.09, 0.09, round=0.03).moved(0, top - 0.03, back).painted(rgb("black")))
    grip = tube(
        smooth(
            [(0.44, height * 0.38, 0), (0.52, height * 0.42, 0), (0.52, height * 0.58, 0), (0.44, height * 0.62, 0)], 3
        ),
        0.035,
    )
    parts.append(grip.painted(rgb("black")))
    if wheels:
        for x in (-0.35, 0.35):
            for z in (-thickness / 2 + 0.07, thickness / 2 - 0.07):
                tyre = lathe([(0, -0.04), (0.075, -0.04), (0.075, 0.04), (0, 0.04)], segments=14).turned("z", 90)
                parts += [
                    tyre.moved(x, -0.05, z).painted(rgb("black")),
                    box(0.07, 0.1, 0.07).moved(x, -0.04, z).painted(rgb("charcoal")),
                ]
    return parts
