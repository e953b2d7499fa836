"""Shapes packed for the way to the browser, by Draco: a thirtieth of the bytes, which people wait for.

Positions are rounded to the 16,384th part of the shape's longest side: less than a pixel of any screen. What is packed
is shown and nothing else; data keep the original.
"""

import numpy as np

from engine.contracts.glb import MeshPart, pack_glb

EXTENSION = "KHR_draco_mesh_compression"
# Below, the file is small as it is, and needs no decoder.
PACKED_FROM_FACES = 20_000
POSITION_BITS = 14
# Of 10: higher levels save a tenth and take twice as long.
COMPRESSION_LEVEL = 7

_FLOAT, _UNSIGNED_INT = 5126, 5125


class NotPacked(ValueError):
    """Draco does not take this shape."""


def can_be_packed(parts: list[MeshPart]) -> bool:
    """Whether it is a bare shape in one piece that is large enough to gain by it."""
    if len(parts) != 1 or parts[0].colors is not None or parts[0].texture_png is not None:
        return False
    return len(parts[0].faces) >= PACKED_FROM_FACES


def packed_glb(part: MeshPart) -> bytes:
    """A GLB with the part's triangles, packed.

    Vertices come in another order, those where the surface meets itself are split, triangles without area are gone.

    Raises:
        NotPacked: nothing would be left, or Draco refuses it otherwise.
    """
    import DracoPy

    try:
        stream = DracoPy.encode(
            np.asarray(part.positions, "<f4"),
            np.asarray(part.faces, "<u4"),
            quantization_bits=POSITION_BITS,
            compression_level=COMPRESSION_LEVEL,
        )
    except DracoPy.EncodingFailedException as failure:
        raise NotPacked(str(failure)) from failure
    # What glTF wants to be told in the open is what a reader will find.
    found = DracoPy.decode(stream)
    points, face_count = np.asarray(found.points, np.float32), len(found.faces)
    document = {
        "asset": {"version": "2.0", "generator": "Lathe"},
        "extensionsUsed": [EXTENSION],
        "extensionsRequired": [EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [
            {
                "primitives": [
                    {
                        "attributes": {"POSITION": 0},
                        "indices": 1,
                        "mode": 4,
                        "extensions": {EXTENSION: {"bufferView": 0, "attributes": {"POSITION": 0}}},
                    }
                ]
            }
        ],
        "accessors": [
            {
                "componentType": _FLOAT,
                "type": "VEC3",
                "count": len(points),
                "min": points.min(axis=0).tolist(),
                "max": points.max(axis=0).tolist(),
            },
            {"componentType": _UNSIGNED_INT, "type": "SCALAR", "count": 3 * face_count},
        ],
        "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": len(stream)}],
        "buffers": [{"byteLength": len(stream)}],
    }
    return pack_glb(document, stream)
