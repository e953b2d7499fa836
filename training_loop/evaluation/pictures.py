"""Pictures for the page of an evaluation: WebP with a transparent background, so that light and dark both fit."""

import io

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, quaternion_from_rotation
from training_loop.evaluation.meshes import Points, Surface, fitted, sample_surface
from training_loop.evaluation.nearest import distance_tree
from training_loop.evaluation.registration import Registration
from training_loop.layout_refinement import coarsened
from training_loop.rendering import render
from training_loop.silhouette import resized_camera, silhouette

SIZE_PX = 220
# Distances from here on have the last colour of the scale.
FAR = 0.1
GREY_RGB = (172, 180, 192)
# Distance 0 … FAR: blue, pale, orange, red; told apart by people who see no red or green.
SCALE = np.array([[58, 101, 190], [176, 203, 232], [245, 190, 110], [214, 88, 46], [140, 20, 30]], dtype=np.float64)

# Finer meshes are coarsened for pictures.
MAX_FACES = 60_000
_DISTANCE_POINTS = 50_000


def shape_pictures(predicted: Surface, truth: Surface | None, registration: Registration | None) -> dict[str, bytes]:
    """The truth, the prediction registered onto it, and the prediction coloured by its distance to the truth."""
    ours = fitted(predicted)
    vertices, faces = coarsened(ours.vertices, ours.faces, MAX_FACES)
    if registration is not None:
        vertices = registration.apply(vertices)
    if truth is None:
        return {"prediction": _picture(vertices, faces, None, _reach(vertices))}
    theirs = fitted(truth)
    their_vertices, their_faces = coarsened(theirs.vertices, theirs.faces, MAX_FACES)
    reach = max(_reach(vertices), _reach(their_vertices))
    cloud = sample_surface(theirs, _DISTANCE_POINTS, 0).points
    distances = distance_tree(cloud).query(vertices, workers=1)[0]
    return {
        "truth": _picture(their_vertices, their_faces, None, reach),
        "prediction": _picture(vertices, faces, None, reach),
        "distance": _picture(vertices, faces, distance_colours(distances), reach),
    }


def distance_colours(distances: Points) -> NDArray[np.uint8]:
    """(n, 3) colours of distances from 0 to FAR."""
    position = np.clip(distances / FAR, 0, 1) * (len(SCALE) - 1)
    channels = [np.interp(position, np.arange(len(SCALE)), SCALE[:, channel]) for channel in range(3)]
    return np.asarray(np.stack(channels, axis=1)).astype(np.uint8)


def silhouette_picture(predicted: Surface, truth: Surface, mask: NDArray[np.bool_] | None, camera: Intrinsics) -> bytes:
    """Where the posed prediction lies on the mask (or on the true silhouette): both, prediction alone, mask alone."""
    small = min(1.0, 480 / max(camera.width, camera.height))
    camera = resized_camera(camera, max(1, round(camera.width * small)), max(1, round(camera.height * small)))
    ours = silhouette(predicted.vertices, predicted.faces, camera)
    if mask is None:
        theirs = silhouette(truth.vertices, truth.faces, camera)
    else:
        theirs = np.asarray(Image.fromarray(mask).resize((camera.width, camera.height), Image.Resampling.NEAREST))
    picture = np.zeros((*ours.shape, 4), dtype=np.uint8)
    picture[ours & theirs] = (120, 128, 140, 255)
    picture[ours & ~theirs] = (214, 88, 46, 255)
    picture[theirs & ~ours] = (58, 101, 190, 255)
    return _webp(picture[_box_around(ours | theirs)])


def _picture(vertices: Points, faces: NDArray[np.int64], colours: NDArray[np.uint8] | None, reach: float) -> bytes:
    """A three-quarter view from above; `reach` is the radius that must be seen."""
    if colours is None:
        colours = np.broadcast_to(np.array(GREY_RGB, dtype=np.uint8), (len(vertices), 3))
    mesh = trimesh.Trimesh(vertices, faces, vertex_colors=colours, process=False)
    view = three_quarter_view()
    focal = 0.48 * SIZE_PX * np.sqrt(view.translation[2] ** 2 - reach**2) / reach
    intrinsics = Intrinsics(float(focal), float(focal), SIZE_PX / 2, SIZE_PX / 2, SIZE_PX, SIZE_PX)
    rendered = render(mesh, view, intrinsics, antialias=3)
    alpha = np.round(rendered.alpha * 255).astype(np.uint8)
    return _webp(np.concatenate([rendered.color, alpha[..., None]], axis=2))


def _reach(vertices: Points) -> float:
    return min(float(np.linalg.norm(vertices, axis=1).max()), 4.0)


def three_quarter_view() -> Pose:
    """Object Y up, seen 35° from the left of its front and 22° from above, far enough for [-1, 1]³."""
    turn, tilt = np.radians(-35.0), np.radians(22.0)
    about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    rotation = np.diag([1.0, -1.0, -1.0]) @ about_x @ about_y
    return Pose(quaternion_from_rotation(rotation), (0.0, 0.0, 5.4), (1.0, 1.0, 1.0))


def _box_around(mask: NDArray[np.bool_], margin: int = 6) -> tuple[slice, slice]:
    if not mask.any():
        return slice(None), slice(None)
    rows, columns = ndimage.find_objects(mask.astype(int))[0]
    return (
        slice(max(0, rows.start - margin), rows.stop + margin),
        slice(max(0, columns.start - margin), columns.stop + margin),
    )


def _webp(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "WEBP", quality=82, method=4)
    return buffer.getvalue()
