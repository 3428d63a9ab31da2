"""The checks, as a class that pytest collects once it is subclassed."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from typing import Any, ClassVar
from zlib import crc32

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from graph_distillery.bench.conformance import own_term
from graph_distillery.bench.conformance.checks import (
    best_constant,
    check,
    course,
    digest,
    drawn,
    losses,
    predictions,
    refused,
    same_result,
    space_disagreements,
    traces,
)
from graph_distillery.bench.conformance.examples import (
    DRAWS,
    MARGIN,
    SHORT,
    STUDENTS,
    Case,
    cases_of,
    example_on,
    first_run,
    later_run,
    sample_of,
    short_run,
    tasks_of,
    wrong_labels,
)
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.judging import lent
from graph_distillery.bench.training.problem import ProblemKey
from graph_distillery.bench.training.speed import answer
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.contract import Method, Output
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.info import ANY_TASK
from graph_distillery.methods.tasks.registry import TASKS
from graph_distillery.search_spaces import load_space


class MethodConformance:
    """Subclass it, name the method, and let pytest collect the subclass."""

    method: ClassVar[str]

    @classmethod
    def methods(cls) -> tuple[str, ...]:
        """The methods that are checked."""
        return (cls.method,)

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Called by pytest: a test that takes `case` runs on every case, one that takes `info` once a method.

        Where the project knows a marker `slow`, cases that are not in the sample carry it, and so does every case of
        the runs of full length.
        """
        if "case" in metafunc.fixturenames:
            import pytest

            known = any(line.partition(":")[0] == "slow" for line in metafunc.config.getini("markers"))
            full = metafunc.function.__name__ == self.test_runs_of_full_length_are_the_same.__name__
            cases = [
                pytest.param(case, marks=[pytest.mark.slow] if known and (full or case not in sample) else [])
                for name in self.methods()
                for sample in [sample_of(name)]
                for case in cases_of(name)
            ]
            metafunc.parametrize("case", cases, ids=str)
        if "info" in metafunc.fixturenames:
            metafunc.parametrize("info", [METHODS.get(name) for name in self.methods()], ids=lambda info: info.name)

    # The catalogue, the docstring and the search space

    def test_catalogue_entry_is_complete(self, info: MethodInfo) -> None:
        named = re.fullmatch(r"[a-z0-9]+([-+][a-z0-9]+)*", info.name)
        check(bool(named), f"name {info.name!r}: lower case and dashes, + between methods that are joined")
        for field in ("title", "paper", "venue", "family"):
            check(bool(getattr(info, field)), f"{field} is empty")
        if info.family != "control":
            check(1950 <= info.year <= 2100, f"year {info.year}")
            check(info.url.startswith("https://"), f"url {info.url!r} is not https")
        check(
            info.tasks == ANY_TASK or (bool(info.tasks) and set(info.tasks) <= set(TASKS.names)), f"tasks {info.tasks}"
        )
        check(set(info.students) <= set(STUDENTS), f"students {info.students}")
        check(next(iter(info.variants)) == "paper", "the first variant is not 'paper'")
        check(all(info.variants.values()), "a variant has no description")

    def test_documented_with_its_source(self, info: MethodInfo) -> None:
        loaded = METHODS.load(info.name)
        check(issubclass(loaded, Method), f"{info.target} is no Method")
        own = loaded.__dict__.get("__doc__") or ""
        check(bool(own.strip()), f"class {loaded.__name__} has no docstring")
        text = (sys.modules[loaded.__module__].__doc__ or "") + own
        if info.url:
            check(bool(re.search(r"\b(19|20)\d\d\b", text)), "neither docstring names the paper and its year")
        for name, field in loaded.Hyperparameters.model_fields.items():
            check(bool(field.description), f"hyperparameter {name!r} has no description")

    def test_search_space_agrees_with_the_hyperparameters(self, info: MethodInfo) -> None:
        disagreements = space_disagreements(load_space("method", info.name), METHODS.load(info.name).Hyperparameters)
        check(not disagreements, "; ".join(disagreements))

    def test_says_how_its_own_term_is_switched_off(self, info: MethodInfo) -> None:
        own_term.declared(info)

    def test_its_search_never_switches_its_own_term_off(self, info: MethodInfo) -> None:
        """A row is what its name says: no point of the space is another method under this one's name."""
        own_term.acts_everywhere(info, load_space("method", info.name))

    def test_refuses_what_it_does_not_support(self, info: MethodInfo) -> None:
        first = cases_of(info.name)[0]
        for task in sorted(set(TASKS.names) - set(tasks_of(info))):
            refused(replace(first, task=task).fresh, info.name, task)
        for kind in sorted(set(STUDENTS) - set(info.students)):
            refused(replace(first, kind=kind, model="").fresh, info.name, kind)
        others = [kind for kind in info.students if info.student_models and STUDENTS[kind] not in info.student_models]
        for kind in others:
            refused(replace(first, kind=kind, model="").fresh, info.name, *info.student_models)
        if info.students:
            refused(replace(first, kind=None, model="").fresh, info.name, "student")
        if info.teacher != "none":
            configuration, problem = first.configuration(), first.example.problem
            refused(lambda: build(configuration, problem, ()), info.name, "teacher")
        unknown = Configuration(info.name, first.variant, {"no_such_thing": 1}, first.configuration().student)
        refused(lambda: build(unknown, first.example.problem, first.example.teachers(info)), info.name, "no_such_thing")

    # Training

    def test_learns(self, case: Case) -> None:
        """Trains on the defaults without error, and beats the best constant prediction on the validation items.

        Without training data a few quick epochs need not: then the last epoch's loss is a quarter below the first's.
        """
        run = first_run(case)
        check(all(math.isfinite(value) for value in run.validation.values()), f"scores {run.validation}")
        validation, metric = case.example.problem.validation, case.example.problem.identity.metric
        check(bool(torch.isfinite(predictions(run.method, case.example)).all()), "predictions are not finite")
        if case.method_class.trainable and not case.info.training_data:
            totals = [float(sum(terms.values())) for terms in losses(case, epochs=40)]
            check(totals[-1] < 0.75 * totals[0], f"the loss went from {totals[0]} to {totals[-1]}")
        elif case.method_class.trainable:
            floor = best_constant(case.example.dataset, validation.labels)
            check(
                run.validation[metric] > floor + MARGIN.get(metric, 0.0),
                f"{metric} {run.validation[metric]} against {floor}",
            )

    def test_losses_are_finite_scalars(self, case: Case) -> None:
        for terms in losses(case, epochs=2):
            check(bool(terms), "a step returned no term")
            for name, term in terms.items():
                check(term.dim() == 0 and not term.requires_grad, f"term {name!r} is no detached scalar")
                check(bool(torch.isfinite(term)), f"term {name!r} is {term}")

    def test_without_its_own_term_it_is_what_the_catalogue_says(self, case: Case) -> None:
        """With `own_term` applied, variant `paper` trains weight for weight what `without_own_term` names."""
        if case.variant == "paper" and case.info.own_term is not None and case.kind is not None:
            found = own_term.difference(case)
            words = f"weights differ by {found:g} from {case.info.without_own_term!r} (see also `Method.epoch_items`)"
            check(found <= own_term.TOLERANCE, words)

    def test_same_seed_same_result_whatever_ran_before(self, case: Case) -> None:
        """A, then B (another seed, another student), then A again, in one process; see also the next check."""
        same_result(short_run(case), later_run(case))

    def test_learns_nothing_from_test_labels(self, case: Case) -> None:
        """With every test label wrong, the trained state is the same to the bit.

        One run serves both checks: it is the first one's equal in spite of the run between and of the labels.
        """
        same_result(short_run(case), later_run(case))

    def test_runs_of_full_length_are_the_same(self, case: Case) -> None:
        """What the two checks above ask of a short run, of one to the last epoch: from the same seed, and with every
        test label wrong."""
        example = case.example
        same_result(first_run(case), case.trained())
        wrong = wrong_labels(example.dataset, example.split.test)
        same_result(first_run(case), case.trained(problem=example.relabelled(example.split.test, wrong)))

    def test_validation_labels_only_choose_the_epoch(self, case: Case) -> None:
        """With every validation label wrong, training takes the same course, epoch by epoch, unless the catalogue says
        that the method learns from some; then those alone act on it."""
        example, items = case.example, case.example.split.val
        if case.info.trains_on_validation:
            judged = lent(example.problem.validation)[1]
            items = items[torch.isin(example.problem.validation.items, judged.items)]
        wrong = wrong_labels(example.dataset, items)
        garbled = course(case, example.relabelled(items, wrong), epochs=3)
        check(course(case, example.problem, epochs=3) == garbled, "training depends on the validation labels")

    def test_is_given_no_label_outside_the_training_set(self, case: Case) -> None:
        data, split, dataset = case.fresh().context.data, case.example.split, case.example.dataset
        if data is None:
            check(not case.info.training_data, "the context lacks the training data")
            return
        check(case.info.training_data, "a method without training data was given some")
        check(data.labels.shape[0] == data.labelled.numel() == split.train.numel(), "not one label a training item")
        check(torch.equal(data.labels, dataset.labels[split.train].to(data.labels.dtype)), "labels of other items")

    def test_without_training_data_means_none(self, case: Case) -> None:
        """A method that the catalogue says to do without is the same to the bit, whatever there is to train on."""
        if not case.info.training_data:
            other = case.example.with_other_training_data()
            same_result(short_run(case), case.trained(problem=other, epochs=SHORT))

    def test_every_parameter_is_trained(self, case: Case) -> None:
        """No dead head: a few epochs without weight decay move every parameter of the method."""
        if not case.method_class.trainable:
            return
        before = {name: value.clone() for name, value in case.fresh().named_parameters() if value.requires_grad}
        after = dict(case.trained(dropout=0.0, epochs=3).method.named_parameters())
        still = [name for name, value in before.items() if torch.equal(value, after[name])]
        check(not still, f"never moved: {', '.join(still)}")

    def test_leaves_graph_labels_and_teachers_as_they_are(self, case: Case) -> None:
        example = case.example
        before, left = digest(example, case.info), traces(example, case.info)
        run = case.trained(epochs=3)
        run.method.train().predict(example.problem.training.graph)
        networks = [teacher.model for teacher in example.teachers(case.info) if teacher.model is not None]
        moving = any(each.training for network in networks for each in network.modules())
        check(not moving, "the teacher's network is in training mode")
        new = sorted(set(traces(example, case.info)) - set(left))
        check(not new, f"left on the teacher: {'; '.join(new)}")
        check(
            digest(example, case.info) == before, "training or prediction changed the graph, the labels or the teacher"
        )

    def test_trains_in_mini_batches(self, case: Case) -> None:
        """Where the student allows it: rows of an MLP, or whole graphs."""
        if case.kind == "mlp" or case.example.problem.training.graph.num_graphs > 1:
            training = case.example.problem.training
            graphs = training.graph.num_graphs
            count = graphs if graphs > 1 else training.labelled.numel()
            run = case.trained(epochs=2, batch_size=max(2, count // 3))
            check(all(map(math.isfinite, run.validation.values())), f"scores {run.validation}")

    def test_trains_in_mini_batches_of_which_few_have_a_label(self, case: Case) -> None:
        """As on PubMed, whose 60 labels stand in 38 batches of 512; at random configurations, for some ask for more."""
        training = case.example.problem.training
        if case.kind == "mlp" and training.graph.num_graphs == 1:
            few = torch.tensor([0, training.labelled.numel() // 2, training.labelled.numel() - 1])
            told = replace(training, labelled=training.labelled[few], labels=training.labels[few])
            problem = replace(case.example.problem, training=told)
            for values in [{}, *drawn(load_space("method", case.method), 2, seed=crc32(str(case).encode()))]:
                try:
                    case.trained(values, problem=problem, epochs=1, batch_size=32)
                except Exception as error:
                    raise AssertionError(f"{values}: {type(error).__name__}: {error}") from error

    def test_reads_sparse_features(self, case: Case) -> None:
        """Features below 20 % density come as CSR: karate's, whose matrix is the identity."""
        if case.task == DATASETS.get("karate").task:
            karate = example_on(ProblemKey("karate", "public", "transductive"))
            check(isinstance(karate.problem.training.graph.features, SparseMatrix), "karate should be sparse")
            run = case.trained(example=karate.taught_for(case.info), epochs=3)
            check(all(map(math.isfinite, run.validation.values())), f"scores {run.validation}")

    def test_random_configurations_train(self, case: Case) -> None:
        """Each case draws points of its own, so that the cases of a method try many of its space."""
        space, training = load_space("method", case.method), case.example.problem.training
        if training.labelled.numel() == training.num_items:
            space = space.where_all_is_labelled()
        count = max(3, DRAWS // len(sample_of(case.method)))
        for values in drawn(space, count, seed=crc32(str(case).encode())):
            try:
                case.trained(values, epochs=2)
            except Exception as error:
                raise AssertionError(f"{values}: {type(error).__name__}: {error}") from error

    # What comes out

    def test_saves_and_loads(self, case: Case) -> None:
        run = first_run(case)
        kept = save_tensors({name: value.clone() for name, value in run.method.state_dict().items()})
        again = case.fresh()
        again.load_state_dict(load_tensors(kept))
        again.eval()
        check(
            torch.equal(predictions(run.method, case.example), predictions(again, case.example)),
            "predictions differ after a round trip through safetensors",
        )

    def test_predicts_every_item_in_float32(self, case: Case) -> None:
        training, method = case.example.problem.training, first_run(case).method
        with torch.inference_mode():
            output: Output = method.predict(training.graph)
        check(output.logits.dtype == torch.float32, f"logits are {output.logits.dtype}")
        expected = (training.num_items, training.task.num_classes)
        check(tuple(output.logits.shape) == expected, f"logits have shape {tuple(output.logits.shape)}, not {expected}")
        wide = [name for name, value in method.named_parameters() if value.dtype != torch.float32]
        check(not wide, f"not float32: {', '.join(wide)}")

    def test_needs_no_more_at_inference_than_the_catalogue_says(self, case: Case) -> None:
        """`inference="features"` holds when the predictions are the same without a single edge."""
        if case.info.inference != "features":
            return
        graph, method = case.example.problem.training.graph, first_run(case).method
        with torch.inference_mode():
            bare = method.predict(graph.without_edges()).logits
            same = torch.allclose(method.predict(graph).logits, bare, atol=1e-6)
        check(same, "predictions read the edges, and the catalogue says features alone")

    def test_a_request_reads_no_more_than_the_catalogue_says(self, case: Case) -> None:
        """Of a student that reads rows: those of the nodes asked for, and their answer is that of the whole graph."""
        problem, method = case.example.problem, first_run(case).method.eval()
        graph, student = problem.training.graph, method.student
        rows = case.kind == "mlp" and case.info.inference != "graph" and student is not None
        if not rows or not method.task.items.are_rows:
            return
        assert isinstance(student, torch.nn.Module)
        asked, read = torch.tensor([3, problem.training.num_items - 1, 0]), list[int]()
        watch = student.register_forward_pre_hook(lambda _, given: read.append(given[0].num_nodes))
        with torch.inference_mode():
            found = answer(method, problem, asked)
            watch.remove()
            expected = method.predict(graph).logits[asked]
        check(read == [len(asked)], f"a request of {len(asked)} nodes read {read} rows: see `Method.predicts_by_item`")
        check(torch.allclose(found, expected, atol=1e-4), "a request has another answer than the whole graph")
