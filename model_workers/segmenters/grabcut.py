"""The embedded segmenter: GrabCut on a small copy of the surroundings, its edge refined at full resolution.

Clicks alone do not say how large the object is. Geodesic distances do, roughly: a pixel is taken for the object where a
path to a positive click meets less contrast than a path to a negative one or to the border of the image. GrabCut makes
this guess better by colour, twice where the size was unknown: on the whole image, then around what was found.

Sources: Rother et al., "GrabCut", 2004; geodesic matting after Bai and Sapiro, 2007; the guided filter of He et al.,
2010.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.contracts.assist import Box, Prompts
from model_workers.segmenters.protocol import SegmenterError

CUT_PIXELS = 20_000  # on so many GrabCut runs: its time grows with them
GEODESIC_PIXELS = 8_000
EDGE_PIXELS = 1_000_000  # on at most so many the edge is refined
ITERATIONS = 2
# People draw boxes tightly: the inscribed ellipse is a good first guess, and its middle nearly always the object.
BOX_GUESS = 1.1
BOX_SURE = 0.6
BOX_MARGIN = 0.15
PRIOR_MARGIN = 0.25
SEED_SHARE = 0.012  # radius of a click, as a share of the longer side of what is looked at
SMALLEST_PART = 0.02  # parts that no positive prompt touches go, unless they are this share of the largest
CORRECTION_REACH = 0.12  # how far around itself a prompt changes the prior, as a share of what is looked at
VANISHED = 3  # times the area of the clicks: GrabCut left no more than this
DECIDED = 0.5  # where one way is three times as long as the other
LARGEST_HOLE = 0.002  # holes up to this share of the object are filled

Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class _Window:
    """A rectangle of the image, in its pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def crop(self, array: NDArray) -> NDArray:  # type: ignore[type-arg]
        return array[self.top : self.bottom, self.left : self.right]


class GrabCut:
    """Segments by colour and contrast; knows nothing of objects."""

    name = "grabcut"

    def segment(self, image: Rgb, prompts: Prompts, *, prior: Mask | None) -> Mask:
        """Mark the object: see the module's text.

        Raises:
            SegmenterError: nothing says where the object is.
        """
        cv2.setRNGSeed(0)  # GrabCut groups colours by chance: the same question gets the same answer
        cv2.setNumThreads(1)  # several requests at once share the cores; threads of one would only get in the way
        if prior is not None and not prior.any():
            prior = None
        if prior is None and prompts.box is None and not _has_positive(prompts):
            raise SegmenterError("Nothing says where the object is: click on it, or draw a box around it.")
        window = _surroundings(image.shape[:2], prompts, prior)
        found = _cut(image, window, prompts, prior)
        if prior is None and prompts.box is None and found.any():
            box = _box_around(found, window)
            closer = _expanded(box, PRIOR_MARGIN, image.shape[:2])
            if closer.shape[0] * closer.shape[1] < 0.6 * found.size:
                whole = np.zeros(image.shape[:2], dtype=np.bool_)
                window.crop(whole)[...] = found
                window, found = closer, _cut(image, closer, prompts, whole, correct=False)
        mask = np.zeros(image.shape[:2], dtype=np.bool_)
        parts_may_stay = prior is not None or prompts.box is not None
        window.crop(mask)[...] = _tidy(_sharpened(window.crop(image), found), window, prompts, parts_may_stay)
        return mask


def _has_positive(prompts: Prompts) -> bool:
    return any(click.positive for click in prompts.clicks) or any(stroke.positive for stroke in prompts.strokes)


def _surroundings(shape: tuple[int, int], prompts: Prompts, prior: Mask | None) -> _Window:
    """The part of the image to look at: around box or prior with a margin, else all of it."""
    if prompts.box is not None:
        return _expanded(prompts.box, BOX_MARGIN, shape)
    if prior is None:
        return _Window(0, 0, shape[1], shape[0])
    rows, columns = np.flatnonzero(prior.any(axis=1)), np.flatnonzero(prior.any(axis=0))
    xs = [click.x for click in prompts.clicks] + [x for stroke in prompts.strokes for x, _ in stroke.points]
    ys = [click.y for click in prompts.clicks] + [y for stroke in prompts.strokes for _, y in stroke.points]
    box = Box(
        left=min(columns[0], *xs, shape[1]),
        top=min(rows[0], *ys, shape[0]),
        right=max(columns[-1] + 1, *xs, 0),
        bottom=max(rows[-1] + 1, *ys, 0),
    )
    return _expanded(box, PRIOR_MARGIN, shape)


def _expanded(box: Box, share: float, shape: tuple[int, int]) -> _Window:
    margin = share * max(box.right - box.left, box.bottom - box.top) + 8
    left, top = max(0, int(box.left - margin)), max(0, int(box.top - margin))
    right, bottom = min(shape[1], int(np.ceil(box.right + margin))), min(shape[0], int(np.ceil(box.bottom + margin)))
    if right - left < 4 or bottom - top < 4:
        raise SegmenterError("The box lies outside the photograph: draw it around the object.")
    return _Window(left, top, right, bottom)


def _box_around(found: Mask, window: _Window) -> Box:
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    return Box(
        left=float(columns[0] + window.left),
        top=float(rows[0] + window.top),
        right=float(columns[-1] + 1 + window.left),
        bottom=float(rows[-1] + 1 + window.top),
    )


def _cut(image: Rgb, window: _Window, prompts: Prompts, prior: Mask | None, *, correct: bool = True) -> Mask:
    """GrabCut on a small copy of the window; the answer has the window's size.

    With `correct` the prior stands away from the prompts, else it is a mere guess.
    """
    crop = window.crop(image)
    scale = min(1.0, float(np.sqrt(CUT_PIXELS / (crop.shape[0] * crop.shape[1]))))
    small = _resized(crop, scale)
    lab: Rgb = np.asarray(cv2.cvtColor(cv2.GaussianBlur(small, (3, 3), 0), cv2.COLOR_RGB2LAB), dtype=np.uint8)
    seeds = _seeds(small.shape[:2], window, scale, prompts)
    known = seeds
    if prior is not None:
        guess = cv2.resize(window.crop(prior).astype(np.uint8), small.shape[1::-1], interpolation=cv2.INTER_AREA) > 0
        if correct:
            known = _known_of_prior(guess, seeds)
            nearness = _nearness(lab, known)
            guess = nearness > 0
            # Colour alone decides where the ways are about equally far: a correction is meant to be followed.
            known = np.where((known == 0) & (np.abs(nearness) > DECIDED), np.sign(nearness).astype(np.int8), known)
    elif prompts.box is not None:
        guess = _ellipse(small.shape[:2], window, scale, prompts.box, BOX_GUESS)
        middle = _ellipse(small.shape[:2], window, scale, prompts.box, BOX_SURE)
        if not (middle & (seeds == -1)).any():
            known = np.where(middle & (seeds == 0), np.int8(1), seeds)
    else:
        guess = _nearest_seed(lab, seeds)
    labels = np.where(guess, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    if prompts.box is not None:
        labels[~_inside_box(small.shape[:2], window, scale, prompts.box)] = cv2.GC_BGD
    labels[known == -1] = cv2.GC_BGD
    labels[known == 1] = cv2.GC_FGD
    if not (labels & 1).any() or (labels & 1).all():  # GrabCut needs both kinds to learn from
        return _enlarged(np.asarray((labels & 1).astype(np.bool_)), crop.shape[:2])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    iterations = 1 if prompts.box else ITERATIONS  # more of them drift away from a good first guess
    cv2.grabCut(lab, labels, (0, 0, 0, 0), *models, iterations, cv2.GC_INIT_WITH_MASK)  # no rectangle: labels say all
    found = np.asarray((labels & 1).astype(np.bool_))
    if found.sum() < VANISHED * max(1, int((seeds == 1).sum())) <= guess.sum():
        found = guess  # the object has the colours of its surroundings: contrast alone says more than nothing
    return _enlarged(found, crop.shape[:2])


def _resized(crop: Rgb, scale: float) -> Rgb:
    size = max(4, round(crop.shape[1] * scale)), max(4, round(crop.shape[0] * scale))
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA))


def _enlarged(small: Mask, shape: tuple[int, ...]) -> Mask:
    grown = cv2.resize(small.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown >= 0.5)


def _seeds(shape: tuple[int, int], window: _Window, scale: float, prompts: Prompts) -> NDArray[np.int8]:
    """1 where somebody said that it is the object, -1 where not, 0 elsewhere. Later prompts count over earlier ones."""
    seeds = np.zeros(shape, dtype=np.int8)
    radius = max(1, round(SEED_SHARE * max(shape)))

    def place(x: float, y: float) -> tuple[int, int]:
        return round((x - window.left) * scale - 0.5), round((y - window.top) * scale - 0.5)

    for stroke in prompts.strokes:
        line = np.array([place(x, y) for x, y in stroke.points], dtype=np.int32)
        width = max(1, round(2 * stroke.radius * scale))
        cv2.polylines(seeds, [line], False, 1 if stroke.positive else -1, width)
    for click in prompts.clicks:
        cv2.circle(seeds, place(click.x, click.y), radius, 1 if click.positive else -1, cv2.FILLED)
    return seeds


def _inside_box(shape: tuple[int, int], window: _Window, scale: float, box: Box) -> Mask:
    inside = np.zeros(shape, dtype=np.bool_)
    left, top = int((box.left - window.left) * scale), int((box.top - window.top) * scale)
    right, bottom = np.ceil((box.right - window.left) * scale), np.ceil((box.bottom - window.top) * scale)
    inside[max(0, top) : int(bottom), max(0, left) : int(right)] = True
    return inside


def _ellipse(shape: tuple[int, int], window: _Window, scale: float, box: Box, size: float) -> Mask:
    """The ellipse that the box encloses, `size` times as large."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    x, y = ((box.left + box.right) / 2 - window.left) * scale, ((box.top + box.bottom) / 2 - window.top) * scale
    half_width, half_height = (box.right - box.left) / 2 * scale * size, (box.bottom - box.top) / 2 * scale * size
    return np.asarray(((columns + 0.5 - x) / half_width) ** 2 + ((rows + 0.5 - y) / half_height) ** 2 <= 1.0)


def _nearest_seed(lab: Rgb, seeds: NDArray[np.int8]) -> Mask:
    """Where less contrast lies on the way to a positive seed than to a negative one or to the border."""
    border = seeds.copy()
    edge = np.ones(seeds.shape, dtype=np.bool_)
    edge[1:-1, 1:-1] = False
    border[edge & (seeds == 0)] = -1
    return np.asarray(_nearness(lab, border) > 0)


def _known_of_prior(guess: Mask, seeds: NDArray[np.int8]) -> NDArray[np.int8]:
    """Seeds with the prior as further ones, except around the seeds that contradict it and on its edge."""
    wrong = ((seeds == 1) & ~guess) | ((seeds == -1) & guess)
    if not wrong.any():
        wrong = seeds != 0
    distance = cv2.distanceTransform((~wrong).astype(np.uint8), cv2.DIST_L2, 3)
    open_to_change = distance < CORRECTION_REACH * max(seeds.shape)
    grid = np.ones((3, 3), np.uint8)
    edge = (cv2.dilate(guess.astype(np.uint8), grid) != cv2.erode(guess.astype(np.uint8), grid)) & (
        distance < 2 * CORRECTION_REACH * max(seeds.shape)
    )
    known = np.where(guess, 1, -1).astype(np.int8)
    known[open_to_change | edge] = 0
    known[seeds != 0] = seeds[seeds != 0]
    return np.asarray(known)


def _nearness(lab: Rgb, seeds: NDArray[np.int8]) -> NDArray[np.float32]:
    """From 1 at positive seeds to -1 at negative ones: how much less contrast lies on the way to the former."""
    from skimage.graph import MCP_Geometric

    scale = min(1.0, float(np.sqrt(GEODESIC_PIXELS / seeds.size)))
    small = _resized(lab, scale).astype(np.float32)
    gradient = sum(
        np.hypot(cv2.Sobel(band, cv2.CV_32F, 1, 0), cv2.Sobel(band, cv2.CV_32F, 0, 1)) for band in cv2.split(small)
    )
    cost = 0.02 + gradient / 255.0
    rows, columns = np.nonzero(seeds)
    small_rows = np.minimum((rows * scale).astype(int), small.shape[0] - 1)
    small_columns = np.minimum((columns * scale).astype(int), small.shape[1] - 1)
    signs = seeds[rows, columns]
    distances = []
    for sign in (1, -1):
        chosen = signs == sign
        if not chosen.any():
            return np.full(seeds.shape, -sign, dtype=np.float32)
        starts = sorted({(int(r), int(c)) for r, c in zip(small_rows[chosen], small_columns[chosen], strict=True)})
        distances.append(MCP_Geometric(cost).find_costs(starts)[0])
    positive, negative = distances
    nearness = ((negative - positive) / (negative + positive + 1e-6)).astype(np.float32)
    return np.asarray(cv2.resize(nearness, seeds.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _sharpened(crop: Rgb, mask: Mask) -> Mask:
    """Let the edge of a mask follow the edges of the image: a guided filter, as wide as GrabCut's pixels were."""
    height, width = mask.shape
    coarse = float(np.sqrt(max(1.0, height * width / CUT_PIXELS)))
    if coarse < 1.3 or not mask.any():
        return mask
    scale = min(1.0, float(np.sqrt(EDGE_PIXELS / (height * width))))
    guide = cv2.cvtColor(crop if scale == 1 else _resized(crop, scale), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    soft = np.asarray(cv2.resize(mask.astype(np.float32), guide.shape[::-1], interpolation=cv2.INTER_AREA))
    side = 2 * max(1, round(1.5 * coarse * scale)) + 1

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(cv2.boxFilter(values, -1, (side, side)))

    mean_guide, mean_soft = mean(guide), mean(soft)
    slope = (mean(guide * soft) - mean_guide * mean_soft) / (mean(guide * guide) - mean_guide**2 + 1e-4)
    offset = mean_soft - slope * mean_guide
    refined = mean(slope) * guide + mean(offset)
    return _enlarged_soft(np.asarray(refined), (height, width))


def _enlarged_soft(values: NDArray[np.float32], shape: tuple[int, int]) -> Mask:
    if values.shape != shape:
        values = np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR))
    return np.asarray(values >= 0.5)


def _tidy(mask: Mask, window: _Window, prompts: Prompts, parts_may_stay: bool) -> Mask:
    """Keep the parts that prompts touch, and large ones where they may stay; fill pinholes."""
    seeds = _seeds(mask.shape, window, 1.0, prompts)
    parts, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if parts > 2:
        areas = stats[:, cv2.CC_STAT_AREA].copy()
        areas[0] = 0
        touched = np.unique(labels[seeds == 1])
        keep = areas >= SMALLEST_PART * areas.max()
        if not parts_may_stay and (touched > 0).any():
            keep[:] = False
        keep[touched] = True
        keep[0] = False
        mask = np.asarray(keep[labels])
    holes, hole_labels, hole_stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = hole_stats[:, cv2.CC_STAT_AREA] <= LARGEST_HOLE * max(1, int(mask.sum()))
    small[0] = False
    small[np.unique(hole_labels[seeds == -1])] = False
    tidy = np.asarray(mask | small[hole_labels]) if holes > 1 else mask.copy()
    tidy[seeds == 1] = True  # what somebody said stands
    tidy[seeds == -1] = False
    return tidy
