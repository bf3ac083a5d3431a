"""Other people's files: find hand-written pairs, supply inputs, run each apart, judge it."""
