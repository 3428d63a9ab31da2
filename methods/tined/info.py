"""What there is to know of `tined` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="tined",
    title="Teacher injection and Dirichlet energy distillation",
    paper="TINED: GNNs-to-MLPs by Teacher Injection and Dirichlet Energy Distillation",
    venue="ICML",
    year=2025,
    url="https://proceedings.mlr.press/v267/zhou25a.html",
    family="GNN to MLP",
    target=".method:TINED",
    tasks=("node-classification",),
    students=("mlp",),
    student_models=("mlp",),
    inference="features",
    variants={
        "paper": "a weighted sum a step of glnn's terms and of the squared differences between student and teacher in "
        "the logarithms of how each layer changes the Dirichlet energy. The student has two layers for each of the "
        "teacher's, whose widths are the teacher's: one starts from the teacher's weight and bias, one stands for its "
        "propagation. Teachers: gcn, sage with the aggregator gcn, gat. Traps: an activation stands between all "
        "layers, so also behind a propagation and before the last, and is ReLU where gat has ELU; rows "
        "are normalised by norms that pass no gradient, "
        "so that the energy does not change with a row's length and its gradient does; dropout of a student as narrow "
        "as the classes before its last layer costs much (on Cora 59.9 with GLNN's student, dropout 0.6, and 80.6 with "
        "none, lr 0.005, 500 epochs), and the released settings have little or none; released "
        "code selects by the validation loss, and lets patience count from half of its 500 epochs on. TINED+, which "
        "adds NOSMOG's terms, is not part of it",
        "official_code": "steps on the labels, on the teacher and on the energies apart, the last once an epoch on the "
        "whole graph; energies are compared by the square roots of their ratios, which quarters the loss of logarithms",
    },
    own_term={"inject": False, "start": "random", "energy_weight": 0.0},
    without_own_term="glnn",
)
