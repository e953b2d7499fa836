"""Segmenters: from clicks, boxes and strokes to the mask of one object."""
