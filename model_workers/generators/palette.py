"""Paints a given shape in few even colours: those that words name, or the main ones of the photograph.

It makes textures alone. Where a photograph is too dark, small or hidden to be laid on a shape, clean colours in about
the right places are closer to the object. Source: paper A.2 (a suite of texture models for a fixed shape).
"""

from collections.abc import Iterator

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from model_workers.generators.projection import BANDS, cut_finer, painted, project_photograph
from model_workers.generators.protocol import GenerationContext, GeneratorError, PosedShape, Proposal
from model_workers.generators.wording import tokens
from training_loop.shape_library.materials import COLOURS

MOST_COLOURS = 4
MOST_SAMPLES = 4000
MOST_PIECES = 60  # more pieces are crumbs rather than parts


class Palette:
    """Even colours by piece or by height. Seeds go through the number of colours and the way they are laid out."""

    uses_checkpoint = False

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        """Refuse.

        Raises:
            GeneratorError: always; there is no shape to paint.
        """
        raise GeneratorError("palette paints shapes and makes none; name it in the texture suite instead")

    def texture(self, context: GenerationContext, shape: PosedShape) -> Iterator[Proposal]:
        """Yield the shape in one arrangement of colours per seed."""
        mesh = cut_finer(shape.mesh)
        projection = project_photograph(mesh, shape.pose, shape.intrinsics, image=context.image, mask=context.mask)
        named = colours_named_in(context.description)
        for number, seed in enumerate(context.seeds):
            count = 2 + number % (MOST_COLOURS - 1)
            palette = main_colours(context.image[context.mask], count=count, seed=seed)
            by_words = len(named) >= 2 and number % 2 == 1
            if by_words:
                palette = np.asarray(named[:count], dtype=np.float64)
            labels = _nearest(projection.colors, palette)
            places = _pieces(mesh) if number % 2 == 0 else _bands(mesh)
            chosen = _by_majority(places, labels, projection.seen, count=len(palette))
            yield Proposal(
                seed=seed,
                mesh=painted(mesh, palette[chosen[places]]),
                parameters={
                    "colours": len(palette),
                    "from": "words" if by_words else "photograph",
                    "laid_out": "by piece" if number % 2 == 0 else "by height",
                },
            )


def colours_named_in(text: str) -> list[tuple[int, int, int]]:
    """The library's colours that a text names, in its order."""
    return [COLOURS[word] for word in dict.fromkeys(tokens(text)) if word in COLOURS]


def main_colours(pixels: NDArray[np.uint8], *, count: int, seed: int) -> NDArray[np.float64]:
    """The (count, 3) means of clusters of (n, 3) colours, the largest first."""
    random = np.random.default_rng(seed)
    sample = pixels[random.choice(len(pixels), min(MOST_SAMPLES, len(pixels)), replace=False)].astype(np.float64)
    count = min(count, len(np.unique(sample, axis=0)))
    if count == 1:
        return np.asarray(sample[:1])
    means, labels = kmeans2(sample, count, minit="++", rng=random)
    return np.asarray(means[np.argsort(-np.bincount(labels, minlength=count))])


def _nearest(colors: NDArray[np.float64], palette: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.linalg.norm(colors[:, None] - palette[None], axis=2).argmin(axis=1))


def _pieces(mesh: trimesh.Trimesh) -> NDArray[np.int64]:
    """Which piece each vertex belongs to; a shape in one piece, or in crumbs, is told apart by height."""
    labels = np.asarray(trimesh.graph.connected_component_labels(mesh.edges, node_count=len(mesh.vertices)), np.int64)
    return labels if 1 < labels.max() + 1 <= MOST_PIECES else _bands(mesh)


def _bands(mesh: trimesh.Trimesh) -> NDArray[np.int64]:
    height = np.asarray(mesh.vertices)[:, 1]
    share = (height - height.min()) / max(float(np.ptp(height)), 1e-9)
    return np.asarray(np.clip((share * BANDS).astype(np.int64), 0, BANDS - 1))


def _by_majority(
    places: NDArray[np.int64], labels: NDArray[np.int64], seen: NDArray[np.bool_], *, count: int
) -> NDArray[np.int64]:
    """For each place the colour that most of its seen vertices have; where none is seen, that of the next place."""
    place_count = int(places.max()) + 1
    votes = np.bincount(places[seen] * count + labels[seen], minlength=place_count * count).reshape(-1, count)
    known = np.flatnonzero(votes.sum(axis=1))
    if not known.size:
        return np.zeros(place_count, np.int64)
    next_known = known[np.abs(np.arange(place_count)[:, None] - known[None]).argmin(axis=1)]
    return np.asarray(votes.argmax(axis=1)[next_known])
