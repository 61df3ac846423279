"""Drives a running simulator with Twilio's own Python SDK.

Usage: sdk.py BASE_URL ACCOUNT_SID AUTH_TOKEN
The SDK is used as it is; only its HTTP client is told another host. Callbacks are received here and
checked with the SDK's RequestValidator. Exit status 0 when everything held.
"""

import json
import queue
import sys
import threading
import urllib.request
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import Gather, VoiceResponse

BASE, ACCOUNT, TOKEN = sys.argv[1:4]
OURS, ANN, BOB = "+15005550006", "+14155550123", "+14145550199"
PATIENCE = 30


class Redirected(TwilioHttpClient):
    """The SDK's client, sending to the simulator what was meant for Twilio."""

    def request(self, method, url, *args, **kwargs):
        for host in ("https://api.twilio.com", "https://lookups.twilio.com"):
            url = url.replace(host, BASE)
        return super().request(method, url, *args, **kwargs)


class Callee(BaseHTTPRequestHandler):
    """The program under test: checks signatures, answers documents."""

    seen = queue.Queue()
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        url = f"http://127.0.0.1:{self.server.server_port}{self.path}"
        valid = RequestValidator(TOKEN).validate(url, form, self.headers["X-Twilio-Signature"])
        Callee.seen.put((self.path, form, valid))
        page = self.document()
        self.send_response(200 if page else 204)
        if page:
            self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def document(self):
        if self.path.startswith("/voice"):
            response = VoiceResponse()
            gather = Gather(num_digits=1, action="/key?x=%2B1", timeout=3)
            gather.say("Gravitational wave candidate. Press 1 to acknowledge.")
            response.append(gather)
            response.say("No key was pressed.")
        elif self.path.startswith("/key"):
            response = VoiceResponse()
            response.say("Thank you.")
            response.hangup()
        elif self.path.startswith("/inbound"):
            response = MessagingResponse()
            response.message("Noted \u2609")
        else:
            return b""
        return str(response).encode()

    def log_message(self, *_):
        pass


def control(path, body):
    request = urllib.request.Request(
        f"{BASE}/control{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with opener.open(request) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def wait_for(path, count):
    """The next `count` requests to a path, each with a signature that holds."""
    found = []
    while len(found) < count:
        seen_path, form, valid = Callee.seen.get(timeout=PATIENCE)
        assert valid, f"the signature of {seen_path} does not hold: {form}"
        if seen_path.startswith(path):
            found.append(form)
    return found


def refused(code, call):
    try:
        call()
    except TwilioRestException as error:
        assert error.code == code, error
        assert error.uri and error.msg and error.status >= 400
        return
    raise AssertionError(f"{code} was expected")


def check_calls(client, here):
    control("/script", {"number": ANN, "outcome": "answer-and-press:1", "times": 1})
    call = client.calls.create(
        to=ANN,
        from_=OURS,
        url=f"{here}/voice?job=a%20b",
        status_callback=f"{here}/status?job=7#rc=3&rp=all",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        timeout=20,
    )
    assert call.sid.startswith("CA") and call.status == "queued" and call.queue_time == "0", call.status
    statuses = [form["CallStatus"] for form in wait_for("/status", 4)]
    assert statuses == ["initiated", "ringing", "in-progress", "completed"], statuses
    call = call.fetch()
    assert call.status == "completed" and isinstance(call.end_time, datetime) and call.duration is not None
    refused(21220, lambda: client.calls(call.sid).update(status="completed"))
    refused(20404, lambda: client.calls("CA" + "0" * 32).fetch())
    refused(21217, lambda: client.calls.create(to="+15005550001", from_=OURS, twiml="<Response/>"))
    for _ in range(4):
        client.calls.create(to=BOB, from_=OURS, twiml="<Response/>")
    assert len(client.calls.list(to=BOB, page_size=2)) == 4
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    assert [c.sid for c in client.calls.list(to=ANN, start_time_after=yesterday)] == [call.sid]
    assert client.calls.list(to=ANN, start_time_before=yesterday) == []
    assert client.calls(call.sid).delete()


def check_messages(client, here):
    message = client.messages.create(
        to=ANN, from_=OURS, body="S251112cm: α", status_callback=f"{here}/sms", validity_period=600
    )
    assert message.status == "queued" and message.num_segments == "1" and message.error_code is None
    assert [form["MessageStatus"] for form in wait_for("/sms", 2)] == ["sent", "delivered"]
    message = message.fetch()
    assert message.status == "delivered" and isinstance(message.date_sent, datetime)
    assert [m.sid for m in client.messages.list(to=ANN, limit=1)] == [message.sid]
    assert message.update(body="").body == "" and message.delete()
    refused(21610, lambda: client.messages.create(to="+15005550004", from_=OURS, body="x"))
    control("/sms-url", {"url": f"{here}/inbound"})
    received = control("/texts", {"from": BOB, "body": " yes, it is me "})
    assert wait_for("/inbound", 1)[0]["Body"] == " yes, it is me " and len(received["replies"]) == 1
    control("/texts", {"from": BOB, "body": "STOP"})
    refused(21610, lambda: client.messages.create(to=BOB, from_=OURS, body="x"))


def check_account(client):
    assert float(client.balance.fetch().balance) < 100
    assert {"calls", "sms", "totalprice"} <= {record.category for record in client.usage.records.today.list()}
    (total,) = client.usage.records.this_month.list(category="totalprice")
    assert total.price > 0
    (number,) = client.incoming_phone_numbers.list(phone_number=OURS)
    assert number.capabilities["voice"] and number.sms_url.endswith("/inbound")
    assert client.lookups.v2.phone_numbers(ANN).fetch(fields="line_type_intelligence").valid
    wrong = Client(ACCOUNT, "wrong", http_client=Redirected())
    refused(20003, lambda: wrong.api.v2010.account.balance.fetch())
    control("/keys", {"sid": "SK" + "1" * 32, "secret": "s3cret"})
    keyed = Client("SK" + "1" * 32, "s3cret", ACCOUNT, http_client=Redirected())
    assert keyed.calls.list(limit=1)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Callee)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    client = Client(ACCOUNT, TOKEN, http_client=Redirected())
    check_calls(client, here)
    check_messages(client, here)
    check_account(client)
    print("the SDK and the simulator agree")


opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
main()
