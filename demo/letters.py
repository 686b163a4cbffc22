"""The people of the demo and the mail they have."""
import email.message
import email.utils
import hashlib
import time

FIRST = """Ada Bela Bram Catriona Chidi Clara Edith Fergus Freya Hana Imogen Jonas Mairi Nuala Odhran Petra
Quentin Rosa Sorcha Tomas Una Viggo Wren Ximena Yusuf Zora Anselm Brigid Calum Dervla Eamon Fiadh Gwen Hamish
Iona Joost Katya Lorcan Maeve Niamh Orla Pavel Rhys Saoirse Teodor Ulla Vera Willa Yara Zeno Aoife Basil Cora
Dara Elio Finn Greta Hugo Isla Jude Kaya Leif""".split()
LAST = """Holm Kovac Dewit Blair Nwosu Lindqvist Marsh Reid Nilsen Sato Pryce Weil Gunn Kilbride Farrell Novak
Ashdown Serrano Doyle Brandt Maclean Strand Hollis Fuentes Demir Petrov Vance Quigley Ross Keane Burke Lyle
Maddox Baird Munro Visser Orlov Tierney Casey Boyle Devlin Horak Penry Nolan Iliev Berg Sand Thorne Haddad
Marino Kelly Rathbone Finch Moran Conti Skarsgard Lund Ferrer Mcrae Whelan Arslan Dahl""".split()
PEOPLE = list(zip(FIRST, LAST))

SUBJECTS = [
    ("Minutes of Tuesday", "Three points were left open; they are at the end. Please look at the second one before Friday."),
    ("Re: Delivery on the 14th", "The lorry can be there at seven. Somebody has to open the yard gate."),
    ("Invoice 2026-1187", "Attached is the invoice for October. It is payable within thirty days."),
    ("Photos from the quay", "They came out better than I thought. The fourth one is for the brochure."),
    ("Holiday list", "Enter your days until the end of the month, so that the rota can be made."),
    ("Re: Re: The old printer", "It prints again. It was the cable, as always."),
    ("Grüße aus Lübeck", "Das Wetter hält, die Fähre war pünktlich. Näheres am Montag. — Żółw, naïve, 東京."),
    ("Quote for the sails", "The heavier cloth costs a fifth more and lasts twice as long. I would take it."),
]
FOLDERS = ["Projects/2026", "Suppliers", "Receipts & returns", "Entwürfe"]


def utf7(name):
    """Modified UTF-7 of RFC 3501 §5.1.3, for the folder names above."""
    import base64
    out, run = "", ""
    for letter in name + "\0":
        if letter == "&" or 0x20 <= ord(letter) <= 0x7E or letter == "\0":
            if run:
                code = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
                out, run = out + f"&{code}-", ""
            out += "&-" if letter == "&" else letter.strip("\0")
        else:
            run += letter
    return out


def letter(to, name, sender, number, days):
    subject, text = SUBJECTS[number % len(SUBJECTS)]
    message = email.message.EmailMessage()
    message["From"] = sender
    message["To"] = email.utils.formataddr((name, to))
    message["Subject"] = subject
    message["Date"] = email.utils.formatdate(time.time() - days * 86400)
    digest = hashlib.sha256(f"{to} {number}".encode()).hexdigest()
    message["Message-ID"] = f"<{digest[:20]}@{to.rsplit('@')[1]}>"
    message.set_content(f"Dear {name.split()[0]},\n\n{text}\n")
    if number % 7 == 2:
        message.add_attachment(digest.encode() * 400, maintype="application", subtype="pdf", filename="invoice.pdf")
    return message


def for_person(address, name, customers):
    """(folder, flags, age in days, message) of everything one person has, the same at each call."""
    seed = int(hashlib.sha256(address.encode()).hexdigest()[:8], 16)
    domain = address.rsplit("@")[1]
    for number in range(4 + seed % 7):
        first, last = PEOPLE[(seed + number * 13) % len(PEOPLE)]
        sender = email.utils.formataddr((f"{first} {last}", f"{first}.{last}@{domain}".lower()))
        folder = "INBOX" if number < 4 else FOLDERS[(seed + number) % len(FOLDERS)]
        flags = ["", r"(\Seen)", r"(\Seen \Answered)", r"(\Seen \Flagged $Important)"][(seed + number) % 4]
        days = (number * 3 + seed % 5) * 1.37
        yield utf7(folder), flags, days, letter(address, name, sender, number + seed % 3, days)
