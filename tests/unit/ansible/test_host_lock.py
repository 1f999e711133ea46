"""Locks that lapse and leases that nobody else can take."""

import socket
import time
from pathlib import Path
from types import ModuleType

import pytest

ALICE = {"run": "1", "kind": "project_create", "actor": "alice"}
BOB = {"run": "2", "kind": "project_delete", "actor": "bob"}
NOON = 1_795_348_800.0


def test_a_second_run_is_told_who_holds_the_lock(host_lock: ModuleType, tmp_path: Path) -> None:
    host_lock.take_lock(tmp_path, "demo", ALICE, now=NOON)
    with pytest.raises(
        host_lock.RefusedError, match=r"locked by alice doing project_create since 2026-11-22 \d\d:00:00 UTC"
    ):
        host_lock.take_lock(tmp_path, "demo", BOB, now=NOON + 1)


def test_the_same_run_takes_its_lock_again(host_lock: ModuleType, tmp_path: Path) -> None:
    host_lock.take_lock(tmp_path, "demo", ALICE, now=NOON)
    host_lock.take_lock(tmp_path, "demo", ALICE, now=NOON + 1)
    assert host_lock.lock_is_held(tmp_path, "demo", "1")


def test_a_lock_that_is_not_renewed_lapses(host_lock: ModuleType, tmp_path: Path) -> None:
    host_lock.take_lock(tmp_path, "demo", ALICE, now=NOON)
    host_lock.take_lock(tmp_path, "demo", BOB, now=NOON + host_lock.LOCK_SECONDS + 1)
    with pytest.raises(host_lock.RefusedError, match="lock of project demo was lost to another run"):
        host_lock.renew(tmp_path, "demo", "1")


def test_a_renewed_lock_does_not_lapse(host_lock: ModuleType, tmp_path: Path) -> None:
    host_lock.take_lock(tmp_path, "demo", ALICE, now=NOON)
    host_lock.renew(tmp_path, "demo", "1", now=NOON + 60)
    with pytest.raises(host_lock.RefusedError):
        host_lock.take_lock(tmp_path, "demo", BOB, now=NOON + host_lock.LOCK_SECONDS + 1)


def test_a_lock_is_kept_alive_however_long_the_work_takes(
    host_lock: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_lock, "LOCK_SECONDS", 0.3)
    host_lock.take_lock(tmp_path, "demo", ALICE)
    with host_lock.kept_alive({"data_root": tmp_path, "project": "demo", "run": "1"}):
        time.sleep(1)
        with pytest.raises(host_lock.RefusedError, match="locked by alice"):
            host_lock.take_lock(tmp_path, "demo", BOB)
    time.sleep(0.4)
    host_lock.take_lock(tmp_path, "demo", BOB)


def test_nothing_is_begun_under_a_lost_lock(host_lock: ModuleType, tmp_path: Path) -> None:
    host_lock.take_lock(tmp_path, "demo", BOB)
    began = False
    with (
        pytest.raises(host_lock.RefusedError, match="was lost"),
        host_lock.kept_alive({"data_root": tmp_path, "project": "demo", "run": "1"}),
    ):
        began = True
    assert not began


def test_somebody_elses_lock_is_not_released(host_lock: ModuleType, tmp_path: Path) -> None:
    host_lock.take_lock(tmp_path, "demo", ALICE)
    host_lock.release_lock(tmp_path, "demo", "2")
    assert host_lock.lock_is_held(tmp_path, "demo", "1")
    host_lock.release_lock(tmp_path, "demo", "1")
    assert not host_lock.lock_is_held(tmp_path, "demo", "1")


@pytest.mark.parametrize("taken", [{"port": 24321, "subnet": "10.213.9.0/24"}, {"port": 1, "subnet": "10.213.7.0/24"}])
def test_a_taken_lease_is_refused_naming_its_owner(
    host_lock: ModuleType, tmp_path: Path, taken: dict[str, object]
) -> None:
    host_lock.take_leases(tmp_path, "one/demo", {"port": 24321, "subnet": "10.213.7.0/24"})
    with pytest.raises(host_lock.RefusedError, match="leased to project demo of installation one"):
        host_lock.take_leases(tmp_path, "two/demo", taken)


def test_leases_are_idempotent_and_come_back(host_lock: ModuleType, tmp_path: Path) -> None:
    wanted = {"port": 24321, "subnet": "10.213.7.0/24"}
    assert host_lock.take_leases(tmp_path, "one/demo", wanted, check_only=True)
    assert host_lock.take_leases(tmp_path, "one/demo", wanted)
    assert not host_lock.take_leases(tmp_path, "one/demo", wanted)
    assert host_lock.recorded_projects(tmp_path)["leases"] == {"one/demo": wanted}
    assert host_lock.return_leases(tmp_path, "one/demo")
    assert not host_lock.return_leases(tmp_path, "one/demo")
    assert host_lock.take_leases(tmp_path, "two/other", wanted)


def test_a_listening_port_is_not_free(host_lock: ModuleType) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not host_lock.port_is_free("127.0.0.1", port)
    assert host_lock.port_is_free("127.0.0.1", port)


def test_an_address_of_another_host_is_not_called_a_taken_port(host_lock: ModuleType) -> None:
    with pytest.raises(host_lock.RefusedError, match=r"bind_address 192\.0\.2\.1 is not an address of this host"):
        host_lock.port_is_free("192.0.2.1", 24321)


def test_a_folder_says_whose_it_is_and_a_living_lock_is_no_leftover(host_lock: ModuleType, tmp_path: Path) -> None:
    for ref in ("ours", "nobodys"):
        (tmp_path / "projects" / ref).mkdir(parents=True)
    (tmp_path / "projects" / "ours" / "installation").write_text("local\n")
    (tmp_path / "projects" / "stray-file").write_text("")
    for ref, run in (("living", "r1"), ("lapsed", "r2")):
        host_lock.take_lock(str(tmp_path), ref, {"run": run, "kind": "project_create", "actor": "a"}, now=1000)
    host_lock.renew(str(tmp_path), "living", "r1", now=1090)
    assert host_lock.recorded_projects(str(tmp_path), now=1100) == {
        "leases": {},
        "locks": ["lapsed"],
        "folders": ["nobodys", "local/ours", "stray-file"],
    }
