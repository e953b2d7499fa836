"""The statements of Stage 1 that must be one round trip each: state, audit row and all that belongs to it."""

# The row is locked before it is compared, so that of several moves at once each sees the state that the one before it
# left, and the audit row names the true origin. No row comes back where the state is not among %(sources)s. What the
# move corrects about the target is written with it; null leaves it as it is.
MOVE_TARGET = """
WITH found AS MATERIALIZED (
    SELECT id, state FROM sourcing_targetobject
    WHERE id = %(id)s AND state = ANY (%(sources)s)
    FOR UPDATE
),
moved AS (
    UPDATE sourcing_targetobject AS target
    SET state = %(destination)s,
        state_changed_at = %(now)s,
        mask_counts = coalesce(%(mask_counts)s::jsonb, target.mask_counts),
        mask_area_px = coalesce(%(mask_area_px)s::int, target.mask_area_px),
        category = coalesce(%(category)s::text, target.category),
        free_category = coalesce(%(free_category)s::text, target.free_category)
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

# No row comes back where `source` names a target of the image already. %(answers)s is the task in which a person marked
# it, %(asks)s the work item of the task that asks people about it; its row may follow within the transaction.
PROPOSE_TARGET = """
WITH proposed AS (
    INSERT INTO sourcing_targetobject
        (id, image_id, source, mask_counts, mask_area_px, category, free_category, description, state,
         state_changed_at, created_at)
    VALUES (%(id)s, %(image)s, %(source)s, %(mask_counts)s::jsonb, %(mask_area_px)s, %(category)s, %(free_category)s,
            %(description)s, 'proposed', %(now)s, %(now)s)
    ON CONFLICT (image_id, source) DO NOTHING
    RETURNING *
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, %(actor)s, 'target', id, 'propose', '', state, jsonb_build_object('source', source)
    FROM proposed
),
answered AS (
    UPDATE sourcing_masktask AS task
    SET verdict = 'propose', target_id = proposed.id
    FROM proposed
    WHERE task.work_item_id = %(answers)s
),
asked AS (
    INSERT INTO sourcing_masktask (work_item_id, image_id, target_id, wants_proposal, hint, verdict, discard_reason)
    SELECT %(asks)s::uuid, image_id, id, false, '', '', ''
    FROM proposed
    WHERE %(asks)s::uuid IS NOT NULL
)
SELECT * FROM proposed
"""

# Each reason counts once; state and audit row change where the photograph was not refused before.
REFUSE_IMAGE = """
WITH given AS (
    INSERT INTO sourcing_imagerefusal (image_id, reason, note, created_at)
    VALUES (%(image)s, %(reason)s, %(note)s, %(now)s)
    ON CONFLICT (image_id, reason) DO NOTHING
),
found AS MATERIALIZED (
    SELECT id, screening FROM sourcing_image WHERE id = %(image)s AND screening <> 'refused' FOR UPDATE
),
refused AS (
    UPDATE sourcing_image AS image
    SET screening = 'refused'
    FROM found
    WHERE image.id = found.id
    RETURNING image.id, found.screening AS from_state
)
INSERT INTO workforce_auditevent
    (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
SELECT %(now)s, %(actor)s, 'image', id, 'refuse', from_state, 'refused',
       jsonb_build_object('reasons', ARRAY[%(reason)s::text])
FROM refused
"""
