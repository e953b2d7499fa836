"""Alignments to work on in a browser, of scenes whose poses are known."""

import io
from typing import Any

import numpy as np
from PIL import Image as Pillow

from engine.alignment import preparation, services
from engine.alignment.models import Alignment
from engine.contracts.cameras import Intrinsics
from engine.contracts.glb import MeshPart, write_glb
from engine.contracts.point_maps import pack_point_map
from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.lifecycle import State
from tests import factories as make
from tests.posed_scenes import CAMERA, PosedScene, posed_scene


def queue_alignment(
    scene: PosedScene | None = None,
    *,
    camera: Intrinsics = CAMERA,
    layout: Pose | None = None,
    pointless: bool = False,
    neighbour: Pose | None = None,
    **point_map: Any,
) -> Alignment:
    """An open alignment, prepared.

    Args:
        scene: a chair, unless given; `camera` took its photograph.
        layout: where the generator put the shape.
        pointless: no point of the object is known.
        neighbour: a mug of the same photograph was placed there.
        point_map: fields of the point map.
    """
    scene = scene or posed_scene("chair")
    image = make.make_image(content=_png(scene.pixels), width_px=camera.width, height_px=camera.height)
    points = np.where(scene.mask[..., None] & pointless, np.nan, scene.points_camera).astype(np.float32)
    lens = {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy}
    stored = make.make_point_map(image=image, content=pack_point_map(points), **lens, **point_map)
    target = make.make_target(
        image=image,
        mask=scene.mask,
        state=State.ALIGNING,
        category="chair",
        description="the one in the middle, turned to the window",
    )
    request = make.make_request(target=target)
    shape = make.make_candidate(request=request, content=_glb(scene), layout=to_json(layout) if layout else None)
    make.make_rated_selection(request=request, candidates=[shape, make.make_candidate(request=request)], rating=0.9)
    if neighbour:
        other = make.make_target(image=image, state=State.DONE)
        mug = make.make_candidate(request=make.make_request(target=other), content=_glb(posed_scene("mug")))
        make.make_alignment(candidate=mug, pose=neighbour, point_map=stored)
    alignment = services.open_alignment(target_id=target.id)
    preparation.prepare(work_item_id=alignment.pk)
    alignment.refresh_from_db()
    return alignment


def _glb(scene: PosedScene) -> bytes:
    positions = np.asarray(scene.vertices_object, dtype=np.float32)
    return write_glb([MeshPart(positions=positions, faces=np.asarray(scene.faces, dtype=np.uint32))])


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()
