"""The author's page: what a job is, its options, its writes, its references."""
