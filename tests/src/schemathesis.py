"""Prints which examples of an OpenAPI document are not as their schemas say."""

import json
import sys

import jsonschema_rs

document = json.load(sys.stdin)


def check(where, content):
    examples = [example["value"] for example in content.get("examples", {}).values()]
    if "example" in content:
        examples.append(content["example"])
    # References are to the document.
    validator = jsonschema_rs.Draft202012Validator(
        {"components": document["components"], "allOf": [content["schema"]]}, validate_formats=True
    )
    for example in examples:
        for error in validator.iter_errors(example):
            print(f"{where}: {error.message} at {error.instance_path}")


for path, operations in document["paths"].items():
    for method, operation in operations.items():
        bodies = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for name, body in bodies.items():
            for kind, content in body.get("content", {}).items():
                check(f"{method} {path} {name} {kind}", content)
for name, response in document["components"]["responses"].items():
    for kind, content in response["content"].items():
        check(f"{name} {kind}", content)
