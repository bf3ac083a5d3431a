"""Why a gradient is wrong: exact contract rules, pattern rules on the numbers, probes, ranking."""
