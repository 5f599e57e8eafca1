//! `vlan.id` and `vlan.layers`: the VLAN tags in front of a packet, the outermost first.

use crate::error::{Complaint, value};
use crate::number::{Dash, NumberTest, number_test};

/// Largest id of a VLAN.
const VLAN_ID_MAX: u64 = 4095;
/// Tags that a layer's number may count, from either end.
const LAYERS_MAX: i8 = 3;

/// A condition on the ids of VLAN tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VlanTest {
    test: NumberTest,
    layer: Layer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Any,
    All,
    /// Counted from the outermost, or backwards from the innermost (-1).
    Number(i8),
}

impl VlanTest {
    /// Reads `[operator]id[,layer]`.
    pub(crate) fn parse(text: &str) -> Result<VlanTest, Complaint> {
        let (id, layer) = text.split_once(',').unwrap_or((text, "any"));
        let layer = match layer.trim() {
            "any" => Layer::Any,
            "all" => Layer::All,
            number => match number.parse() {
                Ok(number) if (-LAYERS_MAX..LAYERS_MAX).contains(&number) => Layer::Number(number),
                _ => return Err(value(format!("{number:?} is no layer"))),
            },
        };
        let test = number_test(id, Dash::Excluded)?;
        if test.operands().into_iter().any(|id| id > VLAN_ID_MAX) {
            return Err(value(format!("a VLAN's id goes up to {VLAN_ID_MAX}")));
        }
        Ok(VlanTest { test, layer })
    }

    pub(crate) fn holds(self, ids: &[u16]) -> bool {
        let holds = |id: &u16| self.test.holds((*id).into());
        match self.layer {
            Layer::Any => ids.iter().any(holds),
            Layer::All => !ids.is_empty() && ids.iter().all(holds),
            Layer::Number(number) => {
                let back = usize::from(number.unsigned_abs());
                let place = if number < 0 {
                    ids.len().checked_sub(back)
                } else {
                    Some(back)
                };
                place.and_then(|place| ids.get(place)).is_some_and(holds)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn layers() {
        let ids: &[u16] = &[666, 123];
        let table = [
            ("123", true),
            ("300", false),
            ("123,1", true),
            ("123,0", false),
            ("123,-1", true),
            ("666,-2", true),
            ("666,-3", false),
            ("666,2", false),
            (">100,all", true),
            ("<400,all", false),
            ("<400,any", true),
            ("!123,0", true),
            ("0x7b,1", true),
        ];
        for (text, expected) in table {
            assert_eq!(VlanTest::parse(text).unwrap().holds(ids), expected, "{text}");
            assert!(!VlanTest::parse(text).unwrap().holds(&[]), "{text} without a tag");
        }
        for text in ["4096", "1,3", "1,-4", "1,some", "", "x"] {
            assert!(VlanTest::parse(text).is_err(), "{text}");
        }
    }
}
