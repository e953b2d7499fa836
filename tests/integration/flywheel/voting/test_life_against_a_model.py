"""Any sequence of starts, answers, votes, undos, lost leases and ends, against a model of an evaluation's life.

The model is the contract in Python; PostgreSQL must agree with it after every step.
"""

from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from engine.errors import Conflict, NotFound
from engine.flywheel.voting import advancing, ballots, generating
from engine.flywheel.voting.models import Ballot, Entry, Evaluation, Vote
from engine.flywheel.voting.results import results
from engine.selection.tournament import Answer
from engine.workforce import services as workforce
from engine.workforce.models import WorkItem
from tests.evaluations import box_glb, registered, reply_to
from tests.factories import make_user

CONTENDERS = ("ada", "bea", "cia")
ITEMS = 2
VOTERS = 2


@dataclass
class Run:
    """What one person said of one ballot: the standing votes, and the length of the log."""

    standing: list[Answer] = field(default_factory=list)
    log: int = 0


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.people = [make_user() for _ in range(VOTERS + 1)]
        self.evaluation = registered(*CONTENDERS, targets=ITEMS, voters_per_item=VOTERS)
        self.state = "registered"
        self.made: dict[str, bool] = {}
        self.held: dict[int, ballots.BallotTask] = {}
        self.runs: dict[tuple[object, int], Run] = {}
        self.handed_in: dict[object, int] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def attempt(self, call, *, legal: bool) -> bool:
        """Make the call in a savepoint; it must be refused just where the contract says so."""
        try:
            with transaction.atomic():
                call()
        except (Conflict, NotFound):
            assert not legal
            return False
        assert legal
        return True

    @rule()
    def start(self) -> None:
        if self.attempt(lambda: advancing.start(evaluation_id=self.evaluation.id), legal=self.state == "registered"):
            self.state = "generating"

    @rule(fails=st.booleans(), twice=st.booleans())
    def a_generator_answers(self, fails: bool, twice: bool) -> None:
        advancing.advance_evaluations()
        entry = Entry.objects.select_related("item", "contender").filter(status="sent").order_by("id").first()
        if entry is None:
            return
        reply = reply_to(entry, failing="no" if fails else "", **({} if fails else {"content": box_glb(1)}))
        assert generating.record_entry_reply(reply=reply)
        if twice:
            assert not generating.record_entry_reply(reply=reply)
        self.made[str(entry.id)] = not fails

    @rule()
    def all_answer(self) -> None:
        if self.state != "generating":
            return
        while Entry.objects.filter(status__in=Entry.OPEN).exists():
            self.a_generator_answers(fails=False, twice=False)

    @rule()
    def the_timetable_turns(self) -> None:
        generating.make_missing_entry_views()
        advancing.advance_evaluations()
        if self.state == "generating" and len(self.made) == ITEMS * len(CONTENDERS):
            self.state = "voting" if Ballot.objects.exists() else "closed"
            usable = [self._usable(item.id) for item in self.evaluation.items.all()]
            assert Ballot.objects.count() == VOTERS * sum(count >= 2 for count in usable)
        elif self.state == "voting" and not WorkItem.objects.live().exists():
            self.state = "closed"

    @rule(person=st.integers(0, VOTERS))
    def claim(self, person: int) -> None:
        task = ballots.claim(user=self.people[person])
        if task is None:
            return
        assert self.state == "voting"
        for other in [one for one, theirs in self.held.items() if theirs.work_item.id == task.work_item.id]:
            del self.held[other]
        self.held[person] = task
        run = self.runs.setdefault((task.work_item.id, person), Run())
        assert task.progress.answers == run.standing
        assert task.progress.standing.rounds == self._usable(task.ballot.item_id) - 1

    @rule(person=st.integers(0, VOTERS), answer=st.sampled_from(Answer))
    def vote(self, person: int, answer: Answer) -> None:
        if (task := self.held.get(person)) is None:
            return
        run = self.runs[task.work_item.id, person]
        legal = self._open(task) and len(run.standing) < task.progress.standing.rounds
        said = self.attempt(lambda: ballots.vote(**self._proof(person), answer=answer, duration_ms=5), legal=legal)
        if said:
            run.standing.append(answer)
            run.log += 1

    @rule(person=st.integers(0, VOTERS))
    def take_back(self, person: int) -> None:
        if (task := self.held.get(person)) is None:
            return
        run = self.runs[task.work_item.id, person]
        if self.attempt(lambda: ballots.undo(**self._proof(person)), legal=self._open(task) and bool(run.standing)):
            run.standing.pop()
            run.log += 1

    @rule(person=st.integers(0, VOTERS))
    def hand_in(self, person: int) -> None:
        if (task := self.held.get(person)) is None:
            return
        run = self.runs[task.work_item.id, person]
        legal = self._open(task) and len(run.standing) == task.progress.standing.rounds
        proof = self._proof(person)
        if self.attempt(lambda: ballots.hand_in(**proof, duration_ms=9, guideline_version="voting-v1"), legal=legal):
            self.handed_in[task.work_item.id] = person
            del self.held[person]

    @rule(person=st.integers(0, VOTERS))
    def give_back(self, person: int) -> None:
        task = self.held.pop(person, None)
        if task is None:
            return
        proof = self._proof_of(person, task)
        self.attempt(lambda: workforce.release(**proof), legal=self._open(task))

    @rule(withdraw=st.booleans(), sure=st.integers(0, 3))
    def end(self, withdraw: bool, sure: int) -> None:
        if sure:  # rarely, or nothing else would happen
            return
        if withdraw:
            legal = self.state != "withdrawn"
            if self.attempt(lambda: advancing.withdraw(evaluation_id=self.evaluation.id, reason="why"), legal=legal):
                self.state = "withdrawn"
        elif self.attempt(lambda: advancing.close(evaluation_id=self.evaluation.id), legal=self.state == "voting"):
            self.state = "closed"

    @invariant()
    def the_database_agrees(self) -> None:
        evaluation = Evaluation.objects.get()
        assert evaluation.state == self.state
        assert (evaluation.ended_at is None) == (self.state not in ("closed", "withdrawn"))
        assert Vote.objects.count() == sum(run.log for run in self.runs.values())
        counted = dict(Ballot.objects.filter(counted__isnull=False).values_list("work_item_id", "counted__voter_id"))
        assert counted == {item: self.people[person].pk for item, person in self.handed_in.items()}
        if self.state in ("closed", "withdrawn"):
            assert not WorkItem.objects.live().exists()

    @invariant()
    def what_is_published_is_what_was_handed_in(self) -> None:
        counted = [answer for item, person in self.handed_in.items() for answer in self.runs[item, person].standing]
        found = results(Evaluation.objects.get())
        assert found["vote_count"] == len(counted)
        assert sum(map(sum, found["wins"])) == sum(answer != Answer.EQUAL for answer in counted)
        assert sum(map(sum, found["ties"])) == 2 * sum(answer == Answer.EQUAL for answer in counted)

    def _usable(self, item_id) -> int:
        return Entry.objects.filter(item_id=item_id, status="succeeded").count()

    def _open(self, task: ballots.BallotTask) -> bool:
        return self.state == "voting" and task.work_item.id not in self.handed_in

    def _proof(self, person: int) -> dict:
        return self._proof_of(person, self.held[person])

    def _proof_of(self, person: int, task: ballots.BallotTask) -> dict:
        return {
            "user": self.people[person],
            "work_item_id": task.work_item.id,
            "token": task.work_item.fencing_token,
        }


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.timeout(600)
def test_an_evaluation_lives_as_its_model_says():
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
