"""What an agent may not do."""

import pytest
from policies import allowing, asked, policies

BUCKET = policies("b", "p/", "hcm-01")
AGENT, VACUUM = BUCKET["AgentPolicy"], BUCKET["VacuumPolicy"]
COMMIT = "/b/p/sites/hcm-01/log/00000000000000000001.json"


def may(policy, *request):
    return all(allowing(policy, need) for need in asked(*request))


def test_a_commit_is_made_and_never_written_over_or_removed():
    assert may(AGENT, "PUT", COMMIT, True)
    assert not may(AGENT, "PUT", COMMIT, False)
    assert not may(AGENT + VACUUM, "DELETE", COMMIT, False)


@pytest.mark.parametrize(
    "key",
    [
        "sites/hue-01/data/appointment/dt=2025-11-28/0.csv.zst",
        "sites/hcm-011/latest.json",
        "sites/hcm-01/edits/latest.json",
        "sites/hcm-01/edits/data/appointment/dt=2025-11-28/0.jsonl.zst",
        "sites/hcm-01/edits/log/00000000000000000001.json",
        "hub/tokens.json",
        "archive/MD5SUMS",
        "imports/hcm-01/0.sql",
        "packages/0.zip",
    ],
)
def test_what_is_not_the_agents_is_not_written(key):
    for create_only in (True, False):
        assert not may(AGENT + VACUUM, "PUT", f"/b/p/{key}", create_only)
    assert not may(AGENT + VACUUM, "DELETE", f"/b/p/{key}", False)


@pytest.mark.parametrize("key", ["sites/hue-01/latest.json", "hub/tokens.json", "archive/MD5SUMS"])
def test_what_is_not_the_sites_is_not_read(key):
    assert not may(AGENT + VACUUM, "GET", f"/b/p/{key}", False)


@pytest.mark.parametrize("prefix", ["", "p/", "p/sites/", "p/sites/hue-01/", "p/sites/hcm-01", "p/hub/"])
def test_a_list_is_of_the_site(prefix):
    assert not may(AGENT + VACUUM, "GET", f"/b/?list-type=2&prefix={prefix}", False)


def test_rows_are_deleted_by_the_vacuum_alone():
    row = "/b/p/sites/hcm-01/data/appointment/dt=2025-11-28/0.csv.zst"
    assert not may(AGENT, "DELETE", row, False)
    assert may(VACUUM, "DELETE", row, False)
