"""Facts of Zoho as tables: hosts, scopes, limits, codes. Each fact is here once, with its source."""
