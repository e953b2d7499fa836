"""What compared poses becomes what compares judgements of all stages (`workforce.SecondOpinion`)."""

from django.db import migrations
from django.utils import timezone

MEASURES = ("add_s", "rotation_degrees", "translation_over_diameter", "scale_ratio")
ADD_S_BAR = 0.1


def carry_over(apps, schema_editor):
    """Each pose that was asked for again, with its check where it was made."""
    second_opinion = apps.get_model("workforce", "SecondOpinion")
    asked = apps.get_model("alignment", "Alignment").objects.filter(reference__isnull=False)
    rows = asked.select_related("check_of", "work_item__judgement", "reference__work_item__judgement")
    for alignment in rows.iterator():
        purpose = alignment.work_item.purpose
        if purpose not in ("gold", "overlap"):
            continue  # nothing opens such a one
        row = second_opinion(
            stage="alignment",
            purpose=purpose,
            state="asked",
            reference_id=alignment.reference.work_item_id,
            work_item_id=alignment.work_item_id,
        )
        check = getattr(alignment, "check_of", None)
        if check is not None:
            row.state = "compared"
            row.person_id = alignment.work_item.judgement.user_id
            row.reference_person_id = alignment.reference.work_item.judgement.user_id
            row.measures = {"both_posed": True} | {name: getattr(check, name) for name in MEASURES}
            row.agrees = check.add_s < ADD_S_BAR
            row.compared_at = alignment.scored_at or timezone.now()
        row.save()


class Migration(migrations.Migration):

    dependencies = [
        ("alignment", "0001_initial"),
        ("workforce", "0003_second_opinions_and_reviews"),
    ]

    operations = [
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RemoveField(model_name="alignment", name="reference"),
        migrations.DeleteModel(name="PoseCheck"),
    ]
