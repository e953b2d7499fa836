"""The life of an evaluation: registered before it runs, generated once, voted on, closed or withdrawn."""

import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from engine.contracts.generation import GENERATE_TASK, GenerateRequest, GenerateStart
from engine.contracts.serialisation import from_json
from engine.flywheel.tasks import record_entry_reply, record_entry_start
from engine.flywheel.voting import advancing, ballots, generating, registering
from engine.flywheel.voting.models import Ballot, Entry, Evaluation, EvaluationTarget
from engine.flywheel.voting.registering import ContenderPlan, UnusableEvaluation
from engine.flywheel.voting.states import MOVES, IllegalMove, State, enter
from engine.lifecycle import State as TargetState
from engine.selection.tournament import Answer
from engine.workforce import services as workforce
from engine.workforce.models import AuditEvent, Stage, WorkItem
from tests import factories as make
from tests.evaluations import box_glb, generate_all, items_of, registered, reply_to, some_target, voting

pytestmark = pytest.mark.django_db


def state_of(evaluation: Evaluation) -> str:
    return Evaluation.objects.values_list("state", flat=True).get(pk=evaluation.pk)


def finish(user, task) -> None:
    while task.progress.pair is not None:
        held = {"user": user, "work_item_id": task.work_item.id, "token": task.work_item.fencing_token}
        progress = ballots.vote(**held, answer=Answer.LEFT, duration_ms=900)
        task = ballots.BallotTask(ballot=task.ballot, work_item=task.work_item, progress=progress)
    ballots.hand_in(
        user=user,
        work_item_id=task.work_item.id,
        token=task.work_item.fencing_token,
        duration_ms=2000,
        guideline_version="voting-v1",
    )


# Registering


def test_the_whole_plan_is_in_the_audit_log_before_anything_is_made(engineer, sent):
    version = make.make_model_version(name="k1-dpo")
    fixed = registering.freeze_set(name="kitchen", target_ids=[some_target().id], actor=engineer)
    plans = [
        ContenderPlan(name="k1", model_version="k1-dpo", parameters={"steps": 10}),
        ContenderPlan(name="lib", generator="retrieval"),
    ]
    evaluation = registering.register(
        name="k1 against lib", set_name=fixed.name, contenders=plans, baseline="lib", seeds=[3, 4], actor=engineer
    )
    event = AuditEvent.objects.get(subject_kind="evaluation", subject_id=evaluation.id)
    assert (event.verb, event.actor, event.facts["set"], event.facts["baseline"]) == (
        "register",
        engineer,
        "kitchen",
        "lib",
    )
    assert event.facts["contenders"][0] == {
        "name": "k1",
        "generator": "sam3d",
        "model_version": "k1-dpo",
        "parameters": {"steps": 10},
    }
    assert evaluation.contenders.get(name="k1").model_version == version
    assert state_of(evaluation) == State.REGISTERED
    advancing.advance_evaluations()
    assert not Entry.objects.exists()
    assert [name for name, _ in sent if name == GENERATE_TASK] == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": " "}, "no name"),
        ({"contenders": [ContenderPlan(name="a")]}, "2 to 20 contenders"),
        ({"contenders": [ContenderPlan(name="a"), ContenderPlan(name="a ")]}, "different names"),
        ({"contenders": [ContenderPlan(name="a"), ContenderPlan(name="b", generator="")]}, "no generator"),
        ({"contenders": [ContenderPlan(name="a"), ContenderPlan(name="b", model_version="k9")]}, "k9"),
        ({"baseline": "zoe"}, "none of its contenders"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, "different seeds"),
        ({"seeds": [-1]}, "a seed lies in"),
        ({"voters_per_item": 0}, "voters per item"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(changes, said):
    with pytest.raises(UnusableEvaluation, match=said):
        registered(**changes)


def test_names_are_taken_once():
    first = registered(name="the one")
    with pytest.raises(registering.EvaluationNameTaken):
        registered(name="the one")
    with pytest.raises(registering.EvaluationNameTaken):
        registering.freeze_set(name=first.set.name, target_ids=[some_target().id])
    with pytest.raises(registering.NoSuchEvaluationSet, match=first.set.name):
        registering.register(
            name="x", set_name="nowhere", contenders=[ContenderPlan(name="a"), ContenderPlan(name="b")]
        )


def test_sets_are_of_verified_targets_and_stay_as_they_are():
    target = some_target(state=TargetState.DONE)
    proposed = some_target(state=TargetState.PROPOSED)
    with pytest.raises(UnusableEvaluation, match=str(proposed.id)):
        registering.freeze_set(name="x", target_ids=[target.id, proposed.id])
    fixed = registering.freeze_set(name="x", target_ids=[target.id, target.id])
    before = EvaluationTarget.objects.values().get(set=fixed)
    target.mask_counts, target.category = [0, 64 * 48], "rocket"
    target.save()
    assert EvaluationTarget.objects.values().get(set=fixed) == before


# Generating


def test_every_contender_is_asked_once_for_every_target_and_seed_as_frozen(sent):
    version = make.make_model_version(name="k1")
    target = some_target(category="mug")
    plans = [ContenderPlan(name="k1", model_version="k1", parameters={"steps": 4}), ContenderPlan("lib", "retrieval")]
    evaluation = registered(targets=[target, some_target()], contenders=plans, seeds=[5, 6])
    frozen = list(target.mask_counts)
    target.mask_counts = [0, 64 * 48]
    target.save()
    advancing.start(evaluation_id=evaluation.id)
    advancing.advance_evaluations()
    advancing.advance_evaluations()
    requests = [from_json(GenerateRequest, kwargs["message"]) for name, kwargs in sent if name == GENERATE_TASK]
    asked = [(request.generator, request.target.target_id, request.seeds) for request in requests]
    assert len(asked) == len(set(asked)) == 8
    own = next(one for one in requests if one.generator == "sam3d" and one.target.target_id == str(target.id))
    assert own.model.model_version_id == str(version.id)
    assert own.parameters == {"steps": 4}
    assert list(own.target.mask.counts) == frozen
    assert own.reply_task == "engine.flywheel.tasks.record_entry_reply"
    assert next(one for one in requests if one.generator == "retrieval").model is None
    with pytest.raises(IllegalMove):
        advancing.start(evaluation_id=evaluation.id)
    assert Entry.objects.count() == 8


def test_an_answer_counts_once_and_comes_in_by_the_task(sent):
    from engine.contracts.serialisation import to_json

    evaluation = registered("ada", "bea")
    advancing.start(evaluation_id=evaluation.id)
    advancing.advance_evaluations()
    entry = Entry.objects.select_related("item", "contender").first()
    start = GenerateStart(run_id=str(entry.id), attempt=1, worker="w1")
    record_entry_start(message=to_json(start))
    entry.refresh_from_db()
    assert entry.worker == "w1"
    reply, again = reply_to(entry, content=box_glb(1)), reply_to(entry, content=box_glb(2))
    record_entry_reply(message=to_json(reply))
    assert not generating.record_entry_reply(reply=again)
    entry.refresh_from_db()
    assert entry.mesh_id == reply.candidates[0].mesh.sha256
    assert not generating.record_entry_reply(reply=reply_to(entry, run_id="0b0d9cf1-5d0e-4f2a-8a1e-7a2b4a2f9c11"))


def test_a_silent_generator_is_asked_again_and_given_up(settings, sent):
    evaluation = registered("ada", "bea")
    advancing.start(evaluation_id=evaluation.id)
    for attempt in range(settings.LATHE_GENERATION_ATTEMPTS + 1):
        advancing.advance_evaluations(now=timezone.now() + timedelta(hours=attempt * 24))
    assert set(Entry.objects.values_list("status", flat=True)) == {"failed"}
    assert "no answer within" in Entry.objects.first().error
    assert state_of(evaluation) == State.CLOSED
    assert Evaluation.objects.get().note == "no item has two candidates to compare"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"failing": "out of memory"}, "out of memory"),
        ({"content": b"no mesh"}, "GLB|glTF|mesh"),
        ({"candidates": ()}, "returned nothing"),
    ],
)
def test_a_failed_generation_is_a_recorded_fact_and_the_rest_is_voted_on(answer, error, voter):
    evaluation = voting(
        "ada", "bea", "cia", answer=lambda entry: reply_to(entry, **(answer if entry.contender.name == "bea" else {}))
    )
    assert state_of(evaluation) == State.VOTING
    failed = Entry.objects.get(status="failed")
    assert failed.contender.name == "bea"
    assert re.search(error, failed.error)
    assert ballots.claim(user=voter).progress.standing.rounds == 1  # two are left


def test_textures_need_colours(voter):
    evaluation = voting(
        "ada",
        "bea",
        "cia",
        coloured=True,
        answer=lambda entry: reply_to(entry, content=box_glb(9, coloured=entry.contender.name != "cia")),
    )
    assert "no colours" in Entry.objects.get(status="failed").error
    task = ballots.claim(user=voter)
    assert (task.modality, task.guidelines.version) == ("texture", "voting-texture-v1")
    assert evaluation.coloured


def test_nobody_votes_before_every_contender_has_answered_and_can_be_shown(voter):
    evaluation = registered("ada", "bea")
    advancing.start(evaluation_id=evaluation.id)
    advancing.advance_evaluations()
    first, second = Entry.objects.select_related("item", "contender")
    generating.record_entry_reply(reply=reply_to(first))
    advancing.advance_evaluations()
    assert ballots.claim(user=voter) is None
    generating.record_entry_reply(reply=reply_to(second))
    advancing.advance_evaluations()
    assert state_of(evaluation) == State.GENERATING  # the views are wanted first
    generating.make_missing_entry_views()
    assert advancing.advance_evaluations() == 1
    assert ballots.claim(user=voter) is not None
    assert WorkItem.objects.get().purpose == WorkItem.Purpose.EVALUATE


def test_opening_the_voting_again_changes_nothing():
    evaluation = voting("ada", "bea", targets=2, voters_per_item=3)
    assert Ballot.objects.count() == 6
    with pytest.raises(IllegalMove):
        advancing.open_voting(evaluation.id)
    assert Ballot.objects.count() == WorkItem.objects.count() == 6


# Voting and its end


def test_it_closes_by_itself_once_everybody_voted(voter, other_voter):
    evaluation = voting("ada", "bea", targets=2, voters_per_item=2)
    for user in (voter, other_voter):
        for _ in range(2):
            finish(user, ballots.claim(user=user))
        assert ballots.claim(user=user) is None  # each item once for each person
    assert advancing.advance_evaluations() == 1
    assert state_of(evaluation) == State.CLOSED
    assert Evaluation.objects.get().ended_at is not None


def test_ended_by_hand_what_is_under_way_is_withdrawn_from_the_voter(voter, engineer):
    evaluation = voting("ada", "bea", targets=2)
    finish(voter, ballots.claim(user=voter))
    task = ballots.claim(user=voter)
    advancing.close(evaluation_id=evaluation.id, actor=engineer)
    with pytest.raises(workforce.WorkItemClosed):
        finish(voter, task)
    assert sorted(WorkItem.objects.values_list("state", flat=True)) == ["cancelled", "done"]
    assert Ballot.objects.filter(counted__isnull=False).count() == 1


def test_withdrawing_needs_a_reason_and_keeps_everything(voter, engineer):
    evaluation = voting("ada", "bea")
    finish(voter, ballots.claim(user=voter))
    with pytest.raises(advancing.ReasonMissing):
        advancing.withdraw(evaluation_id=evaluation.id, reason=" ", actor=engineer)
    advancing.withdraw(evaluation_id=evaluation.id, reason="the set was trained on", actor=engineer)
    found = Evaluation.objects.get()
    assert (found.state, found.note) == (State.WITHDRAWN, "the set was trained on")
    assert Ballot.objects.filter(counted__isnull=False).count() == 1


def test_nothing_is_sent_for_an_evaluation_that_was_withdrawn(sent):
    evaluation = registered("ada", "bea")
    advancing.start(evaluation_id=evaluation.id)
    advancing.withdraw(evaluation_id=evaluation.id, reason="a slip")
    advancing.advance_evaluations()
    assert [name for name, _ in sent if name == GENERATE_TASK] == []


@pytest.mark.parametrize(("source", "wanted"), list(itertools.product(State, State)))
def test_every_move_is_legal_or_refused(source, wanted):
    evaluation = registered()
    ended = timezone.now() if source in (State.CLOSED, State.WITHDRAWN) else None
    Evaluation.objects.filter(pk=evaluation.pk).update(state=source, ended_at=ended, note="why")
    if wanted in MOVES[source]:
        enter(evaluation_id=evaluation.id, state=wanted, note="why")
        assert state_of(evaluation) == wanted
    else:
        with pytest.raises(IllegalMove, match=f"is {source}"), transaction.atomic():
            enter(evaluation_id=evaluation.id, state=wanted, note="why")
        assert state_of(evaluation) == source


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "closed"},
        {"state": "withdrawn", "ended_at": datetime(2026, 11, 30, tzinfo=UTC)},
        {"state": "lost"},
        {"voters_per_item": 0},
    ],
)
def test_the_database_refuses_what_no_evaluation_can_be(changes):
    evaluation = registered()
    with pytest.raises(IntegrityError), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(**changes)


def test_two_evaluations_on_one_target_do_not_bar_each_others_voters(voter):
    target = some_target()
    voting("ada", "bea", targets=[target])
    voting("cia", "dot", targets=[target])
    for _ in range(2):
        finish(voter, ballots.claim(user=voter))
    assert Ballot.objects.filter(counted__voter=voter).count() == 2


def test_a_target_is_left_where_it_is_by_being_evaluated(voter):
    target = some_target(state=TargetState.ALIGNING)
    evaluation = registered("ada", "bea", targets=[target])
    advancing.start(evaluation_id=evaluation.id)
    generate_all(evaluation)
    finish(voter, ballots.claim(user=voter))
    target.refresh_from_db()
    assert target.state == TargetState.ALIGNING
    assert items_of(evaluation)[0].target.target == target
    assert workforce.claim(user=voter, stage=Stage.SELECTION) is None
