"""The statement that starts a tournament: its row and what is shown in it, in one round trip."""

# Returns the presentations. `ids` and `candidates` are arrays of the same length, in order of appearance.
START = """
WITH started AS (
    INSERT INTO selection_tournament (selection_id, annotator_id, seed, started_at)
    VALUES (%(selection)s, %(annotator)s, %(seed)s, %(now)s)
    RETURNING id
)
INSERT INTO selection_presentation (id, tournament_id, candidate_id, "order", load_failures)
SELECT shown.id, started.id, shown.candidate_id, shown.place - 1, 0
FROM started
CROSS JOIN unnest(%(ids)s::uuid[], %(candidates)s::uuid[]) WITH ORDINALITY AS shown (id, candidate_id, place)
RETURNING *
"""
