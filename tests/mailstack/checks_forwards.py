"""A mailbox that lives on another server: INFO is that server (its home), OTHER the one that passes on to it."""

import importlib.util
import os
import sys
import time

from harness import check, equal, eventually, must, refused, run


def clients_of(info):
    """The clients, bound to one server."""
    os.environ["INFO"] = info
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients.py")
    spec = importlib.util.spec_from_file_location(f"clients_of_{len(sys.modules)}", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


home = clients_of(os.environ["INFO"])
old = clients_of(os.environ["OTHER"])
DOMAIN = "forwards.test"
home.domain(DOMAIN)
old.domain(DOMAIN)


def peer(of, to, name):
    """Makes the server `to` known to `of`."""
    i = to.INFO
    of.sql(
        "INSERT INTO peers (name, host, smtp, imap, pop3, sieve, verified)"
        f" VALUES ('{name}', '{i['host']}', {i['smtp']}, {i['imap']}, {i['pop3']}, {i['sieve']}, false)"
        " ON CONFLICT (name) DO UPDATE SET smtp = excluded.smtp, imap = excluded.imap"
    )


peer(old, home, "home")
peer(home, old, "old")


def forward(of, address, to, **columns):
    values = {"marker": address, "generation": 1, "address": address, "peer": to, **columns}
    texts = ", ".join(f"'{value}'" for value in values.values())
    of.sql(f"INSERT INTO forwards ({', '.join(values)}) VALUES ({texts})")
    of.flush(address)


def unforward(of, address):
    of.sql(f"DELETE FROM forwards WHERE address = '{address}'")
    of.flush(address)


def moved(name, **columns):
    """A mailbox that lives at home and that the other server passes on."""
    address = home.account(f"{name}@{DOMAIN}", columns.pop("switches", home.POP_IMAP))
    forward(old, address, "home", **columns)
    return address


anna = moved("anna")


@check("mail that reaches the other server is in the mailbox soon, once")
def _():
    started = time.monotonic()
    old.smtp(anna, "by the other server")
    home.smtp(anna, "by its own server")
    eventually(lambda: len(home.subjects(home.imap(anna))) == 2)
    took = time.monotonic() - started
    time.sleep(0.5)
    equal(sorted(home.subjects(home.imap(anna))), ["by its own server", "by the other server"])
    return f"{took * 1000:.0f} ms"


@check("an IMAP client of the other server gets the mailbox: plain, by STARTTLS, by TLS")
def _():
    for secure, port in ((None, "imap"), ("starttls", "imap"), ("tls", "imaps")):
        equal(len(old.subjects(old.imap(anna, port=port, secure=secure))), 2)


@check("a POP3 client of the other server gets the mailbox, with the UIDLs of its home: plain, by STLS, by TLS")
def _():
    wanted = home.pop3(anna).uidl()[1]
    equal(len(wanted), 2)
    for secure in (None, "starttls", "tls"):
        equal(old.pop3(anna, secure=secure).uidl()[1], wanted)


@check("ManageSieve at the other server stores the script at home")
def _():
    old.Sieve(anna).activate("main", 'require ["fileinto", "mailbox"];\r\nif header :contains "subject" "bill" { fileinto :create "Bills"; }\r\n')
    old.smtp(anna, "a bill")
    eventually(lambda: "Bills" in str(home.imap(anna).list()))


@check("the address may be typed with capitals at the other server, too")
def _():
    must("by its own server" in old.subjects(old.imap(anna.upper())), "not the mailbox")


@check("a wrong password is refused by the home, over every door of the other server")
def _():
    refused(lambda: old.imap(anna, "wrong"), "AUTHENTICATIONFAILED")
    refused(lambda: old.imap(anna, "wrong", port="imaps", secure="tls"), "AUTHENTICATIONFAILED")
    refused(lambda: old.pop3(anna, "wrong"), "-ERR")
    refused(lambda: old.Sieve(anna, "wrong"), "NO")


@check("a door that is shut at home is shut at the other server, and the client sees why")
def _():
    bert = moved("bert", switches={**home.EXCHANGE, "imap": False})
    refused(lambda: old.imap(bert), "IMAP access is turned off for this mailbox")
    refused(lambda: old.pop3(bert), "POP3 access is turned off for this mailbox")


@check("a new password counts at once over the other server, which need not be told")
def _():
    cora = moved("cora")
    old.imap(cora).logout()
    home.sql(f"UPDATE accounts SET password_hash = '{home.argon2('secret2')}' WHERE address = '{cora}'")
    home.flush(cora)
    refused(lambda: old.imap(cora), "AUTHENTICATIONFAILED")
    old.imap(cora, "secret2").logout()


@check("who keeps the other server for outgoing mail can send, with the right password only, and as nobody else")
def _():
    dora = moved("dora", smtp="true", password_hash=old.HASH)
    with old.submission(dora) as client:
        client.sendmail(dora, [anna], old.message("sent by the other server"))
        refused(lambda: client.sendmail(anna, [dora], old.message("as somebody else")), "not owned by user")
    eventually(lambda: "sent by the other server" in home.subjects(home.imap(anna)))
    refused(lambda: old.submission(dora, "wrong"), "authentication failed")
    refused(lambda: old.submission(anna), "authentication failed")


@check("an account kept on the other server gets no mail and no logins, but the panel opens it")
def _():
    emil = f"emil@{DOMAIN}"
    for server in (old, home):
        server.account(emil)
    old.deliver(emil, "from before")
    old.change(emil, imap=False, pop3=False, smtp=False, receives=False)
    forward(old, emil, "home")
    old.smtp(emil, "from after")
    eventually(lambda: home.subjects(home.imap(emil)) == ["from after"])
    equal(old.subjects(old.imap(emil)), ["from after"])
    equal(old.subjects(old.master(emil)), ["from before"])


@check("an account that is being filled gets no mail while its address is passed on; a switch there and back loses none")
def _():
    fritz = f"fritz@{DOMAIN}"
    for server in (old, home):
        server.account(fritz)
    forward(home, fritz, "old")
    home.smtp(fritz, "to the old home")
    eventually(lambda: old.subjects(old.imap(fritz)) == ["to the old home"])
    # The switch: first the new home, then the old one. Postfix still knows both the old way.
    unforward(home, fritz)
    forward(old, fritz, "home")
    sent = ["new home 1", "old home 1", "new home 2", "old home 2"]
    for subject in sent:
        (home if "new" in subject else old).smtp(fritz, subject)
    started = time.monotonic()
    eventually(lambda: sorted(home.subjects(home.imap(fritz))) == sorted(sent), seconds=60)
    equal(old.subjects(old.master(fritz)), ["to the old home"])
    return f"{time.monotonic() - started:.1f} s"


@check("what does not receive at home is refused by the other server at once")
def _():
    gita = moved("gita", receives="false")
    refused(lambda: old.smtp(gita, "x"), "does not accept mail")


@check("an alias at the other server reaches the mailbox; an unknown address is refused")
def _():
    old.sql(f"INSERT INTO aliases (domain_id, source, destination) SELECT id, 'info@{DOMAIN}', '{anna}' FROM domains WHERE name = '{DOMAIN}'")
    old.smtp(f"info@{DOMAIN}", "by an alias")
    eventually(lambda: "by an alias" in home.subjects(home.imap(anna)))
    refused(lambda: old.smtp(f"nobody@{DOMAIN}", "x"), "User unknown")


@check("the directory says when the front door passes on by a change, and of a server without one nothing")
def _():
    started = time.monotonic()
    forward(home, f"jane@{DOMAIN}", "old")
    eventually(lambda: home.sql("SELECT taken = change FROM forwards_changes") == "t", seconds=5, every=0.02)
    took = time.monotonic() - started
    unforward(home, f"jane@{DOMAIN}")
    equal(old.sql("SELECT taken IS NULL FROM forwards_changes"), "t")
    return f"{took * 1000:.0f} ms"


@check("a change that is not committed yet does not count, and is not missed when it is")
def _():
    home.sql("UPDATE peers SET http = 'http://127.0.0.1:9' WHERE name = 'old'")
    before = home.sql("SELECT change FROM forwards_changes")
    # Slower than the follower looks.
    home.sql(
        f"BEGIN; INSERT INTO forwards (marker, generation, address, peer) VALUES ('kim', 1, 'kim@{DOMAIN}', 'old');"
        " SELECT pg_sleep(1); COMMIT"
    )
    must(home.sql("SELECT change FROM forwards_changes") > before, "the change was not counted")
    eventually(lambda: home.sql("SELECT taken = change FROM forwards_changes") == "t", seconds=5)
    must("kim@" in open(f"{home.INFO['base']}/etc/nginx/forwards.conf").read(), "the front door does not know of it")
    unforward(home, f"kim@{DOMAIN}")
    home.sql("UPDATE peers SET http = NULL WHERE name = 'old'")


@check("two servers that each take the other for the home keep the mail and deliver it when that is settled")
def _():
    hugo = moved("hugo")
    forward(home, hugo, "old")
    old.smtp(hugo, "in a circle")
    time.sleep(3)
    log = open(f"{old.INFO['base']}/log/postfix.log").read()
    turned = [line for line in log.splitlines() if hugo in line and "4.4.6" in line]
    must(turned, "it was not deferred")
    must(log.count(f"to=<{hugo}>") < 5, "it went round")
    unforward(home, hugo)
    started = time.monotonic()
    eventually(lambda: home.subjects(home.imap(hugo)) == ["in a circle"], seconds=40)
    return f"{time.monotonic() - started:.0f} s after"


@check("a home that is down costs no mail: it waits at the other server")
def _():
    ida = f"ida@{DOMAIN}"
    home.account(ida)
    old.sql("INSERT INTO peers (name, host, smtp, verified) VALUES ('down', '127.0.0.1', 9, false) ON CONFLICT DO NOTHING")
    forward(old, ida, "down")
    old.smtp(ida, "waits")
    time.sleep(1)
    old.sql(f"UPDATE forwards SET peer = 'home' WHERE address = '{ida}'")
    eventually(lambda: home.subjects(home.imap(ida)) == ["waits"], seconds=40)


@check("a domain that is turned off at the other server passes nothing on")
def _():
    old.sql(f"UPDATE domains SET enabled = false WHERE name = '{DOMAIN}'")
    old.flush(anna)
    # Postfix remembers the domain for half a minute, and then finds nobody in it.
    refused(lambda: old.smtp(anna, "x"), "")
    refused(lambda: old.imap(anna), "AUTHENTICATIONFAILED")
    old.sql(f"UPDATE domains SET enabled = true WHERE name = '{DOMAIN}'")


run()
