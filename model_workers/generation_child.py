"""The process in which generators run, apart from the Celery worker, so that a crash or a hang is a fact, not the end.

    python -m model_workers.generation_child PARENT_PID

Reads one JSON request a line from standard input and writes one JSON event a line to what was its standard output:

    {"candidate": CandidateResult}    stored, as soon as it is there
    {"refused": {"seed", "reason"}}   a mesh that cannot be used
    {"end": "" | reason}              the request is over; a reason where the generator failed

Whatever generators print goes to standard error. Models and indices stay in memory between requests.
"""

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import structlog

from engine.contracts.blobs import BlobRef
from engine.contracts.generation import CandidateResult, GenerateRequest
from engine.contracts.glb import MEDIA_TYPE, GlbRefused
from engine.contracts.serialisation import from_json, to_json
from engine.contracts.splats import MEDIA_TYPE as SPLAT_MEDIA_TYPE
from engine.contracts.splats import read_splat, write_splat
from engine.embedded.places import var_folder
from engine.storage.blobs import BlobStore, open_store
from model_workers.child import Tell, attach_to_parent
from model_workers.generators.protocol import Generator, GeneratorError, Proposal, TextureGenerator
from model_workers.generators.registry import load_generator
from model_workers.inputs import decode_context, decode_shape
from model_workers.meshes import canonical_glb

LATENT_MEDIA_TYPE = "application/x-safetensors"
LATENT_TENSOR = "shape"

log = structlog.get_logger(__name__)


def main(parent_pid: int) -> int:
    """Serve requests until standard input closes."""
    tell = attach_to_parent(parent_pid)
    host = GeneratorHost(store=open_store(os.environ.get("LATHE_STORAGE_URL"), var=var_folder()), tell=tell)
    for line in sys.stdin:
        host.serve(from_json(GenerateRequest, json.loads(line)))
    return 0


class GeneratorHost:
    """Runs requests one after another."""

    def __init__(self, *, store: BlobStore, tell: Tell, cache: Path | None = None) -> None:
        self._store = store
        self._tell = tell
        self._cache = cache or var_folder() / "worker_cache"
        self._generators: dict[str, Generator] = {}

    def serve(self, request: GenerateRequest) -> None:
        """Run one request; every way it can end is an event."""
        try:
            self._run(request)
        except MemoryError:
            self._tell(end="the generator ran out of memory")
        except Exception as error:  # foreign code fails in every possible way
            log.exception("generator_failed", generator=request.generator, run_id=request.run_id)
            self._tell(end=f"{type(error).__name__}: {error}")
        else:
            self._tell(end="")

    def _run(self, request: GenerateRequest) -> None:
        if request.generator not in self._generators:
            self._generators[request.generator] = load_generator(request.generator)
        generator = self._generators[request.generator]
        model_version_id = request.model.model_version_id if request.model and generator.uses_checkpoint else None
        wanted = set(request.seeds)
        for proposal in self._proposals(generator, request):
            try:
                if proposal.seed not in wanted:
                    raise GlbRefused("it was not asked for, or came twice")
                wanted.remove(proposal.seed)
                self._tell(candidate=to_json(self._stored(proposal, model_version_id)))
            except GlbRefused as refusal:
                self._tell(refused={"seed": proposal.seed, "reason": str(refusal)})

    def _proposals(self, generator: Generator, request: GenerateRequest) -> Iterator[Proposal]:
        context = decode_context(request, store=self._store, cache=self._cache)
        shape = decode_shape(request, store=self._store)
        if shape is None:
            return generator.generate(context)
        if not isinstance(generator, TextureGenerator):
            raise GeneratorError(f"{request.generator} cannot texture a given shape; leave it out of the texture suite")
        return generator.texture(context, shape)

    def _stored(self, proposal: Proposal, model_version_id: str | None) -> CandidateResult:
        glb, summary = canonical_glb(proposal.mesh)
        return CandidateResult(
            seed=proposal.seed,
            mesh=self._store.put(glb, media_type=MEDIA_TYPE),
            vertex_count=summary.vertex_count,
            face_count=summary.face_count,
            watertight=summary.watertight,
            latent=self._stored_latent(proposal),
            splat=self._stored_splat(proposal),
            layout=proposal.layout,
            model_version_id=model_version_id,
            parameters=proposal.parameters,
        )

    def _stored_splat(self, proposal: Proposal) -> BlobRef | None:
        if proposal.splat is None:
            return None
        return self._store.put(write_splat(read_splat(proposal.splat)), media_type=SPLAT_MEDIA_TYPE)

    def _stored_latent(self, proposal: Proposal) -> BlobRef | None:
        if proposal.latent is None:
            return None
        from safetensors.numpy import save

        space = {"latent_space": proposal.latent_space} if proposal.latent_space else None
        content = save({LATENT_TENSOR: np.ascontiguousarray(proposal.latent, dtype=np.float16)}, metadata=space)
        return self._store.put(io.BytesIO(content), media_type=LATENT_MEDIA_TYPE)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
