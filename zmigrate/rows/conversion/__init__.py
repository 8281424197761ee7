"""A value becomes what Zoho takes, by its field's type."""
