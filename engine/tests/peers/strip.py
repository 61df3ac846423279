"""Strips Twilio's own OpenAPI description to its facts: paths, parameters, types, enums, what is required.

Usage: strip.py DESCRIPTION.json > twilio_api.json
What is left out says nothing about a request or an answer: sentences, examples, summaries, tags, vendors' extensions, headers
for browsers.
"""

import json
import sys

WORDS = {"description", "example", "examples", "summary", "tags", "title", "operationId", "externalDocs", "deprecated"}
SOURCE = "github.com/twilio/twilio-oai, commit d50069b, spec/json/twilio_api_v2010.json, in part"
# Below these stand names of theirs, not words of the specification.
NAMES = {"properties", "schemas", "paths", "responses", "securitySchemes", "content"}


def stripped(value, names=False):
    if isinstance(value, list):
        return [stripped(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: stripped(each, key in NAMES and not names)
        for key, each in value.items()
        if names or not (key in WORDS or key.startswith("x-"))
    }


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        description = json.load(file)
    info = description["info"]
    facts = stripped(description)
    # An answer must have a description, be it empty.
    for path in facts["paths"].values():
        for operation in path.values():
            for answer in operation.get("responses", {}).values() if isinstance(operation, dict) else ():
                answer["description"] = ""
                answer.pop("headers", None)
    facts["info"] = {key: info[key] for key in ("title", "version", "license")} | {"x-source": SOURCE}
    json.dump(facts, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
    print()


main()
