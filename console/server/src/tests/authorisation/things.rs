//! Who asks, and the things that are asked about.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use vonggac_access::{Assurance, Day, Grasp, Membership, PersonId, Role, Span};
use vonggac_database::audit::{Asker, Deed};
use vonggac_database::exception::{self, NewException};
use vonggac_database::exercise;
use vonggac_database::export::{ExportState, Part};
use vonggac_database::factor::{Factor, Owner};
use vonggac_database::handover::State as Standing;
use vonggac_database::notice::{About, NewRule};
use vonggac_database::passkey::{NewPasskey, Purpose, challenge};
use vonggac_database::saved_search::NewSearch;
use vonggac_database::sensor::NewSensor;
use vonggac_database::session::{Living, Strength, Use};
use vonggac_database::testing::{self, alert, everyone, member};
use vonggac_database::view::NewView;
use vonggac_database::watch::NewWatched;
use vonggac_database::welcome::{Factors, Ground};
use vonggac_database::{Account, AccountId, Reason};
use vonggac_event::{AlertId, Scope, Severity};
use vonggac_passkey::Site;
use vonggac_passkey::testing::{SoftKey, client_data};

use super::operations::{Of, Operation, Right};
use super::{Outcome, ask};
use crate::tests::{Answer, Harness};

/// The id of nothing, as an alert's and as a number.
pub(super) const ABSENT: &str = "00000000000000000000000999999999";

/// How a thing stands to who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// Nothing is asked about.
    NoOne,
    /// His own, or his organisation's.
    Own,
    /// Of an organisation beneath his.
    Beneath,
    /// Of another at his organisation.
    Colleague,
    /// Of an organisation that is none of his.
    Foreign,
    /// It does not exist.
    Absent,
}

impl Whose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NoOne => "",
            Self::Own => "own",
            Self::Beneath => "beneath",
            Self::Colleague => "another's",
            Self::Foreign => "foreign",
            Self::Absent => "absent",
        }
    }

    fn organisation(self) -> &'static str {
        match self {
            Self::NoOne | Self::Own | Self::Colleague => "moh",
            Self::Beneath => "moh-it",
            Self::Foreign => "mot",
            Self::Absent => "nowhere",
        }
    }
}

/// What stands in an address or a body.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// The thing.
    pub(super) id: String,
    /// What of it.
    pub(super) part: String,
    /// Whose it is.
    pub(super) organisation: String,
    /// Somebody else of the asker's organisation.
    pub(super) colleague: String,
}

impl Names {
    /// Nothing there is.
    pub(super) fn absent() -> Self {
        Self {
            id: ABSENT.into(),
            part: ABSENT.into(),
            organisation: "moh".into(),
            colleague: ABSENT.into(),
        }
    }
}

/// One for each role at `moh`, and others.
pub(super) struct People<'a> {
    harness: &'a Harness,
    roles: HashMap<Role, Account>,
    colleague: Account,
    stranger: Account,
    giver: Account,
    /// Accounts that things are done to, by name.
    targets: BTreeMap<String, Account>,
    kept: HashMap<(Of, Whose), Names>,
    made: u32,
}

impl<'a> People<'a> {
    pub(super) async fn enter(harness: &'a Harness) -> Self {
        let database = &harness.database;
        let alerts = [alert(1, "moh", 1), alert(2, "moh-it", 1), alert(3, "mot", 1)];
        database.take_alerts(&alerts).await.unwrap();
        let mut roles = HashMap::new();
        for role in Role::ALL {
            let name = format!("one.{}", role.name());
            roles.insert(role, member(database, &name, "moh", &[role]).await);
        }
        Self {
            harness,
            roles,
            colleague: member(database, "colleague", "moh", &[Role::ShiftLead]).await,
            stranger: member(database, "stranger", "mot", &[Role::ShiftLead]).await,
            giver: member(database, "giver", "vn", &[Role::OrganisationManager]).await,
            targets: BTreeMap::new(),
            kept: HashMap::new(),
            made: 0,
        }
    }

    fn now_us(&self) -> i64 {
        self.harness.now_us.load(Ordering::Relaxed)
    }

    /// Opens a session and gives its cookie.
    pub(super) async fn cookie(&self, account: &Account, assurance: Assurance) -> String {
        let strength = match assurance {
            Assurance::Single => Strength::Single,
            _ => Strength::Strong(Factor::Passkey),
        };
        self.harness.cookie(account, strength).await
    }

    /// A service at `moh` with that role, and a token of it for all that services may.
    pub(super) async fn service_of(&self, role: Role) -> (Account, String) {
        let name = format!("service.{}", role.name());
        let database = &self.harness.database;
        let service = testing::service(database, &name, "moh", &[role]).await;
        let words: Vec<String> = Grasp::all().map(|grasp| grasp.to_string()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (_, token) = testing::token(database, &service, &self.giver, &words).await;
        (service, format!("Bearer {token}"))
    }

    pub(super) fn of(&self, role: Role) -> &Account {
        &self.roles[&role]
    }

    /// What comes of it; what is foreign must look like what does not exist.
    pub(super) async fn outcome(
        &mut self,
        operation: &Operation,
        role: Role,
        whose: Whose,
        assurance: Assurance,
    ) -> Outcome {
        let account = self.roles[&role].clone();
        let names = self.names(operation.of, &account, whose).await;
        let answer = self.answer(operation, &account, &names, assurance).await;
        if matches!(whose, Whose::Foreign | Whose::Colleague) {
            let absent = self.names(operation.of, &account, Whose::Absent).await;
            let nothing = self.answer(operation, &account, &absent, assurance).await;
            let place = format!("{} as {} about {whose:?}", operation.name, role.name());
            assert_eq!(told(&answer, &names), told(&nothing, &absent), "{place}");
        }
        if operation.of == Of::Passkey {
            self.forget_passkeys(&account).await;
        }
        Outcome::of(operation, &answer)
    }

    async fn answer(
        &self,
        operation: &Operation,
        account: &Account,
        names: &Names,
        assurance: Assurance,
    ) -> Answer {
        let cookie = match operation.right {
            Right::Open | Right::Half => String::new(),
            _ => self.cookie(account, assurance).await,
        };
        ask(self.harness, operation, names, &cookie).await
    }

    pub(super) async fn names(&mut self, of: Of, asker: &Account, whose: Whose) -> Names {
        self.made += 1;
        let organisation = whose.organisation();
        let mut names = Names {
            organisation: organisation.into(),
            colleague: self.colleague.id.0.to_string(),
            ..Names::absent()
        };
        if whose == Whose::Absent {
            if of == Of::Organisation {
                names.id = organisation.into();
            } else {
                // What is said of the rest is as it is about what is foreign.
                names.organisation = Whose::Foreign.organisation().into();
            }
            return names;
        }
        // What others have is there for good.
        let kept = (of, whose);
        if let Some(names) = self.kept.get(&kept) {
            return names.clone();
        }
        let owner = match whose {
            Whose::Colleague => self.colleague.clone(),
            Whose::Foreign => self.stranger.clone(),
            _ => asker.clone(),
        };
        match of {
            Of::Nothing => {}
            Of::Organisation => names.id = organisation.into(),
            Of::Alert => {
                let number = ["moh", "moh-it", "mot"]
                    .iter()
                    .position(|code| *code == organisation);
                names.id = format!("{:032x}", number.unwrap() + 1);
            }
            Of::Entry => {
                let by = self.target("writer", organisation).await;
                let deed = Deed::done("test.note", "test", self.made);
                let database = &self.harness.database;
                database
                    .note(&Asker::from(&by), deed, self.now_us())
                    .await
                    .unwrap();
                names.id = (database.audit_head().await.unwrap().size - 1).to_string();
            }
            Of::Account => names.id = self.target("account", organisation).await.id.0.to_string(),
            Of::Link => {
                let account = self.target("link", organisation).await;
                self.link(&account).await;
                names.id = account.id.0.to_string();
            }
            Of::AccountSession => {
                let account = self.target("session", organisation).await;
                names.part = self.living(&account, Strength::Single).await.id.0.to_string();
                names.id = account.id.0.to_string();
            }
            Of::Membership => {
                let account = self.target("member", organisation).await;
                names.part = self.membership(&account, Role::Viewer).await;
                names.id = account.id.0.to_string();
            }
            Of::Waiting => {
                let account = self.target("waiting", organisation).await;
                names.part = self.membership(&account, Role::ResponseCoordinator).await;
                names.id = account.id.0.to_string();
            }
            Of::NoticeRule => names.id = self.notice_rule(&owner).await,
            Of::NoticeWay => names.id = self.notice_way(&owner).await,
            Of::Watched => names.id = self.watched(organisation).await,
            Of::Draft => names.id = self.handover(organisation, false).await,
            Of::Handed => names.id = self.handover(organisation, true).await,
            Of::Search => names.id = self.search(&owner).await,
            Of::View => names.id = self.view(&owner).await,
            Of::Export => names.id = self.export(&owner, false).await,
            Of::File => names.id = self.export(&owner, true).await,
            Of::Operation => names.id = self.operation(&owner).await,
            Of::Sensor => names.id = self.sensor(organisation).await,
            Of::Exception => names.id = self.exception(organisation).await,
            Of::Exercise => names.id = self.exercise(organisation).await,
            Of::Service => names.id = self.service(organisation).await.id.0.to_string(),
            Of::Token => {
                let service = self.service(organisation).await;
                let database = &self.harness.database;
                let (token, _) = testing::token(database, &service, &self.giver, &["alert:read"]).await;
                names.id = service.id.0.to_string();
                names.part = token.0.to_string();
            }
            Of::Session => names.id = self.living(&owner, Strength::Single).await.id.0.to_string(),
            Of::Passkey => names.id = self.passkey(&owner).await,
            Of::ProviderLink => {
                let (database, subject) = (&self.harness.database, owner.id.0.to_string());
                let id = testing::openid_link(database, &owner, "https://id.test", &subject).await;
                names.id = id.to_string();
            }
        }
        if matches!(whose, Whose::Colleague | Whose::Foreign) {
            self.kept.insert(kept, names.clone());
        }
        names
    }

    /// An account that things of that kind are done to.
    async fn target(&mut self, kind: &str, organisation: &str) -> Account {
        let name = format!("{kind}.{organisation}");
        if let Some(account) = self.targets.get(&name) {
            return account.clone();
        }
        let account = member(&self.harness.database, &name, organisation, &[]).await;
        self.targets.insert(name, account.clone());
        account
    }

    /// A membership of days that no other has.
    async fn membership(&self, account: &Account, role: Role) -> String {
        let today = Day::of_us(self.now_us()).unwrap();
        let from = Day::of_us(self.now_us() + i64::from(self.made) * 2 * 86_400_000_000);
        let until = Day::of_us(self.now_us() + (i64::from(self.made) * 2 + 1) * 86_400_000_000);
        assert!(from > Some(today));
        let membership = Membership {
            person: PersonId(account.id.0),
            organisation: account.organisation.clone(),
            role,
            span: Span { from, until },
        };
        let id = self
            .harness
            .database
            .grant_membership(&Asker::from(&self.giver), &membership, self.now_us())
            .await
            .unwrap();
        id.0.to_string()
    }

    /// A link to an account that takes a second person, made by the giver.
    async fn link(&self, account: &Account) {
        let database = &self.harness.database;
        if database.memberships_of(account.id).await.unwrap().is_empty() {
            self.membership(account, Role::OrganisationManager).await;
        }
        let kept = database.memberships_of(account.id).await.unwrap();
        let ground = Ground {
            account: account.id,
            looked_at: kept.iter().map(|kept| kept.id).collect(),
        };
        let by = Asker::from(&self.giver);
        database
            .reset_account(&by, &ground, Factors::Kept, self.now_us())
            .await
            .unwrap();
    }

    async fn living(&self, account: &Account, strength: Strength) -> Living {
        let (database, now_us) = (&self.harness.database, self.now_us());
        let origin = testing::from("::1");
        let token = database
            .open_session(account, &origin, strength, now_us)
            .await
            .unwrap();
        let found = database.find_session(&token, Use::Passive, now_us).await.unwrap();
        found.unwrap()
    }

    /// The first of the owner's, so that there are never too many.
    async fn notice_rule(&self, owner: &Account) -> String {
        let (database, scope) = (&self.harness.database, everyone());
        if let Some(rule) = database.notice_rules(owner.id).await.unwrap().first() {
            return rule.id.0.to_string();
        }
        let new = NewRule {
            name: "Mine".into(),
            about: About::Assigned,
            severity: Severity::Unspecified,
            organisation: None,
            words: String::new(),
            is_on: true,
            ways: Vec::new(),
        };
        let id = database
            .add_notice_rule(&scope, owner.into(), &new, self.now_us())
            .await;
        id.unwrap().0.to_string()
    }

    /// The first of the owner's, proved to be his.
    async fn notice_way(&self, owner: &Account) -> String {
        let (database, now_us) = (&self.harness.database, self.now_us());
        if let Some(way) = database.notice_ways(owner.id).await.unwrap().first() {
            return way.id.0.to_string();
        }
        let address = format!("{}@x.example", owner.id.0);
        let (id, code) = database
            .add_mail_way(owner.into(), &address, now_us)
            .await
            .unwrap();
        database
            .prove_mail_way(owner.into(), id, &code, now_us)
            .await
            .unwrap();
        id.0.to_string()
    }

    async fn watched(&mut self, organisation: &str) -> String {
        let by = self.target("watcher", organisation).await;
        let new = NewWatched::Thing {
            organisation: organisation.into(),
            kind: "address".into(),
            value: format!("10.9.{}.{}", self.made / 250, self.made % 250),
        };
        let (database, scope) = (&self.harness.database, everyone());
        let id = database
            .watch(&scope, (&by).into(), &new, "", self.now_us())
            .await;
        id.unwrap().0.to_string()
    }

    /// One that is a draft, or that waits for another than its lead.
    async fn handover(&mut self, organisation: &str, is_handed: bool) -> String {
        let lead = self.target("shift", organisation).await;
        let (database, scope, now_us) = (&self.harness.database, everyone(), self.now_us());
        let known = database
            .handovers(&scope, Some(organisation), None, 100)
            .await
            .unwrap();
        let draft = known.into_iter().find(|one| one.state == Standing::Draft);
        let id = match draft {
            Some(draft) => draft.id,
            None => {
                let code = organisation.parse().unwrap();
                database
                    .begin_handover((&lead).into(), &code, now_us)
                    .await
                    .unwrap()
            }
        };
        if is_handed {
            let draft = database.handover(&scope, id).await.unwrap();
            let shift = draft.shift;
            let facts = database
                .handover_facts(&scope, shift.from_us, shift.next_to_us, now_us)
                .await
                .unwrap();
            database
                .hand_over(&scope, (&lead).into(), id, draft.version, &facts, now_us)
                .await
                .unwrap();
        }
        id.0.to_string()
    }

    async fn search(&self, owner: &Account) -> String {
        let new = NewSearch {
            name: format!("Search {}", self.made),
            organisation: None,
            parameters: BTreeMap::new(),
        };
        let scope = everyone();
        let by = Asker::from(owner);
        let database = &self.harness.database;
        let saved = database
            .save_search(&scope, by, owner.id, &new, self.now_us())
            .await
            .unwrap();
        saved.id.0.to_string()
    }

    async fn view(&self, owner: &Account) -> String {
        let new = NewView {
            name: format!("View {}", self.made),
            is_shared: false,
            search: BTreeMap::new(),
        };
        let database = &self.harness.database;
        database.save_view(owner, &new, self.now_us()).await.unwrap();
        let views = database.views(owner).await.unwrap();
        let found = views.iter().find(|view| view.name == new.name);
        found.unwrap().id.0.to_string()
    }

    /// A job that has ended, with its file when it is to be `whole`.
    async fn export(&self, owner: &Account, whole: bool) -> String {
        let (database, now_us) = (&self.harness.database, self.now_us());
        let by = Asker::from(owner);
        for job in database.exports(owner.id).await.unwrap() {
            if job.state == ExportState::Running {
                database
                    .cancel_export(by, owner.id, job.id, now_us)
                    .await
                    .unwrap();
            }
        }
        let job = database
            .start_export(by, owner.id, "csv", "dport:22", Vec::new(), now_us)
            .await
            .unwrap();
        if whole {
            let part = Part {
                number: 0,
                content: b"a\r\n".to_vec(),
                rows: 1,
                rows_found: 1,
            };
            database.add_export_part(job.id, &part, now_us).await.unwrap();
        }
        database
            .finish_export(Asker::console(), job.id, None, now_us)
            .await
            .unwrap();
        job.id.0.to_string()
    }

    /// Something that `owner` did, as far as he may do anything.
    async fn operation(&self, owner: &Account) -> String {
        let cookie = self.cookie(owner, Assurance::Fresh).await;
        let number = if owner.organisation.as_str() == "mot" {
            3
        } else {
            1
        };
        let body = json!({ "ids": [format!("{number:032x}")], "action": "tag",
            "add": [format!("t{}", self.made % 2)], "remove": [format!("t{}", (self.made + 1) % 2)] });
        let answer = self
            .harness
            .call("POST", "/api/v1/alerts/bulk", &cookie, body)
            .await;
        let id = answer.json()["operation"].as_str().map(str::to_owned);
        id.unwrap_or_else(|| ABSENT.into())
    }

    /// A sensor of that organisation, which waits.
    async fn sensor(&self, organisation: &str) -> String {
        let new = NewSensor {
            name: format!("tap-{}", self.made),
            organisation: organisation.parse().unwrap(),
            note: String::new(),
            stage: vonggac_event::Stage::Live,
        };
        let by = Asker::from(&self.giver);
        let database = &self.harness.database;
        let prepared = database.prepare_sensor(&by, &new, self.now_us()).await;
        prepared.unwrap().0.to_string()
    }

    /// An exception of that organisation, in force and the only one.
    async fn exercise(&self, organisation: &str) -> String {
        let about = exercise::About {
            name: format!("Exercise {}", self.made),
            note: String::new(),
        };
        let (by, database) = (Asker::from(&self.giver), &self.harness.database);
        let organisation = organisation.parse().unwrap();
        let made = database
            .make_exercise(&by, &organisation, &about, self.now_us())
            .await;
        made.unwrap().id.to_string()
    }

    async fn exception(&self, organisation: &str) -> String {
        let (database, now_us) = (&self.harness.database, self.now_us());
        let (by, scope) = (Asker::from(&self.giver), Scope::of([organisation]));
        for old in database.exceptions(&scope, now_us).await.unwrap() {
            if old.state == exception::State::Active {
                let ended = database.end_exception(&scope, by, old.id, "another", now_us);
                ended.await.unwrap();
            }
        }
        let number = ["moh", "moh-it", "mot"]
            .iter()
            .position(|code| *code == organisation);
        let new = NewException {
            reach: exception::Reach {
                alert: AlertId(number.unwrap() as u128 + 1),
                organisation: organisation.parse().unwrap(),
                with_beneath: false,
                conditions: exception::Conditions::default(),
            },
            effect: exception::Effect::Hide,
            reason: Reason::SecurityTest,
            note: "a scan that was ordered".into(),
            expires_us: now_us + 7 * 86_400_000_000,
        };
        let made = database.add_exception(&scope, &scope, by, &new, now_us).await;
        made.unwrap().0.to_string()
    }

    /// A service of that organisation.
    async fn service(&self, organisation: &str) -> Account {
        let name = format!("service.{}", self.made);
        testing::service(&self.harness.database, &name, organisation, &[]).await
    }

    async fn passkey(&self, owner: &Account) -> String {
        let (database, now_us) = (&self.harness.database, self.now_us());
        let site = Site {
            id: "localhost".into(),
            origin: "http://localhost:0".into(),
        };
        let living = self.living(owner, Strength::Strong(Factor::Passkey)).await;
        let vault = self.harness.console.vault().unwrap();
        let asked = challenge(vault, Purpose::Register(owner.id), now_us);
        let key = SoftKey::default();
        let new = NewPasskey {
            name: "Key",
            client_data: &client_data("webauthn.create", &asked, &site.origin),
            attestation_object: &key.attestation_object(&site),
        };
        let origin = testing::from("::1");
        let owner = Owner {
            account: owner,
            session: living.id,
            assured: living.assured,
            origin: &origin,
        };
        database
            .add_passkey(vault, &site, &owner, &new, now_us)
            .await
            .unwrap();
        let kept = database.passkeys(owner.account.id).await.unwrap();
        kept.last().unwrap().id.to_string()
    }

    /// So that the account's password opens sessions again.
    async fn forget_passkeys(&self, account: &Account) {
        let living = self.living(account, Strength::Strong(Factor::Passkey)).await;
        let origin = testing::from("::1");
        let owner = Owner {
            account,
            session: living.id,
            assured: living.assured,
            origin: &origin,
        };
        let database = &self.harness.database;
        for passkey in database.passkeys(AccountId(account.id.0)).await.unwrap() {
            database
                .remove_passkey(&owner, passkey.id, self.now_us())
                .await
                .unwrap();
        }
    }
}

/// What an answer says, but for what was asked about and the request's own id.
fn told(answer: &Answer, names: &Names) -> (u16, Vec<(String, String)>, Value) {
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut text = answer.text.clone();
    for name in [&names.id, &names.part] {
        text = text.replace(&format!("\"{name}\""), "\"\"");
    }
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (answer.status.as_u16(), headers.collect(), body)
}
