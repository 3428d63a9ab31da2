"""What changed since an earlier version: told row by row, drawn again by verify, harmless whatever a file says."""

from __future__ import annotations

import hashlib
import json

import pytest
import yaml

from graph_distillery.bench.cli.entry import main
from graph_distillery.leaderboard import BoardError, build_board
from graph_distillery.leaderboard.verification.verify import verify_board

STORE = "a" * 16


@pytest.fixture
def stores(make_runs, make_store):
    """An earlier and a later store of cora: at goes, glnn comes and leads, kd gains a point; citeseer is new."""

    def runs(**means):
        return [
            run
            for name, mean in means.items()
            for run in make_runs(name, [mean + seed / 1000 for seed in range(5)], store_id=STORE)
        ]

    before = runs(supervised=0.6, kd=0.8, at=0.7)
    after = [
        *runs(supervised=0.6, kd=0.81, glnn=0.9),
        *make_runs("kd", [0.5, 0.51], dataset="citeseer", store_id=STORE),
    ]
    return make_store(before, "before"), make_store(after, "after")


def test_rows_that_came_went_moved_and_scored_otherwise_are_told(stores, tmp_path):
    before, after = stores
    build_board([before], tmp_path / "one", plots=False)
    build_board([after], tmp_path / "two", plots=False, since=tmp_path / "one")
    found = json.loads((tmp_path / "two" / "leaderboard.json").read_text())["changes"]
    assert found["since"]["sha256"] == hashlib.sha256((tmp_path / "one" / "leaderboard.json").read_bytes()).hexdigest()
    new, cora = found["tables"]
    assert (new["new"], new["added"]) == (True, ["kd"])
    assert cora["added"] == [{"row": "glnn", "rank": 1}]
    assert cora["removed"] == [{"row": "at", "rank": 2}]
    assert cora["moved"] == [{"row": "kd", "from": 1, "to": 2}]
    assert cora["scores"] == [{"row": "kd", "from": pytest.approx(0.802), "to": pytest.approx(0.812)}]
    readme = (tmp_path / "two" / "README.md").read_text()
    assert (
        "added glnn (rank 1); removed at (rank 2); moved kd from rank 1 to rank 2; other means: kd from 80.20 to 81.20."
        in (readme)
    )
    assert "2 rows added, 1 row removed, 1 row moved." in readme
    assert 'id="changes">What changed</h2>' in (tmp_path / "two" / "index.html").read_text()
    build_board([before], tmp_path / "same", plots=False, since=tmp_path / "one" / "leaderboard.json")
    assert "no row added, removed or moved." in (tmp_path / "same" / "README.md").read_text()
    assert "What changed" not in (tmp_path / "one" / "index.html").read_text()


def test_verify_draws_the_changes_again(stores, tmp_path):
    before, after = stores
    build_board([before], tmp_path / "one", plots=False)
    build_board([after], tmp_path / "two", plots=False, since=tmp_path / "one")
    assert verify_board(tmp_path / "two", [after], since=tmp_path / "one").differences == []
    with pytest.raises(BoardError, match="name it with --since"):
        verify_board(tmp_path / "two", [after])
    for name in ("README.md", "index.html"):
        path = tmp_path / "two" / name
        text = path.read_text()
        path.write_text(text.replace("removed at (rank 2); ", "", 1))
        assert {each.file for each in verify_board(tmp_path / "two", [after], since=tmp_path / "one").differences} == {
            name
        }
        path.write_text(text)
    older = json.loads((tmp_path / "one" / "leaderboard.json").read_text())
    older["comparisons"][0]["rows"][0]["rank"] = 7
    (tmp_path / "one" / "leaderboard.json").write_text(json.dumps(older))
    found = verify_board(tmp_path / "two", [after], since=tmp_path / "one").differences
    assert {"leaderboard.json", "README.md", "index.html"} == {each.file for each in found}


def test_a_boards_file_names_the_earlier_version_and_its_own(stores, tmp_path, capsys):
    before, after = stores
    track = {"name": "t", "datasets": ["cora"], "splits": "cpf", "setting": "transductive", "teachers": ["sage"]}
    track |= {"students": ["mlp"], "search": {"trials": 12, "seeds": [100, 101, 102]}, "report": {"seeds": 5}}

    def write(name, **more):
        path = tmp_path / f"{name}.yaml"
        path.write_text(
            yaml.safe_dump({"name": "B", "tracks": [track], "stores": [{"id": STORE, "by": "Alice"}]} | more)
        )
        return str(path)

    first, second = write("first", version="1", date="2026-11-20"), write("second", version="2", previous="one")
    arguments = ["--no-plots", "--out"]
    assert main(["leaderboard", str(before), "--board", first, *arguments, str(tmp_path / "one")]) == 0
    assert main(["leaderboard", str(after), "--board", second, *arguments, str(tmp_path / "two")]) == 0
    readme = (tmp_path / "two" / "README.md").read_text()
    assert "- Since version 1 of 2026-11-20 (leaderboard.json SHA-256 " in readme
    assert "- board.yaml says something else: version 1 of 2026-11-20 then, version 2 now." in readme
    assert main(["verify", str(tmp_path / "two"), str(after), "--board", second]) == 0
    wrong = write("third", previous="nowhere")
    capsys.readouterr()
    assert main(["leaderboard", str(after), "--board", wrong, *arguments, str(tmp_path / "three")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "three").exists()


@pytest.mark.parametrize(
    "content", ["[]", "{}", "no json", '{"schema": 1, "comparisons": [{"rows": [3]}]}', '{"schema": 9}']
)
def test_what_is_no_earlier_board_is_refused(stores, tmp_path, content):
    (tmp_path / "old.json").write_text(content)
    with pytest.raises(BoardError, match="earlier board"):
        build_board([stores[0]], tmp_path / "board", plots=False, since=tmp_path / "old.json")
    assert not (tmp_path / "board").exists()


def test_hostile_names_of_the_earlier_version_are_text(stores, tmp_path):
    build_board([stores[0]], tmp_path / "one", plots=False)
    file = tmp_path / "one" / "leaderboard.json"
    older = json.loads(file.read_text())
    older["comparisons"][0]["rows"][0]["name"] = "<script>alert(1)</script>| [x](javascript:1)\n## h"
    file.write_text(json.dumps(older))
    build_board([stores[0]], tmp_path / "two", plots=False, since=tmp_path / "one")
    assert "<script>alert" not in (tmp_path / "two" / "index.html").read_text()
    readme = (tmp_path / "two" / "README.md").read_text()
    assert "<script>alert" not in readme
    assert "\n## h" not in readme
