"""Named colours of everyday materials. The names double as words in descriptions."""

from training_loop.shape_library.parts import Rgb

COLOURS: dict[str, Rgb] = {
    # ceramics and paint
    "white": (236, 234, 228),
    "cream": (232, 216, 184),
    "red": (190, 44, 40),
    "terracotta": (186, 98, 66),
    "orange": (224, 126, 38),
    "yellow": (232, 192, 52),
    "olive": (118, 124, 58),
    "green": (52, 128, 74),
    "turquoise": (52, 152, 158),
    "sky blue": (118, 172, 212),
    "blue": (44, 86, 166),
    "navy": (34, 46, 86),
    "purple": (112, 66, 138),
    "pink": (222, 140, 160),
    "brown": (112, 74, 48),
    "beige": (206, 186, 150),
    "grey": (132, 134, 136),
    "charcoal": (62, 64, 68),
    "black": (34, 34, 36),
    # glass
    "clear glass": (198, 214, 216),
    "green glass": (58, 106, 62),
    "amber glass": (126, 76, 30),
    "blue glass": (62, 104, 158),
    # wood
    "pine": (214, 178, 122),
    "oak": (178, 134, 84),
    "walnut": (104, 70, 46),
    "mahogany": (112, 50, 38),
    "birch": (222, 200, 160),
    # metal
    "steel": (176, 180, 186),
    "chrome": (206, 210, 216),
    "brass": (188, 150, 72),
    "copper": (184, 110, 72),
    "iron": (72, 72, 76),
    "gold": (206, 164, 66),
    # the rest
    "leather": (110, 68, 44),
    "rubber": (44, 44, 46),
    "soil": (70, 50, 38),
    "leaf": (66, 124, 56),
    "skin": (206, 158, 128),
    "coffee": (70, 44, 28),
    "paper": (240, 236, 222),
    "window": (70, 92, 110),
    "screen": (40, 52, 70),
}

GLAZES = ("white", "cream", "red", "terracotta", "turquoise", "blue", "navy", "green", "yellow", "black", "grey")
PAINTS = ("white", "red", "orange", "yellow", "green", "sky blue", "blue", "navy", "grey", "charcoal", "black")
FABRICS = ("cream", "beige", "red", "olive", "turquoise", "navy", "purple", "pink", "brown", "grey", "charcoal")
GLASSES = ("clear glass", "green glass", "amber glass", "blue glass")
WOODS = ("pine", "oak", "walnut", "mahogany", "birch")
METALS = ("steel", "chrome", "brass", "copper", "iron")
PLASTICS = ("white", "red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "black")


def rgb(name: str) -> Rgb:
    """Return the colour of a material by name."""
    return COLOURS[name]


def shaded(name: str, factor: float) -> Rgb:
    """Return a darker (factor < 1) or lighter (factor > 1) tone of a colour."""
    red, green, blue = (min(255, max(0, round(channel * factor))) for channel in COLOURS[name])
    return (red, green, blue)
