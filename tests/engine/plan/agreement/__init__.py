"""Proof that a plan and its run agree, row by row: random files full of collisions, planned, then run."""
