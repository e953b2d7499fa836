"""Selections to work on in a browser: a real photograph, and candidates of the shape library as real GLBs."""

import io
from functools import cache

import numpy as np
import skimage.data
import trimesh
from numpy.typing import NDArray
from PIL import Image as Pillow

from engine.contracts.glb import MeshPart, fit_to_unit_cube, write_glb
from engine.contracts.masks import encode_mask
from engine.contracts.splats import MEDIA_TYPE as SPLAT_MEDIA_TYPE
from engine.contracts.splats import write_splat
from engine.generation.models import Collection
from engine.lifecycle import State
from engine.selection import services
from engine.selection.models import Selection
from engine.sourcing.models import Image
from tests import factories as make
from tests.splats import some_splat
from training_loop.shape_library import build_shape

GENERATORS = ("sam3d", "retrieval", "text_to_3d", "image_to_3d")
MODEL_VERSION_ID = "5ca1ab1e-0000-4000-8000-000000000001"
CATEGORIES = ("mug", "vase", "bowl", "bottle")


@cache
def photograph_png() -> bytes:
    """A cup of coffee, 600×400."""
    file = io.BytesIO()
    Pillow.fromarray(skimage.data.coffee()).save(file, format="PNG")
    return file.getvalue()


@cache
def preview_png() -> bytes:
    """The same at 510×340."""
    file = io.BytesIO()
    Pillow.fromarray(skimage.data.coffee()).resize((510, 340)).save(file, format="PNG")
    return file.getvalue()


@cache
def cup_mask() -> NDArray[np.bool_]:
    """About where the cup is."""
    rows, columns = np.mgrid[:400, :600]
    return ((columns - 300) / 165) ** 2 + ((rows - 185) / 165) ** 2 < 1


@cache
def shape_glb(number: int) -> bytes:
    """A candidate."""
    mesh = build_shape(CATEGORIES[number % len(CATEGORIES)], seed=number).mesh
    return write_glb([MeshPart(positions=mesh.vertices, faces=mesh.faces)])


@cache
def dense_glb(number: int) -> bytes:
    """A candidate of 81,920 faces, which is packed on its way to people."""
    ball = trimesh.creation.icosphere(subdivisions=6, radius=0.5)
    dented = ball.vertices * (0.8 + 0.2 * np.sin((6 + number) * ball.vertices[:, :1]))
    return write_glb(fit_to_unit_cube([MeshPart(positions=dented, faces=ball.faces)]))


def register_photograph() -> Image:
    """The photograph, stored."""
    return make.make_image(content=photograph_png(), width_px=600, height_px=400)


def striped_glb(shade: int) -> bytes:
    """The first shape again, in stripes of a colour."""
    mesh = build_shape(CATEGORIES[0], seed=0).mesh
    vertices = np.asarray(mesh.vertices)
    stripes = (np.floor(vertices[:, 1] * 12) % 2)[:, None] == 0
    colors = np.where(stripes, ((40, 90, 200), (210, 60, 40), (60, 160, 70))[shade % 3], (235, 230, 215))
    return write_glb([MeshPart(positions=vertices, faces=mesh.faces, colors=colors.astype(np.uint8))])


def queue_textures(*, splats: bool = False) -> Selection:
    """A choice among three textures of one shape; with `splats` each comes as a Gaussian splat, too."""
    image = register_photograph()
    collection = Collection.objects.first() or make.make_collection(alpha=0.6)
    mask = encode_mask(cup_mask())
    target = make.make_target(
        image=image, state=State.SELECTING, mask_counts=list(mask.counts), mask_area_px=mask.area_px
    )
    shape = make.make_candidate(request=make.make_request(target=target, collection=collection))
    request = make.make_request(
        target=target, collection=collection, modality="texture", shape=shape, shape_pose={}, shape_intrinsics={}
    )
    for number in range(3):
        colour = ((0.2, 0.4, 0.8), (0.8, 0.2, 0.2), (0.2, 0.6, 0.3))[number]
        splat = write_splat(some_splat(4_000, seed=number, colour=colour))
        make.make_candidate(
            request=request,
            generator=GENERATORS[number],
            content=striped_glb(number),
            splat=make.make_blob(splat, media_type=SPLAT_MEDIA_TYPE) if splats else None,
        )
    return services.open_selection(target_id=target.id)


def queue_selections(
    count: int, *, candidates: int = 3, alpha: float = 0.6, broken: bool = False, dense: bool = False
) -> list[Selection]:
    """Open selections on one photograph; `broken`: the first candidate of each is no mesh; `dense`: many faces."""
    image = register_photograph()
    collection = Collection.objects.first() or make.make_collection(alpha=alpha)
    mask = encode_mask(cup_mask())
    selections = []
    for _ in range(count):
        target = make.make_target(
            image=image,
            state=State.SELECTING,
            mask_counts=list(mask.counts),
            mask_area_px=mask.area_px,
            description="a white cup with a handle, full of coffee, on a saucer",
        )
        request = make.make_request(target=target, collection=collection)
        for number in range(candidates):
            shape = dense_glb(number) if dense else shape_glb(number)
            content = b"no mesh at all" if broken and number == 0 else shape
            make.make_candidate(
                request=request,
                generator=GENERATORS[number % 4],
                content=content,
                seed=9_000_000_000_000 + make.next_number(),
                model_version_id=MODEL_VERSION_ID,
            )
        selections.append(services.open_selection(target_id=target.id))
    return selections
