import subprocess
import sys
from pathlib import Path

import sadpath
from tests.sadpath.test_report import leave, samples

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command as it is installed."""
    command = [sys.executable, "-c", "from sadpath.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_it_judges_a_run_again_that_was_killed(tmp_path: Path) -> None:
    """Samples alone are enough, the last row torn; the verdict goes to standard output, the rest does not."""
    leave(tmp_path, samples("reused", 30_000))
    with (tmp_path / "samples.csv").open("a") as file:
        file.write("31.0,reused,meas")
    result = run("report", str(tmp_path))
    assert result.returncode == 0
    assert result.stdout.startswith("reused leaks: 30,000 bytes kept per request")
    assert result.stderr == f"The report: {tmp_path / 'report.html'}\n"


def test_a_folder_without_samples_is_one_clear_line(tmp_path: Path) -> None:
    """And a status that says the command was wrong."""
    result = run("report", str(tmp_path))
    assert (result.returncode, result.stderr) == (
        2,
        f"sadpath: there is no samples.csv in {tmp_path}; name the folder of a run\n",
    )


def test_it_tells_its_version_and_what_it_can_do() -> None:
    """`--version` and `--help`."""
    assert run("--version").stdout == f"{sadpath.__version__}\n"
    assert "report" in run("--help").stdout
