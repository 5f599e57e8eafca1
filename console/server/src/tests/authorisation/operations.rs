//! The operations of the API, and what each asks of the table of rights.

use serde_json::{Value, json};
use vonggac_access::ResourceKind as Kind;
use vonggac_access::{Role, Verb};
use vonggac_database::testing::PASSWORD;

use crate::tests::document;

/// What somebody must be or have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Nothing: it comes before anybody is signed in.
    Open,
    /// The half session of somebody who owes a second factor.
    Half,
    /// To be signed in: it is about the asker's own affairs.
    Signed,
    /// A row of the table.
    Row(Kind, Verb),
    /// A row of the table, at the nation's organisation.
    National(Kind, Verb),
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// No single thing, or the asker.
    Nothing,
    /// Something of an organisation: an alert.
    Alert,
    /// The organisation itself.
    Organisation,
    /// An entry of the audit log.
    Entry,
    /// An account.
    Account,
    /// An account whose link waits for a second person.
    Link,
    /// A session of an account.
    AccountSession,
    /// A membership that counts.
    Membership,
    /// One that waits for a second person.
    Waiting,
    /// Something of a person alone: a search.
    Search,
    /// A view of the queue.
    View,
    /// A rule by which somebody is told.
    NoticeRule,
    /// A way on which somebody is told.
    NoticeWay,
    /// An entry of the watch list.
    Watched,
    /// The draft of a hand-over.
    Draft,
    /// A hand-over that waits for the next lead.
    Handed,
    /// A job that writes a search to a file.
    Export,
    /// The file of one.
    File,
    /// What was done to alerts.
    Operation,
    /// A sensor.
    Sensor,
    /// An exception.
    Exception,
    /// An exercise.
    Exercise,
    /// A service.
    Service,
    /// A token of one.
    Token,
    /// A session of one's own.
    Session,
    /// A passkey.
    Passkey,
    /// A link to a provider.
    ProviderLink,
}

impl Of {
    /// Whether it is a person's and no organisation's.
    pub(super) fn is_personal(self) -> bool {
        matches!(
            self,
            Self::Search
                | Self::View
                | Self::NoticeRule
                | Self::NoticeWay
                | Self::Export
                | Self::File
                | Self::Operation
                | Self::Session
                | Self::Passkey
                | Self::ProviderLink
        )
    }
}

/// An operation, as it is tried.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// Its `operationId`.
    pub(super) name: &'static str,
    pub(super) right: Right,
    pub(super) of: Of,
    /// A role that it is about, which the asker must be able to give.
    pub(super) gives: Option<Role>,
    pub(super) query: &'static str,
    /// With `{id}` where the thing is named.
    pub(super) body: Value,
}

impl Operation {
    fn of(mut self, of: Of) -> Self {
        self.of = of;
        self
    }

    fn gives(mut self, role: Role) -> Self {
        self.gives = Some(role);
        self
    }

    fn with(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    /// Its name, and what of it, where it stands here twice.
    pub(super) fn label(&self) -> String {
        match self.right {
            Right::Row(Kind::Alert, verb @ Verb::Assign) => format!("{} {}", self.name, verb.name()),
            _ => self.name.to_owned(),
        }
    }

    fn document(&self) -> &'static document::Operation {
        let found = document::operations().iter().find(|one| one.name == self.name);
        found.unwrap_or_else(|| panic!("{} is not in the document", self.name))
    }

    /// `GET` and the like.
    pub(super) fn method(&self) -> &'static str {
        &self.document().method
    }

    /// Whether a service may ask for it at all.
    pub(super) fn takes_token(&self) -> bool {
        self.document().takes_token
    }

    /// With its places in braces.
    pub(super) fn path(&self) -> &'static str {
        &self.document().path
    }
}

fn operation(name: &'static str, right: Right) -> Operation {
    Operation {
        name,
        right,
        of: Of::Nothing,
        gives: None,
        query: "",
        body: Value::Null,
    }
}

fn open(name: &'static str) -> Operation {
    operation(name, Right::Open)
}

fn signed(name: &'static str) -> Operation {
    operation(name, Right::Signed)
}

fn row(name: &'static str, kind: Kind, verb: Verb) -> Operation {
    operation(name, Right::Row(kind, verb))
}

/// Every operation; one may stand here twice, when what it asks for depends on what is sent.
pub(super) fn operations() -> Vec<Operation> {
    let passkey = json!({ "credential_id": "AAAA", "client_data": "AAAA", "authenticator_data": "AAAA", "signature": "AAAA" });
    let search = json!({ "name": "A search", "parameters": { "q": "dport:22" } });
    let notice_rule = json!({ "name": "Urgent", "about": "alert", "severity": "high", "is_on": true });
    let exception = json!({ "alert": "{id}", "organisation": "{organisation}", "effect": "hide", "reason": "security_test",
        "note": "A scan that was ordered", "conditions": [{ "on": "port", "value": "22" }], "expires_at": "2026-01-15T00:00:00Z" });
    let settings = json!({
        "mail": { "is_on": false, "host": "", "port": 587, "security": "starttls", "user": "", "from": "", "from_name": "" },
        "webhooks": { "is_on": false, "hosts": [], "networks": [], "allows_http": false },
    });
    let provider =
        json!({ "name": "Provider", "client_id": "vonggac", "scopes": ["openid"], "is_on": false });
    let mut new_provider = provider.clone();
    new_provider["issuer"] = json!("https://id.example");
    vec![
        open("setupState"),
        open("setup").with(json!({ "code": "X", "user_name": "an", "display_name": "An", "password": PASSWORD })),
        open("signIn").with(json!({ "user_name": "nobody", "password": PASSWORD })),
        open("passkeyChallenge"),
        open("signInPasskey").with(passkey.clone()),
        open("welcome").with(json!({ "secret": "X" })),
        open("enrolSensor").with(json!({ "token": "X" })),
        open("acceptWelcome").with(json!({ "secret": "X", "password": "mot cau rat dai 7291" })),
        open("openidProviders"),
        open("openidSignIn").with(json!({ "provider": "1" })),
        open("openidWelcome").with(json!({ "provider": "1", "secret": "X" })),
        open("openidCallback"),
        operation("signInFactor", Right::Half).with(json!({ "code": "123456" })),
        signed("currentSession"),
        signed("signOut"),
        signed("sessionLock"),
        signed("lockSession").with(json!({})),
        signed("unlockSession").with(json!({ "password": PASSWORD })),
        signed("unlockPasskey").with(passkey.clone()),
        signed("openidUnlock").with(json!({ "provider": "999999999" })),
        signed("setLock").with(json!({ "minutes": 10 })),
        signed("confirmSession").with(json!({ "password": PASSWORD })),
        signed("confirmPasskey").with(passkey),
        signed("listSessions"),
        signed("endSession").of(Of::Session),
        signed("updateAccount").with(json!({ "language": "en" })),
        signed("changePassword").with(json!({ "old_password": "not it at all", "password": "mot cau rat dai 7291" })),
        signed("accountSecurity"),
        signed("offerTotp"),
        signed("confirmTotp").with(json!({ "code": "123456" })),
        signed("removeTotp"),
        signed("renewRecoveryCodes"),
        signed("listPasskeys"),
        signed("offerPasskey"),
        signed("addPasskey").with(json!({ "name": "Key", "client_data": "AAAA", "attestation_object": "AAAA" })),
        signed("removePasskey").of(Of::Passkey),
        signed("openidConfirm").with(json!({ "provider": "999999999" })),
        signed("openidLinks"),
        signed("openidLink").with(json!({ "provider": "999999999" })),
        signed("removeOpenidLink").of(Of::ProviderLink),
        signed("health"),
        // The names of fields, which are the same for all.
        signed("eventFields"),
        row("listAlerts", Kind::Alert, Verb::Read),
        row("alertCounts", Kind::Alert, Verb::Read),
        row("alertGroups", Kind::Alert, Verb::Read).query("by=rule"),
        row("alertTags", Kind::Alert, Verb::Read),
        row("alertStream", Kind::Alert, Verb::Read),
        row("overview", Kind::Alert, Verb::Read),
        row("sinceLastHere", Kind::Alert, Verb::Read),
        row("listWatched", Kind::Alert, Verb::Read),
        row("watch", Kind::Alert, Verb::Work)
            .of(Of::Alert)
            .with(json!({ "alert": "{id}", "note": "again?" })),
        row("unwatch", Kind::Alert, Verb::Work).of(Of::Watched),
        row("listHandovers", Kind::Handover, Verb::Read),
        row("beginHandover", Kind::Handover, Verb::Create)
            .of(Of::Organisation)
            .with(json!({ "organisation": "{id}" })),
        row("getHandover", Kind::Handover, Verb::Read).of(Of::Handed),
        row("changeHandover", Kind::Handover, Verb::Change)
            .of(Of::Draft)
            .with(json!({ "version": 1, "note": "VPN", "from": "2026-01-01T00:00:00Z",
                "to": "2026-01-01T08:00:00Z", "next_to": "2026-01-01T16:00:00Z" })),
        row("handOver", Kind::Handover, Verb::Change).of(Of::Draft).with(json!({ "version": 1 })),
        row("acknowledgeHandover", Kind::Handover, Verb::Approve)
            .of(Of::Handed)
            .with(json!({ "remarks": "seen" })),
        row("discardHandover", Kind::Handover, Verb::Remove).of(Of::Draft),
        row("getAlert", Kind::Alert, Verb::Read).of(Of::Alert),
        row("alertStory", Kind::Alert, Verb::Read).of(Of::Alert),
        row("alertEvents", Kind::EventSearch, Verb::Read).of(Of::Alert),
        row("acknowledgeAlert", Kind::Alert, Verb::Work).of(Of::Alert).with(json!({})),
        row("closeAlert", Kind::Alert, Verb::Work)
            .of(Of::Alert)
            .with(json!({ "verdict": "false_positive", "reason": "rule_logic" })),
        row("reopenAlert", Kind::Alert, Verb::Work).of(Of::Alert),
        row("commentAlert", Kind::Alert, Verb::Work).of(Of::Alert).with(json!({ "text": "seen" })),
        row("bulkAlerts", Kind::Alert, Verb::Work)
            .of(Of::Alert)
            .with(json!({ "ids": ["{id}"], "action": "tag", "add": ["seen"] })),
        row("bulkAlerts", Kind::Alert, Verb::Assign)
            .of(Of::Alert)
            .with(json!({ "ids": ["{id}"], "action": "assign", "assignee": "{colleague}", "take_over": true })),
        row("undoOperation", Kind::Alert, Verb::Work).of(Of::Operation),
        row("listPeople", Kind::Alert, Verb::Work),
        row("listNotices", Kind::Alert, Verb::Read),
        row("readNotices", Kind::Alert, Verb::Read).with(json!({})),
        row("listNoticeRules", Kind::Alert, Verb::Read),
        row("addNoticeRule", Kind::Alert, Verb::Read).with(notice_rule.clone()),
        row("changeNoticeRule", Kind::Alert, Verb::Read).of(Of::NoticeRule).with(notice_rule),
        row("removeNoticeRule", Kind::Alert, Verb::Read).of(Of::NoticeRule),
        row("listNoticeWays", Kind::Alert, Verb::Read),
        row("addMailWay", Kind::Alert, Verb::Read).with(json!({ "address": "lan@moh.example" })),
        row("addWebhook", Kind::Alert, Verb::Export).with(json!({ "name": "Chat", "url": "https://hooks.example/x" })),
        row("confirmNoticeWay", Kind::Alert, Verb::Read).of(Of::NoticeWay).with(json!({ "code": "12345678" })),
        row("testNoticeWay", Kind::Alert, Verb::Read).of(Of::NoticeWay),
        row("resumeNoticeWay", Kind::Alert, Verb::Read).of(Of::NoticeWay),
        row("removeNoticeWay", Kind::Alert, Verb::Read).of(Of::NoticeWay),
        operation("getNoticeSettings", Right::National(Kind::SystemSetting, Verb::Read)),
        operation("changeNoticeSettings", Right::National(Kind::SystemSetting, Verb::Change)).with(settings),
        operation("testNoticeSettings", Right::National(Kind::SystemSetting, Verb::Change)).with(json!({ "address": "lan@moh.example" })),
        row("listViews", Kind::Alert, Verb::Read),
        row("saveView", Kind::Alert, Verb::Read).with(json!({ "name": "A view", "search": { "status": "open" } })),
        row("removeView", Kind::Alert, Verb::Read).of(Of::View),
        row("listExceptions", Kind::Rule, Verb::Read),
        row("previewException", Kind::Rule, Verb::Create).of(Of::Alert).with(exception.clone()),
        row("addException", Kind::Rule, Verb::Create).of(Of::Alert).with(exception),
        row("extendException", Kind::Rule, Verb::Change)
            .of(Of::Exception)
            .with(json!({ "expires_at": "2026-02-15T00:00:00Z", "note": "still" })),
        row("approveException", Kind::Rule, Verb::Approve).of(Of::Exception),
        row("endException", Kind::Rule, Verb::Change).of(Of::Exception).with(json!({ "note": "over" })),
        row("listEvents", Kind::EventSearch, Verb::Read),
        row("eventHistogram", Kind::EventSearch, Verb::Read),
        row("eventValues", Kind::EventSearch, Verb::Read).query("field=dport"),
        row("getEntity", Kind::EventSearch, Verb::Read).query("value=10.0.0.1"),
        row("entityElsewhere", Kind::EventSearch, Verb::Read).query("value=192.0.2.1"),
        row("listSearches", Kind::EventSearch, Verb::Read),
        row("saveSearch", Kind::EventSearch, Verb::Read).with(search.clone()),
        row("changeSearch", Kind::EventSearch, Verb::Read).of(Of::Search).with(search),
        row("removeSearch", Kind::EventSearch, Verb::Read).of(Of::Search),
        row("listExports", Kind::EventSearch, Verb::Export),
        row("startExport", Kind::EventSearch, Verb::Export).with(json!({ "format": "csv" })),
        row("cancelExport", Kind::EventSearch, Verb::Export).of(Of::Export),
        row("downloadExport", Kind::EventSearch, Verb::Export).of(Of::File),
        row("listExercises", Kind::Exercise, Verb::Read),
        row("getExercise", Kind::Exercise, Verb::Read).of(Of::Exercise),
        row("makeExercise", Kind::Exercise, Verb::Create)
            .of(Of::Organisation)
            .with(json!({ "organisation": "{id}", "name": "An exercise" })),
        row("changeExercise", Kind::Exercise, Verb::Change).of(Of::Exercise).with(json!({ "name": "Another" })),
        row("shareExercise", Kind::Exercise, Verb::Share)
            .of(Of::Exercise)
            .with(json!({ "organisation": "moh", "takes_part": true })),
        row("startExercise", Kind::Exercise, Verb::Change).of(Of::Exercise),
        row("endExercise", Kind::Exercise, Verb::Change).of(Of::Exercise),
        row("listSensors", Kind::Sensor, Verb::Read),
        row("sensorPlaces", Kind::Sensor, Verb::Read),
        row("getSensor", Kind::Sensor, Verb::Read).of(Of::Sensor),
        row("prepareSensor", Kind::Sensor, Verb::Create)
            .of(Of::Organisation)
            .with(json!({ "name": "tap-of-a-test", "organisation": "{id}" })),
        row("renewSensor", Kind::Sensor, Verb::Create).of(Of::Sensor),
        row("changeSensor", Kind::Sensor, Verb::Change).of(Of::Sensor).with(json!({ "note": "hall 2" })),
        row("revokeSensor", Kind::Sensor, Verb::Remove).of(Of::Sensor),
        row("listServices", Kind::ApiToken, Verb::Read),
        row("servicePlaces", Kind::ApiToken, Verb::Read),
        row("getService", Kind::ApiToken, Verb::Read).of(Of::Service),
        row("openService", Kind::ApiToken, Verb::Create)
            .of(Of::Organisation)
            .with(json!({ "user_name": "opened", "display_name": "Opened", "organisation": "{id}" })),
        row("endService", Kind::ApiToken, Verb::Remove).of(Of::Service),
        row("makeToken", Kind::ApiToken, Verb::Create)
            .of(Of::Service)
            .with(json!({ "name": "Program", "scope": ["alert:read"] })),
        row("revokeToken", Kind::ApiToken, Verb::Remove).of(Of::Token),
        operation("signInRules", Right::National(Kind::SystemSetting, Verb::Read)),
        operation("setSignInRules", Right::National(Kind::SystemSetting, Verb::Change))
            .with(json!({ "passkey_roles": [] })),
        operation("openidSettings", Right::National(Kind::SystemSetting, Verb::Read)),
        operation("addOpenidProvider", Right::National(Kind::SystemSetting, Verb::Change)).with(new_provider),
        operation("changeOpenidProvider", Right::National(Kind::SystemSetting, Verb::Change)).with(provider),
        operation("removeOpenidProvider", Right::National(Kind::SystemSetting, Verb::Change)),
        operation("testOpenidProvider", Right::National(Kind::SystemSetting, Verb::Change)),
        row("listAudit", Kind::AuditLog, Verb::Read),
        row("proveAudit", Kind::AuditLog, Verb::Read).of(Of::Entry),
        operation("exportAudit", Right::National(Kind::AuditLog, Verb::Export)),
        row("listAccounts", Kind::Account, Verb::Read),
        row("accountPlaces", Kind::Account, Verb::Read),
        row("inviteAccount", Kind::Account, Verb::Create)
            .of(Of::Organisation)
            .with(json!({ "user_name": "invited", "display_name": "Invited", "language": "vi", "organisation": "{id}" })),
        row("getAccount", Kind::Account, Verb::Read).of(Of::Account),
        row("changeAccount", Kind::Account, Verb::Change).of(Of::Account).with(json!({ "language": "en" })),
        row("resetAccount", Kind::Account, Verb::Change).of(Of::Account).with(json!({})),
        row("secondLink", Kind::Account, Verb::Change).of(Of::Link).gives(Role::OrganisationManager),
        row("disableAccount", Kind::Account, Verb::Remove).of(Of::Account),
        row("enableAccount", Kind::Account, Verb::Change).of(Of::Account),
        row("accountSessions", Kind::Session, Verb::Read).of(Of::Account),
        row("endAccountSession", Kind::Session, Verb::Remove).of(Of::AccountSession),
        row("accountMemberships", Kind::Membership, Verb::Read).of(Of::Account),
        row("grantMembership", Kind::Membership, Verb::Create)
            .of(Of::Account)
            .gives(Role::Viewer)
            .with(json!({ "role": "viewer", "organisation": "{organisation}" })),
        row("endMembership", Kind::Membership, Verb::Remove).of(Of::Membership).gives(Role::Viewer),
        row("approveMembership", Kind::Membership, Verb::Approve)
            .of(Of::Waiting)
            .gives(Role::ResponseCoordinator),
        row("waitingMemberships", Kind::Membership, Verb::Read),
        row("listOrganisations", Kind::Organisation, Verb::Read),
        row("getOrganisation", Kind::Organisation, Verb::Read).of(Of::Organisation),
        row("addOrganisation", Kind::Organisation, Verb::Create)
            .of(Of::Organisation)
            .with(json!({ "code": "{id}-new", "kind": "unit", "vi": "Mới", "en": "New", "parent": "{id}", "citation": "a test", "version": 0 })),
        row("changeOrganisation", Kind::Organisation, Verb::Change)
            .of(Of::Organisation)
            .with(json!({ "en": "Another name", "version": 0 })),
        row("endOrganisation", Kind::Organisation, Verb::Remove)
            .of(Of::Organisation)
            .with(json!({ "until": "2030-01-01", "version": 0 })),
        row("keepOrganisation", Kind::Organisation, Verb::Remove).of(Of::Organisation).query("version=0"),
        row("succeedOrganisation", Kind::Organisation, Verb::Remove)
            .of(Of::Organisation)
            .with(json!({ "until": "2030-01-01", "into": "moh", "version": 0 })),
    ]
}
