"""What the rooms need of `engine.meshes`."""

from engine.meshes.canonical import CanonicalMesh, MeshLimits, MeshRefused, canonicalise_glb

__all__ = ["CanonicalMesh", "MeshLimits", "MeshRefused", "canonicalise_glb"]
