"""What `bench.perf` measures against: a plain reading of each paper, on stock layers."""
