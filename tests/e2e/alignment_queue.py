"""Alignments to work on in a browser, of scenes whose poses are known."""

import io
from typing import Any

import numpy as np
import trimesh
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
    category: str = "chair",
    **point_map: Any,
) -> Alignment:
    """An open alignment, prepared.

    Args:
        scene: a chair, unless given; `camera` took its photograph.
        layout: where the generator put the shape.
        pointless: no point of the object is known.
        neighbour: a mug of the same photograph was placed there.
        category: what the object is said to be.
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
        category=category,
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


def queue_large_alignment() -> Alignment:
    """A ball of 100,000 faces before a wall that fills 640 × 480 pixels: 300,000 points are sent."""
    camera = Intrinsics(fx=600.0, fy=600.0, cx=320.0, cy=240.0, width=640, height=480)
    distance, radius, wall = 2.0, 0.4, 2.8
    ball = trimesh.creation.uv_sphere(radius=0.5, count=[159, 159])
    u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(u)], axis=-1)
    along, squared = rays[..., 2] * distance, (rays**2).sum(axis=-1)
    inside = along**2 - squared * (distance**2 - radius**2)
    depth = np.where(inside > 0, (along - np.sqrt(np.maximum(inside, 0))) / squared, wall)
    scene = PosedScene(
        vertices_object=np.asarray(ball.vertices),
        faces=np.asarray(ball.faces),
        pose=Pose((0.0, 1.0, 0.0, 0.0), (0.0, 0.0, distance), (2 * radius,) * 3),
        mask=inside > 0,
        points_camera=(rays * depth[..., None]).astype(np.float32),
        pixels=np.repeat((90 * depth).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2),
        up=(0.0, -1.0, 0.0),
        ground_offset=0.0,
    )
    return queue_alignment(scene, camera=camera)


def _glb(scene: PosedScene) -> bytes:
    positions = np.asarray(scene.vertices_object, dtype=np.float32)
    return write_glb([MeshPart(positions=positions, faces=np.asarray(scene.faces, dtype=np.uint32))])


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()
