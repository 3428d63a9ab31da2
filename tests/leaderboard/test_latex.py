"""LaTeX and slim CSV, made to be pasted: they parse, keep their columns, mark ties, and obey no name."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess

import pytest

from graph_distillery.leaderboard import build_board
from graph_distillery.leaderboard.tables.latex import escaped

HOSTILE = r"a_b&c%d#e$f{g}h~i^j\\input{/etc/passwd}|<k>[l]--``m\'\'-模型-\u202eабв"


@pytest.fixture(scope="module")
def tables(tmp_path_factory, store_of):
    """Seven datasets, one with a hostile name; glnn ties with kd for best, and the student alone is far below."""
    folder = tmp_path_factory.mktemp("latex")
    records = []
    for number in range(7):
        for method, base in {"teacher": 0.84, "majority": 0.3, "supervised": 0.6, "kd": 0.8, "glnn": 0.801}.items():
            scores = [base + step / 1000 for step in (0, 9, -8, 5, 1, 2, -6, 4, -3, 7)]
            scores = scores[::-1] if method == "glnn" else scores
            records += store_of.runs(method, scores, dataset=HOSTILE if number == 6 else f"data-{number}")
        if number < 2:
            records.append(store_of.record("kd", kind="speed", dataset=f"data-{number}", speed=2.0))
    build_board([store_of.write(folder / "store", records)], folder / "board", plots=False)
    return folder / "board" / "tables"


def test_every_file_parses_and_every_line_has_its_columns(tables):
    files = sorted(tables.glob("*.tex"))
    assert len(files) == 8
    for path in files:
        text = path.read_text()
        assert text.isascii()
        bare = re.sub(r"\\\\[{}]", "", text.replace("\\\\\n", "\n"))
        depth = 0
        for char in bare:
            depth += {"{": 1, "}": -1}.get(char, 0)
            assert depth >= 0
        assert depth == 0
        opened = re.findall(r"\\(begin|end)\{(\w+)\}", text)
        assert [name for kind, name in opened if kind == "begin"] == ["table"] + ["tabular"] * (len(opened) // 2 - 1)
        for columns, body in re.findall(r"\\begin\{tabular\}\{@\{\}(\w+)@\{\}\}(.*?)\\end", text, re.DOTALL):
            lines = [line for line in body.splitlines() if line.endswith(r"\\")]
            assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {len(columns)}
            assert [rule for rule in ("toprule", "midrule", "bottomrule") if rule in body] == [
                "toprule",
                "midrule",
                "bottomrule",
            ]


def test_means_have_intervals_and_ties_are_bold(tables):
    text = (tables / "data-0-cpf-transductive-sage-mlp.tex").read_text()
    for name, bold in (("kd", True), ("glnn", True), ("supervised", False), ("teacher (sage)", False)):
        line = next(line for line in text.splitlines() if line.startswith(f"{name} &"))
        assert (r"\textbf{" in line) is bold, name
        assert re.search(r"\d\d\.\d\d \{\\scriptsize\(\d\d\.\d\d--\d\d\.\d\d\)\}", line)
    kd = next(line for line in text.splitlines() if line.startswith("kd &"))
    assert kd.endswith(r"& 1--2 & $+20.00$ & 1 & 12.3\,k \\")
    overall = (tables / "overall-1.tex").read_text()
    assert overall.count(r"\begin{tabular}") == 2  # seven datasets, six beside each other


def test_a_name_is_text():
    assert escaped("a_b&c") == r"a\_b\&c"
    assert escaped("\\input{x}") == r"\textbackslash{}input\{x\}"
    assert escaped("模é\u202e") == r"\textbackslash{}u6a21é\textbackslash{}u202e"
    assert escaped("a\n\n b--c") == "a b-{}-c"
    for char in map(chr, range(33, 127)):
        assert escaped(char).strip(), char


def test_latex_compiles_where_it_can_be(tables, tmp_path):
    engine = shutil.which("tectonic") or shutil.which("pdflatex")
    if engine is None:
        pytest.skip("neither tectonic nor pdflatex on this machine; the files are parsed above")
    inputs = "".join(path.read_text() for path in sorted(tables.glob("*.tex")))
    packages = r"\usepackage[T1]{fontenc}\usepackage{booktabs}\usepackage{textcomp}"
    head = rf"\documentclass{{article}}{packages}\begin{{document}}" + "\n"
    (tmp_path / "all.tex").write_text(head + inputs + "\\end{document}\n")
    command = [engine, "all.tex"] if "tectonic" in engine else [engine, "-halt-on-error", "all.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)


def test_the_slim_csv_is_in_percent(tables):
    rows = list(csv.DictReader((tables / "slim.csv").open(encoding="utf-8")))
    assert len(rows) == 7 * 5
    kd = next(row for row in rows if (row["dataset"], row["method"]) == ("data-0", "kd"))
    assert kd["score_percent"] == "80.11"
    assert kd["rank"] == "1 to 2"
    assert kd["gain_points"] == "20.0"
    assert kd["request_ms"] == "1.0"
    assert kd["status"] == "complete"
    assert float(kd["low95_percent"]) < 80.11 < float(kd["high95_percent"])
