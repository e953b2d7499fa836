"""Untrusted meshes: read in a limited process, rewritten to the one canonical form. No Django; workers use it too."""
