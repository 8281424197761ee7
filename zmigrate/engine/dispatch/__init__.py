"""The loop: batches are sent, and what became of them is found out."""
