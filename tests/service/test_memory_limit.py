import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

EATER = """
from service import memory_limit
memory_limit.watch("eater", 120)
held = []
for _ in range(2000):
    held.append(b"." * 2**20)
    __import__("time").sleep(0.005)
print("was not stopped")
"""


def test_a_process_over_its_memory_limit_ends_itself_and_says_why() -> None:
    """With the status of one that the kernel killed for its memory, and one line."""
    result = subprocess.run(
        [sys.executable, "-c", EATER], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 137
    assert result.stdout == ""
    assert result.stderr.startswith("arm eater: 1")
    assert "over its memory limit of 120 MiB" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_watch_can_be_ended() -> None:
    """After that memory is nobody's business."""
    code = "import time; from service.memory_limit import watch; watch('free', 1)(); time.sleep(0.5); print('lived')"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stdout == "lived\n"
