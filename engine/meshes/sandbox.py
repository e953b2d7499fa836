"""Reads one untrusted mesh file inside a process that may use little memory and time.

    python -m engine.meshes.sandbox SOURCE DESTINATION '{"format": "", "max_faces": …, …}'

Writes the canonical GLB to DESTINATION and prints one JSON object: the counts, or `{"refused": reason}`. Started by
`engine.meshes.canonical.canonicalise_glb`.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

CPU_GRACE_SECONDS = 2


def main(source: str, destination: str, options_json: str) -> int:
    """Limit this process, then read, check and rewrite the file."""
    options = json.loads(options_json)
    _limit(memory_bytes=options["memory_bytes"], cpu_seconds=options["cpu_seconds"])
    from engine.contracts.glb import GlbRefused

    try:
        outcome = _rewrite(Path(source), Path(destination), options)
    except GlbRefused as refusal:
        outcome = {"refused": str(refusal)}
    except MemoryError:
        outcome = {"refused": f"reading the mesh needs more than {options['memory_bytes'] // 2**20} MB of memory"}
    print(json.dumps(outcome))
    return 0


def _limit(*, memory_bytes: int, cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + CPU_GRACE_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _rewrite(source: Path, destination: Path, options: dict[str, Any]) -> dict[str, Any]:
    from engine.contracts.glb import fit_to_unit_cube, summarise, write_glb
    from engine.meshes.reading import check_declared, guess_format, read_parts

    data = source.read_bytes()
    file_format = options["format"] or guess_format(data, file_name=options["file_name"])
    check_declared(data, file_format=file_format, max_faces=options["max_faces"])
    parts = fit_to_unit_cube(read_parts(data, file_format=file_format))
    summary = summarise(parts)
    destination.write_bytes(write_glb(parts))
    return {
        "vertex_count": summary.vertex_count,
        "face_count": summary.face_count,
        "watertight": summary.watertight,
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
