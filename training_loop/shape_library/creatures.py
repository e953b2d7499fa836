"""Animals, people and their likenesses: soft bodies out of tubes and ellipsoids, facing +z."""

import numpy as np

from training_loop.shape_library.materials import FABRICS, rgb, shaded
from training_loop.shape_library.parameters import Choice, Flag, Range
from training_loop.shape_library.parts import Part, Rgb, box, ellipsoid, extrude, lathe, rod, smooth, tube
from training_loop.shape_library.registry import shape

COATS: dict[str, Rgb] = {
    "black": (44, 42, 42),
    "grey": (136, 134, 132),
    "ginger": (206, 132, 66),
    "white": (232, 228, 220),
    "brown": (116, 78, 50),
    "sandy": (208, 176, 128),
}
HAIR: dict[str, Rgb] = {"black": (38, 32, 30), "brown": (94, 62, 40), "blond": (214, 182, 116), "grey": (160, 158, 156)}
SKIN: dict[str, Rgb] = {"light": (226, 184, 158), "tan": (196, 146, 110), "dark": (116, 78, 56)}
_HAIR_WORDS = {name: f"with {name} hair" for name in HAIR}


def mirrored_pair(part: Part) -> list[Part]:
    """A part and its reflection across x = 0."""
    return [part, part.mirrored("x")]


def eyes(x: float, y: float, z: float, size: float, *, iris: Rgb = (30, 28, 26)) -> list[Part]:
    """Two eyes on the front of a head."""
    return mirrored_pair(ellipsoid(size, size, size * 0.7, segments=10, rings=8).moved(x, y, z).painted(iris))


def limb(points: list[tuple[float, float, float]], radii: list[float], *, steps: int = 4) -> Part:
    """A limb with rounded ends through the given points."""
    path = smooth(points, steps)
    widths = np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(radii)), radii)
    start, stop = path[0] - path[1], path[-1] - path[-2]
    start, stop = start / np.linalg.norm(start) * widths[0], stop / np.linalg.norm(stop) * widths[-1]
    bulge = np.array([[0.95], [0.6]])
    path = np.concatenate([path[0] + bulge * start, path, path[-1] + bulge[::-1] * stop])
    widths = np.concatenate([[0.3 * widths[0], 0.8 * widths[0]], widths, [0.8 * widths[-1], 0.3 * widths[-1]]])
    return tube(path, widths, segments=12)


@shape(
    "cat",
    coat=Choice(tuple(COATS)),
    pose=Choice(("sitting", "standing", "lying", "head"), {"head": "with only its head"}),
    build=Range(0.85, 1.25, "slim", "plump"),
    tail=Range(0.6, 1.1, "", "with a long tail"),
    turn=Range(-35.0, 35.0),
)
def cat(*, coat: str, pose: str, build: float, tail: float, turn: float) -> list[Part]:
    """A cat with pointed ears; the head may look aside."""
    b = build
    if pose == "head":
        neck_stump = limb([(0, -0.3, -0.12), (0, -0.05, -0.05)], [0.19 * b, 0.16 * b]).painted(COATS[coat])
        return [neck_stump, *[part.turned("y", turn * 0.4) for part in _cat_head(COATS[coat])]]
    if pose == "sitting":
        body = [
            limb(
                [(0, 0.28, -0.3), (0, 0.55, -0.16), (0, 0.95, 0.06), (0, 1.15, 0.12)],
                [0.36 * b, 0.36 * b, 0.25 * b, 0.17],
            )
        ]
        body += mirrored_pair(limb([(0.13, 0.8, 0.14), (0.13, 0.4, 0.27), (0.13, 0.06, 0.27)], [0.12, 0.09, 0.075]))
        body += mirrored_pair(ellipsoid(0.16 * b, 0.25, 0.28).moved(0.24 * b, 0.24, -0.12))
        body += mirrored_pair(ellipsoid(0.09, 0.07, 0.15).moved(0.26 * b, 0.07, 0.14))
        body += mirrored_pair(ellipsoid(0.085, 0.065, 0.12).moved(0.13, 0.06, 0.33))
        path = [(0, 0.1, -0.5), (0.3, 0.08, -0.5 * tail), (0.5, 0.08, -0.1), (0.42, 0.08, 0.35 * tail)]
        body.append(limb(path, [0.09, 0.08, 0.075, 0.06]))
        neck = np.array([0.0, 1.3, 0.2])
    elif pose == "standing":
        body = [
            limb(
                [(0, 0.72, -0.6), (0, 0.75, -0.2), (0, 0.74, 0.2), (0, 0.85, 0.5)], [0.2 * b, 0.25 * b, 0.23 * b, 0.16]
            )
        ]
        for z in (0.38, -0.55):
            body += mirrored_pair(limb([(0.14, 0.7, z), (0.15, 0.35, z + 0.03), (0.15, 0.06, z)], [0.13, 0.085, 0.075]))
            body += mirrored_pair(ellipsoid(0.085, 0.06, 0.12).moved(0.15, 0.06, z + 0.05))
        body.append(
            limb(
                [(0, 0.75, -0.75), (0, 0.85, -1.0), (0, 1.15 * tail, -1.15), (0, 1.45 * tail, -1.05)],
                [0.09, 0.08, 0.07, 0.06],
            )
        )
        neck = np.array([0.0, 1.05, 0.68])
    else:
        body = [
            limb(
                [(0, 0.26, -0.65), (0, 0.32, -0.3), (0, 0.3, 0.2), (0, 0.42, 0.5)], [0.27 * b, 0.33 * b, 0.27 * b, 0.17]
            )
        ]
        body += mirrored_pair(limb([(0.2, 0.12, 0.2), (0.2, 0.08, 0.5), (0.17, 0.08, 0.8)], [0.12, 0.09, 0.08]))
        body += mirrored_pair(ellipsoid(0.16 * b, 0.22, 0.3).moved(0.26 * b, 0.22, -0.45))
        body.append(
            limb(
                [(0, 0.14, -0.9), (0.35, 0.1, -1.05), (0.55 * tail, 0.08, -0.6), (0.58, 0.08, -0.2 * tail)],
                [0.1, 0.09, 0.08, 0.06],
            )
        )
        neck = np.array([0.0, 0.68, 0.6])
    fur = [part.painted(COATS[coat]) for part in body]
    return fur + [part.turned("y", turn).moved(*neck) for part in _cat_head(COATS[coat])]


def _cat_head(coat: Rgb) -> list[Part]:
    pale: Rgb = (min(coat[0] + 40, 255), min(coat[1] + 38, 255), min(coat[2] + 36, 255))
    ear = tube([(0.15, 0.16, 0.0), (0.19, 0.27, 0.01), (0.21, 0.38, 0.02)], [0.12, 0.075, 0.01], segments=10, flat=0.55)
    head = [ellipsoid(0.27, 0.235, 0.23), *mirrored_pair(ear)]
    parts = [part.painted(coat) for part in head]
    parts.append(ellipsoid(0.12, 0.085, 0.09).moved(0, -0.08, 0.18).painted(pale))
    parts.append(ellipsoid(0.03, 0.022, 0.025, segments=10, rings=6).moved(0, -0.03, 0.265).painted((196, 120, 116)))
    return parts + eyes(0.1, 0.04, 0.2, 0.045, iris=(108, 134, 52))


@shape(
    "dog",
    coat=Choice(tuple(COATS)),
    pose=Choice(("sitting", "standing")),
    build=Range(0.8, 1.25, "slim", "sturdy"),
    snout=Range(0.16, 0.34, "with a short snout", "with a long snout"),
    ears=Choice(("floppy", "pointed"), {"floppy": "with floppy ears", "pointed": "with pointed ears"}),
    legs=Range(0.55, 0.95, "short-legged", "long-legged"),
)
def dog(*, coat: str, pose: str, build: float, snout: float, ears: str, legs: float) -> list[Part]:
    """A dog with a snout and a tail."""
    b = build
    if pose == "standing":
        y = legs
        body = [
            limb(
                [(0, y, -0.65), (0, y + 0.02, -0.2), (0, y + 0.02, 0.25), (0, y + 0.22, 0.55)],
                [0.22 * b, 0.24 * b, 0.29 * b, 0.17],
            )
        ]
        body.append(limb([(0, y + 0.1, 0.45), (0, y + 0.35, 0.66), (0, y + 0.48, 0.76)], [0.2, 0.17, 0.16]))
        for z in (0.38, -0.58):
            bow = 0.0 if z > 0 else -0.09
            body += mirrored_pair(
                limb([(0.16, y, z), (0.17, y * 0.5, z + bow), (0.17, 0.06, z)], [0.15 * b, 0.09, 0.075])
            )
            body += mirrored_pair(ellipsoid(0.09, 0.06, 0.13).moved(0.17, 0.06, z + 0.05))
        body.append(limb([(0, y + 0.12, -0.8), (0, y + 0.3, -1.0), (0, y + 0.55, -1.08)], [0.08, 0.06, 0.035]))
        neck = (0.0, y + 0.6, 0.82)
    else:
        body = [
            limb(
                [(0, 0.3, -0.35), (0, 0.55, -0.2), (0, 0.9, 0.08), (0, 1.12, 0.16)],
                [0.32 * b, 0.32 * b, 0.28 * b, 0.18],
            )
        ]
        body += mirrored_pair(limb([(0.16, 0.85, 0.16), (0.17, 0.4, 0.28), (0.17, 0.06, 0.28)], [0.15, 0.1, 0.085]))
        body += mirrored_pair(ellipsoid(0.1, 0.065, 0.14).moved(0.17, 0.06, 0.35))
        body += mirrored_pair(ellipsoid(0.16, 0.25, 0.28).moved(0.26 * b, 0.24, -0.15))
        body += mirrored_pair(ellipsoid(0.1, 0.07, 0.18).moved(0.28 * b, 0.07, 0.12))
        body.append(limb([(0, 0.12, -0.6), (0.15, 0.1, -0.85), (0.4, 0.12, -0.95)], [0.08, 0.06, 0.04]))
        neck = (0.0, 1.3, 0.26)
    head = [ellipsoid(0.22, 0.21, 0.24)]
    nose_z = 0.16 + snout
    head.append(limb([(0, -0.04, 0.1), (0, -0.07, 0.16 + snout * 0.5), (0, -0.08, nose_z)], [0.17, 0.13, 0.095]))
    head.append(ellipsoid(0.095, 0.09, 0.07).moved(0, -0.08, nose_z))
    if ears == "floppy":
        head += mirrored_pair(ellipsoid(0.055, 0.19, 0.12).turned("z", 14).moved(0.23, -0.02, -0.02))
    else:
        head += mirrored_pair(
            tube([(0.14, 0.13, -0.03), (0.17, 0.26, -0.03), (0.18, 0.36, -0.02)], [0.1, 0.065, 0.01], flat=0.5)
        )
    parts = [part.painted(COATS[coat]) for part in body]
    parts += [part.moved(*neck).painted(COATS[coat]) for part in head]
    face = [
        ellipsoid(0.045, 0.035, 0.03).moved(0, -0.03, nose_z + 0.05).painted((30, 28, 28)),
        *eyes(0.1, 0.06, 0.19, 0.032),
    ]
    return parts + [part.moved(*neck) for part in face]


@shape(
    "horse",
    coat=Choice(("brown", "black", "white", "grey", "sandy")),
    build=Range(0.85, 1.15, "slender", "heavy"),
    neck=Range(0.0, 1.0, "with a lowered head", "with a raised head"),
    stride=Range(0.0, 0.35, "standing", "walking"),
)
def horse(*, coat: str, build: float, neck: float, stride: float) -> list[Part]:
    """A horse with mane, tail and hooves."""
    b = build
    hide = COATS[coat]
    dark: Rgb = (hide[0] // 2, hide[1] // 2, hide[2] // 2)
    parts = [
        limb(
            [(0, 1.25, -0.85), (0, 1.22, -0.45), (0, 1.17, 0.1), (0, 1.22, 0.6)],
            [0.3 * b, 0.34 * b, 0.34 * b, 0.26 * b],
        )
    ]
    rise, reach = 0.25 + 0.6 * neck, 0.75 - 0.2 * neck
    crest = (0.0, 1.35 + rise, 0.6 + reach)
    parts.append(limb([(0, 1.25, 0.55), (0, 1.35 + rise * 0.5, 0.6 + reach * 0.6), crest], [0.28 * b, 0.19, 0.14]))
    parts.append(
        limb([crest, (0, crest[1] - 0.1, crest[2] + 0.2), (0, crest[1] - 0.3, crest[2] + 0.42)], [0.15, 0.13, 0.09])
    )
    ear = tube([(0.06, 0.08, -0.02), (0.075, 0.2, 0.0), (0.08, 0.26, 0.0)], [0.045, 0.035, 0.008]).moved(*crest)
    parts += mirrored_pair(ear)
    for side, z, swing in ((1, 0.52, stride), (-1, 0.52, -stride), (1, -0.72, -stride), (-1, -0.72, stride)):
        knee = (side * 0.17, 0.62, z + swing * 0.5 + (0.0 if z > 0 else -0.06))
        parts.append(limb([(side * 0.16, 1.15, z), knee, (side * 0.17, 0.1, z + swing)], [0.2 * b, 0.1, 0.07]))
    parts = [part.painted(hide) for part in parts]
    for side, z, swing in ((1, 0.52, stride), (-1, 0.52, -stride), (1, -0.72, -stride), (-1, -0.72, stride)):
        hoof = lathe([(0, 0), (0.1, 0), (0.08, 0.13), (0, 0.13)], segments=12).moved(side * 0.17, 0, z + swing)
        parts.append(hoof.painted((46, 40, 36)))
    mane = [(0.0, crest[1] + 0.12, crest[2] - 0.02), (0.0, 1.5 + rise * 0.5, 0.45 + reach * 0.6), (0.0, 1.5, 0.5)]
    parts.append(tube(smooth(mane, 4), 0.1, segments=8, flat=0.45).painted(dark))
    tail = limb([(0, 1.4, -1.1), (0, 1.25, -1.32), (0, 0.75, -1.38)], [0.08, 0.12, 0.04])
    return [*parts, tail.painted(dark), *[eye.moved(*crest) for eye in eyes(0.12, -0.06, 0.12, 0.03)]]


@shape(
    "bird",
    plumage=Choice(("white", "black", "brown", "blue", "red", "yellow", "green")),
    pose=Choice(("perched", "flying")),
    neck=Range(0.1, 0.7, "short-necked", "long-necked"),
    legs=Range(0.2, 0.8, "short-legged", "long-legged"),
    beak=Range(0.12, 0.35, "with a short beak", "with a long beak"),
)
def bird(*, plumage: str, pose: str, neck: float, legs: float, beak: float) -> list[Part]:
    """A bird on its legs, or in flight with wings out."""
    feathers, wing_color = rgb(plumage), shaded(plumage, 0.75)
    tilt = 25.0 if pose == "perched" else 0.0
    body = ellipsoid(0.26, 0.27, 0.5).turned("x", -tilt)
    tail = extrude([(-0.1, 0.0), (0.1, 0.0), (0.2, 0.55), (-0.2, 0.55)], 0.05).turned("x", -90).moved(z=-0.32)
    head = (0.0, 0.2 + neck, 0.42 + neck * 0.25)
    parts = [body.painted(feathers), tail.turned("x", -tilt * 0.6).moved(y=-0.02).painted(wing_color)]
    parts.append(
        limb([(0, 0.08, 0.28), (0, 0.15 + neck * 0.5, 0.42 + neck * 0.1), head], [0.2, 0.13, 0.12]).painted(feathers)
    )
    parts.append(ellipsoid(0.16, 0.15, 0.18).moved(*head).painted(feathers))
    parts.append(
        rod((0, head[1] - 0.02, head[2] + 0.12), (0, head[1] - 0.05, head[2] + 0.14 + beak), 0.055, 0.008).painted(
            rgb("orange")
        )
    )
    parts += [eye.moved(*head) for eye in eyes(0.12, 0.04, 0.1, 0.03)]
    if pose == "perched":
        wing = ellipsoid(0.07, 0.2, 0.42).turned("x", -tilt).moved(0.23, 0.02, -0.06)
        parts += [part.painted(wing_color) for part in mirrored_pair(wing)]
        leg = rod((0.1, -0.15, 0.02), (0.1, -0.25 - legs, 0.05), 0.03)
        toes = [
            rod((0.1, -0.25 - legs, 0.05), (0.1 + dx, -0.27 - legs, 0.2), 0.025, 0.012, segments=6)
            for dx in (-0.08, 0.0, 0.08)
        ]
        parts += [part.painted(rgb("orange")) for piece in (leg, *toes) for part in mirrored_pair(piece)]
    else:
        outline = [(0.1, 0.22), (0.7, 0.34), (1.35, 0.1), (1.4, 0.0), (0.75, -0.12), (0.1, -0.25)]
        wing = extrude(outline, 0.05).turned("x", 90)
        wing = wing.bent(y=0.1 + 0.35 * np.sin(wing.vertices[:, 0] * 1.6))
        parts += [part.painted(wing_color) for part in mirrored_pair(wing)]
    return parts


@shape(
    "fish",
    scales=Choice(("orange", "red", "sky blue", "blue", "steel", "yellow", "green")),
    length=Range(1.0, 2.0, "round", "slender"),
    swim=Range(-0.25, 0.25),
    fin=Range(0.15, 0.4, "with small fins", "with large fins"),
)
def fish(*, scales: str, length: float, swim: float, fin: float) -> list[Part]:
    """A fish, perhaps in mid-stroke."""
    z = np.linspace(-0.85, 1.0, 12) * length / 2
    girth = 0.42 * np.array([0.14, 0.25, 0.42, 0.6, 0.78, 0.92, 1.0, 1.0, 0.92, 0.75, 0.48, 0.12])
    path = np.column_stack([np.zeros(12), np.zeros(12), z])
    body = tube(path, girth, segments=16).scaled(0.55, 1, 1)
    tail_z = z[0]
    tail = (
        extrude([(0.05, 0.07), (-0.4, 0.42), (-0.28, 0.0), (-0.4, -0.42), (0.05, -0.07)], 0.04)
        .turned("y", -90)
        .moved(z=tail_z)
    )
    dorsal = extrude([(0.35, 0.3), (-0.05, 0.4 + fin), (-0.4, 0.38 + fin * 0.5), (-0.35, 0.22)], 0.04).turned("y", -90)
    side = ellipsoid(0.2, 0.02, 0.1).turned("z", -35).moved(0.3, -0.12, length * 0.14)
    parts = [body.painted(rgb(scales))]
    parts += [part.painted(shaded(scales, 0.75)) for part in (tail, dorsal, *mirrored_pair(side))]
    parts += eyes(0.135, 0.1, length * 0.38, 0.05)
    return [part.bent(x=swim * (part.vertices[:, 2] / length * 2 - 1) ** 2) for part in parts]


@shape(
    "teddy_bear",
    noun="teddy bear",
    plush=Choice(("brown", "beige", "cream", "pink", "grey")),
    belly=Range(0.85, 1.15, "slim", "chubby"),
    ears=Range(0.13, 0.2, "with small ears", "with big ears"),
    bow=Flag("with a bow tie", share=0.4),
    arms=Range(-25.0, 70.0, "", "with raised arms"),
)
def teddy_bear(*, plush: str, belly: float, ears: float, bow: bool, arms: float) -> list[Part]:
    """A sitting plush bear."""
    fur, pale = rgb(plush), shaded(plush, 1.25)
    b = belly
    parts = [ellipsoid(0.42 * b, 0.48, 0.38 * b).moved(y=0.45), ellipsoid(0.36, 0.33, 0.33).moved(0, 1.12, 0.03)]
    parts += mirrored_pair(ellipsoid(ears, ears, 0.09).moved(0.28, 1.38, 0.0))
    arm = ellipsoid(0.13, 0.32, 0.14).moved(y=-0.24).turned("z", 35 + arms).moved(0.34 * b, 0.78, 0.08)
    parts += mirrored_pair(arm)
    parts += mirrored_pair(ellipsoid(0.17, 0.17, 0.36).turned("y", 18).moved(0.3, 0.17, 0.4))
    parts = [part.painted(fur) for part in parts]
    parts += [
        part.painted(pale)
        for part in mirrored_pair(ellipsoid(0.14, 0.15, 0.05).turned("y", 18).moved(0.41, 0.18, 0.74))
    ]
    parts.append(ellipsoid(0.17, 0.13, 0.14).moved(0, 1.03, 0.3).painted(pale))
    parts.append(ellipsoid(0.055, 0.04, 0.04).moved(0, 1.08, 0.43).painted((40, 32, 30)))
    if bow:
        knot = ellipsoid(0.16, 0.09, 0.05).turned("z", 20).moved(0.13, 0.82, 0.32)
        parts += [part.painted(rgb("red")) for part in mirrored_pair(knot)]
    return parts + eyes(0.13, 1.2, 0.31, 0.045)


@shape(
    "person",
    skin=Choice(tuple(SKIN), dict.fromkeys(SKIN, "")),
    hair=Choice(tuple(HAIR), _HAIR_WORDS),
    top=Choice(
        FABRICS, {name: f"with a {name} top" for name in FABRICS if name != "olive"} | {"olive": "with an olive top"}
    ),
    trousers=Choice(
        ("navy", "charcoal", "beige", "brown", "olive"),
        dict.fromkeys(("navy", "charcoal", "beige", "brown", "olive"), ""),
    ),
    build=Range(0.88, 1.18, "slim", "stocky"),
    stride=Range(0.0, 0.32, "standing", "walking"),
    arms=Range(6.0, 60.0, "", "with spread arms"),
)
def person(*, skin: str, hair: str, top: str, trousers: str, build: float, stride: float, arms: float) -> list[Part]:
    """A whole figure."""
    b = build
    flesh, shirt, legs = SKIN[skin], rgb(top), rgb(trousers)
    torso = limb([(0, 0.92, 0), (0, 1.15, 0.0), (0, 1.38, 0), (0, 1.5, 0)], [0.15, 0.145, 0.165, 0.09]).scaled(
        1.2 * b, 1, 0.85 * b
    )
    parts = [torso.painted(shirt), ellipsoid(0.165 * b, 0.12, 0.13 * b).moved(y=0.92).painted(legs)]
    parts.append(rod((0, 1.46, 0), (0, 1.6, 0.01), 0.055).painted(flesh))
    parts += [part.moved(0, 1.69, 0.01) for part in _head(flesh, HAIR[hair], long_hair=False)]
    for side, swing in ((1, stride), (-1, -stride)):
        hip, knee = (side * 0.09 * b, 0.9, 0.0), (side * 0.1 * b, 0.5, swing * 0.55 + 0.02)
        ankle = (side * 0.1 * b, 0.09, swing)
        parts.append(limb([hip, knee, ankle], [0.1 * b, 0.075, 0.055]).painted(legs))
        parts.append(ellipsoid(0.05, 0.045, 0.125).moved(ankle[0], 0.045, swing + 0.05).painted((52, 44, 40)))
        spread = np.deg2rad(arms)
        reach = np.array([side * np.sin(spread), -np.cos(spread), 0.0])
        shoulder = np.array([side * 0.19 * b, 1.43, 0.0])
        elbow = shoulder + 0.28 * reach
        wrist = elbow + 0.26 * reach + np.array([0, 0, -swing * 0.4 + 0.04])
        parts.append(limb([tuple(shoulder), tuple(elbow)], [0.062 * b, 0.05]).painted(shirt))
        parts.append(limb([tuple(elbow), tuple(wrist)], [0.046, 0.034]).painted(flesh))
        parts.append(ellipsoid(0.035, 0.06, 0.045).moved(*(wrist + 0.04 * reach)).painted(flesh))
    return parts


def _head(flesh: Rgb, hair: Rgb, *, long_hair: bool) -> list[Part]:
    """A head about 0.26 high, centred on the origin, looking to +z."""
    parts = [
        ellipsoid(0.085, 0.12, 0.1).painted(flesh),
        ellipsoid(0.07, 0.06, 0.075).moved(0, -0.07, 0.015).painted(flesh),
        ellipsoid(0.015, 0.03, 0.022, segments=8, rings=6).moved(0, -0.01, 0.105).painted(flesh),
        ellipsoid(0.094, 0.1, 0.1).moved(0, 0.04, -0.025).painted(hair),
        ellipsoid(0.03, 0.01, 0.012, segments=8, rings=6).moved(0, -0.065, 0.088).painted((164, 84, 80)),
    ]
    parts += [part.painted(flesh) for part in mirrored_pair(ellipsoid(0.012, 0.03, 0.02).moved(0.087, -0.01, 0.0))]
    if long_hair:
        parts += [part.painted(hair) for part in mirrored_pair(ellipsoid(0.04, 0.15, 0.08).moved(0.08, -0.06, -0.04))]
        parts.append(ellipsoid(0.09, 0.15, 0.05).moved(0, -0.06, -0.08).painted(hair))
    return parts + eyes(0.035, 0.015, 0.087, 0.013)


@shape(
    "bust",
    noun="bust of a person",
    skin=Choice(tuple(SKIN), dict.fromkeys(SKIN, "")),
    hair=Choice(tuple(HAIR), _HAIR_WORDS),
    long_hair=Flag("with long hair", share=0.5),
    dress=Choice(
        ("shirt", "space suit", "stone"), {"shirt": "", "space suit": "with an orange space suit", "stone": "marble"}
    ),
    shoulders=Range(0.9, 1.2, "with narrow shoulders", "with broad shoulders"),
    turn=Range(-30.0, 30.0),
)
def bust(*, skin: str, hair: str, long_hair: bool, dress: str, shoulders: float, turn: float) -> list[Part]:
    """Head and shoulders: a portrait, an astronaut, or a marble on a foot."""
    head = [part.turned("y", turn).moved(y=0.36) for part in _head(SKIN[skin], HAIR[hair], long_hair=long_hair)]
    head.append(rod((0, 0.12, -0.01), (0, 0.3, 0.0), 0.058, 0.05).painted(SKIN[skin]))
    s = shoulders
    chest = limb([(0, -0.2, 0), (0, -0.02, 0.0), (0, 0.1, 0), (0, 0.18, 0)], [0.15, 0.16, 0.13, 0.07]).scaled(
        1.25 * s, 1, 0.8
    )
    arm = limb([(0.14 * s, 0.11, 0), (0.215 * s, 0.05, 0), (0.24 * s, -0.2, 0.0)], [0.07, 0.085, 0.075])
    clothes = [chest, *mirrored_pair(arm)]
    if dress == "stone":
        stone: Rgb = (214, 208, 196)
        foot = lathe([(0, -0.5), (0.14, -0.5), (0.13, -0.44), (0.06, -0.4), (0.07, -0.28), (0.15, -0.18), (0, -0.18)])
        return [part.painted(stone) for part in (*head, *clothes, foot)]
    if dress == "shirt":
        collar = tube(
            smooth(np.array([(0.07, 0.16, 0.0), (0.0, 0.13, 0.075), (-0.07, 0.16, 0.0)]), 4), 0.018, segments=8
        )
        return [*head, *[part.painted(rgb("navy")) for part in clothes], collar.painted(rgb("white"))]
    suit = [part.painted((222, 118, 44)) for part in clothes]
    angle = np.arange(24) * (2 * np.pi / 24)
    ring = tube(np.column_stack([0.115 * np.sin(angle), np.full(24, 0.19), 0.115 * np.cos(angle)]), 0.028, closed=True)
    pack = box(0.3, 0.36, 0.12, round=0.03).moved(0, -0.18, -0.16)
    patch = box(0.09, 0.06, 0.03).moved(-0.08, 0.0, 0.115)
    return [*head, *suit, ring.painted(rgb("steel")), pack.painted(rgb("white")), patch.painted(rgb("white"))]
