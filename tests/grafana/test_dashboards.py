"""The committed dashboards and the provisioning, tested without a Prometheus."""

import itertools
import subprocess
import sys
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.build.__main__ import DASHBOARDS, dashboards
from grafana.build.panels import COLOURS, GREY
from sadpath.report.charts import colours as colours_of_arms
from tests.grafana.lab import ROOT
from tests.grafana.questions import boards

PROVISIONING = ROOT / "grafana" / "provisioning"
BOARDS = boards()
PANELS = [panel for board in BOARDS for panel in board["panels"]]
GRAPHS = [panel for panel in PANELS if panel["type"] == "timeseries"]


def title(one: Any) -> str:
    return str(one["title"])


def test_the_committed_dashboards_are_what_the_code_writes() -> None:
    """If this fails, run `python -m grafana.build`."""
    assert {path.name: path.read_text() for path in DASHBOARDS.glob("*.json")} == dashboards()


def test_another_run_writes_the_same() -> None:
    """It runs in another process, with another hash seed."""
    script = "from grafana.build.__main__ import dashboards; print(dashboards()['divergence.json'], end='')"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == dashboards()["divergence.json"]


@pytest.mark.parametrize("board", BOARDS, ids=title)
def test_a_dashboard_shows_the_last_five_minutes_and_refreshes_each_second(board: dict[str, Any]) -> None:
    """It is classic JSON, with a stable uid for links."""
    assert (board["refresh"], board["time"]) == ("1s", {"from": "now-5m", "to": "now"})
    assert board["uid"].startswith("sadpath-")
    assert board["schemaVersion"] >= 39
    assert "spec" not in board  # that is schema v2, which file provisioning refuses


@pytest.mark.parametrize("board", BOARDS, ids=title)
def test_the_grid_is_full_and_nothing_overlaps(board: dict[str, Any]) -> None:
    """The panels fill all 24 columns, and each has its own number."""
    places = [panel["gridPos"] for panel in board["panels"]]
    taken = [
        cell
        for place in places
        for cell in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        )
    ]
    height = max(place["y"] + place["h"] for place in places)
    assert sorted(taken) == list(itertools.product(range(24), range(height)))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_the_result_comes_first() -> None:
    """The memory of both arms and their ratio are on top, across the whole width."""
    (board,) = [board for board in BOARDS if board["title"] == "The divergence"]
    top = board["panels"][:3]
    assert [(panel["type"], panel["gridPos"]["y"]) for panel in top] == [("stat", 0)] * 3
    assert sum(panel["gridPos"]["w"] for panel in top) == 24
    fixed = [panel["fieldConfig"]["defaults"]["color"].get("fixedColor") for panel in top]
    assert fixed == [*COLOURS.values(), GREY]


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
    """A missing sample is a gap in the line."""
    custom = panel["fieldConfig"]["defaults"]["custom"]
    assert custom["axisLabel"]
    assert custom["axisSoftMin"] == 0
    assert custom["spanNulls"] is False


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
    assert [panel.title for panel in again.panels or [] if hasattr(panel, "grid_pos")] == list(
        map(title, board["panels"])
    )


def test_the_divergence_uses_the_provisioned_data_source() -> None:
    """It refers to it by its uid; the other dashboard has a variable, since it is imported elsewhere."""
    provisioned = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())
    (source,) = provisioned["datasources"]
    asked = {
        board["title"]: {
            one["datasource"]["uid"]
            for panel in board["panels"]
            for one in (panel, *panel.get("targets", []))
            if "datasource" in one
        }
        for board in BOARDS
    }
    assert asked == {"The divergence": {source["uid"]}, "One service": {"${datasource}"}}
    assert source["jsonData"]["timeInterval"] == "1s"


def test_one_service_has_variables_for_a_data_source_a_job_and_an_instance() -> None:
    """They are in this order, since each limits the next; every expression uses them."""
    (board,) = [board for board in BOARDS if board["title"] == "One service"]
    assert [one["name"] for one in board["templating"]["list"]] == ["datasource", "job", "instance"]
    exprs = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    assert all('job="$job",instance=~"$instance"' in expr for expr in exprs)


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel["type"] != "text"], ids=title)
def test_no_series_without_its_own_colour_is_green_or_blue(panel: dict[str, Any]) -> None:
    """Those colours suggest that a service does not leak; such a series is yellow to red, by its largest value."""
    scheme = panel["fieldConfig"]["defaults"]["color"]
    assert scheme == {"mode": "continuous-YlRd", "seriesBy": "max"} or scheme["fixedColor"] in {*COLOURS.values(), GREY}
