"""Features after every number of hops of propagation up to some (Zhang et al. 2021)."""
