"""Paired measurements against plain Docker Compose: `python -m benchmarks`. They print; they never fail a build."""
