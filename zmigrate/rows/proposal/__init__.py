"""What `map` proposes for a file."""
