"""`manage.py evaluation`, as an engineer types it."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from engine.flywheel.voting.models import Evaluation
from engine.lifecycle import State
from tests import factories as make
from tests.desks import BallotDesk
from tests.evaluations import contender_of, generate_all, some_target

pytestmark = pytest.mark.django_db


def said(*words: str) -> str:
    out = StringIO()
    call_command("evaluation", *words, stdout=out)
    return out.getvalue()


def test_from_a_set_to_printed_results(voter, tmp_path: Path):
    make.make_model_version(name="k1-dpo")
    some_target()
    some_target(state=State.PROPOSED)
    assert "kitchen is frozen with 1 targets." in said("freeze-set", "kitchen", "--newest", "5")
    plan = ["--set", "kitchen", "--contender", "k1=sam3d:k1-dpo", "--contender", "lib=retrieval", "--baseline", "lib"]
    assert "k1 against lib is generating." in said("register", "k1 against lib", *plan, "--seeds", "1", "2", "--start")
    evaluation = Evaluation.objects.get()
    assert evaluation.contenders.get(name="k1").model_version.name == "k1-dpo"
    generate_all(evaluation)
    desk = BallotDesk(voter)
    for _ in range(2):
        task = desk.claim()
        side = "left" if contender_of(task["pair"]["left"]) == "k1" else "right"
        desk.hand_in(desk.vote_all(task, lambda pair, side=side: side))
    assert "k1 against lib is closed." in said("close", "k1 against lib")
    printed = said("results", "k1 against lib")
    assert "lib (baseline)" in printed
    assert "2 votes on 1 targets, 2 of 2 ballots" in printed
    file = tmp_path / "results.json"
    found = json.loads(said("results", "k1 against lib", "--json", "--output", str(file)))
    assert found == json.loads(file.read_text())
    assert found["contenders"][0]["wins"] == 2
    assert found["contenders"][0]["elo"] > 0
    said("withdraw", "k1 against lib", "--reason", "the set was trained on")
    assert "the set was trained on" in said("list")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("results", "nothing"), "There is no evaluation 'nothing'"),
        (("register", "x", "--set", "nowhere", "--contender", "a=b"), "There is no set 'nowhere'"),
        (("register", "x", "--set", "nowhere", "--contender", "sam3d"), "give NAME=GENERATOR"),
        (("freeze-set", "x", "--newest", "3"), "at least one target"),
    ],
)
def test_what_cannot_be_done_is_said(db, words, why):
    with pytest.raises(CommandError, match=why):
        said(*words)
