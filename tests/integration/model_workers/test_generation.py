"""Whatever a generator does, its run ends with an answer, and what it had made by then is kept."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from engine.contracts.generation import ChosenShape, GenerateReply, GenerateRequest, Modality, ReplyStatus
from engine.contracts.glb import check_canonical, read_glb, same_surface
from engine.embedded.places import CHECKOUT
from engine.storage.blobs import BlobStore
from model_workers import generation
from model_workers.child_process import ChildProcess

MakeRequest = Callable[..., GenerateRequest]


@pytest.fixture(scope="module")
def run(scrubbed_environment: dict[str, str]) -> Iterator[Callable[..., GenerateReply]]:
    """Run a request in a process of the tests' own, without Celery."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in scrubbed_environment.items():
            patch.setenv(name, value)
        child = ChildProcess("model_workers.generation_child", what="the generator", memory_bytes=800 * 2**20)
        patch.setattr(generation, "child", lambda: child)
        yield generation.generate
        child.close()


def test_a_good_generator_of_a_third_party(
    run: Callable[..., GenerateReply], make_request: MakeRequest, store: BlobStore
) -> None:
    reply = run(make_request("strange_good"))
    assert (reply.status, reply.error) == (ReplyStatus.SUCCEEDED, "")
    assert [candidate.seed for candidate in reply.candidates] == [1, 2]
    summary = check_canonical(store.get(reply.candidates[0].mesh.sha256), max_bytes=10**6, max_faces=100)
    assert (summary.face_count, summary.watertight) == (12, True)


def test_the_process_is_kept_and_replaced_when_it_is_lost(
    run: Callable[..., GenerateReply], make_request: MakeRequest
) -> None:
    def pid_of(reply: GenerateReply) -> int:
        return int(reply.candidates[0].parameters["pid"])

    first = run(make_request("strange_good"))
    raising = run(make_request("strange_raising"))
    assert pid_of(raising) == pid_of(first)
    assert (raising.status, raising.error) == (ReplyStatus.FAILED, "ZeroDivisionError: of a parameter")
    crashing = run(make_request("strange_crashing"))
    assert (crashing.status, crashing.error) == (
        ReplyStatus.FAILED,
        "the process of the generator ended with signal 11",
    )
    assert [candidate.seed for candidate in crashing.candidates] == [1]
    # Starts the next process: its imports are no part of what the hanging one is given.
    assert run(make_request("strange_good")).status is ReplyStatus.SUCCEEDED
    hanging = run(make_request("strange_hanging", deadline_seconds=4.0))
    assert (hanging.status, hanging.error) == (ReplyStatus.FAILED, "the generator took longer than 4 s")
    assert [candidate.seed for candidate in hanging.candidates] == [1]
    after = run(make_request("strange_good"))
    assert after.status is ReplyStatus.SUCCEEDED
    assert pid_of(after) != pid_of(first)


@pytest.mark.parametrize(
    ("generator", "status", "kept", "reason"),
    [
        ("strange_empty", ReplyStatus.FAILED, [], "the generator returned no mesh"),
        ("strange_nofaces", ReplyStatus.FAILED, [], "seed 1: the mesh has no faces; seed 2: the mesh has no faces"),
        ("strange_notanumber", ReplyStatus.SUCCEEDED, [2], "seed 1: the mesh has NaN or infinite vertices"),
        ("strange_notamesh", ReplyStatus.FAILED, [], "returned str instead of a mesh"),
        ("strange_colossal", ReplyStatus.FAILED, [], "used more than 800 MB of memory"),
        ("strange_unloadable", ReplyStatus.FAILED, [], "ended with exit status 1"),
        ("no_such_generator", ReplyStatus.FAILED, [], "there is no generator 'no_such_generator' on this worker"),
    ],
)
def test_broken_generators(
    run: Callable[..., GenerateReply],
    make_request: MakeRequest,
    generator: str,
    status: ReplyStatus,
    kept: list[int],
    reason: str,
) -> None:
    reply = run(make_request(generator))
    assert reply.status is status
    assert [candidate.seed for candidate in reply.candidates] == kept
    assert reason in reply.error


def test_a_fine_mesh_is_kept_as_it_is(run: Callable[..., GenerateReply], make_request: MakeRequest) -> None:
    (candidate,) = run(make_request("strange_fine", seeds=(1,))).candidates
    assert candidate.face_count == 20 * 4**7
    assert candidate.watertight


def test_workers_know_neither_django_nor_a_database(scrubbed_environment: dict[str, str]) -> None:
    # kombu imports django.utils.functional wherever Django is installed; nothing of it is set up or connected.
    code = (
        "import sys, model_workers.tasks, model_workers.generation_child; "
        "unwanted = {'django.conf', 'django.db', 'django.apps', 'psycopg', 'rest_framework'}; "
        "print(sorted(unwanted & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env=scrubbed_environment, capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"


def test_textures_of_a_posed_shape(
    run: Callable[..., GenerateReply], make_request: MakeRequest, posed_box: ChosenShape, store: BlobStore
) -> None:
    wanted = {"modality": Modality.TEXTURE, "shape": posed_box}
    before = read_glb(store.get(posed_box.mesh.sha256))
    for generator, textures in (("image_to_3d", 2), ("palette", 2), ("sam3d", 1)):
        reply = run(make_request(generator, **wanted))
        assert (reply.status, reply.error) == (ReplyStatus.SUCCEEDED, "")
        assert len(reply.candidates) == textures
        for candidate in reply.candidates:
            assert candidate.model_version_id is None
            assert same_surface(read_glb(store.get(candidate.mesh.sha256)), before)
    refused = run(make_request("strange_good", **wanted))
    assert (refused.status, refused.candidates) == (ReplyStatus.FAILED, ())
    assert "strange_good cannot texture a given shape" in refused.error
