"""A small ActiveSync client. The tokens are those of [MS-ASWBXML] 2.1.2; a node is (page, token, content)."""

import urllib.parse

from clients import http

SYNC_KEY, SERVER_ID, STATUS, COLLECTION_ID = (0, 0x0B), (0, 0x0D), (0, 0x0E), (0, 0x12)
ADD, SUBJECT = (0, 0x07), (2, 0x14)
CALENDAR_SUBJECT = (4, 0x26)
FOLDER_NAME, FOLDER_ID, FOLDER_KEY, FOLDER_COUNT = (7, 0x07), (7, 0x08), (7, 0x12), (7, 0x17)
PING_STATUS = (13, 0x07)


def encode(node):
    out, page = bytearray(b"\x03\x01\x6a\x00"), 0

    def write(node):
        nonlocal page
        number, token, content = node
        if number != page:
            out.extend((0x00, number))
            page = number
        if content is None:
            out.append(token)
            return
        out.append(token | 0x40)
        if isinstance(content, str):
            out.extend(b"\x03" + content.encode() + b"\x00")
        elif isinstance(content, bytes):
            length, high = len(content), []
            while True:
                high.insert(0, length & 0x7F)
                length >>= 7
                if not length:
                    break
            out.extend(b"\xc3" + bytes([b | 0x80 for b in high[:-1]] + high[-1:]) + content)
        else:
            for child in content:
                write(child)
        out.append(0x01)

    write(node)
    return bytes(out)


def decode(data):
    """A flat list of ((page, token), text or None), in order of appearance."""
    nodes, page, at = [], 0, 4
    while at < len(data):
        byte = data[at]
        at += 1
        if byte == 0x00:
            page = data[at]
            at += 1
        elif byte == 0x03:
            end = data.index(0, at)
            nodes[-1] = (nodes[-1][0], data[at:end].decode(errors="replace"))
            at = end + 1
        elif byte == 0xC3:
            length = 0
            while True:
                length = length << 7 | data[at] & 0x7F
                at += 1
                if not data[at - 1] & 0x80:
                    break
            nodes[-1] = (nodes[-1][0], data[at : at + length].decode(errors="replace"))
            at += length
        elif byte != 0x01:
            nodes.append(((page, byte & 0x3F), None))
    return nodes


class Phone:
    def __init__(self, user, device="DEV01", **login):
        self.user, self.device, self.login = user, device, login
        self.keys = {}

    def command(self, name, node):
        query = urllib.parse.urlencode({"Cmd": name, "User": self.user, "DeviceId": self.device, "DeviceType": "SmartPhone"})
        headers = {"Content-Type": "application/vnd.ms-sync.wbxml", "MS-ASProtocolVersion": "14.1", "X-MS-PolicyKey": "0"}
        status, _, body = http("POST", f"/Microsoft-Server-ActiveSync?{query}", self.user, body=encode(node), headers=headers, **self.login)
        if status != 200:
            raise RuntimeError(f"{name}: HTTP {status}")
        return decode(body) if body else []

    def folders(self, key="0"):
        nodes = self.command("FolderSync", (7, 0x16, [(7, 0x12, key)]))
        self.folder_key = next(text for token, text in nodes if token == FOLDER_KEY)
        self.folder_changes = int(next(text for token, text in nodes if token == FOLDER_COUNT))
        ids = [text for token, text in nodes if token == FOLDER_ID]
        return dict(zip((text for token, text in nodes if token == FOLDER_NAME), ids))

    def sync(self, collection):
        """One round of Sync; the subjects that came. The first round only fetches a key."""
        collection_node = [(0, 0x0B, self.keys.get(collection, "0")), (0, 0x12, collection)]
        if collection in self.keys:
            collection_node += [(0, 0x13, None), (0, 0x15, "512")]
        nodes = self.command("Sync", (0, 0x05, [(0, 0x1C, [(0, 0x0F, collection_node)])]))
        if not nodes:
            return []  # an empty reply says: nothing new
        status = next((text for token, text in nodes if token == STATUS), "1")
        if status != "1":
            raise RuntimeError(f"Sync status {status}")
        self.keys[collection] = next(text for token, text in nodes if token == SYNC_KEY)
        return [text for token, text in nodes if token in (SUBJECT, CALENDAR_SUBJECT)]

    def read(self, collection):
        """All that is there now, for a device that starts or goes on."""
        if collection not in self.keys:
            self.sync(collection)
        found = []
        while batch := self.sync(collection):
            found += batch
        return found

    def ping(self, collection, seconds):
        node = (13, 0x05, [(13, 0x08, str(seconds)), (13, 0x09, [(13, 0x0A, [(13, 0x0B, collection), (13, 0x0C, "Email")])])])
        return next(text for token, text in self.command("Ping", node) if token == PING_STATUS)

    def send(self, recipient, subject):
        mime = f"From: {self.user}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\r\nfrom a phone\r\n".encode()
        return self.command("SendMail", (21, 0x05, [(21, 0x11, subject), (21, 0x08, None), (21, 0x10, mime)]))
