"""GFKD, graph-free knowledge distillation (Deng and Zhang, IJCAI 2021), and the two baselines of its tables.

`padded` holds many small graphs as dense blocks that any model reads, `inversion` makes graphs that a frozen teacher
recognises, `method` distils the student on them.
"""
