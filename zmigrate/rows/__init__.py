"""From bytes to a Zoho record: sources, values, keys. Knows nothing of the engine."""
