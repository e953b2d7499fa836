"""What generators are asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model_workers.generators.protocol import GenerationContext


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., GenerationContext]:
    """A request about a grey picture with a mask."""

    def make(mask: NDArray[np.bool_] | None = None, **fields: Any) -> GenerationContext:
        if mask is None:
            mask = np.zeros((60, 80), bool)
            mask[15:45, 20:60] = True
        values: dict[str, Any] = {
            "image": np.full((*mask.shape, 3), 128, np.uint8),
            "mask": mask,
            "seeds": (1, 2, 3),
            "cache": tmp_path,
        } | fields
        return GenerationContext(**values)

    return make


def disc(radius: float, *, height: int = 200, width: int = 260) -> NDArray[np.bool_]:
    """A round mask in the middle of a picture."""
    y, x = np.mgrid[:height, :width]
    return np.asarray((x + 0.5 - width / 2) ** 2 + (y + 0.5 - height / 2) ** 2 < radius**2)
