"""The canonical GLB: the only form in which a mesh is stored, served and trained on.

One node, one mesh, a primitive per material; positions, indices, and either colours or one base colour texture. It
carries no names, extras, cameras, animations or generator strings, so that two candidates differ in nothing but
their shape and colour. Object frame: right-handed, Y up, fitted to [-0.5, 0.5]³.
"""

import io
import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEDIA_TYPE = "model/gltf-binary"
LARGEST_TEXTURE_PX = 4096

_ASSET = {"version": "2.0", "generator": "Lathe"}
_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_FLOAT, _UNSIGNED_INT, _UNSIGNED_SHORT = 5126, 5125, 5123
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_COLUMNS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_DTYPES: dict[int, np.dtype[Any]] = {
    _FLOAT: np.dtype("<f4"),
    _UNSIGNED_INT: np.dtype("<u4"),
    _UNSIGNED_SHORT: np.dtype("<u2"),
}
_FIT_TOLERANCE = 1e-3


class GlbRefused(ValueError):
    """The bytes are not a canonical GLB; the message says what is wrong."""


@dataclass(frozen=True)
class MeshPart:
    """Triangles of one material. `positions` (n, 3) float, `faces` (m, 3) int.

    Then at most one of `colors` (n, 3) uint8 sRGB, or `uv` (n, 2) with `texture_png`. `base_color` (sRGB) is used where
    there is neither.
    """

    positions: NDArray[np.floating[Any]]
    faces: NDArray[np.integer[Any]]
    colors: NDArray[np.uint8] | None = None
    uv: NDArray[np.floating[Any]] | None = None
    texture_png: bytes | None = None
    base_color: tuple[int, int, int] = (190, 190, 190)


@dataclass(frozen=True)
class MeshSummary:
    """What a mesh consists of."""

    vertex_count: int
    face_count: int
    watertight: bool


def write_glb(parts: list[MeshPart]) -> bytes:
    """Write parts as a canonical GLB; the caller has fitted them to [-0.5, 0.5]³ (`fit_to_unit_cube`)."""
    writer = _Writer()
    primitives: list[dict[str, Any]] = []
    materials: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for part in parts:
        attributes = {"POSITION": writer.positions(part.positions)}
        pbr: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.9}
        if part.uv is not None and part.texture_png is not None:
            attributes["TEXCOORD_0"] = writer.accessor(np.asarray(part.uv, "<f4"), _FLOAT, "VEC2")
            pbr["baseColorTexture"] = {"index": len(images)}
            images.append({"bufferView": writer.view(part.texture_png), "mimeType": "image/png"})
        elif part.colors is not None:
            linear = np.round(linear_from_srgb(part.colors) * 65535).astype("<u2")
            opaque = np.concatenate([linear, np.full((len(linear), 1), 65535, "<u2")], axis=1)
            attributes["COLOR_0"] = writer.accessor(opaque, _UNSIGNED_SHORT, "VEC4", normalized=True)
        else:
            color = linear_from_srgb(np.asarray(part.base_color, dtype=np.uint8))
            pbr["baseColorFactor"] = [round(float(channel), 5) for channel in color] + [1.0]
        indices = writer.accessor(
            np.asarray(part.faces, "<u4").reshape(-1), _UNSIGNED_INT, "SCALAR", target=_ELEMENT_ARRAY_BUFFER
        )
        primitives.append({"attributes": attributes, "indices": indices, "material": len(materials), "mode": 4})
        materials.append({"pbrMetallicRoughness": pbr, "doubleSided": True})
    document: dict[str, Any] = {
        "asset": _ASSET,
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": primitives}],
        "materials": materials,
        "accessors": writer.accessors,
        "bufferViews": writer.views,
        "buffers": [{"byteLength": writer.length}],
    }
    if images:
        document |= {"images": images, "textures": [{"source": index} for index in range(len(images))]}
    return pack_glb(document, writer.content())


def read_glb(data: bytes) -> list[MeshPart]:
    """Read a canonical GLB, strictly: nothing is decoded but plain arrays, so that foreign bytes do no harm.

    Raises:
        GlbRefused: anything that `write_glb` would not have written.
    """
    document, binary = unpack_glb(data)
    try:
        return _read(document, binary)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, GlbRefused):
            raise
        raise GlbRefused(f"the glTF structure is broken ({type(error).__name__}: {error})") from error


def triangles(parts: list[MeshPart]) -> tuple[NDArray[np.floating[Any]], NDArray[np.integer[Any]]]:
    """Join the parts to (n, 3) vertices in the object frame and (m, 3) faces; colours are left behind."""
    starts = np.cumsum([0, *(len(part.positions) for part in parts[:-1])])
    faces = [np.asarray(part.faces, np.int64) + start for part, start in zip(parts, starts, strict=True)]
    return np.concatenate([part.positions for part in parts]), np.concatenate(faces)


def summarise(parts: list[MeshPart]) -> MeshSummary:
    """Count vertices and faces; watertight means that every edge of the merged surface has exactly two faces' sides."""
    positions, faces = triangles(parts)
    _, merged = np.unique(np.round(positions / 1e-6).astype(np.int64), axis=0, return_inverse=True)
    corners = merged.reshape(-1)[faces]
    edges = np.sort(corners[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges = edges[edges[:, 0] != edges[:, 1]]
    _, uses = np.unique(edges[:, 0] * (int(merged.max()) + 1) + edges[:, 1], return_counts=True)
    # Closed parts that touch share edges four times: even is closed.
    return MeshSummary(len(positions), len(faces), bool(uses.size and (uses % 2 == 0).all()))


def check_canonical(data: bytes, *, max_bytes: int, max_faces: int) -> MeshSummary:
    """Check that `data` is a canonical GLB within limits, and count what it holds.

    Raises:
        GlbRefused: with the reason.
    """
    if len(data) > max_bytes:
        raise GlbRefused(f"the mesh has {len(data)} bytes, at most {max_bytes} are allowed")
    parts = read_glb(data)
    face_count = sum(len(part.faces) for part in parts)
    if face_count > max_faces:
        raise GlbRefused(f"the mesh has {face_count} faces, at most {max_faces} are allowed")
    reach = max(float(np.abs(part.positions).max()) for part in parts)
    if reach > 0.5 + _FIT_TOLERANCE:
        raise GlbRefused(f"the mesh reaches to {reach:.3f}; a canonical mesh is fitted to [-0.5, 0.5]³")
    return summarise(parts)


def same_surface(a: list[MeshPart], b: list[MeshPart]) -> bool:
    """Whether two fitted meshes are the same surface, however it is cut into triangles, parts and textures.

    Compared are area, centroid and second moments of the area. Reducing a mesh changes them by less than is tolerated.
    """
    return bool(np.allclose(_area_moments(a), _area_moments(b), rtol=0.02, atol=0.005))


def fit_to_unit_cube(parts: list[MeshPart]) -> list[MeshPart]:
    """Centre the common bounding box and scale its longest side to 1; the orientation stays.

    Raises:
        GlbRefused: the mesh has no faces, NaN or infinite vertices, or no extent.
    """
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise GlbRefused("the mesh has no faces")
    positions = np.concatenate([np.asarray(part.positions, np.float64) for part in parts])
    if not np.isfinite(positions).all():
        raise GlbRefused("the mesh has NaN or infinite vertices")
    low, high = positions.min(axis=0), positions.max(axis=0)
    extent = float((high - low).max())
    if not np.isfinite(extent) or extent <= 1e-12:
        raise GlbRefused("the mesh has no extent: all its vertices are at one point")
    centre = (low + high) / 2
    return [
        MeshPart(
            positions=(np.asarray(part.positions, np.float64) - centre) / extent,
            faces=part.faces,
            colors=part.colors,
            uv=part.uv,
            texture_png=part.texture_png,
            base_color=part.base_color,
        )
        for part in parts
    ]


def linear_from_srgb(color: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Colours of a photograph (sRGB bytes) as the linear values in [0, 1] that glTF wants."""
    value = color.astype(np.float64) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(color: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """The inverse of `linear_from_srgb`."""
    value = np.clip(color, 0, 1)
    srgb: NDArray[np.floating[Any]] = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255).astype(np.uint8)


def pack_glb(document: dict[str, Any], binary: bytes) -> bytes:
    """Join the JSON document and the binary chunk."""
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    total = 12 + 8 + len(text) + 8 + len(binary)
    return b"".join(
        [
            struct.pack("<III", _MAGIC, 2, total),
            struct.pack("<II", len(text), _JSON) + text,
            struct.pack("<II", len(binary), _BIN) + binary,
        ]
    )


def unpack_glb(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """Split a GLB into its JSON document and its binary chunk.

    Raises:
        GlbRefused: not a GLB of version 2, or cut short.
    """
    if len(data) < 20 or struct.unpack_from("<I", data)[0] != _MAGIC:
        raise GlbRefused("the file is not a GLB (binary glTF)")
    _, version, total = struct.unpack_from("<III", data)
    length, kind = struct.unpack_from("<II", data, 12)
    if version != 2 or kind != _JSON:
        raise GlbRefused("the file is not a GLB of glTF version 2")
    if total > len(data) or 20 + length > total:
        raise GlbRefused(f"the GLB is cut short: it says {total} bytes and has {len(data)}")
    try:
        document = json.loads(data[20 : 20 + length])
    except (ValueError, RecursionError) as error:
        raise GlbRefused(f"the glTF document is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise GlbRefused("the glTF document is not a JSON object")
    start = 20 + length
    if total < start + 8:
        return document, memoryview(b"")
    size, kind = struct.unpack_from("<II", data, start)
    if kind != _BIN or start + 8 + size > total:
        raise GlbRefused("the binary chunk of the GLB is broken or cut short")
    return document, memoryview(data)[start + 8 : start + 8 + size]


def _area_moments(parts: list[MeshPart]) -> NDArray[np.float64]:
    """Area, centroid (3) and second moments about it (6) of the surface, each triangle taken at its edges' middles."""
    corners = np.concatenate([np.asarray(part.positions, np.float64)[part.faces] for part in parts])
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    total = max(float(areas.sum()), 1e-12)
    middles = (corners + np.roll(corners, 1, axis=1)) / 2  # exact for polynomials of the second degree
    weights = np.repeat(areas / (3 * total), 3)
    points = middles.reshape(-1, 3)
    centroid = weights @ points
    spread = (points - centroid).T @ ((points - centroid) * weights[:, None])
    return np.concatenate([[total], centroid, spread[np.triu_indices(3)]])


def _read(document: dict[str, Any], binary: memoryview) -> list[MeshPart]:
    if document.get("asset") != _ASSET:
        raise GlbRefused("the mesh was not written in the canonical form (its asset differs)")
    allowed = {"asset", "scene", "scenes", "nodes", "meshes", "materials", "accessors", "bufferViews", "buffers"}
    if unknown := sorted(set(document) - allowed - {"images", "textures"}):
        raise GlbRefused(f"a canonical mesh has no {', '.join(unknown)}")
    meshes = document["meshes"]
    if document["nodes"] != [{"mesh": 0}] or len(meshes) != 1 or set(meshes[0]) != {"primitives"}:
        raise GlbRefused("a canonical mesh has one nameless node with one nameless mesh")
    if any(set(buffer) != {"byteLength"} for buffer in document["buffers"]):
        raise GlbRefused("a canonical mesh keeps its data in the file")
    parts = [_read_primitive(document, binary, primitive) for primitive in meshes[0]["primitives"]]
    if not parts:
        raise GlbRefused("the mesh has no faces")
    return parts


def _read_primitive(document: dict[str, Any], binary: memoryview, primitive: dict[str, Any]) -> MeshPart:
    attributes = primitive["attributes"]
    if set(primitive) - {"attributes", "indices", "material", "mode"} or primitive["mode"] != 4:
        raise GlbRefused("a canonical mesh is made of plain triangles")
    if set(attributes) - {"POSITION", "TEXCOORD_0", "COLOR_0"}:
        raise GlbRefused("a canonical mesh has positions, texture coordinates and colours, nothing else")
    positions = _read_accessor(document, binary, attributes["POSITION"], "VEC3", _FLOAT)
    faces = _read_accessor(document, binary, primitive["indices"], "SCALAR", _UNSIGNED_INT).reshape(-1, 3)
    if not len(faces):
        raise GlbRefused("the mesh has no faces")
    if not np.isfinite(positions).all():
        raise GlbRefused("the mesh has NaN or infinite vertices")
    if int(faces.max()) >= len(positions):
        raise GlbRefused("a face of the mesh names a vertex that does not exist")
    colors, uv, texture = None, None, None
    if "COLOR_0" in attributes:
        linear = _read_accessor(document, binary, attributes["COLOR_0"], "VEC4", _UNSIGNED_SHORT)
        colors = srgb_from_linear(linear[:, :3] / 65535)
    if "TEXCOORD_0" in attributes:
        uv = _read_accessor(document, binary, attributes["TEXCOORD_0"], "VEC2", _FLOAT)
    material = document["materials"][primitive["material"]]
    if set(material) != {"pbrMetallicRoughness", "doubleSided"}:
        raise GlbRefused("a canonical material has no name and no extension")
    pbr = material["pbrMetallicRoughness"]
    if "baseColorTexture" in pbr:
        image = document["images"][document["textures"][pbr["baseColorTexture"]["index"]]["source"]]
        texture = bytes(_read_view(document, binary, image["bufferView"]))
        _check_png(texture)
    base = srgb_from_linear(np.asarray(pbr.get("baseColorFactor", [0.5, 0.5, 0.5, 1.0])[:3], dtype=np.float64))
    return MeshPart(positions, faces, colors, uv, texture, (int(base[0]), int(base[1]), int(base[2])))


def _read_view(document: dict[str, Any], binary: memoryview, index: int) -> memoryview:
    view = document["bufferViews"][index]
    start, length = view.get("byteOffset", 0), view["byteLength"]
    if "byteStride" in view or view["buffer"] != 0 or start < 0 or length < 0 or start + length > len(binary):
        raise GlbRefused("a buffer view reaches outside the file")
    return binary[start : start + length]


def _read_accessor(document: dict[str, Any], binary: memoryview, index: int, kind: str, component: int) -> NDArray[Any]:
    accessor = document["accessors"][index]
    if accessor["type"] != kind or accessor["componentType"] != component or "sparse" in accessor:
        raise GlbRefused(f"a canonical accessor of {kind} has component type {component} and is not sparse")
    dtype, columns, count = _DTYPES[component], _COLUMNS[kind], accessor["count"]
    view = _read_view(document, binary, accessor["bufferView"])
    if count < 0 or count * columns * dtype.itemsize > len(view):
        raise GlbRefused("an accessor counts more values than its data holds")
    values: NDArray[Any] = np.frombuffer(view, dtype, count * columns)
    return np.asarray(values if columns == 1 else values.reshape(count, columns))


def _check_png(data: bytes) -> None:
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        raise GlbRefused("a canonical texture is a PNG")
    width, height = struct.unpack_from(">II", data, 16)
    if max(width, height) > LARGEST_TEXTURE_PX:
        raise GlbRefused(f"a texture of {width}×{height} pixels is too large (at most {LARGEST_TEXTURE_PX} a side)")


class _Writer:
    """Collects arrays in one buffer, aligned to four bytes."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    @property
    def length(self) -> int:
        return self._buffer.tell()

    def content(self) -> bytes:
        return self._buffer.getvalue()

    def view(self, data: bytes, *, target: int | None = None) -> int:
        entry = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data)}
        self.views.append(entry | ({"target": target} if target else {}))
        self._buffer.write(data + b"\0" * (-len(data) % 4))
        return len(self.views) - 1

    def accessor(
        self, values: NDArray[Any], component: int, kind: str, *, target: int = _ARRAY_BUFFER, normalized: bool = False
    ) -> int:
        entry: dict[str, Any] = {
            "bufferView": self.view(np.ascontiguousarray(values).tobytes(), target=target),
            "componentType": component,
            "count": len(values),
            "type": kind,
        }
        self.accessors.append(entry | ({"normalized": True} if normalized else {}))
        return len(self.accessors) - 1

    def positions(self, values: NDArray[np.floating[Any]]) -> int:
        exact = np.asarray(values, "<f4")
        index = self.accessor(exact, _FLOAT, "VEC3")
        self.accessors[index] |= {"min": exact.min(axis=0).tolist(), "max": exact.max(axis=0).tolist()}
        return index
