"""The contract between a distillation method and the engine that trains it.

A method is a `torch.nn.Module` that owns its student and whatever else it trains (projection heads,
discriminators). Most methods write `loss` alone. The other doors are there for those that need them:

========================================  ======================================================================
what a method may need                    where it stands
========================================  ======================================================================
trainable heads inside a loss             create them in `setup`; they are parameters of the module
teacher logits, hidden states, edges      `batch.teacher.logits`, `.hidden`, `.edges`, `.graph`
any other tensor of a teacher, by name    `batch.teacher.state("preactivation.-1")`, see `contract.taps`
any other tensor of the student, by name  `student_states`, then `student.state("layers.0.linear")`; or `taps` around a
                                          forward of one's own
state, epoch and step hooks               attributes, `on_epoch_start`, `on_epoch_end`, `step`
transform of the targets                  `setup` may replace `self.teachers`
transform of the student's inputs         `inputs`, called before every forward, in training and at inference
losses and divergences of the task        `self.task.label_loss`, `self.task.divergence`, `self.task.items`
what is known of nodes, edges, graphs     `graph.node_columns`, `.edge_columns`, `.graph_columns`; every view cuts them
columns of graphs in place of nodes       `graph.as_rows` in `inputs`, and `reads_graph_columns = True`
a teacher made anew from a teacher        `MethodInfo.derived_teacher` and a method that makes it
what such a teacher hands on whole        `handed_on` of what makes it; `teacher.whole[name]`
what is computed once for all trials      `MethodInfo.artefacts`; `self.context.artefacts[name]`, or node columns
which nodes a view holds                  `graph.node_ids`
typed edges                               `graph.edge_type`, `graph.propagation(kind, relation)`
what is worked out once for a graph       `graph.cached`
several optimisers, min-max steps         `optimizers`, and `step`, which hands terms to the engine's `update`
a schedule of the learning rate           `rate_factor`
several teachers, several students        `self.teachers`; build more students in `setup` by `new_student`, and say
                                          in `predictions` and `judged_by` how they are judged
a prediction made by several networks      `inference_modules`, all of which the speed measurement counts, and
                                          `predicts_by_item` where a request needs no more than they read
a student that reads a column             `serving`, so that it can be saved and used without its method
a warm-up that is no result               `may_be_kept`
no teacher                                `MethodInfo.teacher = "none"`
no training data                          `MethodInfo.training_data = False`; override `batches`; a teacher is its
                                          name and its network alone
long work before the first epoch          `prepare`, one `yield` per piece
the last state instead of the best        `selects_on_validation = False`
the node set a term acts on               `batch.positions("labelled" | "observed" | "unlabelled")`
========================================  ======================================================================
"""

from __future__ import annotations

from graph_distillery.methods.contract.artefact import ArtefactMaker
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Items
from graph_distillery.methods.contract.method import Context, Hyperparameters, Method, Update
from graph_distillery.methods.contract.optimiser import OptimiserSettings, adam
from graph_distillery.methods.contract.serving import Serving
from graph_distillery.methods.contract.taps import taps
from graph_distillery.methods.contract.task import Task
from graph_distillery.methods.contract.views import Batch, BatchSource, NodeSet, Output, Teacher, TrainingData

__all__ = [
    "ArtefactMaker",
    "Batch",
    "BatchSource",
    "Context",
    "Graph",
    "Hyperparameters",
    "Items",
    "Method",
    "NodeSet",
    "OptimiserSettings",
    "Output",
    "Serving",
    "Task",
    "Teacher",
    "TrainingData",
    "Update",
    "adam",
    "taps",
]
