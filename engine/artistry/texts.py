"""The guidelines that artists read."""

from pathlib import Path

from engine.selection.texts import Text, read_text

GUIDELINE_VERSION = "v1"


def guidelines() -> Text:
    """How to model a hard case."""
    return read_text(Path(__file__).parent / "guidelines", GUIDELINE_VERSION)
