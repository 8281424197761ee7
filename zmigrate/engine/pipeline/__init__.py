"""From rows of the source to batches that may be sent."""
