"""Second opinions and reviews; judgements learn the stage of their work item."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


STAGES_OF_JUDGEMENTS = """
UPDATE workforce_judgement AS judgement SET stage = item.stage
FROM workforce_workitem AS item WHERE item.id = judgement.work_item_id AND item.stage <> judgement.stage;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('workforce', '0002_roles_and_append_only_audit'),
    ]

    operations = [
        migrations.CreateModel(
            name='SecondOpinion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stage', models.CharField(choices=[('mask', 'Mask'), ('selection', 'Selection'), ('artist', 'Artist'), ('alignment', 'Alignment')], max_length=10)),
                ('purpose', models.CharField(choices=[('gold', 'Gold'), ('overlap', 'Overlap')], max_length=10)),
                ('state', models.CharField(choices=[('wanted', 'Wanted'), ('asked', 'Asked'), ('compared', 'Compared'), ('dropped', 'Dropped')], default='wanted', max_length=10)),
                ('agrees', models.BooleanField(help_text="The headline; what it says is decided by the stage's room.", null=True)),
                ('measures', models.JSONField(default=dict, help_text='All that was measured, by name; null where it has no sense.')),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='How often the worker began to compare.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('compared_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [
                    models.Index(condition=models.Q(('state__in', ['wanted', 'asked'])), fields=['id'], name='secondopinion_pending'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('state__in', ['wanted', 'asked', 'compared', 'dropped'])), name='secondopinion_state_known'),
                    models.CheckConstraint(condition=models.Q(('purpose__in', ['gold', 'overlap'])), name='secondopinion_purpose_known'),
                ],
            },
        ),
        migrations.CreateModel(
            name='StageShares',
            fields=[
                ('stage', models.CharField(choices=[('mask', 'Mask'), ('selection', 'Selection'), ('artist', 'Artist'), ('alignment', 'Alignment')], max_length=10, primary_key=True, serialize=False)),
                ('gold_share', models.FloatField(default=0, help_text='Gold tasks for each judgement that collects, from 0 to 1.')),
                ('overlap_share', models.FloatField(default=0, help_text='Share of judgements that somebody else repeats.')),
                ('changed_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name_plural': 'stage shares',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('gold_share__gte', 0), ('gold_share__lte', 1), ('overlap_share__gte', 0), ('overlap_share__lte', 1)), name='stageshares_range'),
                ],
            },
        ),
        migrations.RemoveIndex(
            model_name='workitem',
            name='workitem_claimable',
        ),
        migrations.AddField(
            model_name='judgement',
            name='disagrees',
            field=models.BooleanField(db_default=False, default=False, help_text='A second opinion is another one.'),
        ),
        migrations.AddField(
            model_name='judgement',
            name='redone_as',
            field=models.OneToOneField(help_text='The item that wants it once more, where it was sent back.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='redoes', to='workforce.workitem'),
        ),
        migrations.AddField(
            model_name='judgement',
            name='review',
            field=models.CharField(choices=[('unreviewed', 'Unreviewed'), ('accepted', 'Accepted'), ('gold', 'Gold'), ('returned', 'Returned'), ('requeued', 'Requeued')], db_default='unreviewed', default='unreviewed', max_length=10),
        ),
        migrations.AddField(
            model_name='judgement',
            name='reviewed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='judgement',
            name='reviewed_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='judgement',
            name='set_aside_at',
            field=models.DateTimeField(help_text='Counts for nothing from then on.', null=True),
        ),
        migrations.AddField(
            model_name='judgement',
            name='stage',
            field=models.CharField(choices=[('mask', 'Mask'), ('selection', 'Selection'), ('artist', 'Artist'), ('alignment', 'Alignment')], default='mask', help_text='Of the work item, for the indexes.', max_length=10),
            preserve_default=False,
        ),
        migrations.RunSQL(STAGES_OF_JUDGEMENTS, migrations.RunSQL.noop),
        migrations.AddField(
            model_name='workitem',
            name='note',
            field=models.CharField(blank=True, db_default='', default='', help_text='From a reviewer, shown with the task.', max_length=1000),
        ),
        migrations.AddField(
            model_name='workitem',
            name='reserved_for',
            field=models.ForeignKey(db_index=False, help_text='The only one who may claim it, and gets it before anything else.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='judgement',
            index=models.Index(models.F('stage'), models.OrderBy(models.F('disagrees'), descending=True), models.OrderBy(models.F('submitted_at'), descending=True), models.OrderBy(models.F('work_item_id'), descending=True), condition=models.Q(('review', 'unreviewed')), name='judgement_to_review'),
        ),
        migrations.AddIndex(
            model_name='judgement',
            index=models.Index(condition=models.Q(('review', 'gold')), fields=['stage'], name='judgement_gold'),
        ),
        migrations.AddIndex(
            model_name='workitem',
            index=models.Index(condition=models.Q(('reserved_for__isnull', True), ('state', 'open')), fields=['stage', 'priority_band', 'random_key'], name='workitem_claimable'),
        ),
        migrations.AddIndex(
            model_name='workitem',
            index=models.Index(condition=models.Q(('reserved_for__isnull', False), ('state', 'open')), fields=['reserved_for', 'stage'], name='workitem_reserved'),
        ),
        migrations.AddConstraint(
            model_name='judgement',
            constraint=models.CheckConstraint(condition=models.Q(('review__in', ['unreviewed', 'accepted', 'gold', 'returned', 'requeued'])), name='judgement_review_known'),
        ),
        migrations.AddConstraint(
            model_name='judgement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('review', 'unreviewed'), ('reviewed_at__isnull', True), ('reviewed_by__isnull', True)), models.Q(models.Q(('review', 'unreviewed'), _negated=True), ('reviewed_at__isnull', False), ('reviewed_by__isnull', False)), _connector='OR'), name='judgement_reviewed_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='judgement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('redone_as__isnull', False), ('review__in', ['returned', 'requeued']), ('set_aside_at__isnull', False)), models.Q(models.Q(('review__in', ['returned', 'requeued']), _negated=True), ('redone_as__isnull', True)), _connector='OR'), name='judgement_sent_back_is_redone'),
        ),
        migrations.AddConstraint(
            model_name='judgement',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('review', 'gold'), _negated=True), ('set_aside_at__isnull', True), _connector='OR'), name='judgement_gold_counts'),
        ),
        migrations.AddField(
            model_name='secondopinion',
            name='drawn_by',
            field=models.ForeignKey(help_text='Its submit drew this; null: by hand.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workforce.workitem'),
        ),
        migrations.AddField(
            model_name='secondopinion',
            name='person',
            field=models.ForeignKey(db_index=False, help_text='Who gave it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='secondopinion',
            name='reference',
            field=models.ForeignKey(help_text='What it is compared with; of a gold task chosen when it is opened.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='second_opinions', to='workforce.workitem'),
        ),
        migrations.AddField(
            model_name='secondopinion',
            name='reference_person',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='secondopinion',
            name='work_item',
            field=models.OneToOneField(help_text='Who is asked, by what.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='second_opinion', to='workforce.workitem'),
        ),
        migrations.AddIndex(
            model_name='secondopinion',
            index=models.Index(condition=models.Q(('state', 'compared')), fields=['person'], name='secondopinion_of_person'),
        ),
        migrations.AddIndex(
            model_name='secondopinion',
            index=models.Index(condition=models.Q(('state', 'compared')), fields=['reference_person'], name='secondopinion_of_reference'),
        ),
        migrations.AddConstraint(
            model_name='secondopinion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['asked', 'compared']), _negated=True), models.Q(('reference__isnull', False), ('work_item__isnull', False)), _connector='OR'), name='secondopinion_asked_has_both'),
        ),
        migrations.AddConstraint(
            model_name='secondopinion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('agrees__isnull', False), ('compared_at__isnull', False), ('person__isnull', False), ('reference_person__isnull', False), ('state', 'compared')), models.Q(models.Q(('state', 'compared'), _negated=True), ('agrees__isnull', True), ('compared_at__isnull', True)), _connector='OR'), name='secondopinion_compared_whole'),
        ),
        migrations.AddConstraint(
            model_name='secondopinion',
            constraint=models.CheckConstraint(condition=models.Q(('reference__isnull', True), models.Q(('reference', models.F('work_item')), _negated=True), _connector='OR'), name='secondopinion_of_another_item'),
        ),
        migrations.AddConstraint(
            model_name='secondopinion',
            constraint=models.CheckConstraint(condition=models.Q(('person__isnull', True), models.Q(('person', models.F('reference_person')), _negated=True), _connector='OR'), name='secondopinion_of_another_person'),
        ),
        migrations.AddConstraint(
            model_name='secondopinion',
            constraint=models.UniqueConstraint(fields=('drawn_by', 'purpose'), name='secondopinion_drawn_once'),
        ),
        migrations.AddConstraint(
            model_name='secondopinion',
            constraint=models.UniqueConstraint(fields=('reference', 'person'), name='secondopinion_once_a_person'),
        ),
    ]
