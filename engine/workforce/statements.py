"""The statements of the hot table that must be one round trip each: state, audit row and all that belongs to it.

Every statement takes named parameters and returns rows of `workforce_workitem`.
"""

# Twenty probes of the partial index `workitem_claimable`, made one after the other until one finds a row: for each
# band in order, from the random entry point upwards, then from zero to the entry point. Rows that another claim has
# locked at this moment are skipped, so nobody waits and nobody gets the same row. What is kept for the person comes
# before all that (index `workitem_reserved`): gold tasks, and what a reviewer returned. A person who already holds as
# many items as allowed gets the newest of those again, with the same token and more time.
CLAIM = """
WITH held AS MATERIALIZED (
    SELECT id, subject_id, state, claimed_at
    FROM workforce_workitem
    WHERE holder_id = %(user)s AND stage = %(stage)s AND state IN ('open', 'leased')
    FOR UPDATE
),
resumed AS MATERIALIZED (
    SELECT id, state FROM held ORDER BY claimed_at, id OFFSET %(leases)s - 1 LIMIT 1
),
claimed AS (
    UPDATE workforce_workitem AS item
    SET state = 'leased',
        holder_id = %(user)s,
        fencing_token = item.fencing_token + CASE WHEN EXISTS (SELECT 1 FROM resumed) THEN 0 ELSE 1 END,
        claimed_at = CASE WHEN EXISTS (SELECT 1 FROM resumed) THEN item.claimed_at ELSE %(now)s END,
        lease_expires_at = %(expires)s
    WHERE item.id = coalesce(
        (SELECT id FROM resumed),
        (SELECT id
         FROM workforce_workitem
         WHERE reserved_for_id = %(user)s AND stage = %(stage)s AND state = 'open'
           AND NOT (%(user)s = ANY (barred_user_ids))
           AND subject_id NOT IN (SELECT subject_id FROM held)
         ORDER BY created_at, id
         LIMIT 1
         FOR UPDATE SKIP LOCKED),
        (SELECT found.id
         FROM generate_series(0, 19) AS probe
         CROSS JOIN LATERAL (
            SELECT id
            FROM workforce_workitem
            WHERE stage = %(stage)s
              AND state = 'open'
              AND reserved_for_id IS NULL
              AND priority_band = probe / 2
              AND random_key >= CASE probe %% 2 WHEN 0 THEN %(entry)s ELSE 0 END
              AND random_key < CASE probe %% 2 WHEN 0 THEN 1 ELSE %(entry)s END
              AND NOT (%(user)s = ANY (barred_user_ids))
              AND subject_id NOT IN (SELECT subject_id FROM held)
            ORDER BY random_key
            LIMIT 1
            FOR UPDATE SKIP LOCKED
         ) AS found
         LIMIT 1)
    )
    RETURNING item.*
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, %(user)s, 'work_item', claimed.id,
           CASE WHEN resumed.id IS NULL THEN 'claim' ELSE 'take_up_again' END, 'open', 'leased',
           jsonb_build_object('fencing_token', fencing_token)
    FROM claimed LEFT JOIN resumed ON true
    WHERE resumed.id IS NULL OR resumed.state = 'open'
)
SELECT * FROM claimed
"""

# All rows that a submit writes are locked in one order, so that two siblings' submits never wait for each other, and
# compared as the lock found them. No row comes back where the token is no longer good. Whoever has judged one sibling
# may not judge another. A judgement that collects draws second opinions by the shares of its stage (`draws`).
SUBMIT = """
WITH live AS MATERIALIZED (
    SELECT id, state, holder_id, fencing_token
    FROM workforce_workitem
    WHERE (subject_id, stage) = (SELECT subject_id, stage FROM workforce_workitem WHERE id = %(id)s)
      AND state IN ('preparing', 'open', 'leased')
    ORDER BY id
    FOR UPDATE
),
done AS (
    UPDATE workforce_workitem AS item
    SET state = 'done', done_at = %(now)s
    FROM live
    WHERE item.id = live.id AND live.id = %(id)s
      AND live.state <> 'preparing' AND live.holder_id = %(user)s AND live.fencing_token = %(token)s
    RETURNING item.*, live.state AS from_state
),
barred AS (
    UPDATE workforce_workitem AS sibling
    SET barred_user_ids = array_append(sibling.barred_user_ids, %(user)s::bigint)
    FROM done
    WHERE sibling.subject_id = done.subject_id AND sibling.stage = done.stage
      AND sibling.state IN ('preparing', 'open', 'leased') AND sibling.id <> done.id
      AND NOT (%(user)s = ANY (sibling.barred_user_ids))
),
judged AS (
    INSERT INTO workforce_judgement
        (work_item_id, user_id, stage, fencing_token, duration_ms, guideline_version, submitted_at)
    SELECT id, %(user)s, stage, fencing_token, %(duration_ms)s, %(guideline_version)s, %(now)s FROM done
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, %(user)s, 'work_item', id, 'submit', from_state, 'done',
           jsonb_build_object('fencing_token', fencing_token, 'duration_ms', %(duration_ms)s::int)
    FROM done
),
cleared AS (
    DELETE FROM workforce_draft WHERE work_item_id = %(id)s AND user_id = %(user)s AND EXISTS (SELECT 1 FROM done)
),
wanted AS (
    INSERT INTO workforce_secondopinion
        (stage, purpose, state, drawn_by_id, reference_id, measures, attempts, created_at)
    SELECT done.stage, draw.purpose, 'wanted', done.id, CASE draw.purpose WHEN 'overlap' THEN done.id END, '{}', 0,
           %(now)s
    FROM done
    JOIN workforce_stageshares AS shares ON shares.stage = done.stage
    CROSS JOIN (VALUES ('gold', %(gold_draw)s::float8), ('overlap', %(overlap_draw)s::float8)) AS draw (purpose, drawn)
    WHERE done.purpose = 'collect'
      AND draw.drawn < CASE draw.purpose WHEN 'gold' THEN shares.gold_share ELSE shares.overlap_share END
    RETURNING id
)
SELECT done.*, (SELECT count(*) FROM wanted) AS opinions_wanted FROM done
"""

CREATE = """
WITH created AS (
    INSERT INTO workforce_workitem
        (id, stage, purpose, subject_id, state, priority_band, random_key, barred_user_ids, reserved_for_id,
         note, fencing_token, skip_count, created_at)
    VALUES (%(id)s, %(stage)s, %(purpose)s, %(subject)s, %(state)s, %(band)s, %(random_key)s, %(barred)s::bigint[],
            %(reserved)s, %(note)s, 0, 0, %(now)s)
    RETURNING *
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, NULL, 'work_item', id, 'create', '', state,
           jsonb_build_object('stage', stage, 'purpose', purpose, 'target', subject_id)
    FROM created
)
SELECT * FROM created
"""

# Expired leases go back in one statement. The token and the holder stay: until somebody else claims the item, its
# last holder may still submit. Rows under a lock are being submitted or extended right now, so they are left alone.
EXPIRE = """
WITH overdue AS MATERIALIZED (
    SELECT id FROM workforce_workitem
    WHERE state = 'leased' AND lease_expires_at <= %(now)s
    ORDER BY lease_expires_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
reopened AS (
    UPDATE workforce_workitem AS item
    SET state = 'open', lease_expires_at = NULL
    FROM overdue
    WHERE item.id = overdue.id
    RETURNING item.*
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, NULL, 'work_item', id, 'expire', 'leased', 'open',
           jsonb_build_object('fencing_token', fencing_token, 'holder', holder_id)
    FROM reopened
)
SELECT * FROM reopened
"""

CANCEL = """
WITH live AS MATERIALIZED (
    SELECT id, state FROM workforce_workitem
    WHERE subject_id = ANY (%(subjects)s::uuid[]) AND stage = ANY (%(stages)s::text[])
      AND state IN ('preparing', 'open', 'leased')
    ORDER BY id
    FOR UPDATE
),
cancelled AS (
    UPDATE workforce_workitem AS item
    SET state = 'cancelled', lease_expires_at = NULL
    FROM live
    WHERE item.id = live.id
    RETURNING item.*, live.state AS from_state
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, %(actor)s, 'work_item', id, 'cancel', from_state, 'cancelled', '{}'::jsonb
    FROM cancelled
)
SELECT * FROM cancelled
"""

# No row comes back where the token is no longer good.
WITHDRAW = """
WITH held AS MATERIALIZED (
    SELECT id, state FROM workforce_workitem
    WHERE id = %(id)s AND state IN ('open', 'leased') AND holder_id = %(user)s AND fencing_token = %(token)s
    FOR UPDATE
),
withdrawn AS (
    UPDATE workforce_workitem AS item
    SET state = 'cancelled', lease_expires_at = NULL
    FROM held
    WHERE item.id = held.id
    RETURNING item.*, held.state AS from_state
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, %(user)s, 'work_item', id, 'cancel', from_state, 'cancelled', '{}'::jsonb
    FROM withdrawn
)
SELECT * FROM withdrawn
"""

# Rows under a lock are being claimed: their place in the queue does not matter any more.
SET_BANDS = """
WITH wanted AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(bands)s::smallint[]) AS wanted (id, band)
),
found AS MATERIALIZED (
    SELECT item.id, wanted.band
    FROM workforce_workitem AS item JOIN wanted USING (id)
    WHERE item.state = 'open' AND item.priority_band NOT IN (0, %(last_band)s) AND item.priority_band <> wanted.band
    ORDER BY item.id
    FOR UPDATE OF item SKIP LOCKED
)
UPDATE workforce_workitem AS item SET priority_band = found.band FROM found WHERE item.id = found.id
"""

# A judgement goes back: it is set aside with all that was judged on the target since and collects (artists have a
# review of their own). Gold among these is gold no more. The audit row names them.
SEND_BACK = """
WITH since AS MATERIALIZED (
    SELECT judgement.work_item_id
    FROM workforce_judgement AS judgement
    JOIN workforce_workitem AS item ON item.id = judgement.work_item_id
    WHERE item.subject_id = %(subject)s AND item.purpose = 'collect' AND item.stage <> 'artist'
      AND judgement.submitted_at > %(submitted_at)s AND judgement.set_aside_at IS NULL
      AND judgement.work_item_id <> %(id)s
    ORDER BY judgement.work_item_id
    FOR UPDATE OF judgement
),
stood_on_it AS (
    UPDATE workforce_judgement AS judgement
    SET set_aside_at = %(now)s, review = CASE review WHEN 'gold' THEN 'accepted' ELSE review END
    FROM since
    WHERE judgement.work_item_id = since.work_item_id
    RETURNING judgement.work_item_id
),
sent_back AS (
    UPDATE workforce_judgement
    SET review = %(review)s, reviewed_by_id = %(reviewer)s, reviewed_at = %(now)s, set_aside_at = %(now)s,
        redone_as_id = %(redone_as)s
    WHERE work_item_id = %(id)s
    RETURNING *
),
audited AS (
    INSERT INTO workforce_auditevent
        (at, actor_id, subject_kind, subject_id, verb, from_state, to_state, facts)
    SELECT %(now)s, %(reviewer)s, 'judgement', work_item_id, %(verb)s, %(from_state)s, review,
           jsonb_build_object(
               'redone_as', redone_as_id,
               'note', %(note)s::text,
               'set_aside', (SELECT coalesce(jsonb_agg(work_item_id ORDER BY work_item_id), '[]') FROM stood_on_it))
    FROM sent_back
)
SELECT * FROM sent_back
"""
