//! How state goes: what is over, and what is too much.

use std::collections::BTreeMap;

use vonggac_event::Alert;

use crate::clocks::Over;
use crate::correlator::Correlator;
use crate::keys::Key;
use crate::outlet::emit;
use crate::table::{Group, Table, Target, Weight};

/// When all rules together hold too much, room of this part of the bound is made at once.
const ROOM_PART: usize = 32;

impl Correlator {
    /// Lets go of what is over.
    pub(crate) fn sweep(&mut self) {
        self.unswept = 0;
        self.swept_us = self.clocks.active_us;
        self.weight = Weight::default();
        let (clocks, limits) = (&self.clocks, &self.limits);
        let mut longest_us = 0;
        self.tables.retain(|_, table| {
            let length_us = table.length_us(limits.suppress_us);
            longest_us = length_us.max(longest_us);
            table.sweep(&mut Over::new(clocks, limits, length_us));
            self.weight = self.weight.plus(table.weight);
            !table.groups.is_empty()
        });
        self.clocks.forget_silent(longest_us, &self.limits);
    }

    /// Weighs a group that has changed, and gives up state until the limits hold. Alerts that are yet to go out go out first.
    pub(crate) fn keep_to_limits(&mut self, table_key: &Key, group_key: &Key, out: &mut Vec<Alert>) {
        let Some(table) = self.tables.get_mut(table_key) else {
            return;
        };
        let before = table.weight;
        if let (Target::Correlation(in_force), Some(group)) = (&table.target, table.groups.get_mut(group_key))
        {
            while group.entries() > self.limits.matches_per_group_max {
                // The stretch of time that floods loses its own.
                let longest = group.strands.iter_mut().max_by_key(|strand| strand.window.len());
                let Some(strand) = longest else {
                    break;
                };
                strand.window.pop_oldest(&in_force.spec);
                self.counters.matches_evicted += 1;
            }
        }
        table.weigh(group_key);
        while table.groups.len() > self.limits.groups_per_rule_max
            || table.weight.entries > self.limits.matches_per_rule_max
        {
            let Some(mut group) = table.evict(Some(group_key)) else {
                break;
            };
            self.counters.groups_evicted += 1;
            send_last(&mut group, table, out);
        }
        self.weight = self.weight.less(before).plus(table.weight);
        if self.weight.entries > self.limits.matches_max || self.weight.bytes > self.limits.bytes_max {
            self.make_room(out);
        }
    }

    /// Takes groups of the rule that holds most, of the tenant that holds most, until all together hold less than they may.
    fn make_room(&mut self, out: &mut Vec<Alert>) {
        let room = |bound: usize| bound - bound / ROOM_PART;
        let (matches, bytes) = (room(self.limits.matches_max), room(self.limits.bytes_max));
        let is_full = |weight: Weight| weight.entries > matches || weight.bytes > bytes;
        while is_full(self.weight) {
            let mut tenants: BTreeMap<&str, usize> = BTreeMap::new();
            for table in self.tables.values() {
                *tenants.entry(table.tenant.as_str()).or_default() += table.weight.bytes;
            }
            let largest = tenants.iter().max_by_key(|(_, bytes)| **bytes);
            let tenant = largest.map(|(tenant, _)| (*tenant).to_owned());
            let largest = self
                .tables
                .iter_mut()
                .filter(|(_, table)| Some(&table.tenant) == tenant.as_ref())
                .max_by(|left, right| (left.1.weight.bytes, left.0).cmp(&(right.1.weight.bytes, right.0)));
            let Some((key, table)) = largest else {
                return;
            };
            let key = key.clone();
            // Then another may be the largest.
            let (half, held) = (table.weight.bytes / 2, table.groups.len());
            while is_full(self.weight) && table.weight.bytes > half {
                let before = table.weight;
                let Some(mut group) = table.evict(None) else {
                    break;
                };
                self.weight = self.weight.less(before).plus(table.weight);
                self.counters.groups_evicted_for_all += 1;
                send_last(&mut group, table, out);
            }
            if table.groups.is_empty() {
                self.tables.remove(&key);
            } else if table.groups.len() == held {
                return;
            }
        }
    }
}

/// Sends what has not gone out of a group that is given up.
fn send_last(group: &mut Group, table: &Table, out: &mut Vec<Alert>) {
    for session in group.sessions.iter_mut().filter(|session| session.is_dirty) {
        out.push(emit(session, &table.card, &table.target));
    }
}
