use vonggac_access::{Day, Role, Span};

use super::*;
use crate::Language;
use crate::session::{Strength, Use};
use crate::testing::{self, NOW_US, PASSWORD, from};

const CHOSEN: &str = "another long test phrase";

fn lan() -> NewPerson {
    NewPerson {
        user_name: "lan".into(),
        display_name: "Lan".into(),
        language: Language::Vietnamese,
    }
}

fn role(role: Role, organisation: &str) -> Membership {
    Membership {
        person: PersonId(0),
        organisation: organisation.parse().unwrap(),
        role,
        span: Span {
            from: Day::of_us(NOW_US),
            until: None,
        },
    }
}

async fn invited(database: &Database, boss: &Account) -> (Account, Link) {
    let moh = "moh".parse().unwrap();
    let roles = [role(Role::Analyst, "moh"), role(Role::OrganisationManager, "moh")];
    let by = Asker::from(boss);
    database.invite(&by, &lan(), &moh, &roles, NOW_US).await.unwrap()
}

/// All memberships of an account, as somebody looked at them just now.
async fn ground(database: &Database, account: AccountId) -> Ground {
    let kept = database.memberships_of(account).await.unwrap();
    Ground {
        account,
        looked_at: kept.into_iter().map(|kept| kept.id).collect(),
    }
}

async fn reset(database: &Database, by: &Asker<'_>, account: AccountId, factors: Factors) -> Result<Link> {
    database
        .reset_account(by, &ground(database, account).await, factors, NOW_US)
        .await
}

async fn second(database: &Database, by: &Asker<'_>, account: AccountId) -> Result<String> {
    database
        .second_link(by, &ground(database, account).await, NOW_US)
        .await
}

async fn accept(database: &Database, link: &Link, password: &str, code: &str) -> Result<Account> {
    let chosen = Chosen {
        password: password.into(),
        code: code.into(),
    };
    let secret = link.secret.to_text();
    database
        .accept_welcome(&secret, chosen, &from("::1"), NOW_US)
        .await
}

fn conflicts<T: fmt::Debug>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(DatabaseError::Conflict(_)))
}

async fn works(database: &Database, link: &Link, now_us: i64) -> bool {
    let found = database
        .welcome(&link.secret.to_text(), &from("::1"), now_us)
        .await;
    match found {
        Ok(_) => true,
        Err(DatabaseError::NotFound) => false,
        Err(other) => unreachable!("{other}"),
    }
}

async fn signs_in(database: &Database, password: &str) -> bool {
    let origin = from("::1");
    database
        .sign_in("lan", password.into(), &origin, NOW_US)
        .await
        .is_ok()
}

#[tokio::test]
async fn who_is_invited_chooses_a_password_once_and_has_the_roles_that_wait_for_nobody() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let other = testing::account(&database, "other", "*").await;
    let (account, link) = invited(&database, &boss).await;
    assert_eq!(format!("{link:?}").matches("LinkSecret(…)").count(), 1);
    let secret = link.secret.to_text();
    assert!(!signs_in(&database, CHOSEN).await, "there is no password yet");
    let code = second(&database, &Asker::from(&other), account.id).await.unwrap();
    let accept = async |password: &str| accept(&database, &link, password, &code).await;
    let weak = accept("short").await;
    assert!(
        matches!(
            weak,
            Err(DatabaseError::Invalid {
                field: "password",
                ..
            })
        ),
        "{weak:?}"
    );
    let found = database.welcome(&secret, &from("::1"), NOW_US).await.unwrap();
    assert_eq!(
        (found.account.id, found.is_first, found.factors),
        (account.id, true, Factors::Kept)
    );
    let (one, two) = tokio::join!(accept(CHOSEN), accept("yet another test phrase"));
    assert!(one.is_ok() ^ two.is_ok(), "it works once: {one:?} {two:?}");
    assert!(!works(&database, &link, NOW_US).await);
    let rights = database.rights_of(account.id, Day::of_us(NOW_US).unwrap()).await;
    let roles: Vec<Role> = rights.unwrap().memberships.iter().map(|one| one.role).collect();
    assert_eq!(roles, [Role::Analyst], "the manager's waits");
}

#[tokio::test]
async fn nothing_is_left_of_an_invitation_that_does_not_do() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let by = Asker::from(&boss);
    let moh = "moh".parse().unwrap();
    let clashing = [role(Role::Analyst, "moh"), role(Role::Auditor, "moh")];
    let refused = database.invite(&by, &lan(), &moh, &clashing, NOW_US).await;
    assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
    let nowhere = database
        .invite(&by, &lan(), &"nowhere".parse().unwrap(), &[], NOW_US)
        .await;
    assert!(matches!(nowhere, Err(DatabaseError::NotFound)), "{nowhere:?}");
    let gone = database.account_named("lan").await;
    assert!(matches!(gone, Err(DatabaseError::NotFound)), "{gone:?}");
    database.invite(&by, &lan(), &moh, &[], NOW_US).await.unwrap();
    let taken = NewPerson {
        user_name: "LAN".into(),
        ..lan()
    };
    let refused = database.invite(&by, &taken, &moh, &[], NOW_US).await;
    assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn a_link_ends_by_time_by_a_newer_one_by_disabling_and_by_anothers_gift() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let other = testing::account(&database, "other", "*").await;
    let (by, another) = (Asker::from(&boss), Asker::from(&other));
    let (account, first) = invited(&database, &boss).await;
    assert!(works(&database, &first, NOW_US + LINK_US - 1).await);
    assert!(!works(&database, &first, NOW_US + LINK_US).await);
    let renew = async || reset(&database, &by, account.id, Factors::Kept).await;
    let second = renew().await.unwrap();
    assert!(!works(&database, &first, NOW_US).await && works(&database, &second, NOW_US).await);

    let given = |role_given, organisation| Membership {
        person: PersonId(account.id.0),
        ..role(role_given, organisation)
    };
    let viewer = given(Role::Viewer, "mot");
    database.grant_membership(&by, &viewer, NOW_US).await.unwrap();
    assert!(works(&database, &second, NOW_US).await, "its maker gave the role");
    let lead = given(Role::ShiftLead, "mot");
    database.grant_membership(&another, &lead, NOW_US).await.unwrap();
    assert!(
        !works(&database, &second, NOW_US).await,
        "its maker could sign in with another's gift"
    );

    let third = renew().await.unwrap();
    database.disable_account(&by, account.id, NOW_US).await.unwrap();
    database.enable_account(&by, account.id, NOW_US).await.unwrap();
    assert!(!works(&database, &third, NOW_US).await);
    database.disable_account(&by, account.id, NOW_US).await.unwrap();
    let refused = renew().await;
    assert!(matches!(refused, Err(DatabaseError::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn a_reset_ends_sessions_when_used_and_takes_factors_only_when_asked() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let account = testing::account(&database, "lan", "moh").await;
    let origin = from("::1");
    let passkey = "INSERT INTO passkey (credential_id, account_id, name, public_key, sign_count, is_backed_up, created_us) \
         VALUES ('\\x01', $1, 'key', '\\x02', 0, false, 0)";
    sqlx::query(passkey)
        .bind(account.id.0)
        .execute(&database.pool)
        .await
        .unwrap();
    let strength = Strength::Strong(factor::Factor::Passkey);
    for (factors, passkeys) in [(Factors::Kept, 1), (Factors::Dropped, 0)] {
        let session = database
            .open_session(&account, &origin, strength, NOW_US)
            .await
            .unwrap();
        let lives = async || {
            let found = database.find_session(&session, Use::Passive, NOW_US).await;
            found.unwrap().is_some()
        };
        let link = reset(&database, &Asker::from(&boss), account.id, factors)
            .await
            .unwrap();
        assert!(lives().await, "it changes nothing until it is used");
        assert_eq!(database.factors(account.id).await.unwrap().passkeys, 1);
        let secret = link.secret.to_text();
        let phrase = format!("{CHOSEN} {factors:?}");
        accept(&database, &link, &phrase, "").await.unwrap();
        assert!(!lives().await);
        assert_eq!(database.factors(account.id).await.unwrap().passkeys, passkeys);
        assert!(signs_in(&database, &phrase).await && !signs_in(&database, PASSWORD).await);
        let word = if passkeys == 0 { "dropped" } else { "kept" };
        let told: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT content FROM audit_entry WHERE action IN ('account.reset', 'account.welcome') ORDER BY seq DESC LIMIT 2",
        )
        .fetch_all(&database.pool)
        .await
        .unwrap();
        for entry in told {
            let entry = String::from_utf8(entry).unwrap();
            assert!(entry.contains(&format!("\"factors\":\"{word}\"")), "{entry}");
            assert!(!entry.contains(&secret), "{entry}");
        }
    }
}

#[tokio::test]
async fn links_are_not_guessed() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let (_, link) = invited(&database, &boss).await;
    let ask = async |secret: String, address: &str| database.welcome(&secret, &from(address), NOW_US).await;
    for number in 0..throttle::NETWORK_ATTEMPTS_MAX {
        let wrong = ask(format!("{number:064x}"), "192.0.2.1").await;
        assert!(matches!(wrong, Err(DatabaseError::NotFound)), "{wrong:?}");
    }
    let right = ask(link.secret.to_text(), "192.0.2.200").await;
    assert!(matches!(right, Err(DatabaseError::Throttled { .. })), "{right:?}");
    ask(link.secret.to_text(), "198.51.100.1").await.unwrap();
}

#[tokio::test]
async fn nobody_comes_alone_into_an_account_whose_role_takes_two() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let other = testing::account(&database, "other", "*").await;
    let (by, another) = (Asker::from(&boss), Asker::from(&other));
    // The manager's role of who is invited waits yet.
    let (account, link) = invited(&database, &boss).await;
    assert!(link.takes_two);
    let wrong_code =
        |outcome: &Result<Account>| matches!(outcome, Err(DatabaseError::Invalid { field: "code", .. }));
    let alone = accept(&database, &link, CHOSEN, "").await;
    assert!(wrong_code(&alone), "{alone:?}");
    let own = second(&database, &by, account.id).await;
    assert!(conflicts(&own), "who made the link: {own:?}");
    let itself = second(&database, &Asker::from(&account), account.id).await;
    assert!(conflicts(&itself), "whose it is: {itself:?}");
    let first = second(&database, &another, account.id).await.unwrap();
    let code = second(&database, &another, account.id).await.unwrap();
    let earlier = accept(&database, &link, CHOSEN, &first).await;
    assert!(wrong_code(&earlier), "a newer code took its place: {earlier:?}");
    accept(&database, &link, CHOSEN, &code.to_lowercase())
        .await
        .unwrap();
    let used = second(&database, &another, account.id).await;
    assert!(matches!(used, Err(DatabaseError::NotFound)), "{used:?}");

    let renewed = reset(&database, &by, account.id, Factors::Dropped).await.unwrap();
    assert!(renewed.takes_two);
    let old = accept(&database, &renewed, PASSWORD, &code).await;
    assert!(wrong_code(&old), "the code was of another link: {old:?}");
    let told: Vec<Vec<u8>> = sqlx::query_scalar("SELECT content FROM audit_entry")
        .fetch_all(&database.pool)
        .await
        .unwrap();
    for entry in told {
        assert!(!String::from_utf8(entry).unwrap().contains(&code));
    }
}

#[tokio::test]
async fn a_link_of_one_is_no_way_to_a_role_that_takes_two() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let by = Asker::from(&boss);
    let moh = "moh".parse().unwrap();
    let (account, link) = database.invite(&by, &lan(), &moh, &[], NOW_US).await.unwrap();
    assert!(!link.takes_two);
    let manager = Membership {
        person: PersonId(account.id.0),
        ..role(Role::OrganisationManager, "moh")
    };
    database.grant_membership(&by, &manager, NOW_US).await.unwrap();
    assert!(!works(&database, &link, NOW_US).await);
    let later = reset(&database, &by, account.id, Factors::Kept).await.unwrap();
    assert!(later.takes_two);
}

#[tokio::test]
async fn links_and_codes_go_with_the_rights_of_who_made_them() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let other = testing::account(&database, "other", "*").await;
    let third = testing::account(&database, "third", "*").await;
    let (by, another, by_third) = (Asker::from(&boss), Asker::from(&other), Asker::from(&third));
    let (account, link) = invited(&database, &other).await;
    let code = second(&database, &by_third, account.id).await.unwrap();
    database.disable_account(&by, third.id, NOW_US).await.unwrap();
    let late = second(&database, &by_third, account.id).await;
    assert!(conflicts(&late), "{late:?}");
    let refused = accept(&database, &link, CHOSEN, &code).await;
    assert!(
        matches!(refused, Err(DatabaseError::Invalid { field: "code", .. })),
        "{refused:?}"
    );
    database.disable_account(&by, other.id, NOW_US).await.unwrap();
    assert!(!works(&database, &link, NOW_US).await);
    let late = reset(&database, &another, account.id, Factors::Kept).await;
    assert!(conflicts(&late), "{late:?}");

    database.enable_account(&by, other.id, NOW_US).await.unwrap();
    let link = reset(&database, &another, account.id, Factors::Kept)
        .await
        .unwrap();
    let roles = database.memberships_of(other.id).await.unwrap();
    let end = async |until: Day| {
        database
            .end_membership(&by, roles[0].id, until, NOW_US)
            .await
            .unwrap();
    };
    let today = Day::of_us(NOW_US).unwrap();
    end(Day::of_us(NOW_US + 48 * 3600 * 1_000_000).unwrap()).await;
    assert!(works(&database, &link, NOW_US).await, "the role goes on");
    let hours = |hours: i64| NOW_US + hours * 3600 * 1_000_000;
    assert!(works(&database, &link, hours(20)).await, "the role goes on");
    assert!(
        !works(&database, &link, hours(49)).await,
        "the role has ended by its own date"
    );
    let code = second(&database, &by, account.id).await.unwrap();
    let chosen = Chosen {
        password: CHOSEN.into(),
        code,
    };
    let late = database
        .accept_welcome(&link.secret.to_text(), chosen, &from("::1"), hours(49))
        .await;
    assert!(late.is_err(), "{late:?}");
    end(today).await;
    assert!(!works(&database, &link, NOW_US).await);
}

#[tokio::test]
async fn no_link_is_made_for_a_role_that_nobody_looked_at() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let lan = testing::account(&database, "lan", "moh").await;
    let by = Asker::from(&boss);
    let before = ground(&database, lan.id).await;
    let lead = Membership {
        person: PersonId(lan.id.0),
        ..role(Role::ShiftLead, "mot")
    };
    database
        .grant_membership(&Asker::console(), &lead, NOW_US)
        .await
        .unwrap();
    let refused = database.reset_account(&by, &before, Factors::Kept, NOW_US).await;
    assert!(conflicts(&refused), "{refused:?}");
    reset(&database, &by, lan.id, Factors::Kept).await.unwrap();
}

#[tokio::test]
async fn who_alone_let_somebody_in_is_none_of_the_two_who_raise_him() {
    let Some(database) = testing::database().await else {
        return;
    };
    let boss = testing::account(&database, "boss", "*").await;
    let other = testing::account(&database, "other", "*").await;
    let third = testing::account(&database, "third", "*").await;
    let (by, another, by_third) = (Asker::from(&boss), Asker::from(&other), Asker::from(&third));
    let moh = "moh".parse().unwrap();
    let (account, link) = database.invite(&by, &lan(), &moh, &[], NOW_US).await.unwrap();
    accept(&database, &link, CHOSEN, "").await.unwrap();
    let manager = |organisation| Membership {
        person: PersonId(account.id.0),
        ..role(Role::OrganisationManager, organisation)
    };
    let own = database
        .grant_membership(&by, &manager("moh"), NOW_US)
        .await
        .unwrap();
    let others = database
        .grant_membership(&another, &manager("mot"), NOW_US)
        .await
        .unwrap();
    let approve = async |by: &Asker<'_>, id| database.approve_membership(by, id, NOW_US).await;
    for (by, id) in [(&another, own), (&by, others)] {
        let refused = approve(by, id).await;
        assert!(conflicts(&refused), "{refused:?}");
    }
    approve(&by_third, others).await.unwrap();

    // Let in anew by two, he is known to more than the one.
    let link = reset(&database, &by, account.id, Factors::Kept).await.unwrap();
    let code = second(&database, &another, account.id).await.unwrap();
    accept(&database, &link, "another phrase of the test", &code)
        .await
        .unwrap();
    approve(&another, own).await.unwrap();
}
