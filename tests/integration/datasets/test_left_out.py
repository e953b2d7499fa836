"""What a snapshot leaves out of its shards, and keeps in its indices."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.contracts.serialisation import from_json
from engine.datasets.holding_out import is_held_out
from engine.datasets.options import FreezeOptions
from engine.datasets.services import freeze, snapshot_ref
from engine.workforce.models import WorkItem
from tests import factories as make
from tests.integration.datasets.conftest import freeze_now, make_real_candidate, make_real_request
from tests.integration.datasets.frozen import examples, manifest, rows

pytestmark = pytest.mark.django_db


def test_ratings_under_the_bar_stay_in_the_indices_and_out_of_the_shards(judge) -> None:
    good, bad = judge("sam3d", "sam3d", rating=0.5), judge("sam3d", "sam3d", rating=0.49)
    snapshot = freeze_now(alpha=0.5)

    assert [example.example_id for example in examples(snapshot)] == [str(good.pk)]
    assert (snapshot.example_count, snapshot.below_alpha_count) == (1, 1)
    reasons = {row["example_id"]: (row["exported"], row["reason_dropped"]) for row in rows(snapshot, "index")}
    assert reasons == {str(good.pk): (True, ""), str(bad.pk): (False, "below_alpha")}
    assert [(row["exported"], row["reason_dropped"]) for row in rows(snapshot, "pairs")].count(
        (False, "below_alpha")
    ) == 1
    bad.refresh_from_db()
    assert bad.rating == 0.49


def test_pairs_with_negatives_of_other_generators_are_kept_and_not_exported(judge) -> None:
    judge("retrieval", "sam3d", "text_to_3d", "sam3d", compared=2)
    snapshot = freeze_now()

    (example,) = examples(snapshot)
    generators = [candidate.generator for candidate in example.candidates]
    assert generators == ["retrieval", "sam3d", "sam3d"]
    assert len(example.direct_pairs) == len(example.inferred_pairs) == 1
    assert {pair.winner for pair in (*example.direct_pairs, *example.inferred_pairs)} == {0}
    kept = {
        (row["kind"], row["loser_generator"], row["exported"], row["reason_dropped"]) for row in rows(snapshot, "pairs")
    }
    assert kept == {
        ("direct", "sam3d", True, ""),
        ("direct", "text_to_3d", False, "loser_generator"),
        ("inferred", "sam3d", True, ""),
    }
    assert manifest(snapshot)["counts"]["pairs"] == {
        "direct": {"exported": 1, "kept": 2},
        "inferred": {"exported": 1, "kept": 1},
        "dropped": {"loser_generator": 1},
    }
    assert manifest(snapshot)["options"]["dpo_loser_generators"] == ["sam3d"]


def test_a_mesh_that_stage_3_refused_is_no_example(judge) -> None:
    refused = judge("sam3d", "sam3d")
    make.make_alignment(candidate=refused.winner, pose=None, not_alignable="bad_mesh")
    snapshot = freeze_now()

    assert (snapshot.example_count, snapshot.direct_pair_count) == (0, 0)
    assert manifest(snapshot)["counts"]["examples_dropped"] == {"bad_mesh": 1}
    assert snapshot_ref(snapshot).shards == ()


def test_second_opinions_and_gold_items_are_no_examples(judge) -> None:
    judge("sam3d", "sam3d", purpose="overlap")
    judge("sam3d", "sam3d", purpose="gold")
    assert freeze_now().example_count == 0


@pytest.mark.parametrize("purpose", ["overlap", "gold"])
def test_a_second_opinion_neither_adds_to_an_example_nor_changes_it(judge, purpose: str) -> None:
    selection = judge("sam3d", "sam3d", "sam3d")
    pose = make.make_alignment(candidate=selection.winner)
    winner, *losers = [shown.candidate for shown in selection.tournament.presentations.order_by("order")]
    make.make_rated_selection(
        request=selection.request, candidates=[losers[0], winner, losers[1]], rating=0.95, purpose=purpose
    )
    other = make.make_alignment(candidate=selection.winner, pose=replace(make.POSE, translation=(1.0, 1.0, 5.0)))
    WorkItem.objects.filter(pk=other.pk).update(purpose=purpose)

    snapshot = freeze_now()
    (example,) = examples(snapshot)
    assert (example.example_id, example.rating) == (str(selection.pk), selection.rating)
    assert example.pose == from_json(type(make.POSE), pose.pose)
    assert (snapshot.direct_pair_count, snapshot.negative_count) == (2, 2)


def test_what_was_sent_back_is_left_out_of_later_snapshots_and_stays_in_earlier_ones(judge) -> None:
    kept, returned = judge("sam3d", "sam3d"), judge("sam3d", "sam3d")
    make.make_judgement(item=returned.work_item, user=make.make_user(), set_aside_at=timezone.now())
    make.make_judgement(item=kept.work_item, user=make.make_user())
    before = freeze(iteration=1, alpha=0.5, cutoff_at=timezone.now())
    assert [example.example_id for example in examples(before)] == [str(kept.pk)]

    late = judge("sam3d", "sam3d")
    cutoff_at = timezone.now()
    make.make_judgement(item=late.work_item, user=make.make_user(), set_aside_at=cutoff_at + timedelta(minutes=1))
    as_of_then = freeze(iteration=2, alpha=0.5, cutoff_at=cutoff_at)
    assert {example.example_id for example in examples(as_of_then)} == {str(kept.pk), str(late.pk)}


def test_a_pose_that_was_sent_back_is_left_out_alone(judge) -> None:
    selection = judge("sam3d", "sam3d")
    alignment = make.make_alignment(candidate=selection.winner)
    make.make_judgement(item=alignment.work_item, user=make.make_user(), set_aside_at=timezone.now())
    (example,) = examples(freeze_now())
    assert example.pose is None


def test_photographs_that_are_held_out_stay_in_the_indices_and_out_of_the_shards(judge) -> None:
    judged = [judge("sam3d", "sam3d", rating=0.9) for _ in range(12)]
    out = {str(one.pk) for one in judged if is_held_out(one.target.image.blob_id, 0.5)}
    assert 0 < len(out) < 12
    snapshot = freeze_now(options=FreezeOptions(held_out_share=0.5))

    assert {example.example_id for example in examples(snapshot)} == {str(one.pk) for one in judged} - out
    assert {row["example_id"] for row in rows(snapshot, "index") if row["reason_dropped"] == "held_out"} == out
    assert not any(row["exported"] for row in rows(snapshot, "pairs") if row["example_id"] in out)
    assert manifest(snapshot)["options"]["held_out_share"] == 0.5
    assert manifest(snapshot)["counts"]["examples_dropped"] == {"held_out": len(out)}


def test_an_artist_s_mesh_of_a_photograph_that_is_held_out_is_no_example(judge, collection) -> None:
    mesh = make_real_candidate(make_real_request(collection=collection), "artist")
    job = make.make_artist_job(accepted=mesh)
    snapshot = freeze_now(options=FreezeOptions(held_out_share=0.999_999))
    assert [(row["example_id"], row["reason_dropped"]) for row in rows(snapshot, "index")] == [
        (str(job.pk), "held_out")
    ]
