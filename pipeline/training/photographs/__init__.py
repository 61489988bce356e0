"""Photographs in the training of healing: what people outlined, and what is painted on skin that has nothing.

Nothing of a photograph is written outside the folder of the training's caches.
"""
