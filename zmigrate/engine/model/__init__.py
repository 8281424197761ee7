"""The words of the engine as data: batches, outcomes, targets, keys, links."""
