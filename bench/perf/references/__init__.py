"""Plain readings of the papers, as most public code writes them: what `distillery perf` measures the suite against."""
