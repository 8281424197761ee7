"""The wire to Zoho: tokens, limits, requests, answers, records, metadata. Knows no jobs and no journals."""
