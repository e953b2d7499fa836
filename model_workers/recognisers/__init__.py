"""Recognisers name the objects of a photograph; grounders mark what a name means."""
