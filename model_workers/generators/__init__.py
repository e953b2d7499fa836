"""Generators: whatever proposes shapes for a target. `protocol` says what one is, `registry` finds them."""
