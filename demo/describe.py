"""Writes demo.json: where everything is, for people and scripts."""
import json
import os
import sys

folder, url, panel, servers = sys.argv[1:]


def line(name):
    with open(os.path.join(folder, name)) as file:
        return file.read().strip()


def server(number):
    with open(os.path.join(folder, f"mail-{number}", "info.json")) as file:
        info = json.load(file)
    ports = ["imap", "imaps", "pop3", "pop3s", "smtp", "submission", "http"]
    return {"name": f"mail-{number}", "offers": info["offers"], "host": info["host"]} | {
        port: info[port] for port in ports
    }


described = {
    "url": url,
    "platform": "platform",
    "sign_in": {"email": "owner@pilothouse.test", "password": line("owner.password")},
    "api_key": line("api-key"),
    "panel_pid": int(panel),
    "servers": [server(number) for number in range(1, int(servers) + 1)],
}
target = os.path.join(folder, "demo.json")
with open(target + ".new", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    json.dump(described, file, indent=2)
    file.write("\n")
os.replace(target + ".new", target)
