"""The one statement that moves a target: state, time and audit row together, in one round trip."""

# The row is locked before it is compared, so that of several moves at once each sees the state that the one before it
# left, and the audit row names the true origin. No row comes back where the state is not among %(sources)s.
MOVE_TARGET = """
WITH found AS MATERIALIZED (
    SELECT id, state FROM sourcing_targetobject
    WHERE id = %(id)s AND state = ANY (%(sources)s)
    FOR UPDATE
),
moved AS (
    UPDATE sourcing_targetobject AS target
    SET state = %(destination)s, state_changed_at = %(now)s
    FROM found
    WHERE target.id = found.id
    RETURNING target.*, found.state AS from_state
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, %(actor)s, 'target', id, %(verb)s, from_state, state, %(facts)s::jsonb
    FROM moved
)
SELECT * FROM moved
"""
