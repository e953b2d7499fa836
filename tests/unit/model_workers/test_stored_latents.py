"""What the worker stores of a latent: half precision, and which latent space it is of."""

import numpy as np
import pytest
import trimesh
from safetensors import safe_open

from engine.storage.blobs import open_store
from model_workers.generation_child import GeneratorHost
from model_workers.generators.protocol import Proposal


@pytest.mark.parametrize(("space", "metadata"), [("abc123", {"latent_space": "abc123"}), (None, None)])
def test_a_stored_latent_names_its_latent_space(tmp_path, space, metadata):
    store = open_store(None, var=tmp_path)
    host = GeneratorHost(store=store, tell=lambda **event: None, cache=tmp_path / "cache")
    latent = np.arange(16, dtype=np.float32).reshape(2, 8)
    proposal = Proposal(seed=1, mesh=trimesh.creation.box(), latent=latent, latent_space=space)
    reference = host._stored_latent(proposal)
    path = tmp_path / "latent.safetensors"
    with store.open(reference.sha256) as content:
        path.write_bytes(content.read())
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == metadata
        assert file.get_tensor("shape").dtype == np.float16
        assert np.array_equal(file.get_tensor("shape"), latent)
