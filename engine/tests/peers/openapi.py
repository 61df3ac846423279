"""Checks recorded exchanges against Twilio's own OpenAPI description.

Usage: openapi.py DESCRIPTION.json EXCHANGES.json
The exchanges are what the simulator recorded (GET /control/exchanges). Each request must be one that the description
knows, in every parameter and form field; each answer must have its form. Stricter than the description in this: what
it does not name must not be there, and what it names for an answer must not be missing. Prints what does not fit and
how much was checked; exit status 0 when all fits, 1 when something does not.
"""

import json
import re
import sys
from collections import Counter
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl

from jsonschema.exceptions import ValidationError
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

# Served by another host, and not described here.
ELSEWHERE = ("/v2/PhoneNumbers/",)
# Described for Today and ThisMonth only; the form is the same.
SAME_FORM = {"Yesterday": "Today", "LastMonth": "ThisMonth"}
# Faults after which the answer is not one that Twilio's API would give.
SPOILED = {"drop", "hang", "truncate", "html"}
NUMBER = re.compile(r"\+[1-9]\d{6,14}\Z")
FORM = "application/x-www-form-urlencoded"
METHODS = ("get", "post", "delete")


def is_rfc2822(text):
    return not isinstance(text, str) or (text.endswith("+0000") and parsedate_to_datetime(text) is not None)


FORMATS = {"date-time-rfc-2822": is_rfc2822}


def close(schema, answers, seen):
    """Makes a schema refuse what it does not name, and for an answer ask for all that it names."""
    if id(schema) in seen or not isinstance(schema, dict):
        return
    seen.add(id(schema))
    properties = schema.get("properties")
    if properties:
        schema.setdefault("additionalProperties", False)
        if answers:
            schema["required"] = sorted(properties)
        for inner in properties.values():
            close(inner, answers, seen)
    if "items" in schema:
        close(schema["items"], answers, seen)


def strict(description):
    seen = set()
    for schema in description["components"]["schemas"].values():
        close(schema, True, seen)
    for path in description["paths"].values():
        for method in METHODS:
            operation = path.get(method)
            if not operation:
                continue
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    close(content["schema"], True, seen)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                close(content["schema"], False, seen)
    return description


class Request:
    """One recorded request, as the validator wants it."""

    host_url = "https://api.twilio.com"

    def __init__(self, exchange):
        path = exchange["path"]
        for name, other in SAME_FORM.items():
            path = path.replace(f"/Usage/Records/{name}.json", f"/Usage/Records/{other}.json")
        self.path = path
        self.method = exchange["method"].lower()
        self.query = parse_qsl(exchange["query"], keep_blank_values=True)
        body = exchange["body"]
        self.body = body.encode() if body else None
        self.content_type = (exchange["content_type"] or "").split(";")[0].strip().lower()
        self.form = parse_qsl(body, keep_blank_values=True) if body else []
        signed_in = {"Authorization": "Basic not-recorded"} if exchange["scheme"] == "basic" else {}
        self.parameters = RequestParameters(query=ImmutableMultiDict(self.query), header=Headers(signed_in))


class Answer:
    """One recorded answer, as the validator wants it."""

    def __init__(self, exchange):
        self.data = (exchange["answer"] or "").encode()
        self.status_code = exchange["status"]
        self.content_type = (exchange["answer_type"] or "").split(";")[0]
        self.headers = Headers()


class Checker:
    def __init__(self, description):
        self.description = strict(description)
        config = Config(extra_format_validators=FORMATS)
        self.api = OpenAPI.from_dict(self.description, config=config)
        self.templates = [
            (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + r"\Z"), operations)
            for path, operations in self.description["paths"].items()
        ]

    def operation(self, request):
        # A path without a variable before one with, as the specification wants it.
        found = [operations for pattern, operations in self.templates if pattern.match(request.path)]
        return next((each[request.method] for each in found if request.method in each), None)

    def faults(self, exchange):
        """What does not fit, in words."""
        if exchange["path"].startswith(ELSEWHERE):
            return None
        request = Request(exchange)
        operation = self.operation(request)
        if operation is None:
            return [f"the description has no {exchange['method']} {exchange['path']}"]
        return [*self.request_faults(request, operation), *self.answer_faults(exchange, request, operation)]

    def request_faults(self, request, operation):
        yield from said(self.api.validate_request, request)
        named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        for name, _ in request.query:
            if name not in named:
                yield f"the query has {name!r}, which is not described"
        if request.form and request.content_type != FORM:
            yield f"the form is sent as {request.content_type!r}"
        content = operation.get("requestBody", {}).get("content", {}).get(FORM)
        fields = content["schema"]["properties"] if content else {}
        counts = Counter(name for name, _ in request.form)
        for name, value in request.form:
            # The validator drops what it does not know before it looks.
            if name not in fields:
                yield f"the form has {name!r}, which is not described"
            elif counts[name] > 1 and fields[name].get("type") != "array":
                yield f"the form has {name!r} {counts[name]} times"
            if name in ("To", "From") and not NUMBER.match(value):
                yield f"{name} is not in E.164 form"
        for name in (content["schema"].get("required", []) if content else []):
            if name not in counts:
                yield f"the form lacks {name!r}"

    def answer_faults(self, exchange, request, operation):
        status = exchange["status"]
        if exchange["fault"] in SPOILED:
            return
        if status >= 400:
            yield from error_faults(exchange)
        elif str(status) not in operation["responses"]:
            yield f"the answer {status} is not described"
        elif status == 204:
            if exchange["answer"]:
                yield "a 204 with a body"
        else:
            yield from said(self.api.validate_response, request, Answer(exchange))


def said(validate, *arguments):
    """The validator's complaints, each with the place of the fault."""
    try:
        validate(*arguments)
    except OpenAPIError as error:
        cause = error.__cause__ or error
        inner = getattr(cause, "schema_errors", None) or [cause]
        for each in inner:
            place = "/".join(map(str, each.absolute_path)) if isinstance(each, ValidationError) else ""
            yield f"{type(error).__name__}: {place} {getattr(each, 'message', each)}"


def error_faults(exchange):
    try:
        error = json.loads(exchange["answer"] or "")
    except json.JSONDecodeError:
        yield "an error that is not JSON"
        return
    expected = {"code": int, "message": str, "more_info": str, "status": int}
    for name, kind in expected.items():
        if type(error.get(name)) is not kind:
            yield f"an error whose {name} is {error.get(name)!r}"
    if error.get("status") != exchange["status"]:
        yield "an error that states another status than its own"
    if error.get("more_info") != f"https://www.twilio.com/docs/errors/{error.get('code')}":
        yield "an error without its page"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        checker = Checker(json.load(file))
    with open(sys.argv[2], encoding="utf-8") as file:
        exchanges = json.load(file)["exchanges"]
    wrong, skipped, seen = 0, 0, Counter()
    for exchange in exchanges:
        faults = checker.faults(exchange)
        if faults is None:
            skipped += 1
            continue
        route = re.sub(r"(AC|CA|SM|MM|PN)[0-9a-f]{32}", r"\1", exchange["path"].removeprefix("/2010-04-01/Accounts/"))
        seen[f"{exchange['method']} {route} {exchange['status']}"] += 1
        if faults:
            wrong += 1
            print(f"{exchange['method']} {exchange['path']} {exchange['status']}:")
            for fault in faults:
                print(f"  {fault}")
    for route, count in sorted(seen.items()):
        print(f"{count:5} {route}")
    print(f"{len(exchanges) - skipped} exchanges checked, {wrong} do not fit, {skipped} of another host")
    sys.exit(1 if wrong or not seen else 0)


main()
