"""Delivery, filters, folders, the admin API, last logins and new addresses."""

import time

from activesync import Phone
from clients import *
from harness import check, equal, eventually, must, refused, run

domain("mail.test")
gina = account("gina@mail.test")


@check("mail from SMTP is readable over IMAP within a second")
def _():
    smtp(gina, "quick")
    started = time.monotonic()
    eventually(lambda: "quick" in subjects(imap(gina)), every=0.02)
    return f"{(time.monotonic() - started) * 1000:.0f} ms"


@check("a Sieve script stored over ManageSieve files mail into its folder, from SMTP and from LMTP")
def _():
    sieve = Sieve(gina)
    must(any("fileinto" in line for line in sieve.greeting), "fileinto is not offered")
    sieve.activate("main", 'require ["fileinto", "mailbox"];\r\nif header :contains "subject" "invoice" { fileinto :create "Bills"; }\r\n')
    smtp(gina, "invoice one")
    deliver(gina, "invoice two")
    eventually(lambda: sorted(subjects(imap(gina), "Bills")) == ["invoice one", "invoice two"] if "Bills" in str(imap(gina).list()) else False)
    must("invoice one" not in subjects(imap(gina)), "a copy stayed in the inbox")


@check("mail for whom Dovecot does not know waits in the queue: it may have lost the directory")
def _():
    # An alias is taken at the door whoever stands behind it, so that Dovecot is asked for somebody unknown.
    sql("INSERT INTO aliases (domain_id, source, destination) SELECT id, 'later@mail.test', 'late@mail.test' FROM domains WHERE name = 'mail.test'")
    smtp("later@mail.test", "kept")
    log = lambda: [line for line in open(f"{INFO['base']}/log/postfix.log") if "to=<late@mail.test>" in line]
    eventually(log, seconds=20)
    must("status=deferred" in log()[0] and "dsn=4.1.1" in log()[0], log()[0])
    account("late@mail.test")
    eventually(lambda: subjects(imap("late@mail.test")) == ["kept"], seconds=40)
    must(not any("status=bounced" in line for line in log()), "it bounced")


@check("a full mailbox refuses mail with 552")
def _():
    user = account("full@mail.test", quota_bytes=20000)
    deliver(user, "fits", "x" * 10000)
    refused(lambda: deliver(user, "too much", "x" * 30000), "5.2.2")


@check("the trap: a folder of a plain client has no HIGHESTMODSEQ, and STATUS does not bring it")
def _():
    client = imap(gina)
    client.create("Plain")
    client.append("Plain", None, None, message("lost to phones").encode())
    equal(select(client, "Plain"), None)
    client.logout()
    client = imap(gina)
    client.status("Plain", "(HIGHESTMODSEQ)")
    client.logout()
    equal(select(imap(gina), "Plain"), None)


@check("the cure on the panel's door: EXAMINE after ENABLE CONDSTORE")
def _():
    client = imap(gina)
    client.create("Cured")
    client.logout()
    client = master(gina)
    client.enable("CONDSTORE")
    client.select("Cured", readonly=True)
    client.logout()
    equal(select(imap(gina), "Cured"), 1)


@check("the cure on SOGo's door: every folder has HIGHESTMODSEQ, with odd names, for each one made later")
def _():
    sql(f"UPDATE accounts SET activesync = true WHERE address = '{gina}'")
    flush(gina)
    door = INFO["imap"] + 1
    odd = '"We\\"ird \\\\ &APw- x"'
    client = imap(gina)
    client.create(odd)
    client.create("Outer/Inner")
    client.logout()
    for folder in ("INBOX", "Plain", "Bills", odd, "Outer/Inner"):
        client = imap(gina, port=door)
        must(select(client, folder), f"{folder} lacks it")
        client.logout()
    client = imap(gina)
    client.create("Later")
    equal(select(client, "Later"), None)
    must(select(imap(gina, port=door), "Later"), "the later folder lacks it")


@check("the door's look at the folders costs little")
def _():
    def login(port):
        times = []
        for _ in range(8):
            started = time.monotonic()
            imap(gina, port=port).logout()
            times.append(time.monotonic() - started)
        return min(times) * 1000

    public, door = login("imap"), login(INFO["imap"] + 1)
    must(door < public + 250, f"{door:.0f} ms, {public:.0f} ms at the public door")
    return f"{door:.0f} ms, public {public:.0f} ms"


@check("the admin API wants its key")
def _():
    # In one packet: when the body comes later, Dovecot says nothing at all to a wrong key.
    body = b'[["who",{},"t"]]'
    with socket.create_connection((HOST, INFO["imap"] - 143 + 81), timeout=5) as connection:
        connection.sendall(b"POST /doveadm/v1 HTTP/1.1\r\nHost: x\r\nAuthorization: X-Dovecot-API d3Jvbmc=\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        must(connection.recv(100).startswith(b"HTTP/1.1 401"), "not 401")


@check("the admin API's processes go on working after mail commands (who, kick), and make nothing as root")
def _():
    for _ in range(3):
        equal(doveadm("mailboxCreate", user=gina, mailbox=[f"Api{_}"])[0], "doveadmResponse")
        rows = doveadm("mailboxStatus", user=gina, field=["all"], mailboxMask=["*"])[1]
        must(any(row["mailbox"] == "INBOX" for row in rows), "no INBOX")
        equal(doveadm("who")[0], "doveadmResponse")
    other = account("source@mail.test")
    deliver(other, "imported")
    home = doveadm("user", userMask=[other])[1][other]["home"]
    state = home.replace("/mail/", "/control/")
    equal(doveadm("import", user=gina, sourceLocation=f"maildir:{home}/Maildir:CONTROL={state}:INDEX={state}", destParentMailbox="Imported", query=["ALL"])[0], "doveadmResponse")
    equal(subjects(imap(gina), "Imported/INBOX"), ["imported"])
    owners = subprocess.run(["find", f"{INFO['base']}/mail", "!", "-user", "mail"], capture_output=True, text=True).stdout
    equal(owners, "")


@check("the admin API works on a suspended mailbox and answers an unknown one with exit code 67")
def _():
    user = account("still@mail.test", enabled=False)
    equal(doveadm("quotaGet", user=user)[0], "doveadmResponse")
    equal(doveadm("mailboxStatus", user="nobody@mail.test", field=["all"], mailboxMask=["*"])[1]["exitCode"], 67)


@check("the admin API is quick: 200 look-ups")
def _():
    started = time.monotonic()
    for _ in range(200):
        doveadm("mailboxStatus", user=gina, field=["messages"], mailboxMask=["INBOX"])
    took = time.monotonic() - started
    must(took < 10, f"{took:.1f} s")
    return f"{took * 5:.1f} ms each"


@check("last logins: IMAP, POP3 and SMTP are noted, each by itself")
def _():
    user, other = account("heidi@mail.test"), account("ivan@mail.test")
    for protocol in ("imap", "pop3", "smtp"):
        equal(last_login(user, protocol), "")
    imap(user).logout()
    eventually(lambda: last_login(user, "imap"))
    equal(last_login(user, "pop3"), "")
    pop3(user).quit()
    eventually(lambda: last_login(user, "pop3"))
    with submission(user) as client:
        client.sendmail(user, [other], message("hello"))
    at = eventually(lambda: last_login(user, "smtp"))
    must(abs(int(at) - time.time()) < 10, f"noted {at}")


@check("last logins: a refused login, the master and SOGo's own logins do not count")
def _():
    user = account("jana@mail.test", EXCHANGE)
    refused(lambda: pop3(user), "POP3 access")
    refused(lambda: submission(user), "Sending by SMTP")
    master(user).logout()
    imap(user, port=INFO["imap"] + 1).logout()
    Phone(user).folders()
    http("PROPFIND", "/SOGo/dav/", user, headers={"Depth": "0"})
    http("PROPFIND", "/SOGo/dav/", user, "wrong", headers={"Depth": "0"})
    Webmail(user)
    for protocol in ("activesync", "dav", "webmail"):
        eventually(lambda: last_login(user, protocol))
    for protocol in ("imap", "pop3", "smtp"):
        equal(last_login(user, protocol), "")


@check("a new address keeps mail, UIDs, POP3 UIDLs, calendar, phone keys and last logins")
def _():
    old, new = account("old@mail.test", EXCHANGE, pop3=True), "new@mail.test"
    for n in range(3):
        deliver(old, f"kept {n}")
    event = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:e1\r\nDTSTART:20300101T100000Z\r\nDTEND:20300101T110000Z\r\nSUMMARY:Kept\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    put = lambda user: http("PUT", f"/SOGo/dav/{user}/Calendar/personal/e1.ics", user, body=event, headers={"Content-Type": "text/calendar"})[0]
    equal(put(old), 201)

    def seen(user):
        client, reader = imap(user), pop3(user)
        client.select("INBOX", readonly=True)
        mail = client.untagged_responses["UIDVALIDITY"], client.fetch("1:*", "(UID FLAGS INTERNALDATE)")[1]
        return mail, reader.uidl()[1]

    phone = Phone(old)
    inbox = phone.folders()["INBOX"]
    equal(len(phone.read(inbox)), 3)
    before = seen(old)
    eventually(lambda: last_login(old, "activesync"))
    sql(f"UPDATE accounts SET address = '{new}' WHERE address = '{old}'")
    flush(old)
    flush(new)
    equal(seen(new), before)
    refused(lambda: imap(old), "Authentication failed")
    equal(http("GET", f"/SOGo/dav/{new}/Calendar/personal/e1.ics", new)[0], 200)
    phone.user = new
    phone.folders(phone.folder_key)
    equal(phone.folder_changes, 0)
    equal(phone.read(inbox), [])
    must(last_login(new, "activesync"), "the last login was lost")
    deliver(new, "after")
    equal(phone.read(inbox), ["after"])


run()
