"""Estimators of point maps: what a photograph looks like in three dimensions, guessed from itself."""
