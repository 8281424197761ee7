"""What `zmigrate plan` finds out: every row is read and judged, the org is asked, nothing is written."""
