"""Limits of the embedded mode."""

import asyncio

from supafleet.jobs.admission import Admission


def test_limits_and_order() -> None:
    async def scenario() -> tuple[list[str], int, int]:
        admission = Admission(host_limit=2, slots=3)
        order: list[str] = []
        running: dict[str, int] = {"a": 0, "b": 0}
        most = {"host": 0, "all": 0}

        async def job(name: str, host: str, priority: int) -> None:
            async with admission.hold(host, priority):
                order.append(name)
                running[host] += 1
                most["host"] = max(most["host"], *running.values())
                most["all"] = max(most["all"], sum(running.values()))
                await asyncio.sleep(0.01)
                running[host] -= 1

        jobs = [("a1", "a", 10), ("a2", "a", 10), ("a3", "a", 10), ("b1", "b", 10), ("urgent", "a", 1), ("b2", "b", 10)]
        await asyncio.gather(*(job(*each) for each in jobs))
        return order, most["host"], most["all"]

    order, most_on_host, most_in_all = asyncio.run(scenario())
    assert (most_on_host, most_in_all) == (2, 3)
    assert order[:3] == ["a1", "a2", "b1"]
    assert order.index("urgent") < order.index("a3")
    assert sorted(order) == ["a1", "a2", "a3", "b1", "b2", "urgent"]


def test_who_gives_up_while_waiting_leaves_no_trace() -> None:
    async def scenario() -> bool:
        admission = Admission(host_limit=1, slots=1)
        async with admission.hold("a", 10):
            waiting = asyncio.create_task(admission.hold("a", 10).__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(1), admission.hold("a", 10):
            return True

    assert asyncio.run(scenario())
