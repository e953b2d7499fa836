"""Untrusted mesh files and trimesh objects as parts of a canonical GLB.

What is declared is checked before anything is decoded, because a file of a few bytes can ask for gigabytes.
"""

import io
import re
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from engine.contracts.glb import LARGEST_TEXTURE_PX, GlbRefused, MeshPart, unpack_glb

FORMATS = ("glb", "obj", "ply", "stl")
# Extensions that change how a mesh looks, never how its data is stored: compressed data is refused.
_HARMLESS_EXTENSIONS = re.compile(r"KHR_materials_\w+|KHR_texture_transform|KHR_mesh_quantization|EXT_texture_webp")
_PLY_ELEMENT = re.compile(rb"element\s+(\w+)\s+(\d+)")


def guess_format(data: bytes, *, file_name: str = "") -> str:
    """Tell the format from the first bytes, else from the file name.

    Raises:
        GlbRefused: it is none of GLB, OBJ, PLY and STL.
    """
    if data[:4] == b"glTF":
        return "glb"
    if data[:3] == b"ply":
        return "ply"
    suffix = file_name.lower().rpartition(".")[2]
    if suffix in ("obj", "stl"):
        return suffix
    if data[:5] == b"solid" or (len(data) >= 84 and len(data) == 84 + 50 * int.from_bytes(data[80:84], "little")):
        return "stl"
    if re.search(rb"^v\s+[-\d.]", data[:65536], re.MULTILINE):
        return "obj"
    raise GlbRefused("the file is not a mesh that can be read; send GLB, OBJ, PLY or STL")


def check_declared(data: bytes, *, file_format: str, max_faces: int) -> None:
    """Refuse a file by what it declares, without decoding it.

    Raises:
        GlbRefused: too many faces or vertices, data outside the file, or compressed data.
    """
    if file_format == "glb":
        _check_declared_glb(unpack_glb(data)[0], max_faces=max_faces)
    elif file_format == "ply":
        header = data[: data.find(b"end_header") + 10]
        for element, count in _PLY_ELEMENT.findall(header):
            _check_count(int(count), max_faces, element.decode(errors="replace"))
    elif file_format == "stl" and data[:5] != b"solid":
        _check_count(int.from_bytes(data[80:84], "little"), max_faces, "face")


def read_parts(data: bytes, *, file_format: str) -> list[MeshPart]:
    """Decode a file whose declaration was checked.

    Raises:
        GlbRefused: the file cannot be decoded or holds no triangles.
        MemoryError: decoding it needs more than there is.
    """
    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=file_format, process=False)
        meshes = [mesh for mesh in scene.dump() if isinstance(mesh, trimesh.Trimesh)]
    except MemoryError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise GlbRefused(f"the {file_format.upper()} file cannot be decoded ({reason})") from error
    return parts_of(meshes)


def parts_of(meshes: list[trimesh.Trimesh]) -> list[MeshPart]:
    """Take positions, faces and colours (texture, vertex or face colours) of trimesh objects.

    Raises:
        GlbRefused: no triangles, or faces that name vertices which do not exist.
    """
    parts = [_part(mesh) for mesh in meshes if len(mesh.faces)]
    if not parts:
        raise GlbRefused("the mesh has no faces")
    return parts


def _part(mesh: trimesh.Trimesh) -> MeshPart:
    positions = np.array(mesh.vertices, dtype=np.float64)
    faces = np.array(mesh.faces, dtype=np.int64)
    if not np.isfinite(positions).all():
        raise GlbRefused("the mesh has NaN or infinite vertices")
    if faces.min() < 0 or faces.max() >= len(positions):
        raise GlbRefused("a face of the mesh names a vertex that does not exist")
    visual = mesh.visual
    if visual.kind == "texture":
        uv = getattr(visual, "uv", None)
        image = _base_texture(visual.material)
        if image is not None and uv is not None and len(uv) == len(positions) and np.isfinite(uv).all():
            # trimesh keeps v upwards, glTF downwards.
            return MeshPart(positions, faces, uv=np.column_stack([uv[:, 0], 1 - uv[:, 1]]), texture_png=_png(image))
        return MeshPart(positions, faces, base_color=_rgb(visual.material.main_color))
    if visual.kind == "face":
        # Colours per face need vertices of their own.
        corners = faces.reshape(-1)
        colors = np.repeat(np.asarray(visual.face_colors)[:, :3], 3, axis=0).astype(np.uint8)
        return MeshPart(positions[corners], np.arange(len(corners)).reshape(-1, 3), colors=colors)
    if visual.kind == "vertex":
        return MeshPart(positions, faces, colors=np.array(visual.vertex_colors, dtype=np.uint8)[:, :3])
    return MeshPart(positions, faces)


def _base_texture(material: Any) -> Image.Image | None:
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    return image if isinstance(image, Image.Image) else None


def _png(image: Image.Image) -> bytes:
    if image.width * image.height > LARGEST_TEXTURE_PX**2 * 4:
        raise GlbRefused(f"a texture of {image.width}×{image.height} pixels is too large")
    picture = image.convert("RGB")
    picture.thumbnail((LARGEST_TEXTURE_PX, LARGEST_TEXTURE_PX))
    # A new picture from the bare pixels leaves metadata behind.
    bare = Image.frombytes("RGB", picture.size, picture.tobytes())
    buffer = io.BytesIO()
    bare.save(buffer, format="PNG")
    return buffer.getvalue()


def _rgb(color: NDArray[Any]) -> tuple[int, int, int]:
    red, green, blue = (int(channel) for channel in np.asarray(color).reshape(-1)[:3])
    return (red, green, blue)


def _check_declared_glb(document: dict[str, Any], *, max_faces: int) -> None:
    try:
        _refuse_foreign_data(document)
        faces = sum(_declared_faces(document))
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise GlbRefused(f"the glTF structure is broken ({type(error).__name__}: {error})") from error
    _check_count(faces, max_faces, "face")


def _refuse_foreign_data(document: dict[str, Any]) -> None:
    for kind in ("buffers", "images"):
        if any("uri" in entry for entry in document.get(kind, [])):
            raise GlbRefused(f"the GLB refers to {kind} by URI; pack everything into the one file")
    if any("sparse" in accessor for accessor in document.get("accessors", [])):
        raise GlbRefused("sparse accessors are not read; export plain geometry")
    required = [name for name in document.get("extensionsRequired", []) if not _HARMLESS_EXTENSIONS.fullmatch(name)]
    if required:
        raise GlbRefused(f"the GLB needs {', '.join(map(str, required))}; export it without compression")
    views, sizes = document.get("bufferViews", []), [buffer["byteLength"] for buffer in document.get("buffers", [])]
    for accessor in document.get("accessors", []):
        if accessor["count"] > views[accessor["bufferView"]]["byteLength"]:
            raise GlbRefused("an accessor counts more values than its data holds")
    for view in views:
        if view["byteLength"] > sizes[view["buffer"]]:
            raise GlbRefused("a buffer view reaches outside the file")


def _declared_faces(document: dict[str, Any]) -> list[int]:
    """Faces of each use of a mesh: a scene can use one mesh a million times."""
    nodes = document.get("nodes", [])
    children = [child for node in nodes for child in node.get("children", [])]
    if len(children) != len(set(children)):
        raise GlbRefused("a node of the GLB has two parents")
    faces_of = [
        sum(
            document["accessors"][primitive.get("indices", primitive["attributes"]["POSITION"])]["count"] // 3
            for primitive in mesh["primitives"]
        )
        for mesh in document.get("meshes", [])
    ]
    return [faces_of[node["mesh"]] for node in nodes if "mesh" in node]


def _check_count(count: int, limit: int, what: str) -> None:
    if count > limit:
        raise GlbRefused(f"the file declares {count} {what} entries, at most {limit} are allowed")
