"""Which targets are asked for, and when the collection is over."""

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.flywheel import services
from engine.flywheel.models import Iteration, ModelVersion
from engine.generation.models import Collection, GenerationRequest
from engine.lifecycle import State
from engine.selection.models import Selection
from engine.sourcing.models import TargetObject
from engine.storage.services import store
from engine.workforce.models import AuditEvent, Role
from tests import factories as make

Step = Iteration.Step


@pytest.fixture(autouse=True)
def base(world) -> ModelVersion:
    content = store().put(b"base", media_type="application/x-safetensors")
    blob = make.make_blob(b"base", media_type=content.media_type)
    return make.make_model_version(name="base", promoted=True, checkpoint=blob)


def test_nothing_to_collect_waits_for_targets_instead_of_freezing_nothing(world) -> None:
    services.start(alpha=0.5)
    for _ in range(3):
        world.tick()
    assert Iteration.objects.get().step == Step.COLLECTING
    world.add_target()
    assert world.run_until(Step.DONE).snapshot.example_count == 1


def test_a_limit_takes_fresh_targets_first_and_revisits_for_the_rest(world) -> None:
    done = [world.add_target() for _ in range(3)]
    TargetObject.objects.update(state=State.DONE, state_changed_at=timezone.now() - timedelta(days=1))
    fresh = world.add_target()
    services.start(alpha=0.5, settings={"target_limit": 3})
    world.tick()
    asked = set(GenerationRequest.objects.values_list("target_id", flat=True))
    assert fresh.id in asked
    assert len(asked & {target.id for target in done}) == 2
    world.tick()
    assert GenerationRequest.objects.count() == 3


def test_only_the_states_of_the_settings_are_revisited(world) -> None:
    world.add_target()
    TargetObject.objects.update(state=State.DONE, state_changed_at=timezone.now() - timedelta(days=1))
    services.start(alpha=0.5, settings={"revisit": ["shelved"]})
    world.tick()
    assert not GenerationRequest.objects.exists()


def test_targets_that_are_done_in_this_collection_are_not_asked_again(world) -> None:
    world.add_target()
    services.start(alpha=0.5, settings={"evaluation": {"heldout_count": 2}})
    world.run_until(Step.FREEZING)
    assert GenerationRequest.objects.count() == 1
    assert not Collection.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.parametrize("state", [State.TRIAGE, State.WITH_ARTIST])
def test_artists_are_waited_for_only_if_wanted(world, state) -> None:
    for wanted in (True, False):
        world.add_target()
        number = services.start(alpha=0.5, settings={"wait_for_artists": wanted, "revisit": []}).number
        world.tick()
        TargetObject.objects.filter(state=State.GENERATING).update(state=state)
        world.tick()
        iteration = Iteration.objects.get(number=number)
        assert iteration.step == (Step.COLLECTING if wanted else Step.FREEZING)
        if wanted:
            services.stop_collecting(number=number)
        iteration = world.run_until(Step.DONE)


def test_collecting_ends_when_told(world) -> None:
    world.add_target()
    services.start(alpha=0.5)
    world.tick()
    person = make.make_user(Role.ML_ENGINEER)
    services.stop_collecting(number=1, actor=person)
    world.tick()
    assert Iteration.objects.get().step == Step.FREEZING
    assert AuditEvent.objects.filter(verb="stop_collecting", actor=person).exists()
    with pytest.raises(services.NotCollecting):
        services.stop_collecting(number=1)


def test_a_suite_that_cannot_be_compared_stops_the_iteration_with_the_reason(world) -> None:
    services.start(alpha=0.5, settings={"suite": {"sam3d": 1}})
    world.tick()
    assert "at least two candidates" in Iteration.objects.get().failure
    services.resume(number=1, settings={"suite": {"sam3d": 2}})
    world.add_target()
    assert not world.run_until(Step.DONE).failed


def test_with_a_texture_suite_it_lasts_until_the_posed_shapes_had_their_textures(world) -> None:
    posed, unposed = world.add_target(), world.add_target()
    services.start(alpha=0.5, settings={"texture_suite": {"image_to_3d": 2}, "revisit": []})
    world.tick()
    world.judge_everything()
    make.make_alignment(candidate=Selection.objects.get(target=posed).winner)
    world.tick()
    textures = GenerationRequest.objects.filter(modality="texture")
    assert [request.target_id for request in textures] == [posed.id]
    assert Iteration.objects.get().step == Step.COLLECTING
    world.judge_everything()
    world.tick()
    assert Iteration.objects.get().step == Step.FREEZING
    assert textures.count() == 1
    unposed.refresh_from_db()
    assert unposed.state == State.DONE, "nobody knows where the photograph sees it from"


def test_a_collection_that_is_told_to_end_asks_for_no_textures(world) -> None:
    target = world.add_target()
    services.start(alpha=0.5, settings={"texture_suite": {"image_to_3d": 2}})
    world.tick()
    world.judge_everything()
    make.make_alignment(candidate=Selection.objects.get(target=target).winner)
    services.stop_collecting(number=1)
    world.tick()
    assert Iteration.objects.get().step == Step.FREEZING
    assert not GenerationRequest.objects.filter(modality="texture").exists()
