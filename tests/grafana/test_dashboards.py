"""The committed dashboards and the provisioning, tested without a Prometheus."""

import itertools
import subprocess
import sys
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.build.__main__ import DASHBOARDS, dashboards
from grafana.build.panels import COLOURS
from sadpath.watch.report.charts import colours as colours_of_arms
from tests.grafana.lab import ROOT
from tests.grafana.questions import boards, panels

PROVISIONING = ROOT / "grafana" / "provisioning"
BOARDS = boards()
PANELS = [panel for board in BOARDS for panel in panels(board)]
GRAPHS = [panel for panel in PANELS if panel["type"] == "timeseries"]


def title(one: Any) -> str:
    return str(one["title"])


def board_of(named: str) -> dict[str, Any]:
    return next(board for board in BOARDS if board["title"] == named)


def test_the_committed_dashboards_are_what_the_code_writes() -> None:
    """If this fails, run `python -m grafana.build`."""
    assert {path.name: path.read_text() for path in DASHBOARDS.glob("*.json")} == dashboards()


def test_another_run_writes_the_same() -> None:
    """It runs in another process, with another hash seed."""
    script = "from grafana.build.__main__ import dashboards; print(dashboards()['divergence.json'], end='')"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == dashboards()["divergence.json"]


@pytest.mark.parametrize("board", BOARDS, ids=title)
def test_a_dashboard_refreshes_each_second(board: dict[str, Any]) -> None:
    """It is classic JSON, with a stable uid for links."""
    assert board["refresh"] == "1s"
    assert board["uid"].startswith("sadpath-")
    assert board["schemaVersion"] >= 39
    assert "spec" not in board  # that is schema v2, which file provisioning refuses


@pytest.mark.parametrize(("named", "window"), [("The divergence", "2m"), ("One service", "30m")])
def test_a_dashboard_shows_the_time_in_which_its_story_happens(named: str, window: str) -> None:
    """The lab's arms part in two minutes; a service at its own pace needs longer."""
    assert board_of(named)["time"] == {"from": f"now-{window}", "to": "now"}


@pytest.mark.parametrize("board", BOARDS, ids=title)
def test_the_grid_is_full_and_nothing_overlaps(board: dict[str, Any]) -> None:
    """The panels fill all 24 columns, and each has its own number; those of a closed row begin below it."""
    *shown, row = board["panels"]
    assert row["type"] == "row"
    assert row["collapsed"]
    for ones, top in ((shown, 0), ([row, *row["panels"]], row["gridPos"]["y"])):
        places = [panel["gridPos"] for panel in ones]
        taken = [
            cell
            for place in places
            for cell in itertools.product(
                range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            )
        ]
        bottom = max(place["y"] + place["h"] for place in places)
        assert sorted(taken) == list(itertools.product(range(24), range(top, bottom)))
    numbers = [panel["id"] for panel in (row, *panels(board))]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("board", BOARDS, ids=title)
def test_what_is_decisive_fits_on_a_projector(board: dict[str, Any]) -> None:
    """A page of 720 lines shows 16 rows of the grid: at most eight panels, and then the closed row."""
    *shown, row = board["panels"]
    assert row["gridPos"]["y"] == 16
    assert len(shown) <= 8


def test_the_result_comes_first() -> None:
    """The memory of both arms, the time to the limit and the restarts are on top, across the whole width."""
    top = board_of("The divergence")["panels"][:4]
    assert [(panel["type"], panel["gridPos"]["y"]) for panel in top] == [("stat", 0)] * 4
    assert sum(panel["gridPos"]["w"] for panel in top) == 24
    fixed = [panel["fieldConfig"]["defaults"]["color"].get("fixedColor") for panel in top[:2]]
    assert fixed == [*COLOURS.values()]


@pytest.mark.parametrize("panel", PANELS, ids=title)
def test_every_panel_describes_what_it_shows(panel: dict[str, Any]) -> None:
    """It has a title, a description and a unit."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    if panel["type"] != "text":
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])


@pytest.mark.parametrize("panel", GRAPHS, ids=title)
def test_every_graph_names_its_axis_and_leaves_gaps(panel: dict[str, Any]) -> None:
    """A missing sample is a gap in the line, and no area is filled: two fills mix to a third colour."""
    custom = panel["fieldConfig"]["defaults"]["custom"]
    assert custom["axisLabel"]
    assert custom["axisSoftMin"] == 0
    assert custom["spanNulls"] is False
    assert custom["fillOpacity"] == 0


@pytest.mark.parametrize("panel", GRAPHS, ids=title)
def test_an_arm_has_its_colour_everywhere(panel: dict[str, Any]) -> None:
    """It is the same on every graph and on the demo's page."""
    overrides = panel["fieldConfig"]["overrides"]
    colours = {
        override["matcher"]["options"]: one["value"]["fixedColor"]
        for override in overrides
        for one in override["properties"]
        if one["id"] == "color"
    }
    expected = colours_of_arms(["reused", "factory"])
    assert {arm: colours[f"/^{arm}/"] for arm in expected} == expected == COLOURS


@pytest.mark.parametrize("board", BOARDS, ids=title)
def test_the_library_reads_what_it_wrote(board: dict[str, Any]) -> None:
    """Every panel follows Grafana's schema; only an annotation's time is not in the library."""
    again = Dashboard.from_json(board)
    assert [panel.title for panel in again.panels or []] == list(map(title, board["panels"]))


def test_the_divergence_uses_the_provisioned_data_source() -> None:
    """It refers to it by its uid; the other dashboard has a variable, since it is imported elsewhere."""
    provisioned = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())
    (source,) = provisioned["datasources"]
    asked = {
        board["title"]: {
            one["datasource"]["uid"]
            for panel in panels(board)
            for one in (panel, *panel.get("targets", []))
            if "datasource" in one
        }
        for board in BOARDS
    }
    assert asked == {"The divergence": {source["uid"]}, "One service": {"${datasource}"}}
    assert source["jsonData"]["timeInterval"] == "1s"


def test_one_service_has_variables_for_a_data_source_a_job_and_an_instance() -> None:
    """They are in this order, since each limits the next; every expression uses them."""
    board = board_of("One service")
    assert [one["name"] for one in board["templating"]["list"]] == ["datasource", "job", "instance"]
    exprs = [target["expr"] for panel in panels(board) for target in panel.get("targets", [])]
    assert all('job="$job",instance=~"$instance"' in expr for expr in exprs)


def test_one_service_begins_with_one_instance() -> None:
    """All of them would be a bundle of lines; more can be chosen."""
    instance = board_of("One service")["templating"]["list"][2]
    assert (instance["multi"], instance.get("includeAll", False)) == (True, False)


def test_one_service_asks_for_no_point_between_two_scrapes() -> None:
    """Most services are scraped each 15 s; the lab each second."""
    intervals = {panel.get("interval") for panel in panels(board_of("One service")) if panel["type"] == "timeseries"}
    assert intervals == {"15s"}


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel["type"] != "text"], ids=title)
def test_a_series_has_one_colour_on_all_panels(panel: dict[str, Any]) -> None:
    """An instance's colour follows from its name; the arms and the limit have their own."""
    scheme = panel["fieldConfig"]["defaults"]["color"]
    assert scheme == {"mode": "palette-classic-by-name"} or scheme["fixedColor"] in COLOURS.values()


@pytest.mark.parametrize("panel", GRAPHS, ids=title)
def test_no_legend_repeats_a_figure(panel: dict[str, Any]) -> None:
    """A legend names the lines only."""
    assert panel["options"]["legend"].get("calcs", []) == []
