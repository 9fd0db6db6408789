"""Memory that was used for a while comes back. In a process of its own: others' memory would blur it."""

import subprocess
import sys

import pytest

SCRIPT = """
import asyncio
import sys
from project import memory

def use_for_a_while():
    "Leave a hole of 80 MB below a block that stays, as an answer in many pieces does."
    pieces = [bytes(4_000) for _ in range(20_000)]
    if is_circle:
        pieces.append(pieces)
    return bytes(4_000)

async def main():
    memory._INTERVAL = 0.01
    task = asyncio.create_task(memory.keep_small())
    await asyncio.sleep(0)
    stays = use_for_a_while()
    print(memory.resident() // 2**20)
    async with asyncio.timeout(20):
        while memory.resident() > limit * 2**20:
            await asyncio.sleep(0.01)
    task.cancel()
    print(memory.resident() // 2**20)

is_circle = sys.argv[1] == "circle"
limit = memory.resident() // 2**20 + 30
asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's memory")
@pytest.mark.parametrize("shape", ["list", "circle"])
def test_the_holes_of_many_small_pieces_are_given_back(shape: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, shape], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert after < before - 40
