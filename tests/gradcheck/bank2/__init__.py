"""The second bank of planted bugs, written without sight of the rules that judge it."""
