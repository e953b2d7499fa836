"""The canonical Gaussian splat: the only form in which a splat is stored and served.

A binary PLY as 3D Gaussian splatting writes it, little endian, with these properties in this order and nothing else: no
comments, no other elements, no view-dependent colour (it would tell one generator from another by its shine).

    x y z                  centre, in the object frame of the candidate's mesh: Y up, fitted to [-0.5, 0.5]³
    f_dc_0 f_dc_1 f_dc_2   colour: (rgb - 0.5) / 0.28209, the constant spherical harmonic
    opacity                logit
    scale_0 scale_1 scale_2    log of the standard deviations
    rot_0 rot_1 rot_2 rot_3    unit quaternion, wxyz
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contracts.glb import GlbRefused

MEDIA_TYPE = "application/x-ply"
MOST_SPLATS = 1_000_000
PROPERTIES = (
    *("x", "y", "z"),
    *("f_dc_0", "f_dc_1", "f_dc_2"),
    "opacity",
    *("scale_0", "scale_1", "scale_2"),
    *("rot_0", "rot_1", "rot_2", "rot_3"),
)
_LONGEST_HEADER = 16_384
_FARTHEST = 1.0  # of a centre from the middle; soft edges may reach over the unit cube
_HEADER = re.compile(rb"ply\r?\nformat binary_little_endian 1\.0\r?\n(.*?)end_header\r?\n", re.DOTALL)
_TYPES = {
    **dict.fromkeys(("float", "float32"), "<f4"),
    **dict.fromkeys(("double", "float64"), "<f8"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("ushort", "uint16"), "<u2"),
    **dict.fromkeys(("short", "int16"), "<i2"),
    **dict.fromkeys(("uint", "uint32"), "<u4"),
    **dict.fromkeys(("int", "int32"), "<i4"),
}


class SplatRefused(GlbRefused):
    """The bytes are not a splat that can be used; the message says what is wrong."""


@dataclass(frozen=True)
class Splat:
    """Gaussians. `values` (n, 14) float32, columns as in `PROPERTIES`."""

    values: NDArray[np.float32]

    @property
    def centers(self) -> NDArray[np.float32]:
        """(n, 3) in the object frame."""
        return self.values[:, :3]


def write_splat(splat: Splat) -> bytes:
    """Write in the canonical form."""
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(splat.values)}",
        *(f"property float {name}" for name in PROPERTIES),
        "end_header",
    ]
    return "\n".join(lines).encode() + b"\n" + np.ascontiguousarray(splat.values, "<f4").tobytes()


def read_splat(data: bytes) -> Splat:
    """Read a Gaussian splat PLY from anywhere: comments, normals, harmonics and other elements are left out.

    Raises:
        SplatRefused: not a binary PLY of Gaussians, cut short, too many, or values that are not finite.
    """
    header = _HEADER.match(data[:_LONGEST_HEADER])
    if header is None:
        raise SplatRefused("the splat is not a binary little-endian PLY with a header of at most 16 kB")
    count, dtype = _vertices(header.group(1))
    start, size = header.end(), count * dtype.itemsize
    if len(data) < start + size:
        raise SplatRefused(f"the splat is cut short: {count} Gaussians need {size} bytes, it has {len(data) - start}")
    rows = np.frombuffer(data, dtype, count, offset=start)
    values = np.stack([rows[name].astype(np.float32) for name in PROPERTIES], axis=1)
    if not np.isfinite(values).all():
        raise SplatRefused("the splat has NaN or infinite values")
    norms = np.linalg.norm(values[:, -4:], axis=1, keepdims=True)
    if not (norms > 1e-8).all():
        raise SplatRefused("the splat has rotations of no length")
    values[:, -4:] /= norms
    return Splat(values)


def check_canonical_splat(data: bytes) -> int:
    """Check that `data` is what `write_splat` writes, and in its place; returns the number of Gaussians.

    Raises:
        SplatRefused: with the reason.
    """
    splat = read_splat(data)
    header = write_splat(Splat(splat.values[:0])).replace(b"vertex 0\n", b"vertex %d\n" % len(splat.values))
    if not data.startswith(header) or len(data) != len(header) + splat.values.nbytes:
        raise SplatRefused("the splat was not written in the canonical form (its header or length differs)")
    reach = float(np.abs(splat.centers).max())
    if reach > _FARTHEST:
        raise SplatRefused(f"the splat reaches to {reach:.2f}; it shares the frame of a mesh in [-0.5, 0.5]³")
    return len(splat.values)


def _vertices(header: bytes) -> tuple[int, np.dtype[Any]]:
    """Number and layout of the Gaussians, which must be the first element."""
    lines = [line.split() for line in header.decode("ascii", errors="replace").splitlines()]
    lines = [words for words in lines if words and words[0] not in ("comment", "obj_info")]
    if not lines or lines[0][:2] != ["element", "vertex"] or len(lines[0]) != 3 or not lines[0][2].isdigit():
        raise SplatRefused("the first element of a splat is its vertices")
    count = int(lines[0][2])
    if not 1 <= count <= MOST_SPLATS:
        raise SplatRefused(f"the splat has {count} Gaussians, 1 to {MOST_SPLATS} are allowed")
    fields: dict[str, str] = {}
    for words in lines[1:]:
        if words[0] == "element":
            break
        if len(words) != 3 or words[0] != "property" or words[1] not in _TYPES or words[2] in fields:
            raise SplatRefused(f"the header line `{' '.join(words)[:80]}` cannot be understood")
        fields[words[2]] = _TYPES[words[1]]
    if absent := [name for name in PROPERTIES if name not in fields]:
        raise SplatRefused(f"the splat lacks {', '.join(absent)}")
    return count, np.dtype(list(fields.items()))
