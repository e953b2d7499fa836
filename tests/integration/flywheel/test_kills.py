"""Whatever is killed, repeated, delivered twice, late or never: one effect for each purpose, and the turn ends.

Each example plays random events against the real services and the real database. `killed_at` ends the "process" before
its n-th SQL statement, wherever that is: in the middle of a transaction or between two.
"""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contracts.training import EVALUATE_TASK, TRAIN_TASK
from engine.datasets.models import Snapshot
from engine.flywheel import runs, services
from engine.flywheel.models import Iteration, ModelVersion, TrainingRun
from engine.flywheel.transitions import ORDER
from engine.generation.models import Collection, GenerationRequest
from tests import factories as make
from tests.integration.flywheel.conftest import World, killed_at

Step = Iteration.Step
TARGETS = 2
EVENTS = (
    "tick",
    "tick killed",
    "judge",
    "freeze",
    "freeze killed",
    "answer",
    "answer killed",
    "answer twice",
    "answer again",
    "fail",
    "silence",
    "resume",
    "broker away",
)


class Turn:
    """One iteration under fire."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.highest = 0
        for _ in range(TARGETS):
            world.add_target()
        services.start(alpha=0.5)

    def happen(self, event: str, number: int) -> None:
        world = self.world
        match event:
            case "tick":
                world.tick()
            case "tick killed":
                with killed_at(number):
                    services.advance_running()
            case "judge":
                world.judge_everything()
            case "freeze":
                world.do_freeze_tasks()
            case "freeze killed":
                with killed_at(number):
                    world.do_freeze_tasks()
                # Whoever watches over it finds it silent.
                Snapshot.objects.filter(status="freezing").update(heartbeat_at=None)
            case "answer":
                world.answer()
            case "answer killed":
                self._answer_killed(number)
            case "answer twice":
                for _ in range(2):
                    for name, kwargs in [m for m in world.messages if m[0] in (TRAIN_TASK, EVALUATE_TASK)]:
                        world.deliver(world.reply_to(name, kwargs))
            case "answer again":
                for reply in world.answered[-3:]:
                    assert world.deliver(reply) in (True, False)
            case "fail":
                world.answer(failing="the loss is not finite")
            case "silence":
                world.tick(later=timedelta(hours=2))
            case "resume":
                if Iteration.objects.filter(failed=True).exists():
                    services.resume(number=1)
            case "broker away":
                world.broker_away = True
                services.advance_running()
                runs.publish_waiting_runs()
                world.broker_away = False

    def _answer_killed(self, number: int) -> None:
        """The engine dies while it records an answer; the broker delivers the answer again later."""
        for name, kwargs in [m for m in self.world.messages if m[0] in (TRAIN_TASK, EVALUATE_TASK)][:1]:
            reply = self.world.reply_to(name, kwargs)
            with killed_at(number):
                self.world.deliver(reply)

    def check(self) -> None:
        """What must hold after every event."""
        assert ModelVersion.objects.filter(promoted=True).count() <= 1
        assert ModelVersion.objects.count() <= 3  # one each of pretrain, sft, dpo
        succeeded = TrainingRun.objects.filter(status="succeeded").values_list("purpose", flat=True)
        assert len(succeeded) == len(set(succeeded))
        live = list(TrainingRun.objects.filter(status__in=TrainingRun.LIVE).values_list("purpose", flat=True))
        assert len(live) == len(set(live))
        assert Collection.objects.count() <= 1
        assert Snapshot.objects.count() <= 1
        assert GenerationRequest.objects.count() <= TARGETS
        iteration = Iteration.objects.get()
        reached = ORDER.index(Step(iteration.step))
        assert reached >= self.highest
        self.highest = reached
        if reached > ORDER.index(Step.COLLECTING):
            assert ModelVersion.objects.filter(promoted=True).exists()  # the incumbent stays, whatever fails

    def finish(self) -> Iteration:
        """Everybody does their part again."""
        for _ in range(60):
            iteration = Iteration.objects.get()
            if iteration.step == Step.DONE:
                return iteration
            if iteration.failed:
                services.resume(number=1)
            self.world.judge_everything()
            self.world.do_freeze_tasks()
            self.world.answer()
            Snapshot.objects.filter(status="freezing").update(heartbeat_at=None)
            self.world.tick(later=timedelta(hours=2))
        raise AssertionError(f"the turn did not end: {services.status()}")


@pytest.mark.slow
@given(
    start=st.sampled_from([Step.COLLECTING, Step.FREEZING, Step.SFT, Step.DPO, Step.EVALUATING]),
    events=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(1, 40)), min_size=5, max_size=30),
)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_a_turn_under_fire_ends_with_one_effect_each(world, start, events) -> None:
    savepoint = transaction.savepoint()
    world.__init__()  # type: ignore[misc]
    try:
        turn = Turn(world)
        world.run_until(start)
        for event, number in events:
            turn.happen(event, number)
            turn.check()
        iteration = turn.finish()
        turn.check()
        assert iteration.decision["outcome"] == "promoted"
        assert ModelVersion.objects.get(promoted=True).name == "k1-dpo"
        assert iteration.snapshot is not None
        assert iteration.snapshot.example_count == TARGETS
    finally:
        transaction.savepoint_rollback(savepoint)


@pytest.mark.parametrize("statement", range(1, 60, 3))
def test_the_first_tick_may_die_before_any_statement(world, statement) -> None:
    make.make_model_version(promoted=True, checkpoint=make.make_blob(b"base"))
    turn = Turn(world)
    turn.happen("tick killed", statement)
    turn.check()
    turn.finish()
    assert GenerationRequest.objects.count() == TARGETS


def test_killing_really_kills(world) -> None:
    turn = Turn(world)
    with killed_at(3) as died:
        services.advance_running()
    assert died == [True]
    turn.finish()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert cursor.fetchone()[0] == 0
