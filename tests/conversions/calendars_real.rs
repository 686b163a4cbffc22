//! Calendars and contacts that move between two real mail stacks, judged by a calendar program.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pilothouse::app::conversions::NewBatch;
use pilothouse::app::reversals::{self, Chosen, NewReversal};
use pilothouse::authz::ConvertMailboxes;
use pilothouse::backends;
use pilothouse::domain::filters::Filters;
use pilothouse::domain::{Batch, ItemState, Kind};

use crate::clients::Doors;
use crate::clients::activesync::Phone;
use crate::clients::dav::Dav;
use crate::clients::imap::Imap;
use crate::clients::smtp;
use crate::moves_real::Two;
use crate::real::{Owner, PASSWORD};
use crate::theatre::{batch_of, carry_on, item, try_start};

const ICS: &str = "text/calendar; charset=utf-8";
const VCF: &str = "text/vcard; charset=utf-8";

fn calendar(body: &str) -> String {
    let whole = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//Calendar//EN\n{body}\nEND:VCALENDAR\n"
    );
    whole.replace('\n', "\r\n")
}

/// What clients put into calendars, and servers get wrong.
fn items(address: &str) -> Vec<(&'static str, String)> {
    let zone = "BEGIN:VTIMEZONE\nTZID:Europe/Vienna\nBEGIN:STANDARD\nDTSTART:19701025T030000\n\
                RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nTZNAME:CET\nTZOFFSETFROM:+0200\n\
                TZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE";
    let meeting = "DTSTAMP:20261124T090000Z\nDTSTART:20261202T100000Z\nDTEND:20261202T110000Z\n\
                   CLASS:PRIVATE\nATTENDEE;CN=Lee;PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:lee@elsewhere.test\n\
                   ATTACH;FMTTYPE=text/plain;ENCODING=BASE64;VALUE=BINARY:aGVsbG8gd29ybGQ=";
    vec![
        (
            "%C3%B6%20%23%26+.ics",
            calendar(
                "BEGIN:VEVENT\nUID:odd\nDTSTAMP:20261124T090000Z\nDTSTART:20261201T100000Z\n\
             DTEND:20261201T110000Z\nSUMMARY:Füße & <x> \"q\" 🎉 \\, \\; \\n neu\nX-OWN;FOO=bar:baz\n\
             DESCRIPTION:Eine Zeile\\, die länger als fünfundsiebzig Oktette ist und gefaltet werden muss\nEND:VEVENT",
            ),
        ),
        (
            "weekly.ics",
            calendar(&format!(
                "{zone}\nBEGIN:VEVENT\nUID:weekly\nDTSTAMP:20261124T090000Z\n\
             DTSTART;TZID=Europe/Vienna:20261201T100000\nDTEND;TZID=Europe/Vienna:20261201T110000\n\
             RRULE:FREQ=WEEKLY;COUNT=10\nEXDATE;TZID=Europe/Vienna:20261208T100000\nSUMMARY:Weekly\n\
             BEGIN:VALARM\nTRIGGER:-PT15M\nACTION:DISPLAY\nDESCRIPTION:Soon\nEND:VALARM\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:weekly\nRECURRENCE-ID;TZID=Europe/Vienna:20261215T100000\n\
             DTSTAMP:20261124T090000Z\nDTSTART;TZID=Europe/Vienna:20261215T140000\n\
             DTEND;TZID=Europe/Vienna:20261215T150000\nSUMMARY:Weekly, later\nEND:VEVENT"
            )),
        ),
        (
            "mine.ics",
            calendar(&format!(
                "BEGIN:VEVENT\nUID:mine\n{meeting}\nORGANIZER;CN=Me:mailto:{address}\nSUMMARY:Mine\nEND:VEVENT"
            )),
        ),
        (
            "task.ics",
            calendar(
                "BEGIN:VTODO\nUID:task\nDTSTAMP:20261124T090000Z\nDUE;VALUE=DATE:20261231\nSUMMARY:Do it\n\
             PRIORITY:1\nSTATUS:IN-PROCESS\nPERCENT-COMPLETE:40\nEND:VTODO",
            ),
        ),
        (
            "holiday.ics",
            calendar(
                "BEGIN:VEVENT\nUID:holiday\nDTSTAMP:20261124T090000Z\nDTSTART;VALUE=DATE:20261224\n\
             DTEND;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY\nSUMMARY:Holiday\nTRANSP:TRANSPARENT\nEND:VEVENT",
            ),
        ),
    ]
}

fn cards() -> Vec<(&'static str, String)> {
    let card = |text: &str| text.replace('\n', "\r\n");
    let photo = "/9j/".repeat(20_000);
    vec![
        (
            "miller.vcf",
            card(&format!(
                "BEGIN:VCARD\nVERSION:3.0\nUID:miller\nFN:Jürgen \"J\" Müller\\, Dr.\nN:Müller;Jürgen;;Dr.;\n\
             EMAIL;TYPE=INTERNET,WORK:j@example.org\nTEL;TYPE=CELL:+43 1 234\nNOTE:One\\nTwo <b>&amp;</b>\n\
             PHOTO;ENCODING=b;TYPE=JPEG:{photo}\nitem1.URL:http://x\nitem1.X-ABLabel:_$!<HomePage>!$_\n\
             CATEGORIES:A,B\nBDAY:1980-01-02\nEND:VCARD\n"
            )),
        ),
        (
            "four.vcf",
            card(
                "BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:4\nFN:Four\nN:Four;;;;\nEMAIL:four@example.org\nEND:VCARD\n",
            ),
        ),
        (
            "team.vlf",
            card(
                "BEGIN:VLIST\nUID:team.vlf\nVERSION:1.0\nFN:My list\nDESCRIPTION:Some\n\
             CARD;EMAIL=j@example.org;FN=\"Jürgen\":miller.vcf\nEND:VLIST\n",
            ),
        ),
    ]
}

/// Three calendars and two address books.
async fn fill(dav: &Dav, address: &str) {
    assert_eq!(dav.propfind().await, Ok(207));
    let made = dav.make_calendar("/Calendar/work/", "Work &amp; Büro 🎉", "#FF8800FF");
    assert_eq!(made.await, Ok(201));
    let made = dav.make_calendar("/Calendar/A9%20c/", "Empty", "#00AA55FF");
    assert_eq!(made.await, Ok(201));
    for (path, order) in [("/Calendar/work/", 1), ("/Calendar/personal/", 3)] {
        let order = format!("<A:calendar-order>{order}</A:calendar-order>");
        assert_eq!(dav.set(path, &order).await, Ok(207));
    }
    let made = dav.make_address_book("/Contacts/friends/", "Freunde");
    assert_eq!(made.await, Ok(207));
    for home in ["/Calendar/personal", "/Calendar/work"] {
        for (name, body) in items(address) {
            // An event's UID is one person's own.
            let body = body.replace("UID:", &format!("UID:{}-", &home[10..]));
            let put = dav.put(&format!("{home}/{name}"), ICS, &body).await;
            assert_eq!(put, Ok(201), "{name}");
        }
    }
    for home in ["/Contacts/personal", "/Contacts/friends"] {
        for (name, body) in cards() {
            let put = dav.put(&format!("{home}/{name}"), VCF, &body).await;
            assert_eq!(put, Ok(201), "{name}");
        }
    }
    for n in 0..60 {
        let put = dav.put_event(&format!("event-{n}"), "One of many").await;
        assert_eq!(put, Ok(201));
    }
    assert_eq!(dav.delete("/Calendar/personal/event-7.ics").await, Ok(204));
}

/// Events put into the old server until it lets nobody in.
async fn keep_planning(dav: Dav, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut kept = vec![];
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("planned-{n}");
        if dav.put_event(&name, "While it moves").await == Ok(201) {
            kept.push(format!("/Calendar/personal/{name}.ics"));
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    kept
}

async fn undo(two: &Two, started: &Batch) -> Batch {
    let undo = NewReversal {
        batch: started.id,
        chosen: Chosen::All,
        notify_users: None,
    };
    let work = two.real.stage.work::<ConvertMailboxes>("acme").await;
    reversals::start(work, undo).await.unwrap()
}

async fn drain(two: &Two, owner: &Owner) -> Batch {
    let drain = NewBatch {
        server: Some("mail-2".to_owned()),
        ..batch_of(&[&owner.local], Kind::Exchange)
    };
    try_start(&two.real.stage, drain).await.unwrap()
}

fn differing(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let names = one.keys().chain(other.keys());
    let differ = names.filter(|name| one.get(*name) != other.get(*name));
    let say = |name: &String| format!("{name}: {:?} / {:?}", one.get(name), other.get(name));
    differ.map(say).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calendars_and_contacts_move_in_use_and_go_back_with_what_is_new_byte_for_byte() {
    let Some(two) = Two::alike().await else {
        return;
    };
    let owner = two.real.owner(Kind::Exchange).await;
    let old = Dav::new(&two.real.doors, &owner.address, PASSWORD);
    let new = Dav::new(&two.new, &owner.address, PASSWORD);
    fill(&old, &owner.address).await;
    let before = old.everything().await.unwrap();
    assert_eq!(before.len(), 2 * 5 + 59 + 2 * 3 + 5, "{:?}", before.keys());
    let stop = Arc::new(AtomicBool::new(false));
    let planner = Dav::new(&two.real.doors, &owner.address, PASSWORD);
    let planner = tokio::spawn(keep_planning(planner, stop.clone()));
    tokio::time::sleep(Duration::from_millis(300)).await;

    let begun = Instant::now();
    let started = drain(&two, &owner).await;
    carry_on(&two.real.stage.context).await;
    two.until_over(&started).await;
    eprintln!("{} things moved in {:?}", before.len(), begun.elapsed());
    stop.store(true, Ordering::Relaxed);
    let planned = planner.await.unwrap();
    let after = new.everything().await.unwrap();
    for name in &planned {
        assert!(after.contains_key(name), "{name}");
    }
    assert!(!planned.is_empty());
    let mut known = after.clone();
    known.retain(|name, _| !planned.contains(name));
    assert_eq!(differing(&before, &known), Vec::<String>::new());
    let receipt = item(&two.real.stage, &started).await.receipt.unwrap();
    let counted = receipt.before.groupware.unwrap();
    assert_eq!(Some(&counted), receipt.after.groupware.as_ref());
    assert_eq!((counted.calendars, counted.address_books), (3, 2));
    assert_eq!((counted.tasks, counted.contacts), (2, 6));
    let events = 2 * 4 + 59;
    assert!(counted.events >= events && counted.events <= events + planned.len() as u64);

    // Whoever still goes to the old server is there all the same.
    assert_eq!(old.propfind().await, Ok(207));
    assert_eq!(
        differing(&old.everything().await.unwrap(), &after),
        Vec::<String>::new()
    );
    let put = old.put_event("by-the-old-door", "Still here");
    assert_eq!(put.await, Ok(201));
    assert_eq!(new.get_event("by-the-old-door").await.unwrap().0, 200);
    let wrong = Dav::new(&two.real.doors, &owner.address, "wrong");
    assert_eq!(wrong.propfind().await, Ok(401));
    let phone = |doors: &Doors| Phone::new(doors, &owner.address, PASSWORD, "PHONE1");
    let by_the_old_door = phone(&two.real.doors);
    assert_eq!(by_the_old_door.options().await, Ok(200));
    let folders = by_the_old_door.folders().await.unwrap();
    assert_eq!(folders, phone(&two.new).folders().await.unwrap());

    // The owner goes on at the new server, and then everything goes back.
    let changed = items(&owner.address)[0]
        .1
        .replace("SUMMARY:", "SUMMARY:New ");
    let changed = changed.replace("UID:", "UID:work-");
    let put = new.put("/Calendar/work/%C3%B6%20%23%26+.ics", ICS, &changed);
    assert_eq!(put.await, Ok(204));
    assert_eq!(new.delete("/Calendar/personal/event-9.ics").await, Ok(204));
    assert_eq!(new.delete("/Calendar/A9%20c/").await, Ok(204));
    let made = new.make_calendar("/Calendar/later/", "Later", "#112233FF");
    assert_eq!(made.await, Ok(201));
    assert_eq!(new.put_contact("fresh", "Fresh").await, Ok(201));
    let before = new.everything().await.unwrap();
    let back = undo(&two, &started).await;
    carry_on(&two.real.stage.context).await;
    two.until_over(&back).await;
    let after = old.everything().await.unwrap();
    assert_eq!(differing(&before, &after), Vec::<String>::new());
    let by_the_other_door = new.everything().await.unwrap();
    assert_eq!(differing(&by_the_other_door, &after), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_does_not_let_the_panel_at_them_is_named_and_nothing_is_begun() {
    let Some(two) = Two::alike().await else {
        return;
    };
    let stage = &two.real.stage;
    let mut info = crate::moves_real::second_stack();
    info.as_object_mut().unwrap().remove("groupware_url");
    let (settings, secrets) = backends::dovecot_sogo::split_stack_info(info).unwrap();
    let shut = backends::adapter("dovecot_sogo", settings, secrets).unwrap();
    stage.context.servers.put(two.new_id, shut);
    let owner = two.real.owner(Kind::Exchange).await;
    let started = drain(&two, &owner).await;
    carry_on(&stage.context).await;
    let item = item(stage, &started).await;
    assert_eq!(item.state, ItemState::Failed, "{item:?}");
    let why = item.error.unwrap();
    assert!(
        why.contains("mail-2 does not let the panel at them"),
        "{why}"
    );
    assert_eq!(stage.see(&owner.local).await.server_name, "mail-1");
    assert_eq!(
        Dav::new(&two.real.doors, &owner.address, PASSWORD)
            .propfind()
            .await,
        Ok(207)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_move_and_sort_the_mail_at_the_new_server() {
    let Some(two) = Two::new().await else {
        return;
    };
    let (stage, old) = (&two.real.stage, &two.real.doors);
    let owner = two.real.owner(Kind::PopImap).await;
    let address = crate::stage::address(&owner.local);
    let script = "require [\"fileinto\", \"mailbox\"];\r\nfileinto :create \"Sorted\";\r\n";
    let filters = Filters {
        scripts: [("mine".to_owned(), script.to_owned())].into(),
        active: Some("mine".to_owned()),
    };
    let server = stage.context.servers.get(stage.id).unwrap();
    server.put_filters(&address, &filters).await.unwrap();
    let _engine = stage.start();
    let _flow = stage.flow(1);
    let started = try_start(stage, batch_of(&[&owner.local], Kind::Exchange));
    let started = started.await.unwrap();
    two.until_over(&started).await;
    let new = stage.context.servers.get(two.new_id).unwrap();
    assert_eq!(new.filters(&address).await.unwrap(), Some(filters));
    // Brought to the old server, which passes it on.
    let letter = b"Subject: sorted\r\n\r\nHello.\r\n";
    smtp::deliver(old, "x@elsewhere.test", &owner.address, letter)
        .await
        .unwrap();
    let begun = Instant::now();
    loop {
        let mut imap = Imap::login(&two.new, &owner.address, PASSWORD)
            .await
            .unwrap();
        let folders = imap.read_all().await.unwrap();
        if folders
            .get("Sorted")
            .is_some_and(|folder| folder.messages.len() == 1)
        {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "{:?}",
            folders.keys()
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
