"""Makes container images of revisions: with an engine's builder from a Dockerfile, or without any engine.

Both ways start from the same plan (`plan.py`), so both images look alike from inside.
"""
