"""The front door: ActiveSync, CalDAV, CardDAV and webmail; tenants apart; conversion there and back."""

import re
import threading
import time
import urllib.parse
from http.client import HTTPConnection

from activesync import Phone
from clients import *
from clients import http as ask
from harness import check, equal, eventually, must, refused, run

domain("north.test")
domain("south.test")
kim = account("kim@north.test", EXCHANGE, display_name="Kim North")
lou = account("lou@north.test", EXCHANGE)
sam = account("sam@south.test", EXCHANGE, display_name="Sam South")
pia = account("pia@north.test")
DEPTH = {"Depth": "0"}
EVENT = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTART:20300101T100000Z\r\nDTEND:20300101T110000Z\r\nSUMMARY:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:c1\r\nFN:A Friend\r\nN:Friend;A;;;\r\nEMAIL:friend@elsewhere.test\r\nEND:VCARD\r\n"


def dav(user, path, method="PROPFIND", **more):
    """The status, or "strange" when the front door itself refused."""
    status, _, body = ask(method, f"/SOGo/dav/{path}", user, headers={**DEPTH, **more})
    return "strange" if b"names somebody else" in body else status


def uid_of(address):
    return sql(f"SELECT uid FROM accounts WHERE address = '{address}'")


@check("ActiveSync answers OPTIONS with 14.1, and FolderSync with the folders")
def _():
    status, headers, _body = ask("OPTIONS", "/Microsoft-Server-ActiveSync", kim)
    equal(status, 200)
    must("14.1" in headers["MS-ASProtocolVersions"], headers["MS-ASProtocolVersions"])
    must({"INBOX", "Drafts", "Sent", "Trash", "Personal Address Book"} <= set(Phone(kim).folders()), "a folder is missing")


@check("a phone sends mail although SMTP is closed, and the copy is in Sent")
def _():
    Phone(kim).send(lou, "from the phone")
    eventually(lambda: "from the phone" in subjects(imap(lou)))
    equal(subjects(imap(kim), "Sent"), ["from the phone"])


@check("a waiting Ping comes back through the front door when mail arrives")
def _():
    phone = Phone(lou, "PINGER")
    inbox = phone.folders()["INBOX"]
    phone.read(inbox)
    timer = threading.Timer(1, lambda: deliver(lou, "wake up"))
    timer.start()
    started = time.monotonic()
    equal(phone.ping(inbox, 60), "2")
    return f"{time.monotonic() - started:.0f} s"


@check("CalDAV and CardDAV store an event and a card, and the phone sees the event")
def _():
    equal(ask("PUT", f"/SOGo/dav/{kim}/Calendar/personal/e1.ics", kim, body=EVENT % (b"e1", b"Meeting"), headers={"Content-Type": "text/calendar"})[0], 201)
    equal(ask("PUT", f"/SOGo/dav/{kim}/Contacts/personal/c1.vcf", kim, body=CARD, headers={"Content-Type": "text/vcard"})[0], 201)
    phone = Phone(kim)
    phone.folders()
    equal(phone.read("vevent/personal"), ["Meeting"])


@check("/.well-known leads to /SOGo/dav/, the root to webmail")
def _():
    for name in ("caldav", "carddav"):
        status, headers, _body = ask("PROPFIND", f"/.well-known/{name}")
        equal((status, headers["Location"]), (301, "/SOGo/dav/"))
    equal(ask("GET", "/")[1]["Location"], "/SOGo/")


@check("webmail signs in, shows itself and its static files, and refuses a wrong password")
def _():
    session = Webmail(kim)
    status, headers, _body = session.get("/SOGo/")
    equal((status, headers["Location"]), (302, f"/SOGo/{uid_of(kim)}"))
    status, _headers, body = session.get(f"/SOGo/so/{uid_of(kim)}/Mail/view")
    must(status == 200 and uid_of(kim).encode() in body, f"{status}")
    equal(re.findall(rb'"/SOGo/[^"]*(?:@|%40)[^"]*"', body), [])  # the front door would refuse such a link
    must(session.works(uid_of(kim)), "no data")
    equal(ask("GET", "/SOGo.woa/WebServerResources/css/styles.css")[0], 200)
    refused(lambda: Webmail(kim, "wrong"), "sign-in refused: 403")


@check("the company directory finds colleagues and nobody of another tenant")
def _():
    session = Webmail(kim)
    for search, found in (("lou", True), ("South", False), ("sam", False)):
        body = session.get(f"/SOGo/so/{uid_of(kim)}/Contacts/allContactSearch?search={search}&excludeGroups=1")[2]
        equal((search, b"@" in body), (search, found))


@check("an open webmail session outlives the flush of SOGo's caches")
def _():
    session = Webmail(kim)
    flush_memcached()
    must(session.works(uid_of(kim)), "it ended")


@check("switching webmail off ends an open webmail session at the flush")
def _():
    user = account("wendy@north.test", EXCHANGE)
    session = Webmail(user)
    must(session.works(uid_of(user)), "no session")
    change(user, webmail=False)
    must(not session.works(uid_of(user)), "the session still works")


@check("each role lets in only those with its switch")
def _():
    for name, switch in (("easy", "activesync"), ("davy", "dav"), ("webby", "webmail")):
        user = account(f"{name}@north.test", imap=False, pop3=False, smtp=False, **{switch: True})
        eas = ask("OPTIONS", "/Microsoft-Server-ActiveSync", user)[0]
        second_name = ask("OPTIONS", "/SOGo/Microsoft-Server-ActiveSync", user)[0]
        folder = dav(user, f"{user}/")
        try:
            web = bool(Webmail(user))
        except RuntimeError:
            web = False
        wanted = {"activesync": (200, 200, 401, False), "dav": (401, 401, 207, False), "webmail": (401, 401, 401, True)}
        equal((eas, second_name, folder, web), wanted[switch])
    equal((ask("OPTIONS", "/Microsoft-Server-ActiveSync", pia)[0], dav(pia, "")), (401, 401))


@check("webmail's role is no way around the others: no DAV methods, no Basic login")
def _():
    equal(ask("PROPFIND", f"/SOGo/so/{uid_of(kim)}/Calendar/", kim, headers=DEPTH)[0], 405)
    status, headers, body = ask("GET", f"/SOGo/so/{uid_of(kim)}/Calendar/personal.ics", kim)
    must(b"BEGIN:VCALENDAR" not in body, f"{status} gave the calendar")


@check("a path that names another tenant's person is refused, however it is written")
def _():
    for path in (sam, "sam%40south.test", "sam%2540south.test", "SAM@SOUTH.TEST", f"{sam}/Calendar/", f"{sam}/freebusy.ifb", "sam",
                 f"{kim}/../{sam}", f"{kim}%2f..%2f{sam}", f"./{sam}", f"/{sam}", f"{kim}@south.test", f"x@south.test@north.test/../{sam}"):
        equal((path, dav(kim, path)), (path, "strange"))
        equal((path, dav(kim, path, "GET")), (path, "strange"))
    for path in (f"/SOGo//dav/{sam}", f"/SOGo/so/../dav/{sam}", f"/SOGo/%64av/{sam}", f"//SOGo/dav/{sam}"):
        equal((path, ask("PROPFIND", path, kim, headers=DEPTH)[0]), (path, 403))
    for method in ("COPY", "MOVE"):
        for target in (f"/SOGo/dav/{sam}/Calendar/personal/e1.ics", f"{INFO['http']}/SOGo/dav/sam%40south.test/Calendar/personal/e1.ics"):
            equal(dav(kim, f"{kim}/Calendar/personal/e1.ics", method, Destination=target), "strange")
    for path in (f"/SOGo/{sam}/Calendar", f"/SOGo/so/{sam}/Calendar", "/SOGo/so/sam%40south.test/Mail"):
        equal(Webmail(kim).get(path)[0], 403)


@check("one's own path, a colleague's and the uid form are let through")
def _():
    for path in ("", f"{kim}/", urllib.parse.quote(kim) + "/", f"{lou}/", f"{uid_of(kim)}/", "KIM@NORTH.TEST/", f"{kim}/Calendar/personal/"):
        must(dav(kim, path) != "strange", f"{path} was refused")
    equal(dav(kim, f"{kim}/"), 207)
    for target in (f"/SOGo/dav/{kim}/Calendar/personal/e9.ics", f"{INFO['http']}/SOGo/dav/{uid_of(kim)}/Calendar/personal/e9.ics"):
        must(dav(kim, f"{kim}/Calendar/personal/e1.ics", "COPY", Destination=target) != "strange", f"{target} was refused")


@check("another tenant's calendar stays closed even to one who knows the uid")
def _():
    dav(sam, f"{sam}/Calendar/personal/")
    for path in (f"{uid_of(sam)}/Calendar/personal/", f"{uid_of(sam)}/Contacts/personal/"):
        must(dav(kim, path) in (401, 403, 404), f"{path} was let through")


@check("without a login the front door tells nobody who exists")
def _():
    for path in (sam, "nobody@south.test"):
        equal(ask("PROPFIND", f"/SOGo/dav/{path}/", headers=DEPTH)[0], 401)
    equal(ask("PROPFIND", f"/SOGo/dav/{sam}/", headers={**DEPTH, "Authorization": "Basic !!!"})[0], 400)


@check("a hundred requests over one kept connection: none is reset")
def _():
    connection = HTTPConnection(INFO["http"].removeprefix("http://"), timeout=20)
    login = "Basic " + base64.b64encode(f"{kim}:{PASSWORD}".encode()).decode()
    for n in range(100):
        connection.request("OPTIONS", "/Microsoft-Server-ActiveSync" if n % 2 else "/SOGo/dav/", headers={"Authorization": login})
        reply = connection.getresponse()
        reply.read()
        equal(reply.status, 200)


def snapshot(user):
    client, rows = master(user), {}
    client.enable("CONDSTORE")
    for line in client.list()[1]:
        name = line.decode().split(' "/" ', 1)[1]
        if b"\\Noselect" in line:
            continue
        client.untagged_responses.clear()
        client.select(name, readonly=True)
        validity = client.untagged_responses["UIDVALIDITY"]
        found = client.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")[1] if int(client.untagged_responses["EXISTS"][0]) else []
        # \Recent belongs to a session, not to a message.
        rows[name] = validity, [re.sub(rb" ?\\Recent", b"", part) if isinstance(part, bytes) else (re.sub(rb" ?\\Recent", b"", part[0]), part[1]) for part in found]
    return rows


@check("there and back: mail identical, POP3 UIDLs identical, calendar kept, the same phone goes on with its keys")
def _():
    user = account("mia@north.test")
    for n in range(40):
        deliver(user, f"m {n}", "ü" * n)
    client = imap(user)
    client.create("Alt/Ordner")
    client.append("Alt/Ordner", "(\\Seen keyword)", '"01-Jan-2001 10:00:00 +0000"', message("old").encode())
    client.select("INBOX")
    client.store("1:5", "+FLAGS", "(\\Seen \\Flagged)")
    client.logout()
    uidl = pop3(user).uidl()[1]
    first = snapshot(user)

    def same():
        now = snapshot(user)
        for folder, rows in first.items():
            equal(now[folder], rows)
        must(not any(rows[1] for folder, rows in now.items() if folder not in first), "mail in a folder that was not there")
        return sorted(set(now) - set(first))

    started = time.monotonic()
    change(user, **EXCHANGE)
    refused(lambda: pop3(user), "POP3 access")
    phone = Phone(user)
    folders = phone.folders()
    equal(len(phone.read(folders["INBOX"])), 40)
    equal(phone.read(folders["Ordner"]), ["old"])
    took = time.monotonic() - started
    equal(same(), ["Templates"])  # SOGo makes it when the phone first asks for the folders
    equal(ask("PUT", f"/SOGo/dav/{user}/Calendar/personal/e2.ics", user, body=EVENT % (b"e2", b"Kept"), headers={"Content-Type": "text/calendar"})[0], 201)
    equal(phone.read("vevent/personal"), ["Kept"])

    change(user, **POP_IMAP)
    equal(dav(user, f"{user}/"), 401)
    refused(phone.folders, "HTTP 401")
    equal(pop3(user).uidl()[1], uidl)
    same()
    client = imap(user)
    client.create("Meanwhile")
    client.append("Meanwhile", None, None, message("in a new folder").encode())
    client.logout()
    deliver(user, "meanwhile")

    change(user, **EXCHANGE)
    equal(phone.read("vevent/personal"), [])
    equal(ask("GET", f"/SOGo/dav/{user}/Calendar/personal/e2.ics", user)[0], 200)
    equal(phone.read(folders["INBOX"]), ["meanwhile"])
    equal(phone.read(phone.folders(phone.folder_key)["Meanwhile"]), ["in a new folder"])
    return f"first full sync {took:.1f} s after the switch"


run()
