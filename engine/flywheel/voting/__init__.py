"""Evaluations: people vote between the outputs of models on fixed sets, blind (paper D.2).

Registered before they run, generated once, voted on one pair at a time, rated by Bradley–Terry, published whatever
comes out. Nothing here is training data: candidates, votes and work items have tables of their own that no snapshot
reads (`docs/adr/0013-votes-are-not-comparisons.md`).
"""
