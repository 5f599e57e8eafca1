//! Telling people of what happened: what was kept of it is taken out, laid against the rules of all who have some, and becomes notices.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use vonggac_access::{Day, Grants, Membership, OrganisationId, PersonId, Tree, action, handover, thing};
use vonggac_event::{AlertId, Scope};

use super::rule::{self, About, Rule};
use super::{PACE_MAX, PACE_US, delivery};
use crate::alert::{self, AlertRow};
use crate::handover::HandoverId;
use crate::membership::memberships_on;
use crate::organisation::parsed;
use crate::{AccountId, Database, DatabaseError, Result, scope_of};

/// Most happenings that one transaction tells of.
pub const BATCH_MAX: i64 = 500;
/// Most rules that are read, of all people.
const RULES_MAX: i64 = 50_000;
/// The advisory lock of the console that tells.
const TELLING_LOCK: i64 = 0x566f_6e67_4761_6302;

/// What came of telling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Happenings that were taken out.
    pub taken: usize,
    /// Notices that were made or counted up.
    pub notices: usize,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Alert,
    Assigned { to: AccountId },
    Worked,
    Handover { id: HandoverId },
}

struct Happening {
    what: What,
    alert: Option<AlertId>,
    actor: Option<AccountId>,
}

#[derive(FromRow)]
struct RawHappening {
    kind: String,
    alert_id: Option<Vec<u8>>,
    handover_id: Option<i64>,
    account_id: Option<i64>,
    actor_id: Option<i64>,
}

impl RawHappening {
    fn read(self) -> Option<Happening> {
        let what = match self.kind.as_str() {
            "alert" => What::Alert,
            "worked" => What::Worked,
            "assigned" => What::Assigned {
                to: AccountId(self.account_id?),
            },
            _ => What::Handover {
                id: HandoverId(self.handover_id?),
            },
        };
        Some(Happening {
            what,
            alert: self.alert_id.as_deref().and_then(AlertId::from_bytes),
            actor: self.actor_id.map(AccountId),
        })
    }
}

/// Somebody who has rules, and what he may be told of now.
struct Listener {
    account: AccountId,
    alerts: Scope,
    takes_over: Scope,
    rules: Vec<Rule>,
}

/// What a notice is about; the same of one person is one notice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    account: i64,
    pub(super) about: &'static str,
    pub(super) organisation: String,
    pub(super) alert: Option<Vec<u8>>,
    pub(super) handover: Option<i64>,
}

/// Of which rule, how often, and on which ways besides the page.
struct Wanted {
    rule: String,
    times: i64,
    ways: BTreeSet<i64>,
}

impl Wanted {
    /// By these rules, of which the first gives its name and each its ways; none when there are none.
    fn by<'a>(rules: impl Iterator<Item = &'a Rule>) -> Option<Self> {
        let mut rules = rules.peekable();
        let rule = rules.peek()?.wants.name.clone();
        let ways = rules.flat_map(|rule| &rule.wants.ways).map(|way| way.0).collect();
        Some(Self { rule, times: 1, ways })
    }

    /// The same once more.
    fn add(&mut self, again: Self) {
        self.times += again.times;
        self.ways.extend(again.ways);
    }
}

/// What is known of the things that happenings are about.
struct Known<'a> {
    tree: &'a Tree,
    day: Day,
    alerts: BTreeMap<AlertId, Arc<AlertRow>>,
    handovers: HashMap<HandoverId, String>,
    watched_alerts: HashSet<AlertId>,
    /// Who watches a thing, by its value.
    watched_things: HashMap<String, Vec<String>>,
    beneath: HashMap<String, Scope>,
}

impl Database {
    /// Tells people of what happened, at most [`BATCH_MAX`] of it. While another console does it, nothing is taken.
    ///
    /// # Errors
    /// When PostgreSQL fails; then nobody was told, and it is told another time.
    pub async fn make_notices(&self, tree: &Tree, now_us: i64) -> Result<Told> {
        let mut transaction = self.pool.begin().await?;
        let is_mine: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
            .bind(TELLING_LOCK)
            .fetch_one(&mut *transaction)
            .await?;
        if !is_mine {
            return Ok(Told::default());
        }
        let happenings = take(&mut transaction).await?;
        let taken = happenings.len();
        if taken == 0 {
            return Ok(Told::default());
        }
        let day = Day::of_us(now_us).ok_or(DatabaseError::NotFound)?;
        let listeners = listeners(&mut transaction, tree, day).await?;
        let mut known = Known::of(&mut transaction, tree, day, &happenings).await?;
        let mut notices: BTreeMap<Key, Wanted> = BTreeMap::new();
        for listener in &listeners {
            let mut own: BTreeMap<Key, Wanted> = BTreeMap::new();
            for happening in &happenings {
                let Some((key, wanted)) = listener.wants(happening, &mut known) else {
                    continue;
                };
                match own.entry(key) {
                    Entry::Vacant(entry) => {
                        entry.insert(wanted);
                    }
                    Entry::Occupied(mut entry) => entry.get_mut().add(wanted),
                }
            }
            if !own.is_empty() {
                notices.extend(paced(&mut transaction, listener.account, own, now_us).await?);
            }
        }
        let made = notices.len();
        write(&mut transaction, &notices, now_us).await?;
        let to_deliver = notices
            .iter()
            .map(|(key, wanted)| (key, wanted.times, &wanted.ways));
        delivery::write(&mut transaction, to_deliver, now_us).await?;
        transaction.commit().await?;
        Ok(Told { taken, notices: made })
    }
}

async fn take(connection: &mut PgConnection) -> Result<Vec<Happening>> {
    let raw: Vec<RawHappening> = sqlx::query_as(
        "WITH taken AS (DELETE FROM happening WHERE id IN (SELECT id FROM happening ORDER BY id LIMIT $1) RETURNING *) \
         SELECT kind, alert_id, handover_id, account_id, actor_id FROM taken ORDER BY id",
    )
    .bind(BATCH_MAX)
    .fetch_all(connection)
    .await?;
    Ok(raw.into_iter().filter_map(RawHappening::read).collect())
}

/// All who have rules that count and can sign in.
async fn listeners(connection: &mut PgConnection, tree: &Tree, day: Day) -> Result<Vec<Listener>> {
    let mut query = QueryBuilder::<Postgres>::new(rule::SELECT);
    query.push(
        " JOIN account a ON a.id = r.account_id WHERE r.is_on AND a.disabled_us IS NULL ORDER BY r.id LIMIT ",
    );
    query.push_bind(RULES_MAX);
    let rows: Vec<rule::Row> = query.build_query_as().fetch_all(&mut *connection).await?;
    let mut rules: BTreeMap<i64, Vec<Rule>> = BTreeMap::new();
    for rule in rows.into_iter().filter_map(rule::Row::read) {
        rules.entry(rule.account.0).or_default().push(rule);
    }
    let accounts: Vec<i64> = rules.keys().copied().collect();
    let mut memberships: HashMap<i64, Vec<Membership>> = HashMap::new();
    for membership in memberships_on(connection, &accounts, day).await? {
        memberships
            .entry(membership.person.0)
            .or_default()
            .push(membership);
    }
    let listener = |(account, rules): (i64, Vec<Rule>)| {
        let given = memberships.remove(&account).unwrap_or_default();
        let grants = Grants::of(tree, &given, PersonId(account), day);
        Listener {
            account: AccountId(account),
            alerts: scope_of(&grants.reach::<thing::Alert, action::Read>()),
            takes_over: scope_of(&grants.reach::<handover::Handover, action::Approve>()),
            rules,
        }
    };
    Ok(rules.into_iter().map(listener).collect())
}

impl<'a> Known<'a> {
    async fn of(
        connection: &mut PgConnection,
        tree: &'a Tree,
        day: Day,
        happenings: &[Happening],
    ) -> Result<Self> {
        let ids = happenings.iter().filter_map(|one| one.alert);
        let ids: Vec<Vec<u8>> = ids.map(|id| id.to_bytes().to_vec()).collect();
        let alerts = alert::by_ids(connection, ids.clone()).await?;
        let handovers = happenings.iter().filter_map(|one| match one.what {
            What::Handover { id } => Some(id.0),
            _ => None,
        });
        let handovers: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, organisation FROM handover WHERE id = ANY($1) AND state = 'handed'")
                .bind(handovers.collect::<Vec<_>>())
                .fetch_all(&mut *connection)
                .await?;
        let watched_alerts: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT alert_id FROM watch_item WHERE alert_id = ANY($1)")
                .bind(ids)
                .fetch_all(&mut *connection)
                .await?;
        let named = alerts.values().flat_map(named_by).collect::<Vec<_>>();
        let things: Vec<(String, String)> = sqlx::query_as(
            "SELECT value, organisation FROM watch_item WHERE kind IN ('address', 'sensor') AND value = ANY($1)",
        )
        .bind(named)
        .fetch_all(&mut *connection)
        .await?;
        let mut watched_things: HashMap<String, Vec<String>> = HashMap::new();
        for (value, organisation) in things {
            watched_things.entry(value).or_default().push(organisation);
        }
        Ok(Self {
            tree,
            day,
            alerts: alerts.into_iter().map(|(id, row)| (id, Arc::new(row))).collect(),
            handovers: handovers
                .into_iter()
                .map(|(id, organisation)| (HandoverId(id), organisation))
                .collect(),
            watched_alerts: watched_alerts
                .iter()
                .filter_map(|id| AlertId::from_bytes(id))
                .collect(),
            watched_things,
            beneath: HashMap::new(),
        })
    }

    /// Whether `owner` is the organisation or stands beneath it.
    fn is_beneath(&mut self, organisation: &str, owner: &str) -> bool {
        let (tree, day) = (self.tree, self.day);
        let beneath = self.beneath.entry(organisation.to_owned()).or_insert_with(|| {
            let Ok(id) = parsed::<OrganisationId>(organisation) else {
                return Scope::of([organisation]);
            };
            let keepers = tree.subtree_at(&id, day);
            let kept = tree.kept_by(&keepers, day);
            Scope::of(kept.iter().map(OrganisationId::as_str))
        });
        beneath.covers(owner)
    }

    /// Whether somebody who sees `sight` sees a watcher of a thing that the alert names.
    fn is_watched(&mut self, alert: &AlertRow, sight: &Scope) -> bool {
        let watchers: Vec<String> = named_by(alert)
            .iter()
            .filter_map(|value| self.watched_things.get(value))
            .flatten()
            .filter(|watcher| sight.covers(watcher))
            .cloned()
            .collect();
        watchers
            .iter()
            .any(|watcher| self.is_beneath(watcher, &alert.tenant))
    }
}

/// The things that an alert's row names.
fn named_by(alert: &AlertRow) -> Vec<String> {
    let ends = [&alert.src, &alert.dst].into_iter().flatten().cloned();
    ends.chain([alert.sensor.clone()]).collect()
}

impl Listener {
    /// The notice that this person wants of a happening, and by which rules.
    fn wants(&self, happening: &Happening, known: &mut Known<'_>) -> Option<(Key, Wanted)> {
        if happening.actor == Some(self.account) {
            return None;
        }
        if let What::Handover { id } = &happening.what {
            return self.wants_handover(*id, known);
        }
        let alert = Arc::clone(known.alerts.get(&happening.alert?)?);
        // A drill tells nobody outside of it.
        if !self.alerts.shows(&alert.tenant, alert.stage()) {
            return None;
        }
        let about = match &happening.what {
            What::Assigned { to } => (*to == self.account).then_some(vec![About::Assigned])?,
            What::Worked => known
                .watched_alerts
                .contains(&alert.id)
                .then_some(vec![About::Watched])?,
            // What is watched is said, rather than that it is new.
            What::Alert if known.is_watched(&alert, &self.alerts) => vec![About::Watched, About::Alert],
            What::Alert => vec![About::Alert],
            What::Handover { .. } => return None,
        };
        let fitting: Vec<(About, &Rule)> = about
            .into_iter()
            .flat_map(|about| self.rules.iter().map(move |rule| (about, rule)))
            .filter(|(about, rule)| rule.wants.about == *about && self.fits(rule, &alert, known))
            .collect();
        let about = fitting.first()?.0;
        // Each rule that fits may name a way.
        let wanted = Wanted::by(fitting.iter().map(|(_, rule)| *rule))?;
        let key = Key {
            account: self.account.0,
            about: about.name(),
            organisation: alert.tenant.clone(),
            alert: Some(alert.id.to_bytes().to_vec()),
            handover: None,
        };
        Some((key, wanted))
    }

    fn fits(&self, rule: &Rule, alert: &AlertRow, known: &mut Known<'_>) -> bool {
        let organisation = rule.wants.organisation.as_ref();
        rule.wants.fits(alert) && organisation.is_none_or(|top| known.is_beneath(top.as_str(), &alert.tenant))
    }

    fn wants_handover(&self, id: HandoverId, known: &mut Known<'_>) -> Option<(Key, Wanted)> {
        let organisation = known.handovers.get(&id)?.clone();
        if !self.takes_over.covers(&organisation) {
            return None;
        }
        let rules = self.rules.iter().filter(|rule| {
            let top = rule.wants.organisation.as_ref();
            rule.wants.about == About::Handover
                && top.is_none_or(|top| known.is_beneath(top.as_str(), &organisation))
        });
        let wanted = Wanted::by(rules)?;
        let key = Key {
            account: self.account.0,
            about: About::Handover.name(),
            organisation,
            alert: None,
            handover: Some(id.0),
        };
        Some((key, wanted))
    }
}

/// As many of a person's as the pace allows; the others as numbers.
async fn paced(
    connection: &mut PgConnection,
    account: AccountId,
    own: BTreeMap<Key, Wanted>,
    now_us: i64,
) -> Result<BTreeMap<Key, Wanted>> {
    let recent: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM notice WHERE account_id = $1 AND about <> 'more' AND first_us > $2",
    )
    .bind(account.0)
    .bind(now_us.saturating_sub(PACE_US))
    .fetch_one(connection)
    .await?;
    let mut left = usize::try_from(PACE_MAX.saturating_sub(recent)).unwrap_or(0);
    let mut own: Vec<(Key, Wanted)> = own.into_iter().collect();
    own.sort_by_key(|(key, _)| weight(key.about));
    let mut paced = BTreeMap::new();
    for (key, wanted) in own {
        // There are few hand-overs, and somebody waits for each.
        let is_free = key.about == About::Handover.name();
        if is_free || left > 0 {
            left = left.saturating_sub(usize::from(!is_free));
            paced.insert(key, wanted);
            continue;
        }
        let more = Key {
            about: "more",
            alert: None,
            handover: None,
            ..key
        };
        // Of what is left out, things are counted, not what was done to them.
        let wanted = Wanted { times: 1, ..wanted };
        match paced.entry(more) {
            Entry::Vacant(entry) => {
                entry.insert(wanted);
            }
            Entry::Occupied(mut entry) => entry.get_mut().add(wanted),
        }
    }
    Ok(paced)
}

/// What is told first when not all can be: what others gave to the person, then what is watched, then what is merely new.
fn weight(about: &str) -> usize {
    let place = About::ALL.iter().position(|one| one.name() == about);
    place.unwrap_or(About::ALL.len())
}

async fn write(connection: &mut PgConnection, notices: &BTreeMap<Key, Wanted>, now_us: i64) -> Result<()> {
    if notices.is_empty() {
        return Ok(());
    }
    let keys = || notices.keys();
    let wanted = || notices.values();
    sqlx::query(
        "INSERT INTO notice (account_id, about, organisation, alert_id, handover_id, rule_name, times, first_us, at_us) \
         SELECT u.account_id, u.about, u.organisation, u.alert_id, u.handover_id, u.rule_name, u.times, $8, $8 \
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::text[], $7::bigint[]) \
         AS u (account_id, about, organisation, alert_id, handover_id, rule_name, times) \
         ON CONFLICT (account_id, about, organisation, coalesce(alert_id, ''), coalesce(handover_id, 0)) WHERE read_us IS NULL \
         DO UPDATE SET times = notice.times + excluded.times, at_us = greatest(notice.at_us, excluded.at_us)",
    )
    .bind(keys().map(|key| key.account).collect::<Vec<_>>())
    .bind(keys().map(|key| key.about).collect::<Vec<_>>())
    .bind(keys().map(|key| key.organisation.clone()).collect::<Vec<_>>())
    .bind(keys().map(|key| key.alert.clone()).collect::<Vec<_>>())
    .bind(keys().map(|key| key.handover).collect::<Vec<_>>())
    .bind(wanted().map(|one| one.rule.clone()).collect::<Vec<_>>())
    .bind(wanted().map(|one| one.times).collect::<Vec<_>>())
    .bind(now_us)
    .execute(connection)
    .await?;
    Ok(())
}
