"""Facts of Zoho as tables: hosts, scopes, limits, codes. Each fact stands once, with its source; code asks
the table."""
