"""Scripted people who work through the public HTTP API alone: rehearsal, load and demo. Imports only contracts."""
