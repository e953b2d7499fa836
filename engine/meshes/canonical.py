"""Untrusted meshes become canonical GLBs in a limited process of their own."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import Unprocessable

_SANDBOX_MODULE = "engine.meshes.sandbox"
_CHECKOUT = Path(__file__).resolve().parents[2]


class MeshRefused(Unprocessable):
    """The file is no mesh that can be used; `reason` says why."""

    code = "mesh_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The mesh is refused: {reason}.", what_to_do="Correct it in your 3D tool and send it again.")
        self.reason = reason


@dataclass(frozen=True)
class MeshLimits:
    """What a foreign mesh may cost."""

    max_bytes: int = 200 * 2**20
    max_faces: int = 5_000_000
    memory_bytes: int = 4 * 2**30
    cpu_seconds: int = 60
    wall_seconds: float = 120.0


@dataclass(frozen=True)
class CanonicalMesh:
    """A mesh as Lathe keeps it: GLB bytes (see `engine.contracts.glb`) and counts."""

    glb: bytes
    vertex_count: int
    face_count: int
    watertight: bool


def canonicalise_glb(
    data: bytes, *, limits: MeshLimits = MeshLimits(), file_format: str = "", file_name: str = ""
) -> CanonicalMesh:
    """Read a GLB, OBJ, PLY or STL in the sandbox and rewrite it, fitted to [-0.5, 0.5]³ with its orientation kept.

    Args:
        file_format: `glb`, `obj`, `ply` or `stl`; guessed from the content and `file_name` where empty.

    Raises:
        MeshRefused: too large, broken, without faces, with NaN vertices, or reading it cost more than the limits.
    """
    if len(data) > limits.max_bytes:
        raise MeshRefused(f"the file has {len(data) / 2**20:.0f} MB, at most {limits.max_bytes // 2**20} are allowed")
    options = {
        "format": file_format,
        "file_name": file_name,
        "max_faces": limits.max_faces,
        "memory_bytes": limits.memory_bytes,
        "cpu_seconds": limits.cpu_seconds,
    }
    with tempfile.TemporaryDirectory(prefix="lathe-mesh-") as folder:
        source, destination = Path(folder, "source"), Path(folder, "canonical.glb")
        source.write_bytes(data)
        outcome = _run([str(source), str(destination), json.dumps(options)], limits)
        if "refused" in outcome:
            raise MeshRefused(str(outcome["refused"]))
        return CanonicalMesh(
            glb=destination.read_bytes(),
            vertex_count=int(outcome["vertex_count"]),
            face_count=int(outcome["face_count"]),
            watertight=bool(outcome["watertight"]),
        )


def _run(arguments: list[str], limits: MeshLimits) -> dict[str, Any]:
    # One thread each: the thread pools of numeric libraries reserve address space for every core.
    environment = {"PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        finished = subprocess.run(
            [sys.executable, "-m", _SANDBOX_MODULE, *arguments],
            cwd=_CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.wall_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MeshRefused(f"reading it took longer than {limits.wall_seconds:g} s") from error
    lines = finished.stdout.decode(errors="replace").splitlines()
    if finished.returncode != 0 or not lines:
        last = finished.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise MeshRefused(f"reading it ended the limited process (exit {finished.returncode}: {last[0][:300]})")
    outcome = json.loads(lines[-1])
    assert isinstance(outcome, dict)
    return outcome
