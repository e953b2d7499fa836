"""Readers of collections of photographs with masks. Each yields what it finds; `intake` registers it and reports."""
