"""MUSAE's and FEATHER's networks of users and pages, Wiki-CS, and the airports of struc2vec."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

SPLITS = ("random-60-20-20", "sealed-60-20-20")
#: `Dataset.sha256` of the airports' files as published.
_SHA256 = {
    "usa": "1ed381a30e64cb3c3f0f01f98bdb734961f948d2df813e3c88046db503fc54e0",
    "brazil": "a0ae605dc802a9b453bec04d3021e52d251fe6952d0a9e0ff7ee959a18b9ecfa",
    "europe": "738180f7a7b675aeef9379815d0c9a97b7f546a1e6afe9459970abd6cf300434",
}

_MUSAE = "Rozemberczki et al., 2021, https://arxiv.org/abs/1909.13021"
_FEATHER = "Rozemberczki and Sarkar, CIKM 2020, https://arxiv.org/abs/2005.07959"


def _users() -> tuple[DatasetInfo, ...]:
    """Arcs are twice the edges of the authors' own lists, counted there for lastfm-asia, deezer-europe and Twitch.

    PyG's tables count a self-loop of every Twitch user more, and 179 of the Facebook pages twice.
    """
    rows = [
        ("lastfm-asia", "LastFM users of Asia, by country", "LastFMAsia", "lastfm_asia", _FEATHER, 7624, 55612, 18),
        ("deezer-europe", "Deezer users of Europe", "DeezerEurope", "deezer_europe", _FEATHER, 28281, 185504, 2),
        ("github", "Web and machine learning developers", "GitHub", "github", _MUSAE, 37700, 578006, 2),
        ("facebook-pages", "Pages of Facebook, by kind", "FacebookPagePage", "facebook", _MUSAE, 22470, 341646, 4),
        ("twitch-de", "Twitch users, German", "Twitch", "DE", _MUSAE, 9498, 306276, 2),
        ("twitch-en", "Twitch users, English", "Twitch", "EN", _MUSAE, 7126, 70648, 2),
        ("twitch-es", "Twitch users, Spanish", "Twitch", "ES", _MUSAE, 4648, 118764, 2),
        ("twitch-fr", "Twitch users, French", "Twitch", "FR", _MUSAE, 6551, 225332, 2),
        ("twitch-pt", "Twitch users, Portuguese", "Twitch", "PT", _MUSAE, 1912, 62598, 2),
        ("twitch-ru", "Twitch users, Russian", "Twitch", "RU", _MUSAE, 4385, 74608, 2),
    ]
    note = "PyG's files, whose 128 features were made of each user's own. Links are mutual."
    return tuple(
        one_graph(name, title, SPLITS, source, ".users:users", options={"family": family, "file": file}, nodes=nodes,
                  edges=edges, features=128, classes=classes, note=note)
        for name, title, family, file, source, nodes, edges, classes in rows
    )  # fmt: skip


def _airports() -> tuple[DatasetInfo, ...]:
    rows = [("usa", "USA", 1190, 27198), ("brazil", "Brazil", 131, 2006), ("europe", "Europe", 399, 11986)]
    return tuple(
        one_graph(f"airports-{name}", f"Airports by activity: {title}", SPLITS,
                  "Ribeiro et al., KDD 2017, https://github.com/leoribeiro/struc2vec", ".airports:airports",
                  options={"name_of": name}, nodes=nodes, edges=edges, features=nodes, classes=4, checked=True,
                  sha256=_SHA256.get(name), note="Features are one-hot numbers of nodes. Flights are edges.")
        for name, title, nodes, edges in rows
    )  # fmt: skip


INFO = (
    *_users(),
    *_airports(),
    one_graph(
        "wikics", "Articles of computer science, Wiki-CS", ("public", *SPLITS),
        "Mernyei and Cangea, 2020, https://github.com/pmernyei/wiki-cs-dataset", ".wiki_cs:wiki_cs",
        nodes=11701, edges=431206, features=300, classes=10, licence="MIT, as its repository",
        note="Twenty published splits of one test set; the nodes that its authors stop training on are in no part. "
             "Links made edges: 216,123 with 520 self-loops.",
    ),
)  # fmt: skip
