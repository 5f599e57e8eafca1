//! How the hosts on the tapped network take TCP.

use std::net::IpAddr;

use anyhow::{Context as _, bail};
use vonggac_inspect::{Checksums, Policy, StreamConfig, UrgentData};

/// How the hosts on the tapped network take TCP.
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
    /// How hosts read TCP segments that overlap, as in `10.1.0.0/16=linux`; may stand several times, the longest prefix counts. Policies:
    /// bsd (what no network says otherwise), windows, linux, old-linux, solaris, hpux10, hpux11, irix, macos, vista, windows2k3, first, last.
    #[arg(long = "host-policy", value_name = "NETWORK=POLICY", value_parser = HostPolicy::parse)]
    pub host_policies: Vec<HostPolicy>,
}

impl TcpSettings {
    /// Sets them.
    pub(crate) fn apply(&self, config: &mut StreamConfig) {
        config.midstream = self.midstream;
        config.checksums = match self.checksums.as_str() {
            "verify" => Checksums::Verify,
            "ignore" => Checksums::Ignore,
            _ => Checksums::Auto,
        };
        config.urgent_data = match self.urgent_data.as_str() {
            "inline" => UrgentData::Inline,
            _ => UrgentData::OutOfBand,
        };
        for HostPolicy {
            network,
            bits,
            policy,
        } in &self.host_policies
        {
            config.host_policies.add(*network, *bits, *policy);
        }
    }
}

/// How the hosts of one network read segments that overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPolicy {
    network: IpAddr,
    bits: u8,
    policy: Policy,
}

impl HostPolicy {
    fn parse(text: &str) -> Result<Self, String> {
        let (network, bits, policy) = host_policy(text).map_err(|error| format!("{error:#}"))?;
        Ok(Self {
            network,
            bits,
            policy,
        })
    }
}

fn host_policy(text: &str) -> anyhow::Result<(IpAddr, u8, Policy)> {
    let (network, name) = text.split_once('=').context("is not NETWORK=POLICY")?;
    let policy = Policy::named(name).with_context(|| {
        let names: Vec<&str> = Policy::NAMES.iter().map(|(name, _)| *name).collect();
        format!("{name} is none of {}", names.join(", "))
    })?;
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
    Ok((address, bits, policy))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_host_policy_is_a_network_and_a_name() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            host_policy("10.1.0.0/16=linux").unwrap(),
            (address("10.1.0.0"), 16, Policy::Linux)
        );
        assert_eq!(
            host_policy("2001:db8::1=windows").unwrap(),
            (address("2001:db8::1"), 128, Policy::Bsd)
        );
    }

    #[test]
    fn what_is_wrong_with_a_host_policy_is_said() {
        let said = |text: &str| format!("{:#}", host_policy(text).unwrap_err());
        assert_eq!(said("10.0.0.0/8"), "is not NETWORK=POLICY");
        assert!(said("10.0.0.0/8=plan9").starts_with("plan9 is none of first, "));
        assert_eq!(
            said("10.0.0.0/33=bsd"),
            "/33 is more than the 32 bits of an address"
        );
        assert!(said("10.0.0/8=bsd").starts_with("10.0.0 is no address"));
    }
}
