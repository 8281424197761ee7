"""How a run begins, afresh or again, and how it ends."""
