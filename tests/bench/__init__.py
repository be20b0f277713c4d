"""Speed, as ratios between commands that run in turn on the same machine. Not part of ``make test``."""
