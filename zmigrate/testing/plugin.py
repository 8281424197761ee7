"""The pytest plugin: the fixtures for tests of jobs. It is loaded in every pytest run of an environment that
has zmigrate, so it imports the rest when a fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from zmigrate.testing.outcomes import JobPlan, JobResult
    from zmigrate.testing.zoho import Zoho


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "zoho(**options): options of the emulator behind the fixture `zoho`")


@pytest.fixture
def zoho(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoho]:
    """An emulated Zoho for this test alone: see `zmigrate.testing.Zoho`."""
    from zmigrate.testing.zoho import Zoho  # noqa: PLC0415  a web server and the engine

    options = {
        name: value
        for marker in reversed(list(request.node.iter_markers("zoho")))
        for name, value in marker.kwargs.items()
    }
    with Zoho(tmp_path_factory.mktemp("zmigrate"), **options) as local:
        yield local


@pytest.fixture
def run_job(zoho: Zoho) -> Callable[..., JobResult]:
    """`run_job(MyJob(...))` runs a job against `zoho`: see `zmigrate.testing.Zoho.run_job`."""
    return zoho.run_job


@pytest.fixture
def plan_job(zoho: Zoho) -> Callable[..., JobPlan]:
    """`plan_job(MyJob(...))` plans a job against `zoho`: see `zmigrate.testing.Zoho.plan_job`."""
    return zoho.plan_job


@pytest.fixture
def resume_job(zoho: Zoho) -> Callable[..., JobResult]:
    """`resume_job()` resumes the last run of the test: see `zmigrate.testing.Zoho.resume_job`."""
    return zoho.resume_job
