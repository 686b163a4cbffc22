"""Who gets in, who does not, and what they are told."""

import imaplib
import threading
import time

from clients import *
from harness import check, equal, eventually, must, refused, run

domain("acme.test")
domain("globex.test")
domain("off.test")
anna = account("anna@acme.test")
bert = account("bert@acme.test", EXCHANGE, imap=False, closed_reason="It was converted to Exchange.")
carl = account("carl@acme.test", EXCHANGE, enabled=False, pop3=True, smtp=True)
BAD = "Authentication failed"


@check("IMAP, IMAPS and IMAP with STARTTLS let a mailbox in, with a certificate that verifies")
def _():
    for port, secure in (("imap", None), ("imaps", "tls"), ("imap", "starttls")):
        imap(anna, port=port, secure=secure).logout()


@check("POP3, POP3S and POP3 with STLS let a mailbox in")
def _():
    for secure in (None, "tls", "starttls"):
        pop3(anna, secure=secure).quit()


@check("submission takes mail after STARTTLS and login, and not without TLS")
def _():
    with submission(anna) as client:
        client.sendmail(anna, [anna], message("to myself"))
    eventually(lambda: "to myself" in subjects(imap(anna)))
    with smtplib.SMTP(HOST, INFO["submission"]) as plain:
        refused(lambda: plain.login(anna, PASSWORD), "SMTP AUTH extension not supported")


@check("the sender must be the mailbox's own, a stranger's recipient and an unknown one are refused")
def _():
    with submission(anna) as client:
        refused(lambda: client.sendmail(bert, [anna], "Subject: x\r\n\r\n"), "not owned by user anna@acme.test")
    refused(lambda: smtp("x@elsewhere.test", "relay"), "Relay access denied")
    refused(lambda: smtp("nobody@acme.test", "unknown"), "550")


@check("a closed protocol refuses with the sentence that says why: IMAP, POP3 and SMTP")
def _():
    tail = "is turned off for this mailbox. It was converted to Exchange."
    refused(lambda: imap(bert), f"[ALERT] IMAP access {tail}")
    refused(lambda: pop3(bert), f"-ERR [AUTH] POP3 access {tail}")
    refused(lambda: submission(bert), f"Sending by SMTP {tail}")


@check("the refusal of a right password is quick")
def _():
    started = time.monotonic()
    refused(lambda: pop3(bert), "POP3 access")
    must(time.monotonic() - started < 0.9, "waited for the delay of a failure")


@check("a wrong password learns nothing about a closed or suspended mailbox, not even right after the owner tried")
def _():
    for user in (bert, carl):
        refused(lambda: imap(user, "wrong"), f"[AUTHENTICATIONFAILED] {BAD}")
        refused(lambda: pop3(user, "wrong"), f"[AUTH] {BAD}")
        refused(lambda: submission(user, "wrong"), "(reason unavailable)")


@check("a suspended mailbox says so on every protocol and still receives mail")
def _():
    for login in (imap, pop3, submission):
        refused(lambda: login(carl), "This mailbox is suspended")
    equal(http("OPTIONS", "/Microsoft-Server-ActiveSync", carl)[0], 401)
    smtp(carl, "for the suspended")
    eventually(lambda: "for the suspended" in subjects(master(carl)))


@check("a mailbox with receiving off refuses mail with its own sentence, through an alias too")
def _():
    user = account("deaf@acme.test", receives=False)
    sql(f"INSERT INTO aliases (domain_id, source, destination) SELECT id, 'info@acme.test', '{user}' FROM domains WHERE name = 'acme.test'")
    refused(lambda: smtp(user, "x"), "5.2.1 <deaf@acme.test>: Recipient address rejected: This mailbox does not accept mail")
    refused(lambda: smtp("info@acme.test", "x"), "550")
    sql(f"UPDATE accounts SET receives = true WHERE address = '{user}'")
    smtp("info@acme.test", "through the alias")
    eventually(lambda: "through the alias" in subjects(imap(user)))


@check("a disabled domain takes no mail and lets nobody in")
def _():
    user = account("olga@off.test")
    sql("UPDATE domains SET enabled = false WHERE name = 'off.test'")
    refused(lambda: imap(user), "This mailbox is suspended")
    refused(lambda: smtp(user, "x"), "Relay access denied")


@check("a reason that would break a protocol's line never gets into the directory")
def _():
    refused(lambda: sql(f"UPDATE accounts SET closed_reason = E'a\\r\\nb' WHERE address = '{bert}'"), "closed_reason_check")


@check("the master opens any mailbox, on the panel's door only")
def _():
    for user in (anna, bert, carl):
        master(user).logout()
    refused(lambda: master(anna, port="imap"), "AUTHORIZATIONFAILED")
    refused(lambda: pop3(f"{anna}*panel", INFO["master_password"]), "[AUTH]")
    refused(lambda: submission(f"{anna}*panel", INFO["master_password"]), "535")
    refused(lambda: master("nobody@acme.test"), "AUTHORIZATIONFAILED")
    refused(lambda: imap(f"{anna}*panel", "wrong", port="panel"), "AUTHENTICATIONFAILED")


@check("the master is refused from another address (127.0.0.2)")
def _():
    refused(lambda: master(anna, source="127.0.0.2"), "[AUTH")
    imap(anna, source="127.0.0.2").logout()


@check("the panel's door is closed to the mailboxes themselves, SOGo's door to mailboxes without Exchange")
def _():
    refused(lambda: imap(anna, port="panel"), "AUTHENTICATIONFAILED")
    door = INFO["imap"] + 1
    refused(lambda: imap(anna, port=door), "AUTHENTICATIONFAILED")
    imap(bert, port=door).logout()


@check("closing POP3 takes effect at once after the flush, and ends the open session")
def _():
    user = account("erik@acme.test")
    session = pop3(user)
    imap_session = imap(user)
    change(user, pop3=False)
    refused(lambda: pop3(user), "POP3 access is turned off")
    refused(session.noop, "")
    refused(imap_session.noop, "")
    imap(user).logout()
    change(user, pop3=True)
    pop3(user).quit()


@check("a session on SOGo's door is ended by kick too")
def _():
    session = imap(bert, port=INFO["imap"] + 1)
    doveadm("kick", mask=[bert])

    # A session that is told to end takes a moment for it.
    def ended():
        try:
            session.noop()
        except (imaplib.IMAP4.error, OSError):
            return True
        return False

    eventually(ended)


@check("a login whose password is being verified while its door is shut does not get in")
def _():
    user = account("ines@acme.test")
    inside = []

    def knock():
        try:
            while True:
                inside.append(imap(user))
        except (imaplib.IMAP4.error, OSError):
            pass

    for _ in range(6):
        sql(f"UPDATE accounts SET imap = true WHERE address = '{user}'")
        doveadm("authCacheFlush", user=[user])
        knocking = [threading.Thread(target=knock) for _ in range(3)]
        for one in knocking:
            one.start()
        time.sleep(0.25)
        sql(f"UPDATE accounts SET imap = false WHERE address = '{user}'")
        flush(user)
        # What had been looked up is listed by then.
        time.sleep(0.2)
        doveadm("kick", mask=[user])
        for one in knocking:
            one.join()
        eventually(lambda: doveadm("who", mask=[user])[1] == [], seconds=2)
    return f"{len(inside)} were let in before"


@check("a mailbox opens at once even when its address was tried before it existed")
def _():
    refused(lambda: imap("fritz@acme.test"), BAD)
    started = time.monotonic()
    imap(account("fritz@acme.test")).logout()
    took = time.monotonic() - started
    must(took < 2, f"row and login took {took:.2f} s")
    return f"row written and signed in after {took * 1000:.0f} ms"


@check("a new password works after the flush, the old one no longer")
def _():
    imap("fritz@acme.test").logout()
    sql(f"UPDATE accounts SET password_hash = '{argon2('another')}' WHERE address = 'fritz@acme.test'")
    refused(lambda: imap("fritz@acme.test", "another"), BAD)  # the cache still holds the old one: hence the flush
    flush("fritz@acme.test")
    imap("fritz@acme.test", "another").logout()
    refused(lambda: imap("fritz@acme.test"), BAD)


@check("an address with unusual characters, and typed with capital letters, gets in everywhere")
def _():
    user = account("o+neil#x&y@acme.test", {**POP_IMAP, **EXCHANGE, "smtp": True})
    for typed in (user, "O+Neil#X&Y@Acme.Test"):
        imap(typed).logout()
        submission(typed).quit()
        equal(http("OPTIONS", "/Microsoft-Server-ActiveSync", typed)[0], 200)
        equal(http("PROPFIND", f"/SOGo/dav/{typed.replace('#', '%23')}/", typed, headers={"Depth": "0"})[0], 207)
        Webmail(typed)
    for protocol in ("imap", "activesync", "dav", "webmail"):
        eventually(lambda: last_login(user, protocol))


@check("an address that would break a login's form never gets into the directory")
def _():
    for address in ("a*b@acme.test", "a:b@acme.test", "a/b@acme.test", 'a"b@acme.test', "a b@acme.test", "A@acme.test"):
        refused(lambda: account(address), "accounts")


@check("many wrong logins from one address do not slow the right ones down")
def _():
    for _ in range(3):
        refused(lambda: imap(anna, "wrong"), BAD)
    started = time.monotonic()
    imap(anna).logout()
    must(time.monotonic() - started < 1.5, "the right login waited")


@check("the mail roles cannot read the tables, the panel cannot write what the servers note")
def _():
    refused(lambda: sql("INSERT INTO login_times VALUES ('u', 'imap', 1)"), "permission denied")
    equal(sql("SELECT max(version) FROM schema_version"), str(INFO["directory_version"]))
    equal(sql("SELECT has_table_privilege('mail', 'accounts', 'SELECT') OR has_table_privilege('sogo', 'accounts', 'SELECT')"), "f")


run()
