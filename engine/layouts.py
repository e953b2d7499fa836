"""Poses (R, t, s) as people send them: over HTTP, checked before they are kept."""

from typing import Any

from rest_framework import serializers

from engine.contracts.cameras import Intrinsics
from engine.contracts.poses import Pose, PoseError
from engine.errors import Unprocessable

MIN_SIZE_PX = 1.0


class InvalidPose(Unprocessable):
    """The pose does not put an object in front of the camera."""

    code = "invalid_pose"


class PoseSerializer(serializers.Serializer[Pose]):
    """x_camera = R · (s * x_object) + t. Camera: x right, y down, z forward. Object: Y up, in [-0.5, 0.5]³."""

    rotation_wxyz = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)
    translation = serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3)
    scale = serializers.ListField(child=serializers.FloatField(), min_length=3, max_length=3)


def parse_pose(values: dict[str, Any], *, intrinsics: Intrinsics) -> Pose:
    """Return the pose, if it places an object where the camera can see it.

    Raises:
        InvalidPose: not finite, no unit quaternion, no positive scale, centre behind the camera, or under one pixel.
    """
    try:
        pose = Pose(
            rotation_wxyz=tuple(values["rotation_wxyz"]),
            translation=tuple(values["translation"]),
            scale=tuple(values["scale"]),
        )
    except PoseError as error:
        raise InvalidPose(f"The pose cannot be used: {error}.", what_to_do="Send a rigid pose.") from error
    depth = pose.translation[2]
    if depth <= 0:
        raise InvalidPose(
            f"The object's centre lies behind the camera: z = {depth:.6g}.",
            what_to_do="Move it forward: z grows away from the camera.",
            depth=depth,
        )
    size_px = max(pose.scale) * max(intrinsics.fx, intrinsics.fy) / depth
    if size_px < MIN_SIZE_PX:
        raise InvalidPose(
            f"The object covers {size_px:.3g} pixels: scale {max(pose.scale):.6g} at distance {depth:.6g}.",
            what_to_do="Scale it up or bring it nearer.",
            size_px=size_px,
        )
    return pose
