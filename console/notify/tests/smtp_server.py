"""A mail server for tests, by Debian's aiosmtpd: writes each letter that it takes to a directory, one JSON document each.

Usage: smtp_server.py DIRECTORY MODE CERTIFICATE KEY; MODE is plain, starttls or implicit. It prints its port, and ends when its
input does. Letters to `refused@…` are refused for good, those to `later@…` for now.
"""

import asyncio
import json
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult

DIRECTORY, MODE, CERTIFICATE, KEY = sys.argv[1:5]


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 No such user here"
        if address.startswith("later@"):
            return "451 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        letter = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode("ascii"),
            "is_tls": session.ssl is not None or MODE == "implicit",
            "login": session.auth_data.decode() if session.auth_data else None,
        }
        with open(f"{DIRECTORY}/{Handler.count:04}.json", "w", encoding="utf-8") as file:
            json.dump(letter, file)
        return f"250 2.0.0 Ok: queued as {Handler.count}"


def authenticate(server, session, envelope, mechanism, data):
    if (data.login, data.password) == (b"soc", b"m\xe1\xba\xadt kh\xe1\xba\xa9u"):
        return AuthResult(success=True, auth_data=data.login)
    return AuthResult(success=False, handled=False)


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(CERTIFICATE, KEY)
    return made


options = {"authenticator": authenticate, "auth_required": MODE != "plain"}
if MODE == "starttls":
    options |= {"tls_context": context(), "require_starttls": True}
else:
    options |= {"auth_require_tls": False}

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
outer = context() if MODE == "implicit" else None
making = loop.create_server(lambda: SMTP(Handler(), **options), "127.0.0.1", 0, ssl=outer)
server = loop.run_until_complete(making)
print(server.sockets[0].getsockname()[1], flush=True)


def wait_for_the_end():
    sys.stdin.read()
    loop.call_soon_threadsafe(loop.stop)


threading.Thread(target=wait_for_the_end, daemon=True).start()
loop.run_forever()
