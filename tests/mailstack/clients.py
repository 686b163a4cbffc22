"""The clients that the checks use: IMAP, POP3, SMTP, LMTP, ManageSieve, HTTP, the doveadm API, the directory."""

import base64
import ctypes
import imaplib
import json
import os
import poplib
import smtplib
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

INFO = json.load(open(os.environ["INFO"]))
HOST = INFO["host"]
PASSWORD = "secret1"
TLS = ssl.create_default_context(cafile=INFO["ca_certificate"])


def argon2(password):
    """The stored form, at the cost the panel uses (m=19456 KiB, t=2, p=1)."""
    sodium = ctypes.CDLL("libsodium.so.23")
    sodium.sodium_init()
    sodium.crypto_pwhash_str.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulonglong, ctypes.c_ulonglong, ctypes.c_size_t]
    out = ctypes.create_string_buffer(128)
    assert sodium.crypto_pwhash_str(out, password.encode(), len(password), 2, 19456 * 1024) == 0
    return "{ARGON2ID}" + out.value.decode()


HASH = argon2(PASSWORD)


# ---- the directory, as the panel writes it
def sql(statement):
    done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", INFO["directory_url"], "-c", statement], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


def domain(name):
    sql(f"INSERT INTO domains (name) VALUES ('{name}') ON CONFLICT DO NOTHING")


POP_IMAP = dict(imap=True, pop3=True, smtp=True, activesync=False, dav=False, webmail=False)
EXCHANGE = dict(imap=True, pop3=False, smtp=False, activesync=True, dav=True, webmail=True)


def account(address, switches=POP_IMAP, **columns):
    values = {**switches, **columns}
    names = "".join(f", {name}" for name in values)
    texts = "".join(f", '{value}'" for value in values.values())
    sql(
        f"INSERT INTO accounts (domain_id, address, password_hash{names})"
        f" SELECT id, '{address}', '{HASH}'{texts} FROM domains WHERE name = '{address.split('@')[1]}'"
    )
    return address


def change(address, **columns):
    """What the panel does: write the row, then make the servers forget what they remember."""
    sql(f"UPDATE accounts SET {', '.join(f'{n} = {v!r}' for n, v in columns.items())} WHERE address = '{address}'".replace("True", "true").replace("False", "false"))
    flush(address)


def flush(address):
    doveadm("authCacheFlush", user=[address])
    doveadm("kick", mask=[address])
    flush_memcached()


def flush_memcached():
    for place in INFO["memcached"]:
        with socket.create_connection(place.split(":"), timeout=5) as connection:
            connection.sendall(b"flush_all\r\n")
            assert connection.recv(16) == b"OK\r\n"


def last_login(address, protocol):
    return sql(f"SELECT extract(epoch FROM at)::bigint FROM last_logins WHERE address = '{address}' AND protocol = '{protocol}'")


# ---- mail
def imap(user, password=PASSWORD, port="imap", secure=None, source=None):
    if port == "panel":
        host, number = INFO["panel_imap"].split(":")
    else:
        host, number = HOST, INFO.get(port) or int(port)

    class Client(imaplib.IMAP4):
        def _create_socket(self, timeout=None):
            return socket.create_connection((host, int(number)), 20, (source, 0) if source else None)

    client = imaplib.IMAP4_SSL(HOST, number, ssl_context=TLS) if secure == "tls" else Client(host, int(number))
    if secure == "starttls":
        client.starttls(TLS)
    client.login(user, password)
    return client


def master(address, **options):
    return imap(f"{address}*{INFO['master_user']}", INFO["master_password"], **{"port": "panel", **options})


def pop3(user, password=PASSWORD, secure=None):
    client = poplib.POP3_SSL(HOST, INFO["pop3s"], context=TLS, timeout=20) if secure == "tls" else poplib.POP3(HOST, INFO["pop3"], timeout=20)
    if secure == "starttls":
        client.stls(TLS)
    client.user(user)
    client.pass_(password)
    return client


def submission(user, password=PASSWORD):
    client = smtplib.SMTP(HOST, INFO["submission"], timeout=20)
    client.starttls(context=TLS)
    client.login(user, password)
    return client


def message(subject, body="text", sender="someone@acme.test"):
    return f"From: {sender}\r\nSubject: {subject}\r\nMessage-ID: <{subject.replace(' ', '.')}@test>\r\n\r\n{body}\r\n"


def deliver(recipient, subject, body="text"):
    with smtplib.LMTP(HOST, INFO["lmtp"]) as client:
        client.sendmail("someone@acme.test", [recipient], message(subject, body).encode())


def smtp(recipient, subject, sender="someone@elsewhere.test"):
    with smtplib.SMTP(HOST, INFO["smtp"], timeout=20) as client:
        client.sendmail(sender, [recipient], message(subject))


def select(client, folder):
    """Selects and returns HIGHESTMODSEQ, or None where the server leaves it out."""
    client.untagged_responses.clear()
    status, data = client.select(folder)
    assert status == "OK", data
    found = client.untagged_responses.get("HIGHESTMODSEQ")
    return int(found[0]) if found else None


def subjects(client, folder="INBOX"):
    client.select(folder, readonly=True)
    _, found = client.search(None, "ALL")
    if not found[0].split():
        return []
    _, rows = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    return [row[1].decode().split("Subject:", 1)[1].strip() for row in rows if isinstance(row, tuple)]


class Sieve:
    """As much of ManageSieve (RFC 5804) as it takes to store a script."""

    def __init__(self, user, password=PASSWORD):
        self.file = socket.create_connection((HOST, INFO["sieve"]), timeout=20).makefile("rwb")
        self.greeting = self.reply()
        self.say('AUTHENTICATE "PLAIN" "' + base64.b64encode(f"\0{user}\0{password}".encode()).decode() + '"')

    def reply(self):
        lines = []
        while True:
            line = self.file.readline().decode()
            lines.append(line)
            if line.startswith("NO") or line.startswith("BYE"):
                raise RuntimeError(line.strip())
            if line.startswith("OK") or not line:
                return lines

    def say(self, line):
        self.file.write(line.encode() + b"\r\n")
        self.file.flush()
        return self.reply()

    def activate(self, name, script):
        self.say(f'PUTSCRIPT "{name}" {{{len(script)}+}}\r\n{script}')
        self.say(f'SETACTIVE "{name}"')


# ---- HTTP
def http(method, path, user=None, password=PASSWORD, body=None, headers=None, base=None):
    """Returns (status, headers, body); redirects are not followed."""
    request = urllib.request.Request((base or INFO["http"]) + path, data=body, method=method, headers=headers or {})
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=60) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def doveadm(command, key=None, **parameters):
    key = base64.b64encode((key or INFO["doveadm_api_key"]).encode()).decode()
    body = json.dumps([[command, parameters, "t"]]).encode()
    status, _, reply = http("POST", "", body=body, base=INFO["doveadm_url"], headers={"Authorization": f"X-Dovecot-API {key}", "Content-Type": "application/json"})
    if status != 200:
        raise RuntimeError(f"HTTP {status}")
    return json.loads(reply)[0]


class Webmail:
    def __init__(self, user, password=PASSWORD):
        login = json.dumps({"userName": user, "password": password}).encode()
        status, headers, body = http("POST", "/SOGo/connect", body=login, headers={"Content-Type": "application/json"})
        if status != 200:
            raise RuntimeError(f"sign-in refused: {status} {body[:80]!r}")
        cookies = [value.split(";")[0] for name, value in headers.items() if name.lower() == "set-cookie"]
        # SOGo shows an old browser a page that only says so.
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
        self.headers = {"Cookie": "; ".join(cookies), "User-Agent": agent}
        self.headers["X-XSRF-TOKEN"] = next(c.split("=", 1)[1] for c in cookies if c.startswith("XSRF-TOKEN="))

    def get(self, path):
        return http("GET", path, headers=self.headers)

    def works(self, uid):
        """A session that ended gets the sign-in page, with status 200, instead of the data."""
        status, _, body = self.get(f"/SOGo/so/{uid}/jsonDefaults")
        return status == 200 and body.startswith(b"{")
