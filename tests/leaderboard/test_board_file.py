"""`board.yaml`: what it says decides what ranks, whose a row is, and what joins an overall; mistakes are one line."""

from __future__ import annotations

import copy
import csv
import itertools
import json

import pytest
import yaml

from graph_distillery.bench.cli.entry import main
from graph_distillery.leaderboard import BoardError, build_board, make_board
from graph_distillery.leaderboard.read.board_file import read_board_file
from graph_distillery.leaderboard.read.load import accepting, load_stores
from graph_distillery.leaderboard.submission import check_submission

ALICE, BOB = "a" * 16, "b" * 16
TRACK = {
    "name": "citation",
    "datasets": ["cora", "citeseer"],
    "splits": "cpf",
    "setting": "transductive",
    "teachers": ["sage"],
    "students": ["mlp"],
    "search": {"trials": 12, "seeds": [100, 101, 102]},
    "report": {"seeds": 5},
}
BOARD = {
    "name": "Small graphs",
    "contact": "board@example.org",
    "date": "2026-11-26",
    "code": "https://example.org/code",
    "tracks": [TRACK],
    "stores": [{"id": ALICE, "by": "Alice", "paper": "https://example.org/alice"}, {"id": BOB, "by": "Bob"}],
}


@pytest.fixture
def written(tmp_path):
    """``written(changes)``: a board.yaml with these fields changed; of its first track where they are the track's."""

    def write(track=None, **changes):
        path = tmp_path / "board.yaml"
        path.write_text(yaml.safe_dump(BOARD | {"tracks": [TRACK | (track or {})]} | changes))
        return path

    return write


@pytest.fixture
def alice(make_runs):
    """Three rows of Alice's on five seeds of both datasets."""

    def build(datasets=("cora", "citeseer"), seeds=5, **changes):
        rows = {"supervised": 0.5, "kd": 0.8, "glnn": 0.82}
        named = {"store_id": ALICE} | changes
        return [
            run
            for dataset, (method, mean) in itertools.product(datasets, rows.items())
            for run in make_runs(method, [mean + seed / 1000 for seed in range(seeds)], dataset=dataset, **named)
        ]

    return build


def bobs(make_runs, method, scores, **changes):
    return make_runs(method, scores, **({"store_id": BOB, "fingerprint": "2" * 16} | changes))


@pytest.fixture
def board_of(make_store, written):
    count = itertools.count()

    def build(*stores, file=None):
        accepted = accepting(file or written())
        paths = [make_store(runs, f"store {next(count)}") for runs in stores]
        return make_board(load_stores(paths, accepted), accepted.file)

    return build


def rows(board, dataset="cora"):
    (table,) = [each for each in board.comparisons if each.data.dataset == dataset]
    return {row.key.name: row for row in table.rows}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"stors": []}, "board.yaml: unknown field 'stors'; did you mean 'stores'?"),
        ({"track": {"datasts": ["cora"]}}, "board.yaml: tracks.0: unknown field 'datasts'; did you mean 'datasets'?"),
        ({"track": {"search": {"trails": 3}}}, "tracks.0.search: unknown field 'trails'; did you mean 'trials'?"),
        ({"track": {"splits": {"coraa": "cpf"}}}, "splits: unknown dataset 'coraa'; did you mean 'cora'?"),
        ({"track": {"splits": {"cora": "cpf"}}}, "splits: dataset 'citeseer' has none"),
        ({"track": {"report": {"seeds": [100, 1]}}}, "seeds [100] are tuned on and reported"),
        ({"code": "javascript:alert(1)"}, "code: 'javascript:alert(1)' is no address"),
        ({"date": "26.11.2026"}, "date: '26.11.2026' is no day written as 2026-11-26"),
        ({"stores": [{"by": "Alice"}]}, "the store of 'Alice' has neither a path nor an id"),
        ({"tracks": [TRACK, copy.deepcopy(TRACK)]}, "track 'citation' is named twice"),
        ({"track": {"setting": "transductiv"}}, "tracks.0.setting: input should be"),
        ({"track": {"metric": "acuracy"}}, "got 'acuracy'; did you mean 'accuracy'?"),
        ({"track": {"methods": ["kd", "kd"]}}, "methods: 'kd' is named twice"),
        ({"margin": -1}, "margin: input should be greater than or equal to 0, got -1"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_and_nothing_is_written(
    written, make_store, alice, changes, line, tmp_path, capsys
):
    path, out = written(**changes), tmp_path / "out"
    code = main(["leaderboard", str(make_store(alice())), "--out", str(out), "--board", str(path)])
    said = capsys.readouterr().err
    assert code == 2
    assert line in said
    assert len(said.strip().splitlines()) == 1
    assert not out.exists()


def test_the_board_says_what_it_is_and_verify_builds_it_again(make_store, alice, written, tmp_path, capsys):
    store = make_store(alice(), "stores/alice")
    file = written(stores=[{"path": "stores/alice", "by": "Alice", "contact": "alice@example.org"}], margin=2)
    board = tmp_path / "board"
    assert main(["leaderboard", "--board", str(file), "--out", str(board), "--no-plots"]) == 0
    page = (board / "README.md").read_text()
    for said in ("# Small graphs", "contact: board@example.org", "Track citation: cora (cpf); citeseer (cpf)"):
        assert said in page
    assert "Store of Alice: stores/alice, alice@example.org." in page
    assert "Track citation" in (board / "index.html").read_text()
    document = json.loads((board / "leaderboard.json").read_text())
    assert {each["margin"] for each in document["comparisons"]} == {0.02}
    assert document["board"]["tracks"][0]["report"]["seeds"] == [0, 1, 2, 3, 4]
    lines = list(csv.DictReader((board / "tables" / "overall.csv").open()))
    assert {line["track"] for line in lines} == {"citation"}
    assert main(["verify", str(board), "--board", str(file)]) == 0
    assert main(["verify", str(board), str(store)]) == 1  # another board: that which the stores define
    assert main(["leaderboard", "--out", str(tmp_path / "none")]) == 2
    capsys.readouterr()


def test_without_a_file_the_page_says_that_the_stores_define_the_board(make_store, alice, tmp_path):
    build_board([make_store(alice())], tmp_path / "board", plots=False)
    for name in ("README.md", "index.html"):
        assert "There is no board.yaml: the stores define the tracks" in (tmp_path / "board" / name).read_text()


def test_a_store_that_is_not_accepted_makes_no_board(board_of, alice, make_runs):
    with pytest.raises(BoardError, match=f"is not among the stores that board.yaml accepts; add {{id: {'c' * 16}"):
        board_of(alice(), bobs(make_runs, "kd", [0.9] * 5, store_id="c" * 16))


def test_the_tracks_seeds_count_whatever_a_store_has(board_of, alice, make_runs):
    """Seeds beyond the track's are ignored for the store that has them, too, and said once a table."""
    board = board_of(alice(seeds=7), bobs(make_runs, "krd", [0.9] * 3))
    found = rows(board)
    assert sorted(found["kd"].test) == [(0, seed) for seed in range(5)]
    assert found["krd"].status == "partial (3/5 seeds)"
    said = [line for line in board.warnings if "beyond" in line and ": cora" in line]
    assert said == [
        "citation: cora, cpf split, transductive, sage → mlp: report seeds beyond the track's are left out, of "
        "supervised, glnn, kd"
    ]


def test_what_is_not_of_the_track_stands_apart(board_of, alice, make_runs, store_of):
    fixed = bobs(make_runs, "krd", [0.99] * 5, selection=None)
    dear = bobs(make_runs, "at", [0.99] * 5, budget="400 trials x 3 seeds")
    elsewhere = bobs(make_runs, "lsp", [0.99] * 5)
    trial = store_of.trial("lsp", 3, 0.7, store_id=BOB, fingerprint="2" * 16)  # tuned on seed 100
    trial = trial.model_copy(update={"seed": 7, "id": "7" * 32})
    found = rows(board_of(alice(), [*fixed, *dear, *elsewhere, trial]))
    assert found["krd (fixed)"].status == "apart (a fixed configuration, which no search stands behind)"
    assert found["at"].status == "apart (400 trials x 3 seeds, where its table has 12 x 3)"
    assert found["lsp"].status == "apart (tuned on seeds 7, where its track has 100-102)"
    assert {name for name, row in found.items() if row.complete} == {"supervised", "kd", "glnn"}


def test_methods_that_a_track_names_are_in_no_track_that_names_none(board_of, alice, make_runs, written):
    apart = copy.deepcopy(TRACK) | {"name": "apart", "methods": ["krd", "lsp"]}
    board = board_of(
        alice(("cora",)), bobs(make_runs, "krd", [0.99] * 5), file=written(tracks=[TRACK, apart])
    )  # fmt: skip
    shown = {each.track: {row.key.method for row in each.rows} for each in board.comparisons}
    assert shown == {"citation": {"supervised", "kd", "glnn"}, "apart": {"supervised", "krd"}}


def test_a_repeat_is_evidence_and_another_configuration_a_row_of_its_own(board_of, alice, make_runs):
    scores = [0.8 + (4 - seed) / 1000 for seed in range(5)]
    early = {"created": "2020-01-01T00:00:00Z"}  # what a record tells of its time decides nothing
    same = board_of(alice(), bobs(make_runs, "kd", scores, **early))
    assert rows(same)["kd"].verified
    assert {source.store_id for source in rows(same)["kd"].headline.sources} == {ALICE}
    other = board_of(alice(), bobs(make_runs, "kd", [0.9] * 5, hparams={"lr": 0.5}, **early))
    found = rows(other)
    assert {"kd (by Alice)", "kd (by Bob)", "glnn"} <= found.keys()
    assert found["kd (by Alice)"].test == rows(board_of(alice()))["kd"].test
    assert not found["kd (by Alice)"].repeats
    # Bob has one dataset of the track's two: he is in no overall, and Alice's row is not his to complete.
    (overall,) = other.overall
    assert {row.key.name for row in overall.rows} == {"supervised", "kd (by Alice)", "glnn"}
    assert [key.name for key in overall.partial] == ["kd (by Bob)"]


def test_gains_are_against_the_student_alone_of_the_first_store(board_of, alice, make_runs):
    weak = bobs(make_runs, "supervised", [0.1] * 5, hparams={"lr": 9.0})
    board = board_of(alice(), [*weak, *bobs(make_runs, "krd", [0.7] * 5)])
    table = next(each for each in board.comparisons if each.data.dataset == "cora")
    assert table.gain(rows(board)["krd"]) == pytest.approx(0.7 - 0.502)


def test_many_tracks_are_told_at_the_end_and_their_number_first(make_store, alice, written, tmp_path):
    """What is away stands in one line a track; stores of one sender, of which no more is said, in one line; and those
    to come in another, with what they are expected to take."""
    tracks = [TRACK, *({**copy.deepcopy(TRACK), "name": name, "datasets": ["squirrel", "actor"]} for name in "ab")]
    for name in ("alice", "alices"):
        make_store(alice(), f"stores/{name}")
    hours = {"alice": 4.0, "alices": None, "later": 1.25, "last": 0.5, "some day": None}
    stores = [{"path": f"stores/{name}", "by": "Alice", "planned": True, "hours": each} for name, each in hours.items()]
    file, board = written(tracks=tracks, stores=stores), tmp_path / "board"
    assert main(["leaderboard", "--board", str(file), "--out", str(board), "--no-plots"]) == 0
    page = (board / "index.html").read_text(encoding="utf-8")
    first, last = page.index("It has 3 tracks"), page.index("Track a: squirrel")
    assert first < page.index("Which method?") < last
    assert "2 of their 6 datasets are here" in page[first:last]
    for each in (page, (board / "README.md").read_text(encoding="utf-8")):
        assert "2 stores of Alice: stores/alice, stores/alices." in each
        whole = "about 1.75 hours of one core beside those without an estimate"
        assert f"not here yet, {whole}: stores/later (1.25 h), stores/last (0.5 h), stores/some day." in each
        assert "a: no store has squirrel (cpf), actor (cpf) yet" in each


def test_what_was_taken_out_by_hand_is_told_wherever_the_board_is(make_store, alice, written, tmp_path):
    make_store(alice(), "stores/alice")
    entry, said = {"path": "stores/alice", "by": "Alice"}, "3 trials of kd, whose disk was full"
    for name, more, sentence in (
        ("whole", {}, "No run is told to have been taken out by hand."),
        ("less", {"taken_out": said}, f"Taken out by hand: of stores/alice {said}."),
    ):
        file, board = written(stores=[entry | more]), tmp_path / name
        assert main(["leaderboard", "--board", str(file), "--out", str(board), "--no-plots"]) == 0
        assert sentence in (board / "FINDINGS.md").read_text(encoding="utf-8")
        for page in ("index.html", "README.md"):
            shown = f"Taken out by hand of stores/alice: {said}." in (board / page).read_text(encoding="utf-8")
            assert shown == bool(more), page


def test_a_dataset_that_one_row_alone_has_joins_no_overall(board_of, alice, make_runs, written):
    file = written(track={"datasets": ["cora", "citeseer", "pubmed", "citeser"]})
    board = board_of(alice(), bobs(make_runs, "krd", [0.9] * 5, dataset="pubmed"), file=file)
    (overall,) = board.overall
    assert [each.data.dataset for each in overall.comparisons] == ["citeseer", "cora"]
    assert any("pubmed" in line and "joins no overall" in line for line in board.warnings)
    assert "citation: no store has citeser (cpf) yet" in board.warnings


def test_one_dataset_in_two_splits_counts_once(board_of, alice, written, make_runs):
    """Two splits of cora and one of citeseer: the mean gain is that over two datasets, not over three tables."""
    file = written(track={"splits": {"cora": ["cpf", "random"], "citeseer": ["cpf"]}})
    runs = alice() + alice(datasets=("cora",), split="random")
    strong = bobs(make_runs, "krd", [0.9] * 5, dataset="citeseer")
    strong += [run for split in ("cpf", "random") for run in bobs(make_runs, "krd", [0.6] * 5, split=split)]
    (overall,) = board_of(runs, strong, file=file).overall
    krd = next(row for row in overall.rows if row.key.method == "krd")
    assert krd.gain == pytest.approx(((0.9 - 0.502) + (0.6 - 0.502)) / 2)


def test_submit_holds_a_store_against_the_track(make_store, honest, written):
    """Three trials on two seeds, five report seeds: what the track says otherwise is refused, each in its own line."""
    store = make_store(honest(store_id=BOB))
    track = {"search": {"trials": 3, "seeds": [100, 101]}}

    def found(changes):
        findings = check_submission(store, [], "0.1.0", written(track=track | changes)).findings
        return [(each.level, each.text) for each in findings if each.check == "track"]

    assert found({}) == []
    assert found({"search": {"trials": 2, "seeds": [100, 101]}}) == [("refuse", "3 trials, where track citation has 2")]
    assert found({"search": {"trials": 3, "seeds": [100, 102]}}) == [
        ("refuse", "tuned on seeds 100-101, where track citation has 100, 102")
    ]
    assert found({"report": {"seeds": 7}}) == [("refuse", "report seeds 5-6 of track citation are missing")]
    assert found({"report": {"seeds": 4}})[0][0] == "look"
    assert ("refuse", "no row is in a track of 'Small graphs'") in found({"metric": "roc_auc"})
    assert found({"datasets": ["coraa"]})[1] == ("look", "dataset 'cora' is in no track; did you mean 'coraa'?")


def test_records_in_anothers_name_make_no_board(board_of, alice, make_runs):
    """Bob's store with runs that say they are Alice's, so that they would count as hers."""
    forged = bobs(make_runs, "krd", [0.9] * 5, store_id=ALICE)
    with pytest.raises(BoardError, match=f"both hold records of store {ALICE}"):
        board_of(alice(), [*forged, *bobs(make_runs, "at", [0.9] * 5)])


def test_of_copies_the_first_accepted_stores_count(board_of, alice):
    """Bob hands in Alice's very records as his, made earlier: her rows stay hers."""
    copied = [run.model_copy(update={"store_id": BOB, "created": "2020-01-01T00:00:00Z"}) for run in alice()]
    for order in ((alice(), copied), (copied, alice())):
        found = rows(board_of(*order))
        assert set(found) == {"supervised", "kd", "glnn"}
        assert {s.store_id for row in found.values() for s in row.headline.sources} == {ALICE}


def test_the_committed_schema_words_are_those_of_a_spec(written):
    file = read_board_file(written(track={"report": {"seeds": [3, 4]}, "teachers": "sage", "students": "mlp"}))
    (track,) = file.tracks
    assert (track.report.seeds, track.teachers, track.students) == ((3, 4), ("sage",), ("mlp",))
    assert track.splits_of("cora") == ("cpf",)


def test_another_metric_or_lucky_splits_rank_nowhere(board_of, alice, make_runs):
    """What a row would be best at is no table of the board's, and is named; seeds on other splits do not count."""
    metric = bobs(make_runs, "krd", [0.99] * 5, metric="roc_auc")
    lucky = bobs(make_runs, "at", [0.99] * 5, split_seed=77)
    board = board_of(alice(), [*metric, *lucky])
    assert "krd" not in rows(board)
    assert any("roc_auc: in no track of the board's file, left out" in line for line in board.warnings)
    assert rows(board)["at"].status == "partial (0/5 seeds)"
    assert not any(row.key.method == "at" for each in board.overall for row in each.rows)


def test_a_repeat_on_the_rows_own_machine_proves_nothing(board_of, alice, make_runs):
    """Bob runs Alice's configuration under her machine's name: neither a row nor evidence, and the board says so."""
    scores = [0.8 + (4 - seed) / 1000 for seed in range(5)]
    board = board_of(alice(), make_runs("kd", scores, store_id=BOB, teacher_id="9" * 16))
    kd = rows(board)["kd"]
    assert (kd.verified, kd.repeats) == (False, ())
    assert any("Bob ran the row's configuration on a machine that it has already" in line for line in board.warnings)


def test_every_file_tells_whose_a_row_is_where_two_sent_one_method(make_store, alice, make_runs, make_record, tmp_path):
    """A line that lacks its sender would be read as the other's; names are as sent in CSV, and text in LaTeX."""
    name, folder = "Bob & Co_1", tmp_path / "board"
    other = {"store_id": BOB, "hparams": {"lr": 0.5}}
    sent = [run for data in ("cora", "citeseer") for run in make_runs("kd", [0.9] * 5, dataset=data, **other)]
    timed = [
        make_record("kd", kind="speed", dataset="cora", speed=ms, **each)
        for ms, each in ((1.0, {"store_id": ALICE}), (3.0, other))
    ]
    file = tmp_path / "board.yaml"
    file.write_text(yaml.safe_dump(BOARD | {"stores": [{"id": ALICE, "by": "Alice"}, {"id": BOB, "by": name}]}))
    stores = [make_store([*alice(), timed[0]], "alice"), make_store([*sent, timed[1]], "bob")]
    build_board(stores, folder, plots=False, board=file)

    def lines(table):
        with (folder / "tables" / table).open(encoding="utf-8", newline="") as text:
            return list(csv.DictReader(text))

    slug = "cora-cpf-transductive-sage-mlp-citation"
    for table, value, mine, theirs in (
        (f"{slug}.csv", "test_mean", 0.802, 0.9),
        (f"{slug}-speed.csv", "full_forward_ms_p50", 1.0, 3.0),
        ("overall.csv", "mean_rank", 3.0, 1.0),
    ):
        told = {line["sender"]: float(line[value]) for line in lines(table) if line["method"] == "kd"}
        assert told == pytest.approx({"Alice": mine, name: theirs}), table
        assert {line["sender"] for line in lines(table) if line["method"] != "kd"} <= {""}, table
    slim = [line for line in lines("slim.csv") if line["dataset"] == "cora" and line["method"].startswith("kd")]
    assert {line["sender"]: line["score_percent"] for line in slim} == {"Alice": "80.2", name: "90.0"}
    pairs = {(line["sender"], line["other_sender"]) for line in lines("pairs.csv") if line["method"] == line["other"]}
    assert pairs == {(name, "Alice")}
    text = (folder / "tables" / f"{slug}.tex").read_text().splitlines()
    (head,) = [line for line in text if line.startswith("Method &")]
    assert head.endswith(r"& Sent by \\")
    ends = {line.split(" & ")[0]: line.split(" & ")[-1] for line in text if " & " in line}
    assert ends["kd (by Alice)"] == r"Alice \\"
    assert ends[r"kd (by Bob \& Co\_1)"] == r"Bob \& Co\_1 \\"
    assert ends["glnn"] == r"-- \\"


def test_a_board_lies_beside_its_file_and_its_stores(make_store, alice, tmp_path, capsys):
    """A repository's folder: board.yaml, the stores of its stages, one of them still to come, and the board."""
    folder = make_store(alice(["cora"]), "board/stores/cora").parents[1]
    stages = [{"path": f"stores/{name}", "by": "Alice", "planned": True} for name in ("cora", "citeseer")]
    file = folder / "board.yaml"
    file.write_text(yaml.safe_dump(BOARD | {"stores": stages}))
    build = ["leaderboard", "--board", str(file), "--out", str(folder), "--no-plots"]
    assert main(build) == 0
    assert "no store has citeseer (cpf) yet" in capsys.readouterr().err
    before = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert main(["verify", str(folder)]) == 0
    assert "agree with the records" in capsys.readouterr().out

    (folder / "tables" / "notes.txt").write_text("mine")
    assert main(build) == 2
    assert "holds files that are not the board's (tables/notes.txt)" in capsys.readouterr().err
    (folder / "tables" / "notes.txt").unlink()
    assert before == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    make_store(alice(["citeseer"]), "board/stores/citeseer")
    assert main(["verify", str(folder)]) == 1, "a stage that has come is not on the board yet"
    assert main(build) == 0
    assert main(["verify", str(folder)]) == 0
    assert (folder / "stores" / "cora" / "records").is_dir()
    read = json.loads((folder / "leaderboard.json").read_text())
    assert [each["dataset"] for each in read["comparisons"]] == ["citeseer", "cora"]
