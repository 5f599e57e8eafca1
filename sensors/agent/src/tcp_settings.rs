//! How the hosts on the tapped network take TCP and fragments.

use std::net::IpAddr;

use anyhow::{Context as _, bail};
use vonggac_inspect::{Checksums, Config, FragmentPolicy, Policy, UrgentData};

/// How the hosts on the tapped network take TCP and fragments.
#[derive(Debug, Clone, clap::Args)]
pub struct TcpSettings {
    /// Follow TCP connections whose start was not seen.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub midstream: bool,
    /// What to make of packets with wrong checksums, which hosts drop: auto drops them unless their sender is seen to leave its checksums
    /// to its network card.
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = ["auto", "verify", "ignore"])]
    pub checksums: String,
    /// What to make of TCP's urgent byte: oob takes it out of the stream, as sockets do by default; inline leaves it in.
    #[arg(long, value_name = "HOW", default_value = "oob", value_parser = ["oob", "inline"])]
    pub urgent_data: String,
    /// How hosts read TCP segments and fragments that overlap, as in `10.1.0.0/16=linux`; may stand several times, the longest prefix counts.
    /// Policies: bsd (what no network says otherwise), windows, linux, old-linux, solaris, hpux10, hpux11, irix, macos, vista, windows2k3, first,
    /// last; bsd-right and old-solaris for fragments alone.
    #[arg(long = "host-policy", value_name = "NETWORK=POLICY", value_parser = HostPolicy::parse)]
    pub host_policies: Vec<HostPolicy>,
}

impl TcpSettings {
    /// Sets them.
    pub(crate) fn apply(&self, config: &mut Config) {
        let stream = &mut config.stream;
        stream.midstream = self.midstream;
        stream.checksums = match self.checksums.as_str() {
            "verify" => Checksums::Verify,
            "ignore" => Checksums::Ignore,
            _ => Checksums::Auto,
        };
        stream.urgent_data = match self.urgent_data.as_str() {
            "inline" => UrgentData::Inline,
            _ => UrgentData::OutOfBand,
        };
        for HostPolicy {
            network,
            bits,
            segments,
            fragments,
        } in &self.host_policies
        {
            if let Some(policy) = segments {
                stream.host_policies.add(*network, *bits, *policy);
            }
            if let Some(policy) = fragments {
                config.fragment_policies.add(*network, *bits, *policy);
            }
        }
    }
}

/// How the hosts of one network read what overlaps; a system may be known for one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPolicy {
    network: IpAddr,
    bits: u8,
    segments: Option<Policy>,
    fragments: Option<FragmentPolicy>,
}

impl HostPolicy {
    fn parse(text: &str) -> Result<Self, String> {
        host_policy(text).map_err(|error| format!("{error:#}"))
    }
}

fn host_policy(text: &str) -> anyhow::Result<HostPolicy> {
    let (network, name) = text.split_once('=').context("is not NETWORK=POLICY")?;
    let (segments, fragments) = (Policy::named(name), FragmentPolicy::named(name));
    if segments.is_none() && fragments.is_none() {
        let mut names: Vec<&str> = Policy::NAMES.iter().map(|(name, _)| *name).collect();
        names.extend(FragmentPolicy::NAMES.iter().map(|(name, _)| *name));
        names.sort_unstable();
        names.dedup();
        bail!("{name} is none of {}", names.join(", "));
    }
    let (address, bits) = match network.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (network, None),
    };
    let address: IpAddr = address
        .parse()
        .with_context(|| format!("{address} is no address"))?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits
            .parse()
            .with_context(|| format!("/{bits} is no prefix length"))?,
        None => width,
    };
    if bits > width {
        bail!("/{bits} is more than the {width} bits of an address");
    }
    Ok(HostPolicy {
        network: address,
        bits,
        segments,
        fragments,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_host_policy_is_a_network_and_a_name() {
        let table = [
            (
                "10.1.0.0/16=linux",
                "10.1.0.0",
                16,
                Some(Policy::Linux),
                FragmentPolicy::Linux,
            ),
            (
                "2001:db8::1=windows",
                "2001:db8::1",
                128,
                Some(Policy::Bsd),
                FragmentPolicy::Windows,
            ),
            (
                "10.9.0.7=bsd-right",
                "10.9.0.7",
                32,
                None,
                FragmentPolicy::BsdRight,
            ),
        ];
        for (text, network, bits, segments, fragments) in table {
            let expected = HostPolicy {
                network: network.parse().unwrap(),
                bits,
                segments,
                fragments: Some(fragments),
            };
            assert_eq!(host_policy(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_host_policy_is_said() {
        let said = |text: &str| format!("{:#}", host_policy(text).unwrap_err());
        assert_eq!(said("10.0.0.0/8"), "is not NETWORK=POLICY");
        assert!(said("10.0.0.0/8=plan9").starts_with("plan9 is none of bsd, bsd-right, first, "));
        assert_eq!(
            said("10.0.0.0/33=bsd"),
            "/33 is more than the 32 bits of an address"
        );
        assert!(said("10.0.0/8=bsd").starts_with("10.0.0 is no address"));
    }
}
