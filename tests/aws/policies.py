"""What IAM allows: as much of its rules as the policies of config/aws use."""

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from templates import listed, properties, statements


class Asked(NamedTuple):
    """What a request needs to be allowed."""

    action: str
    resource: str
    context: tuple = ()


def policies(bucket, prefix, site):
    """The agent's policy and its vacuum's, filled in."""
    values = {"AWS::Partition": "aws", "Bucket": bucket, "Prefix": prefix, "Site": site}
    return {name: statements(properties("agent", name), values) for name in ("AgentPolicy", "VacuumPolicy")}


def asked(method, path, create_only):
    """What an S3 request (path-style) asks for. S3 says of a key that it is not there only to those who may list with it as prefix."""
    parts = urlsplit(path)
    bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    if not key:
        assert method == "GET", (method, path)
        [prefix] = parse_qs(parts.query, keep_blank_values=True)["prefix"]
        return [Asked("s3:ListBucket", arn, (("s3:prefix", prefix),))]
    match method:
        case "GET" | "HEAD":
            return [Asked("s3:GetObject", f"{arn}/{key}"), Asked("s3:ListBucket", arn, (("s3:prefix", key),))]
        case "PUT":
            context = (("s3:if-none-match", "*"),) if create_only else ()
            return [Asked("s3:PutObject", f"{arn}/{key}", context)]
        case "DELETE":
            return [Asked("s3:DeleteObject", f"{arn}/{key}")]
    raise AssertionError(f"{method} {path} is not understood")


def matches(pattern, text):
    """Whether a text is as a pattern of IAM says: `*` is anything, `?` one character."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


def holds(condition, context):
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            match operator:
                case "Null":
                    holds_here = (key not in context) == (wanted == "true")
                case "StringLike":
                    holds_here = key in context and any(matches(pattern, context[key]) for pattern in listed(wanted))
                case _:
                    raise AssertionError(f"{operator} is not understood")
            if not holds_here:
                return False
    return True


def allowing(policy, request):
    """The grants that allow a request: statement, action, resource."""
    found = set()
    for statement in policy:
        assert statement["Effect"] == "Allow"
        if not holds(statement.get("Condition", {}), dict(request.context)):
            continue
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                if action == request.action and matches(resource, request.resource):
                    found.add((statement["Sid"], action, resource))
    return found


def grants(policy):
    """All that a policy grants."""
    return {
        (statement["Sid"], action, resource)
        for statement in policy
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }
