"""What an owner decides of the log by API, and what it tells of itself."""

from datetime import UTC, datetime
from typing import Any

from app.kit.ids import new_id
from tests.api.owners.conftest import DAY, HOUR, Home

READING = ("stats", "gaps", "recording", "erasures")
JSON = {"Content-Type": "application/json"}
ARTICLE: dict[str, Any] = {"article_number": "COAT-1"}
ACTS = (
    ("POST", "pause", {}),
    ("POST", "resume", {"stream": "wash"}),
    ("PUT", "retention/wash", {"days": 3}),
    ("POST", "erasures", {"everything": True}),
)


def test_a_token_does_what_it_may_where_it_may(home: Home) -> None:
    reader = home.token(scopes=("own:read",))
    for path in READING:
        assert home.call("GET", path, reader).status_code == 200, path
        assert home.call("GET", path, home.token(scopes=("own:manage",))).status_code == 403
    for method, path, body in ACTS:
        assert home.call(method, path, reader, json=body).status_code == 403, path
        assert home.call(method, path, json=body).status_code == 200, path
    coat = home.story.owned(
        home.maker, home.story.product(home.maker, gtin=None, **ARTICLE), home.owner, "C-1"
    )
    for_coat = home.token(coat)
    for method, path, body in (*(("GET", path, None) for path in READING), *ACTS):
        told = [
            home.story.api.request(method, f"/v1/me/objects/{one}/{path}", headers=token, json=body)
            for one, token in (
                (home.jeans, for_coat),
                (home.theirs, home.token()),
                (new_id(), home.token()),
            )
        ]
        assert {answer.status_code for answer in told} == {404}, (path, told[0].text)


NOT_MEANT: list[tuple[str, str, Any]] = [
    ("POST", "pause", {"stream": "nothing"}),
    ("POST", "pause", {"streams": ["wash"]}),
    ("POST", "pause", {"stream": None, "until": "2026-12-01T00:00:00Z"}),
    ("POST", "pause", []),
    ("PUT", "retention/wash", {}),
    ("PUT", "retention/wash", {"days": 0}),
    ("PUT", "retention/wash", {"days": True}),
    ("PUT", "retention/wash", {"days": "3"}),
    ("PUT", "retention/wash", {"days": 36_501}),
    ("PUT", "retention/nothing", {"days": 3}),
    ("PUT", "retention/place", {"days": 91}),
    ("POST", "erasures", {}),
    ("POST", "erasures", {"everything": False}),
    ("POST", "erasures", {"everything": "true"}),
    ("POST", "erasures", {"everything": True, "stream": "wash"}),
    ("POST", "erasures", {"stream": "nothing"}),
    ("POST", "erasures", {"from": "2026-11-01T00:00:00"}),
    ("POST", "erasures", {"from": "2026-11-02T00:00:00Z", "to": "2026-11-02T00:00:00Z"}),
    ("POST", "erasures", {"from": "9999-12-31T23:59:59-23:00"}),
    ("POST", "erasures", {"stream": "wash", "upto": 3}),
]


def test_what_is_not_meant_is_refused_and_changes_nothing(home: Home) -> None:
    assert home.send(home.wash()) == ["stored"]
    before = [home.call("GET", one).json() for one in READING]
    for method, path, body in NOT_MEANT:
        answer = home.call(method, path, json=body)
        assert answer.status_code == 422, (path, body, answer.text)
    assert [home.call("GET", one).json() for one in READING] == before


def test_a_key_that_stands_twice_erases_nothing(home: Home) -> None:
    home.send(home.wash())
    body = b'{"stream": "wear", "stream": "wash"}'
    answer = home.call("POST", "erasures", content=body, token=home.token() | JSON)
    assert answer.status_code == 422
    assert home.call("GET", "erasures").json() == {"erasures": []}


def test_stats_count_days_of_utc(home: Home) -> None:
    home.at(datetime(2026, 11, 14, 12, tzinfo=UTC))
    late = datetime.fromisoformat("2026-11-13T00:30:00+01:00")
    home.send(home.wash(), home.wash(HOUR), home.wash() | {"at": late.isoformat()})
    told = home.call("GET", "stats").json()
    assert told["days_in"] == "UTC"
    by_name = {one["stream"]: one for one in told["streams"]}
    assert list(by_name) == ["wear", "wash", "fit", "place"]
    assert by_name["wash"] == {
        "stream": "wash",
        "count": 3,
        "first_at": "2026-11-12T23:30:00Z",
        "last_at": "2026-11-14T12:00:00Z",
        "last_received_at": "2026-11-14T12:00:00Z",
        "days": {"2026-11-12": 1, "2026-11-14": 2},
    }
    assert by_name["wear"] == {
        "stream": "wear",
        "count": 0,
        "first_at": None,
        "last_at": None,
        "last_received_at": None,
        "days": {},
    }
    seen = home.story.api.get("/v1/me/accesses", headers=home.token()).json()["accesses"]
    assert [(one["action"], one["result"]) for one in seen] == [("stats", "given")]


def test_gaps_are_seen_by_owner_and_maker_and_by_nobody_else(home: Home) -> None:
    numbers = (3, 4, 9, 7)
    home.send(*[home.wash(n * HOUR, sequence=n, epoch="a") for n in numbers])
    wanted = {
        "counters": [
            {
                "stream": "wash",
                "epoch": "a",
                "first": 3,
                "last": 9,
                "missing": 3,
                "gaps": [{"first": 5, "last": 6}, {"first": 8, "last": 8}],
                "gaps_left_out": 0,
            }
        ]
    }
    assert home.call("GET", "gaps").json() == wanted
    get = home.story.api.get
    assert get(f"/v1/objects/{home.jeans}/gaps", headers=home.maker).json() == wanted
    stranger = home.story.maker("Drum Works")
    assert get(f"/v1/objects/{home.jeans}/gaps", headers=stranger).status_code == 404
    assert get(f"/v1/objects/{home.jeans}/gaps", headers=home.token()).status_code == 403
    home.call("POST", "erasures", json={"everything": True})
    assert get(f"/v1/objects/{home.jeans}/gaps", headers=home.maker).json() == wanted
    product = get(f"/v1/objects/{home.jeans}", headers=home.maker).json()["product_id"]
    unclaimed = home.story.mint(home.maker, product, "SL-9")["object_id"]
    told = get(f"/v1/objects/{unclaimed}/gaps", headers=home.maker)
    assert told.json() == {"counters": []}


def test_a_pause_refuses_and_stays_unwanted(home: Home) -> None:
    assert home.send(home.wash()) == ["stored"]
    paused = home.call("POST", "pause", json={"stream": "wash"}).json()
    assert paused["paused"] is False
    assert {one["stream"]: one["paused"] for one in paused["streams"]} == {
        "wear": False,
        "wash": True,
        "fit": False,
        "place": False,
    }
    home.later(HOUR)
    assert home.send(home.wash(), home.story.wear(HOUR)) == ["recording-paused", "stored"]
    home.call("POST", "pause")
    assert home.send(home.wash(), home.story.wear()) == ["recording-paused"] * 2
    home.later(HOUR)
    resumed = home.call("POST", "resume").json()
    assert [one["to"] is None for one in resumed["pauses"]] == [False, False]
    assert home.send(home.wash(HOUR), home.wash()) == ["recording-paused", "stored"]
    assert home.call("GET", "recording").json() == resumed


def test_retention_is_shortened_and_given_back(home: Home) -> None:
    now = home.clock.now()
    home.send(home.place(now - 8 * DAY), home.place(now))
    kept = home.call("PUT", "retention/place", json={"days": 3}).json()["streams"][3]
    assert (kept["by_product"], kept["by_owner"], kept["days"]) == (90, 3, 3)
    again = home.call("PUT", "retention/place", json={"days": None}).json()["streams"][3]
    assert (again["by_product"], again["by_owner"], again["days"]) == (90, None, 90)
    told = home.call("PUT", "retention/place", json={"days": 91})
    assert told.json()["type"].endswith("/problems/keep-too-long")


def test_an_erasure_takes_the_range_and_says_so(home: Home) -> None:
    now = home.clock.now()
    home.send(*[home.wash(n * HOUR) for n in range(10)], home.story.wear(HOUR))
    part = {
        "stream": "wash",
        "from": (now - 5 * HOUR).isoformat(),
        "to": (now - 2 * HOUR).isoformat(),
    }
    assert home.call("POST", "erasures", json=part).json() == {"removed": 3}
    assert home.call("POST", "erasures", json=part).json() == {"removed": 0}
    rows = home.call("GET", "records", params={"stream": "wash"}).json()["records"]
    assert len(rows) == 7
    (entry,) = home.call("GET", "erasures").json()["erasures"]
    assert (entry["by"], entry["stream"], entry["removed"], entry["final_at"]) == (
        "owner",
        "wash",
        3,
        None,
    )
    assert datetime.fromisoformat(entry["from"]) == now - 5 * HOUR
    home.later(HOUR)
    assert home.call("POST", "erasures", json={"everything": True}).json() == {"removed": 8}
    assert home.call("GET", "records").json()["records"] == []
    (last, _) = home.call("GET", "erasures").json()["erasures"]
    assert (last["stream"], last["from"], last["to"]) == (None, None, None)
