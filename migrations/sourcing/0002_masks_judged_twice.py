"""A proposal can be shown to a second person as the first one saw it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sourcing', '0001_initial'),
        ('workforce', '0003_second_opinions_and_reviews'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='masktask',
            name='masktask_refined_has_masks',
        ),
        migrations.RemoveConstraint(
            model_name='masktask',
            name='masktask_judges_or_proposes',
        ),
        migrations.AddField(
            model_name='masktask',
            name='category',
            field=models.CharField(blank=True, db_default='', default='', help_text='As answered; empty: what was shown.', max_length=200),
        ),
        migrations.AddField(
            model_name='masktask',
            name='shown_category',
            field=models.CharField(blank=True, db_default='', default='', help_text='As it was when judged.', max_length=200),
        ),
        migrations.AddField(
            model_name='masktask',
            name='shown_counts',
            field=models.JSONField(help_text="Where the proposal is not the target's present mask: its run lengths, as seen before.", null=True),
        ),
        migrations.AlterField(
            model_name='masktask',
            name='refined_counts',
            field=models.JSONField(help_text='Run lengths of the mask drawn, where refined; of a second opinion also where proposed.', null=True),
        ),
        migrations.AddConstraint(
            model_name='masktask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('proposed_counts__isnull', False), ('refined_counts__isnull', False), ('verdict', 'refine')), models.Q(('proposed_counts__isnull', True), ('verdict', 'propose')), models.Q(models.Q(('verdict__in', ['refine', 'propose']), _negated=True), ('proposed_counts__isnull', True), ('refined_counts__isnull', True)), _connector='OR'), name='masktask_refined_has_masks'),
        ),
        migrations.AddConstraint(
            model_name='masktask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('target__isnull', False), ('wants_proposal', False)), models.Q(('target__isnull', False), ('verdict', 'propose'), ('wants_proposal', True)), models.Q(('refined_counts__isnull', False), ('verdict', 'propose'), ('wants_proposal', True)), models.Q(('target__isnull', True), ('wants_proposal', True), models.Q(('verdict', 'propose'), _negated=True)), _connector='OR'), name='masktask_judges_or_proposes'),
        ),
    ]
