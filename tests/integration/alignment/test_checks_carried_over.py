"""The migration that turned checks of poses into second opinions of all stages loses none."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from engine.workforce.models import SecondOpinion, Stage
from tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(*targets):
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets) or executor.loader.graph.leaf_nodes())
    return MigrationExecutor(connection).loader


@pytest.fixture
def before():
    """The models as they were, and the tables with them."""
    loader = migrate(("alignment", "0001_initial"))
    yield loader.project_state([*loader.graph.leaf_nodes("workforce"), ("alignment", "0001_initial")]).apps
    migrate()


def test_checked_and_unchecked_poses_become_second_opinions(before, own_store):
    alignments, checks = before.get_model("alignment", "Alignment"), before.get_model("alignment", "PoseCheck")
    candidate = make.make_candidate(request=make.make_request())
    ann, bob, cleo = (make.make_user() for _ in range(3))

    def asked(purpose, user, *, reference=None):
        state = "open" if user is None else "done"
        item = make.make_work_item(stage=Stage.ALIGNMENT, target=candidate.target, state=state, purpose=purpose)
        if user is not None:
            make.make_judgement(item=item, user=user)
        return alignments.objects.create(
            work_item_id=item.id,
            target_id=candidate.target_id,
            candidate_id=candidate.id,
            reference=reference,
        )

    known = asked("collect", ann)
    near, far = asked("gold", bob, reference=known), asked("overlap", cleo, reference=known)
    waiting = asked("overlap", None, reference=known)
    for alignment, add_s in ((near, 0.02), (far, 0.3)):
        checks.objects.create(
            alignment=alignment,
            reference=known,
            add_s=add_s,
            rotation_degrees=4.0,
            translation_over_diameter=0.1,
            scale_ratio=1.25,
        )

    migrate()
    found = {opinion.work_item_id: opinion for opinion in SecondOpinion.objects.all()}
    assert set(found) == {near.pk, far.pk, waiting.pk}
    assert (found[near.pk].purpose, found[near.pk].agrees, found[near.pk].person_id) == ("gold", True, bob.pk)
    assert (found[far.pk].purpose, found[far.pk].agrees, found[far.pk].person_id) == ("overlap", False, cleo.pk)
    assert found[far.pk].measures["add_s"] == 0.3
    assert found[waiting.pk].state == "asked"
    assert {(opinion.reference_id, opinion.reference_person_id) for opinion in (found[near.pk], found[far.pk])} == {
        (known.pk, ann.pk)
    }
