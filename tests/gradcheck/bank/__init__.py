"""The first bank of planted bugs."""
