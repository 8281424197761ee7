"""The wire to Zoho: tokens, limits, requests, answers, records, metadata. Knows nothing of jobs and
journals."""
