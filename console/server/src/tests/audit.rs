//! The audit log over the API.

use serde_json::json;
use vonggac_access::Role;
use vonggac_audit::checkpoint::InclusionProof;
use vonggac_audit::export::read_checkpoint_line;
use vonggac_audit::note::PublicKey;
use vonggac_audit::verify::{Place, Verifier, verify};
use vonggac_database::testing::{alert, database};

use super::{Harness, request};

/// A console that signs, its directory, and its public key.
async fn sealed() -> Option<(Harness, tempfile::TempDir, PublicKey)> {
    let database = database().await?;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (key, witness) = (file("key"), file("witness"));
    let harness = Harness::on(database, &["--audit-key", &key, "--audit-witness-file", &witness]).await;
    let public = std::fs::read_to_string(file("key.pub")).unwrap().parse().unwrap();
    Some((harness, directory, public))
}

#[tokio::test]
async fn what_is_asked_of_the_console_can_be_searched_exported_and_proved() {
    let Some((harness, directory, key)) = sealed().await else {
        return;
    };
    harness.database.take_alerts(&[alert(1, "moh", 1)]).await.unwrap();
    let lan = harness.signed_in("lan", "moh").await;
    let boss = harness.strong("boss", "vn", &[Role::Auditor]).await;
    let path = format!("/api/v1/alerts/{:032x}", 1);
    let closed = harness
        .call(
            "POST",
            &format!("{path}/close"),
            &lan,
            json!({ "verdict": "benign_true_positive" }),
        )
        .await;
    let request_id = closed
        .headers
        .get("x-request-id")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    // The event store is away here; that somebody asked is written down all the same.
    harness.get("/api/v1/events?q=dport:443", &lan).await;
    harness.get(&format!("{path}/events"), &lan).await;
    harness.get(&format!("/api/v1/alerts/{:032x}", 9), &lan).await;

    let page = harness.get("/api/v1/audit?actor=lan", &boss).await.json();
    let told: Vec<(&str, &str)> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["action"].as_str().unwrap(),
                entry["result"].as_str().unwrap(),
            )
        })
        .collect();
    let expect = [
        ("alert.read", "refused"),
        ("alert.events", "done"),
        ("events.search", "done"),
        ("alert.close", "done"),
        ("session.open", "done"),
    ];
    assert_eq!(told, expect);
    assert_eq!(page["items"][2]["detail"], json!({ "query": "dport:443" }));
    assert_eq!(page["items"][3]["request"], json!(request_id));
    let seq = page["items"][3]["seq"].as_u64().unwrap();
    for (filter, count) in [
        ("action=alert", 3),
        ("action=alert.close", 1),
        ("result=refused", 1),
        ("object=session:1", 1),
        ("limit=2", 2),
        ("organisation=moh", 5),
        ("organisation=byt", 0),
        ("organisation=moh&q=DPORT:443", 1),
        ("organisation=moh&q=%25", 0),
        (&format!("request={request_id}"), 1),
        ("request=5f", 0),
    ] {
        let page = harness
            .get(&format!("/api/v1/audit?{filter}"), &boss)
            .await
            .json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{filter}");
    }
    for bad in ["result=x", "object=x", "from=x", "cursor=x"] {
        assert_eq!(
            harness.get(&format!("/api/v1/audit?{bad}"), &boss).await.status,
            400,
            "{bad}"
        );
    }

    let proof = harness
        .get(&format!("/api/v1/audit/{seq}/proof"), &boss)
        .await
        .json();
    let read = InclusionProof::from_text(proof["proof"].as_str().unwrap()).unwrap();
    let entry = proof["entry"].as_str().unwrap();
    assert!(entry.contains("alert.close"));
    assert!(read.check(entry.as_bytes(), std::slice::from_ref(&key)).is_ok());
    assert_eq!(proof["key"], json!(key.to_string()));
    for absent in ["99999", "x", "-1"] {
        assert_eq!(
            harness
                .get(&format!("/api/v1/audit/{absent}/proof"), &boss)
                .await
                .status,
            404
        );
    }

    let export = harness.get("/api/v1/audit/export", &boss).await;
    assert_eq!(export.headers.get("content-type").unwrap(), "application/jsonl");
    let witness = std::fs::read_to_string(directory.path().join("witness")).unwrap();
    let known: Vec<String> = witness
        .lines()
        .map(|line| read_checkpoint_line(line.as_bytes()).unwrap())
        .collect();
    assert_eq!(known.len(), 2, "one for the proof, one for the export");
    let verifier = || Verifier::new(vec![key.clone()], &known).unwrap();
    let verified = verify(export.text.as_bytes(), verifier()).unwrap();
    assert_eq!((verified.head.size, verified.checkpoints), (verified.signed, 2));
    let forged = export.text.replacen("alert.close", "alert.reopen", 1);
    assert_eq!(
        verify(forged.as_bytes(), verifier()).unwrap_err().place,
        Place::Entry(seq)
    );
}

#[tokio::test]
async fn the_audit_log_is_not_there_for_others() {
    let Some((harness, _directory, _)) = sealed().await else {
        return;
    };
    let lan = harness.signed_in("lan", "moh").await;
    for path in ["/api/v1/audit", "/api/v1/audit/export", "/api/v1/audit/0/proof"] {
        let refused = harness.get(path, &lan).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (404, "not_found"),
            "{path}"
        );
    }
    let boss = harness.strong("boss", "vn", &[Role::Auditor]).await;
    let told = harness
        .get("/api/v1/audit?action=access.refuse&result=refused", &boss)
        .await
        .json();
    assert_eq!(told["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_log_that_was_cut_back_is_not_signed() {
    let Some((harness, directory, _)) = sealed().await else {
        return;
    };
    harness.signed_in("lan", "moh").await;
    let seal = harness.console.seal().unwrap();
    seal.sign(&harness.database, 1).await.unwrap();
    seal.sign(&harness.database, 2).await.unwrap();
    let witness = directory.path().join("witness");
    assert_eq!(
        std::fs::read_to_string(&witness).unwrap().lines().count(),
        1,
        "nothing new, nothing signed"
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(directory.path().join("key"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);

    // The owner of the database puts an empty one in its place; the key and the witness file are elsewhere.
    let empty = database().await.unwrap();
    let error = seal.sign(&empty, 3).await.unwrap_err().to_string();
    assert!(error.contains("cut back"), "{error}");
    let options = harness.console.options();
    let started_again = crate::seal::Seal::open(&empty, options).await.unwrap().unwrap();
    let error = started_again.sign(&empty, 3).await.unwrap_err().to_string();
    assert!(error.contains("cut back"), "{error}");
    let other = Harness::on(empty, &[]).await;
    other.signed_in("minh", "moh").await;
    let error = seal.sign(&other.database, 4).await.unwrap_err().to_string();
    assert!(error.contains("changed"), "{error}");
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let mut ids = Vec::new();
    for path in ["/api/v1/setup", "/api/v1/session", "/"] {
        let answer = harness
            .send(request("GET", path, "", &serde_json::Value::Null))
            .await;
        ids.push(
            answer
                .headers
                .get("x-request-id")
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned(),
        );
    }
    ids.sort();
    ids.dedup();
    assert!(ids.len() == 3 && ids.iter().all(|id| id.len() == 32), "{ids:?}");
}
