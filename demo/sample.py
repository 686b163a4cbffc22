"""Fills a new demo through the panel's own API and real mail clients: two resellers, five customers,
some sixty users of both kinds with a few hundred messages, one suspended, one changed behind the
panel's back, one that the mail server refuses. Running it again adds nothing twice."""
import concurrent.futures
import datetime
import email.message
import email.utils
import imaplib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import letters

FOLDER, URL, STACK, SERVERS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
PASSWORD = "correct horse battery"
with open(os.path.join(FOLDER, "api-key")) as file:
    KEY = file.read().strip()

RESELLERS = [("quayside", "Quayside Hosting"), ("saltmarsh", "Saltmarsh Networks")]
# reseller, slug, name, domain, how many have POP/IMAP, how many Exchange
CUSTOMERS = [
    ("quayside", "alder-finch", "Alder & Finch", "alderfinch.test", 16, 6),
    ("quayside", "corran-boats", "Corran Boatyard", "corranboats.test", 8, 4),
    ("quayside", "hallow-press", "Hallow Press", "hallowpress.test", 7, 3),
    ("saltmarsh", "tern-dental", "Tern Dental", "terndental.test", 6, 4),
    ("saltmarsh", "wick-cycles", "Wick Cycles", "wickcycles.test", 5, 3),
]


def call(method, path, body=None, accept=()):
    request = urllib.request.Request(
        URL + "/api/v1" + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + KEY, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refusal:
        if refusal.code in accept:
            return None
        sys.exit(f"sample: {method} {path}: {refusal.code} {refusal.read().decode()}")


def server(number):
    with open(os.path.join(FOLDER, f"mail-{number}", "info.json")) as file:
        return json.load(file)


def psql(number, sql):
    env = dict(os.environ, BASE=os.path.join(FOLDER, f"mail-{number}"), PORT_BASE=str(server(number)["imap"] - 143))
    subprocess.run([STACK, "psql", "directory", "-c", sql], env=env, check=True, stdout=subprocess.DEVNULL)


def tenants():
    for slug, name in RESELLERS:
        call("POST", "/tenants", {"parent": "platform", "kind": "reseller", "slug": slug, "name": name}, accept=[409])
    for reseller, slug, name, domain, *_ in CUSTOMERS:
        call("POST", "/tenants", {"parent": reseller, "kind": "customer", "slug": slug, "name": name}, accept=[409])
        call("POST", f"/tenants/{slug}/domains", {"name": domain, "vouch": True}, accept=[409])
    call("POST", "/tenants/corran-boats/domains", {"name": "corran-charter.test"}, accept=[409])


def people():
    """(tenant, address, name, kind) of everybody, each first and last name used once."""
    names = iter(letters.PEOPLE)
    for _, slug, _, domain, pop_imap, exchange in CUSTOMERS:
        for number in range(pop_imap + exchange):
            first, last = next(names)
            local = f"{first}.{last}".lower().replace("'", "").replace(" ", "")
            kind = "pop_imap" if number < pop_imap else "exchange"
            yield slug, f"{local}@{domain}", f"{first} {last}", kind


def users(everybody):
    def add(person):
        slug, address, name, kind = person
        body = {"address": address, "display_name": name, "password": PASSWORD, "mailbox": {"kind": kind}}
        call("POST", f"/tenants/{slug}/users", body, accept=[409])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(add, everybody))
    call("POST", "/tenants/wick-cycles/users", {
        "address": "pat.rowan@wickcycles.test", "display_name": "Pat Rowan", "password": PASSWORD}, accept=[409])


def wait_until_ready(total):
    until = time.time() + 120
    while True:
        pending = call("GET", "/tenants/platform/mailboxes?state=pending&limit=1")["total"]
        if pending == 0:
            return
        if time.time() > until:
            sys.exit(f"sample: {pending} of {total} mailboxes are still not ready; see panel.log")
        time.sleep(0.3)


def fill(person):
    """Puts mail into one mailbox as its owner would, by IMAP."""
    slug, address, name, _ = person
    mailbox = call("GET", f"/tenants/{slug}/mailboxes/{address}")
    info = server(int(mailbox["server"].rsplit("-", 1)[1]))
    with imaplib.IMAP4(info["host"], info["imap"]) as imap:
        imap.login(address, PASSWORD)
        if int(imap.select("INBOX")[1][0]) > 0:
            return
        for folder, flags, days, message in letters.for_person(address, name, CUSTOMERS):
            if folder != "INBOX":
                imap.create(f'"{folder}"')
                imap.subscribe(f'"{folder}"')
            date = imaplib.Time2Internaldate(time.time() - days * 86400)
            imap.append(f'"{folder}"', flags, date, bytes(message))


def awkward(everybody):
    """The three that need somebody."""
    slug, address, *_ = everybody[3]
    call("PUT", f"/tenants/{slug}/mailboxes/{address}/suspension", {"reason": "The invoice of October is open."})

    slug, address, *_ = everybody[8]
    mailbox = call("GET", f"/tenants/{slug}/mailboxes/{address}")
    number = int(mailbox["server"].rsplit("-", 1)[1])
    psql(number, f"UPDATE accounts SET pop3 = false WHERE address = '{address}'")

    taken = "office@alderfinch.test"
    psql(number, "INSERT INTO accounts (domain_id, address, display_name, password_hash) "
                 f"SELECT id, '{taken}', 'Old office', 'x' FROM domains WHERE name = 'alderfinch.test' "
                 "ON CONFLICT DO NOTHING")
    call("POST", "/tenants/alder-finch/users", {
        "address": taken, "display_name": "Front office", "password": PASSWORD,
        "mailbox": {"kind": "pop_imap"}}, accept=[409])


def converted(everybody):
    """One batch that is done, so that there is a receipt to look at."""
    slug, address, *_ = everybody[0]
    if call("GET", f"/tenants/{slug}/mailboxes/{address}")["kind"] == "pop_imap" and SERVERS == 1:
        call("POST", f"/tenants/{slug}/conversions", {"to": "exchange", "mailboxes": [address]})


everybody = list(people())
tenants()
users(everybody)
wait_until_ready(len(everybody))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    list(pool.map(fill, everybody))
converted(everybody)
awkward(everybody)
print(f"demo: {len(CUSTOMERS)} customers, {len(everybody)} mailboxes, every password is “{PASSWORD}”")
