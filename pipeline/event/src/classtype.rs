//! Suricata's standard class types of rules, how grave they are and what they are called (its `classification.config`).

use crate::proto::Signature;

/// Class types in order, with their priorities and descriptions.
const STANDARD: &[(&str, u8, &str)] = &[
    ("attempted-admin", 1, "Attempted Administrator Privilege Gain"),
    ("attempted-dos", 2, "Attempted Denial of Service"),
    ("attempted-recon", 2, "Attempted Information Leak"),
    ("attempted-user", 1, "Attempted User Privilege Gain"),
    ("bad-unknown", 2, "Potentially Bad Traffic"),
    ("coin-mining", 2, "Crypto Currency Mining Activity Detected"),
    (
        "command-and-control",
        1,
        "Malware Command and Control Activity Detected",
    ),
    ("credential-theft", 1, "Successful Credential Theft Detected"),
    (
        "default-login-attempt",
        2,
        "Attempt to login by a default username and password",
    ),
    ("denial-of-service", 2, "Detection of a Denial of Service Attack"),
    ("domain-c2", 1, "Domain Observed Used for C2 Detected"),
    ("exploit-kit", 1, "Exploit Kit Activity Detected"),
    (
        "external-ip-check",
        2,
        "Device Retrieving External IP Address Detected",
    ),
    ("icmp-event", 3, "Generic ICMP event"),
    ("inappropriate-content", 1, "Inappropriate Content was Detected"),
    ("misc-activity", 3, "Misc activity"),
    ("misc-attack", 2, "Misc Attack"),
    ("network-scan", 3, "Detection of a Network Scan"),
    (
        "non-standard-protocol",
        2,
        "Detection of a non-standard protocol or event",
    ),
    ("not-suspicious", 3, "Not Suspicious Traffic"),
    ("policy-violation", 1, "Potential Corporate Privacy Violation"),
    ("protocol-command-decode", 3, "Generic Protocol Command Decode"),
    ("pup-activity", 2, "Possibly Unwanted Program Detected"),
    ("rpc-portmap-decode", 2, "Decode of an RPC Query"),
    ("shellcode-detect", 1, "Executable code was detected"),
    ("social-engineering", 2, "Possible Social Engineering Attempted"),
    ("string-detect", 3, "A suspicious string was detected"),
    ("successful-admin", 1, "Successful Administrator Privilege Gain"),
    ("successful-dos", 2, "Denial of Service"),
    ("successful-recon-largescale", 2, "Large Scale Information Leak"),
    ("successful-recon-limited", 2, "Information Leak"),
    ("successful-user", 1, "Successful User Privilege Gain"),
    (
        "suspicious-filename-detect",
        2,
        "A suspicious filename was detected",
    ),
    (
        "suspicious-login",
        2,
        "An attempted login using a suspicious username was detected",
    ),
    ("system-call-detect", 2, "A system call was detected"),
    ("targeted-activity", 1, "Targeted Malicious Activity was Detected"),
    ("tcp-connection", 4, "A TCP connection was detected"),
    ("trojan-activity", 1, "A Network Trojan was detected"),
    ("unknown", 3, "Unknown Traffic"),
    ("unsuccessful-user", 1, "Unsuccessful User Privilege Gain"),
    (
        "unusual-client-port-connection",
        2,
        "A client was using an unusual port",
    ),
    (
        "web-application-activity",
        2,
        "access to a potentially vulnerable web application",
    ),
    ("web-application-attack", 1, "Web Application Attack"),
];

/// The priority, 1 (gravest) to 4, that a standard class type gives its rules; `None` for another class type.
pub fn priority(classtype: &str) -> Option<u8> {
    standard(classtype).map(|(priority, _)| priority)
}

/// The description of a standard class type; empty for another.
pub fn description(classtype: &str) -> &'static str {
    standard(classtype).map_or("", |(_, description)| description)
}

fn standard(classtype: &str) -> Option<(u8, &'static str)> {
    let place = STANDARD
        .binary_search_by_key(&classtype, |(name, ..)| name)
        .ok()?;
    let (_, priority, description) = STANDARD.get(place)?;
    Some((*priority, description))
}

impl Signature {
    /// What its class type is called: as the sensor's configuration says, or as the standard does.
    pub fn category_text(&self) -> &str {
        if self.category.is_empty() {
            description(&self.classtype)
        } else {
            &self.category
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_class_types_have_a_description() {
        assert!(STANDARD.is_sorted());
        let check = |classtype: &str, expect: &str| assert_eq!(description(classtype), expect);
        check("trojan-activity", "A Network Trojan was detected");
        check("web-application-attack", "Web Application Attack");
        check("of-our-own", "");
    }

    #[test]
    fn standard_class_types_have_a_priority() {
        let check = |classtype: &str, expect| assert_eq!(priority(classtype), expect);
        check("trojan-activity", Some(1));
        check("misc-attack", Some(2));
        check("unknown", Some(3));
        check("tcp-connection", Some(4));
        check("of-our-own", None);
    }
}
