"""What `zmigrate plan` finds out: every row read and judged, the org asked, nothing written."""
