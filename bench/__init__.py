"""The laboratory: turns a spec into records."""
