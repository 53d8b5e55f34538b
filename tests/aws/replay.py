"""Holds requests that an agent and its vacuum have sent to their policies: none is denied, and no grant is one too many.

Standard input: {"bucket", "prefix", "site", "agent": [request…], "vacuum": [request…]}; a request is [method, path, create-only].
"""

import json
import sys

from policies import allowing, asked, grants, policies

told = json.load(sys.stdin)
policy = policies(told["bucket"], told["prefix"], told["site"])
mays = {"agent": policy["AgentPolicy"], "vacuum": policy["AgentPolicy"] + policy["VacuumPolicy"]}
used = {who: set() for who in mays}
for who, may in mays.items():
    for request in told[who]:
        for need in asked(*request):
            by = allowing(may, need)
            if not by:
                sys.exit(f"denied to {who}: {request}, which needs {need}")
            used[who].update(by)
unused = grants(policy["AgentPolicy"]) - used["agent"] | grants(policy["VacuumPolicy"]) - used["vacuum"]
if unused:
    sys.exit(f"granted, and never needed: {sorted(unused)}")
