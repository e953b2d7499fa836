"""Groups for the roles, the trigger that keeps the audit log append-only, and room for updates in the hot table."""

from django.db import migrations

ROLES = ("annotator", "reviewer", "artist", "ml_engineer", "admin")

REFUSE_CHANGES = """
CREATE FUNCTION workforce_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only: % is refused.', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Add a row that corrects the earlier one.';
END
$$;
CREATE TRIGGER workforce_audit_append_only BEFORE UPDATE OR DELETE ON workforce_auditevent
    FOR EACH ROW EXECUTE FUNCTION workforce_audit_is_append_only();
"""

ALLOW_CHANGES = """
DROP TRIGGER workforce_audit_append_only ON workforce_auditevent;
DROP FUNCTION workforce_audit_is_append_only();
"""

# Every work item is updated at least twice: leave space on its page, and vacuum early so that claims stay quick.
ROOM_FOR_UPDATES = """
ALTER TABLE workforce_workitem SET
    (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
"""

DEFAULT_ROOM = """
ALTER TABLE workforce_workitem RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
"""


def make_groups(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for role in ROLES:
        group.objects.get_or_create(name=role)


class Migration(migrations.Migration):
    dependencies = [("workforce", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.RunPython(make_groups, migrations.RunPython.noop),
        migrations.RunSQL(REFUSE_CHANGES, ALLOW_CHANGES),
        migrations.RunSQL(ROOM_FOR_UPDATES, DEFAULT_ROOM),
    ]
