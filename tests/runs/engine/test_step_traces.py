"""The traces of a step are packed where nobody else waits."""

import threading
from typing import Any

import pytest

from concurrency.threads import readers
from providers.models import ProviderTrace, trace_store
from tests.runs.conftest import Connect, Person

pytestmark = pytest.mark.django_db(transaction=True)


async def test_packing_takes_no_thread_for_which_viewers_wait(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    pack = trace_store.pack

    def noted(*args: Any) -> Any:
        threads.append(threading.current_thread().name)
        return pack(*args)

    monkeypatch.setattr(trace_store, "pack", noted)
    socket = await connect(ada)
    run_id = (await socket.start())["run_id"]
    await socket.ended(run_id)
    assert [name.rpartition("_")[0] for name in threads] == ["runnel-traces"]
    assert await readers.run(ProviderTrace.objects.filter(run_id=run_id).count) == 1
