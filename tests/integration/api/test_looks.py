"""Who looks at a Docker host: one worker of all that share the database, at the host's time or when somebody wishes."""

import threading

from supafleet.db import unit_of_work
from supafleet.hosts import service as hosts
from tests.integration.api.conftest import Api

LONGEST, PAUSE = 60.0, 30.0


def claim(api: Api) -> list[tuple[str, bool]]:
    with unit_of_work(api.engine) as session:
        return [(host.name, is_wished) for host, is_wished in hosts.claim_due_looks(session, LONGEST)]


def wish(api: Api) -> None:
    with unit_of_work(api.engine) as session:
        hosts.wish_look(session)


def test_of_many_workers_one_gets_each_look(api: Api) -> None:
    wish(api)
    got: list[list[tuple[str, bool]]] = []
    workers = [threading.Thread(target=lambda: got.append(claim(api))) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(got, key=len) == [[]] * 7 + [[("local", True)]]


def test_a_look_that_ended_is_due_again_after_its_pause_unless_somebody_wished(api: Api) -> None:
    def ended(pause: float) -> None:
        with unit_of_work(api.engine) as session:
            (host,) = hosts.list_hosts(session)
            assert host.id is not None
            hosts.note_look(session, host.id, host.created_at, "No route.", pause)

    wish(api)
    assert claim(api) == [("local", True)]
    ended(PAUSE)
    assert claim(api) == []
    ended(-1.0)
    assert claim(api) == [("local", False)]
    wish(api)
    ended(PAUSE)
    assert claim(api) == [("local", True)]
