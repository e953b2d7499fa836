"""Second opinions: opens what submits have drawn, and compares what was answered. Done by the engine's worker.

A gold task has a known answer (a judgement that a reviewer marked); it is kept for the person whose submit drew it and
who never judged its subject. An overlap goes to anybody but those who judged the subject. Neither moves a target on nor
enters a snapshot, and nothing that an annotator's browser is told says which is which.
"""

from dataclasses import dataclass
from functools import partial
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog
from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Value
from django.db.models.functions import MD5, Cast, Concat
from django.utils import timezone

from engine.lifecycle import SECOND_LOOKS
from engine.sending import send_soon
from engine.workforce import services as workforce
from engine.workforce.draws import SETTLE_TASK
from engine.workforce.models import Judgement, SecondOpinion, StageShares, User, WorkItem
from engine.workforce.second_look import NothingToCompare, second_look

BATCH = 200
MAX_ATTEMPTS = 5

log = structlog.get_logger(__name__)


def settle() -> int:
    """Open what is wanted, drop what was withdrawn, compare what is answered; return how many rows went on.

    Any number of processes may do this at once. A row that fails is logged and tried again, a limited number of times;
    it holds no other up.
    """
    wanted = SecondOpinion.objects.filter(state=SecondOpinion.State.WANTED).order_by("id")
    asked = SecondOpinion.objects.filter(state=SecondOpinion.State.ASKED, attempts__lt=MAX_ATTEMPTS).order_by("id")
    asked.filter(work_item__state=WorkItem.State.CANCELLED).update(state=SecondOpinion.State.DROPPED)
    opened = sum(_open(opinion_id) for opinion_id in list(wanted.values_list("id", flat=True)[:BATCH]))
    answered = asked.filter(work_item__state=WorkItem.State.DONE).values_list("id", flat=True)
    return opened + sum(_try_to_compare(opinion_id) for opinion_id in list(answered[:BATCH]))


@dataclass(frozen=True)
class Shares:
    """How often a judgement of a stage that collects draws another one, from 0 to 1."""

    stage: str
    gold_share: float = 0.0
    overlap_share: float = 0.0


def all_shares() -> list[Shares]:
    """Of every stage that can be judged twice."""
    known = {row.stage: row for row in StageShares.objects.all()}
    return [
        Shares(stage, known[stage].gold_share, known[stage].overlap_share) if stage in known else Shares(stage)
        for stage in SECOND_LOOKS
    ]


@transaction.atomic
def set_shares(*, actor: User, stage: str, gold_share: float, overlap_share: float) -> Shares:
    """Draw so many from now on.

    Raises:
        NothingToCompare: judgements of this stage are not judged twice.
    """
    second_look(stage)
    StageShares.objects.update_or_create(
        stage=stage, defaults={"gold_share": gold_share, "overlap_share": overlap_share}
    )
    workforce.audit(
        actor=actor,
        subject_kind="stage_shares",
        subject_id=uuid5(NAMESPACE_OID, f"stage_shares/{stage}"),
        verb="set_shares",
        stage=stage,
        gold_share=gold_share,
        overlap_share=overlap_share,
    )
    return Shares(stage, gold_share, overlap_share)


@transaction.atomic
def ask_somebody_else(*, work_item_id: UUID) -> SecondOpinion:
    """Want a judgement once more from a colleague of its author, soon and whatever the shares say.

    Raises:
        NothingToCompare: it is not there, counts for nothing any more, is a second opinion itself, or is asked about.
    """
    known = Judgement.objects.filter(
        pk=work_item_id, set_aside_at=None, work_item__purpose=WorkItem.Purpose.COLLECT
    ).first()
    pending = [SecondOpinion.State.WANTED, SecondOpinion.State.ASKED]
    if known is None or SecondOpinion.objects.filter(reference=work_item_id, state__in=pending).exists():
        raise NothingToCompare(
            "There is no such judgement, or somebody else is asked about it already.",
            what_to_do="Choose one that counts and is no second opinion itself.",
            work_item=str(work_item_id),
        )
    second_look(known.stage)
    transaction.on_commit(partial(send_soon, SETTLE_TASK))
    return SecondOpinion.objects.create(stage=known.stage, purpose=WorkItem.Purpose.OVERLAP, reference_id=work_item_id)


@transaction.atomic
def _open(opinion_id: int) -> bool:
    opinion = (
        SecondOpinion.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("reference", "drawn_by__judgement__user")
        .filter(id=opinion_id, state=SecondOpinion.State.WANTED)
        .first()
    )
    if opinion is None:
        return False  # another process is at it
    person = None
    if opinion.purpose == WorkItem.Purpose.GOLD and opinion.drawn_by is not None:
        person = opinion.drawn_by.judgement.user
        opinion.reference = _gold_for(person, opinion=opinion)
    reference = opinion.reference
    try:
        if reference is None:
            raise NothingToCompare("No gold task of this stage is left for this person.")
        with transaction.atomic():
            _ask(opinion, reference=reference, reserved_for=person)
    except NothingToCompare as refusal:
        log.info("second_opinion_dropped", opinion=opinion_id, purpose=opinion.purpose, why=refusal.message)
        SecondOpinion.objects.filter(id=opinion_id).update(state=SecondOpinion.State.DROPPED)
    return True


def _ask(opinion: SecondOpinion, *, reference: WorkItem, reserved_for: User | None) -> None:
    counts = Judgement.objects.filter(work_item=reference, set_aside_at=None)
    if not counts.exists():
        raise NothingToCompare("The judgement was sent back meanwhile.", work_item=str(reference.id))
    item = workforce.create_work_item(
        stage=opinion.stage,
        subject_id=reference.subject_id,
        purpose=opinion.purpose,
        priority_band=reference.priority_band,
        barred_user_ids=judges_of(reference),
        reserved_for=reserved_for,
    )
    second_look(opinion.stage).ask_again(reference=reference, work_item=item)
    opinion.reference, opinion.work_item, opinion.state = reference, item, SecondOpinion.State.ASKED
    opinion.save(update_fields=["reference", "work_item", "state"])


def judges_of(item: WorkItem) -> list[int]:
    """Ids of all who judged the item's subject in its stage, for whatever purpose."""
    judged = Judgement.objects.filter(work_item__subject_id=item.subject_id, work_item__stage=item.stage)
    return list(judged.values_list("user_id", flat=True).distinct())


def _gold_for(person: User, *, opinion: SecondOpinion) -> WorkItem | None:
    """A gold judgement on something that `person` neither judged nor is being asked about; the draw decides which."""
    same_subject = {"work_item__subject_id": OuterRef("work_item__subject_id"), "work_item__stage": opinion.stage}
    waiting = WorkItem.objects.live().filter(
        stage=opinion.stage, subject_id=OuterRef("work_item__subject_id"), reserved_for=person
    )
    golden = (
        Judgement.objects.filter(stage=opinion.stage, review=Judgement.Review.GOLD)
        .exclude(Exists(Judgement.objects.filter(user=person, **same_subject)))
        .exclude(Exists(waiting))
        .annotate(
            drawn=MD5(
                Concat(Cast("work_item_id", CharField()), Value(str(opinion.drawn_by_id)), output_field=CharField())
            )
        )
        .order_by("drawn")
        .select_related("work_item")
        .first()
    )
    return None if golden is None else golden.work_item


def _try_to_compare(opinion_id: int) -> bool:
    SecondOpinion.objects.filter(id=opinion_id).update(attempts=F("attempts") + 1)
    try:
        return _compare(opinion_id)
    except Exception:  # one that cannot be compared is logged, and no other waits for it
        log.exception("second_opinion_not_compared", opinion=opinion_id)
        return False


@transaction.atomic
def _compare(opinion_id: int) -> bool:
    opinion = (
        SecondOpinion.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("reference__judgement", "work_item__judgement")
        .filter(id=opinion_id, state=SecondOpinion.State.ASKED)
        .first()
    )
    if opinion is None or opinion.reference is None or opinion.work_item is None:
        return False
    agreement = second_look(opinion.stage).compare(opinion.work_item, opinion.reference)
    opinion.person_id = opinion.work_item.judgement.user_id
    opinion.reference_person_id = opinion.reference.judgement.user_id
    opinion.agrees, opinion.measures = agreement.agrees, dict(agreement.measures)
    opinion.state, opinion.compared_at = SecondOpinion.State.COMPARED, timezone.now()
    opinion.save()
    if not agreement.agrees:
        known = opinion.purpose == WorkItem.Purpose.GOLD
        differing = [opinion.work_item_id, *([] if known else [opinion.reference_id])]
        Judgement.objects.filter(pk__in=differing).update(disagrees=True)
    return True
