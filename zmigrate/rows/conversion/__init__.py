"""Turns a value into what Zoho takes, by its field's type."""
