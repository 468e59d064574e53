"""Workflow: what happens to a paid job, and when. Reaches the world only through its `ports`."""
