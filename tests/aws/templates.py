"""The templates of config/aws, read as CloudFormation reads them."""

from pathlib import Path

from cfnlint.decode import decode

CONFIG = Path(__file__).parents[2] / "config" / "aws"
NAMES = sorted(path.stem for path in CONFIG.glob("*.yaml"))


def template(name):
    """A template as a dictionary, with `Fn::…` for every short form."""
    read, problems = decode(str(CONFIG / f"{name}.yaml"))
    assert not problems, problems
    return read


TEMPLATES = {name: template(name) for name in NAMES}


def resources(name, kind=None):
    """The resources of a template, or those of a type, by their names."""
    every = TEMPLATES[name]["Resources"]
    return {key: it for key, it in every.items() if kind in (None, it["Type"])}


def everything(kind=None):
    """The resources of all templates, by template and name."""
    return {(name, key): it for name in NAMES for key, it in resources(name, kind).items()}


def properties(name, resource):
    return TEMPLATES[name]["Resources"][resource]["Properties"]


def filled(value, values):
    """A value with its references filled in, as far as they are given; others stay visible."""
    match value:
        case {"Ref": name}:
            return values.get(name, f"<{name}>")
        case {"Fn::GetAtt": [name, attribute]}:
            return values.get(f"{name}.{attribute}", f"<{name}.{attribute}>")
        case {"Fn::Sub": str(text)}:
            for name, given in values.items():
                text = text.replace(f"${{{name}}}", str(given))
            return text
        case dict():
            return {key: filled(it, values) for key, it in value.items()}
        case list():
            return [filled(it, values) for it in value]
        case _:
            return value


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(role, values=None):
    """The statements of a role's or a managed policy, filled in."""
    if "PolicyDocument" in role:
        documents = [role["PolicyDocument"]]
    else:
        documents = [policy["PolicyDocument"] for policy in role["Policies"]]
    return [filled(statement, values or {}) for document in documents for statement in document["Statement"]]
