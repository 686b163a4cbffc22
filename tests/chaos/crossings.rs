//! Where a conversion can be cut off: every write by which it crosses from one step to the next, in
//! the panel's database and in the directories of the mail servers.

/// A boundary.
#[derive(Debug, Clone, Copy)]
pub struct Crossing {
    /// What it is called.
    pub name: &'static str,
    /// Whose database is written.
    pub at: At,
    /// The table.
    pub table: &'static str,
    /// The write that crosses it: `$1` is the row before (null when it is new), `$2` after.
    condition: &'static str,
}

/// Whose database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The panel's.
    Panel,
    /// The directory of the server that the mailbox is on when the conversion begins.
    Home,
    /// The directory of the server that it moves to.
    Target,
}

const ITEMS: &str = "conversion_items";
const MAILBOXES: &str = "mailboxes";
const COPIES: &str = "mailbox_copies";
const FOLDERS: &str = "copied_folders";
const MESSAGES: &str = "copied_messages";
const ROUTES: &str = "mailbox_routes";
const ACCOUNTS: &str = "accounts";
const FORWARDS: &str = "forwards";

/// Tables of the panel that a gate is needed at.
pub const OF_PANEL: [&str; 6] = [ITEMS, MAILBOXES, COPIES, FOLDERS, MESSAGES, ROUTES];
/// Tables of a directory.
pub const OF_DIRECTORY: [&str; 2] = [ACCOUNTS, FORWARDS];

const fn saved(name: &'static str, table: &'static str, condition: &'static str) -> Crossing {
    Crossing {
        name,
        at: At::Panel,
        table,
        condition,
    }
}

const fn told(name: &'static str, at: At, table: &'static str, cond: &'static str) -> Crossing {
    Crossing {
        name,
        at,
        table,
        condition: cond,
    }
}

const CLAIMED: Crossing = saved(
    "claimed",
    ITEMS,
    "$1->>'state' = 'queued' AND $2->>'state' = 'checking'",
);
const HELD: Crossing = saved(
    "held",
    MAILBOXES,
    "$1->>'converting_item' IS NULL AND $2->>'converting_item' IS NOT NULL",
);
const CHECKED: Crossing = saved(
    "checked",
    ITEMS,
    "$1->>'place' = 'check' AND $2->>'place' <> 'check'",
);
const SURVEYED: Crossing = saved(
    "surveyed",
    ITEMS,
    "$1->>'place' = 'survey' AND $2->>'place' <> 'survey'",
);
const SHUTTING: Crossing = saved(
    "shutting",
    MAILBOXES,
    "$1->>'doors_shut' = 'false' AND $2->>'doors_shut' = 'true'",
);
const SHUT: Crossing = saved(
    "shut",
    ITEMS,
    "$1->>'place' = 'shut' AND $2->>'place' <> 'shut'",
);
/// All is ready for the switch, and every door is shut.
pub const MARKED: Crossing = saved(
    "marked",
    ITEMS,
    "$1->>'place' = 'mark' AND $2->>'place' <> 'mark'",
);
const SWITCHED: Crossing = saved(
    "switched",
    ITEMS,
    "$1->>'place' = 'switch' AND $2->>'place' <> 'switch'",
);
const COMPARED: Crossing = saved(
    "compared",
    ITEMS,
    "$1->>'place' = 'compare' AND $2->>'place' <> 'compare'",
);
const OPENING: Crossing = saved(
    "opening",
    MAILBOXES,
    "$1->>'doors_shut' = 'true' AND $2->>'doors_shut' = 'false'",
);
const OPENED: Crossing = saved(
    "opened",
    ITEMS,
    "$1->>'place' = 'open' AND $2->>'place' <> 'open'",
);
const SETTLED: Crossing = saved(
    "settled",
    ITEMS,
    "$1->>'state' <> 'done' AND $2->>'state' = 'done'",
);
const SHUT_THERE: Crossing = told(
    "doors shut on the server",
    At::Home,
    ACCOUNTS,
    "$1->>'imap' = 'true' AND $2->>'imap' = 'false'",
);

/// Of a conversion in place, in its order.
pub const IN_PLACE: [Crossing; 15] = [
    CLAIMED,
    HELD,
    CHECKED,
    SURVEYED,
    SHUTTING,
    SHUT_THERE,
    SHUT,
    MARKED,
    saved("switching", MAILBOXES, "$1->>'kind' <> $2->>'kind'"),
    SWITCHED,
    COMPARED,
    OPENING,
    told(
        "doors open on the server",
        At::Home,
        ACCOUNTS,
        "$1->>'imap' = 'false' AND $2->>'imap' = 'true'",
    ),
    OPENED,
    SETTLED,
];

/// Of a move, in its order.
pub const MOVING: [Crossing; 26] = [
    CLAIMED,
    HELD,
    CHECKED,
    saved(
        "target noted",
        COPIES,
        "$1 IS NULL AND $2->>'role' = 'target'",
    ),
    saved(
        "a server told where it lives",
        ROUTES,
        "$1->>'seen_generation' <> $2->>'seen_generation'",
    ),
    saved(
        "account there",
        COPIES,
        "$1->>'seen_generation' <> $2->>'seen_generation'",
    ),
    saved(
        "prepared",
        ITEMS,
        "$1->>'place' = 'prepare' AND $2->>'place' <> 'prepare'",
    ),
    saved("folder noted", FOLDERS, "$1 IS NULL"),
    // After the target's answer to APPEND, before anybody knows of it.
    saved("messages noted", MESSAGES, "$1 IS NULL"),
    saved(
        "copied",
        ITEMS,
        "$1->>'place' = 'copy' AND $2->>'place' <> 'copy'",
    ),
    SURVEYED,
    saved(
        "inspected",
        ITEMS,
        "$1->>'place' = 'inspect' AND $2->>'place' <> 'inspect'",
    ),
    SHUTTING,
    SHUT_THERE,
    SHUT,
    saved(
        "folder noted behind shut doors",
        FOLDERS,
        "$1 IS NULL AND (SELECT place = 'mark' FROM conversion_items WHERE {item})",
    ),
    MARKED,
    saved(
        "changing home",
        MAILBOXES,
        "$1->>'server_id' <> $2->>'server_id'",
    ),
    told(
        "mail taken by the new server",
        At::Target,
        FORWARDS,
        "$1->>'peer' IS NOT NULL AND $2->>'peer' IS NULL",
    ),
    told(
        "mail passed on by the old server",
        At::Home,
        FORWARDS,
        "$1->>'peer' IS NULL AND $2->>'peer' IS NOT NULL",
    ),
    SWITCHED,
    COMPARED,
    OPENING,
    told(
        "doors open on the new server",
        At::Target,
        ACCOUNTS,
        "$1->>'imap' = 'false' AND $2->>'imap' = 'true'",
    ),
    OPENED,
    SETTLED,
];

impl Crossing {
    /// The same for one mailbox, as a gate wants it.
    pub fn of(self, address: &str) -> String {
        let mailbox = format!("(SELECT id::text FROM mailboxes WHERE address = '{address}')");
        let whose = match self.table {
            COPIES | ROUTES => format!("$2->>'mailbox_id' = {mailbox}"),
            FOLDERS | MESSAGES => format!(
                "$2->>'ledger_id' IN (SELECT ledger_id::text FROM mailbox_copies
                   WHERE mailbox_id::text = {mailbox})"
            ),
            _ => format!("$2->>'address' = '{address}'"),
        };
        let item =
            format!("id = (SELECT converting_item FROM mailboxes WHERE address = '{address}')");
        let condition = self.condition.replace("{item}", &item);
        // In this order: what is asked of other tables does not go with every table.
        let (table, no) = (self.table, "false");
        format!("CASE WHEN $3 <> '{table}' THEN {no} WHEN {whose} THEN {condition} ELSE {no} END")
    }
}
