//! The shapes of Dovecot's answers, as they were seen, and our commands against its own list.
use super::*;

#[test]
fn every_command_has_the_parameters_and_types_that_dovecot_lists() {
    let text = include_str!("../../../mailstack/doveadm-commands.json");
    let mut known: Value = serde_json::from_str(text).unwrap();
    check_commands(&known).unwrap();

    let commands = known.as_array_mut().unwrap();
    let kick = commands
        .iter_mut()
        .find(|one| one["command"] == "kick")
        .unwrap();
    for parameter in kick["parameters"].as_array_mut().unwrap() {
        parameter["type"] = "string".into();
    }
    let fault = check_commands(&known).unwrap_err();
    assert!(fault.to_string().contains("kick"), "{fault}");
}

#[test]
fn rows_that_spill_out_of_their_list_are_rows() {
    let answer = br#"[["doveadmResponse",[{"a":"1"}],{"a":"2"},"0"]]"#;
    let rows = vec![json!({"a": "1"}), json!({"a": "2"})];
    assert_eq!(replies(answer, 1).unwrap(), [Reply::Rows(rows)]);
}

#[test]
fn an_exit_code_is_told_apart_from_rows() {
    let answer = br#"[["doveadmResponse",[],"1"],["error",{"type":"exitCode","exitCode":68},"0"]]"#;
    assert_eq!(
        replies(answer, 2).unwrap(),
        [Reply::Exit(68), Reply::Rows(vec![])]
    );
    assert!(
        Reply::Exit(68)
            .rows("kick", &[NOT_FOUND])
            .unwrap()
            .is_empty()
    );
    assert!(Reply::Exit(75).rows("kick", &[]).unwrap_err().passes());
    assert!(!Reply::Exit(65).rows("kick", &[]).unwrap_err().passes());
}

#[test]
fn what_is_broken_or_missing_is_an_unknown_outcome() {
    for answer in [
        r#"[["doveadmResponse",[],"0"]["error",{},"1"]]"#,
        r#"[["doveadmResponse",[],"0"]]"#,
        r#"[["doveadmResponse",[],"7"],["doveadmResponse",[],"0"]]"#,
        r#"[[]]"#,
        "",
    ] {
        let fault = replies(answer.as_bytes(), 2).unwrap_err();
        assert!(fault.passes(), "{answer}: {fault}");
    }
}
