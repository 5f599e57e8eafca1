//! Suricata's standard class types of rules and what they are called (its `classification.config`).

use crate::proto::Signature;

/// Class types in order, with their descriptions.
const DESCRIPTIONS: &[(&str, &str)] = &[
    ("attempted-admin", "Attempted Administrator Privilege Gain"),
    ("attempted-dos", "Attempted Denial of Service"),
    ("attempted-recon", "Attempted Information Leak"),
    ("attempted-user", "Attempted User Privilege Gain"),
    ("bad-unknown", "Potentially Bad Traffic"),
    ("coin-mining", "Crypto Currency Mining Activity Detected"),
    (
        "command-and-control",
        "Malware Command and Control Activity Detected",
    ),
    ("credential-theft", "Successful Credential Theft Detected"),
    (
        "default-login-attempt",
        "Attempt to login by a default username and password",
    ),
    ("denial-of-service", "Detection of a Denial of Service Attack"),
    ("domain-c2", "Domain Observed Used for C2 Detected"),
    ("exploit-kit", "Exploit Kit Activity Detected"),
    (
        "external-ip-check",
        "Device Retrieving External IP Address Detected",
    ),
    ("icmp-event", "Generic ICMP event"),
    ("inappropriate-content", "Inappropriate Content was Detected"),
    ("misc-activity", "Misc activity"),
    ("misc-attack", "Misc Attack"),
    ("network-scan", "Detection of a Network Scan"),
    (
        "non-standard-protocol",
        "Detection of a non-standard protocol or event",
    ),
    ("not-suspicious", "Not Suspicious Traffic"),
    ("policy-violation", "Potential Corporate Privacy Violation"),
    ("protocol-command-decode", "Generic Protocol Command Decode"),
    ("pup-activity", "Possibly Unwanted Program Detected"),
    ("rpc-portmap-decode", "Decode of an RPC Query"),
    ("shellcode-detect", "Executable code was detected"),
    ("social-engineering", "Possible Social Engineering Attempted"),
    ("string-detect", "A suspicious string was detected"),
    ("successful-admin", "Successful Administrator Privilege Gain"),
    ("successful-dos", "Denial of Service"),
    ("successful-recon-largescale", "Large Scale Information Leak"),
    ("successful-recon-limited", "Information Leak"),
    ("successful-user", "Successful User Privilege Gain"),
    ("suspicious-filename-detect", "A suspicious filename was detected"),
    (
        "suspicious-login",
        "An attempted login using a suspicious username was detected",
    ),
    ("system-call-detect", "A system call was detected"),
    ("targeted-activity", "Targeted Malicious Activity was Detected"),
    ("tcp-connection", "A TCP connection was detected"),
    ("trojan-activity", "A Network Trojan was detected"),
    ("unknown", "Unknown Traffic"),
    ("unsuccessful-user", "Unsuccessful User Privilege Gain"),
    (
        "unusual-client-port-connection",
        "A client was using an unusual port",
    ),
    (
        "web-application-activity",
        "access to a potentially vulnerable web application",
    ),
    ("web-application-attack", "Web Application Attack"),
];

/// The description of a standard class type; empty for another.
pub fn description(classtype: &str) -> &'static str {
    DESCRIPTIONS
        .binary_search_by_key(&classtype, |(name, _)| name)
        .ok()
        .and_then(|place| DESCRIPTIONS.get(place))
        .map_or("", |(_, text)| text)
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
        assert!(DESCRIPTIONS.is_sorted());
        let check = |classtype: &str, expect: &str| assert_eq!(description(classtype), expect);
        check("trojan-activity", "A Network Trojan was detected");
        check("web-application-attack", "Web Application Attack");
        check("of-our-own", "");
    }
}
