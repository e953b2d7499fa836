"""What recognisers and grounders are. A third party's package adds one by an entry point:

    [project.entry-points."lathe.recognisers"]
    my_recogniser = "my_package.module:MyRecogniser"

    [project.entry-points."lathe.grounders"]
    my_grounder = "my_package.module:MyGrounder"

`LATHE_RECOGNISER` and `LATHE_GROUNDER` of the worker name the ones to use. Calling the object without arguments makes
it, once per process.

Source: paper A.1 (visual-language models for object recognition, a referral segmentation model for each description).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.contracts.assist import Box


class RecognitionError(RuntimeError):
    """The photograph could not be looked at; the message says why and what to do."""


@dataclass(frozen=True)
class Named:
    """A salient object in words; `box` in pixels of the picture, where the recogniser says one."""

    category: str
    description: str = ""
    box: Box | None = None


class Recogniser(Protocol):
    """Names what stands out."""

    name: str

    def recognise(self, image: NDArray[np.uint8]) -> list[Named]:
        """Return the salient objects of an (H, W, 3) RGB picture, the most salient first; none for mere background.

        Raises:
            RecognitionError: it could not be looked at.
        """


class Grounder(Protocol):
    """Marks what words mean (referral segmentation)."""

    name: str

    def ground(self, image: NDArray[np.uint8], named: Named) -> NDArray[np.bool_] | None:
        """Return the (H, W) mask of one object in an (H, W, 3) RGB picture; None where it is not found.

        Raises:
            RecognitionError: it could not be looked at.
        """
