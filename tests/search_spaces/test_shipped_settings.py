"""Trial 0 per dataset against the settings files that released code ships, read in its repositories.

Layers, width, dropout, rate and decay of a student stand in these files too, searched for each cell with test scores in
sight; here they are the student model's own. So the method's columns alone are held, for the one teacher and setting
that a space's presets are of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from graph_distillery.search_spaces import load_space


@dataclass(frozen=True)
class Shipped:
    """A settings file: its columns in order (- is none of the space's), and a line of values for each dataset, or for
    each dataset@split."""

    kind: Literal["method", "model"]
    name: str
    source: str
    columns: str
    lines: dict[str, str]

    def held(self, dataset: str) -> dict[str, float | str]:
        """The space's own hyperparameters and what was shipped."""
        pairs = zip(self.columns.split("/"), self.lines[dataset].split("/"), strict=True)
        return {column: _value(value) for column, value in pairs if column != "-" and value != "-"}


def _value(text: str) -> float | str:
    return text if text.isalpha() else float(text)


SHIPPED = [
    Shipped(
        "method",
        "krd",
        "KRD's repository, param/best_parameters.json: transductive, SAGE teacher; layers, width, two dropouts first",
        "-/-/-/-/label_weight/temperature/-/-/momentum",
        {
            "cora": "3/1024/0.5/0.6/0.3/1.1/0.01/0.0005/0.99",
            "citeseer": "2/1024/0.6/0.4/0.0/0.8/0.01/0.0005/0.99",
            "pubmed": "3/256/0.4/0.3/0.0/0.8/0.01/0.0005/0.99",
            "coauthor-cs": "2/128/0.6/0.6/0.4/1.2/0.01/0.001/0.99",
            "coauthor-physics": "2/1024/0.3/0.4/0.0/0.9/0.01/0.001/0.99",
            "amazon-photo": "2/512/0.3/0.4/0.0/1.1/0.005/0.0005/0.99",
            "ogbn-arxiv": "3/2048/0.5/0.1/0.2/1.0/0.005/0.0/0.9",
        },
    ),
    Shipped(
        "method",
        "ff-g2m",
        "FF-G2M's repository, param/best_parameters.json: SAGE teacher",
        "-/-/-/-/label_weight/temperature/-",
        {
            "cora": "3/512/0.4/0.3/0.5/1.3/0.01",
            "citeseer": "2/1024/0.5/0.5/0.1/1.2/0.01",
            "pubmed": "2/2048/0.6/0.3/0.0/1.3/0.01",
            "coauthor-cs": "2/256/0.6/0.3/0.5/1.4/0.01",
            "coauthor-physics": "2/1024/0.5/0.6/0.5/1.1/0.01",
            "amazon-photo": "3/1024/0.4/0.4/0.2/1.5/0.001",
        },
    ),
    Shipped(
        "method",
        "hgmd",
        "HGMD's repository, param/best_parameters.json: mixup, GCN teacher, the only one",
        "-/-/-/-/label_weight/temperature/alpha/beta/-/-",
        {
            "cora": "3/512/0.6/0.3/0.1/0.9/5.0/0.3/0.01/0.0005",
            "citeseer": "2/256/0.3/0.6/0.0/1.1/5.0/0.4/0.01/0.0005",
            "pubmed": "3/256/0.5/0.6/0.0/0.9/10.0/0.5/0.01/0.0005",
            "coauthor-cs": "2/512/0.5/0.6/0.1/1.0/1.0/0.4/0.01/0.005",
            "coauthor-physics": "2/256/0.4/0.5/0.2/1.2/5.0/0.3/0.01/0.0005",
            "amazon-photo": "2/512/0.5/0.5/0.2/0.9/10.0/0.5/0.01/0.0005",
            "ogbn-arxiv": "3/2048/0.3/0.3/0.0/0.8/10.0/0.5/0.005/0.0",
        },
    ),
    Shipped(
        "model",
        "plp",
        "CPF's repository, spawn_worker.py: CPF-ind, GCN teacher; the second is a width of no effect with one layer",
        "steps/-/dropout/attention_dropout/lr/weight_decay",
        {
            "cora": "8/32/0.8/0.2/0.001/0.01",
            "citeseer": "6/64/0.8/0.2/0.001/0.01",
            "pubmed": "5/8/0.8/0.2/0.001/0.01",
            "amazon-computers": "10/64/0.5/0.8/0.001/0.01",
            "amazon-photo": "6/64/0.8/0.2/0.001/0.01",
        },
    ),
    Shipped(
        "method",
        "adagmlp",
        "AdaGMLP's repository, train.sh: SAGE teacher; the last two not given for amazon-photo",
        "-/-/-/-/label_weight/temperature/-/-/students/beta/align_weight/feature_mask",
        {
            "cora": "3/1024/0.5/0.5/0.5/0.9/0.01/0.0005/2/4.0/0.0/0.0",
            "citeseer": "2/1024/0.6/0.9/0.1/0.3/0.01/0.0005/3/4.0/0.9/0.1",
            "pubmed": "3/256/0.4/0.7/0.1/0.5/0.01/0.0005/2/4.0/0.5/0.1",
            "amazon-photo": "2/512/0.3/0.6/0.2/0.1/0.005/0.0005/2/0.5/-/-",
            "coauthor-cs": "2/128/0.6/0.9/0.1/0.9/0.01/0.001/2/2.0/0.9/0.0",
            "coauthor-physics": "2/1024/0.3/0.3/0.2/0.05/0.01/0.001/2/0.5/0.3/0.0",
            "ogbn-arxiv": "3/2048/0.5/0.3/0.7/0.1/0.005/0.0/2/2.0/0.0/0.0",
        },
    ),
    Shipped(
        "method",
        "tined",
        "TINED's repository, best_records.json: transductive, SAGE teacher; the first is 1 - its lambda",
        "label_weight/energy_weight/edge_share/start/-/rate_ratio/-/-/energy_form",
        {
            "cora": "0.0/1.0/1.0/identity/0.005/1.0/0.005/0.0/log",
            "citeseer": "0.5/10.0/0.1/identity/0.0001/0.5/0.01/0.0/log",
            "pubmed": "0.0/0.1/1.0/identity/0.001/0.5/0.01/0.1/log",
            "amazon-computers": "0.5/0.1/0.1/random/0.005/0.01/0.0005/0.3/ratio",
            "amazon-photo": "0.5/0.1/0.1/identity/0.001/0.1/0.001/0.5/ratio",
            "ogbn-arxiv": "0.0/0.05/0.4/identity/0.005/10.0/0.0/0.0/log",
        },
    ),
    Shipped(
        "method",
        "ltd",
        "LTD's repository, spawn_worker.py: GCN teacher; the first seven are the student's, or of no use to it",
        "-/-/-/-/-/-/-/student_rate/temperature_rate/label_weight/-",
        {
            "cora": "8/32/0.8/0.2/0/0.001/0.01/0.000192335844492524/0.000259968648780918/1/1",
            "citeseer": "6/64/0.8/0.2/0/0.001/0.01/6.90460565438149E-06/0.0000746422264911547/1/1",
            "pubmed": "5/8/0.8/0.2/0/0.001/0.01/7.39520400332059E-06/0.0000937937968682644/200/1",
            "amazon-computers": "10/64/0.5/0.8/1/0.001/0.01/3.84927458233582E-06/0.000011810083910476/100/1",
            "amazon-photo": "6/64/0.8/0.2/0/0.001/0.01/0.0000101024021023117/0.000188676574559862/50/1",
        },
    ),
    Shipped(
        "method",
        "kdga",
        "KDGA's repository, param/best_parameters.json: its one network; actor is there called film",
        "-/-/alpha/-/temperature/augmentor_weight/kd_weight/-/-/augmentor_epochs/classifier_epochs",
        {
            "cora": "256/0.6/0.3/1.0/1.0/0.1/20/0.01/0.0005/200/50",
            "citeseer": "256/0.6/0.5/1.0/1.0/1.0/5.0/0.01/0.0005/300/300",
            "cornell": "128/0.5/1.0/1.0/1.3/0.1/1.0/0.005/0.0005/300/200",
            "texas": "128/0.5/1.0/1.0/1.2/0.5/1.0/0.001/0.0005/200/50",
            "wisconsin": "64/0.7/1.0/1.0/1.1/1.0/0.5/0.001/0.001/200/50",
            "actor": "128/0.6/0.3/1.0/1.4/0.5/0.1/0.005/0.0005/200/50",
            "squirrel": "256/0.5/0.3/1.0/1.0/0.1/1.0/0.005/0.0005/300/200",
            "chameleon": "256/0.5/0.3/1.0/1.1/1.0/1.0/0.01/0.0005/50/200",
        },
    ),
    Shipped(
        "method",
        "llp",
        "LLP's repository, LLP_transductive.sh and LLP_production.sh: SAGE teacher",
        "distribution_weight/ranking_weight/label_weight/-/walk_length/-/margin/random_rate/walks",
        {
            "cora-links@links-5-10": "0.001/1/0.1/0.5/2/0.01/0.1/1/3",
            "citeseer-links@links-5-10": "0.001/1000/0.001/0.5/1/0.01/0.1/4/3",
            "pubmed-links@links-5-10": "0.1/0.1/0.0001/0.0/3/0.01/0.05/5/5",
            "coauthor-cs-links@links-5-10": "100/0.1/10/0.0/3/0.001/0.1/4/3",
            "cora-links@links-production": "0.001/0.01/1000/0.5/3/0.01/0.05/3/3",
            "citeseer-links@links-production": "0/0.0001/100/0.5/1/0.01/0.1/5/3",
            "pubmed-links@links-production": "0.01/0.001/0.0001/0.0/3/0.01/0.2/5/3",
            "coauthor-cs-links@links-production": "10/100/1/0.0/1/0.001/0.1/4/3",
            "amazon-computers-links@links-production": "0/0.1/0.01/0.0/2/0.001/0.2/4/2",
            "amazon-photo-links@links-production": "0.0001/1000/100/0.0/2/0.001/0.05/2/3",
        },
    ),
]


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.name)
def test_defaults_are_the_settings_that_released_code_ships(shipped: Shipped) -> None:
    """Every dataset's line; of adagmlp the alignment where there is a mask to align under."""
    space = load_space(shipped.kind, shipped.name)
    for line in shipped.lines:
        dataset, _, split = line.partition("@")
        found, wanted = space.defaults(dataset, split or None), shipped.held(line)
        if shipped.name == "adagmlp" and not wanted.get("feature_mask"):
            wanted.pop("align_weight", None)
            assert "align_weight" not in found
        assert {name: found[name] for name in wanted} == wanted, f"{shipped.name} on {line}: {shipped.source}"


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.name)
def test_no_preset_is_of_another_source(shipped: Shipped) -> None:
    """A preset of a dataset or a hyperparameter that no line here has would be held by nothing."""
    for preset in load_space(shipped.kind, shipped.name).presets:
        lines = [f"{name}@{split}" if split else name for name in preset.dataset for split in preset.split or [""]]
        assert set(lines) <= set(shipped.lines)
        for line in lines:
            assert set(preset.values) <= set(shipped.held(line)), f"{shipped.name} on {line}"
