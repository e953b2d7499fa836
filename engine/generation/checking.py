"""What a generator stored is read before anything is made of it: generated meshes are untrusted."""

from django.conf import settings

from engine.contracts.generation import CandidateResult
from engine.contracts.glb import GlbRefused, MeshSummary, check_canonical, read_glb, same_surface
from engine.contracts.splats import check_canonical_splat
from engine.storage import services as storage

MOST_LATENT_BYTES = 64 * 2**20


def check_objects(result: CandidateResult, *, shape: bytes | None) -> MeshSummary:
    """Read what is stored; `shape` is the GLB whose surface a texture must have left as it is.

    Raises:
        GlbRefused: an object is not what the reply says, too large or not canonical.
        LatheError: the object store has no such object.
    """
    store = storage.store()
    size_bytes = store.size_bytes(result.mesh.sha256)
    if size_bytes > settings.LATHE_MESH_MAX_BYTES:
        raise GlbRefused(f"the mesh has {size_bytes} bytes, at most {settings.LATHE_MESH_MAX_BYTES} are allowed")
    if size_bytes != result.mesh.size_bytes:
        raise GlbRefused(f"the mesh has {size_bytes} bytes, not the {result.mesh.size_bytes} that the reply names")
    if result.latent is not None:
        latent_bytes = store.size_bytes(result.latent.sha256)
        if latent_bytes != result.latent.size_bytes or latent_bytes > MOST_LATENT_BYTES:
            raise GlbRefused(f"the latent has {latent_bytes} bytes, at most {MOST_LATENT_BYTES} as named are allowed")
    if result.splat is not None:
        splat_bytes = store.size_bytes(result.splat.sha256)
        if splat_bytes != result.splat.size_bytes or splat_bytes > settings.LATHE_MESH_MAX_BYTES:
            raise GlbRefused(f"the splat has {splat_bytes} bytes, at most {settings.LATHE_MESH_MAX_BYTES} are allowed")
        check_canonical_splat(store.get(result.splat.sha256))
    mesh = store.get(result.mesh.sha256)
    summary = check_canonical(mesh, max_bytes=settings.LATHE_MESH_MAX_BYTES, max_faces=settings.LATHE_MESH_MAX_FACES)
    if shape is not None and not same_surface(read_glb(mesh), read_glb(shape)):
        raise GlbRefused("the shape was changed; a texture leaves it as it is")
    return summary
