"""Measurements of what must stay quick. `make bench` runs them all and prints one JSON object.

A module here offers `measure() -> dict`: it makes what it needs, measures, removes it, and returns JSON values with
units in their names.
"""
