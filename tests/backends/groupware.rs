//! Calendars and contacts as the panel gets at them: every adapter that lets it in keeps them byte
//! for byte, and does everything twice with the effect of once.
use pilothouse::backends::groupware::{Groupware, Item, carry};
use pilothouse::backends::imap::copy::Mode;
use pilothouse::domain::Protocols;
use pilothouse::domain::groupware::{Collection, CollectionKind, Component, compare};
use pilothouse::domain::mailserver::{Aspect, DesiredMailbox};
use serde_json::json;
use std::sync::Arc;

use crate::support::{Subject, contract};

contract! {
    items_are_kept_byte_for_byte_whatever_the_doors,
    everything_may_be_done_twice,
    what_was_removed_is_remembered_by_name,
    a_pass_makes_the_target_what_the_source_is,
    additions_change_and_remove_nothing,
    a_removed_account_leaves_no_calendar_behind,
}

const EVENT: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:e\nDTSTART:20261201T100000Z\n\
                     SUMMARY:Füße \\, 🎉\nATTENDEE;CN=A;RSVP=TRUE;ROLE=CHAIR:mailto:a@b.test\nEND:VEVENT\nEND:VCALENDAR";

fn of(subject: &Subject, desired: &DesiredMailbox) -> Arc<dyn Groupware> {
    subject
        .server
        .groupware(&desired.address)
        .expect("a way in")
}

fn work(name: &str) -> Collection {
    Collection {
        path: "Calendar/work".to_owned(),
        kind: CollectionKind::Calendar,
        name: name.to_owned(),
        color: None,
        order: None,
    }
}

fn event(name: &str, content: &str) -> Item {
    let index = json!({"c_uid": name, "c_title": "t", "c_classification": 0, "c_isopaque": 1,
                       "c_status": 1, "c_component": "vevent"});
    Item {
        name: name.to_owned(),
        removed: false,
        content: content.to_owned(),
        beside: json!({"created": 5, "modified": 6, "version": 3, "appointment": index, "contact": null}),
    }
}

/// A mailbox with a calendar of two events.
async fn furnished(subject: &Subject, local: &str) -> (DesiredMailbox, Arc<dyn Groupware>) {
    let desired = subject.desired(local);
    subject.create(&desired).await;
    let calendars = of(subject, &desired);
    calendars
        .put_collection(&work("Work & Büro 🎉"))
        .await
        .unwrap();
    let items = [event("a #&?.ics", EVENT), event("b.ics", "BEGIN:VEVENT b")];
    calendars.put("Calendar/work", &items).await.unwrap();
    (desired, calendars)
}

async fn items_are_kept_byte_for_byte_whatever_the_doors(subject: Subject) {
    let (mut desired, calendars) = furnished(&subject, "ann").await;
    let account = subject.observe(&desired.address).await.account.unwrap();
    desired.open = Protocols::NONE;
    let shut = subject.update(&account.remote_id, &desired, &[Aspect::Open]);
    shut.await.unwrap();
    let inventory = calendars.inventory().await.unwrap();
    assert_eq!(inventory.collections.len(), 1);
    assert_eq!(inventory.collections[0].collection, work("Work & Büro 🎉"));
    let items = &inventory.collections[0].items;
    assert_eq!(items[0].name, "a #&?.ics");
    assert_eq!(
        (items[0].component, items[0].removed),
        (Component::Event, false)
    );
    assert_eq!(items[0].size, EVENT.len() as u64);
    let names = ["a #&?.ics".to_owned(), "none.ics".to_owned()];
    let read = calendars.read("Calendar/work", &names).await.unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].content, EVENT);
    assert_eq!(read[0].beside["version"], 3);
}

async fn everything_may_be_done_twice(subject: Subject) {
    let (_, calendars) = furnished(&subject, "ann").await;
    let once = calendars.inventory().await.unwrap();
    for _ in 0..2 {
        calendars
            .put_collection(&work("Work & Büro 🎉"))
            .await
            .unwrap();
        let again = [event("a #&?.ics", EVENT)];
        calendars.put("Calendar/work", &again).await.unwrap();
        calendars
            .remove("Calendar/work", &["none.ics".to_owned()])
            .await
            .unwrap();
        calendars.remove_collection("Calendar/none").await.unwrap();
        let wanted = json!({"defaults": {"SOGoLanguage": "German"}, "settings": null});
        calendars.put_preferences(&wanted).await.unwrap();
        assert_eq!(calendars.preferences().await.unwrap(), wanted);
    }
    assert_eq!(calendars.inventory().await.unwrap(), once);
    calendars.remove_collection("Calendar/work").await.unwrap();
    assert!(calendars.inventory().await.unwrap().collections.is_empty());
}

async fn what_was_removed_is_remembered_by_name(subject: Subject) {
    let (_, calendars) = furnished(&subject, "ann").await;
    let gone = ["b.ics".to_owned()];
    calendars.remove("Calendar/work", &gone).await.unwrap();
    let inventory = calendars.inventory().await.unwrap();
    let items = &inventory.collections[0].items;
    assert_eq!((items[1].name.as_str(), items[1].removed), ("b.ics", true));
    assert_eq!(inventory.summary().events, 1);
}

async fn a_pass_makes_the_target_what_the_source_is(subject: Subject) {
    let (_, source) = furnished(&subject, "ann").await;
    let (_, target) = furnished(&subject, "bob").await;
    target.put_collection(&work("Old name")).await.unwrap();
    let other = Collection {
        path: "Contacts/mine".to_owned(),
        kind: CollectionKind::AddressBook,
        ..work("Mine")
    };
    target.put_collection(&other).await.unwrap();
    let items = [
        event("a #&?.ics", "BEGIN:VEVENT x"),
        event("c.ics", "BEGIN:VEVENT c"),
    ];
    target.put("Calendar/work", &items).await.unwrap();
    source
        .remove("Calendar/work", &["b.ics".to_owned()])
        .await
        .unwrap();

    let carried = carry(source.as_ref(), target.as_ref(), Mode::Mirror)
        .await
        .unwrap();
    assert_eq!((carried.put, carried.removed), (3, 2));
    let (from, to) = (
        source.inventory().await.unwrap(),
        target.inventory().await.unwrap(),
    );
    assert_eq!(from.summary(), to.summary());
    assert_eq!(compare(&from, &to), Vec::<String>::new());
    assert_eq!(compare(&to, &from), Vec::<String>::new());
    let again = carry(source.as_ref(), target.as_ref(), Mode::Mirror)
        .await
        .unwrap();
    assert_eq!((again.put, again.removed), (0, 0));
}

async fn additions_change_and_remove_nothing(subject: Subject) {
    let (_, source) = furnished(&subject, "ann").await;
    let (_, target) = furnished(&subject, "bob").await;
    let changed = [
        event("a #&?.ics", "BEGIN:VEVENT changed"),
        event("c.ics", "BEGIN:VEVENT c"),
    ];
    target.put("Calendar/work", &changed).await.unwrap();
    target
        .remove("Calendar/work", &["b.ics".to_owned()])
        .await
        .unwrap();
    source
        .put("Calendar/work", &[event("late.ics", "BEGIN:VEVENT late")])
        .await
        .unwrap();

    let carried = carry(source.as_ref(), target.as_ref(), Mode::Additions)
        .await
        .unwrap();
    assert_eq!((carried.put, carried.removed), (1, 0));
    let there = target.inventory().await.unwrap();
    let present: Vec<_> = there.collections[0]
        .present()
        .map(|i| i.name.as_str())
        .collect();
    assert_eq!(present, ["a #&?.ics", "c.ics", "late.ics"]);
    let read = target
        .read("Calendar/work", &["a #&?.ics".to_owned()])
        .await
        .unwrap();
    assert_eq!(read[0].content, "BEGIN:VEVENT changed");
}

async fn a_removed_account_leaves_no_calendar_behind(subject: Subject) {
    let (desired, calendars) = furnished(&subject, "ann").await;
    let account = subject.observe(&desired.address).await.account.unwrap();
    assert_eq!(calendars.inventory().await.unwrap().summary().events, 2);
    let held = subject.usage(&desired.address).await.holdings.unwrap();
    assert_eq!((held.calendars, held.events, held.contacts), (1, 2, 0));
    for _ in 0..2 {
        let removal = pilothouse::domain::mailserver::Change::Remove {
            remote_id: account.remote_id.clone(),
            address: desired.address.clone(),
        };
        subject.server.apply(&removal).await.unwrap();
    }
    // One that comes to the address later finds nothing of it, by either name of the account.
    let left = calendars.inventory().await;
    assert!(left.is_err() || left.unwrap().collections.is_empty());
    subject
        .create(&DesiredMailbox {
            id: pilothouse::domain::MailboxId::new(),
            ..desired.clone()
        })
        .await;
    assert!(
        of(&subject, &desired)
            .inventory()
            .await
            .unwrap()
            .collections
            .is_empty()
    );
}
