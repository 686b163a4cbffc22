//! The map in `docs/ARCHITECTURE.md`, checked: a room may import only from the rooms listed for it.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
use std::fs;
use std::path::Path;

/// Each room of `src/` and what it may import. The program (`main.rs`, `cli`, `settings`,
/// `telemetry.rs`) wires everything, and stands outside the library that the rooms make up.
const MAP: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("authz", &["domain"]),
    ("store", &["domain", "authz"]),
    ("app", &["domain", "authz", "store", "letters"]),
    ("backends", &["domain"]),
    ("letters", &["domain"]),
    ("post", &["domain"]),
    (
        "engine",
        &["domain", "authz", "store", "app", "backends", "post"],
    ),
    ("web", &["domain", "authz", "store", "app"]),
];

const PROGRAM: &[&str] = &["cli", "settings"];

#[test]
fn arrows_point_one_way() {
    let mut seen = 0;
    let mut wrong = vec![];
    visit(Path::new("src"), &mut seen, &mut wrong);
    assert!(seen > 30, "only {seen} files were looked at");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let rooms = fs::read_dir("src")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for room in rooms.filter(|path| path.is_dir()) {
        let name = room.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            PROGRAM.contains(&name.as_str()) || MAP.iter().any(|(known, _)| *known == name),
            "src/{name} is not on the map"
        );
    }
}

fn visit(folder: &Path, seen: &mut usize, wrong: &mut Vec<String>) {
    for path in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if path.is_dir() {
            visit(&path, seen, wrong);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *seen += 1;
            check(&path, wrong);
        }
    }
}

fn check(file: &Path, wrong: &mut Vec<String>) {
    let room = file
        .components()
        .nth(1)
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    let Some((room, may)) = MAP.iter().find(|(known, _)| *known == room) else {
        return;
    };
    let text = fs::read_to_string(file).unwrap();
    let code = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"));
    for (number, line) in code {
        for (other, _) in MAP
            .iter()
            .filter(|(other, _)| other != room && !may.contains(other))
        {
            if line.contains(&format!("crate::{other}")) || line.contains(&format!(" {other}::{{"))
            {
                let place = format!("{}:{}", file.display(), number + 1);
                wrong.push(format!("{place}: {room} may not import {other}"));
            }
        }
    }
}
