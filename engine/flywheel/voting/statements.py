"""The statement that starts a voting: its row and what is shown in it, in one round trip."""

# Returns the showings. `ids` and `entries` are arrays of the same length, in order of appearance.
START = """
WITH started AS (
    INSERT INTO flywheel_voting (ballot_id, voter_id, seed, started_at)
    VALUES (%(ballot)s, %(voter)s, %(seed)s, %(now)s)
    RETURNING id
)
INSERT INTO flywheel_showing (id, voting_id, entry_id, "order", load_failures)
SELECT shown.id, started.id, shown.entry_id, shown.place - 1, 0
FROM started
CROSS JOIN unnest(%(ids)s::uuid[], %(entries)s::uuid[]) WITH ORDINALITY AS shown (id, entry_id, place)
RETURNING *
"""
