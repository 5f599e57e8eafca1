//! Names and keywords of protocols that are not read: rules that use them load, so that a public rule set does, and never match.
//!
//! A protocol leaves this list when its card comes.

/// Each protocol with the names that rules have for it, and its sticky keywords.
const UNREAD: &[(&[&str], &[&str])] = &[
    (&["http2"], &[]),
    (&["smtp"], &["smtp.helo", "smtp.mail_from", "smtp.rcpt_to"]),
    (&["ftp"], &["ftp.command", "ftp.command_data"]),
    (&["ftp-data"], &[]),
    (
        &["ssh"],
        &[
            "ssh.proto",
            "ssh_proto",
            "ssh.software",
            "ssh_software",
            "ssh.hassh",
            "ssh.hassh.server",
        ],
    ),
    (&["smb", "smb2", "smb3"], &[]),
    (&["dcerpc"], &[]),
    (&["quic"], &[]),
    (&["imap"], &[]),
    (&["pop3"], &[]),
    (&["rdp"], &[]),
    (&["snmp"], &[]),
    (&["ntp"], &[]),
    (&["dhcp"], &[]),
    (&["tftp"], &[]),
    (&["krb5"], &[]),
    (&["nfs"], &[]),
    (&["ike", "ikev2"], &[]),
    (&["ldap"], &[]),
    (&["sip"], &[]),
    (&["mqtt"], &[]),
    (&["rfb"], &[]),
    (&["telnet"], &[]),
    (&["dnp3"], &[]),
    (&["enip"], &[]),
];

/// Whether a protocol has this name in rules, though it is not read.
pub(crate) fn is_protocol(name: &str) -> bool {
    UNREAD.iter().any(|(names, _)| names.contains(&name))
}

/// The sticky keywords, each with its protocol.
pub(crate) fn buffers() -> impl Iterator<Item = (&'static str, &'static str)> {
    UNREAD.iter().flat_map(|(names, keywords)| {
        let protocol = names.first().copied().unwrap_or_default();
        keywords.iter().map(move |keyword| (protocol, *keyword))
    })
}
