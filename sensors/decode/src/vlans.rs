//! The VLAN tags of a packet.

/// Most tags kept.
const KEPT_MAX: usize = 3;

/// The VLAN ids of a packet, the outermost first; a priority tag (id 0) is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Vlans {
    /// Then zeros.
    ids: [u16; KEPT_MAX],
}

impl Vlans {
    /// Adds a tag found further in; of more than three the innermost is the last that is kept.
    pub fn push(&mut self, id: u16) {
        if id == 0 {
            return;
        }
        let free = self.ids.iter_mut().find(|kept| **kept == 0);
        match free {
            Some(place) => *place = id,
            None => {
                let [.., last] = &mut self.ids;
                *last = id;
            }
        }
    }

    /// The ids, outermost first.
    pub fn ids(&self) -> &[u16] {
        let count = self.ids.iter().take_while(|id| **id != 0).count();
        self.ids.get(..count).unwrap_or_default()
    }

    /// All ids as one number; 0 when untagged.
    pub fn packed(&self) -> u64 {
        self.ids
            .iter()
            .fold(0, |packed, id| packed << 16 | u64::from(*id))
    }

    /// The innermost id; 0 when untagged.
    pub fn inner(&self) -> u16 {
        self.ids().last().copied().unwrap_or(0)
    }

    /// The id in the middle of three; 0 otherwise.
    pub fn middle(&self) -> u16 {
        match self.ids() {
            [_, middle, _] => *middle,
            _ => 0,
        }
    }

    /// The outermost id where there are several; 0 otherwise.
    pub fn outer(&self) -> u16 {
        match self.ids() {
            [outer, _, ..] => *outer,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Vlans;

    #[test]
    fn the_first_and_the_last_tag_are_kept() {
        let check = |ids: &[u16], outer, inner| {
            let mut vlans = Vlans::default();
            ids.iter().for_each(|id| vlans.push(*id));
            assert_eq!((vlans.outer(), vlans.inner()), (outer, inner), "{ids:?}");
        };
        check(&[], 0, 0);
        check(&[7], 0, 7);
        check(&[0, 7], 0, 7);
        check(&[7, 8], 7, 8);
        check(&[7, 8, 9, 10], 7, 10);
    }

    #[test]
    fn of_three_tags_one_is_in_the_middle() {
        let check = |ids: &[u16], expect| {
            let mut vlans = Vlans::default();
            ids.iter().for_each(|id| vlans.push(*id));
            assert_eq!(vlans.middle(), expect, "{ids:?}");
        };
        check(&[7, 8], 0);
        check(&[7, 8, 9], 8);
    }
}
