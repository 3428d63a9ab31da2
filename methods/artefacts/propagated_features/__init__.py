"""Features propagated over some hops (Wu et al. 2019)."""
