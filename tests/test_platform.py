"""What the platform gives children: memory by handle, a session of their own, a signal when the parent dies."""

import os
import subprocess
import sys
import threading

import pytest

from engine import platform

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


@pytest.mark.whole
def test_a_child_leads_its_own_session_and_talks_over_pipes() -> None:
    code = "import os, sys; print(os.getsid(0) == os.getpid(), os.environ['CUEVOX_TEST'], sys.stdin.read())"
    child = platform.spawn([sys.executable, "-c", code], env={"CUEVOX_TEST": "set"})
    out, _ = child.communicate(b"hello")
    assert out.split() == [b"True", b"set", b"hello"]


@pytest.mark.whole
def test_only_the_handles_that_are_passed_reach_a_child() -> None:
    given, kept = platform.open_shared(), platform.open_shared()
    code = f"import os; os.fstat({given})\ntry: os.fstat({kept})\nexcept OSError: print('closed')"
    child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, **platform.spawn_options([given]))
    platform.close_shared(given)
    platform.close_shared(kept)
    assert (child.returncode, child.stdout.strip()) == (0, b"closed")


@pytest.mark.skipif(sys.platform != "linux", reason="pdeathsig")
@pytest.mark.whole
def test_a_child_whose_parent_is_gone_does_not_begin() -> None:
    code = "from engine.platform import die_with_parent; die_with_parent(1 << 22); print('began')"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert child.returncode == 1
    assert b"began" not in child.stdout


def test_what_the_system_grants_is_said_with_its_reason() -> None:
    before = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None
    try:
        grant = platform.raise_priority()
        assert grant.reason
        assert platform.raise_priority().granted == grant.granted
    finally:
        if before is not None:
            os.sched_setscheduler(0, before, os.sched_param(0))


@pytest.mark.skipif(sys.platform != "linux", reason="SCHED_RR")
def test_a_preferred_thread_keeps_that_to_itself() -> None:
    policies: list[int] = []

    def note() -> None:
        policies.append(os.sched_getscheduler(0))

    def prefer() -> None:
        grant = platform.prefer_this_thread()
        note()
        assert grant.reason
        assert grant.granted == (policies[0] & os.SCHED_RR != 0)
        child = threading.Thread(target=note)
        child.start()
        child.join()

    parent = threading.Thread(target=prefer)
    parent.start()
    parent.join()
    assert len(policies) == 2
    assert policies[1] == os.SCHED_OTHER
