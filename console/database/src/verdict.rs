//! What closed alerts turned out to be, and why: the words are those of Sentinel's classifications and Splunk's dispositions, where those
//! have one.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$of])* $variant),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its word, in lower case with underscores.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The one of that word.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

words!(
    /// What a closed alert turned out to be.
    Verdict {
        /// An attack, or an attempt at one.
        TruePositive = "true_positive",
        /// What the rule looks for, and allowed.
        BenignTruePositive = "benign_true_positive",
        /// What the rule looks for did not happen.
        FalsePositive = "false_positive",
        /// Another alert tells it.
        Duplicate = "duplicate",
        /// Nobody can say.
        Undetermined = "undetermined",
    }
);

words!(
    /// Why a verdict is what it is.
    Reason {
        /// Somebody was inside.
        Intrusion = "intrusion",
        /// An attack that did not succeed.
        Attempt = "attempt",
        /// Malicious software.
        Malware = "malware",
        /// Somebody was deceived.
        Phishing = "phishing",
        /// An account in foreign hands.
        CompromisedAccount = "compromised_account",
        /// Data went out.
        DataTheft = "data_theft",
        /// Against the rules of the house.
        PolicyViolation = "policy_violation",
        /// A test or scan that was ordered.
        SecurityTest = "security_test",
        /// Administrators' work.
        Maintenance = "maintenance",
        /// What an application does.
        ExpectedApplication = "expected_application",
        /// The user says that it was him.
        ConfirmedByUser = "confirmed_by_user",
        /// The rule is too wide or wrong.
        RuleLogic = "rule_logic",
        /// What the sensor told is wrong or incomplete.
        WrongData = "wrong_data",
        /// An indicator that is no longer one.
        OutdatedIndicator = "outdated_indicator",
        /// The same activity under another rule.
        SameActivity = "same_activity",
        /// The same traffic at another sensor.
        OtherSensor = "other_sensor",
        /// There is too little to judge by.
        NotEnoughData = "not_enough_data",
        /// Who was asked does not answer.
        NoAnswer = "no_answer",
    }
);

impl Verdict {
    /// The reasons that it may have.
    pub fn reasons(self) -> &'static [Reason] {
        match self {
            Self::TruePositive => &[
                Reason::Intrusion,
                Reason::Attempt,
                Reason::Malware,
                Reason::Phishing,
                Reason::CompromisedAccount,
                Reason::DataTheft,
                Reason::PolicyViolation,
            ],
            Self::BenignTruePositive => &[
                Reason::SecurityTest,
                Reason::Maintenance,
                Reason::ExpectedApplication,
                Reason::ConfirmedByUser,
            ],
            Self::FalsePositive => &[Reason::RuleLogic, Reason::WrongData, Reason::OutdatedIndicator],
            Self::Duplicate => &[Reason::SameActivity, Reason::OtherSensor],
            Self::Undetermined => &[Reason::NotEnoughData, Reason::NoAnswer],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_belongs_to_one_verdict_and_every_word_is_read_back() {
        for reason in Reason::ALL {
            let of = Verdict::ALL
                .iter()
                .filter(|verdict| verdict.reasons().contains(reason));
            assert_eq!(of.count(), 1, "{reason:?}");
            assert_eq!(Reason::from_name(reason.name()), Some(*reason));
        }
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::from_name(verdict.name()), Some(*verdict));
        }
        assert_eq!(Verdict::from_name("benign"), None);
    }
}
