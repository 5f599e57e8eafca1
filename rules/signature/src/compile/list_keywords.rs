//! Keywords about lists and sets: `dataset`, `datarep`; and conditions on buffers as a whole: `entropy`.

use crate::condition::Condition;
use crate::dataset::{DatasetCommand, DatasetKind, DatasetRequest, DatasetTest, ReputationTest};
use crate::error::{Complaint, combination, unsupported, value};
use crate::number::{NumberTest, number, size_test};
use crate::reputation::ScoreTest;
use crate::verify::Step;
use crate::whole_test::{EntropyTest, WholeTest};

use super::draft::{AddressSide, Draft, LooksInto};

impl Draft {
    /// Takes the keyword if it is one of these.
    pub(super) fn list_keyword(&mut self, name: &str, text: &str) -> Option<Result<(), Complaint>> {
        let test = match name {
            "dataset" => self.dataset(text).map(WholeTest::Dataset),
            "datarep" => self.dataset_reputation(text).map(WholeTest::Reputation),
            "entropy" => EntropyTest::parse(text).map(WholeTest::Entropy),
            "iprep" => {
                let test = ScoreTest::parse(text, &self.resources.reputation);
                return Some(test.map(|test| self.rule.conditions.push(Condition::Score(test))));
            }
            "ip.src" => return Some(self.select_address(text, AddressSide::Source)),
            "ip.dst" => return Some(self.select_address(text, AddressSide::Destination)),
            _ => return None,
        };
        Some(test.and_then(|test| {
            let list = self.current_list();
            if !matches!(test, WholeTest::Entropy(_)) && self.looks_into_payload(list) {
                return Err(combination(format!("{name} must follow the keyword of a buffer")));
            }
            self.push(list, Step::Whole(test)).map(|_| ())
        }))
    }

    fn select_address(&mut self, text: &str, side: AddressSide) -> Result<(), Complaint> {
        if !text.is_empty() {
            return Err(value("takes no value"));
        }
        self.select_list(&LooksInto::Address(side));
        Ok(())
    }

    fn dataset(&mut self, text: &str) -> Result<DatasetTest, Complaint> {
        let (command, rest) = text.split_once(',').unwrap_or((text, ""));
        let command = match command.trim() {
            "isset" => DatasetCommand::IsSet,
            "isnotset" => DatasetCommand::IsNotSet,
            "set" => DatasetCommand::Set,
            "unset" => DatasetCommand::Unset,
            other => return Err(value(format!("unknown command {other:?}"))),
        };
        let (name, options) = rest.split_once(',').unwrap_or((rest, ""));
        let request = self.request(name.trim(), options)?;
        let set = self.resources.datasets.open(&request).map_err(value)?;
        Ok(DatasetTest { command, set })
    }

    fn dataset_reputation(&mut self, text: &str) -> Result<ReputationTest, Complaint> {
        let mut words = text.splitn(4, ',');
        let mut next = || words.next().map(str::trim).unwrap_or_default();
        let (name, operator, operand, options) = (next(), next(), next(), next());
        let operand = number(operand)?;
        if operand > u16::MAX.into() {
            return Err(value(format!("{operand} is above 65535")));
        }
        let test = match operator {
            ">" => NumberTest::Greater(operand),
            "<" => NumberTest::Less(operand),
            "=" | "==" => NumberTest::Equal(operand),
            other => return Err(value(format!("unknown operator {other:?}"))),
        };
        let request = DatasetRequest {
            has_reputation: true,
            ..self.request(name, options)?
        };
        let set = self.resources.datasets.open(&request).map_err(value)?;
        Ok(ReputationTest { test, set })
    }

    fn request<'r>(&'r self, name: &'r str, options: &'r str) -> Result<DatasetRequest<'r>, Complaint> {
        if name.is_empty() {
            return Err(value("the set's name is missing"));
        }
        let mut request = DatasetRequest {
            name,
            kind: None,
            load: None,
            state: None,
            save: None,
            bytes_max: None,
            rule_file: &self.rule.info.file,
            has_reputation: false,
        };
        for word in options.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (key, rest) = word.split_once(char::is_whitespace).unwrap_or((word, ""));
            match (key, rest.trim()) {
                ("type", name) => {
                    let kind = DatasetKind::from_name(name);
                    request.kind = Some(kind.ok_or_else(|| value(format!("unknown type {name:?}")))?);
                }
                ("load", file) => request.load = Some(file),
                ("state", file) => request.state = Some(file),
                ("save", file) => request.save = Some(file),
                ("memcap", size) => request.bytes_max = size_test(size)?.operands().first().copied(),
                // Tables grow by themselves.
                ("hashsize", size) => _ = number(size)?,
                ("format", "csv") => {}
                _ => return Err(unsupported(format!("dataset with {word:?} is not supported"))),
            }
        }
        if request.state.is_some() && (request.load.is_some() || request.save.is_some()) {
            return Err(combination("state goes neither with load nor with save"));
        }
        Ok(request)
    }
}
