"""The checks before the first write."""
