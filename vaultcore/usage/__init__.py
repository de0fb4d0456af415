"""What requests used and what that cost."""
