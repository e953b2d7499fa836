"""Whatever sequence of moves is tried, a target is where the table says, and the audit log tells how it got there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engine import dispatch
from engine.lifecycle import MOVES, ON_ENTRY, ON_MOVE, ByTheWorker, InTheMove, Move, State
from engine.sourcing import services
from engine.sourcing.models import TargetObject
from engine.sourcing.services import InvalidMove, NoSuchTarget, move_target
from engine.workforce.models import AuditEvent
from tests.factories import make_target, make_user


@contextmanager
def handed_over() -> Iterator[list[tuple[Move, UUID]]]:
    """Record handovers instead of making them: the services of the next rooms have tests of their own."""
    calls: list[tuple[Move, UUID]] = []

    def note(*, move: Move, target_id: UUID) -> None:
        calls.append((move, target_id))

    with mock.patch.object(dispatch, "hand_over", side_effect=note):
        yield calls


class Life(RuleBasedStateMachine):
    """A target beside a model of it: a state and the moves made."""

    @initialize()
    def propose(self) -> None:
        self.target_id = make_target(state=State.PROPOSED).id
        self.state = State.PROPOSED
        self.history: list[tuple[str, str, str]] = []

    @rule(move=st.sampled_from(list(Move)))
    def attempt(self, move: Move) -> None:
        sources, destination = MOVES[move]
        with handed_over() as calls:
            if self.state in sources:
                target = move_target(target_id=self.target_id, move=move)
                assert target.state == destination
                assert calls == [(move, self.target_id)]
                self.history.append((move.value, self.state.value, destination.value))
                self.state = destination
            else:
                with pytest.raises(InvalidMove) as refusal:
                    move_target(target_id=self.target_id, move=move)
                assert refusal.value.facts["state"] == self.state.value
                assert all(self.state in MOVES[Move(other)][0] for other in refusal.value.facts["possible_moves"])
                assert calls == []

    @invariant()
    def the_database_agrees(self) -> None:
        if not hasattr(self, "target_id"):
            return
        assert TargetObject.objects.get(id=self.target_id).state == self.state
        events = AuditEvent.objects.filter(subject_kind="target", subject_id=self.target_id).order_by("id")
        assert list(events.values_list("verb", "from_state", "to_state")) == self.history


@pytest.mark.django_db
def test_any_sequence_of_moves_leaves_target_and_audit_log_as_the_table_says() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
        ),
    )


@pytest.mark.django_db
def test_the_audit_row_names_who_moved_it_and_why() -> None:
    target, person = make_target(state=State.TRIAGE), make_user()
    with handed_over():
        move_target(target_id=target.id, move=Move.SHELVE, actor=person, note="twin of another")
    event = AuditEvent.objects.get(subject_id=target.id)
    assert (event.actor, event.verb, event.facts) == (person, "shelve", {"note": "twin of another"})


@pytest.mark.django_db
def test_a_failing_handover_undoes_the_move_and_its_audit_row() -> None:
    target = make_target(state=State.SELECTING)
    burning = mock.patch.object(dispatch, "hand_over", side_effect=RuntimeError("the next room is on fire"))
    with burning, pytest.raises(RuntimeError), transaction.atomic():
        move_target(target_id=target.id, move=Move.ACCEPT)
    assert TargetObject.objects.get(id=target.id).state == State.SELECTING
    assert not AuditEvent.objects.filter(subject_id=target.id).exists()


@pytest.mark.django_db
def test_moving_stamps_the_time_of_the_change() -> None:
    target = make_target(state=State.PROPOSED)
    before = target.state_changed_at
    assert move_target(target_id=target.id, move=Move.DISCARD).state_changed_at > before


@pytest.mark.django_db
def test_a_target_that_does_not_exist_cannot_move() -> None:
    with pytest.raises(NoSuchTarget):
        move_target(target_id=uuid4(), move=Move.VERIFY)


@pytest.mark.django_db
def test_a_move_and_its_audit_row_cost_one_query(django_assert_num_queries) -> None:
    target = make_target(state=State.PROPOSED)
    with django_assert_num_queries(1 + 2):  # and the savepoint
        move_target(target_id=target.id, move=Move.DISCARD)


@pytest.mark.django_db
@pytest.mark.parametrize("move", Move)
def test_a_move_is_followed_by_what_the_table_names(move: Move, django_capture_on_commit_callbacks) -> None:
    target_id = uuid4()
    with (
        mock.patch.object(dispatch, "import_string") as load,
        mock.patch.object(dispatch, "send_soon") as send,
        django_capture_on_commit_callbacks(execute=True),
    ):
        dispatch.hand_over(move=move, target_id=target_id)
        send.assert_not_called()  # what is not committed is nobody's business
    match ON_MOVE.get(move) or ON_ENTRY.get(MOVES[move][1]):
        case InTheMove(service):
            load.assert_called_once_with(service)
            load.return_value.assert_called_once_with(target_id=target_id)
            send.assert_not_called()
        case ByTheWorker(task):
            load.assert_not_called()
            send.assert_called_once_with(task)
        case _:
            load.assert_not_called()
            send.assert_not_called()


@pytest.mark.django_db(transaction=True)
def test_of_many_racing_moves_exactly_one_wins() -> None:
    target = make_target(state=State.TRIAGE)
    barrier = threading.Barrier(4)
    outcomes: list[str] = []

    def race(move: Move) -> None:
        try:
            barrier.wait(timeout=20)
            move_target(target_id=target.id, move=move)
            outcomes.append(move.value)
        except InvalidMove as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    with handed_over():
        moves = [Move.SHELVE, Move.CHOOSE, Move.SHELVE, Move.CHOOSE]
        threads = [threading.Thread(target=race, args=(move,)) for move in moves]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)

    assert outcomes.count("invalid_move") == 3
    (winner,) = [outcome for outcome in outcomes if outcome != "invalid_move"]
    assert services.TargetObject.objects.get(id=target.id).state == MOVES[Move(winner)][1]
    assert AuditEvent.objects.filter(subject_id=target.id).count() == 1
