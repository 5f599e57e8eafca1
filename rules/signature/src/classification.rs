//! Default priorities of Suricata's standard class types.

/// The priority of a rule whose class type is missing or unknown.
pub(crate) const PRIORITY_DEFAULT: u8 = 3;

/// The priority, 1 (gravest) to 4, that a standard class type gives its rules.
pub fn classtype_priority(classtype: &str) -> Option<u8> {
    Some(match classtype {
        "attempted-admin"
        | "attempted-user"
        | "command-and-control"
        | "credential-theft"
        | "domain-c2"
        | "exploit-kit"
        | "inappropriate-content"
        | "policy-violation"
        | "shellcode-detect"
        | "successful-admin"
        | "successful-user"
        | "targeted-activity"
        | "trojan-activity"
        | "unsuccessful-user"
        | "web-application-attack" => 1,
        "attempted-dos"
        | "attempted-recon"
        | "bad-unknown"
        | "coin-mining"
        | "default-login-attempt"
        | "denial-of-service"
        | "external-ip-check"
        | "misc-attack"
        | "non-standard-protocol"
        | "pup-activity"
        | "rpc-portmap-decode"
        | "social-engineering"
        | "successful-dos"
        | "successful-recon-largescale"
        | "successful-recon-limited"
        | "suspicious-filename-detect"
        | "suspicious-login"
        | "system-call-detect"
        | "unusual-client-port-connection"
        | "web-application-activity" => 2,
        "icmp-event"
        | "misc-activity"
        | "network-scan"
        | "not-suspicious"
        | "protocol-command-decode"
        | "string-detect"
        | "unknown" => 3,
        "tcp-connection" => 4,
        _ => return None,
    })
}
