"""Generators of a third party, most of them broken. Found by entry points of a distribution that the tests lay out."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import trimesh

from model_workers.generators.protocol import GenerationContext, Proposal


class Good:
    uses_checkpoint = False

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        print("a generator that prints")  # must not disturb what host and worker say to each other
        for seed in context.seeds:
            yield self.proposal(seed)

    def proposal(self, seed: int) -> Proposal:
        return Proposal(seed=seed, mesh=trimesh.creation.box((1, 1, 1 + seed / 100)), parameters={"pid": os.getpid()})


class Crashing(Good):
    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        yield self.proposal(context.seeds[0])
        os.kill(os.getpid(), signal.SIGSEGV)


class Raising(Good):
    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        yield self.proposal(context.seeds[0])
        raise ZeroDivisionError("of a parameter")


class Hanging(Good):
    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        yield self.proposal(context.seeds[0])
        while True:
            time.sleep(1)


class Empty(Good):
    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        yield from ()


class NoFaces(Good):
    def proposal(self, seed: int) -> Proposal:
        return Proposal(seed=seed, mesh=trimesh.Trimesh(np.zeros((3, 3)), np.zeros((0, 3), int), process=False))


class NotANumber(Good):
    """The first candidate has NaN vertices, the others are sound."""

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        for index, seed in enumerate(context.seeds):
            proposal = self.proposal(seed)
            if index == 0:
                assert isinstance(proposal.mesh, trimesh.Trimesh)
                proposal.mesh.vertices[0, 0] = np.nan
            yield proposal


class Colossal(Good):
    """Five gigabytes of mesh."""

    def proposal(self, seed: int) -> Proposal:
        vertices = np.ones((5 * 10**9 // 24, 3))
        return Proposal(seed=seed, mesh=trimesh.Trimesh(vertices, [[0, 1, 2]], process=False))


class NotAMesh(Good):
    def proposal(self, seed: int) -> Proposal:
        return Proposal(seed=seed, mesh="a mesh")  # type: ignore[arg-type]


class Fine(Good):
    """Far more triangles than a browser likes."""

    def proposal(self, seed: int) -> Proposal:
        sphere = trimesh.creation.icosphere(subdivisions=7)
        sphere.visual.vertex_colors = np.tile([[200, 10, 10, 255]], (len(sphere.vertices), 1))
        return Proposal(seed=seed, mesh=sphere)


class Patient(Good):
    """Goes on once a file tells it to, and says where it is by another."""

    def generate(self, context: GenerationContext) -> Iterator[Proposal]:
        folder = Path(os.environ["LATHE_VAR"])
        (folder / f"started-{os.getpid()}").touch()
        while not (folder / "go").exists():
            time.sleep(0.05)
        yield from super().generate(context)


class Unloadable:
    def __init__(self) -> None:
        sys.exit("weights are missing")
