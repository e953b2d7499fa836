"""A frozen snapshot cannot be changed, by whatever road."""

from django.db import migrations

CREATE = """
CREATE FUNCTION datasets_snapshot_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'frozen' THEN
        RAISE EXCEPTION 'the snapshot of iteration % is frozen: it cannot be changed or deleted', OLD.iteration
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE FUNCTION datasets_shard_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM datasets_snapshot
        WHERE status = 'frozen'
          AND id IN (
              CASE TG_OP WHEN 'INSERT' THEN NEW.snapshot_id ELSE OLD.snapshot_id END,
              CASE TG_OP WHEN 'DELETE' THEN OLD.snapshot_id ELSE NEW.snapshot_id END
          )
    ) THEN
        RAISE EXCEPTION 'the snapshot is frozen: its files cannot be added to, changed or deleted'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER snapshot_stays BEFORE UPDATE OR DELETE ON datasets_snapshot
    FOR EACH ROW EXECUTE FUNCTION datasets_snapshot_stays();
CREATE TRIGGER shard_stays BEFORE INSERT OR UPDATE OR DELETE ON datasets_shard
    FOR EACH ROW EXECUTE FUNCTION datasets_shard_stays();
"""

DROP = """
DROP TRIGGER shard_stays ON datasets_shard;
DROP TRIGGER snapshot_stays ON datasets_snapshot;
DROP FUNCTION datasets_shard_stays();
DROP FUNCTION datasets_snapshot_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
