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
        "[[]]",
        "",
    ] {
        let fault = replies(answer.as_bytes(), 2).unwrap_err();
        assert!(fault.passes(), "{answer}: {fault}");
    }
}

fn doveadm(server: &wiremock::MockServer) -> Doveadm {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/doveadm/v1", server.uri()).parse().unwrap();
    Doveadm::new(url, &"key".to_owned().into()).unwrap()
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_a_wrong_key_is_not() {
    use wiremock::matchers::{header, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    let server = MockServer::start().await;
    let fine = r#"[["doveadmResponse",[{"entries":"1"}],"0"]]"#;
    let authorized =
        || Mock::given(method("POST")).and(header("Authorization", "X-Dovecot-API a2V5"));
    let broken = ResponseTemplate::new(200).set_body_string("[[");
    authorized()
        .respond_with(broken)
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    let whole = ResponseTemplate::new(200).set_body_string(fine);
    authorized()
        .respond_with(whole)
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(401))
        .expect(1)
        .mount(&server)
        .await;

    let doveadm = doveadm(&server);
    let flush = Command::FlushLogins(Some("a@b.test"));
    assert_eq!(
        doveadm.run(&flush).await.unwrap(),
        Reply::Rows(vec![json!({"entries": "1"})])
    );
    assert!(!doveadm.run(&flush).await.unwrap_err().passes());
}
